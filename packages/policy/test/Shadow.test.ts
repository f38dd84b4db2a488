import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Policy from "@effect-codex/policy/Policy"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { command } from "./judgeSupport.ts"

const request = command("true")

const behaviours = [
  "accept",
  "acceptForSession",
  "decline",
  "cancel",
  "abstain",
  "fail",
  "throw",
  "die",
  "hang"
] as const

const engineOf = (behaviour: (typeof behaviours)[number], by: string) =>
  PolicyEngine.make({
    command: () => {
      switch (behaviour) {
        case "abstain":
          return Effect.undefined
        case "fail":
          return Effect.fail(new PolicyFailed({ description: by }))
        case "throw":
          throw new Error(by)
        case "die":
          return Effect.die(by)
        case "hang":
          return Effect.never
        default:
          return Effect.succeed({ decision: behaviour, by })
      }
    }
  })

const collecting = () => {
  const compared: Array<Policy.Compared> = []
  const record = (each: Policy.Compared) => Effect.sync(() => compared.push(each)).pipe(Effect.asVoid)
  return { compared, record }
}

const exitOf = (engine: PolicyEngine.Engine) => Effect.exit(Effect.suspend(() => engine.command(request)))

describe("Policy.shadow", () => {
  it.effect.prop(
    "has the outcome of the live engine, whatever either of them does, without waiting for the candidate",
    [Schema.Literals(behaviours.filter((each) => each !== "hang")), Schema.Literals(behaviours)],
    ([live, candidate]) =>
      Effect.gen(function* () {
        const { record } = collecting()
        const engine = yield* Policy.shadow(engineOf(live, "live"), engineOf(candidate, "candidate"), { record })
        // No clock moves, so a candidate that hangs would hold it up for ever.
        const exit = yield* exitOf(engine)
        const alone = yield* exitOf(engineOf(live, "live"))
        expect(Exit.isSuccess(exit) ? exit.value : String(exit.cause)).toEqual(
          Exit.isSuccess(alone) ? alone.value : String(alone.cause)
        )
      }).pipe(Effect.scoped)
  )

  it.effect("records both verdicts, with who decided and why", () =>
    Effect.gen(function* () {
      const { compared, record } = collecting()
      const candidate = PolicyEngine.make({
        command: () => Effect.succeed({ decision: "decline", by: "strict", reason: "not today" })
      })
      const engine = yield* Policy.shadow(engineOf("accept", "live"), candidate, { record })
      yield* engine.command(request)
      yield* TestClock.adjust("1 second")
      expect(compared).toEqual([
        {
          kind: "command",
          threadId: "thread",
          turnId: "turn",
          live: { would: "accept", by: "live", reason: undefined },
          candidate: { would: "decline", by: "strict", reason: "not today" },
          differs: true,
          skipped: 0
        }
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("lets a candidate that takes too long fail, and asks no more than its share at a time", () =>
    Effect.gen(function* () {
      const { compared, record } = collecting()
      const engine = yield* Policy.shadow(engineOf("accept", "live"), engineOf("hang", "slow"), {
        record,
        timeout: "5 seconds",
        concurrency: 2
      })
      for (let requests = 0; requests < 5; requests++) yield* engine.command(request)
      yield* TestClock.adjust("6 seconds")
      expect(compared.map(({ candidate, skipped }) => [candidate.would, skipped])).toEqual([
        ["fail", 3],
        ["fail", 0]
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("does not put to the candidate what is for a person, and what was withdrawn", () =>
    Effect.gen(function* () {
      const { compared, record } = collecting()
      const asked = yield* Deferred.make<void>()
      const waiting = PolicyEngine.make({
        command: ({ params }) =>
          params.kind === "humanCommand"
            ? Effect.undefined
            : Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
      })
      const engine = yield* Policy.shadow(waiting, engineOf("accept", "candidate"), { record })
      yield* engine.command(command("true", { kind: "humanCommand" }))
      const fiber = yield* Effect.forkChild(engine.command(request))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      expect(compared).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.effect("logs a difference by default, and survives a record that fails", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => {
        lines.push(String(message))
      })
      const live = engineOf("accept", "live")
      const candidate = engineOf("decline", "candidate")
      yield* Effect.gen(function* () {
        const logged = yield* Policy.shadow(live, candidate)
        yield* logged.command(request)
        const broken = yield* Policy.shadow(live, candidate, { record: () => Effect.die("full") })
        yield* broken.command(request)
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(Logger.layer([logger])))
      expect(lines[0]).toContain("Shadow of a command request")
      expect(lines[1]).toContain("A shadow could not be recorded")
    }).pipe(Effect.scoped)
  )

  it.effect("refuses an invalid timeout and concurrency", () =>
    Effect.gen(function* () {
      const [a, b] = [engineOf("accept", "a"), engineOf("accept", "b")]
      expect(yield* Effect.flip(Policy.shadow(a, b, { timeout: 0 }))).toMatchObject({ path: "timeout" })
      expect(yield* Effect.flip(Policy.shadow(a, b, { concurrency: 0 }))).toMatchObject({ path: "concurrency" })
    }).pipe(Effect.scoped)
  )
})
