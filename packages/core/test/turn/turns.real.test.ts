import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { tables } from "../../src/internal/thread/threads.ts"
import { lacks } from "../server.ts"
import { isAlive, layerRecording } from "../support.ts"
import { services, socketPath, transports } from "../transports.ts"

const { execCommand, gate, reply, text, when } = MockModel

const against = (script: MockModel.Script, options?: CodexTest.Options) =>
  Effect.provide(
    Layer.merge(CodexTest.layer(script, { verifyOnClose: false, ...options }), PolicyEngine.layerDeclineAll)
  )

const until = <A, E>(stream: Stream.Stream<A, E>, is: (value: A) => boolean) =>
  Stream.runDrain(Stream.takeUntil(stream, is))

const Answer = Schema.Struct({ ok: Schema.Boolean })

describe("a prompt on a thread that is busy with something else", () => {
  for (const [what, begin] of [
    [
      "a command of the user",
      (codex: Codex.Codex["Service"], id: string) => codex.thread.shellCommand(id, { command: "sleep 0.5" })
    ],
    ["a compaction", (codex: Codex.Codex["Service"], id: string) => codex.thread.compactStart(id)]
  ] as const) {
    it.live(`waits for ${what}, and gets the model's answer`, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start()
        yield* thread.run("first")
        yield* begin(codex, thread.id)
        expect((yield* thread.run("second")).text).toBe("answered")
        yield* begin(codex, thread.id)
        expect((yield* thread.run({ prompt: "third", output: Answer })).value).toEqual({ ok: true })
      }).pipe(
        against([
          when("first", reply(text("begun"))),
          when("second", reply(text("answered"))),
          when("third", reply(text('{"ok":true}'))),
          ...Array.from({ length: 4 }, () => reply(text("a summary")))
        ])
      )
    )
  }

  it.live("fails at once with the turn's id, if it is not to wait", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const told = yield* codex.subscribe
      yield* codex.thread.shellCommand(thread.id, { command: "sleep 0.5" })
      let turnId = ""
      yield* until(told, (notification) => {
        if (notification.method !== "turn/started") return false
        turnId = notification.params.turn.id
        return true
      })
      expect(yield* Effect.flip(thread.run({ prompt: "now", whenBusy: "fail" }))).toMatchObject({
        _tag: "ThreadBusy",
        threadId: thread.id,
        turnId,
        delivered: false
      })
      expect((yield* thread.run("later")).text).toBe("answered")
    }).pipe(Effect.scoped, against([reply(text("answered"))]))
  )
})

describe("a thread's id in another spelling", () => {
  for (const [how, spell] of [
    ["in upper case", (id: string) => id.toUpperCase()],
    ["as a URN", (id: string) => `urn:uuid:${id}`],
    ["without dashes", (id: string) => id.replaceAll("-", "")]
  ] as const) {
    it.live(`${how} is the same thread`, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* codex.thread.start()
        yield* codex.responses.create({ prompt: "one", threadId: id })
        const resumed = yield* codex.thread.resume(spell(id))
        expect(resumed.id).toBe(id)
        expect((yield* resumed.run("two")).text).toBe("2")
        const response = yield* codex.responses.create({ prompt: "three", threadId: spell(id) })
        expect(response).toMatchObject({ text: "3", threadId: id })
      }).pipe(against([reply(text("1")), reply(text("2")), reply(text("3"))]))
    )
  }
})

