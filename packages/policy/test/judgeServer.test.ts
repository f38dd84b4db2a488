import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { eventually, until } from "../../core/test/waiting.ts"
import * as JudgeHome from "../src/internal/judge/home.ts"
import * as JudgeServer from "../src/internal/judge/server.ts"

const question = { instructions: "", prompt: "hello", answer: Schema.Never }

// Servers that can be told to end, each with the number of its start; which of them run, and how often they were asked.
const servers = (ask: (server: number) => Effect.Effect<string, string>) => {
  const running = new Set<number>()
  let questions = 0
  const ends: Array<Deferred.Deferred<void>> = []
  const start = Effect.gen(function* () {
    const number = ends.length
    const ended = Deferred.makeUnsafe<void>()
    ends.push(ended)
    yield* Effect.acquireRelease(
      Effect.sync(() => running.add(number)),
      () => Effect.sync(() => running.delete(number))
    )
    const answer = Effect.suspend(() => {
      questions++
      return ask(number)
    })
    return { ask: () => answer, ended: Deferred.await(ended) }
  })
  const end = (server: number) => Deferred.succeed(ends[server] ?? Deferred.makeUnsafe(), undefined)
  const asked = (times: number) => until(`${times} questions were asked`, () => questions === times)
  return { asked, end, running, start }
}

describe("the home that a judge takes its account from", () => {
  it.effect("is found as codex finds it, and never below the working directory", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const home = (environment: Record<string, string>) => JudgeHome.userHome(environment, path)
      expect(home({ CODEX_HOME: "/codex", HOME: "/home/me" })).toBe("/codex")
      expect(home({ CODEX_HOME: "", HOME: "/home/me" })).toBe("/home/me/.codex")
      expect(home({ USERPROFILE: "/users/me" })).toBe("/users/me/.codex")
      expect(home({})).toBeUndefined()
      expect(home({ HOME: "" })).toBeUndefined()
    }).pipe(Effect.provide(Path.layer))
  )
})

describe("a server for a judge", () => {
  it.effect("runs from the start, answers all questions, and goes with the scope", () =>
    Effect.gen(function* () {
      const { running, start } = servers((server) => Effect.succeed(`server ${server}`))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const ask = yield* JudgeServer.renewing(start)
          expect(running).toEqual(new Set([0]))
          expect([yield* ask(question), yield* ask(question)]).toEqual(["server 0", "server 0"])
          expect(running).toEqual(new Set([0]))
        })
      )
      expect(running).toEqual(new Set())
    })
  )

  it.effect("is another one after a question that failed", () =>
    Effect.gen(function* () {
      const { running, start } = servers((server) => (server === 0 ? Effect.fail("no") : Effect.succeed("yes")))
      const ask = yield* JudgeServer.renewing(start)
      expect(yield* Effect.flip(ask(question))).toBe("no")
      expect(yield* ask(question)).toBe("yes")
      yield* eventually(() => expect(running).toEqual(new Set([1])))
    }).pipe(Effect.scoped)
  )

  it.effect("is another one after a question that was given up", () =>
    Effect.gen(function* () {
      const { asked, running, start } = servers((server) => (server === 0 ? Effect.never : Effect.succeed("yes")))
      const ask = yield* JudgeServer.renewing(start)
      const fiber = yield* Effect.forkChild(Effect.timeoutOption(ask(question), "8 seconds"))
      yield* asked(1)
      yield* TestClock.adjust("8 seconds")
      yield* Fiber.join(fiber)
      expect(yield* ask(question)).toBe("yes")
      yield* eventually(() => expect(running).toEqual(new Set([1])))
    }).pipe(Effect.scoped)
  )

  it.effect("is replaced once when several questions on it were given up, one after the other", () =>
    Effect.gen(function* () {
      const { asked, running, start } = servers((server) =>
        server === 0 ? Effect.never : Effect.succeed(`server ${server}`)
      )
      const ask = yield* JudgeServer.renewing(start)
      const [first, second] = [yield* Effect.forkChild(ask(question)), yield* Effect.forkChild(ask(question))]
      yield* asked(2)
      yield* Fiber.interrupt(first)
      expect(yield* ask(question)).toBe("server 1")
      expect(running).toEqual(new Set([0, 1]))
      yield* Fiber.interrupt(second)
      yield* eventually(() => expect(running).toEqual(new Set([1])))
      expect(yield* ask(question)).toBe("server 1")
      expect(running).toEqual(new Set([1]))
    }).pipe(Effect.scoped)
  )

  it.effect("is another one when it has ended while nobody asked", () =>
    Effect.gen(function* () {
      const { end, running, start } = servers((server) => Effect.succeed(`server ${server}`))
      const ask = yield* JudgeServer.renewing(start)
      yield* end(0)
      yield* eventually(() => expect(running).toEqual(new Set()))
      expect(yield* ask(question)).toBe("server 1")
    }).pipe(Effect.scoped)
  )

  it.effect("that can't be started fails at once, and later with the question", () =>
    Effect.gen(function* () {
      const broken = Effect.fail("no binary")
      expect(yield* Effect.flip(JudgeServer.renewing(broken))).toBe("no binary")
      let starts = 0
      const { start } = servers(() => Effect.fail("no"))
      const ask = yield* JudgeServer.renewing(Effect.suspend(() => (starts++ === 0 ? start : broken)))
      yield* Effect.flip(ask(question))
      expect(yield* Effect.flip(ask(question))).toBe("no binary")
    }).pipe(Effect.scoped)
  )
})
