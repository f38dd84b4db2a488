/**
 * The simulation itself: that it is the same each time, that it shrinks what it finds, and that it finds what is wrong.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { Simulation } from "@effect-codex/core/testing"
import { Step } from "@effect-codex/core/testing/SimulationStep"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { approvesByItem, retriesAnything, promptsOnce, onlyReads } from "../../../../examples/simulation/naive.ts"
import { workload } from "./workload.ts"

describe("a run", () => {
  it.live("of a seed is the same each time, to the letter", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 10; seed++) {
        const options = { ...workload, seed, steps: 60, trace: true }
        const [first, second] = [yield* Simulation.run(options), yield* Simulation.run(options)]
        expect(second.trace).toEqual(first.trace)
        expect(first.trace.length).toBeGreaterThan(60)
      }
    })
  )

  it.live("of another seed is another one", () =>
    Effect.gen(function* () {
      const [first, second] = [
        yield* Simulation.run({ ...workload, seed: 1 }),
        yield* Simulation.run({ ...workload, seed: 2 })
      ]
      expect(second.steps).not.toEqual(first.steps)
    })
  )

  it.live("goes through a day in no time", () =>
    Effect.gen(function* () {
      const steps: ReadonlyArray<Step> = [{ _tag: "Advance", salt: 1, millis: 86_400_000 }]
      expect((yield* Simulation.run({ ...workload, seed: 1, steps })).virtualMillis).toBeGreaterThanOrEqual(86_400_000)
    })
  )

  it("has steps that can be written down and read again", () => {
    const { steps } = Effect.runSync(Effect.succeed({ steps: Simulation.plan(7, 500, ["act"]) }))
    const json = Schema.fromJsonString(Schema.Array(Step))
    expect(Schema.decodeUnknownSync(json)(JSON.stringify(steps))).toEqual(steps)
  })
})

describe("a violation", () => {
  const failsOn = (count: number): Simulation.Options => ({
    perRun: () => {
      let acts = 0
      return {
        actions: {
          act: () =>
            Effect.flatMap(Simulation.Simulated, ({ violate }) => {
              acts++
              return acts >= count ? violate("few acts", `there were ${acts}`) : Effect.void
            })
        }
      }
    }
  })

  it.live("is shrunk to the steps that it takes", () =>
    Effect.gen(function* () {
      const { failure, runs } = yield* Simulation.explore({ ...failsOn(3), seeds: 50 })
      expect(runs).toBeLessThan(50)
      expect(failure?.violation).toMatchObject({ law: "few acts", text: "there were 3" })
      expect(failure?.steps.map(({ _tag }) => _tag)).toEqual(["Act", "Act", "Act"])
    })
  )

  it.live("is a defect of the program, wherever it comes from", () =>
    Effect.gen(function* () {
      const program = Effect.die(new Error("a defect"))
      const { violation } = yield* Simulation.run({ program, seed: 1, steps: 1 })
      expect(violation).toMatchObject({ law: "nothing breaks" })
    })
  )

  it.live("is a call that never ends", () =>
    Effect.gen(function* () {
      const { violation } = yield* Simulation.run({ program: Effect.never, seed: 1, steps: 1 })
      expect(violation).toMatchObject({ law: "every call ends" })
    })
  )
})

describe("a naive client", () => {
  it.live("that tries a turn again after any error is found to give a prompt to the model twice", () =>
    Effect.gen(function* () {
      const { failure } = yield* Simulation.explore({ program: retriesAnything, laws: [promptsOnce], seeds: 200 })
      expect(failure?.violation?.law).toBe(promptsOnce.name)
      expect(failure?.steps.length).toBeLessThan(8)
    })
  )

  it.live("that approves by the id of the item is found to run a command that it never looked at", () =>
    Effect.gen(function* () {
      const { failure } = yield* Simulation.explore({
        perRun: approvesByItem,
        commands: ["git status", "rm -rf build"],
        laws: [onlyReads],
        seeds: 200
      })
      expect(failure?.violation?.law).toBe(onlyReads.name)
    })
  )

  it.live("and one that is not, is not", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(Codex.Codex, ({ responses }) => responses.create({ prompt: "once" }))
      const { failure } = yield* Simulation.explore({
        program,
        policy: PolicyEngine.make({
          command: ({ params }) =>
            Effect.succeed({ decision: params.command === "git status" ? "accept" : "decline", by: "example" })
        }),
        commands: ["git status", "rm -rf build"],
        laws: [promptsOnce, onlyReads],
        seeds: 200
      })
      expect(failure).toBeUndefined()
    })
  )
})
