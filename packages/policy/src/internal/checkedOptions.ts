/**
 * Options that several modules of the package share, checked as `CheckedOption` does.
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Checks a duration: above zero, or infinite. */
export const timeoutOrInfinity = (
  path: string,
  input: Duration.Input
): Effect.Effect<Duration.Duration, InvalidConfig> =>
  Duration.isDuration(input) && !Duration.isFinite(input) && Duration.isPositive(input)
    ? Effect.succeed(input)
    : CheckedOption.timeout(path, input)

/** Checks a limit of concurrency: a positive whole number, or `"unbounded"`. */
export const concurrency = (
  path: string,
  input: number | "unbounded"
): Effect.Effect<number | "unbounded", InvalidConfig> =>
  input === "unbounded" ? Effect.succeed(input) : CheckedOption.count(path, input, 1)

/** Checks that an option is one of the allowed words. */
export const oneOf = <const A extends string>(
  path: string,
  input: A,
  allowed: ReadonlyArray<A>
): Effect.Effect<A, InvalidConfig> =>
  allowed.includes(input)
    ? Effect.succeed(input)
    : Effect.fail(CheckedOption.invalid(path, input, `one of ${allowed.join(", ")}`))
