/**
 * Numbers and times among the options, checked where a layer is built or a call is made, so that nothing behind it has to:
 * what is no number, not finite or too small is `InvalidConfig` with the option's path, never a defect, and never passed on.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { count, duration, invalid, timeout } from "../CheckedOption.ts"
import type { InvalidConfig } from "../CodexError.ts"
import * as Versions from "../protocol/Versions.ts"

/** No string of V8 is longer, in UTF-16 code units. */
export const longestString = 536_870_888

export { count, duration, timeout }

/** A version of codex, or none. */
export const version = (path: string, input: string | undefined): Effect.Effect<string | undefined, InvalidConfig> =>
  input === undefined || Versions.isVersion(input)
    ? Effect.succeed(input)
    : Effect.fail(invalid(path, input, "a version of codex, such as 0.169.0"))

interface BudgetOptions {
  readonly tokens?: number | undefined
  readonly duration?: Duration.Input | undefined
}

/** Tokens and milliseconds; infinite: no limit. */
export interface BudgetLimits {
  readonly tokens: number
  readonly duration: number
}

const checkObject = (path: string, options: unknown, expected: string): Effect.Effect<void, InvalidConfig> =>
  options === undefined || Predicate.isReadonlyObject(options)
    ? Effect.void
    : Effect.fail(invalid(path, options, expected))

const unlimited = Effect.succeed(Number.POSITIVE_INFINITY)

/** What a turn may use. */
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

/** What the turns of a layer may use together. */
export const layerBudget = (
  path: string,
  options: (BudgetOptions & { readonly turns?: number | undefined }) | undefined
): Effect.Effect<BudgetLimits & { readonly turns: number }, InvalidConfig> =>
  Effect.all({
    turns: options?.turns === undefined ? unlimited : count(`${path}.turns`, options.turns),
    limits: budget(path, options)
  }).pipe(Effect.map(({ limits, turns }) => ({ ...limits, turns })))

/** How long the parts of a connection may take. What is left out has its default. */
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

/** When a turn is taken for stalled, in milliseconds; infinite: never. What is left out has its default. */
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

/** The limits that a call has for its turn, and how often it asks again for an answer of some form. */
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