describe("a handle", () => {
  const run3 = [reply(text("1")), reply(text("2")), reply(text("3"))]

  it.live("whose thread was unsubscribed from joins it again, with its sandbox", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({ sandbox: "read-only" })
      yield* thread.run("one")
      yield* codex.thread.unsubscribe(thread.id)
      const frames: Array<string> = []
      const tap = yield* Effect.forkChild(
        Stream.runForEach(codex.frames, ({ text: line }) => Effect.sync(() => frames.push(line))),
        { startImmediately: true }
      )
      expect((yield* thread.run("two")).text).toBe("2")
      yield* Fiber.interrupt(tap)
      const resumed = frames.find((line) => line.includes('"thread/resume"'))
      expect(resumed).toContain('"sandbox":"read-only"')
    }).pipe(against(run3))
  )

  it.live("whose thread was archived and unarchived goes on", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      yield* thread.run("one")
      yield* codex.thread.archive(thread.id)
      expect((yield* Effect.flip(thread.run("archived")))._tag).toBe("SessionArchived")
      yield* codex.thread.unarchive(thread.id)
      expect((yield* thread.run("two")).text).toBe("2")
    }).pipe(against(run3))
  )

  it.live("whose thread was deleted fails at once", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      yield* thread.run("one")
      yield* codex.thread.delete(thread.id)
      expect((yield* Effect.flip(thread.run("deleted")))._tag).toBe("SessionNotFound")
    }).pipe(against(run3))
  )

  for (const [what, leave, tag] of [
    // The server interrupts the turn before it says so.
    ["archived", (codex: Codex.Codex["Service"], id: string) => codex.thread.archive(id), "SessionArchived"],
    ["deleted", (codex: Codex.Codex["Service"], id: string) => codex.thread.delete(id), "SessionNotFound"]
  ] as const) {
    it.live(`whose thread is ${what} while its turn runs fails at once`, () =>
      Effect.gen(function* () {
        const held = yield* gate
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start()
          yield* thread.run("one")
          const turn = yield* thread.turn("hang")
          yield* held.reached
          yield* Effect.ignore(leave(codex, thread.id))
          const exit = yield* Effect.exit(turn.result)
          expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "TurnInterrupted" } })
          expect((yield* Effect.flip(thread.run("next")))._tag).toBe(tag)
        }).pipe(Effect.scoped, against([reply(text("1")), reply(text("so far", held))]))
      })
    )
  }

  it.live("whose thread is unsubscribed from while its turn runs gets the turn's end, and keeps its policy", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start()
        yield* thread.run("one")
        const turn = yield* thread.turn("hang")
        yield* turn.text.pipe(Stream.take(1), Stream.runDrain)
        yield* codex.thread.unsubscribe(thread.id)
        const next = yield* Effect.forkChild(thread.run("three"), { startImmediately: true })
        yield* Effect.sleep(100)
        yield* held.open
        expect((yield* turn.result).text).toContain("so far")
        expect((yield* Fiber.join(next)).text).toBe("3")
      }).pipe(Effect.scoped, against([reply(text("1")), reply(text("so far", held)), reply(text("3"))]))
    })
  )
})

describe.skipIf(lacks("subAgents"))("the tokens of sub-agents", () => {
  const script: MockModel.Script = [
    when("child task", reply(text("child done"), MockModel.usage({ input: 2000, output: 331 }))),
    reply(MockModel.spawnAgent("child task")),
    (request) => reply(MockModel.waitAgent([JSON.parse(request.lastToolOutput?.output ?? "{}").agent_id])),
    reply(text("done"))
  ]

  it.live("are in the usage, apart and together", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { usage } = yield* codex.responses.create({ prompt: "Spawn one" })
      expect(usage?.subAgents).toMatchObject({ totalTokens: 2331, inputTokens: 2000, outputTokens: 331 })
      expect(usage?.withSubAgents.totalTokens).toBe((usage?.turn.totalTokens ?? 0) + 2331)
    }).pipe(against(script))
  )

  it.live("are in the turn's span, apart and together", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const codex = yield* Codex.Codex
      const { usage } = yield* Effect.withTracer(codex.responses.create({ prompt: "Spawn one" }), tracer)
      const { attributes } = spans.find(({ name }) => name === "invoke_agent codex") ?? { attributes: new Map() }
      expect(attributes.get("codex.usage.sub_agents.input_tokens")).toBe(2000)
      expect(attributes.get("codex.usage.sub_agents.output_tokens")).toBe(331)
      expect(attributes.get("gen_ai.usage.input_tokens")).toBe(usage?.withSubAgents.inputTokens)
    }).pipe(against(script))
  )

  it.live("count against the budget", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Spawn one", budget: { tokens: 1500 } }))
      expect(failure).toMatchObject({ _tag: "BudgetExceeded", limit: "tokens", scope: "turn" })
      expect(failure).toMatchObject({ response: { usage: { subAgents: { totalTokens: 2331 } } } })
    }).pipe(against(script))
  )
})

