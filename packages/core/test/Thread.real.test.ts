import * as Codex from "@effect-codex/core/Codex"
import * as Notification from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const { execCommand, gate, reply, text } = MockModel

const withScript = (script: MockModel.Script) =>
  Effect.provide(Layer.merge(CodexTest.layer(script), PolicyEngine.layerDeclineAll))

const startThread = Effect.flatMap(Codex.Codex, (codex) => codex.thread.start())

describe("a turn's handle", () => {
  it.live("has views for any number of consumers, also for one that comes when all is over", () =>
    Effect.gen(function* () {
      const thread = yield* startThread
      const turn = yield* thread.turn("Count")
      const [texts, events, response] = yield* Effect.all(
        [Stream.runCollect(turn.text), Stream.runCollect(turn.events), turn.result],
        { concurrency: "unbounded" }
      )
      expect(texts).toEqual(["one ", "two ", "three"])
      expect(response.text).toBe("one two three")
      expect(events[0]?.type).toBe("thread/ready")
      expect(events.at(-1)?.type).toBe("turn/completed")
      expect(yield* Stream.runCollect(turn.events)).toEqual(events)
      expect(yield* Stream.runCollect(turn.text)).toEqual(texts)
    }).pipe(Effect.scoped, withScript([reply(text("one ", "two ", "three"))]))
  )

  it.live("goes on when a view is left, and stops when the scope closes", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const thread = yield* startThread
        const model = yield* MockModel.MockModel
        yield* Effect.gen(function* () {
          const turn = yield* thread.turn("Hang")
          expect(yield* turn.text.pipe(Stream.take(1), Stream.runCollect)).toEqual(["so "])
          // The view was left, and this one still begins at the beginning.
          expect(yield* turn.text.pipe(Stream.take(2), Stream.runCollect)).toEqual(["so ", "far"])
        }).pipe(Effect.scoped)
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(withScript([reply(text("so ", "far", held))]))
    })
  )

  it.live("steers the turn that runs", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const thread = yield* startThread
        const turn = yield* thread.turn("Begin")
        yield* held.reached
        yield* turn.steer("and mind the gap")
        yield* held.open
        expect((yield* turn.result).text).toBe("minded")
        const model = yield* MockModel.MockModel
        expect((yield* model.request(1)).lastUserText).toBe("and mind the gap")
      }).pipe(Effect.scoped, withScript([reply(text("begun", held)), reply(text("minded"))]))
    })
  )

  it.live("interrupts it, and the response says so with what there was", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const thread = yield* startThread
        const turn = yield* thread.turn("Hang")
        yield* turn.text.pipe(Stream.take(2), Stream.runDrain)
        yield* turn.interrupt
        expect(yield* Effect.flip(turn.result)).toMatchObject({
          _tag: "TurnInterrupted",
          response: { text: "so far" }
        })
        expect((yield* Effect.flip(Stream.runDrain(turn.events)))._tag).toBe("TurnInterrupted")
        // What is over can't be steered.
        expect((yield* Effect.flip(turn.steer("too late")))._tag).toBe("TurnOver")
        // What is over is stopped.
        yield* turn.interrupt
      }).pipe(Effect.scoped, withScript([reply(text("so ", "far", held))]))
    })
  )
})

describe("law 9: one turn a thread; its handle", () => {
  it.live("has its turns wait for each other", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const thread = yield* startThread
        const model = yield* MockModel.MockModel
        const first = yield* thread.turn("first")
        const second = yield* thread.turn("second").pipe(
          Effect.flatMap((turn) => turn.result),
          Effect.scoped,
          Effect.forkChild
        )
        yield* held.reached
        expect((yield* model.requests).length).toBe(1)
        // Interrupting one that waits leaves the others as they are.
        const third = yield* thread.turn("third").pipe(Effect.scoped, Effect.forkChild)
        yield* Fiber.interrupt(third)
        yield* held.open
        expect((yield* first.result).text).toBe("1")
        return second
      }).pipe(
        Effect.scoped,
        Effect.flatMap(Fiber.join),
        Effect.map((response) => expect(response.text).toBe("2")),
        withScript([reply(text("1", held)), reply(text("2"))])
      )
    })
  )

  it.live("runs one turn after the other in one scope", () =>
    Effect.gen(function* () {
      const thread = yield* startThread
      const first = yield* thread.turn("first")
      expect((yield* first.result).text).toBe("1")
      const second = yield* thread.turn("second")
      const third = yield* thread.turn("third")
      expect((yield* third.result).text).toBe("3")
      expect((yield* second.result).text).toBe("2")
      expect(yield* Stream.mkString(first.text)).toBe("1")
    }).pipe(Effect.scoped, withScript([reply(text("1")), reply(text("2")), reply(text("3"))]))
  )

  it.live("has the settings that the server made of the options", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({ sandbox: "read-only", approvalPolicy: "never" })
      expect(thread.settings).toMatchObject({ sandbox: { type: "readOnly" }, approvalPolicy: "never" })
      expect(thread.settings?.cwd).toMatch(/^\//)
      yield* thread.run("hello").pipe(Effect.provide(PolicyEngine.layerDeclineAll))
      const fork = yield* codex.thread.fork(thread.id, { sandbox: "workspace-write" })
      expect(fork.settings?.sandbox.type).toBe("workspaceWrite")
    }).pipe(Effect.provide(CodexTest.layer(() => MockModel.reply(MockModel.text("hi")))))
  )

  it.live("is had of one that exists by its id", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { threadId } = yield* codex.responses.create({ prompt: "My name is Ada" })
      const thread = yield* codex.thread.resume(threadId)
      const turn = yield* thread.turn({ prompt: "What is my name?" })
      expect((yield* turn.result).text).toBe("Ada")
      expect((yield* Effect.flip(codex.thread.resume("00000000-0000-7000-8000-000000000000")))._tag).toBe(
        "SessionNotFound"
      )
    }).pipe(Effect.scoped, withScript([reply(text("Hello")), reply(text("Ada"))]))
  )
})

