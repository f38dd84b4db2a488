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

// The advice of the SDK's messages is for programs. Users of the command get advice of their own.
const phrases: ReadonlyArray<readonly [ofTheSdk: string, ofTheCommand: string]> = [
  ["set the `binary` option or CODEX_BINARY to", "set --codex or CODEX_BINARY to"],
  ["the `binary` option", "--codex"],
  ["Run `codex login`", "Run `effect-codex login`"],
  ["Build the layer again to reconnect.", "Run `effect-codex doctor` to find the cause."],
  ["Restore it with `thread.unarchive`, then try again.", "Restore it with `effect-codex threads unarchive`."],
  [
    "End that one, connect to it, or fork the thread.",
    "End that one, or fork the thread: `effect-codex threads fork`."
  ],
  [" Set `experimentalApi: true` in the layer's options to use it.", ""],
  ["A stream's consumer fell", "The reader of the output fell"],
  ["Consume faster, or raise `bufferBytes` in the layer's options.", "Read faster."],
  ["Compact the thread, or start a new one.", "Start a new thread."],
  ["`model/list` returns the available ones.", "`effect-codex models` lists the available ones."],
  [", or allow more with `maxTextLength` in the layer's options", ""],
  ["Check the turn's parameters, the output schema above all.", "Check --model, --effort and --output-schema."],
  ["check its address, your plan, and the turn's parameters.", "check its address, your plan, and the flags."],
  [", or close the connection to end the server", ""],
  [" Close the connection to end the server.", ""],
  [', or set `whenBusy: "wait"`', ""],
  [", or allow more time with `watchdog`", ""],
  ["The option record is invalid", "--record is invalid"],
  ["The option budget.tokens is invalid", "--budget-tokens is invalid"],
  ["The option budget.duration is invalid", "--timeout is invalid"]
]

/** The message of any error. */
export const messageOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error)
  return (
    overBudget(error) ??
    phrases.reduce((text, [ofTheSdk, ofTheCommand]) => text.replace(ofTheSdk, () => ofTheCommand), message)
  )
}
