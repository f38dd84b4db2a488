/**
 * What the program exits with, by what went wrong.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"

/** */
export const exitCodeOf = (error: unknown): number => {
  if (!Predicate.hasProperty(error, "_tag")) return Runtime.getErrorExitCode(error)
  switch (error._tag) {
    case "NotAuthenticated":
      return 3
    case "CodexNotFound":
    case "ConnectionFailed":
      return 4
    case "Declined":
      return 5
    case "TurnInterrupted":
      return 130
    case "InvalidInput":
    case "InvalidConfig":
    case "InvalidRubric":
    case "SessionNotFound":
    case "SessionArchived":
    case "NoLastThread":
      return 2
    default:
      return Runtime.getErrorExitCode(error)
  }
}
