/**
 * Leaves a turn between any two steps of its fibers. A fiber can be interrupted there, because it gives way to others after some
 * number of steps; and what runs while a request is sent, like a tracer, can close the scope of the turn.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { tables } from "../../src/internal/thread/threads.ts"
import { nothingMore } from "../waiting.ts"

const against = (options: MockAppServer.LayerOptions, defaults?: Codex.Defaults) =>
  Effect.provide(
    Layer.merge(
      Codex.layerAppServer(defaults).pipe(Layer.provideMerge(MockAppServer.layer(options))),
      PolicyEngine.layerDeclineAll
    )
  )

type AnyFiber = Parameters<Scheduler.Scheduler["shouldYield"]>[0]

/** Does something before the step with this number: of the first fiber, or of it and all that it forks. */
const before = (step: number, of: "its fiber" | "all its fibers", act: (first: AnyFiber) => void) => {
  const base = new Scheduler.MixedScheduler()
  let first: AnyFiber | undefined
  let steps = 0
  const scheduler: Scheduler.Scheduler = {
    executionMode: base.executionMode,
    makeDispatcher: () => base.makeDispatcher(),
    shouldYield: (fiber) => {
      first ??= fiber
      if ((of === "all its fibers" || fiber === first) && steps++ === step) act(first)
      return false
    }
  }
  return { provide: Effect.provideService(Scheduler.Scheduler, scheduler), isReached: () => steps > step }
}

// Lets time pass. Returns after how many seconds the fiber ended, at most 20.
const secondsOf = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.gen(function* () {
    let seconds = 0
    yield* nothingMore
    for (; fiber.pollUnsafe() === undefined && seconds < 20; seconds++) {
      yield* TestClock.adjust("1 second")
      yield* nothingMore
    }
    return seconds
  })

/** Leaves one turn. Tells what is wrong afterwards, or `undefined` if there are fewer steps. */
const leaveBefore = Effect.fnUntraced(function* (
  step: number,
  of: "its fiber" | "all its fibers",
  how: "interrupts" | "closes"
) {
  const codex = yield* Codex.Codex
  const thread = yield* codex.thread.start()
  const scope = yield* Scope.make()
  const runFork = Effect.runForkWith(yield* Effect.context())
  let closing: Fiber.Fiber<void> | undefined
  const steps = before(step, of, (fiber) => {
    if (how === "interrupts") fiber.interruptUnsafe()
    else closing = runFork(Scope.close(scope, Exit.void))
  })
  const turn = yield* Effect.forkChild(steps.provide(Scope.provide(thread.turn("stay"), scope)))
  yield* nothingMore
  const isReached = steps.isReached()
  if (!isReached) yield* Scope.close(scope, Exit.void)
  // A scope is closed once, and only that close waits for what it closes.
  const ended = yield* Effect.forkChild(Effect.andThen(Fiber.await(turn), closing ? Fiber.await(closing) : Effect.void))
  const seconds = yield* secondsOf(ended)
  yield* Scope.close(scope, Exit.void)
  const { status } = (yield* codex.request("thread/read", { threadId: thread.id })).thread
  const next = yield* Effect.forkChild(Effect.exit(thread.run("next")))
  yield* secondsOf(next)
  const answer = next.pollUnsafe() === undefined ? undefined : yield* Fiber.join(next)
  yield* codex.thread.unsubscribe(thread.id)
  const { active, bindings, queues, routes } = codex[tables]()
  if (!isReached) return undefined
  return [
    ...(seconds > 2 ? [`${step}: left after ${seconds} s`] : []),
    ...(status.type === "active" ? [`${step}: the turn still runs`] : []),
    ...(answer?._tag === "Success" && answer.value.text === "next" ? [] : [`${step}: no turn can follow`]),
    ...(active || bindings || queues || routes ? [`${step}: something is kept`] : [])
  ]
})

const turns = (prompt: string): ReadonlyArray<MockAppServer.Step> =>
  prompt === "stay" ? [{ hang: Effect.never }] : [{ say: [prompt] }]

describe("law 4: a turn that is left between two steps of a fiber has ended, and another one can follow", () => {
  for (const how of ["interrupts", "closes"] as const) {
    for (const of of ["its fiber", "all its fibers"] as const) {
      it.effect(`when a step of ${of} ${how} it`, () =>
        Effect.gen(function* () {
          const wrong: Array<string> = []
          let step = 0
          for (; step < 1000; step++) {
            const found = yield* leaveBefore(step, of, how)
            if (found === undefined) break
            wrong.push(...found)
          }
          expect(wrong).toEqual([])
          expect(step).toBeGreaterThan(50)
          expect(step).toBeLessThan(1000)
        }).pipe(against({ turns }))
      )
    }
  }
})

const budget = { tokens: 100 }
const tooMuch: MockAppServer.Options = { turns: () => [{ say: ["more than the budget"] }, { hang: Effect.never }] }

/** Starts another turn on the thread of one. Returns how many were sent, or `undefined` if there are fewer steps. */
const startedBefore = (step: number) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const server = yield* MockAppServer.MockAppServer
    const thread = yield* codex.thread.start()
    const runFork = Effect.runForkWith(yield* Effect.context<PolicyEngine.PolicyEngine>())
    const steps = before(step, "its fiber", () => runFork(Effect.exit(thread.run("other"))))
    const turn = yield* Effect.forkChild(steps.provide(Effect.exit(thread.run("one"))))
    yield* secondsOf(turn)
    const started = (yield* server.received).filter(({ method }) => method === "turn/start").length
    return steps.isReached() ? started : undefined
  }).pipe(against(tooMuch, { budget }))

describe("a turn that waits for another one is refused as soon as the layer's budget is used up", () => {
  it.effect("at whichever step the other one came before it", () =>
    Effect.gen(function* () {
      const wrong: Array<number> = []
      let step = 0
      for (; step < 1000; step++) {
        const started = yield* startedBefore(step)
        if (started === undefined) break
        if (started > 1) wrong.push(step)
      }
      expect(wrong).toEqual([])
      expect(step).toBeGreaterThan(50)
    })
  )
})
