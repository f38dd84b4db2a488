/**
 * Shows: a worker that takes prompts from a queue, two at a time, repeats transient failures, and stops at a common budget.
 *
 * Run it with your own codex and account:   npm run example -- queue-worker
 * Run it without either:                    npm run example -- queue-worker --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as CodexError from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

interface Job {
  readonly id: number
  readonly prompt: string
}

const work = ({ id, prompt }: Job) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const { text } = yield* codex.responses
      .create({ prompt, budget: { duration: "10 minutes" } })
      .pipe(Effect.retry(CodexError.retrySchedule))
    yield* Console.log(`job ${id}: ${text}`)
  }).pipe(
    // One failed job does not stop the others.
    Effect.catch((error) => Console.log(`job ${id} failed: ${error._tag}`))
  )

const program = Effect.gen(function* () {
  const jobs = yield* Queue.unbounded<Job, Cause.Done>()
  yield* Queue.offerAll(jobs, [
    { id: 1, prompt: "Summarize README.md in one sentence." },
    { id: 2, prompt: "List the exported functions of src/index.ts." },
    { id: 3, prompt: "Name one risk in package.json." }
  ])
  // A server would keep the queue open.
  yield* Queue.end(jobs)
  yield* Stream.fromQueue(jobs).pipe(Stream.mapEffect(work, { concurrency: 2, unordered: true }), Stream.runDrain)
})

const Main = Layer.merge(
  // After 250,000 tokens every further turn fails with `BudgetExceeded`.
  Codex.layer({ thread: { sandbox: "read-only" }, budget: { tokens: 250_000 } }),
  PolicyEngine.layerDeclineAll
).pipe(Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
