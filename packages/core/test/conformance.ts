/**
 * What an app-server does, told once and asked of the real one and of the one in memory.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Notification from "@effect-codex/core/Notification"
import { MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { codexVersion } from "../src/protocol/generated/Methods.ts"
import { serverVersion } from "./server.ts"

/** What the agent does in a turn: asks to run a command, says something, and stays at a gate. */
export interface Script {
  readonly command?: string
  readonly say: ReadonlyArray<string>
  readonly gate?: MockModel.Gate
}

export const suite = <E>(
  name: string,
  layerOf: (turns: ReadonlyArray<Script>) => Layer.Layer<Codex.Codex, E>,
  /** Servers that run one after the other in one home. */
  layersOfOneHome: (turns: ReadonlyArray<Script>) => Effect.Effect<() => Layer.Layer<Codex.Codex, E>, E, Scope.Scope>
) => {
  const decide = (decision: "accept" | "decline" | "cancel") =>
    Layer.succeed(PolicyEngine.PolicyEngine)(
      PolicyEngine.make({ command: () => Effect.succeed({ decision, by: "conformance" }) })
    )
  const against = (turns: ReadonlyArray<Script>, decision: "accept" | "decline" | "cancel" = "decline") =>
    Effect.provide(Layer.merge(layerOf(turns), decide(decision)))

  const nobody = "00000000-0000-7000-8000-00000000ffff"
  const tagOf = <A>(effect: Effect.Effect<A, { readonly _tag: string }>) =>
    Effect.map(Effect.flip(Effect.asVoid(effect)), (failure): string => failure._tag)

  describe(`${name} conforms`, () => {
    it.live("in the handshake: it names its version, and takes no second one", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        expect(codex.serverInfo.version).toBe(name === "codex" ? serverVersion : codexVersion)
        const params = { clientInfo: { name: "again", version: "1" }, capabilities: null }
        const failure = yield* Effect.flip(Effect.asVoid(codex.requestRaw("initialize", params)))
        expect(failure).toMatchObject({ _tag: "RequestFailed", description: "Already initialized" })
      }).pipe(against([]))
    )

    it.live("in the order of a turn's notifications", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const events = yield* Stream.runCollect(codex.responses.events({ prompt: "Count" }))
        const told = events.map(({ type }) => type).filter((type) => /^(turn|item|thread\/tokenUsage)/.test(type))
        expect(told).toEqual([
          "turn/started",
          "item/started",
          "item/completed",
          "item/started",
          "item/agentMessage/delta",
          "item/agentMessage/delta",
          "item/completed",
          "thread/tokenUsage/updated",
          "turn/completed"
        ])
        expect(events.map(({ textDelta }) => textDelta ?? "").join("")).toBe("one two")
      }).pipe(against([{ say: ["one ", "two"] }]))
    )

    it.live("in turns on one thread, one after the other, and on many at once", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { threadId } = yield* codex.responses.create({ prompt: "first" })
        const second = yield* codex.responses.create({ prompt: "second", threadId })
        expect(second.threadId).toBe(threadId)
        const others = yield* Effect.forEach([1, 2, 3], () => codex.responses.create({ prompt: "other" }), {
          concurrency: "unbounded"
        })
        expect(new Set([threadId, ...others.map((response) => response.threadId)]).size).toBe(4)
        expect(others.map((response) => response.text)).toEqual(["same", "same", "same"])
      }).pipe(against([{ say: ["1"] }, { say: ["2"] }, { say: ["same"] }, { say: ["same"] }, { say: ["same"] }]))
    )

    for (const [decision, status, outcome] of [
      ["accept", "completed", "completed"],
      ["decline", "declined", "completed"],
      ["cancel", "declined", "interrupted"]
    ] as const) {
      it.live(`in an approval: ${decision} leaves the command ${status} and the turn ${outcome}`, () =>
        Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start()
          const turn = yield* thread.turn("Run it")
          const exit = yield* Effect.exit(turn.result)
          const told: Array<string> = []
          yield* turn.notifications.pipe(
            Stream.runForEach((notification) =>
              Effect.sync(() => {
                if (notification.method === "serverRequest/resolved") told.push("resolved")
                else if (
                  notification.method === "item/started" &&
                  notification.params.item.type === "commandExecution"
                ) {
                  told.push("started")
                } else if (
                  notification.method === "item/completed" &&
                  notification.params.item.type === "commandExecution"
                ) {
                  told.push(notification.params.item.status)
                } else if (notification.method === "turn/completed") told.push(notification.params.turn.status)
              })
            ),
            Effect.ignore
          )
          expect(told).toEqual(["started", "resolved", status, outcome])
          expect(Exit.isSuccess(exit)).toBe(outcome === "completed")
        }).pipe(Effect.scoped, against([{ command: "true", say: ["done"] }], decision))
      )
    }

    for (const named of [true, false]) {
      it.live(`in an interruption ${named ? "by the turn's id" : "by an empty id"}`, () =>
        Effect.gen(function* () {
          const gate = yield* MockModel.gate
          yield* Effect.gen(function* () {
            const codex = yield* Codex.Codex
            const thread = yield* codex.thread.start()
            const turn = yield* thread.turn("Hang")
            yield* turn.text.pipe(Stream.take(2), Stream.runDrain)
            expect((yield* codex.request("thread/read", { threadId: thread.id })).thread.status.type).toBe("active")
            yield* codex.request("turn/interrupt", { threadId: thread.id, turnId: named ? turn.id : "" })
            expect(yield* tagOf(turn.result)).toBe("TurnInterrupted")
            expect((yield* codex.request("thread/read", { threadId: thread.id })).thread.status.type).toBe("idle")
          }).pipe(Effect.scoped, against([{ say: ["so ", "far"], gate }]))
        })
      )
    }

    it.live("in an interruption with an approval open: the turn's end is told first, and then that nobody waits", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start()
        const told = yield* codex.subscribe
        const asked = yield* Effect.forkChild(Stream.runDrain(Stream.take(codex.serverRequests, 1)), {
          startImmediately: true
        })
        const turn = yield* thread.turn("Run it")
        yield* Fiber.join(asked)
        const { thread: read } = yield* codex.request("thread/read", { threadId: thread.id })
        expect(read.status).toEqual({ type: "active", activeFlags: ["waitingOnApproval"] })
        yield* codex.request("turn/interrupt", { threadId: thread.id, turnId: turn.id })
        const order = yield* told.pipe(
          Stream.takeUntil(({ method }) => method === "serverRequest/resolved"),
          Stream.filter(({ method }) => /^(turn\/completed|serverRequest|item\/completed)/.test(method)),
          Stream.map(({ method }) => method),
          Stream.runCollect
        )
        // The prompt is the one item that is completed: the command that waits for approval is not.
        expect(order).toEqual(["item/completed", "turn/completed", "serverRequest/resolved"])
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.merge(
            layerOf([{ command: "true", say: ["done"] }]),
            Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ command: () => Effect.never }))
          )
        )
      )
    )

    it.live("in what is left of a turn whose owner went: nothing that keeps the thread", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { id } = yield* codex.thread.start()
          const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hang", threadId: id }))
          yield* gate.reached
          yield* Fiber.interrupt(fiber)
          expect((yield* codex.responses.create({ prompt: "Next", threadId: id })).text).toBe("next")
        }).pipe(against([{ say: ["so far"], gate }, { say: ["next"] }]))
      })
    )

    // Starts a turn without a handle, and waits for one of its notifications.
    const startTurn = Effect.fnUntraced(function* (threadId: string) {
      const codex = yield* Codex.Codex
      const told = yield* codex.subscribe
      const { turn } = yield* codex.request("turn/start", {
        threadId,
        clientUserMessageId: "a name",
        input: [{ type: "text", text: "Hang", text_elements: [] }]
      })
      return { turn, told }
    })
    const interruption = (threadId: string, turnId: string) =>
      Effect.flatMap(Codex.Codex, (codex) => Effect.exit(codex.request("turn/interrupt", { threadId, turnId })))

    it.live("in the moment between the reply to turn/start and turn/started: an interrupt by id is refused", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const refusals: Array<unknown> = []
        for (let attempt = 0; attempt < 8 && refusals.length === 0; attempt++) {
          const { id } = yield* codex.thread.start()
          const { told, turn } = yield* startTurn(id)
          const exit = yield* interruption(id, turn.id)
          // On a slow machine it has begun by then.
          if (Exit.isFailure(exit)) refusals.push(Option.getOrUndefined(Exit.findErrorOption(exit)))
          yield* interruption(id, "")
          yield* Stream.runDrain(Stream.takeUntil(told, ({ method }) => method === "turn/completed"))
        }
        expect(refusals).toMatchObject([{ _tag: "RequestFailed", description: "no active turn to interrupt" }])
      }).pipe(Effect.scoped, against(Array.from({ length: 8 }, () => ({ say: ["so ", "far"] }))))
    )

    it.live("in that moment: an empty id is taken, and the turn ends as interrupted", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { id } = yield* codex.thread.start()
          const { told } = yield* startTurn(id)
          expect((yield* interruption(id, ""))._tag).toBe("Success")
          const ends = yield* told.pipe(
            Stream.filter((notification) => Notification.is("turn/completed", notification)),
            Stream.take(1),
            Stream.runCollect
          )
          expect(ends[0]?.params.turn.status).toBe("interrupted")
        }).pipe(Effect.scoped, against([{ say: ["so ", "far"], gate }]))
      })
    )

    it.live("in interrupts of a turn that is not the active one, and of an idle thread", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { id } = yield* codex.thread.start()
          // Neither does anything, nor is it remembered.
          expect((yield* interruption(id, ""))._tag).toBe("Success")
          const { told, turn } = yield* startTurn(id)
          yield* Stream.runDrain(Stream.takeUntil(told, ({ method }) => method === "item/agentMessage/delta"))
          expect(Exit.findErrorOption(yield* interruption(id, nobody))).toMatchObject({
            value: { _tag: "RequestFailed", description: `expected active turn id ${nobody} but found ${turn.id}` }
          })
          yield* gate.open
          const ends = yield* told.pipe(
            Stream.filter((notification) => Notification.is("turn/completed", notification)),
            Stream.take(1),
            Stream.runCollect
          )
          expect(ends[0]?.params.turn.status).toBe("completed")
          expect(Exit.findErrorOption(yield* interruption(id, turn.id))).toMatchObject({
            value: { description: "no active turn to interrupt" }
          })
        }).pipe(Effect.scoped, against([{ say: ["so ", "far"], gate }]))
      })
    )

    it.live("in the name of a turn's first message, which is the one that it was given", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* codex.thread.start()
        const { told } = yield* startTurn(id)
        const names = yield* told.pipe(
          Stream.takeUntil(({ method }) => method === "turn/completed"),
          Stream.filter((notification) => Notification.is("item/started", notification)),
          Stream.map(({ params }) => (params.item.type === "userMessage" ? params.item.clientId : undefined)),
          Stream.filter((name) => name !== undefined),
          Stream.runCollect
        )
        expect(names).toEqual(["a name"])
      }).pipe(Effect.scoped, against([{ say: ["done"] }]))
    )

    it.live("in a second turn/start on a thread: it is input to the turn that runs, which has it before it ends", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { id } = yield* codex.thread.start()
          const { told, turn } = yield* startTurn(id)
          yield* gate.reached
          const second = yield* codex.request("turn/start", {
            threadId: id,
            clientUserMessageId: "another name",
            input: [{ type: "text", text: "More", text_elements: [] }]
          })
          expect(second.turn.id).toBe(turn.id)
          yield* gate.open
          const seen = yield* told.pipe(
            Stream.takeUntil(({ method }) => method === "turn/completed"),
            Stream.filter((notification) => Notification.is("item/started", notification)),
            Stream.map(({ params }) => (params.item.type === "userMessage" ? params.item.clientId : undefined)),
            Stream.filter((name) => name !== undefined),
            Stream.runCollect
          )
          expect(seen).toEqual(["a name", "another name"])
        }).pipe(Effect.scoped, against([{ say: ["so ", "far"], gate }, { say: ["more"] }]))
      })
    )

    it.live("in a steer: of the turn that runs, of another one, and of none", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { id } = yield* codex.thread.start()
          const { told, turn } = yield* startTurn(id)
          yield* gate.reached
          const steer = (expectedTurnId: string) =>
            codex.request("turn/steer", {
              threadId: id,
              expectedTurnId,
              input: [{ type: "text", text: "More", text_elements: [] }]
            })
          expect(yield* steer(turn.id)).toEqual({ turnId: turn.id })
          const other = yield* Effect.flip(Effect.asVoid(steer(nobody)))
          expect(other).toMatchObject({
            _tag: "RequestFailed",
            description: `expected active turn id \`${nobody}\` but found \`${turn.id}\``
          })
          yield* gate.open
          yield* Stream.runDrain(Stream.takeUntil(told, ({ method }) => method === "turn/completed"))
          const none = yield* Effect.flip(Effect.asVoid(steer(turn.id)))
          expect(none).toMatchObject({ _tag: "RequestFailed", description: "no active turn to steer" })
        }).pipe(Effect.scoped, against([{ say: ["so ", "far"], gate }, { say: ["more"] }]))
      })
    )

    it.live("in an unsubscribe: nothing more is told of the thread, until it is resumed", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { threadId } = yield* codex.responses.create({ prompt: "first" })
        yield* codex.request("thread/resume", { threadId, excludeTurns: true })
        const told = yield* codex.subscribe
        const of: Array<string> = []
        yield* told.pipe(
          Stream.runForEach((notification) =>
            Effect.sync(() => {
              if (Notification.threadIdOf(notification) === threadId) of.push(notification.method)
            })
          ),
          Effect.ignore,
          Effect.forkScoped
        )
        yield* codex.request("thread/unsubscribe", { threadId })
        const start = codex.request("turn/start", {
          threadId,
          input: [{ type: "text", text: "Unheard", text_elements: [] }]
        })
        yield* start
        const isIdle = Effect.map(
          codex.request("thread/read", { threadId }),
          ({ thread }) => thread.status.type !== "active"
        )
        yield* Effect.repeat(Effect.delay(isIdle, 20), { until: (idle) => idle })
        expect(of.filter((method) => /^(turn|item)/.test(method))).toEqual([])
        yield* codex.request("thread/resume", { threadId, excludeTurns: true })
        yield* start
        yield* Effect.repeat(
          Effect.delay(
            Effect.sync(() => of),
            20
          ),
          { until: () => of.includes("turn/completed") }
        )
      }).pipe(Effect.scoped, against([{ say: ["one"] }, { say: ["two"] }, { say: ["three"] }]))
    )

    it.live("in pages of what is loaded", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const ids = yield* Effect.forEach([1, 2, 3], () => Effect.map(codex.thread.start(), ({ id }) => id))
        const first = yield* codex.request("thread/loaded/list", { limit: 2 })
        expect(first.data.length).toBe(2)
        const rest = yield* codex.request("thread/loaded/list", { limit: 2, cursor: first.nextCursor })
        expect(rest.nextCursor ?? null).toBeNull()
        expect([...first.data, ...rest.data].toSorted()).toEqual(ids.toSorted())
      }).pipe(against([]))
    )

    it.live("in a start on a home that has threads: they are not loaded, and can be", () =>
      Effect.gen(function* () {
        const layer = yield* layersOfOneHome([{ say: ["one"] }, { say: ["two"] }])
        const policy = decide("decline")
        const [id, empty] = yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start()
          expect((yield* thread.run("first")).text).toBe("one")
          return [thread.id, (yield* codex.thread.start()).id] as const
        }).pipe(Effect.provide(Layer.merge(layer(), policy)))
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          expect((yield* codex.request("thread/read", { threadId: id })).thread.status.type).toBe("notLoaded")
          expect((yield* codex.request("thread/loaded/list", {})).data).toEqual([])
          expect(yield* tagOf(codex.request("thread/read", { threadId: empty }))).toBe("SessionNotFound")
          expect(yield* tagOf(codex.request("turn/start", { threadId: id, input: [] }))).toBe("RequestFailed")
          const thread = yield* codex.thread.resume(id)
          expect((yield* thread.run("second")).text).toBe("two")
        }).pipe(Effect.provide(Layer.merge(layer(), policy)))
      }).pipe(Effect.scoped)
    )

    it.live("in its errors", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* codex.thread.start()
        expect(yield* tagOf(codex.request("thread/read", { threadId: nobody }))).toBe("SessionNotFound")
        expect(yield* tagOf(codex.request("thread/resume", { threadId: nobody }))).toBe("SessionNotFound")
        expect(yield* tagOf(codex.request("turn/start", { threadId: nobody, input: [] }))).toBe("SessionNotFound")
        expect(yield* tagOf(codex.request("turn/interrupt", { threadId: nobody, turnId: "" }))).toBe("SessionNotFound")
        expect(yield* tagOf(codex.request("thread/resume", { threadId: id }))).toBe("NoRollout")
        expect(yield* tagOf(codex.request("thread/read", { threadId: "no id" }))).toBe("InvalidParams")
        expect(yield* tagOf(codex.requestRaw("thread/read", {}))).toBe("InvalidParams")
        expect(yield* tagOf(codex.requestRaw("thread/start", { sandbox: "none" }))).toBe("InvalidParams")
        expect(yield* tagOf(codex.requestRaw("thread/start", { dynamicTools: [] }))).toBe("ExperimentalApiRequired")
        expect(yield* tagOf(codex.requestRaw("account/login/nothing", {}))).toBe("UnsupportedMethod")
      }).pipe(against([]))
    )

    it.live("in its end: whatever is asked after it fails at once", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(layerOf([]), scope)
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          yield* codex.request("account/read", {})
          yield* Scope.close(scope, Exit.void)
          expect(yield* tagOf(codex.request("account/read", {}))).toBe("ConnectionFailed")
          expect(yield* tagOf(codex.closed)).toBe("ConnectionFailed")
          expect(yield* tagOf(Stream.runDrain(codex.notifications))).toBe("ConnectionFailed")
        }).pipe(Effect.provideContext(context))
      })
    )
  })
}
