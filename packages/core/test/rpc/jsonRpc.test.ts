import { ConnectionFailed } from "@effect-codex/core/CodexError"
import * as JsonRpc from "../../src/internal/rpc/jsonRpc.ts"
import type { Transport } from "@effect-codex/core/Transport"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { eventually, nothingMore, until } from "../waiting.ts"

type Frame = { readonly [K in string]?: unknown }

// Both ends of a connection in one place: what was sent is kept, what is received is said by the test.
const connect = Effect.fnUntraced(function* (
  onRequest: JsonRpc.Receiver["onRequest"] = () => Effect.succeed("answered"),
  onNotification?: JsonRpc.Receiver["onNotification"],
  onEnd?: JsonRpc.Receiver["onEnd"],
  onThrow?: JsonRpc.Receiver["onThrow"]
) {
  const sent: Array<Frame> = []
  const written: Array<string> = []
  const notifications: Array<JsonRpc.WireNotification> = []
  const ended: Array<ConnectionFailed> = []
  let receiver: Parameters<Transport["Service"]["listen"]>[0] = { onLines: () => {}, onEnd: () => {} }
  const rpc = yield* JsonRpc.make(
    {
      listen: (given) =>
        Effect.sync(() => {
          receiver = given
        }),
      room: Effect.void,
      hasRoom: () => true,
      write: (line) => {
        written.push(line)
        sent.push(JSON.parse(line))
      },
      diagnostics: Effect.succeed([])
    },
    {
      onNotification: (notification, length) => {
        onNotification?.(notification, length)
        notifications.push(notification)
      },
      onThrow,
      onRequest,
      onEnd: (error) => {
        onEnd?.(error)
        ended.push(error)
      }
    }
  )
  const linesNow = (...texts: ReadonlyArray<string>) => {
    if (Arr.isReadonlyArrayNonEmpty(texts)) receiver.onLines(texts)
  }
  const lines = (...texts: ReadonlyArray<string>) =>
    Effect.andThen(
      Effect.sync(() => linesNow(...texts)),
      Effect.yieldNow
    )
  const receive = (...frames: ReadonlyArray<unknown>) => lines(...frames.map((frame) => JSON.stringify(frame)))
  const end = Effect.sync(() =>
    receiver.onEnd(new ConnectionFailed({ reason: { _tag: "Exited", code: 1 }, stderr: [] }))
  )
  return { rpc, sent, written, notifications, ended, lines, linesNow, receive, end }
})

const pending = (rpc: JsonRpc.JsonRpc, count: number) =>
  until(`${count} requests wait for a response`, () => rpc.sizes().pending === count)

