/**
 * Questions at a terminal: shown as plain text, answered in whole words.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Prompt from "effect/cli/Prompt"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import type { Answer, Field, Question, Value } from "../Human.ts"
import { read } from "./humanForm.ts"

/** So long is dropped what was typed before the question could be read. */
const settling = "200 millis"

// Before a line, and before what of it does not fit on the screen's.
const bar = "  │ "
const goesOn = "  ┊ "

// No character is wider than two columns, and those of ASCII have one. The sign for what is left out may have either.
const wrapped = (line: string, columns: number): ReadonlyArray<string> => {
  const room = Math.max(10, columns - bar.length - 2)
  const size = /^[ -~…]*$/.test(line) ? room : Math.floor(room / 2)
  const characters = Array.from(line)
  const lines = [characters.slice(0, size).join("")]
  for (let from = size; from < characters.length; from += size) lines.push(characters.slice(from, from + size).join(""))
  return lines
}

// The first and the last lines, behind bars; what is said of the others is not behind one, so that no text can say it.
const barred = (text: string, columns: number, maxLines = Number.POSITIVE_INFINITY): string => {
  const lines = text
    .replaceAll("\t", "    ")
    .split("\n")
    .flatMap((line) => wrapped(line, columns).map((part, index) => `${index === 0 ? bar : goesOn}${part}`))
  if (lines.length <= maxLines) return lines.join("\n")
  const each = Math.floor(maxLines / 2)
  const notice = `  ... ${lines.length - 2 * each} lines are not shown here ...`
  return [...lines.slice(0, each), notice, ...lines.slice(-each)].join("\n")
}

const more = "more"

/** The question, and whether something is left out to keep it on the screen. */
const page = ({ choices, details, title }: Question, columns: number, rows: number) => {
  const free = rows - choices.length - 8 - 3 * details.length
  const maxLines = Math.max(6, Math.floor(free / Math.max(1, details.length)))
  const parts = details.map(({ label, text }) => {
    const short = barred(text, columns, maxLines)
    return { label, short, isCut: short !== barred(text, columns) }
  })
  const isCut = parts.some(({ isCut }) => isCut)
  const offered = isCut ? [...choices, { key: more, meaning: "Show what is left out" }] : choices
  const width = Math.max(...offered.map(({ key }) => key.length))
  const text = [
    title,
    ...parts.map(({ label, short }) => `\n  ${label}\n${short}`),
    "",
    ...offered.map(({ key, meaning }) => `  ${key.padEnd(width)}  ${meaning}`),
    ""
  ].join("\n")
  return { text, keys: offered.map(({ key }) => key) }
}

export const text = (question: Question, columns = 80): string => page(question, columns, Number.POSITIVE_INFINITY).text

const formOf = ({ isOpen, options, type }: Field): string => {
  if (type === "choices") return "numbers of options, with commas between them"
  if (options.length > 0) return isOpen ? "the number of an option, or words of your own" : "the number of an option"
  return { boolean: "yes or no", integer: "a whole number", number: "a number", text: "in words" }[type]
}

const fieldText = (field: Field, columns: number): string =>
  [
    `${field.isRequired ? "To be filled in" : "May be left empty"}: ${formOf(field)}`,
    barred(field.label, columns),
    ...(field.description === "" ? [] : [barred(field.description, columns)]),
    ...field.options.map(({ description, label }, index) =>
      barred(`${index + 1}) ${label}${description === "" ? "" : `: ${description}`}`, columns)
    ),
    ""
  ].join("\n")

// There is one terminal, however many people sit at it: two questions at a time would take each other's answers.
const terminals = Semaphore.makeUnsafe(1)

type Services = FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal

/** Asks at the terminal; `undefined`: nobody answered. */
export const ask: (question: Question) => Effect.Effect<Answer | undefined, PlatformError, Services> =
  Effect.fnUntraced(function* (question: Question) {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal)) return undefined
    const terminal = yield* Terminal.Terminal
    return yield* Effect.catchTag(terminals.withPermits(1)(dialogue(terminal, question)), "QuitError", () =>
      Effect.as(terminal.display("\nTaken as a no.\n"), undefined)
    )
  }, Effect.scoped)

const dialogue = Effect.fnUntraced(function* (terminal: Terminal.Terminal, question: Question) {
  // Drops what was typed so far, unless it ends the input, and keeps the terminal from showing what is typed.
  const early = yield* terminal.readInput
  yield* Effect.forever(Queue.take(early)).pipe(
    Effect.mapError(() => new Terminal.QuitError({})),
    Effect.timeoutOption(settling)
  )
  return yield* Effect.onInterrupt(answered(terminal, question), () =>
    Effect.ignore(terminal.display("\nThis is not asked any more.\n"))
  )
})

const answered = Effect.fnUntraced(function* (terminal: Terminal.Terminal, question: Question) {
  const columns = (yield* terminal.columns) || 80
  const { keys, text: shown } = page(question, columns, (yield* terminal.rows) || 24)
  yield* terminal.display(`\n${shown}\n`)
  let choice = yield* choose(keys)
  while (choice === more) {
    yield* terminal.display(`\n${text(question, columns)}\n`)
    choice = yield* choose(keys)
  }
  if (choice !== "y" || question.fields.length === 0) return { choice }
  const values: Array<readonly [string, Value]> = []
  for (const field of question.fields) {
    yield* terminal.display(`\n${fieldText(field, columns)}\n`)
    const value = yield* fill(field)
    if (value !== undefined) values.push([field.id, value])
  }
  return { choice, values: Object.fromEntries(values) }
})

const meantBy = (typed: string): string => {
  const word = typed.trim().toLowerCase()
  return word === "yes" ? "y" : word === "no" ? "n" : word
}

// The messages are ours: nothing that is not may get into a prompt, which draws itself with escape sequences.
const choose = (keys: ReadonlyArray<string>) =>
  Effect.map(
    Prompt.String({
      message: keys.join(" / "),
      validate: (typed) =>
        keys.includes(meantBy(typed))
          ? Effect.succeed(typed)
          : Effect.fail(`Type one of these, in full: ${keys.join(", ")}`)
    }),
    meantBy
  )

const fill = (field: Field) => {
  const options = {
    message: "Answer",
    validate: (typed: string) => Effect.fromResult(Result.map(read(field, typed), () => typed))
  }
  const typed = field.isSecret ? Effect.map(Prompt.Password(options), Redacted.value) : Prompt.String(options)
  return Effect.map(typed, (typed) => {
    const value = Result.getOrElse(read(field, typed), () => undefined)
    return field.isSecret && typeof value === "string" ? Redacted.make(value) : value
  })
}
