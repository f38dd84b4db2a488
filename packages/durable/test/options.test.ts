import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Cluster from "@effect-codex/durable/Cluster"
import * as Durable from "@effect-codex/durable/Durable"
import * as MemoryStore from "@effect-codex/durable/MemoryStore"
import { SessionStore } from "@effect-codex/durable/SessionStore"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { sqlite } from "./storeSupport.ts"

// What a caller without types may pass.
const unchecked = (value: unknown): never => value as never

const invalid = (path: string) => ({ _tag: "InvalidConfig", path })

const durations = [Number.NaN, -1, "5 parsecs", Infinity]
const numbers = [Number.NaN, -1, 1.5, "1", Infinity]

describe("an invalid option of an owner is InvalidConfig with its path, before the store is leased", () => {
  const cases = [
    ...["serverIdleTimeout", "parkAfter", "approvalTimeout", "storeTimeout"].flatMap((name) =>
      durations.map((value) => [name, { [name]: value }] as const)
    ),
    ...["concurrency", "spillBytes"].flatMap((name) => numbers.map((value) => [name, { [name]: value }] as const)),
    ...[...durations, 0].map((value) => ["lease.duration", { lease: { duration: value } }] as const),
    ["approvalTimeout", { approvalTimeout: 0 }] as const,
    ["concurrency", { concurrency: 0 }] as const
  ]

  it.effect.each(cases)("%s: %o", ([path, options]) =>
    Effect.gen(function* () {
      const workspace = () => Effect.succeed({ cwd: "/" })
      const layer = Durable.layer(unchecked({ policies: { all: PolicyEngine.acceptAll }, workspace, ...options }))
      expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toMatchObject(invalid(path))
      const store = yield* SessionStore
      expect(yield* store.owner).toBeUndefined()
      expect(yield* Effect.scoped(store.lease())).toMatchObject({ epoch: 1 })
    }).pipe(Effect.provide(Layer.merge(MemoryStore.layer, NodeServices.layer)))
  )
})

it.effect.each([
  ["memory", MemoryStore.layer],
  ["SQLite", Layer.effect(SessionStore)(sqlite)]
] as const)("a lease of a store in %s has a duration, or is InvalidConfig", ([, layer]) =>
  Effect.gen(function* () {
    const store = yield* SessionStore
    for (const duration of [...durations, 0]) {
      const leasing = Effect.scoped(store.lease({ duration: unchecked(duration) }))
      expect(yield* Effect.flip(leasing)).toMatchObject(invalid("duration"))
    }
    expect(yield* Effect.scoped(store.lease({ duration: "1 second" }))).toMatchObject({ epoch: 1 })
  }).pipe(Effect.provide(layer))
)

describe("an invalid option of an owner that shares is InvalidConfig with its path, before the store is leased", () => {
  const cases = ["sweepInterval", "blockedInterval"].flatMap((name) =>
    [...durations, 0].map((value) => [name, value] as const)
  )

  it.effect.each(cases)("%s: %o", ([name, value]) =>
    Effect.gen(function* () {
      const workspace = () => Effect.succeed({ cwd: "/" })
      const layer = Cluster.layer(unchecked({ policies: { all: PolicyEngine.acceptAll }, workspace, [name]: value }))
      expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toMatchObject(invalid(name))
      expect(yield* (yield* SessionStore).owner).toBeUndefined()
    }).pipe(Effect.provide(Layer.mergeAll(MemoryStore.layer, NodeServices.layer, TestRunner.layer)))
  )
})