describe("requests of ours", () => {
  it.effect("get their own response, in whatever order those come", () =>
    Effect.gen(function* () {
      const { receive, rpc, sent } = yield* connect()
      const fibers = yield* Effect.forEach(["a", "b", "c"], (method) =>
        Effect.forkChild(rpc.request(method, { method }))
      )
      yield* eventually(() =>
        expect(sent.map(({ method, params }) => ({ method, params }))).toEqual(
          ["a", "b", "c"].map((method) => ({ method, params: { method } }))
        )
      )
      yield* receive(...sent.toReversed().map(({ id, method }) => ({ id, result: `for ${String(method)}` })))
      expect(yield* Effect.forEach(fibers, Fiber.join)).toEqual(["for a", "for b", "for c"])
    })
  )

  it.effect("fail with the error of the server, kept whole", () =>
    Effect.gen(function* () {
      const { receive, rpc } = yield* connect()
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.asVoid(rpc.request("a", {}))))
      yield* pending(rpc, 1)
      yield* receive({ id: 1, error: { code: -32600, message: "no", data: { why: "because" } } })
      expect(yield* Fiber.join(fiber)).toMatchObject({
        _tag: "RpcError",
        code: -32600,
        description: "no",
        data: { why: "because" }
      })
    })
  )

  it.effect("are forgotten when interrupted: a late response is ignored, or goes to who asked for it", () =>
    Effect.gen(function* () {
      const { receive, rpc } = yield* connect()
      const late: Array<unknown> = []
      const ignored = yield* Effect.forkChild(rpc.request("a", {}))
      const wanted = yield* Effect.forkChild(rpc.request("b", {}, { onLate: (result) => late.push(result) }))
      yield* pending(rpc, 2)
      yield* Fiber.interrupt(ignored)
      yield* Fiber.interrupt(wanted)
      yield* receive({ id: 1, result: "one" }, { id: 2, result: "two" }, { id: 2, result: "again" })
      yield* eventually(() => expect(late).toEqual(["two"]))
    })
  )

  it.effect("that were left are waited for up to 1,024: the oldest is given up first", () =>
    Effect.gen(function* () {
      const { end, receive, rpc } = yield* connect()
      const late: Array<unknown> = []
      for (let n = 0; n < 1025; n++) {
        const fiber = yield* Effect.forkChild(rpc.request("a", {}, { onLate: (result) => late.push(result) }), {
          startImmediately: true
        })
        yield* Fiber.interrupt(fiber)
      }
      expect(rpc.sizes()).toMatchObject({ pending: 0, late: 1024 })
      yield* receive({ id: 1, result: "one" }, { id: 2, result: "two" }, { id: 1025, result: "last" })
      yield* eventually(() => expect(late).toEqual(["two", "last"]))
      expect(rpc.sizes()).toMatchObject({ pending: 0, late: 1022 })
      yield* end
      expect(rpc.sizes()).toMatchObject({ pending: 0, late: 0 })
    })
  )

  it.effect("survive responses to nobody, twice the same, and with both a result and an error", () =>
    Effect.gen(function* () {
      const { receive, rpc } = yield* connect()
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.asVoid(rpc.request("a", {}))))
      yield* pending(rpc, 1)
      yield* receive(
        { id: 99, result: 1 },
        { id: "1", result: 1 },
        { id: 1, result: 1, error: { code: 1, message: "both" } }
      )
      expect((yield* Fiber.join(fiber))._tag).toBe("RpcError")
      yield* receive({ id: 1, result: 1 })
      const next = yield* Effect.forkChild(rpc.request("b", {}))
      yield* pending(rpc, 1)
      yield* receive({ id: 2, result: "fine", error: null })
      expect(yield* Fiber.join(next)).toBe("fine")
    })
  )

  it.effect("fail when the reply has neither a result nor an error, as there will be no other", () =>
    Effect.gen(function* () {
      const { receive, rpc } = yield* connect()
      for (const reply of [{}, { error: null }, { params: {} }]) {
        const fiber = yield* Effect.forkChild(Effect.flip(Effect.asVoid(rpc.request("a", {}))))
        yield* pending(rpc, 1)
        const before = yield* rpc.malformed
        yield* receive({ id: before + 1, ...reply })
        expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "RpcError", code: -32603 })
        expect(yield* rpc.malformed).toBe(before + 1)
      }
    })
  )

  it.effect("law 15: with half of a surrogate pair in their text are written with U+FFFD in its place", () =>
    Effect.gen(function* () {
      const { rpc, sent, written } = yield* connect()
      yield* Effect.forkChild(rpc.request("a", { text: "status 😀".slice(0, 8), deep: [{ name: "\udc00x" }] }))
      yield* until("a request is sent", () => sent.length === 1)
      expect(written[0]).not.toMatch(/\\ud[89a-f]/i)
      expect(sent[0]?.["params"]).toEqual({ text: "status \ufffd", deep: [{ name: "\ufffdx" }] })
    })
  )

  it.effect(
    "law 15: with half of a surrogate pair where it would name something else are refused, and nothing is written",
    () =>
      Effect.gen(function* () {
        const { rpc, sent } = yield* connect()
        for (const params of [
          { threadId: "\ud83d" },
          { path: "/tmp/\ud83d" },
          { cwd: "/\ud83d" },
          { command: ["rm", "\ud83d"] },
          { env: { HOME: "\ud83d" } },
          { input: [{ type: "localImage", path: "\ud83d.png" }] },
          { "\ud83d": 1 }
        ]) {
          expect(yield* Effect.flip(Effect.asVoid(rpc.request("a", params)))).toMatchObject({
            _tag: "RpcError",
            code: -32602,
            description: expect.stringContaining("half of a surrogate pair")
          })
        }
        expect(yield* Effect.flip(Effect.asVoid(rpc.request("\ud83d", {})))).toMatchObject({ code: -32602 })
        expect(sent).toEqual([])
      })
  )

  it.effect("may be many at once, answered in reverse", () =>
    Effect.gen(function* () {
      const { receive, rpc, sent } = yield* connect()
      const count = 100_000
      const fiber = yield* Effect.forEach(Arr.range(1, count), (index) => rpc.request("a", { index }), {
        concurrency: "unbounded"
      }).pipe(Effect.forkChild)
      yield* until("all are sent", () => sent.length === count)
      for (const chunk of Arr.chunksOf(sent.toReversed(), 1000)) {
        yield* receive(...chunk.map(({ id }) => ({ id, result: id })))
      }
      const results = yield* Fiber.join(fiber)
      expect(results.length).toBe(count)
      expect(results.every((result, index) => result === sent[index]?.["id"])).toBe(true)
    })
  )

  it.effect("all fail when the connection ends, and at once when made after that", () =>
    Effect.gen(function* () {
      const { end, ended, rpc } = yield* connect()
      const fibers = yield* Effect.forEach(["a", "b"], (method) =>
        Effect.forkChild(Effect.flip(Effect.asVoid(rpc.request(method, {}))))
      )
      yield* pending(rpc, 2)
      yield* end
      for (const fiber of fibers)
        expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Exited", code: 1 } })
      expect((yield* Effect.flip(Effect.asVoid(rpc.request("c", {}))))._tag).toBe("ConnectionFailed")
      expect((yield* Effect.flip(rpc.closed))._tag).toBe("ConnectionFailed")
      expect(ended.length).toBe(1)
    })
  )

  it.effect("fail when the scope closes", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          const { rpc } = yield* connect()
          const fiber = yield* Effect.forkDetach(Effect.flip(Effect.asVoid(rpc.request("a", {}))))
          yield* pending(rpc, 1)
          return fiber
        })
      )
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: { _tag: "Closed" } })
    })
  )
})

