/**
 * Checks the numbers and durations in options, when a layer is built or a call is made, so that no later code has to. A value
 * that is not a number, not finite or too small fails with `InvalidConfig` and the path of the option. It is never a defect, and
 * never passed on.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { count, duration, invalid, timeout } from "../CheckedOption.ts"
import type { InvalidConfig } from "../CodexError.ts"
import * as Versions from "../protocol/Versions.ts"

/** The maximum length of a string in V8, in UTF-16 code units. */
export const longestString = 536_870_888

export { count, duration, timeout }

/** Checks a version of codex, if there is one. */
export const version = (path: string, input: string | undefined): Effect.Effect<string | undefined, InvalidConfig> =>
  input === undefined || Versions.isVersion(input)
    ? Effect.succeed(input)
    : Effect.fail(invalid(path, input, "a version of codex, such as 0.169.0"))

interface BudgetOptions {
  readonly tokens?: number | undefined
  readonly duration?: Duration.Input | undefined
}

/** Tokens and milliseconds. Infinity means no limit. */
export interface BudgetLimits {
  readonly tokens: number
  readonly duration: number
}

const checkObject = (path: string, options: unknown, expected: string): Effect.Effect<void, InvalidConfig> =>
  options === undefined || Predicate.isReadonlyObject(options)
    ? Effect.void
    : Effect.fail(invalid(path, options, expected))

const unlimited = Effect.succeed(Number.POSITIVE_INFINITY)

/** Checks the budget of a turn. */
export const budget = (path: string, options: BudgetOptions | undefined): Effect.Effect<BudgetLimits, InvalidConfig> =>
  Effect.andThen(
    checkObject(path, options, "an object of limits"),
    Effect.all({
      tokens: options?.tokens === undefined ? unlimited : count(`${path}.tokens`, options.tokens),
      duration:
        options?.duration === undefined
          ? unlimited
          : Effect.map(duration(`${path}.duration`, options.duration), Duration.toMillis)
    })
  )

/** Checks the budget of all turns of a layer together. */
export const layerBudget = (
  path: string,
  options: (BudgetOptions & { readonly turns?: number | undefined }) | undefined
): Effect.Effect<BudgetLimits & { readonly turns: number }, InvalidConfig> =>
  Effect.all({
    turns: options?.turns === undefined ? unlimited : count(`${path}.turns`, options.turns),
    limits: budget(path, options)
  }).pipe(Effect.map(({ limits, turns }) => ({ ...limits, turns })))

/** Checks the timeouts of a connection. Missing ones get their defaults. */
export const connection = (
  options:
    | {
        readonly handshakeTimeout?: Duration.Input | undefined
        readonly requestTimeout?: Duration.Input | undefined
        readonly answerTimeout?: Duration.Input | "none" | undefined
        readonly acceptDelay?: Duration.Input | undefined
      }
    | undefined
) =>
  Effect.all({
    handshakeTimeout: timeout("handshakeTimeout", options?.handshakeTimeout ?? Duration.seconds(30)),
    requestTimeout: timeout("requestTimeout", options?.requestTimeout ?? Duration.seconds(60)),
    answerTimeout:
      options?.answerTimeout === "none"
        ? Effect.succeed(undefined)
        : timeout("answerTimeout", options?.answerTimeout ?? Duration.hours(1)),
    acceptDelay: duration("acceptDelay", options?.acceptDelay ?? Duration.millis(50))
  })

interface WatchdogOptions {
  readonly silenceWarning?: Duration.Input | "off" | undefined
  readonly stallTimeout?: Duration.Input | "off" | undefined
  readonly retryWindow?: Duration.Input | "off" | undefined
}

/** Checks when a turn counts as stalled, in milliseconds. Infinity means never. Missing values get their defaults. */
export const watchdog = (path: string, options: WatchdogOptions | "off" | undefined) => {
  const millis = (name: string, input: Duration.Input | "off" | undefined, byDefault: number) => {
    if (options === "off" || input === "off") return unlimited
    return input === undefined
      ? Effect.succeed(byDefault)
      : Effect.map(timeout(`${path}.${name}`, input), Duration.toMillis)
  }
  const times = options === "off" ? undefined : options
  return Effect.andThen(
    checkObject(path, times, 'an object of times, or "off"'),
    Effect.all({
      silenceWarning: millis("silenceWarning", times?.silenceWarning, 60_000),
      stallTimeout: millis("stallTimeout", times?.stallTimeout, 360_000),
      retryWindow: millis("retryWindow", times?.retryWindow, 120_000)
    })
  )
}

/** Checks the limits that a call sets for its turn, and how often it asks again for an answer that matches the schema. */
export const turnLimits = (limits: {
  readonly budget?: BudgetOptions | undefined
  readonly watchdog?: WatchdogOptions | "off" | undefined
  readonly outputRetries?: number | undefined
}) =>
  Effect.all({
    budget: budget("budget", limits.budget),
    watchdog: watchdog("watchdog", limits.watchdog),
    outputRetries: count("outputRetries", limits.outputRetries ?? 1)
  })
