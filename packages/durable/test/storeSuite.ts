/** The rules that every kind of store keeps. */
import * as DurableError from "@effect-codex/durable/DurableError"
import * as Job from "@effect-codex/durable/Job"
import type { StoreFailed } from "@effect-codex/durable/DurableError"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import {
  admit,
  approval,
  begin,
  committing,
  completed,
  end,
  item,
  later,
  message,
  rollout,
  rolloutPath,
  spec,
  type Store,
  textOf,
  thread
} from "./storeSupport.ts"

const refusal = (error: { readonly _tag: string }) =>
  error instanceof DurableError.CommitRefused ? error.reason._tag : error._tag

/** Tries an effect, and gives the tag of the refusal. */
const refused = <A>(effect: Effect.Effect<A, { readonly _tag: string }>) =>
  Effect.match(effect, { onFailure: refusal, onSuccess: () => "accepted" })

/** A kind of store; `make` gives an empty one for each test. */
export const storeSuite = (kind: string, make: Effect.Effect<Store, StoreFailed, Scope.Scope>): void => {
  const test = <A, E>(name: string, run: (store: Store) => Effect.Effect<A, E, Scope.Scope>) =>
    it.effect(name, () => Effect.flatMap(make, run))

  describe(`${kind}: sessions`, () => {
    test("a session is opened once, and opening it again with an equal spec finds it", (store) =>
      Effect.gen(function* () {
        const opened = yield* store.openSession("s", spec)
        expect(opened).toEqual({ id: "s", spec, isRemoved: false, openedAt: 0, lastOffset: 0 })
        yield* TestClock.adjust("1 second")
        expect(yield* store.openSession("s", structuredClone(spec))).toEqual(opened)
        expect(yield* store.session("s")).toEqual(opened)
      }))

    test("another spec is a conflict that names the fields", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        const { tools: _, ...rest } = spec
        const other = { ...rest, tools: [], account: "second", onCrash: "fail" } as const
        const error = yield* Effect.flip(store.openSession("s", other))
        expect(error).toMatchObject({ _tag: "SpecConflict", session: "s" })
        expect(error instanceof DurableError.SpecConflict && [...error.fields].sort()).toEqual([
          "account",
          "onCrash",
          "tools"
        ])
      }))

    test("sessions are listed by id, by page and by tenant, without removed ones", (store) =>
      Effect.gen(function* () {
        for (const id of ["b", "d", "a", "c"]) {
          yield* store.openSession(id, id === "d" ? { ...spec, tenant: "other" } : spec)
        }
        yield* store.removeSession("b")
        const ids = Effect.fnUntraced(function* (options?: Parameters<Store["sessions"]>[0]) {
          return (yield* store.sessions(options)).map(({ id }) => id)
        })
        expect(yield* ids()).toEqual(["a", "c", "d"])
        expect(yield* ids({ after: "a", limit: 1 })).toEqual(["c"])
        expect(yield* ids({ tenant: "other" })).toEqual(["d"])
      }))

    test("everything about an unknown session says so", (store) =>
      Effect.gen(function* () {
        for (const effect of [
          store.session("x"),
          store.addJob({ session: "x", key: "k", prompt: "" }),
          store.job("x", "k"),
          store.jobs("x"),
          store.events("x"),
          store.requestInterrupt({ session: "x", key: "k", by: "me" }),
          store.removeSession("x")
        ]) {
          expect(yield* refused(effect)).toBe("UnknownSession")
        }
        const { epoch } = yield* store.lease()
        expect(yield* refused(committing(store, epoch, "x")({ type: "unblocked" }))).toBe("UnknownSession")
      }))
  })

  describe(`${kind}: jobs`, () => {
    test("the same key and prompt are the same job, and another prompt is a conflict", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        const prompt = [
          { type: "text", text: "Look." },
          { type: "localImage", path: "/a.png" }
        ] as const
        const first = yield* store.addJob({ session: "s", key: "k", prompt })
        expect(first).toMatchObject({ session: "s", key: "k", number: 1, prompt, state: "queued", attempts: [] })
        expect(yield* store.addJob({ session: "s", key: "k", prompt: structuredClone(prompt) })).toEqual(first)
        expect(yield* refused(store.addJob({ session: "s", key: "k", prompt: "Look." }))).toBe("KeyConflict")
        expect(yield* store.addJob({ session: "s", key: "l", prompt: "Look." })).toMatchObject({ number: 2 })
        expect((yield* store.jobs("s")).map(({ key }) => key)).toEqual(["k", "l"])
        expect((yield* store.jobs("s", { after: 1 })).map(({ key }) => key)).toEqual(["l"])
        expect(yield* refused(store.job("s", "m"))).toBe("UnknownJob")
      }))

    test("many senders of one key make one job", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        const send = store.addJob({ session: "s", key: "k", prompt: "Do it." })
        const jobs = yield* Effect.all(
          Array.from({ length: 20 }, () => send),
          { concurrency: "unbounded" }
        )
        expect(new Set(jobs.map(({ number }) => number))).toEqual(new Set([1]))
        expect(yield* store.jobs("s")).toHaveLength(1)
      }))

    test("strings of all kinds come back as they were sent", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        for (const [index, prompt] of ["", "'; DROP TABLE codex_jobs; --", "\u0000\ud800\u{1f600}\r\n"].entries()) {
          yield* store.addJob({ session: "s", key: `k${index}`, prompt })
          expect((yield* store.job("s", `k${index}`)).prompt).toBe(prompt)
        }
      }))

    test("a job goes from attempt to settlement, with one event for each step", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit({ type: "threadMapped", threadId: thread }, ...admit("k", 1, "t1"))
        expect(yield* store.job("s", "k")).toMatchObject({
          state: "running",
          attempts: [{ number: 1, epoch: 1, phase: "admitted", turnId: "t1", threadId: thread, messageId: "k#1" }]
        })
        const { events } = yield* commit(
          item("k", 1, "t1", "m1"),
          rollout(0, '{"end":"t1"}\n', ["t1"]),
          end("k", 1, "completed"),
          completed("k", "t1")
        )
        expect(events.map(({ offset }) => offset)).toEqual([2, 3, 4])
        const all = yield* store.events("s")
        expect(all.map(({ happening: { type }, offset }) => [offset, type])).toEqual([
          [1, "jobStarted"],
          [2, "itemCompleted"],
          [3, "attemptEnded"],
          [4, "jobSettled"]
        ])
        expect(all[1]?.happening).toEqual({ ...item("k", 1, "t1", "m1"), item: message("m1", "hello") })
        expect(yield* store.events("s", { after: 2, limit: 1 })).toEqual([all[2]])
        expect(yield* store.session("s")).toMatchObject({ threadId: thread, lastOffset: 4 })
        expect(yield* store.job("s", "k")).toMatchObject({
          state: "settled",
          outcome: { type: "completed", turnId: "t1", text: "done" },
          attempts: [{ phase: "ended", end: "completed" }]
        })
      }))

    test("a job settles once, and never while an attempt runs", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), rollout(0, "end\n", ["t1"]))
        expect(yield* refused(commit(completed("k", "t1")))).toBe("AttemptMismatch")
        yield* commit(end("k", 1, "completed"), completed("k", "t1"))
        for (const change of [
          completed("k", "t1"),
          { type: "jobSettled", key: "k", outcome: { type: "interrupted", by: "me" } },
          ...admit("k", 2, "t2").slice(0, 1),
          end("k", 1, "crashed")
        ] as const) {
          expect(yield* refused(commit(change))).toBe("JobSettled")
        }
        expect((yield* store.events("s")).filter(({ happening }) => happening.type === "jobSettled")).toHaveLength(1)
        expect(yield* refused(store.requestInterrupt({ session: "s", key: "k", by: "me" }))).toBe("AlreadySettled")
      }))

    test("an outcome with a turn needs the end of that turn in the rollout", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), rollout(0, "end of another\n", ["t0"]), end("k", 1, "completed"))
        expect(yield* refused(commit(completed("k", "t1")))).toBe("NoTurnEnd")
        expect(
          yield* refused(
            commit({ type: "jobSettled", key: "k", outcome: { type: "interrupted", turnId: "t1", by: "me" } })
          )
        ).toBe("NoTurnEnd")
        expect(yield* store.job("s", "k")).toMatchObject({ state: "running" })
        yield* commit(rollout(15, "end\n", ["t1"]), completed("k", "t1"))
        expect(yield* store.job("s", "k")).toMatchObject({ state: "settled" })
      }))

    test("attempts follow each other, and only the newest one moves", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        expect(yield* refused(commit(...admit("k", 2, "t2")))).toBe("AttemptMismatch")
        yield* commit({ type: "attemptStarted", key: "k", attempt: 1 })
        expect(yield* refused(commit({ type: "turnAdmitted", key: "k", attempt: 1, turnId: "t" }))).toBe(
          "AttemptMismatch"
        )
        expect(yield* refused(commit({ type: "attemptStarted", key: "k", attempt: 2 }))).toBe("AttemptMismatch")
        yield* commit(end("k", 1, "handedOver"), ...admit("k", 2, "t2").slice(0, 2))
        expect(yield* refused(commit({ type: "turnAdmitted", key: "k", attempt: 1, turnId: "t1" }))).toBe(
          "AttemptMismatch"
        )
        expect(yield* refused(commit(end("k", 1, "crashed")))).toBe("AttemptMismatch")
        yield* commit({ type: "turnAdmitted", key: "k", attempt: 2, turnId: "t2" })
        expect(yield* refused(commit({ type: "turnAdmitted", key: "k", attempt: 2, turnId: "t3" }))).toBe(
          "AttemptMismatch"
        )
        yield* commit({ type: "turnAdmitted", key: "k", attempt: 2, turnId: "t2" }, end("k", 2, "crashed"))
        const job = yield* store.job("s", "k")
        expect(job.attempts.map(({ end, number }) => [number, end])).toEqual([
          [1, "handedOver"],
          [2, "crashed"]
        ])
        expect(Job.countedAttempts(job)).toBe(1)
        expect(yield* refused(commit({ type: "attemptStarted", key: "nope", attempt: 1 }))).toBe("UnknownJob")
      }))

    test("a request for an interruption stays with the job, and the first one counts", (store) =>
      Effect.gen(function* () {
        yield* begin(store)
        yield* store.requestInterrupt({ session: "s", key: "k", by: "ann", reason: "too slow" })
        yield* store.requestInterrupt({ session: "s", key: "k", by: "bob" })
        expect((yield* store.job("s", "k")).interrupt).toEqual({ by: "ann", reason: "too slow", at: 0 })
      }))
  })

  describe(`${kind}: commits`, () => {
    test("a commit that is refused at its end changed nothing", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1))
        const before = {
          session: yield* store.session("s"),
          job: yield* store.job("s", "k"),
          events: yield* store.events("s"),
          approvals: yield* store.approvals(),
          rollouts: yield* store.rollouts("s")
        }
        expect(
          yield* refused(
            commit(
              { type: "threadMapped", threadId: "other" },
              { type: "blocked", block: { tag: "PolicyMissing", message: "gone" } },
              item("k", 1, "t1", "m1"),
              rollout(0, "line\n", ["t1"]),
              rollout(5, "line\n"),
              approval("b", "k", 1),
              { type: "approvalWithdrawn", approval: "a", reason: "over" },
              end("k", 1, "completed"),
              completed("k", "t1"),
              completed("k", "t1")
            )
          )
        ).toBe("JobSettled")
        expect({
          session: yield* store.session("s"),
          job: yield* store.job("s", "k"),
          events: yield* store.events("s"),
          approvals: yield* store.approvals(),
          rollouts: yield* store.rollouts("s")
        }).toEqual(before)
        expect(yield* refused(commit(end("k", 1, "completed"), completed("k", "t1")))).toBe("NoTurnEnd")
      }))

    test("an item is one event by its turn, id and type, whoever appends it again", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), item("k", 1, "t1", "m1", "first"))
        const { events } = yield* commit(
          item("k", 1, "t1", "m1", "again"),
          item("k", 1, "t2", "m1"),
          item("k", 1, "t1", "m2"),
          { ...item("k", 1, "t1", "m1"), item: { type: "plan", id: "m1", text: "" } } as never
        )
        expect(events.map(({ offset }) => offset)).toEqual([3, 4, 5])
        const unknown = (raw: unknown) => ({ ...item("k", 1, "t1", "m1"), item: { type: "unknown", raw } }) as never
        const future = yield* commit(
          unknown({ type: "hologram", id: "h1" }),
          unknown({ type: "hologram", id: "h2" }),
          unknown({ type: "hologram", id: "h1" }),
          unknown({ type: "smell" })
        )
        expect(future.events).toHaveLength(3)
        expect((yield* store.events("s"))[1]?.happening).toMatchObject({ item: { text: "first" } })
      }))

    test("commits of many sessions at once keep their own offsets without a gap", (store) =>
      Effect.gen(function* () {
        const { epoch } = yield* store.lease()
        const ids = Array.from({ length: 10 }, (_, index) => `s${index}`)
        for (const id of ids) {
          yield* store.openSession(id, spec)
          yield* store.addJob({ session: id, key: "k", prompt: "" })
        }
        yield* Effect.forEach(
          ids.flatMap((id) => Array.from({ length: 5 }, (_, index) => [id, index] as const)),
          ([id, index]) => committing(store, epoch, id)(item("k", 1, "t", `m${index}`)),
          { concurrency: "unbounded" }
        )
        for (const id of ids) {
          expect((yield* store.events(id)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5])
        }
      }))

    test("commits that can wait are written together, and each fails by itself", (store) =>
      Effect.gen(function* () {
        const { lease } = yield* begin(store)
        const commit = (change: ReturnType<typeof item>) =>
          Effect.exit(store.commit({ epoch: lease.epoch, session: "s", changes: [change] }))
        const fibers = yield* Effect.forEach(
          [item("k", 1, "t", "m1"), item("nope", 1, "t", "m2"), item("k", 1, "t", "m3")],
          (change) => Effect.forkChild(commit(change))
        )
        yield* TestClock.adjust("50 millis")
        const exits = yield* Effect.forEach(fibers, Fiber.join)
        expect(exits.map(Exit.isSuccess)).toEqual([true, false, true])
        expect((yield* store.events("s")).map(({ happening }) => "item" in happening && happening.item)).toEqual([
          message("m1", "hello"),
          message("m3", "hello")
        ])
      }))

    test("a block is listed with the session until it is taken away", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit({ type: "blocked", block: { tag: "PolicyMissing", message: "No policy `careful`." } })
        const block = { tag: "PolicyMissing", message: "No policy `careful`.", at: 0 }
        expect(yield* store.session("s")).toMatchObject({ block })
        expect(yield* store.work()).toMatchObject([{ session: { block }, job: { key: "k" } }])
        yield* commit({ type: "unblocked" })
        expect(yield* store.session("s")).not.toHaveProperty("block")
      }))

    test("a client lifts a block, and one that is not there too", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit({ type: "blocked", block: { tag: "WorkspaceMissing", message: "No folder." } })
        expect(yield* store.resumeSession({ session: "s", by: "ann" })).not.toHaveProperty("block")
        expect(yield* store.session("s")).not.toHaveProperty("block")
        yield* store.resumeSession({ session: "s", by: "ann" })
        expect(yield* refused(store.resumeSession({ session: "x", by: "ann" }))).toBe("UnknownSession")
      }))

    test("a block with a rollout stays until somebody has chosen and the owner has acted on it", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        const rollout = { threadId: thread, version: 1, choices: ["file", "stored"] } as const
        const block = { tag: "RolloutDiverged", message: "It differs.", rollout }
        yield* commit({ type: "blocked", block })
        yield* commit({ type: "blocked", block: { tag: "PolicyMissing", message: "No policy." } })
        expect(yield* store.session("s")).toMatchObject({ block })
        expect(yield* refused(commit({ type: "unblocked" }))).toBe("ChoiceNeeded")
        const needed = yield* Effect.flip(store.resumeSession({ session: "s", by: "ann" }))
        expect(needed).toMatchObject({ _tag: "ChoiceNeeded", session: "s", choices: ["file", "stored"] })
        yield* TestClock.adjust("1 second")
        yield* store.resumeSession({ session: "s", rollout: "stored", by: "ann" })
        yield* store.resumeSession({ session: "s", rollout: "file", by: "bob" })
        const choice = { rollout: "stored", by: "ann", at: 1000 }
        expect(yield* store.session("s")).toMatchObject({ block: { ...block, choice } })
        yield* commit({ type: "unblocked" })
        expect(yield* store.session("s")).not.toHaveProperty("block")
      }))

    test("a newer block with a rollout takes the place of one, and its choice is none", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        const lost = { threadId: thread, version: 1, choices: ["stored"] } as const
        yield* commit({ type: "blocked", block: { tag: "RolloutLost", message: "Gone.", rollout: lost } })
        expect(yield* refused(store.resumeSession({ session: "s", rollout: "file", by: "ann" }))).toBe("ChoiceNeeded")
        yield* store.resumeSession({ session: "s", rollout: "stored", by: "ann" })
        const newer = { threadId: thread, version: 2, choices: ["file", "stored"] } as const
        yield* commit({ type: "blocked", block: { tag: "RolloutDiverged", message: "It differs.", rollout: newer } })
        const { block } = yield* store.session("s")
        expect(block).toMatchObject({ tag: "RolloutDiverged", rollout: newer })
        expect(block).not.toHaveProperty("choice")
        expect(yield* refused(commit({ type: "unblocked" }))).toBe("ChoiceNeeded")
      }))
  })

  describe(`${kind}: approvals`, () => {
    test("a verdict for a request that waits is delivered once", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1))
        expect(yield* store.approvals()).toMatchObject([{ id: "a", state: "open", waitingEpoch: 1, session: "s" }])
        expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use: "delivered" }))).toBe(
          "VerdictUnavailable"
        )
        const { isWaiting } = yield* store.decide({ approval: "a", decision: "accept", by: "ann", reason: "fine" })
        expect(isWaiting).toBe(true)
        expect(yield* store.work()).toMatchObject([{ decided: [{ id: "a" }] }])
        expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use: "granted" }))).toBe(
          "VerdictUnavailable"
        )
        const { verdicts } = yield* commit({ type: "verdictUsed", approval: "a", use: "delivered" })
        expect(verdicts).toEqual([{ decision: "accept", by: "ann", reason: "fine", at: 0 }])
        for (const use of ["delivered", "granted"] as const) {
          expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use }))).toBe("VerdictUnavailable")
        }
        expect(yield* store.approval("a")).toMatchObject({ state: "used", use: "delivered" })
        expect((yield* store.events("s")).slice(1).map(({ happening: { type } }) => type)).toEqual([
          "approvalOpened",
          "approvalDecided"
        ])
      }))

    test("the first verdict counts", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1))
        const exits = yield* Effect.forEach(
          ["ann", "bob", "cid"],
          (by) => Effect.exit(store.decide({ approval: "a", decision: by === "ann" ? "accept" : "decline", by })),
          { concurrency: "unbounded" }
        )
        expect(exits.filter(Exit.isSuccess)).toHaveLength(1)
        const error = yield* Effect.flip(store.decide({ approval: "a", decision: "decline", by: "bob" }))
        expect(error).toMatchObject({ _tag: "AlreadyDecided", by: "ann", decision: "accept" })
        yield* commit({ type: "verdictUsed", approval: "a", use: "delivered" })
        expect(yield* refused(store.decide({ approval: "a", decision: "decline", by: "bob" }))).toBe("AlreadyDecided")
      }))

    for (const how of ["crashed", "handedOver"] as const) {
      test(`after an attempt that ${how} a verdict is a grant, for one use by a later attempt`, (store) =>
        Effect.gen(function* () {
          const { commit } = yield* begin(store)
          yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1), end("k", 1, how))
          const { isWaiting } = yield* store.decide({ approval: "a", decision: "accept", by: "ann" })
          expect(isWaiting).toBe(false)
          // The second attempt comes to its end without having asked again.
          yield* commit(...admit("k", 2, "t2"), end("k", 2, "failed"), ...admit("k", 3, "t3"))
          expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use: "delivered" }))).toBe(
            "VerdictUnavailable"
          )
          const use = commit({ type: "verdictUsed", approval: "a", use: "granted" })
          const exits = yield* Effect.all([Effect.exit(use), Effect.exit(use)], { concurrency: "unbounded" })
          expect(exits.filter(Exit.isSuccess)).toHaveLength(1)
          expect(yield* store.approval("a")).toMatchObject({ state: "used", use: "granted" })
        }))
    }

    test("a verdict that came before the crash and was not used is a grant for the next owner", (store) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* store.openSession("s", spec)
        yield* store.addJob({ session: "s", key: "k", prompt: "" })
        const first = yield* Scope.provide(store.lease(), scope)
        yield* committing(store, first.epoch)(...admit("k", 1, "t1"), approval("a", "k", 1))
        yield* store.decide({ approval: "a", decision: "accept", by: "ann" })
        yield* Scope.close(scope, Exit.void)
        const second = yield* store.lease()
        const commit = committing(store, second.epoch)
        expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use: "delivered" }))).toBe(
          "VerdictUnavailable"
        )
        yield* commit({ type: "verdictUsed", approval: "a", use: "granted" })
      }))

    test("a grant expires", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(
          ...admit("k", 1, "t1"),
          approval("a", "k", 1, { expiresAt: 1000 }),
          approval("b", "k", 1, { expiresAt: 1000 })
        )
        yield* commit(end("k", 1, "crashed"))
        yield* store.decide({ approval: "a", decision: "accept", by: "ann" })
        yield* TestClock.adjust("1 second")
        expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use: "granted" }))).toBe(
          "VerdictUnavailable"
        )
        expect(yield* refused(store.decide({ approval: "b", decision: "accept", by: "ann" }))).toBe("ApprovalGone")
      }))

    test("a request that can't be granted later is gone with its attempt", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1, { isGrantable: false }), approval("b", "k", 1))
        yield* commit({ type: "approvalParked", approval: "a" }, { type: "approvalParked", approval: "b" })
        expect(yield* store.approval("a")).toMatchObject({ state: "gone" })
        expect(yield* store.approval("b")).toMatchObject({ state: "open" })
        expect(yield* refused(store.decide({ approval: "a", decision: "accept", by: "ann" }))).toBe("ApprovalGone")
        expect((yield* store.decide({ approval: "b", decision: "accept", by: "ann" })).isWaiting).toBe(false)
      }))

    test("one that was waiting under an owner that is gone is not decided if it can't be granted", (store) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* store.openSession("s", spec)
        yield* store.addJob({ session: "s", key: "k", prompt: "" })
        const { epoch } = yield* Scope.provide(store.lease(), scope)
        yield* committing(store, epoch)(
          ...admit("k", 1, "t1"),
          approval("a", "k", 1, { isGrantable: false }),
          approval("b", "k", 1)
        )
        yield* Scope.close(scope, Exit.void)
        expect(yield* refused(store.decide({ approval: "a", decision: "accept", by: "ann" }))).toBe("ApprovalGone")
        expect((yield* store.decide({ approval: "b", decision: "accept", by: "ann" })).isWaiting).toBe(false)
      }))

    for (const how of ["completed", "interrupted"] as const) {
      test(`an attempt that ${how === "completed" ? "completes" : "is interrupted"} leaves no approval open`, (store) =>
        Effect.gen(function* () {
          const { commit } = yield* begin(store)
          yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1), end("k", 1, how))
          expect(yield* store.approval("a")).toMatchObject({ state: "gone", goneReason: "the turn is over" })
          expect(yield* refused(store.decide({ approval: "a", decision: "accept", by: "ann" }))).toBe("ApprovalGone")
        }))
    }

    test("a settled job leaves no approval, and no grant", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1), approval("b", "k", 1), end("k", 1, "crashed"))
        yield* store.decide({ approval: "a", decision: "accept", by: "ann" })
        yield* commit({
          type: "jobSettled",
          key: "k",
          outcome: { type: "failed", failure: { tag: "Crashed", message: "" } }
        })
        expect(yield* store.approvals({ states: ["open", "decided"] })).toEqual([])
        expect(yield* refused(commit({ type: "verdictUsed", approval: "a", use: "granted" }))).toBe(
          "VerdictUnavailable"
        )
      }))

    test("a request that the server withdraws needs no verdict", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1))
        yield* commit({ type: "approvalWithdrawn", approval: "a", reason: "the server withdrew it" })
        const error = yield* Effect.flip(store.decide({ approval: "a", decision: "accept", by: "ann" }))
        expect(error).toMatchObject({ _tag: "ApprovalGone", reason: "the server withdrew it" })
        expect(yield* refused(store.decide({ approval: "x", decision: "accept", by: "ann" }))).toBe("ApprovalGone")
      }))

    test("approvals are listed by session, tenant, state and page", (store) =>
      Effect.gen(function* () {
        const { commit, lease } = yield* begin(store)
        yield* store.openSession("t", { ...spec, tenant: "other" })
        yield* store.addJob({ session: "t", key: "k", prompt: "" })
        yield* commit(approval("a", "k", 1), approval("c", "k", 1), {
          type: "approvalWithdrawn",
          approval: "c",
          reason: ""
        })
        yield* committing(store, lease.epoch, "t")(approval("b", "k", 1))
        const ids = Effect.fnUntraced(function* (options?: Parameters<Store["approvals"]>[0]) {
          return (yield* store.approvals(options)).map(({ id }) => id)
        })
        expect(yield* ids()).toEqual(["a", "b"])
        expect(yield* ids({ session: "t" })).toEqual(["b"])
        expect(yield* ids({ tenant: "acme" })).toEqual(["a"])
        expect(yield* ids({ tenant: "acme", session: "t" })).toEqual([])
        expect(yield* ids({ states: ["open", "gone"], after: "a" })).toEqual(["b", "c"])
        expect(yield* ids({ states: [] })).toEqual([])
        expect(yield* refused(committing(store, lease.epoch, "t")({ type: "approvalParked", approval: "a" }))).toBe(
          "UnknownApproval"
        )
        yield* store.removeSession("t")
        expect(yield* ids()).toEqual(["a"])
        expect(yield* refused(store.approval("b"))).toBe("ApprovalGone")
        expect(yield* refused(store.decide({ approval: "b", decision: "accept", by: "ann" }))).toBe("ApprovalGone")
      }))
  })

  describe(`${kind}: rollouts`, () => {
    const read = Effect.fnUntraced(function* (store: Store, from?: number, version?: number) {
      return textOf(yield* Stream.runCollect(store.rolloutBytes({ session: "s", threadId: thread, from, version })))
    })

    test("bytes are appended where the stored ones end, and read from anywhere", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(rollout(0, "one\n"), rollout(4, "two\n"))
        yield* commit(rollout(8, ""), rollout(8, "three\n"))
        expect(yield* store.rollouts("s")).toEqual([{ threadId: thread, version: 1, path: rolloutPath, length: 14 }])
        for (let from = 0; from <= 15; from++) {
          expect(yield* read(store, from)).toBe("one\ntwo\nthree\n".slice(from))
        }
        for (const offset of [0, 4, 13, 15]) {
          expect(yield* refused(commit(rollout(offset, "x\n")))).toBe("RolloutMismatch")
        }
        const error = yield* Effect.flip(commit(rollout(4, "x\n")))
        expect(error).toMatchObject({ reason: { length: 14, offset: 4, version: 1 } })
      }))

    test("a rollout that diverged is a new version, and the old bytes stay", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(rollout(0, "one\n"))
        for (const change of [rollout(0, "x\n", [], 3), rollout(4, "x\n", [], 2), rollout(0, "x\n", [], 0)]) {
          expect(yield* refused(commit(change))).toBe("RolloutMismatch")
        }
        yield* commit(rollout(0, "other\n", [], 2))
        expect(yield* refused(commit(rollout(4, "two\n", [], 1)))).toBe("RolloutMismatch")
        expect(yield* read(store)).toBe("other\n")
        expect(yield* read(store, 0, 1)).toBe("one\n")
        expect((yield* store.rollouts("s")).map(({ length, version }) => [version, length])).toEqual([
          [1, 4],
          [2, 6]
        ])
      }))

    test("a rollout that is not there is empty, and sub-agents have their own", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        expect(yield* read(store)).toBe("")
        yield* commit(rollout(0, "one\n"), { ...rollout(0, "child\n"), threadId: "child" } as never)
        expect((yield* store.rollouts("s")).map(({ threadId }) => threadId)).toEqual(["child", thread])
      }))
  })

  describe(`${kind}: the owner`, () => {
    test("there is one owner, and each has a greater epoch", (store) =>
      Effect.gen(function* () {
        expect(yield* store.owner).toBeUndefined()
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(store.lease({ holder: "one" }), scope)
        expect(yield* store.owner).toEqual({ holder: "one", epoch: first.epoch, expiresAt: 15_000 })
        const error = yield* Effect.flip(Effect.scoped(store.lease({ holder: "two" })))
        expect(error).toMatchObject({ _tag: "StoreBusy", holder: "one" })
        yield* Scope.close(scope, Exit.void)
        expect(yield* store.owner).toBeUndefined()
        const second = yield* store.lease({ holder: "two" })
        expect(second.epoch).toBeGreaterThan(first.epoch)
      }))

    test("a lease is renewed for as long as its scope is open", (store) =>
      Effect.gen(function* () {
        const lease = yield* store.lease({ duration: "3 seconds" })
        for (let step = 0; step < 40; step++) {
          yield* TestClock.adjust("500 millis")
          const now = yield* Clock.currentTimeMillis
          let owner = yield* store.owner
          // A store that is another process renews in real time, which the clock of the test doesn't wait for. A renewal that
          // is not due yet, since the one before was late, comes with the next step.
          for (let call = 0; call < 200 && owner !== undefined && owner.expiresAt - now <= 2000; call++) {
            owner = yield* store.owner
          }
          // The store has it before the owner hears of it.
          for (let call = 0; call < 10; call++) owner = yield* store.owner
          expect(owner).toMatchObject({ epoch: lease.epoch })
        }
      }))

    test("an owner that was taken over hears of it, and can write nothing more", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        yield* store.addJob({ session: "s", key: "k", prompt: "" })
        const first = yield* store.lease({ duration: "3 seconds" })
        const lost = yield* Effect.forkChild(Effect.flip(first.lost))
        // As if the process had been stopped: time passes for everybody else.
        yield* takeOver(store)
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(lost)).toMatchObject({
          _tag: "StaleOwner",
          epoch: first.epoch,
          current: first.epoch + 1
        })
        const commit = committing(store, first.epoch)
        expect(yield* refused(commit(...admit("k", 1, "t1")))).toBe("StaleOwner")
        yield* store.removeSession("s")
        expect(yield* refused(store.purge({ epoch: first.epoch, session: "s" }))).toBe("StaleOwner")
      }))

    test("the end of an old owner does not end the lease of the new one", (store) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.provide(store.lease({ duration: "3 seconds" }), scope)
        yield* takeOver(store)
        yield* Scope.close(scope, Exit.void)
        expect(yield* store.owner).toMatchObject({ holder: "new" })
      }))

    test("work names sessions with an open job, oldest job first, and removed ones", (store) =>
      Effect.gen(function* () {
        const { commit, lease } = yield* begin(store)
        yield* store.openSession("idle", spec)
        yield* store.openSession("r", spec)
        yield* store.addJob({ session: "s", key: "l", prompt: "" })
        yield* store.removeSession("r")
        const work = Effect.map(store.work(), (all) => all.map(({ job, session }) => [session.id, job?.key]))
        expect(yield* work).toEqual([
          ["r", undefined],
          ["s", "k"]
        ])
        yield* commit({ type: "jobSettled", key: "k", outcome: { type: "interrupted", by: "me" } })
        yield* store.purge({ epoch: lease.epoch, session: "r" })
        expect(yield* work).toEqual([["s", "l"]])
        yield* commit({ type: "jobSettled", key: "l", outcome: { type: "interrupted", by: "me" } })
        expect(yield* work).toEqual([])
      }))

    test("a removed session is unknown at once, and purged it leaves nothing", (store) =>
      Effect.gen(function* () {
        const { commit, lease } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1), rollout(0, "x\n", ["t1"]))
        expect(yield* refused(store.purge({ epoch: lease.epoch, session: "s" }))).toBe("NotRemoved")
        yield* store.removeSession("s")
        expect(yield* refused(store.session("s"))).toBe("UnknownSession")
        expect(yield* refused(store.removeSession("s"))).toBe("UnknownSession")
        expect(yield* refused(store.openSession("s", spec))).toBe("SessionRemoved")
        // The owner still stores what it knows until its server has ended.
        yield* commit(end("k", 1, "interrupted"))
        yield* store.purge({ epoch: lease.epoch, session: "s" })
        yield* store.purge({ epoch: lease.epoch, session: "s" })
        expect(yield* store.rollouts("s")).toEqual([])
        expect(yield* store.openSession("s", { ...spec, tenant: "new" })).toMatchObject({ lastOffset: 0 })
        expect(yield* store.jobs("s")).toEqual([])
        expect(yield* store.events("s")).toEqual([])
        expect(yield* refused(store.approval("a"))).toBe("ApprovalGone")
        yield* store.addJob({ session: "s", key: "k", prompt: "" })
        expect(yield* refused(commit(...admit("k", 1, "t1"), end("k", 1, "completed"), completed("k", "t1")))).toBe(
          "NoTurnEnd"
        )
      }))
  })

  describe(`${kind}: owners that share`, () => {
    const share = (store: Store, holder: string) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
        const { epoch } = yield* Scope.provide(store.lease({ holder, isShared: true }), scope)
        return { epoch, end: Scope.close(scope, Exit.void), commit: committing(store, epoch) }
      })

    test("each writes to the sessions that it has claimed, and to no other", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        yield* store.addJob({ session: "s", key: "k", prompt: "" })
        const one = yield* share(store, "one")
        const two = yield* share(store, "two")
        expect(two.epoch).toBe(one.epoch + 1)
        expect(yield* refused(one.commit(...admit("k", 1, "t1")))).toBe("StaleOwner")
        yield* store.claim({ epoch: one.epoch, session: "s" })
        yield* store.claim({ epoch: one.epoch, session: "s" })
        yield* one.commit(...admit("k", 1, "t1"))
        expect(yield* Effect.flip(store.claim({ epoch: two.epoch, session: "s" }))).toMatchObject({
          _tag: "StoreBusy",
          holder: "one"
        })
        expect(yield* refused(two.commit(item("k", 1, "t1", "m1")))).toBe("StaleOwner")
        expect(yield* store.ownerOf("s")).toMatchObject({ holder: "one" })
        yield* store.release({ epoch: two.epoch, session: "s" })
        yield* one.commit(item("k", 1, "t1", "m1"))
        yield* store.release({ epoch: one.epoch, session: "s" })
        expect(yield* store.ownerOf("s")).toBeUndefined()
        yield* store.claim({ epoch: two.epoch, session: "s" })
        expect(yield* refused(one.commit(item("k", 1, "t1", "m2")))).toBe("StaleOwner")
        yield* two.commit(item("k", 1, "t1", "m2"))
        expect(yield* refused(store.claim({ epoch: two.epoch, session: "x" }))).toBe("UnknownSession")
        yield* store.removeSession("s")
        expect(yield* refused(store.purge({ epoch: one.epoch, session: "s" }))).toBe("StaleOwner")
        yield* store.purge({ epoch: two.epoch, session: "s" })
        yield* store.purge({ epoch: one.epoch, session: "s" })
      }))

    test("an owner that is alone shares with nobody", (store) =>
      Effect.gen(function* () {
        const one = yield* share(store, "one")
        expect(yield* refused(Effect.scoped(store.lease()))).toBe("StoreBusy")
        yield* one.end
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.lease({ holder: "alone" })
            expect(yield* refused(Effect.scoped(store.lease({ isShared: true })))).toBe("StoreBusy")
          })
        )
        const two = yield* share(store, "two")
        expect(two.epoch).toBe(one.epoch + 2)
        expect(yield* refused(store.claim({ epoch: one.epoch, session: "s" }))).toBe("UnknownSession")
        yield* store.openSession("s", spec)
        expect(yield* refused(store.claim({ epoch: one.epoch, session: "s" }))).toBe("StaleOwner")
      }))

    test("taking a session of an owner that is late ends its whole lease", (store) =>
      Effect.gen(function* () {
        for (const session of ["s", "t"]) {
          yield* store.openSession(session, spec)
          yield* store.addJob({ session, key: "k", prompt: "" })
        }
        const one = yield* store.lease({ isShared: true, duration: "3 seconds" })
        const lost = yield* Effect.forkChild(Effect.flip(one.lost))
        yield* store.claim({ epoch: one.epoch, session: "s" })
        yield* store.claim({ epoch: one.epoch, session: "t" })
        const two = yield* store.lease({ isShared: true, duration: "2 hours" })
        // As if the process had been stopped: time passes for everybody else.
        yield* Effect.provideServiceEffect(store.claim({ epoch: two.epoch, session: "s" }), Clock.Clock, later)
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(lost)).toMatchObject({ _tag: "StaleOwner", epoch: one.epoch })
        expect(yield* refused(committing(store, one.epoch, "t")({ type: "unblocked" }))).toBe("StaleOwner")
        expect((yield* store.work({ claim: "none" })).map(({ session }) => session.id)).toEqual(["t"])
      }))

    test("work is told by claim", (store) =>
      Effect.gen(function* () {
        for (const session of ["s", "t", "u"]) {
          yield* store.openSession(session, spec)
          yield* store.addJob({ session, key: "k", prompt: "" })
        }
        const one = yield* share(store, "one")
        const two = yield* share(store, "two")
        yield* store.claim({ epoch: one.epoch, session: "s" })
        yield* store.claim({ epoch: two.epoch, session: "t" })
        const ids = (claim?: number | "none") =>
          Effect.map(store.work({ claim }), (work) => work.map(({ session }) => session.id))
        expect(yield* ids()).toEqual(["s", "t", "u"])
        expect(yield* ids(one.epoch)).toEqual(["s"])
        expect(yield* ids(two.epoch)).toEqual(["t"])
        expect(yield* ids("none")).toEqual(["u"])
        yield* two.end
        expect(yield* ids("none")).toEqual(["t", "u"])
      }))

    test("a verdict is waited for by the owner that has the session, and by no other", (store) =>
      Effect.gen(function* () {
        yield* store.openSession("s", spec)
        yield* store.addJob({ session: "s", key: "k", prompt: "" })
        const one = yield* share(store, "one")
        const two = yield* share(store, "two")
        yield* store.claim({ epoch: one.epoch, session: "s" })
        yield* one.commit(...admit("k", 1, "t1"), approval("a", "k", 1), approval("b", "k", 1))
        const decide = (approval: string) =>
          Effect.map(store.decide({ approval, decision: "accept", by: "ann" }), ({ isWaiting }) => isWaiting)
        expect(yield* decide("a")).toBe(true)
        yield* store.release({ epoch: one.epoch, session: "s" })
        yield* store.claim({ epoch: two.epoch, session: "s" })
        expect(yield* decide("b")).toBe(false)
        expect(yield* refused(one.commit({ type: "verdictUsed", approval: "a", use: "delivered" }))).toBe("StaleOwner")
        yield* two.commit({ type: "verdictUsed", approval: "a", use: "granted" })
        expect(yield* refused(two.commit({ type: "verdictUsed", approval: "a", use: "granted" }))).toBe(
          "VerdictUnavailable"
        )
      }))

    test("a home that was not left takes what it has not stored with it", (store) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        const tail = Effect.map(store.job("s", "k"), ({ attempts }) => attempts.map(({ isTailLost }) => isTailLost))
        yield* commit({ type: "movedIn", home: "h1" }, ...admit("k", 1, "t1"))
        expect((yield* store.session("s")).home).toBe("h1")
        yield* commit({ type: "movedIn", home: "h1" }, { type: "movedOut" }, { type: "movedIn", home: "h2" })
        expect(yield* tail).toEqual([undefined])
        yield* commit({ type: "movedIn", home: "h3" })
        expect(yield* tail).toEqual([true])
        yield* commit(end("k", 1, "crashed"), { type: "attemptStarted", key: "k", attempt: 2 })
        yield* commit({ type: "movedIn", home: "h4" })
        expect(yield* tail).toEqual([true, undefined])
        yield* commit({ type: "movedOut" })
        expect((yield* store.session("s")).home).toBeUndefined()
      }))
  })

  describe(`${kind}: changes`, () => {
    test("each writing call is followed by an element, and there is one at the beginning", (store) =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        yield* Effect.forkChild(
          Stream.runForEach(store.changes, () => Effect.map(store.sessions(), ({ length }) => void seen.push(length)))
        )
        yield* Effect.repeat(Effect.yieldNow, { until: () => seen.length === 1 })
        yield* store.openSession("a", spec)
        yield* Effect.repeat(Effect.yieldNow, { until: () => seen.at(-1) === 1 })
        yield* store.openSession("b", spec)
        yield* Effect.repeat(Effect.yieldNow, { until: () => seen.at(-1) === 2 })
      }))
  })
}

/** Takes the lease an hour later. */
const takeOver = (store: Store) => Effect.provideServiceEffect(store.lease({ holder: "new" }), Clock.Clock, later)
