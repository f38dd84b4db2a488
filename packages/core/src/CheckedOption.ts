/**
 * Checks of times and numbers among options, for packages that extend this one.
 *
 * An option is checked once, where a layer is built or a call is made: a value that is not a number, not finite or too small
 * fails with `InvalidConfig`, which names the option. It must not be passed on, and is never a defect.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { format } from "effect/Formatter"
import * as Option from "effect/Option"
import { InvalidConfig } from "./CodexError.ts"

/**
 * The error of a value that an option can't have. `expected` completes "… is not".
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (path: string, value: unknown, expected: string): InvalidConfig =>
  new InvalidConfig({ path, description: `${format(value)} is not ${expected}` })

const units: ReadonlySet<string> = new Set<keyof Duration.DurationObject>([
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds"
])

// `Duration` reads NaN and units that it does not know as no time at all.
const hasOnlyNumbers = (input: unknown): boolean => {
  if (typeof input === "number") return !Number.isNaN(input)
  if (typeof input !== "object" || input === null || Duration.isDuration(input)) return true
  return Object.entries(input).every(
    ([unit, value]) =>
      (Array.isArray(input) || units.has(unit)) &&
      (value === undefined || (typeof value === "number" && Number.isFinite(value)))
  )
}

const durationExamples = 'such as "90 seconds" or a number of milliseconds'

const read = (
  path: string,
  input: Duration.Input,
  isAllowed: (millis: number) => boolean,
  expected: string
): Effect.Effect<Duration.Duration, InvalidConfig> =>
  Effect.suspend(() => {
    const duration = hasOnlyNumbers(input) ? Option.getOrUndefined(Duration.fromInput(input)) : undefined
    if (duration !== undefined) {
      const millis = Duration.toMillis(duration)
      if (Number.isFinite(millis) && isAllowed(millis)) return Effect.succeed(duration)
    }
    return Effect.fail(invalid(path, input, `${expected}, ${durationExamples}`))
  })

/**
 * A finite time of zero or more.
 *
 * @category checks
 * @since 0.1.0
 */
export const duration = (path: string, input: Duration.Input): Effect.Effect<Duration.Duration, InvalidConfig> =>
  read(path, input, (millis) => millis >= 0, "a finite, non-negative duration")

/**
 * A finite time above zero, for something that has to happen within it.
 *
 * @category checks
 * @since 0.1.0
 */
export const timeout = (path: string, input: Duration.Input): Effect.Effect<Duration.Duration, InvalidConfig> =>
  read(path, input, (millis) => millis > 0, "a finite duration above zero")

/**
 * A whole number of at least `atLeast`, by default 0.
 *
 * @category checks
 * @since 0.1.0
 */
export const count = (path: string, input: number, atLeast = 0): Effect.Effect<number, InvalidConfig> =>
  Number.isSafeInteger(input) && input >= atLeast
    ? Effect.succeed(input)
    : Effect.fail(invalid(path, input, `a whole number of at least ${atLeast}`))
