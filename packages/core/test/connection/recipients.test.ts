import type * as Notification from "@effect-codex/core/Notification"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { makeRecipients } from "../../src/internal/connection/recipients.ts"
import type { Route } from "../../src/internal/connection/route.ts"

const archived = (threadId: string): Notification.KnownNotification<"thread/archived"> => ({
  method: "thread/archived",
  params: { threadId },
  length: 0,
  raw: undefined
})

const routeOf = (onNotification: Route["onNotification"]): Route => ({
  threadId: "t",
  context: Context.empty(),
  onNotification,
  onRequest: () => Effect.never,
  owns: () => true,
  undecided: () => undefined,
  isOver: () => false,
  onLeft: () => {},
  onEnd: () => {}
})

// All four kinds of recipients, of whom these throw.
const everyone = Effect.fnUntraced(function* (...throwing: ReadonlyArray<string>) {
  const told: Array<string> = []
  const thrown: Array<string> = []
  const say = (who: string) => () => {
    told.push(who)
    if (throwing.includes(who)) throw new Error(who)
  }
  const recipients = makeRecipients({
    buffer: say("buffer"),
    observer: say("observer"),
    onThrow: (whose, cause) => thrown.push(`${whose}: ${String(cause)}`),
    onRouteThrow: ({ threadId }, { method }, cause) => thrown.push(`route ${threadId} ${method}: ${String(cause)}`)
  })
  for (const name of ["first", "second", "third"]) yield* recipients.on("thread/archived", say(name))
  yield* recipients.on("thread/closed", say("other"))
  const tell = () => {
    try {
      recipients.deliver(archived("t"), routeOf(say("route")))
    } catch (cause) {
      expect(recipients.deliverRest(cause)).toBe(true)
    }
  }
  return { recipients, tell, told, thrown }
})

const order = ["buffer", "observer", "route", "first", "second", "third"]

describe("the recipients of a notification", () => {
  it.effect("are all told, in their order, and those of another method are not", () =>
    Effect.gen(function* () {
      const { recipients, tell, told, thrown } = yield* everyone()
      tell()
      expect(told).toEqual(order)
      expect(thrown).toEqual([])
      // Nobody was being told when this was thrown.
      expect(recipients.deliverRest(new Error("elsewhere"))).toBe(false)
    })
  )

  for (const who of order) {
    it.effect(`are all told once when ${who} throws`, () =>
      Effect.gen(function* () {
        const { tell, told, thrown } = yield* everyone(who)
        tell()
        expect(told).toEqual(order)
        expect(thrown.length).toBe(1)
        expect(thrown[0]).toContain(`Error: ${who}`)
        tell()
        expect(told).toEqual([...order, ...order])
      })
    )
  }

  it.effect("are all told once when each of them throws", () =>
    Effect.gen(function* () {
      const { tell, told, thrown } = yield* everyone(...order)
      tell()
      expect(told).toEqual(order)
      expect(thrown).toEqual([
        "A buffer of notifications: Error: buffer",
        "The decision observer: Error: observer",
        "route t thread/archived: Error: route",
        "A listener of thread/archived: Error: first",
        "A listener of thread/archived: Error: second",
        "A listener of thread/archived: Error: third"
      ])
    })
  )

  it.effect("may leave, and add others, while they are told: that counts from the next one on", () =>
    Effect.gen(function* () {
      const { recipients, tell, told } = yield* everyone()
      const scope = yield* Scope.make()
      const outer = yield* Effect.scope
      const runSync = Effect.runSyncWith(yield* Effect.context())
      yield* Scope.provide(
        recipients.on("thread/archived", () => {
          told.push("leaving")
          runSync(Scope.close(scope, Exit.void))
          runSync(
            Scope.provide(
              recipients.on("thread/archived", () => told.push("added")),
              outer
            )
          )
        }),
        scope
      )
      tell()
      expect(told).toEqual([...order, "leaving"])
      tell()
      expect(told.slice(order.length + 1)).toEqual([...order, "added"])
      expect(recipients.size()).toBe(2)
    })
  )
})
