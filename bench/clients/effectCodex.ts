/**
 * The workloads with effect-codex, through its public API.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { TurnError, TurnStreamError } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { approvalTimes, begin, median, now, patience, prompt, readWorkload, type Sample, tell } from "./workload.ts"

const workload = readWorkload()

type Burst = typeof workload & { readonly kind: "burst" }

const unbounded = { concurrency: "unbounded", discard: true } as const

const echo = Effect.flatMap(Codex.Codex, (codex) => codex.request("account/read", {}))

// Consumes as a program would, and adds up the text.
const consumer = (consume: Burst["consume"]) => {
  const seen = { text: 0 }
  const add = (event: { readonly textDelta?: string }) => {
    seen.text += event.textDelta?.length ?? 0
  }
  const read = <E, R>(events: Stream.Stream<{ readonly textDelta?: string }, E, R>) =>
    consume === "chunks"
      ? Stream.runForEachArray(events, (chunk) => Effect.sync(() => chunk.forEach(add)))
      : Stream.runForEach(events, (event) => Effect.sync(() => add(event)))
  return { read, seen }
}

// All notifications of the connection, up to the end of the one turn that there is.
const watch = Effect.fnUntraced(function* () {
  const codex = yield* Codex.Codex
  const notifications = yield* codex.subscribe
  const ended = yield* Deferred.make<void>()
  yield* Stream.runForEachArray(notifications, (chunk) =>
    chunk.some(({ method }) => method === "turn/completed") ? Deferred.succeed(ended, undefined) : Effect.void
  ).pipe(Effect.forkScoped)
  return ended
})

const burst = Effect.fnUntraced(function* ({ bytes, consume, deltas, open = 0, readers, turns }: Burst) {
  const codex = yield* Codex.Codex
  const { read, seen } = consumer(consume)
  const run = (deltas: number, turns: number) => {
    const turn = read(codex.responses.events({ prompt: prompt({ deltas: Math.round(deltas / turns), turns, bytes }) }))
    return Effect.forEach(Arr.range(1, turns), () => turn, unbounded)
  }
  const runViewed = Effect.fnUntraced(function* (views: number) {
    const thread = yield* codex.thread.start()
    const turn = yield* thread.turn(prompt({ deltas, bytes }))
    yield* Effect.forEach(Arr.range(1, views), () => read(turn.events), unbounded)
  }, Effect.scoped)

  const before = begin()
  for (let left = open; left > 0; left--) yield* codex.thread.start()
  const { rss: opened } = before()
  yield* run(1, 1)
  const unit = seen.text
  yield* run(Math.ceil(deltas / 10), 1)
  seen.text = 0
  const watched = yield* Effect.forEach(Arr.range(1, readers?.of === "connection" ? readers.count : 0), watch)
  const end = begin()
  if (readers?.of === "turn") yield* runViewed(readers.count)
  else yield* run(deltas, turns)
  yield* Effect.forEach(watched, Deferred.await, unbounded)
  const expected = Math.round(deltas / turns) * turns * (readers?.of === "turn" ? readers.count : 1)
  return { ...end(), opened, lost: expected - seen.text / unit }
})

const approvals = Effect.fnUntraced(function* (count: number) {
  const codex = yield* Codex.Codex
  const turn = (approvals: number) => codex.responses.create({ prompt: prompt({ deltas: 0, approvals }) })
  yield* turn(count / 10)
  const end = begin()
  const { text } = yield* turn(count)
  return { ...end(), ...approvalTimes(text) }
})

const requests = Effect.fnUntraced(function* (count: number, inFlight: number) {
  const run = (count: number) =>
    Effect.forEach(Arr.range(1, count), () => echo, { concurrency: inFlight, discard: true })
  yield* run(count / 10)
  const end = begin()
  yield* run(count)
  const used = end()
  return { ...used, rate: (count / used.wall) * 1000 }
})

const reverse = Effect.fnUntraced(function* (pending: number, times: number) {
  const codex = yield* Codex.Codex
  const held = codex.request("model/list", { cursor: `reverse:${pending}` })
  const round = Effect.forEach(Arr.range(1, pending), () => held, unbounded)
  yield* round
  const end = begin()
  for (let left = times; left > 0; left--) yield* round
  return { ...end() }
})

const start = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  yield* echo
  const first = now()
  yield* codex.responses.create({ prompt: prompt({ deltas: 1 }) })
  return { first, turn: now() }
})

const sleep = Effect.fnUntraced(function* (deltas: number) {
  const codex = yield* Codex.Codex
  const { read, seen } = consumer("each")
  yield* read(codex.responses.events({ prompt: prompt({ deltas: 1 }) }))
  const unit = seen.text
  seen.text = 0
  let answered = 0
  const end = begin()
  yield* codex.responses.events({ prompt: prompt({ deltas }) }).pipe(
    Stream.tap(({ textDelta, threadId, turnId }) => {
      if (answered === 1 || textDelta === undefined) return Effect.void
      answered = 1
      const drained = codex.request("turn/steer", { threadId, expectedTurnId: turnId ?? "", input: [] })
      return Effect.andThen(echo, drained)
    }),
    read
  )
  return { ...end(), answered, lost: deltas - seen.text / unit }
})

const reenter = Effect.fnUntraced(function* (from: "approval" | "notification") {
  const codex = yield* Codex.Codex
  const handled = codex.responses.events({ prompt: prompt({ deltas: 1, approvals: 1 }) }).pipe(
    Stream.tap(({ textDelta }) => (from === "notification" && textDelta !== undefined ? echo : Effect.void)),
    Stream.runDrain
  )
  // Whoever decides on approvals has the connection too.
  const asks = PolicyEngine.make({
    command: () =>
      Effect.as(Effect.orDie(codex.request("account/read", {})), { decision: "accept" as const, by: "bench" })
  })
  const done = from === "approval" ? Effect.provideService(handled, PolicyEngine.PolicyEngine, asks) : handled
  const works = yield* Effect.timeoutOption(done, patience)
  return { works: works._tag === "Some" ? 1 : 0 }
})

const turns = Effect.fnUntraced(function* (count: number) {
  const codex = yield* Codex.Codex
  const took: Array<number> = []
  for (let index = 0; index < count; index++) {
    const end = begin()
    yield* echo
    yield* codex.responses.create({ prompt: "Reply with exactly: READY" })
    took.push(end().wall)
  }
  return { turn: median(took.slice(Math.ceil(count / 5))) }
})

type Work = Effect.Effect<Sample, TurnError | TurnStreamError, Codex.Codex | PolicyEngine.PolicyEngine | Scope.Scope>

const run = Effect.suspend((): Work => {
  switch (workload.kind) {
    case "burst":
      return burst(workload)
    case "approvals":
      return approvals(workload.count)
    case "requests":
      return requests(workload.count, workload.inFlight)
    case "reverse":
      return reverse(workload.pending, workload.times)
    case "start":
      return start
    case "sleep":
      return sleep(workload.deltas)
    case "reenter":
      return reenter(workload.from)
    case "turns":
      return turns(workload.count)
  }
})

const { args, command, cwd, env } = workload.server
const Main = Layer.merge(
  Codex.layer({ binary: command, args, cwd, env, acceptDelay: 0 }),
  workload.kind === "approvals" && workload.decision === "decline"
    ? PolicyEngine.layerDeclineAll
    : PolicyEngine.layerAcceptAll
).pipe(Layer.provide(NodeServices.layer))

Effect.flatMap(run, (sample) => Effect.sync(() => tell(sample))).pipe(
  Effect.scoped,
  Effect.provide(Main),
  NodeRuntime.runMain
)
