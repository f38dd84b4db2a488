import * as Codex from "@effect-codex/core/Codex"
import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"

const hang = { turns: [[{ hang: Effect.never }]] }

const connected = (person: PolicyEngine.HumanApproval | undefined, experimentalApi = true) =>
  Codex.layerAppServer().pipe(
    Layer.provideMerge(MockAppServer.layer({ ...hang, connection: { experimentalApi } })),
    Layer.provide(Layer.succeed(PolicyEngine.HumanApproval)(person))
  )

// An engine that accepts all, and remembers what it was asked.
const accepting = () => {
  const asked: Array<string | undefined> = []
  const engine = PolicyEngine.make({
    command: ({ params }) => {
      asked.push(params.kind)
      return Effect.succeed({ decision: "accept", by: "engine" })
    }
  })
  return { asked, layer: Layer.succeed(PolicyEngine.PolicyEngine)(engine) }
}

const says = (decision: PolicyEngine.HumanVerdict["decision"]) => () => Effect.succeed({ decision, by: "person" })

const approval = (about: { readonly threadId: string; readonly turnId: string }, params?: object) => ({
  ...about,
  itemId: "item",
  startedAtMs: 0,
  kind: "humanCommand",
  command: "deploy",
  availableDecisions: ["accept", "acceptForSession", "cancel"],
  ...params
})

const ask = (params?: object) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const server = yield* MockAppServer.MockAppServer
    const thread = yield* codex.thread.start()
    const turn = yield* thread.turn("Hang")
    return yield* server.ask(
      "item/commandExecution/requestApproval",
      approval({ threadId: thread.id, turnId: turn.id }, params)
    )
  }).pipe(Effect.scoped)

const capabilities = Effect.gen(function* () {
  const server = yield* MockAppServer.MockAppServer
  return (yield* server.received)[0]
})

describe("a command that is for a person alone", () => {
  it.effect("is decided by the person, and the engine of the turn is not asked", () =>
    Effect.gen(function* () {
      for (const decision of ["accept", "decline", "cancel"] as const) {
        const { asked, layer } = accepting()
        const answer = yield* ask().pipe(Effect.provide(Layer.merge(connected(says(decision)), layer)))
        expect(answer).toEqual({ decision })
        expect(asked).toEqual([])
      }
    })
  )

  it.effect("is declined when nobody is there, whatever the engine would say", () =>
    Effect.gen(function* () {
      const { asked, layer } = accepting()
      const answer = yield* ask().pipe(Effect.provide(Layer.merge(connected(undefined), layer)))
      expect(answer).toEqual({ decision: "decline" })
      expect(asked).toEqual([])
    })
  )

  it.effect("is declined when asking the person fails, throws, or brings more than one yes", () =>
    Effect.gen(function* () {
      const lasting = { decision: "acceptForSession", by: "person" } as unknown as PolicyEngine.HumanVerdict
      const people: ReadonlyArray<PolicyEngine.HumanApproval> = [
        () => Effect.fail(new PolicyFailed({ description: "gone" })),
        () => Effect.die("broken"),
        () => Effect.succeed(lasting)
      ]
      for (const person of people) {
        const answer = yield* ask().pipe(Effect.provide(Layer.merge(connected(person), accepting().layer)))
        expect(answer).toEqual({ decision: "decline" })
      }
    })
  )

  it.effect("is not accepted where the server does not offer that", () =>
    Effect.gen(function* () {
      const answer = yield* ask({ availableDecisions: ["cancel"] }).pipe(
        Effect.provide(Layer.merge(connected(says("accept")), accepting().layer))
      )
      expect(answer).toEqual({ decision: "decline" })
    })
  )

  it.effect("can come on a thread on which no turn of ours runs", () =>
    Effect.gen(function* () {
      const server = yield* MockAppServer.MockAppServer
      const about = { threadId: "another", turnId: "turn" }
      const answer = yield* server.ask("item/commandExecution/requestApproval", approval(about))
      expect(answer).toEqual({ decision: "accept" })
    }).pipe(Effect.provide(connected(says("accept"))))
  )

  it.effect("is taken back from the person when the server withdraws it", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const withdrawn = yield* Deferred.make<void>()
      const person = () =>
        Deferred.succeed(asked, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(withdrawn, undefined))
        )
      yield* Effect.gen(function* () {
        const waiting = yield* Effect.forkChild(ask())
        yield* Deferred.await(asked)
        yield* Fiber.interrupt(waiting)
        yield* Deferred.await(withdrawn)
      }).pipe(Effect.provide(Layer.merge(connected(person), accepting().layer)))
    })
  )

  it.effect("leaves all other commands to the engine", () =>
    Effect.gen(function* () {
      const { asked, layer } = accepting()
      const answer = yield* ask({ kind: "command" }).pipe(
        Effect.provide(Layer.merge(connected(says("decline")), layer))
      )
      expect(answer).toEqual({ decision: "accept" })
      expect(asked).toEqual(["command"])
    })
  )
})

describe("the server is told that a person is there", () => {
  it.effect("when there is one, and the experimental API is on", () =>
    Effect.gen(function* () {
      const told = (person: PolicyEngine.HumanApproval | undefined, experimentalApi: boolean) =>
        capabilities.pipe(Effect.provide(connected(person, experimentalApi)))
      const expected = (requiredHumanApproval: boolean) => ({ params: { capabilities: { requiredHumanApproval } } })
      expect(yield* told(says("decline"), true)).toMatchObject(expected(true))
      expect(yield* told(says("decline"), false)).toMatchObject(expected(false))
      expect(yield* told(undefined, true)).toMatchObject(expected(false))
    })
  )
})

it("an engine does not pass for a person", () => {
  expectTypeOf<PolicyEngine.Engine["command"]>().not.toExtend<PolicyEngine.HumanApproval>()
})
