/**
 * Lays out Markdown for a terminal, wrapped by words.
 *
 * The text must be sanitized before. This module only adds line ends, spaces, signs and the sequences that switch a style on and
 * off. Code is never wrapped, so that it can be copied. Nothing is removed except the marks of a style that is shown.
 */
import { Lexer, type MarkedToken, type Token, type Tokens } from "marked"
import stringWidth from "string-width"
import wrapAnsi from "wrap-ansi"
import { sanitizeForTerminal } from "./sanitizeForTerminal.ts"

export interface Layout {
  /** The width of the terminal in cells. */
  readonly columns: number
  /** Whether looks may be used; without, emphasis keeps its signs. */
  readonly hasColor: boolean
}

interface Place {
  readonly width: number
  readonly hasColor: boolean
}

const look =
  (on: number, off: number, sign: string) =>
  (text: string, { hasColor }: Place): string =>
    hasColor ? `\x1b[${on}m${text}\x1b[${off}m` : `${sign}${text}${sign}`

const bold = look(1, 22, "**")
const italic = look(3, 23, "*")
const struck = look(9, 29, "~~")
const code = look(36, 39, "`")
const heading = look(1, 22, "")

// The lexer turns some entities into characters, which have not been sanitized. A backslash or an ellipsis may begin the notation
// of a sanitized character, and is harmless by itself.
const harmless = (text: string): string =>
  text
    .split(/([\\…])/)
    .map((piece, index) => (index % 2 === 0 ? sanitizeForTerminal(piece) : piece))
    .join("")

const wrap = (text: string, width: number): string => wrapAnsi(text, Math.max(1, width), { hard: true })

// The tokens of the lexer itself. Only extensions add others, and this module has none.
const isKnown = (token: Token): token is MarkedToken => token.type !== "generic"

const inline = (tokens: ReadonlyArray<Token> | undefined, place: Place): string =>
  (tokens ?? []).map((token) => inlineToken(token, place)).join("")

const inlineToken = (token: Token, place: Place): string => {
  if (!isKnown(token)) return ""
  switch (token.type) {
    case "strong":
      return bold(inline(token.tokens, place), place)
    case "em":
      return italic(inline(token.tokens, place), place)
    case "del":
      return struck(inline(token.tokens, place), place)
    case "codespan":
      return code(harmless(token.text), place)
    case "br":
      return "\n"
    case "link": {
      const text = inline(token.tokens, place)
      const address = harmless(token.href)
      return text === address || `mailto:${text}` === address ? text : `${text} (${address})`
    }
    case "image":
      return harmless(`${token.text} (${token.href})`)
    case "escape":
      return harmless(token.text)
    case "text":
      // The raw text, because the lexer replaces entities with characters.
      return token.tokens === undefined ? harmless(token.raw) : inline(token.tokens, place)
    default:
      return harmless(token.raw)
  }
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, one) => total + one, 0)

// Below that, a column has no room for words.
const leastColumn = 4
const gap = " │ "

const fitted = (natural: ReadonlyArray<number>, room: number): ReadonlyArray<number> | undefined => {
  const widths = [...natural]
  while (sum(widths) > room) {
    const widest = Math.max(...widths)
    if (widest <= leastColumn) return undefined
    widths[widths.indexOf(widest)] = widest - 1
  }
  return widths
}

const padded = (text: string, width: number, align: Tokens.Table["align"][number] | undefined): string => {
  const free = Math.max(0, width - stringWidth(text))
  if (align === "right") return " ".repeat(free) + text
  const before = align === "center" ? Math.floor(free / 2) : 0
  return " ".repeat(before) + text + " ".repeat(free - before)
}

const table = (token: Tokens.Table, place: Place): string => {
  const rows = [token.header, ...token.rows].map((row, index) =>
    row.map(({ tokens }) => (index === 0 ? heading(inline(tokens, place), place) : inline(tokens, place)))
  )
  const natural = token.header.map((_, column) => Math.max(1, ...rows.map((row) => stringWidth(row[column] ?? ""))))
  const widths = fitted(natural, place.width - gap.length * (natural.length - 1))
  // Too many columns for the terminal: prints the table as it was written.
  if (widths === undefined) return harmless(token.raw.trimEnd())
  const lines = rows.map((row) => {
    const cells = widths.map((width, column) => wrap(row[column] ?? "", width).split("\n"))
    return Array.from({ length: Math.max(...cells.map(({ length }) => length)) }, (_, line) =>
      cells
        .map((cell, column) => padded(cell[line] ?? "", widths[column] ?? 0, token.align[column]))
        .join(gap)
        .trimEnd()
    ).join("\n")
  })
  const [titles = "", ...others] = lines
  return [titles, widths.map((width) => "─".repeat(width)).join("─┼─"), ...others].join("\n")
}

const indented = (text: string, first: string, rest: string): string =>
  text
    .split("\n")
    .map((line, index) => (index === 0 ? first + line : line === "" ? line : rest + line))
    .join("\n")

const item = (token: Tokens.ListItem, sign: string, place: Place): string => {
  const mark = token.task ? `${sign}${token.checked === true ? "[x]" : "[ ]"} ` : sign
  const width = stringWidth(mark)
  const text = blocks(token.tokens, { ...place, width: place.width - width }, token.loose ? "\n\n" : "\n")
  return indented(text, mark, " ".repeat(width))
}

const list = (token: Tokens.List, place: Place): string =>
  token.items
    .map((each, index) => {
      const mark = token.ordered ? `${Number(token.start) + index}. ` : "• "
      return item(each, mark, place)
    })
    .join(token.loose ? "\n\n" : "\n")

