/**
 * Reports failures: one line on standard error, more with `--debug`, and an object on standard output if the user wants JSON.
 */
import * as Display from "@effect-codex/core/Display"
import * as Cause from "effect/Cause"
import * as CliOutput from "effect/cli/CliOutput"
import type { NonShowHelpErrors } from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import { codes, exitCodeOf } from "../ExitCode.ts"
import { messageOf } from "./cliMessage.ts"
import { jsonLine } from "./jsonLine.ts"
import * as Tone from "../Tone.ts"
import { notice } from "./notice.ts"

// The text may come from a server or a file.
const oneLine = (text: string): string => Display.line(text.trim().replaceAll(/\s*\n\s*/g, " "))

const say = (message: string): Effect.Effect<void> => notice(`effect-codex: ${message}`)

// The documentation of an error and the version that failed, if the error has such fields.
const sourceOf = (error: unknown): string => {
  const field = (name: string): string =>
    Predicate.hasProperty(error, name) && typeof error[name] === "string" ? error[name] : ""
  const version = field("version") === "" ? "" : `version ${field("version")}`
  const parts = [field("docs"), version].filter((part) => part !== "")
  return parts.length === 0 ? "" : ` (${oneLine(parts.join(", "))})`
}

/** How failures are reported. */
export interface Options {
  /** Whether everything known about the error is printed. */
  readonly debug: boolean
  /** Whether the command line asks for JSON: standard output then gets an object for every failure. */
  readonly json: boolean
}

// Errors whose command has already printed its object.
const printed = new WeakSet<object>()

/** Keeps the report of an error from printing a second object: the command has printed one. */
export const markPrinted = (error: unknown): void => {
  if (Predicate.isObject(error)) printed.add(error)
}

/** The object of a failure. That of `run` and `review` has the fields of `RunOutput.RunResult`. */
const failureOf = (command: string | undefined, exitCode: number, tag: string, message: string) => ({
  ...(command === "run" || command === "review" ? { type: "result", status: "failed", text: "", declined: 0 } : {}),
  exitCode,
  error: { tag, message }
})

const printFailure = (command: string | undefined, error: unknown): Effect.Effect<void> => {
  const tag = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "Unexpected"
  return Console.log(jsonLine(failureOf(command, exitCodeOf(error), tag, oneLine(messageOf(error)))))
}

/** One line for a failure that the command has not reported itself. */
export const report = (
  cause: Cause.Cause<unknown>,
  { debug, json }: Options,
  command?: string
): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  if (Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(error)) return Effect.void
  const object = json && !(Predicate.isObject(error) && printed.has(error)) ? printFailure(command, error) : Effect.void
  return Effect.andThen(object, sayWhy(cause, error, debug))
}

const sayWhy = (cause: Cause.Cause<unknown>, error: unknown, debug: boolean): Effect.Effect<void> => {
  if (debug) return Console.error(`effect-codex: ${Display.block(Cause.pretty(cause))}`)
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

/** Help goes to standard output, wrapped at the width of the terminal. An invalid command line is one line on standard error. */
export const presenter = (json: boolean): CliOutput.Presenter => ({
  present: (event) => {
    switch (event._tag) {
      case "Help": {
        const { columns = 80, isTTY = false } = process.stdout
        const paint = Tone.painter(Tone.resolve("auto", { env: process.env, isTerminal: isTTY }))
        return Effect.flatMap(
          Effect.promise(() => import("./helpText.ts")),
          ({ helpText }) => Console.log(helpText(event.helpDoc, Math.max(40, Math.min(columns, 120)), paint))
        )
      }
      case "InvalidInvocation": {
        const message = event.errors.map(mistake).join(" ")
        const object = failureOf(event.commandPath[1], codes.usage, "InvalidUsage", message)
        return Effect.andThen(
          json ? Console.log(jsonLine(object)) : Effect.void,
          say(`${message} See ${event.commandPath.join(" ")} --help`)
        )
      }
      default:
        return CliOutput.defaultPresenter.present(event)
    }
  }
})
