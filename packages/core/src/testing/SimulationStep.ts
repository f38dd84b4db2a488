/**
 * The steps of a simulation as data: actions of the program, faults of its connection, events of its server.
 *
 * Steps name their object by a number, counted round the objects that exist, so any part of a list of steps is a list of
 * steps that can be run, which is how a failure is shrunk. Every choice inside a step follows from its `salt` and the seed.
 * This module knows no server and runs nothing.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { makeNumbers, type Numbers } from "./VirtualTime.ts"

const tagged = <Tag extends string, Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.Struct({ _tag: Schema.tag(tag), salt: Schema.Finite, ...fields })

/**
 * The messages of the server that a fault can befall.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Which = Schema.Literals(["reply", "began", "item", "delta", "resolved", "ended", "ask", "any"])

/**
 * One step, as it is written to a file for `--replay`.
 *
 * **Details**
 *
 * - `Act`: the program does something: one of the `actions`.
 * - `Advance`: time passes, as far as at most 200 sleeps end in it.
 * - `Wire`: how the server's bytes arrive from now on: as they are written, cut anywhere, several messages in one piece, or
 *   not at all.
 * - `Distort`, `Release`: the next message of this sort is lost, arrives twice, or waits until it is released.
 * - `Noise`: a line arrives that is not a message, or an unknown one.
 * - `Refuse`: the next request of a method gets an error. `Ignore`: requests of a method get no answer, until `Heed`.
 * - `Reading`: whether the server reads its input.
 * - `Other`: another client of the server starts, steers or interrupts a turn.
 * - `Ask`, `Withdraw`: the server asks for an approval, besides those of its turns, or for two under one item id (`twin`), less
 *   than 50 milliseconds apart; it waits for one no longer.
 * - `Open`: a turn that hangs goes on.
 * - `Die`, `Restart`: the process ends; the program closes its connection and makes a new one.
 * - `Observer`: whether the decision observer throws, as one does whose disk is full.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Step = Schema.Union([
  tagged("Act", { name: Schema.String }),
  tagged("Advance", { millis: Schema.Finite }),
  tagged("Wire", { mode: Schema.Literals(["whole", "torn", "merged", "held"]) }),
  tagged("Distort", { how: Schema.Literals(["lose", "repeat", "delay"]), which: Which }),
  tagged("Release", {}),
  tagged("Noise", { what: Schema.Literals(["garbage", "notification", "request", "reply", "empty"]) }),
  tagged("Refuse", { method: Schema.String, how: Schema.Literals(["overloaded", "busy", "internal"]) }),
  tagged("Ignore", { method: Schema.String }),
  tagged("Heed", {}),
  tagged("Reading", { isOn: Schema.Boolean }),
  tagged("Other", { what: Schema.Literals(["start", "steer", "interrupt"]) }),
  tagged("Ask", { item: Schema.Literals(["own", "same", "twin"]), kind: Schema.Literals(["command", "fileChange"]) }),
  tagged("Withdraw", {}),
  tagged("Open", {}),
  tagged("Die", { how: Schema.Literals(["killed", "exited", "mute"]) }),
  tagged("Restart", {}),
  tagged("Observer", { throws: Schema.Boolean })
])

/**
 * One step.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = typeof Step.Type

/**
 * How one word or another is chosen.
 *
 * @category models
 * @since 0.1.0
 */
export const pick = <A>(numbers: Numbers, values: ReadonlyArray<A>): A | undefined =>
  values[Math.floor(numbers() * values.length)]

const methods = ["turn/start", "turn/interrupt", "thread/read", "thread/start", "thread/resume", "thread/loaded/list"]

const oneOf = <const A extends ReadonlyArray<unknown>>(numbers: Numbers, ...values: A): A[number] =>
  values[Math.floor(numbers() * values.length)]

