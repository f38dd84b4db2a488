import * as MemoryStore from "@effect-codex/durable/MemoryStore"
import type { StoreFailed, UnknownJob, UnknownSession } from "@effect-codex/durable/DurableError"
import { type Change, SessionStore } from "@effect-codex/durable/SessionStore"
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as path from "node:path"
import { approval, bytesOf, folder, item, spec, type Store, thread } from "./storeSupport.ts"

// Owners take over from each other at any moment and go on writing, as one does that was stopped and does not know. Each believes
// what it read last, so most of what it tries fits; some of it does not.

// 3 and more are whoever is the owner.
const Actor = Schema.Literals([0, 1, 2, 3, 4, 5, 6])
const Key = Schema.Literals(["k", "l"])
const Name = Schema.Literals(["a", "b", "c"])
const Small = Schema.Literals([1, 2, 3])

const Step = Schema.Union([
  Schema.Struct({ type: Schema.Literal("takeOver"), actor: Actor }),
  Schema.Struct({ type: Schema.Literal("start"), actor: Actor, key: Key }),
  Schema.Struct({ type: Schema.Literal("send"), actor: Actor, key: Key }),
  Schema.Struct({ type: Schema.Literal("admit"), actor: Actor, key: Key }),
  Schema.Struct({ type: Schema.Literal("item"), actor: Actor, key: Key, id: Name }),
  Schema.Struct({ type: Schema.Literal("append"), actor: Actor, length: Small, turn: Small }),
  Schema.Struct({ type: Schema.Literal("open"), actor: Actor, key: Key, approval: Name }),
  Schema.Struct({
    type: Schema.Literal("use"),
    actor: Actor,
    approval: Name,
    use: Schema.Literals(["delivered", "granted"])
  }),
  Schema.Struct({
    type: Schema.Literal("end"),
    actor: Actor,
    key: Key,
    how: Schema.Literals(["completed", "crashed", "handedOver"])
  }),
  Schema.Struct({ type: Schema.Literal("settle"), actor: Actor, key: Key, turn: Small }),
  Schema.Struct({ type: Schema.Literal("giveUp"), actor: Actor, key: Key }),
  // Many steps, one after the other.
  Schema.Struct({ type: Schema.Literal("turn"), actor: Actor, key: Key }),
  Schema.Struct({ type: Schema.Literal("ask"), actor: Actor, key: Key, approval: Name }),
  Schema.Struct({ type: Schema.Literal("decide"), approval: Name, decision: Schema.Literals(["accept", "decline"]) }),
  Schema.Struct({ type: Schema.Literal("interrupt"), key: Key })
])
type Step = typeof Step.Type

/** Steps of one round run at the same time. */
const Rounds = Schema.Array(Schema.Array(Step).check(Schema.isMaxLength(4))).check(Schema.isMaxLength(30))

/** Hours that the clock of each taker is ahead, so that every lease is over for it. */
const later = (hours: number) =>
  Effect.map(Clock.Clock, (clock): Clock.Clock => {
    const now = hours * 3_600_000
    return {
      currentTimeMillisUnsafe: () => now,
      currentTimeMillis: Effect.succeed(now),
      currentTimeNanosUnsafe: () => BigInt(now) * 1_000_000n,
      currentTimeNanos: Effect.succeed(BigInt(now) * 1_000_000n),
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep: (duration) => clock.sleep(duration)
    }
  })

/** What came of all runs: the properties would hold of owners that never get anything done, too. */
const totals = { settled: 0, used: 0, takeovers: 0 }

type DurableError = StoreFailed | UnknownJob | UnknownSession

