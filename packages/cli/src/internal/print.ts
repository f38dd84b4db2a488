/**
 * Output of commands other than `run`: one JSON document, or lines for people.
 */
import * as Display from "@effect-codex/core/Display"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as Tone from "../Tone.ts"
import { sanitizedJson } from "./jsonLine.ts"
import { sanitizeForTerminal } from "./sanitizeForTerminal.ts"
import * as Table from "./table.ts"
import { wrap } from "./wrap.ts"

/** Prints one JSON document. */
export const json = (document: unknown): Effect.Effect<void> =>
  Console.log(sanitizedJson(JSON.stringify(document, undefined, 2)))

/** An untrusted command or path on one line. Every character is shown, because each can change its meaning. */
export const exact = (text: string): string => Display.line(text)

/** Untrusted text on one line. */
export const inline = (text: string): string => Display.line(sanitizeForTerminal(text).trim().replaceAll(/\s+/g, " "))

/** Untrusted text of several lines; all lines but the first are indented. */
export const indented = (text: string): string => sanitizeForTerminal(text).trim().replaceAll("\n", "\n  ")

/** The colours of standard output. */
export const painter: Effect.Effect<Tone.Paint, never, Stdio.Stdio> = Effect.map(
  Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) => stdoutIsTerminal),
  (isTerminal) => Tone.painter(Tone.resolve("auto", { env: process.env, isTerminal }))
)

// The width of standard output, if that is a terminal.
const width = Effect.gen(function* () {
  const isTerminal = yield* Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) => stdoutIsTerminal)
  const columns = yield* Effect.flatMap(Terminal.Terminal, ({ columns }) => columns)
  return isTerminal && columns > 0 ? columns : undefined
})

/**
 * Prints lines for people. A line that is wider than the terminal is wrapped by words; its continuation is indented to `indent`,
 * or two columns further than the line.
 */
export const lines = Effect.fnUntraced(function* (lines: ReadonlyArray<string>, indent?: number) {
  const columns = yield* width
  const wrapped = (line: string) => wrap(line, columns ?? Infinity, indent ?? line.search(/\S|$/) + 2)
  yield* Console.log(lines.flatMap(wrapped).join("\n"))
})

/** Prints a table that fits the terminal, or at its full width without one. `show` formats the cells. */
export const table = Effect.fnUntraced(function* (
  columns: ReadonlyArray<Table.Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  show: (text: string) => string = inline
) {
  const [titles = "", ...lines] = Table.table(
    columns,
    rows.map((row) => row.map(show)),
    yield* width
  )
  const paint = yield* painter
  yield* Console.log([paint("header", titles), ...lines].join("\n"))
})

const format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" })

/** A time of the protocol, in seconds since 1970, as a local one. */
export const time = (seconds: number): string => format.format(seconds * 1000)
