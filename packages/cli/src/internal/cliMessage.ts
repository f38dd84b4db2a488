/**
 * The message of an error as the command line shows it: it names flags of the command where the SDK's message names options.
 *
 * It recognizes errors only by their tags, so that reporting an error loads no other module.
 */
import * as Predicate from "effect/Predicate"

const fieldOf = (error: unknown, name: string): unknown =>
  Predicate.hasProperty(error, name) ? error[name] : undefined

// The limits of `--timeout`, `--budget-tokens` and the presets.
const overBudget = (error: unknown): string | undefined => {
  if (fieldOf(error, "_tag") !== "BudgetExceeded") return undefined
  const [allowed, used] = [Number(fieldOf(error, "allowed")), Number(fieldOf(error, "used"))]
  switch (fieldOf(error, "limit")) {
    case "duration":
      return `The turn took longer than ${allowed / 1000} s. Allow more with --timeout.`
    case "tokens":
      return `The turn used ${used} tokens, but only ${allowed} are allowed. Allow more with --budget-tokens.`
    default:
      return undefined
  }
}

/** The message of any error. */
export const messageOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error)
  return (
    overBudget(error) ??
    message
      .replace("set the `binary` option or CODEX_BINARY to", "set --codex or CODEX_BINARY to")
      .replace("the `binary` option", "--codex")
  )
}