const block = (token: Token, place: Place): string => {
  if (!isKnown(token)) return ""
  switch (token.type) {
    case "heading":
      return heading(
        wrap(`${place.hasColor ? "" : `${"#".repeat(token.depth)} `}${inline(token.tokens, place)}`, place.width),
        place
      )
    case "paragraph":
      return wrap(inline(token.tokens, place), place.width)
    case "text":
      return wrap(inlineToken(token, place), place.width)
    case "code":
      return harmless(token.text)
        .split("\n")
        .map((line: string) => (line === "" ? "" : `  ${place.hasColor ? code(line, place) : line}`))
        .join("\n")
    case "blockquote":
      return indented(blocks(token.tokens ?? [], { ...place, width: place.width - 2 }, "\n\n"), "│ ", "│ ")
    case "list":
      return list(token, place)
    case "table":
      return table(token, place)
    case "hr":
      return "─".repeat(Math.min(place.width, 40))
    case "space":
      return ""
    default:
      return wrap(harmless(token.raw.trimEnd()), place.width)
  }
}

const blocks = (tokens: ReadonlyArray<Token>, place: Place, between: string): string =>
  tokens
    .filter((token) => token.type !== "space" && token.type !== "checkbox")
    .map((token) => block(token, place))
    .filter((text) => text !== "")
    .join(between)

const kindOf = (token: Token): string =>
  isKnown(token) && token.type === "list" ? `list ${token.ordered ? "1" : "-"}` : token.type

export interface Markdown {
  /** Takes the next piece, and returns the lines that are certain by now, each with its end. */
  readonly add: (piece: string) => string
  /** The rest. */
  readonly end: () => string
}

/** A text that comes in pieces. `firstColumn` is where its first line begins, behind a label. */
export const make = (layout: () => Layout, firstColumn = 0): Markdown => {
  let rest = ""
  let isFirst = true
  // The kind of the unfinished block.
  let begunKind: string | undefined
  let enough = 0

  const placeNow = (): Place => {
    const { columns, hasColor } = layout()
    // A terminal without a width counts as a narrow one.
    return { hasColor, width: Math.max(20, columns) }
  }

  const shown = (token: Token, place: Place): string => {
    if (!isFirst || firstColumn === 0) return block(token, place)
    if (token.type !== "paragraph" && token.type !== "heading") return `\n${block(token, place)}`
    // A word that cannot be in the text holds the place of the label.
    const text = token.type === "heading" ? heading(inline(token.tokens, place), place) : inline(token.tokens, place)
    return wrap(`${"x".repeat(firstColumn - 1)} ${text}`, place.width)
      .slice(firstColumn - 1)
      .replace(/^ /, "")
  }

  const emit = (tokens: ReadonlyArray<Token>): string => {
    const place = placeNow()
    let text = ""
    for (const token of tokens) {
      if (token.type === "space") begunKind = undefined
      if (token.type === "space" || token.type === "def") continue
      const lines = shown(token, place)
      if (lines === "") continue
      text += `${isFirst || begunKind === kindOf(token) ? "" : "\n"}${lines}\n`
      isFirst = false
      begunKind = undefined
    }
    return text
  }

  // The beginning of a block whose end is not there yet, if that beginning is a block of its own.
  const beginning = (last: Token): { readonly raw: string; readonly tight: boolean } | undefined => {
    if (!isKnown(last)) return undefined
    if (last.type === "list") {
      const raw = last.items
        .slice(0, -1)
        .map((each: Tokens.ListItem) => each.raw)
        .join("")
      return raw !== "" && last.raw.startsWith(raw) ? { raw, tight: !last.loose } : undefined
    }
    // A line with a bar may be the title of a table.
    if (last.type !== "paragraph" || last.raw.includes("|")) return undefined
    const end = last.raw.lastIndexOf("\n", last.raw.length - 1)
    return end === -1 ? undefined : { raw: last.raw.slice(0, end + 1), tight: true }
  }

  return {
    add: (piece) => {
      rest += piece
      if (!piece.includes("\n") || rest.length < enough) return ""
      const tokens = Lexer.lex(rest)
      const last = tokens.at(-1)
      if (last === undefined) return ""
      // A block that a blank line follows has ended, unless it is one that blank lines are part of.
      const isOver =
        last.type === "space" && !["list", "code", "html", "blockquote"].includes(tokens.at(-2)?.type ?? "")
      const whole = isOver ? tokens : tokens.slice(0, last.type === "space" ? -2 : -1)
      const open = isOver ? undefined : last.type === "space" ? tokens.at(-2) : last
      let text = emit(whole)
      rest = rest.slice(whole.reduce((length, { raw }) => length + raw.length, 0))
      const begun = open === undefined ? undefined : beginning(open)
      if (begun !== undefined && rest.startsWith(begun.raw)) {
        text += emit(Lexer.lex(begun.raw))
        rest = rest.slice(begun.raw.length)
        begunKind = begun.tight && open !== undefined ? kindOf(open) : undefined
      }
      // Long blocks are not read again at every line.
      enough = text === "" ? rest.length * 1.1 : 0
      return text
    },
    end: () => {
      const text = emit(Lexer.lex(rest))
      rest = ""
      return text
    }
  }
}

/** A whole text, without a line end. */
export const render = (text: string, layout: Layout): string => {
  const place = { hasColor: layout.hasColor, width: Math.max(20, layout.columns) }
  return blocks(Lexer.lex(text), place, "\n\n")
}
