/**
 * Options that several modules of the package share, checked as `CheckedOption` does.
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A time above zero, or no end. */
export const timeoutOrInfinity = (
  path: string,
  input: Duration.Input
): Effect.Effect<Duration.Duration, InvalidConfig> =>
  Duration.isDuration(input) && !Duration.isFinite(input) && Duration.isPositive(input)
    ? Effect.succeed(input)
    : CheckedOption.timeout(path, input)

/** How many of something may run at once. */
export const concurrency = (
  path: string,
  input: number | "unbounded"
): Effect.Effect<number | "unbounded", InvalidConfig> =>
  input === "unbounded" ? Effect.succeed(input) : CheckedOption.count(path, input, 1)

/** One of a few words. */
export const oneOf = <const A extends string>(
  path: string,
  input: A,
  allowed: ReadonlyArray<A>
): Effect.Effect<A, InvalidConfig> =>
  allowed.includes(input)
    ? Effect.succeed(input)
    : Effect.fail(CheckedOption.invalid(path, input, `one of ${allowed.join(", ")}`))