describe("requests of the server", () => {
  it.effect("are answered under their own id, a string or an integer", () =>
    Effect.gen(function* () {
      const { receive, sent } = yield* connect(({ method }) => Effect.succeed(method))
      yield* receive({ id: 1, method: "a", params: {} }, { id: "1", method: "b", params: {} })
      yield* eventually(() =>
        expect(sent).toEqual([
          { id: 1, result: "a" },
          { id: "1", result: "b" }
        ])
      )
    })
  )

  it.effect("get an error for a handler's failure, its defect, and a result that has no JSON", () =>
    Effect.gen(function* () {
      const answers: { readonly [K in string]?: Effect.Effect<unknown, JsonRpc.RpcError> } = {
        failure: Effect.fail(new JsonRpc.RpcError({ code: -32000, description: "no" })),
        defect: Effect.die(new Error("broken")),
        json: Effect.succeed(1n)
      }
      const { receive, sent } = yield* connect(({ method }) => answers[method] ?? Effect.succeed("fine"))
      yield* receive(...["failure", "defect", "json", "other"].map((method, id) => ({ id, method, params: {} })))
      yield* eventually(() =>
        expect(sent).toEqual([
          { id: 0, error: { code: -32000, message: "no" } },
          { id: 1, error: { code: -32603, message: "Internal error" } },
          { id: 2, error: { code: -32603, message: "Internal error" } },
          { id: 3, result: "fine" }
        ])
      )
    })
  )

  it.effect("are answered in well-formed Unicode, and with an error where that would change what is meant", () =>
    Effect.gen(function* () {
      const answers: { readonly [K in string]?: Effect.Effect<unknown, JsonRpc.RpcError> } = {
        text: Effect.succeed({ contentItems: [{ type: "inputText", text: "\ud83d" }] }),
        path: Effect.succeed({ permissions: { fileSystem: { write: ["/\ud83d"] } } }),
        failure: Effect.fail(new JsonRpc.RpcError({ code: -32000, description: "no \ud83d" })),
        data: Effect.fail(new JsonRpc.RpcError({ code: -32000, description: "no", data: 1n })),
        nothing: Effect.void
      }
      const { receive, sent, written } = yield* connect(({ method }) => answers[method] ?? Effect.void)
      yield* receive(...Object.keys(answers).map((method, id) => ({ id, method, params: {} })))
      yield* until("all are answered", () => sent.length === 5)
      expect(written.join("")).not.toMatch(/\\ud[89a-f]/i)
      expect(sent.toSorted((a, b) => Number(a["id"]) - Number(b["id"]))).toEqual([
        { id: 0, result: { contentItems: [{ type: "inputText", text: "\ufffd" }] } },
        { id: 1, error: { code: -32603, message: "Internal error" } },
        { id: 2, error: { code: -32000, message: "no \ufffd" } },
        { id: 3, error: { code: -32603, message: "Internal error" } },
        { id: 4, result: null }
      ])
    })
  )

  it.effect("that are withdrawn interrupt their handler and are not answered", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const { receive, rpc, sent } = yield* connect(() =>
        Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      )
      yield* receive({ id: 7, method: "a", params: {} })
      rpc.withdraw(7)
      yield* Deferred.await(interrupted)
      yield* nothingMore
      expect(sent).toEqual([])
      rpc.withdraw(8)
    })
  )

  it.effect("do not hold up responses, and their handler may make requests", () =>
    Effect.gen(function* () {
      const box: { rpc?: JsonRpc.JsonRpc } = {}
      const { receive, rpc, sent } = yield* connect(({ method }) =>
        method === "never" ? Effect.never : Effect.orDie(box.rpc?.request("inner", {}) ?? Effect.void)
      )
      box.rpc = rpc
      yield* receive({ id: "n", method: "never", params: {} }, { id: "r", method: "reenter", params: {} })
      yield* eventually(() => expect(sent).toMatchObject([{ id: 1, method: "inner" }]))
      yield* receive({ id: 1, result: "inside" })
      yield* eventually(() => expect(sent.at(-1)).toEqual({ id: "r", result: "inside" }))
    })
  )

  it.effect("under an id that is still open take its place", () =>
    Effect.gen(function* () {
      const { receive, sent } = yield* connect(({ method }) =>
        method === "first" ? Effect.never : Effect.succeed(method)
      )
      yield* receive({ id: 1, method: "first", params: {} }, { id: 1, method: "second", params: {} })
      yield* eventually(() => expect(sent).toEqual([{ id: 1, result: "second" }]))
    })
  )
})

