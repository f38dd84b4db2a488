/**
 * effect-codex, through its public API alone.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { begin, readScenario, ready, report, serverArgs } from "../scenario.ts"

const scenario = readScenario()
const { deltas = 0, depth = 1, kind, open = 0, requests = 0, subscribers = 0, turns = 1 } = scenario

const textOf = (event: { readonly textDelta?: string }) => event.textDelta?.length ?? 0

const measured = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  if (kind === "startup") {
    yield* codex.request("account/read", {})
    ready()
    return begin()()
  }
  for (let n = 0; n < open; n++) yield* codex.thread.start()

  if (kind === "echo" || kind === "reverse") {
    const end = begin()
    const method = kind === "echo" ? codex.request("account/read", {}) : codex.request("model/list", {})
    yield* Effect.forEach(Array.from({ length: requests }), () => method, {
      concurrency: kind === "echo" ? depth : "unbounded",
      discard: true
    })
    return end()
  }

  let text = 0
  yield* Effect.forEach(Array.from({ length: subscribers }), () =>
    Effect.forkScoped(Effect.ignore(Stream.runForEachArray(codex.notifications, () => Effect.void)))
  )
  const threads = yield* Effect.forEach(Array.from({ length: turns }), () => codex.thread.start())
  const end = begin()
  yield* Effect.forEach(
    threads,
    ({ id }) => {
      const events = codex.responses.events({ threadId: id, prompt: "Go" })
      if (kind === "sleep") {
        // Awake only when all has come: a request that is answered inside of the handler takes its place in the line.
        return Stream.runForEach(events, (event) => {
          text += textOf(event)
          return event.type === "thread/ready" ? asleep(codex) : Effect.void
        })
      }
      return scenario.consumer === "each"
        ? Stream.runForEach(events, (event) =>
            Effect.sync(() => {
              text += textOf(event)
            })
          )
        : Stream.runForEachArray(events, (chunk) =>
            Effect.sync(() => {
              for (const event of chunk) text += textOf(event)
            })
          )
    },
    { concurrency: "unbounded", discard: true }
  )
  return end(text, text >= deltas)
})

// Sleeps until the server has said everything.
const asleep = (codex: Codex.Codex["Service"]) =>
  Effect.gen(function* () {
    const thread = yield* Stream.runHead(
      Stream.filter(codex.notifications, ({ method }) => method === "turn/completed")
    )
    yield* codex.request("account/read", {})
    return thread
  })

const policy = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    return PolicyEngine.make({
      command: () =>
        Effect.as(kind === "reenter" ? Effect.orDie(codex.request("model/list", {})) : Effect.void, {
          decision: scenario.decision ?? "decline",
          by: "bench"
        })
    })
  })
)

Effect.runPromise(
  measured.pipe(
    Effect.scoped,
    Effect.provide(
      policy.pipe(
        Layer.provideMerge(
          Codex.layer({ binary: scenario.server, args: serverArgs(scenario), acceptDelay: 0 }).pipe(
            Layer.provide(NodeServices.layer)
          )
        )
      )
    )
  )
).then(report, (error) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