const check = Effect.fnUntraced(function* (
  stores: readonly [Store, Store, Store],
  rounds: ReadonlyArray<ReadonlyArray<Step>>
) {
  const [store] = stores
  yield* store.openSession("s", spec)
  for (const key of ["k", "l"]) yield* store.addJob({ session: "s", key, prompt: "" })

  const epochs = [0, 0, 0]
  let takeovers = 0
  /** What was accepted, in the order in which the callers heard of it. */
  const settled: Array<string> = []
  const used: Array<string> = []
  const decided: Array<string> = []
  const appended: Array<number> = []
  let length = 0

  const run: (step: Step) => Effect.Effect<number | undefined, DurableError, Scope.Scope> = Effect.fnUntraced(
    function* (step) {
      if (step.type === "turn" || step.type === "ask") {
        const steps: ReadonlyArray<Step> =
          step.type === "turn"
            ? [
                { ...step, type: "start" },
                { ...step, type: "send" },
                { ...step, type: "admit" },
                ...([1, 2, 3] as const).map((turn) => ({ ...step, type: "append", length: 1, turn }) as const),
                { ...step, type: "end", how: "completed" },
                { ...step, type: "settle", turn: 1 }
              ]
            : [
                { ...step, type: "open" },
                { type: "decide", approval: step.approval, decision: "accept" },
                { ...step, type: "use", use: "delivered" },
                { ...step, type: "use", use: "granted" }
              ]
        yield* Effect.forEach(steps, run)
        return
      }
      if (step.type === "decide") {
        const exit = yield* Effect.exit(store.decide({ approval: step.approval, decision: step.decision, by: "ann" }))
        if (Exit.isSuccess(exit)) decided.push(step.approval)
        return
      }
      if (step.type === "interrupt") {
        yield* Effect.exit(store.requestInterrupt({ session: "s", key: step.key, by: "ann" }))
        return
      }
      const actor = step.actor > 2 ? Math.max(0, epochs.indexOf(Math.max(...epochs))) : step.actor
      const own = stores[actor] ?? store
      if (step.type === "takeOver") {
        takeovers += 2
        const lease = yield* Effect.exit(
          Effect.provideServiceEffect(own.lease({ duration: "1 hour" }), Clock.Clock, later(takeovers))
        )
        if (Exit.isSuccess(lease)) epochs[actor] = lease.value.epoch
        return
      }
      const epoch = epochs[actor] ?? 0
      const commit = (change: Change) =>
        Effect.exit(own.commit({ epoch, session: "s", changes: [change], isUrgent: true }))
      const newest = Effect.fnUntraced(function* (key: string) {
        return (yield* own.job("s", key)).attempts.length
      })
      const outcome = yield* Effect.gen(function* () {
        switch (step.type) {
          case "start":
            return yield* commit({ type: "attemptStarted", key: step.key, attempt: (yield* newest(step.key)) + 1 })
          case "send":
            return yield* commit({
              type: "promptSent",
              key: step.key,
              attempt: yield* newest(step.key),
              threadId: thread,
              messageId: step.key
            })
          case "admit": {
            const attempt = yield* newest(step.key)
            return yield* commit({ type: "turnAdmitted", key: step.key, attempt, turnId: `turn-${attempt}` })
          }
          case "item":
            return yield* commit(item(step.key, 1, "t", step.id, `from ${actor}`))
          case "append": {
            const change: Change = {
              type: "rolloutAppended",
              threadId: thread,
              path: "r.jsonl",
              version: 1,
              offset: length,
              bytes: bytesOf("x".repeat(step.length)),
              ends: [`turn-${step.turn}`]
            }
            const exit = yield* commit(change)
            if (Exit.isSuccess(exit)) {
              length += step.length
              appended.push(step.length)
            }
            return exit
          }
          case "open":
            return yield* commit(
              approval(step.approval, step.key, yield* newest(step.key), { expiresAt: Number.MAX_SAFE_INTEGER })
            )
          case "use":
            return yield* commit({ type: "verdictUsed", approval: step.approval, use: step.use })
          case "end":
            return yield* commit({
              type: "attemptEnded",
              key: step.key,
              attempt: yield* newest(step.key),
              end: step.how
            })
          case "settle":
            return yield* commit({
              type: "jobSettled",
              key: step.key,
              outcome: { type: "completed", turnId: `turn-${step.turn}`, text: `by ${actor}` }
            })
          case "giveUp":
            return yield* commit({
              type: "jobSettled",
              key: step.key,
              outcome: { type: "interrupted", by: `${actor}` }
            })
        }
      })
      if (Exit.isFailure(outcome)) return
      // A step that was accepted came from the newest owner: nobody takes over while nobody in this round does.
      if (step.type === "settle" || step.type === "giveUp") settled.push(step.key)
      if (step.type === "use") used.push(step.approval)
      return epoch
    }
  )

  yield* run({ type: "takeOver", actor: 0 })
  for (const round of rounds) {
    const isCalm = round.every(({ type }) => type !== "takeOver")
    const accepted = yield* Effect.forEach(round, run, { concurrency: "unbounded" })
    if (isCalm) for (const epoch of accepted) if (epoch !== undefined) expect(epoch).toBe(Math.max(...epochs))
  }

  totals.settled += settled.length
  totals.used += used.length
  totals.takeovers += takeovers / 2

  // No job settled twice, no verdict given or used twice, and none used that was not given.
  for (const names of [settled, used, decided]) expect(new Set(names).size).toBe(names.length)
  for (const name of used) expect(decided).toContain(name)

  const events = yield* store.events("s", { limit: 1000 })
  expect(events.map(({ offset }) => offset)).toEqual(events.map((_, index) => index + 1))
  expect((yield* store.session("s")).lastOffset).toBe(events.length)
  const named = events.map(({ happening }) => JSON.stringify("item" in happening ? happening.item : happening))
  expect(new Set(named).size).toBe(named.length)
  const items = events.flatMap(({ happening }) =>
    "item" in happening && happening.item.type === "agentMessage" ? [happening.item.id] : []
  )
  expect(new Set(items).size).toBe(items.length)

  for (const job of yield* store.jobs("s")) {
    const own = events.filter(({ happening }) => happening.key === job.key)
    const count = (type: string) => own.filter(({ happening }) => happening.type === type).length
    expect(count("jobSettled")).toBe(job.state === "settled" ? 1 : 0)
    expect(settled.includes(job.key)).toBe(job.state === "settled")
    expect(count("jobStarted")).toBe(job.attempts.length)
    expect(count("attemptEnded")).toBe(job.attempts.filter(({ phase }) => phase === "ended").length)
    // Only the newest attempt can be running, and none of a settled job is.
    expect(
      job.attempts.slice(0, job.state === "settled" ? undefined : -1).every(({ phase }) => phase === "ended")
    ).toBe(true)
    if (job.outcome?.type === "completed") expect(job.outcome.turnId).toMatch(/^turn-/)
  }
  const [stored] = yield* store.rollouts("s")
  expect(stored?.length ?? 0).toBe(appended.reduce((sum, length) => sum + length, 0))
})

const memory = Effect.map(Layer.build(Layer.fresh(MemoryStore.layer)), (context): readonly [Store, Store, Store] => {
  const store = Context.get(context, SessionStore)
  return [store, store, store]
})
/** Three connections to one file. */
const sqlite = Effect.gen(function* () {
  const file = path.join(yield* folder, "sessions.db")
  const open = SqliteStore.make({ file })
  return [yield* open, yield* open, yield* open] as const
})

describe("owners that take over from each other at any moment", () => {
  const property = (
    name: string,
    stores: Effect.Effect<readonly [Store, Store, Store], StoreFailed, Scope.Scope>,
    runs: number
  ) =>
    it.effect.prop(
      `settle no job twice, use no verdict twice and leave no gap: ${name}`,
      [Rounds],
      ([rounds]) => Effect.scoped(Effect.flatMap(stores, (stores) => check(stores, rounds))),
      { arbitrary: { runs, size: 100 }, timeout: 120_000 }
    )

  property("in memory", memory, 200)
  property("in a SQLite file with three connections", sqlite, 25)

  it("get something done", () => {
    expect(Math.min(...Object.values(totals))).toBeGreaterThan(50)
  })
})