describe("law 14: nothing is kept that is over, on the real server", () => {
  // Three hundred of each take minutes.
  const times = Number(process.env["CODEX_TEST_MANY"] ?? 30)

  it.live(
    "of one-shots and of threads: no table grows, and the server has let them go",
    () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const many = (count: number) =>
          Effect.forEach(
            Array.from({ length: count }),
            () =>
              Effect.gen(function* () {
                yield* codex.responses.create({ prompt: "one-shot" })
                const thread = yield* codex.thread.start()
                yield* thread.run("on a thread")
                yield* codex.thread.unsubscribe(thread.id)
              }),
            { concurrency: 2, discard: true }
          )
        yield* many(5)
        const { remembered: _, ...before } = codex[tables]()
        yield* many(times)
        const { remembered, ...after } = codex[tables]()
        expect(after).toEqual(before)
        expect(after).toMatchObject({ joined: 0, bindings: 0, routes: 0, roots: 0, active: 0, waiting: 0, pending: 0 })
        expect(remembered).toBe(5 + times)
      }).pipe(against(() => reply(text("done")))),
    600_000
  )
})

// Another client of the server on the socket.
const second = Layer.unwrap(
  Effect.map(socketPath, (path) => Codex.layerWebSocket({ url: `ws+unix://${path}:/` }))
).pipe(Layer.provide(services))

