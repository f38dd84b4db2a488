/**
 * Questions at a terminal: shown as plain text, answered in whole words.
 *
 * It knows whether an answer can be for the question on the screen. It does not know how an answer is used.
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
import type { Answer, Field, Question, Value } from "../../HumanQuestion.ts"
import { read } from "./form.ts"
import { fieldText, more, page, text } from "./page.ts"

/** For this long, input is dropped, since it was typed before the question could be read. */
const settling = "200 millis"

// There is only one terminal: two questions at a time would take each other's answers.
const terminals = Semaphore.makeUnsafe(1)

// The terminals where a question was withdrawn unanswered. The person may still be typing the answer to it.
// Keyed by the standard input, since each layer makes its own terminal.
const abandoned = new WeakSet<Stdio.Stdio>()

/** A person types this word to see the question that follows a withdrawn one. It answers no question. */
const next = "next"

type Services = FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal

/** Asks at the terminal; `undefined` if there was no answer. */
export const ask: (question: Question) => Effect.Effect<Answer | undefined, PlatformError, Services> =
  Effect.fnUntraced(function* (question: Question) {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal)) return undefined
    const terminal = yield* Terminal.Terminal
    return yield* Effect.catchTag(terminals.withPermits(1)(dialogue(stdio, terminal, question)), "QuitError", () =>
      Effect.as(terminal.display("\nTaken as a no.\n"), undefined)
    )
  }, Effect.scoped)

const dialogue = Effect.fnUntraced(function* (stdio: Stdio.Stdio, terminal: Terminal.Terminal, question: Question) {
  // Drops the input so far, unless it is the end of the input, and turns off the echo of the terminal.
  const early = yield* terminal.readInput
  yield* Effect.forever(Queue.take(early)).pipe(
    Effect.mapError(() => new Terminal.QuitError({})),
    Effect.timeoutOption(settling)
  )
  if (abandoned.has(stdio)) {
    yield* terminal.display("\nThe previous question was withdrawn. Another one is waiting.\n")
    yield* choose([next])
    abandoned.delete(stdio)
  }
  return yield* Effect.onInterrupt(answered(terminal, question), () => {
    abandoned.add(stdio)
    return Effect.ignore(terminal.display("\nThis question was withdrawn.\n"))
  })
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

// A prompt draws itself with escape sequences, so its messages never contain text from outside this module.
// A wrong answer stays in the line, so that several pasted lines do not end in a choice.
const choose = (keys: ReadonlyArray<string>) =>
  Effect.map(
    Prompt.String({
      message: keys.join(" / "),
      validate: (typed) =>
        keys.includes(meantBy(typed))
          ? Effect.succeed(typed)
          : Effect.fail(`${typed === "" ? "" : "Erase that. "}Type one of these, in full: ${keys.join(", ")}`)
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
