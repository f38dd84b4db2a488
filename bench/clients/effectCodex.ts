/**
 * The workloads with effect-codex, through its public API.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { TurnError, TurnStreamError } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { approvalsOf, begin, heap, median, now, patience, prompt, readWorkload, type Sample, tell } from "./workload.ts"

const workload = readWorkload()

type Burst = typeof workload & { readonly kind: "burst" }

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

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

// Reads all notifications of the connection, until its only turn ends.
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
  const run = Effect.fnUntraced(function* (deltas: number, turns: number) {
    seen.text = 0
    const end = begin()
    const turn = read(codex.responses.events({ prompt: prompt({ deltas: deltas / turns, turns, bytes }) }))
    yield* Effect.forEach(upTo(turns), () => turn, unbounded)
    return end()
  })
  const runWatched = Effect.fnUntraced(function* (count: number) {
    const watched = yield* Effect.forEach(upTo(count), watch)
    const end = begin()
    yield* run(deltas, turns)
    yield* Effect.forEach(watched, Deferred.await, unbounded)
    return end()
  }, Effect.scoped)
  const runViewed = Effect.fnUntraced(function* (count: number) {
    seen.text = 0
    const end = begin()
    const thread = yield* codex.thread.start()
    const turn = yield* thread.turn(prompt({ deltas, bytes }))
    yield* Effect.forEach(upTo(count), () => read(turn.events), unbounded)
    return end()
  }, Effect.scoped)

  const before = heap()
  for (let left = open; left > 0; left--) yield* codex.thread.start()
  const opened = heap() - before
  yield* run(1, 1)
  const unit = seen.text
  yield* run(Math.ceil(deltas / 2 / turns) * turns, turns)
  yield* run(0, turns)
  const empty = yield* run(0, turns)
  const views = readers?.of === "turn" ? readers.count : 0
  const all = yield* views > 0 ? runViewed(views) : runWatched(readers?.count ?? 0)
  const expected = deltas * Math.max(1, views)
  return { ...all, cpu: all.cpu - empty.cpu, turn: empty.cpu / turns, opened, lost: expected - seen.text / unit }
})

const approvals = Effect.fnUntraced(function* (work: typeof workload & { readonly kind: "approvals" }) {
  const codex = yield* Codex.Codex
  const turn = (approvals: number) => codex.responses.create({ prompt: prompt({ deltas: 0, approvals }) })
  yield* turn(work.count / 2)
  const end = begin()
  const { text } = yield* turn(work.count)
  return { ...end(), ...approvalsOf(text, work) }
})

const requests = Effect.fnUntraced(function* (count: number, inFlight: number) {
  const run = (count: number) => Effect.forEach(upTo(count), () => echo, { concurrency: inFlight, discard: true })
  yield* run(count / 2)
  const end = begin()
  yield* run(count)
  const used = end()
  return { ...used, rate: (count / used.wall) * 1000 }
})

const reverse = Effect.fnUntraced(function* (pending: number, times: number) {
  const codex = yield* Codex.Codex
  const held = codex.request("model/list", { cursor: `reverse:${pending}` })
  const round = Effect.forEach(upTo(pending), () => held, unbounded)
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

const reenter = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  // The policy may use the connection too.
  const asks = PolicyEngine.make({
    command: () =>
      codex.request("account/read", {}).pipe(Effect.orDie, Effect.as({ decision: "accept" as const, by: "bench" }))
  })
  const approved = codex.responses
    .create({ prompt: prompt({ deltas: 0, approvals: 1 }) })
    .pipe(Effect.provideService(PolicyEngine.PolicyEngine, asks))
  const notified = Stream.runForEach(codex.responses.events({ prompt: prompt({ deltas: 1 }) }), ({ textDelta }) =>
    textDelta === undefined ? Effect.void : echo
  )
  const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.map(Effect.timeoutOption(effect, patience), (done) => (Option.isSome(done) ? 1 : 0))
  const end = begin()
  const works = { approval: yield* inTime(approved), notification: yield* inTime(notified) }
  return { ...end(), ...works }
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
      return approvals(workload)
    case "requests":
      return requests(workload.count, workload.inFlight)
    case "reverse":
      return reverse(workload.pending, workload.times)
    case "start":
      return start
    case "sleep":
      return sleep(workload.deltas)
    case "reenter":
      return reenter
    case "turns":
      return turns(workload.count)
    case "durable":
    case "rules":
    case "worst":
      return Effect.die(`${workload.kind} has a client of its own`)
  }
})

const { args, command, cwd, env } = workload.server
const Main = Layer.merge(
  // A turn of the largest deltas has more text than is kept by default.
  Codex.layer({ binary: command, args, cwd, env, acceptDelay: 0, maxTextLength: 2 ** 28 }),
  workload.kind === "approvals" && workload.decision === "decline"
    ? PolicyEngine.layerDeclineAll
    : PolicyEngine.layerAcceptAll
).pipe(Layer.provide(NodeServices.layer))

Effect.flatMap(run, (sample) => Effect.sync(() => tell(sample))).pipe(
  Effect.scoped,
  Effect.provide(Main),
  // Standard output is for the sample, and each refusal would log a line.
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  NodeRuntime.runMain
)
