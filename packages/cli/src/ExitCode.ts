/**
 * What the program exits with, by what went wrong.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"

/**
 * The exit codes and what they mean.
 *
 * - `ok`: it is done.
 * - `failed`: it was tried and failed; of `doctor`, `demo`, `policy test` and `audit`: something they looked at
 *   did.
 * - `usage`: the command line, or a file that it names, is wrong; nothing was tried.
 * - `notAuthenticated`: there is no account, or it was refused.
 * - `connection`: there is no codex, or the connection to it is gone.
 * - `declined`: something was declined, and that was to be a failure.
 * - `interrupted`: a signal or the user has stopped it.
 * - `readerGone`: nobody reads what it prints any more, as after `| head`.
 *
 * @category constants
 * @since 0.1.0
 */
export const codes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notAuthenticated: 3,
  connection: 4,
  declined: 5,
  interrupted: 130,
  readerGone: 141
} as const

/**
 * The code for an error.
 *
 * @category conversions
 * @since 0.1.0
 */
export const exitCodeOf = (error: unknown): number => {
  if (!Predicate.hasProperty(error, "_tag")) return Runtime.getErrorExitCode(error)
  switch (error._tag) {
    case "NotAuthenticated":
    case "LoginFailed":
      return codes.notAuthenticated
    case "CodexNotFound":
    case "ConnectionFailed":
      return codes.connection
    case "Declined":
      return codes.declined
    case "TurnInterrupted":
    case "JobInterrupted":
      return codes.interrupted
    case "InvalidInput":
    case "InvalidParams":
    case "InvalidConfig":
    case "InvalidRubric":
    case "SessionNotFound":
    case "SessionArchived":
    case "NoLastThread":
    case "UnknownSession":
    case "UnknownJob":
    case "SpecConflict":
    case "KeyConflict":
      return codes.usage
    case "ShowHelp":
      return Runtime.getErrorExitCode(error) === 0 ? codes.ok : codes.usage
    default:
      return Runtime.getErrorExitCode(error)
  }
}

/**
 * The code for how the program ended.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromExit = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return codes.ok
  return Cause.hasInterruptsOnly(exit.cause) ? codes.interrupted : exitCodeOf(Cause.squash(exit.cause))
}
