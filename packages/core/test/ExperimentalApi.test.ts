import { AppServer } from "@effect-codex/core/AppServer"
import { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import * as Protocol from "@effect-codex/core/protocol/Protocol"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const { MockAppServer: Server } = MockAppServer

describe("without the opt-in", () => {
  it.effect("what is experimental fails before anything is sent", () =>
    Effect.gen(function* () {
      const server = yield* AppServer
      const mock = yield* Server
      const before = (yield* mock.received).length
      const featureOf = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(Effect.asVoid(effect))

      expect(yield* featureOf(server.requestRaw("collaborationMode/list", {}))).toMatchObject({
        _tag: "ExperimentalApiRequired",
        feature: "collaborationMode/list"
      })
      expect(yield* featureOf(server.requestRaw("thread/start", { dynamicTools: [] }))).toMatchObject({
        _tag: "ExperimentalApiRequired",
        feature: "thread/start.dynamicTools"
      })
      // The opt-in of some other connection.
      const elsewhere = Effect.provideService(server.requestExperimental("thread/start", {}), ExperimentalApi, {
        experimentalApi: true
      })
      expect(yield* featureOf(elsewhere)).toMatchObject({ _tag: "ExperimentalApiRequired", feature: "thread/start" })

      expect((yield* mock.received).length).toBe(before)
    }).pipe(Effect.provide(MockAppServer.layer()))
  )

  it.effect("fields that ask for nothing are sent", () =>
    Effect.gen(function* () {
      const server = yield* AppServer
      yield* server.requestRaw("thread/start", { dynamicTools: null, experimentalRawEvents: false })
      expect((yield* (yield* Server).received).at(-1)).toMatchObject({ method: "thread/start" })
    }).pipe(Effect.provide(MockAppServer.layer()))
  )
})

describe("with the opt-in", () => {
  it.effect("what is experimental is sent, and the server is told so", () =>
    Effect.gen(function* () {
      const server = yield* AppServer
      const mock = yield* Server
      yield* server.requestExperimental("thread/start", { dynamicTools: [] })
      const received = yield* mock.received
      expect(received[0]).toMatchObject({ params: { capabilities: { experimentalApi: true } } })
      expect(received.at(-1)).toMatchObject({ method: "thread/start", params: { dynamicTools: [] } })
    }).pipe(Effect.provide(MockAppServer.layer({ connection: { experimentalApi: true } })))
  )
})

it("a method that nobody knows is left to the server to refuse", () => {
  expect(Protocol.experimentalFeatureOf("no/such/method", { dynamicTools: [] })).toBeUndefined()
})
