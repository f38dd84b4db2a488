/**
 * The steps of a simulation as data: actions of the program, faults of its connection, events of its server.
 *
 * Steps name their object by a number, taken modulo the objects that exist. Any part of a list of steps can therefore be run
 * by itself, which makes it possible to shrink a failure. Every choice inside a step follows from its `salt` and the seed. This
 * module knows no server and runs nothing.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { makeNumbers, type Numbers } from "./VirtualTime.ts"

const tagged = <Tag extends string, Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.Struct({ _tag: Schema.tag(tag), salt: Schema.Finite, ...fields })

/**
 * The kinds of server messages that a fault can affect.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Which = Schema.Literals(["reply", "began", "item", "delta", "resolved", "ended", "ask", "any"])

/**
 * The schema of one step, as written to a file for `--replay`.
 *
 * **Details**
 *
 * - `Act`: the program runs one of the `actions`.
 * - `Advance`: time passes, but no further than 200 sleeps end.
 * - `Wire`: sets how the server's bytes arrive from now on: as written, cut anywhere, several messages in one piece, or not at
 *   all.
 * - `Distort`, `Release`: the next message of this kind is lost, arrives twice, or waits until it is released.
 * - `Noise`: a line arrives that is not a message, or an unknown one.
 * - `Refuse`: the next request of a method gets an error. `Ignore`: requests of a method get no answer, until `Heed`.
 * - `Reading`: sets whether the server reads its input.
 * - `Other`: another client of the server starts, steers or interrupts a turn.
 * - `Ask`: the server requests an approval in addition to those of its turns, or two under one item id (`twin`), less than 50
 *   milliseconds apart. `Withdraw`: it withdraws one.
 * - `Open`: a hanging turn continues.
 * - `Die`: the process ends. `Restart`: the program closes its connection and makes a new one.
 * - `Observer`: sets whether the decision observer throws, as if its disk were full.
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
 * Picks a random element; `undefined` if there are none.
 *
 * @category models
 * @since 0.1.0
 */
export const pick = <A>(numbers: Numbers, values: ReadonlyArray<A>): A | undefined =>
  values[Math.floor(numbers() * values.length)]

const methods = ["turn/start", "turn/interrupt", "thread/read", "thread/start", "thread/resume", "thread/loaded/list"]

const oneOf = <const A extends ReadonlyArray<unknown>>(numbers: Numbers, ...values: A): A[number] =>
  values[Math.floor(numbers() * values.length)]

// A time of up to a day, in milliseconds: some are on either side of a client's timeouts, and most others are short.
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
 * The steps that follow from a seed. `names` are the program's actions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plan = (seed: number, count: number, names: ReadonlyArray<string>): ReadonlyArray<Step> => {
  const numbers = makeNumbers(seed)
  const act: Make = (numbers, salt) => ({ _tag: "Act", salt, name: pick(numbers, names) ?? "" })
  // Runs differ in the number and the kinds of their faults, so that rare combinations occur in some of them.
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
