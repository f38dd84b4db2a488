import { constants } from "node:buffer"
import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { connection } from "../../src/internal/connection/serve.ts"
import type { Route } from "../../src/internal/connection/route.ts"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { eventually, nothingMore, receivedBy } from "../waiting.ts"

type Options = Parameters<typeof MockAppServer.layer>[0]

// A client of a server in memory that keeps so much text of a turn.
const keeping = (maxTextLength: number, options: Options) =>
  Effect.provide(
    Layer.merge(
      Codex.layerAppServer().pipe(
        Layer.provide(
          Layer.effect(AppServer.AppServer)(
            Effect.flatMap(MockAppServer.make(options), ({ transport }) => AppServer.make(transport, { maxTextLength }))
          )
        )
      ),
      PolicyEngine.layerDeclineAll
    )
  )

describe("law 15: nothing that is thrown by one receiver reaches the reader or the others", () => {
  const route = (threadId: string, onNotification: Route["onNotification"], ended: Array<string>) => ({
    threadId,
    context: Context.empty(),
    onNotification,
    onRequest: () => Effect.never,
    owns: () => true,
    undecided: () => undefined,
    isOver: () => false,
    onLeft: () => {},
    onEnd: (error: { readonly message: string }) => ended.push(error.message)
  })

  it.effect("not of a route: it is told that it has ended, and its turn is stopped", () =>
    Effect.gen(function* () {
      const server = yield* AppServer.AppServer
      const mock = yield* MockAppServer.MockAppServer
      const ended: Array<string> = []
      const heard: Array<string> = []
      const listened: Array<string> = []
      yield* server[connection].route(
        route(
          "a",
          () => {
            throw new RangeError("Invalid string length")
          },
          ended
        )
      )
      yield* server[connection].route(route("b", ({ method }) => heard.push(method), ended))
      yield* server[connection].on("thread/archived", ({ params }) => listened.push(params.threadId))
      yield* mock.send(
        JSON.stringify({
          method: "item/agentMessage/delta",
          params: { threadId: "a", turnId: "t", itemId: "i", delta: "" }
        }),
        JSON.stringify({ method: "thread/archived", params: { threadId: "a" } }),
        JSON.stringify({ method: "thread/archived", params: { threadId: "b" } })
      )
      yield* receivedBy(mock, "turn/interrupt")
      expect(heard).toEqual(["thread/archived"])
      expect(listened).toEqual(["a", "b"])
      expect(ended[0]).toContain("Invalid string length")
      expect(yield* mock.received).toContainEqual(
        expect.objectContaining({ method: "turn/interrupt", params: { threadId: "a", turnId: "t" } })
      )
      expect(yield* server.request("account/read", {})).toBeDefined()
    }).pipe(Effect.scoped, Effect.provide(MockAppServer.layer()))
  )

  it.effect("not of a route that throws when it is told that the connection has ended", () =>
    Effect.gen(function* () {
      const server = yield* AppServer.AppServer
      const mock = yield* MockAppServer.MockAppServer
      const ended: Array<string> = []
      yield* server[connection].route({
        ...route("a", () => {}, []),
        onEnd: () => {
          throw new RangeError("Invalid string length")
        }
      })
      yield* server[connection].route(route("b", () => {}, ended))
      yield* mock.die()
      expect((yield* Effect.flip(server.closed))._tag).toBe("ConnectionFailed")
      expect(ended.length).toBe(1)
    }).pipe(Effect.scoped, Effect.provide(MockAppServer.layer()))
  )
})

describe("a text without end", () => {
  const says = { say: ["12345", "67890", "x", "more"] }

  it.effect("over the limit stops its turn, which fails with what there was of it", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const failure = yield* Effect.flip(thread.run("Go on and on"))
      expect(failure).toMatchObject({
        _tag: "TurnFailed",
        reason: { _tag: "TextTooLong", allowed: 10 },
        response: { text: expect.stringMatching(/^1234567890/) }
      })
      expect((yield* thread.run("Be short")).text).toBe("fine")
    }).pipe(keeping(10, { turns: [[says, { hang: Effect.never }], [{ say: ["fine"] }]] }))
  )

  it.effect("up to the limit is kept whole", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      expect((yield* codex.responses.create({ prompt: "Write" })).text).toBe("1234567890xmore")
    }).pipe(keeping(15, { turns: [[says]] }))
  )
})

describe("a limit of text that no string can reach", () => {
  it.effect("is the longest string that there can be", () =>
    Effect.gen(function* () {
      const mock = yield* MockAppServer.make()
      const server = yield* AppServer.make(mock.transport, { maxTextLength: Number.MAX_SAFE_INTEGER })
      expect(server[connection].maxTextLength).toBe(constants.MAX_STRING_LENGTH)
    })
  )
})

describe("the handshake", () => {
  for (const [what, distort, named] of [
    ["a byte order mark", (reply: string) => [`\uFEFF${reply}`], "\\u{feff}"],
    ["a banner", () => ["Welcome to \u001b[1mcodex\u001b[0m"], "Welcome to \\u{1b}[1mcodex"]
  ] as const) {
    it.effect(`that fails names ${what} before the reply`, () =>
      Effect.gen(function* () {
        const server = yield* MockAppServer.make({
          distort: (message) => ("result" in message ? distort(JSON.stringify(message)) : [message])
        })
        const fiber = yield* Effect.forkChild(Effect.flip(Effect.scoped(AppServer.make(server.transport))))
        yield* receivedBy(server, "initialize")
        yield* TestClock.adjust("30 seconds")
        const failure = yield* Fiber.join(fiber)
        expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Handshake" } })
        expect(failure.message).toContain(named)
      })
    )
  }

  it.effect("introduces this package with its own version", () =>
    Effect.gen(function* () {
      const mock = yield* MockAppServer.MockAppServer
      const { default: manifest } = yield* Effect.promise(
        () => import("../../package.json", { with: { type: "json" } })
      )
      expect((yield* mock.received)[0]).toMatchObject({
        method: "initialize",
        params: { clientInfo: { name: "effect-codex", version: manifest.version } }
      })
    }).pipe(Effect.provide(MockAppServer.layer()))
  )
})

describe("law 5: closing", () => {
  it.effect("waits for a handler that is on its way out", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const asked = yield* Deferred.make<void>()
      const mock = yield* MockAppServer.make({ turns: [[{ command: "true" }]] })
      const scope = yield* Scope.make()
      const policy = PolicyEngine.make({
        command: () =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() =>
              Effect.andThen(
                nothingMore,
                Effect.sync(() => order.push("handler"))
              )
            )
          )
      })
      const context = yield* Layer.buildWithScope(
        Codex.layerAppServer().pipe(Layer.provide(Layer.effect(AppServer.AppServer)(AppServer.make(mock.transport)))),
        scope
      )
      yield* Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Run it" })).pipe(
        Effect.provideService(PolicyEngine.PolicyEngine, policy),
        Effect.provideContext(context),
        Effect.forkChild
      )
      yield* Deferred.await(asked)
      yield* Scope.close(scope, Exit.void)
      order.push("closed")
      yield* eventually(() => expect(order.length).toBe(2))
      expect(order).toEqual(["handler", "closed"])
    })
  )
})