describe("what is thrown by who gets a message", () => {
  it.effect("keeps nobody from getting the next one", () =>
    Effect.gen(function* () {
      const { lines, notifications, rpc } = yield* connect(undefined, ({ method }) => {
        if (method === "bad") throw new RangeError("Invalid string length")
      })
      const fiber = yield* Effect.forkChild(rpc.request("a", {}))
      yield* pending(rpc, 1)
      yield* lines(
        '{"method":"1"}',
        '{"method":"bad"}',
        '{"method":"2"}',
        '{"method":"bad"}',
        '{"id":1,"result":"fine"}'
      )
      expect(yield* Fiber.join(fiber)).toBe("fine")
      expect(notifications.map(({ method }) => method)).toEqual(["1", "2"])
    })
  )

  it.effect("is handed to the receiver, before the next message, and logged where that does not see to it", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => logged.push(message))
      const { lines } = yield* connect(
        undefined,
        ({ method }) => {
          told.push(method)
          if (method.startsWith("bad")) throw new RangeError(method)
        },
        undefined,
        (cause) => {
          told.push(String(cause))
          return String(cause).endsWith("bad")
        }
      ).pipe(Effect.provide(Logger.layer([logger])))
      yield* lines('{"method":"bad"}', '{"method":"1"}', '{"method":"bad too"}')
      expect(told).toEqual(["bad", "RangeError: bad", "1", "bad too", "RangeError: bad too"])
      yield* eventually(() => expect(logged.length).toBe(1))
    })
  )

  it.effect("keeps nobody from being told of the end", () =>
    Effect.gen(function* () {
      const { end, rpc } = yield* connect(undefined, undefined, () => {
        throw new RangeError("Invalid string length")
      })
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.asVoid(rpc.request("a", {}))))
      yield* pending(rpc, 1)
      yield* end
      expect((yield* Fiber.join(fiber))._tag).toBe("ConnectionFailed")
      expect((yield* Effect.flip(rpc.closed))._tag).toBe("ConnectionFailed")
    })
  )
})

