import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Audit from "@effect-codex/policy/Audit"
import * as Human from "@effect-codex/policy/Human"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { commandRequest } from "./rulesSupport.ts"

// What a caller without types may pass.
const unchecked = (value: unknown): never => value as never

const times = [Number.NaN, 0, -1, "0 seconds", "5 parsecs", "soon", { second: 1 }, { seconds: Number.NaN }, true]
const endless = [Infinity, Duration.infinity]
const numbers = [Number.NaN, 0, -1, 1.5, Infinity, "1"]

const judge = [
  ...[...times, ...endless].map((value) => ["timeout", { timeout: value }] as const),
  ...numbers.map((value) => ["concurrency", { concurrency: value }] as const),
  ...numbers.map((value) => ["maxParamsChars", { maxParamsChars: value }] as const),
  ...times.map((value) => ["cache.timeToLive", { cache: { timeToLive: value } }] as const),
  ...numbers.map((value) => ["cache.capacity", { cache: { timeToLive: "1 minute", capacity: value } }] as const),
  ["cache.timeToLive", { cache: {} }] as const,
  ...(["command", "fileChange", "toolCall", "userInput"] as const).flatMap((kind) =>
    ["accept", "acceptForSession", "", true].map(
      (value) => [`fallback.${kind}`, { fallback: { [kind]: value } }] as const
    )
  )
]

const human = [
  ...times.map((value) => ["deadline", { deadline: value }] as const),
  ...numbers.map((value) => ["maxOpen", { maxOpen: value }] as const)
]

const audit = [
  ...numbers.map((value) => ["maxUnwritten", { maxUnwritten: value }] as const),
  ...[...numbers, 1023].map((value) => ["maxBytes", { maxBytes: value }] as const),
  ...numbers.filter((value) => value !== 0).map((value) => ["keep", { keep: value }] as const)
]

const invalid = (path: string) => ({ _tag: "InvalidConfig", path })

const failureOf = <A, E, R>(layer: Layer.Layer<A, E, R>) => Effect.flip(Effect.scoped(Layer.build(layer)))

const told = (options: object) =>
  JSON.stringify(options, (_, value) => (typeof value === "number" ? String(value) : value))

describe("an invalid option is InvalidConfig with its path", () => {
  it.effect.each(judge.map(([name, options]) => [name, told(options), options] as const))(
    "of a judge: %s, %s",
    ([name, , options]) =>
      Effect.gen(function* () {
        const ask = () => Effect.die("it was asked")
        expect(yield* Effect.flip(LlmJudgePolicy.make(ask, unchecked(options)))).toMatchObject(invalid(name))
        const model = Layer.succeed(LanguageModel.LanguageModel)(unchecked({}))
        expect(
          yield* failureOf(LlmJudgePolicy.layerLanguageModel(unchecked(options)).pipe(Layer.provide(model)))
        ).toMatchObject(invalid(name))
        // Before a server is started, which would fail in another way.
        const server = LlmJudgePolicy.layer(unchecked({ ...options, binary: "/nonexistent" }))
        expect(yield* failureOf(server.pipe(Layer.provide(NodeServices.layer)))).toMatchObject(invalid(name))
      })
  )

  it.effect.each(human.map(([name, options]) => [name, told(options), options] as const))(
    "of a person: %s, %s",
    ([name, , options]) =>
      Effect.gen(function* () {
        const ask = () => Effect.die("somebody was asked")
        expect(yield* Effect.flip(Human.make(ask, unchecked(options)))).toMatchObject(invalid(name))
        for (const layer of [
          Human.layerTerminal(unchecked(options)),
          Human.layerCallback(ask, unchecked(options)),
          Human.layerQueue(unchecked(options))
        ])
          expect(yield* failureOf(layer)).toMatchObject(invalid(name))
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("of how many people are asked at once", () =>
    Effect.gen(function* () {
      for (const concurrency of [Number.NaN, 0, -1, 1.5, Infinity, "all"]) {
        const options = unchecked({ concurrency })
        const ask = () => Effect.die("somebody was asked")
        expect(yield* Effect.flip(Human.make(ask, options))).toMatchObject(invalid("concurrency"))
        expect(yield* failureOf(Human.layerCallback(ask, options))).toMatchObject(invalid("concurrency"))
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.each(audit.map(([name, options]) => [name, told(options), options] as const))(
    "of a trail: %s, %s",
    ([name, , options]) =>
      Effect.gen(function* () {
        const file = path.join(tmpdir(), `effect-codex-no-trail-${process.pid}.jsonl`)
        expect(yield* failureOf(Audit.layerFile(file, unchecked(options)))).toMatchObject(invalid(name))
        expect(existsSync(file)).toBe(false)
        if (name === "maxUnwritten")
          expect(yield* failureOf(Audit.layer(unchecked(options)))).toMatchObject(invalid(name))
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("fails each decision of an engine with such a deadline, which declines", () =>
    Effect.gen(function* () {
      for (const duration of [...times, ...endless]) {
        const engine = Policy.withTimeout(PolicyEngine.acceptAll, unchecked(duration))
        const failed = yield* Effect.flip(engine.command(commandRequest("ls")))
        expect(failed).toMatchObject({ _tag: "PolicyFailed", cause: invalid("duration") })
        expect(failed.message).toContain("duration")
      }
    })
  )
})

describe("a valid option", () => {
  it.effect("may be endless where that makes sense, and the smallest that does", () =>
    Effect.gen(function* () {
      const ask = () => Effect.never
      yield* LlmJudgePolicy.make(ask, {
        timeout: 1,
        concurrency: "unbounded",
        maxParamsChars: 1,
        cache: { timeToLive: Duration.infinity, capacity: 1 },
        fallback: { command: "cancel", fileChange: "abstain", toolCall: "abstain", userInput: "abstain" }
      })
      yield* Human.make(ask, { deadline: Duration.infinity, maxOpen: 1, concurrency: 1 })
      yield* Human.make(ask, { deadline: "1 second", concurrency: "unbounded" })
      yield* Effect.scoped(Layer.build(Audit.layer({ maxUnwritten: 1 })))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
