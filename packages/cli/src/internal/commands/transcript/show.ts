/**
 * `effect-codex transcript show`: a recording as `run` would have shown it.
 */
import * as Notification from "@effect-codex/core/Notification"
import * as ResponseEvent from "@effect-codex/core/ResponseEvent"
import type * as Transcript from "@effect-codex/core/Transcript"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Renderer from "../../../Renderer.ts"
import * as Tone from "../../../Tone.ts"
import { text, toggle } from "../../flags.ts"
import { approvalDecided } from "../../ourEvents.ts"
import { file, open, unreadable } from "../../recording/file.ts"

const flags = {
  file,
  thread: text("thread", "ID", "Only the events of this thread"),
  verbose: toggle("verbose", "Show everything that the server says"),
  full: toggle("full", "Show long output of tools whole")
}

type Flags = Command.Command.Config.Infer<typeof flags>

// The events of one recording: those of each thread as that thread's turns had them.
const makeEvents = (only: string | undefined) => {
  const threads = new Map<string, ReturnType<typeof ResponseEvent.makeFromNotification>>()
  const asked = new Map<unknown, { readonly threadId: string; readonly method: string }>()

  const fromServer = (message: unknown): ReadonlyArray<ResponseEvent.ResponseEvent> => {
    if (!Predicate.isReadonlyObject(message) || typeof message["method"] !== "string") return []
    const { id, method, params } = message
    const threadId =
      Predicate.isReadonlyObject(params) && typeof params["threadId"] === "string" ? params["threadId"] : ""
    if (id !== undefined) {
      asked.set(id, { threadId, method })
      return []
    }
    if (only !== undefined && threadId !== only) return []
    const known = threads.get(threadId)
    const toEvent = known ?? ResponseEvent.makeFromNotification(threadId)
    threads.set(threadId, toEvent)
    const event = toEvent(Notification.decode({ method, params, raw: message }, 0))
    return known === undefined && threadId !== "" ? [ResponseEvent.threadReady(threadId), event] : [event]
  }

  return (entry: Transcript.Entry): ReadonlyArray<ResponseEvent.ResponseEvent> => {
    if ("in" in entry) return fromServer(entry.in)
    if (!("decision" in entry)) return []
    const { by = "no engine decided", decision, reason, requestId } = entry.decision
    const { method = "", threadId = "" } = asked.get(requestId) ?? {}
    if (only !== undefined && threadId !== only) return []
    const messageText = `${method}: ${decision} (${by}${reason === undefined ? "" : `: ${reason}`})`
    return [{ type: approvalDecided, phase: "tool", threadId, messageText, raw: {} }]
  }
}

const show = Effect.fn("transcript.show")(function* (flags: Flags) {
  const { entries } = yield* open(flags.file)
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stdoutIsTerminal
  const color = Tone.resolve("auto", { env: process.env, isTerminal })
  yield* Stream.suspend(() => Stream.flattenIterable(Stream.map(entries, makeEvents(flags.thread)))).pipe(
    Renderer.render({ color, showSystem: flags.verbose, full: flags.full || flags.verbose }),
    Stream.run(Sink.mapError(stdio.stdout(), () => undefined)),
    // The reader of the pipe has seen enough.
    Effect.catchIf(Predicate.isUndefined, () => Effect.void),
    Effect.catch(unreadable(flags.file))
  )
})

/** The command. */
export const command = Command.make("show", flags, show).pipe(
  Command.withDescription("Show a recording as `run` would have shown it"),
  Command.withExamples([
    { command: "effect-codex transcript show run.jsonl", description: "The work of the agent" },
    { command: "effect-codex transcript show run.jsonl --verbose | less", description: "Everything" }
  ])
)
