/**
 * Leaves turns at many moments and looks at what goes on afterwards, for the test of it and for `npm run sweep:leave`.
 */
import * as fs from "node:fs/promises"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import type { CodexError } from "@effect-codex/core/CodexError"
import type { PolicyEngine } from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

const { execCommand, reply, text } = MockModel

/** The model runs two commands that write into the file of the prompt, and then says so. */
export const script: MockModel.Script = (request) => {
  const file = /^leave (\S+)$/.exec(request.lastUserText)?.[1]
  if (file === undefined) return reply(text("later"))
  const calls = request.toolOutputs.length
  return calls < 2
    ? reply(execCommand({ cmd: `echo ${calls} >> ${file}; sleep 0.02; echo after >> ${file}` }))
    : reply(text("done"))
}

/** What is done with a turn, and how long after its start, in milliseconds, or at which of its events. */
export type Leave = (
  thread: Effect.Success<ReturnType<Codex.Codex["Service"]["thread"]["start"]>>,
  prompt: string,
  at: number
) => Effect.Effect<unknown, CodexError, PolicyEngine>

/** The ways to leave. */
export const leaves = {
  "an effect, after": (thread, prompt, at) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(thread.run(prompt), { startImmediately: true })
      yield* Effect.sleep(at)
      yield* Fiber.interrupt(fiber)
    }),
  "a scope, after": (thread, prompt, at) => Effect.scoped(Effect.andThen(thread.turn(prompt), Effect.sleep(at))),
  "an interrupt, after": (thread, prompt, at) =>
    Effect.scoped(
      Effect.gen(function* () {
        const turn = yield* thread.turn(prompt)
        yield* Effect.sleep(at)
        yield* turn.interrupt
      })
    ),
  "a budget of": (thread, prompt, at) => Effect.exit(thread.run({ prompt, budget: { duration: Math.max(1, at) } })),
  "a review, after": (thread, prompt, at) =>
    Effect.scoped(Effect.andThen(thread.review({ type: "custom", instructions: prompt }), Effect.sleep(at))),
  "a stream, at event": (thread, prompt, at) =>
    Effect.scoped(Effect.flatMap(thread.turn(prompt), (turn) => Stream.runDrain(Stream.take(turn.events, at))))
} satisfies Record<string, Leave>

/**
 * Leaves one turn. Tells what is wrong afterwards: a thread that is still active, a file that changed after the leave, a turn
 * that could not follow.
 */
export const leaveOnce = Effect.fnUntraced(function* (leave: Leave, at: number, name: string) {
  const codex = yield* Codex.Codex
  const { cwd } = yield* CodexTest.Home
  const file = path.join(cwd, name)
  const read = Effect.promise(() => fs.readFile(file, "utf8").catch(() => ""))
  const thread = yield* codex.thread.start({ approvalPolicy: "never", sandbox: "danger-full-access" })
  yield* leave(thread, `leave ${file}`, at)
  const left = yield* read
  const { status } = (yield* codex.request("thread/read", { threadId: thread.id })).thread
  // What would still go on has the time of a whole turn to show itself.
  const next = yield* Effect.exit(thread.run("and then"))
  const after = yield* read
  yield* codex.thread.unsubscribe(thread.id)
  yield* Effect.promise(() => fs.rm(file, { force: true }))
  return [
    ...(status.type === "active" ? ["the thread is active"] : []),
    ...(left === after ? [] : ["its file changed later"]),
    ...(next._tag === "Success" && next.value.text === "later" ? [] : ["no turn could follow"])
  ]
})
