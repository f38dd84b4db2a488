/**
 * Text of this command by words: help, warnings and errors. Text of a model or a tool is not wrapped, because it may be code.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import stringWidth from "string-width"

/** Lines of whole words, none wider than `width` unless a single word is. All but the first begin with `indent` spaces. */
export const wrap = (text: string, width: number, indent = 0): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/(?<=\s)(?=\S)/)) {
    if (line.trim() !== "" && stringWidth(`${line}${word}`.trimEnd()) > width) {
      lines.push(line.trimEnd())
      line = " ".repeat(indent)
    }
    line += word
  }
  return [...lines, line.trimEnd()]
}

/** Prints one line on standard error, wrapped if that is a terminal. */
export const notice = (text: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { columns = 0, isTTY = false } = process.stderr
    return Console.error(isTTY && columns > 0 ? wrap(text, columns).join("\n") : text)
  })
