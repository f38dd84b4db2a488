/**
 * Text of this command by words: help, warnings and errors. Text of a model or a tool is not wrapped, because it may be code.
 */
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
