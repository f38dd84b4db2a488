/**
 * Checks durations and numbers in options, for packages that extend this one.
 *
 * An option is checked once, when a layer is built or a call is made. A value that is not a number, not finite or too small
 * fails with `InvalidConfig`, which names the option. It is never passed on, and never a defect.
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
 * The error of an invalid option value. `expected` completes the sentence "… is not".
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

// `Duration` treats NaN and unknown units as zero.
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
 * A finite duration of zero or more.
 *
 * @category checks
 * @since 0.1.0
 */
export const duration = (path: string, input: Duration.Input): Effect.Effect<Duration.Duration, InvalidConfig> =>
  read(path, input, (millis) => millis >= 0, "a finite, non-negative duration")

/**
 * A finite duration above zero, such as a timeout.
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
