/**
 * `effect-codex transcript show`: a recording as `run` would have shown it.
 */
import * as Notification from "@effect-codex/core/Notification"
import * as ResponseEvent from "@effect-codex/core/ResponseEvent"
import type * as Transcript from "@effect-codex/core/Transcript"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import * as Renderer from "../../../Renderer.ts"
import * as Tone from "../../../Tone.ts"
import { text, toggle } from "../../flags.ts"
import { approvalDecided, runWarning } from "../../ourEvents.ts"
import { openToLook, unreadable } from "../../recording/file.ts"
import { checkPair, comparisonOf, tell } from "../../recording/runs.ts"
import { comparisonText } from "../../transcriptPage/comparisonText.ts"
import { skippedNotes } from "../../transcriptPage/story.ts"

const flags = {
  files: Argument.String("FILE").pipe(
    Argument.withDescription("The newest file of a recording, or a rollout of codex"),
    Argument.variadic({ min: 1, max: 2 })
  ),
  compare: toggle("compare", "Compare two runs, turn by turn; only --full shows the items that are the same"),
  thread: text("thread", "ID", "Only the events of this thread"),
  verbose: toggle("verbose", "Show everything that the server says"),
  full: toggle("full", "Show long output of tools whole")
}

type Flags = Command.Command.Config.Infer<typeof flags>

const warning = (messageText: string): ResponseEvent.ResponseEvent => ({
  type: runWarning,
  phase: "system",
  threadId: "",
  messageText,
  raw: {}
})

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
    if ("skipped" in entry) return skippedNotes(entry).map(warning)
    if (!("decision" in entry)) return []
    const { by = "no engine decided", decision, reason, requestId } = entry.decision
    const { method = "", threadId = "" } = asked.get(requestId) ?? {}
    if (only !== undefined && threadId !== only) return []
    const messageText = `${method}: ${decision} (${by}${reason === undefined ? "" : `: ${reason}`})`
    return [{ type: approvalDecided, phase: "tool", threadId, messageText, raw: {} }]
  }
}

// The text to print.
const textOf = Effect.fnUntraced(function* (
  { compare, files, full, thread, verbose }: Flags,
  color: Exclude<Tone.Color, "auto">
): Effect.fn.Return<Stream.Stream<string, InvalidUsage>, InvalidUsage, FileSystem.FileSystem | Path.Path> {
  if (compare) {
    yield* checkPair(files)
    const comparison = comparisonOf(yield* Effect.forEach(files, (file) => tell(file, { hasFacts: true })))
    return comparison === undefined
      ? Stream.empty
      : Stream.succeed(comparisonText(comparison, Tone.painter(color), full || verbose))
  }
  const [file = "", ...others] = files
  if (others.length > 0) return yield* new InvalidUsage({ description: "Two files are shown with --compare alone." })
  const { entries, lacks } = yield* openToLook(file)
  const notes =
    lacks.length === 0 ? [] : [warning(`This is a rollout of codex. It does not have: ${lacks.join("; ")}.`)]
  return Stream.suspend(() => Stream.flattenIterable(Stream.map(entries, makeEvents(thread)))).pipe(
    Stream.prepend(notes),
    Renderer.render({ color, showSystem: verbose, full: full || verbose }),
    Stream.catch((error) => Stream.fromEffect(unreadable(file)(error)))
  )
})

const show = Effect.fn("transcript.show")(function* (flags: Flags) {
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stdoutIsTerminal
  const text = yield* textOf(flags, Tone.resolve("auto", { env: process.env, isTerminal }))
  yield* Stream.run(
    text,
    Sink.mapError(stdio.stdout(), () => undefined)
  ).pipe(
    // The reader of the pipe has seen enough.
    Effect.catchIf(Predicate.isUndefined, () => Effect.void)
  )
})

/** The command. */
export const command = Command.make("show", flags, show).pipe(
  Command.withDescription("Show a recording as `run` would have shown it"),
  Command.withExamples([
    { command: "effect-codex transcript show run.jsonl", description: "The work of the agent" },
    { command: "effect-codex transcript show run.jsonl --verbose | less", description: "Everything" },
    {
      command: "effect-codex transcript show --compare before.jsonl after.jsonl",
      description: "The differences of two runs"
    }
  ])
)
