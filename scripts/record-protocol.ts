/**
 * Records the messages between a program and the real codex in one turn with an approval: `npm run record:protocol`.
 *
 * Prints the lines of the connection, shortened: ids become letters, times and long values become `…`, and notifications that
 * do not help to learn the protocol are omitted. `docs/protocol.md` shows this transcript, with explanations in between.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { Frame } from "@effect-codex/core/AppServer"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

const { execCommand, reply, text } = MockModel

const shown = new Set([
  "thread/start",
  "thread/started",
  "turn/start",
  "turn/started",
  "item/started",
  "item/completed",
  "item/agentMessage/delta",
  "item/commandExecution/requestApproval",
  "serverRequest/resolved",
  "thread/tokenUsage/updated",
  "turn/completed"
])

// The keys that a reader needs; everything else is omitted.
const kept = new Set([
  "id",
  "method",
  "params",
  "result",
  "thread",
  "turn",
  "item",
  "threadId",
  "turnId",
  "itemId",
  "input",
  "type",
  "text",
  "status",
  "delta",
  "command",
  "cwd",
  "kind",
  "availableDecisions",
  "decision",
  "sandbox",
  "approvalPolicy",
  "exitCode",
  "requestId",
  "tokenUsage",
  "acceptWithExecpolicyAmendment",
  "execpolicy_amendment",
  "last",
  "totalTokens",
  "content"
])

const letters = new Map<string, string>()
const nameOf = (id: string, kind: string): string => {
  const known = letters.get(id)
  if (known !== undefined) return known
  const name = `${kind}-${String.fromCodePoint(65 + letters.size)}`
  letters.set(id, name)
  return name
}

const shorten = (value: unknown, key: string): unknown => {
  if (typeof value === "string") {
    if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(value)) return nameOf(value, key.replace(/Id$/, ""))
    return value.startsWith("/tmp/") ? "/work" : value
  }
  if (Array.isArray(value)) return value.map((entry) => shorten(entry, key))
  if (!Predicate.isReadonlyObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      kept.has(name) && field !== null ? [[name, shorten(field, name === "id" ? key : name)]] : []
    )
  )
}

const lines: Array<string> = []
const awaited = new Set<unknown>()
const take = ({ direction, text }: Frame) => {
  const message: unknown = JSON.parse(text)
  if (!Predicate.isReadonlyObject(message)) return
  const { id, method } = message
  const wanted = typeof method === "string" ? shown.has(method) : awaited.has(id)
  if (!wanted) return
  if (typeof method === "string" && id !== undefined) awaited.add(id)
  lines.push(`${direction === "in" ? "<" : ">"} ${JSON.stringify(shorten(message, ""))}`)
}

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  yield* codex.frames.pipe(
    Stream.runForEach((frame) => Effect.sync(() => take(frame))),
    Effect.ignore,
    Effect.forkChild({ startImmediately: true })
  )
  yield* codex.responses.create({ prompt: "Which files are here?" })
  yield* Effect.yieldNow
  yield* Console.log(lines.join("\n"))
})

const policy = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({ command: () => Effect.succeed({ decision: "decline", by: "the recording" }) })
)

program.pipe(
  Effect.provide(
    Layer.merge(
      CodexTest.layer([
        reply(execCommand({ cmd: "ls", escalate: "May I look around?" })),
        reply(text("I may ", "not look."))
      ]),
      policy
    )
  ),
  // Log lines do not belong to the transcript.
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  NodeRuntime.runMain
)
