/**
 * Tells people what went wrong: one line on standard error, and more only where it was asked for.
 */
import * as Display from "@effect-codex/core/Display"
import * as Cause from "effect/Cause"
import * as CliOutput from "effect/cli/CliOutput"
import type { NonShowHelpErrors } from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"

// What a server or a file has said can be part of it.
const oneLine = (text: string): string => Display.line(text.trim().replaceAll(/\s*\n\s*/g, " "))

const say = (message: string): Effect.Effect<void> => Console.error(`effect-codex: ${message}`)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

// Where an error is documented and which version failed, if the error has such fields.
const sourceOf = (error: unknown): string => {
  const field = (name: string): string =>
    Predicate.hasProperty(error, name) && typeof error[name] === "string" ? error[name] : ""
  const version = field("version") === "" ? "" : `version ${field("version")}`
  const parts = [field("docs"), version].filter((part) => part !== "")
  return parts.length === 0 ? "" : ` (${oneLine(parts.join(", "))})`
}

/** One line for a failure that was not told already; `debug`: all that is known about it. */
export const report = (cause: Cause.Cause<unknown>, debug: boolean): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  if (Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(error)) return Effect.void
  if (debug) return say(Display.block(Cause.pretty(cause)))
  const unexpected = Cause.hasDies(cause) ? "Unexpected: " : ""
  const advice = unexpected === "" ? "" : " (--debug shows where)"
  return say(`${unexpected}${oneLine(messageOf(error))}${advice}${sourceOf(error)}`)
}

const mistake = (error: NonShowHelpErrors): string => {
  const [message = ""] = error.message.split("\n")
  const suggestions = "suggestions" in error ? error.suggestions : []
  return suggestions.length === 0
    ? `${oneLine(message)}.`
    : `${oneLine(message)}. Did you mean ${suggestions.map(oneLine).join(" or ")}?`
}

/** Help goes to standard output; of a command line that is wrong only what is wrong is told, on standard error. */
export const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? say(`${event.errors.map(mistake).join(" ")} See ${event.commandPath.join(" ")} --help`)
      : CliOutput.defaultPresenter.present(event)
}