describe("law 12: two clients of one server", () => {
  const shared = (script: MockModel.Script) =>
    Effect.provide(
      Layer.merge(transports["a Unix socket"], PolicyEngine.layerDeclineAll).pipe(
        Layer.provideMerge(CodexTest.layerHome(script, { verifyOnClose: false }))
      )
    )
  const accept = Layer.succeed(PolicyEngine.PolicyEngine)(
    PolicyEngine.make({ command: () => Effect.succeed({ decision: "accept", by: "owner" }) })
  )

  it.live("a prompt waits for the other's turn, or fails, and is never answered with it", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const first = yield* Codex.Codex
        const thread = yield* first.thread.start()
        yield* thread.run("begin")
        yield* Effect.gen(function* () {
          const other = yield* Effect.flatMap(Codex.Codex, (codex) => codex.thread.resume(thread.id))
          const turn = yield* thread.turn("hang")
          yield* held.reached
          expect(yield* Effect.flip(other.run({ prompt: "mine", whenBusy: "fail" }))).toMatchObject({
            _tag: "ThreadBusy",
            turnId: turn.id,
            delivered: false
          })
          const waiting = yield* Effect.forkChild(other.run("mine"), { startImmediately: true })
          yield* Effect.sleep(50)
          expect(waiting.pollUnsafe()).toBeUndefined()
          yield* held.open
          expect((yield* turn.result).text).toContain("so far")
          expect((yield* Fiber.join(waiting)).text).toBe("mine too")
        }).pipe(Effect.provide(second))
      }).pipe(
        Effect.scoped,
        shared([
          when("begin", reply(text("begun"))),
          when("hang", reply(text("so far", held))),
          when("mine", reply(text("mine too")))
        ])
      )
    })
  )

  it.live("that start at the same moment have each its own answer, or are told that the thread is busy", () =>
    Effect.gen(function* () {
      const first = yield* Codex.Codex
      const thread = yield* first.thread.start()
      yield* thread.run("begin 0")
      yield* Effect.gen(function* () {
        const other = yield* Effect.flatMap(Codex.Codex, (codex) => codex.thread.resume(thread.id))
        for (let n = 1; n <= 20; n++) {
          const [one, two] = yield* Effect.all(
            [Effect.exit(thread.run(`one ${n}`)), Effect.exit(other.run(`two ${n}`))],
            { concurrency: "unbounded" }
          )
          const turns: Array<string | undefined> = []
          for (const [exit, own] of [
            [one, `one ${n}`],
            [two, `two ${n}`]
          ] as const) {
            if (Exit.isFailure(exit)) {
              expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "ThreadBusy", delivered: true } })
              continue
            }
            // The other's prompt may have been added to it.
            const prompt = exit.value.items.find((item) => item.type === "userMessage")
            expect(prompt).toMatchObject({ content: [{ text: own }] })
            turns.push(exit.value.turnId)
          }
          expect(new Set(turns).size).toBe(turns.length)
          expect(turns.length).toBeGreaterThan(0)
        }
      }).pipe(Effect.provide(second))
    }).pipe(shared((request) => reply(text(`answer to ${request.lastUserText}`))))
  )

  it.live("one that has only resumed the thread answers none of the owner's approvals, and says so once", () =>
    Effect.gen(function* () {
      const first = yield* Codex.Codex
      const thread = yield* first.thread.start({ approvalPolicy: "untrusted" })
      yield* thread.run("begin")
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => {
        logged.push(String(message))
      })
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* codex.thread.resume(thread.id)
        const written: Array<string> = []
        const tap = yield* Effect.forkChild(
          Stream.runForEach(codex.frames, ({ direction, text: line }) =>
            Effect.sync(() => {
              if (direction === "out") written.push(line)
            })
          ),
          { startImmediately: true }
        )
        for (const count of [1, 2]) {
          const response = yield* thread.run(`run it ${count}`).pipe(Effect.provide(accept))
          expect(response.items.find(({ type }) => type === "commandExecution")).toMatchObject({ status: "completed" })
        }
        yield* Fiber.interrupt(tap)
        expect(written.filter((line) => line.includes('"result"'))).toEqual([])
      }).pipe(Effect.provide(Layer.provideMerge(second, Logger.layer([logger]))))
      expect(logged.filter((line) => line.startsWith("Left the requests")).length).toBe(1)
    }).pipe(
      shared((request) => {
        const count = /^run it (\d)$/.exec(request.lastUserText)?.[1]
        return count !== undefined && request.toolOutputs.length < Number(count)
          ? reply(execCommand({ cmd: "true", escalate: true }))
          : reply(text("done"))
      })
    )
  )
})

describe("law 12: a client of a shared server that gives a thread a policy", () => {
  it.live("answers for the other client's turns on it", () =>
    Effect.gen(function* () {
      const first = yield* Codex.Codex
      const thread = yield* first.thread.start({ approvalPolicy: "untrusted" })
      yield* thread.run("begin")
      const asked: Array<string | undefined> = []
      const policy = PolicyEngine.make({
        command: ({ turnId }) =>
          Effect.sync(() => {
            asked.push(turnId)
            return { decision: "accept", by: "the other client" }
          })
      })
      yield* Effect.gen(function* () {
        yield* Effect.flatMap(Codex.Codex, (codex) => codex.thread.resume(thread.id, { policy }))
        const response = yield* thread.run("run it")
        expect(asked).toEqual([response.turnId])
        expect(response.items.find(({ type }) => type === "commandExecution")).toMatchObject({ status: "completed" })
      }).pipe(Effect.provide(second))
    }).pipe(
      Effect.provide(
        Layer.merge(
          transports["a Unix socket"],
          Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ command: () => Effect.never }))
        ).pipe(
          Layer.provideMerge(
            CodexTest.layerHome(
              [reply(text("begun")), reply(execCommand({ cmd: "true", escalate: true })), reply(text("done"))],
              { verifyOnClose: false }
            )
          )
        )
      )
    )
  )
})