// From a moment to a day: short times often, and as often times around the limits that a client has.
const duration = (numbers: Numbers): number =>
  numbers() < 0.4
    ? oneOf(numbers, 1, 49, 50, 51, 99, 100, 101, 1000, 5000, 9999, 10_000, 60_000, 360_000, 3_600_000)
    : Math.ceil(86_400_000 ** (numbers() * (numbers() < 0.9 ? 0.7 : 1)))

type Make = (numbers: Numbers, salt: number) => Step

const faults: ReadonlyArray<readonly [weight: number, make: Make]> = [
  [14, (numbers, salt) => ({ _tag: "Advance", salt, millis: duration(numbers) })],
  [8, (_, salt) => ({ _tag: "Open", salt })],
  [7, (numbers, salt) => ({ _tag: "Wire", salt, mode: oneOf(numbers, "whole", "torn", "torn", "merged", "held") })],
  [
    4,
    (numbers, salt) => ({
      _tag: "Distort",
      salt,
      how: oneOf(numbers, "delay", "delay", "repeat", "lose"),
      which: oneOf(numbers, "reply", "reply", "began", "item", "delta", "resolved", "ended", "ask", "any")
    })
  ],
  [3, (_, salt) => ({ _tag: "Release", salt })],
  [
    2,
    (numbers, salt) => ({
      _tag: "Noise",
      salt,
      what: oneOf(numbers, "garbage", "notification", "request", "reply", "empty")
    })
  ],
  [
    3,
    (numbers, salt) => ({
      _tag: "Refuse",
      salt,
      method: oneOf(numbers, "turn/start", pick(numbers, methods) ?? "turn/start"),
      how: oneOf(numbers, "overloaded", "overloaded", "busy", "internal")
    })
  ],
  [1, (numbers, salt) => ({ _tag: "Ignore", salt, method: pick(numbers, methods) ?? "turn/start" })],
  [2, (_, salt) => ({ _tag: "Heed", salt })],
  [2, (numbers, salt) => ({ _tag: "Reading", salt, isOn: numbers() < 0.7 })],
  [5, (numbers, salt) => ({ _tag: "Other", salt, what: oneOf(numbers, "start", "start", "steer", "interrupt") })],
  [
    6,
    (numbers, salt) => ({
      _tag: "Ask",
      salt,
      item: oneOf(numbers, "own", "same", "twin"),
      kind: oneOf(numbers, "command", "command", "fileChange")
    })
  ],
  [3, (_, salt) => ({ _tag: "Withdraw", salt })],
  [0.7, (numbers, salt) => ({ _tag: "Die", salt, how: oneOf(numbers, "killed", "exited", "mute") })],
  [1.3, (_, salt) => ({ _tag: "Restart", salt })],
  [0.5, (numbers, salt) => ({ _tag: "Observer", salt, throws: numbers() < 0.5 })]
]

/**
 * The steps that a seed stands for. The names are those of the program's actions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plan = (seed: number, count: number, names: ReadonlyArray<string>): ReadonlyArray<Step> => {
  const numbers = makeNumbers(seed)
  const act: Make = (numbers, salt) => ({ _tag: "Act", salt, name: pick(numbers, names) ?? "" })
  // Runs differ in the number and the sorts of their faults, so that rare combinations come together in some of them.
  const busyness = 10 + numbers() * 50
  const weights = faults.map(([weight]) => (numbers() < 0.3 ? 0 : weight * (0.3 + numbers() * 1.4)))
  const all: ReadonlyArray<readonly [number, Make]> = [
    ...faults.map(([, make], index) => [weights[index] ?? 0, make] as const),
    [names.length === 0 ? 0 : busyness, act]
  ]
  const sum = all.reduce((total, [weight]) => total + weight, 0)
  const next = (): Make => {
    let left = numbers() * sum
    for (const [weight, make] of all) {
      left -= weight
      if (left < 0) return make
    }
    return act
  }
  return Array.from({ length: count }, () => next()(numbers, Math.floor(numbers() * 1_000_000)))
}