describe("a review", () => {
  it.live("is a turn: with its text as the result, and the policy of who has asked for it", () =>
    Effect.gen(function* () {
      const thread = yield* startThread
      const review = yield* thread.review({ type: "custom", instructions: "Is the arithmetic right?" })
      const response = yield* review.result
      expect(response.status).toBe("completed")
      expect(response.text).toContain("All of it is wrong")
      const events = yield* Stream.runCollect(review.events)
      expect(events.at(-1)?.type).toBe("turn/completed")
      const model = yield* MockModel.MockModel
      expect(JSON.stringify((yield* model.request(0)).body)).toContain("Is the arithmetic right?")
    }).pipe(Effect.scoped, withScript([reply(text("All of it is wrong"))]))
  )

  it.live("that is left is stopped", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const thread = yield* startThread
        yield* Effect.scoped(
          Effect.andThen(thread.review({ type: "custom", instructions: "Look" }), Effect.asVoid(held.reached))
        )
        const model = yield* MockModel.MockModel
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(withScript([reply(text("so far", held))]))
    })
  )
})

it.live("ten threads of one process run at the same time", () =>
  Effect.gen(function* () {
    const gates = yield* Effect.all(Array.from({ length: 10 }, () => gate))
    yield* Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const running = yield* Effect.forkChild(
        Effect.forEach(gates, (_, index) => codex.responses.create({ prompt: `number ${index}.` }), {
          concurrency: "unbounded"
        })
      )
      // Each has said something, and none is done.
      yield* Effect.forEach(gates, ({ reached }) => reached)
      yield* Effect.forEach(gates.toReversed(), ({ open }) => open)
      const responses = yield* Fiber.join(running)
      expect(responses.map((response) => response.text)).toEqual(gates.map((_, index) => `this is ${index}`))
      expect(new Set(responses.map(({ threadId }) => threadId)).size).toBe(10)
    }).pipe(
      withScript(({ lastUserText }) => {
        const index = Number(/number (\d)/.exec(lastUserText)?.[1])
        const held = gates[index]
        return held === undefined ? undefined : reply(text("this ", held, `is ${index}`))
      })
    )
  })
)

describe("a turn that the server starts by itself", () => {
  const queued = (policy: PolicyEngine.Engine | undefined) =>
    Effect.gen(function* () {
      const held = yield* gate
      return yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start({ approvalPolicy: "untrusted", policy })
        const told = yield* codex.subscribe
        const running = yield* thread.turn("Hang")
        yield* held.reached
        yield* codex.thread.queueAdd(thread.id, {
          clientUserMessageId: "next",
          input: [{ type: "text", text: "Touch it", text_elements: [] }]
        })
        yield* held.open
        yield* running.result
        const commands = yield* told.pipe(
          // Of the second turn.
          Stream.dropUntil((notification) => Notification.is("turn/completed", notification)),
          Stream.takeUntil((notification) => Notification.is("turn/completed", notification)),
          Stream.filter((notification) => Notification.is("item/completed", notification)),
          Stream.filter(({ params }) => params.item.type === "commandExecution"),
          Stream.runCollect
        )
        return commands.map(({ params: { item } }) => (item.type === "commandExecution" ? item.status : item.type))
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.merge(
            CodexTest.layer(
              [reply(text("so far", held)), reply(execCommand({ cmd: "true", escalate: true })), reply(text("done"))],
              { codex: { experimentalApi: true } }
            ),
            PolicyEngine.layerDeclineAll
          )
        )
      )
    })

  it.live("is decided on by the policy of its thread", () =>
    Effect.gen(function* () {
      const accept = PolicyEngine.make({ command: () => Effect.succeed({ decision: "accept", by: "the thread" }) })
      expect(yield* queued(accept)).toEqual(["completed"])
    })
  )

  it.live("has everything declined without one", () =>
    Effect.gen(function* () {
      expect(yield* queued(undefined)).toEqual(["declined"])
    })
  )
})