describe("what a receiver brings about while it is told of a message", () => {
  it.effect("comes after that message and the rest of its chunk, and so does the end", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const runSync = Effect.runSyncWith(yield* Effect.context())
      const { end, lines, linesNow } = yield* connect(
        undefined,
        ({ method }) => {
          if (method === "1") {
            linesNow('{"method":"3"}')
            runSync(end)
          }
          told.push(method)
        },
        () => told.push("end")
      )
      yield* lines('{"method":"1"}', '{"method":"2"}')
      expect(told).toEqual(["1", "2", "3", "end"])
    })
  )
})

describe("lines that are no message", () => {
  const bad = [
    "plain text",
    '{"method":"a","par',
    "[]",
    "42",
    "null",
    '"text"',
    "true",
    '{"foo":1}',
    '{"id":null,"error":{"code":1,"message":"x"}}',
    '{"id":99}',
    '{"method":"x","id":null}',
    '{"method":"x","id":true}',
    '{"method":"x","id":1.5}',
    '{"id":true,"result":1}',
    "\uFFFD\uFFFD"
  ]

  it.effect("are skipped, and what is around them is not", () =>
    Effect.gen(function* () {
      const { lines, notifications, rpc, sent } = yield* connect()
      const fiber = yield* Effect.forkChild(rpc.request("a", {}))
      yield* pending(rpc, 1)
      for (const line of bad) yield* lines('{"method":"before"}', line, '{"method":"after"}')
      yield* lines('{"id":1,"result":"fine"}')
      expect(yield* Fiber.join(fiber)).toBe("fine")
      expect(notifications.map(({ method }) => method)).toEqual(bad.flatMap(() => ["before", "after"]))
      expect(sent.length).toBe(1)
    })
  )

  it.effect("are logged, the first as a warning with a short preview", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      logged.push(`${logLevel}: ${String(message)}`)
    })
    return Effect.gen(function* () {
      const { lines, rpc } = yield* connect()
      yield* lines(`x${"y".repeat(10_000)}`, "second")
      yield* eventually(() => expect(logged.length).toBe(1))
      expect(yield* rpc.firstMalformed).toMatch(/^xyyy/)
      expect(logged.length).toBe(1)
      expect(logged[0]).toMatch(/^Warn.*not JSON.*xyyy/)
      expect(logged[0]?.length).toBeLessThan(400)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("are logged without the secrets that they look to have, and with nothing that a terminal obeys", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => {
      logged.push(String(message))
    })
    return Effect.gen(function* () {
      const { lines } = yield* connect()
      const secret = `sk-${"a1".repeat(200)}`
      yield* lines(`\uFEFF\u001b[31mAPI_TOKEN=hunter2hunter2 ${"x".repeat(100)} ${secret}`)
      yield* eventually(() => expect(logged.length).toBe(1))
      expect(logged[0]).toContain("\\u{feff}\\u{1b}[31mAPI_TOKEN=[redacted]")
      expect(logged[0]).not.toContain("sk-a1")
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})