describe("a review that can't begin", () => {
  it.live("fails with the server's reason, and its thread takes the next turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const review = yield* thread.review({ type: "baseBranch", branch: "main" })
      const failed = yield* Effect.flip(review.result)
      expect(failed._tag).toBe("TurnFailed")
      expect(failed.message).toContain("is not a git repository")
      expect(failed.message).not.toContain("may still be running")
      expect(failed).toMatchObject({ response: { status: "failed" } })
      yield* review.interrupt
      expect((yield* thread.run("Go on")).text).toBe("on")
    }).pipe(Effect.scoped, against([reply(text("on"))]))
  )
})

describe("an owner that leaves with an approval open", () => {
  it.live("answers nothing after the server has withdrawn it", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const frames: Array<{ readonly direction: "in" | "out"; readonly text: string }> = []
      const over = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        Stream.runForEach(codex.frames, (frame) => {
          frames.push(frame)
          return frame.text.includes('"account/read"') ? Deferred.succeed(over, undefined) : Effect.void
        }),
        { startImmediately: true }
      )
      for (let n = 0; n < 20; n++) {
        const asked = yield* Effect.forkChild(
          until(codex.serverRequests, () => true),
          { startImmediately: true }
        )
        const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "run it" }), { startImmediately: true })
        yield* Fiber.join(asked)
        yield* Fiber.interrupt(fiber)
      }
      // Every message of the server so far has been read when the first of these is answered, and every answer written.
      yield* codex.thread.loadedListPage()
      yield* codex.request("account/read", {})
      yield* Deferred.await(over)
      const messages = frames.map(({ direction, text }) => ({ direction, ...JSON.parse(text) }))
      const withdrawn = messages.flatMap((message, at) => (message.method === "serverRequest/resolved" ? [at] : []))
      expect(withdrawn.length).toBeGreaterThan(0)
      for (const at of withdrawn) {
        const id = messages[at].params.requestId
        const answers = messages.filter((message) => message.direction === "out" && message.method === undefined)
        expect(answers.filter((answer) => answer.id === id && messages.indexOf(answer) > at)).toEqual([])
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.merge(
          CodexTest.layer(() => reply(execCommand({ cmd: "true", escalate: true })), { verifyOnClose: false }),
          Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ command: () => Effect.never }))
        )
      )
    )
  )
})

describe("a turn that is over", () => {
  it.live("takes no more input, and an interrupt of it succeeds", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const turn = yield* thread.turn("one")
      yield* turn.result
      expect(yield* Effect.flip(turn.steer("late"))).toMatchObject({ _tag: "TurnOver", turnId: turn.id })
      yield* turn.interrupt
      const next = yield* thread.turn("two")
      expect(yield* Effect.flip(turn.steer("later"))).toMatchObject({ _tag: "TurnOver", turnId: turn.id })
      yield* turn.interrupt
      expect((yield* next.result).text).toBe("2")
    }).pipe(Effect.scoped, against([reply(text("1")), reply(text("2"))]))
  )
})

describe("a process that is killed while its turn is being stopped", () => {
  it.live("holds nobody up", () =>
    Effect.gen(function* () {
      for (const after of [0, 1, 5, 20]) {
        const held = yield* gate
        const pids: Array<number> = []
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "hang" }), { startImmediately: true })
          yield* held.reached
          const leaving = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
          yield* Effect.sleep(after)
          for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL")
          yield* Fiber.join(leaving)
          expect((yield* Effect.flip(codex.closed))._tag).toBe("ConnectionFailed")
          const { pending, routes } = codex[tables]()
          expect({ pending, routes, after }).toEqual({ pending: 0, routes: 0, after })
        }).pipe(
          Effect.provide(
            Layer.merge(layerRecording(pids, { stopTimeout: "10 minutes" }), PolicyEngine.layerDeclineAll).pipe(
              Layer.provideMerge(CodexTest.layerHome([reply(text("so far", held))], { verifyOnClose: false }))
            )
          )
        )
      }
    })
  )
})
