/**
 * Questions as plain text for a terminal: on one screen, with a choice that shows omitted lines.
 *
 * It knows lines and columns. It does not know requests, and reads nothing.
 */
/** The visible parts of a question. */
interface Question {
  readonly title: string
  readonly details: ReadonlyArray<{ readonly label: string; readonly text: string }>
  readonly choices: ReadonlyArray<{ readonly key: string; readonly meaning: string }>
}

/** The visible parts of a field. */
interface Field {
  readonly label: string
  readonly description: string
  readonly type: "text" | "integer" | "number" | "boolean" | "choices"
  readonly options: ReadonlyArray<{ readonly label: string; readonly description: string }>
  readonly isOpen: boolean
  readonly isRequired: boolean
}

// Prefixes of a line, and of its continuation on the next line of the screen.
const bar = "  │ "
const goesOn = "  ┊ "

// How many characters of a line fit. No character is wider than two columns, and ASCII characters take one. An ellipsis may take
// either.
const sizeOf = (line: string, columns: number): number => {
  const room = Math.max(10, columns - 2)
  return /^[ -~…]*$/.test(line) ? room : Math.floor(room / 2)
}

// Lines of whole words. A word that is wider than a line is broken.
const wrappedByWords = (line: string, columns: number): ReadonlyArray<string> => {
  const size = sizeOf(line, columns)
  const lines: Array<string> = []
  let rest = Array.from(line)
  while (rest.length > size) {
    const space = rest.lastIndexOf(" ", size)
    const end = space > 0 ? space + 1 : size
    lines.push(rest.slice(0, end).join("").trimEnd())
    rest = rest.slice(end)
  }
  return [...lines, rest.join("")]
}

// Text of the agent is broken anywhere, so that every space stays visible.
const wrapped = (line: string, columns: number): ReadonlyArray<string> => {
  const size = sizeOf(line, columns)
  const characters = Array.from(line)
  const lines = [characters.slice(0, size).join("")]
  for (let from = size; from < characters.length; from += size) lines.push(characters.slice(from, from + size).join(""))
  return lines
}

// The first and last lines, each after a bar. The notice about omitted lines has no bar, so that no text can forge it.
const barred = (text: string, columns: number, maxLines = Number.POSITIVE_INFINITY): string => {
  const lines = text
    .replaceAll("\t", "    ")
    .split("\n")
    .flatMap((line) => wrapped(line, columns - bar.length).map((part, index) => `${index === 0 ? bar : goesOn}${part}`))
  if (lines.length <= maxLines) return lines.join("\n")
  const each = Math.floor(maxLines / 2)
  const notice = `  ... ${lines.length - 2 * each} lines are not shown here ...`
  return [...lines.slice(0, each), notice, ...lines.slice(-each)].join("\n")
}

/** The choice that shows the omitted lines. */
export const more = "more"

/** The question, shortened to fit the screen, and the keys of its choices. */
export const page = ({ choices, details, title }: Question, columns: number, rows: number) => {
  const free = rows - choices.length - 8 - 3 * details.length
  const maxLines = Math.max(6, Math.floor(free / Math.max(1, details.length)))
  const parts = details.map(({ label, text }) => {
    const short = barred(text, columns, maxLines)
    return { label, short, isCut: short !== barred(text, columns) }
  })
  const isCut = parts.some(({ isCut }) => isCut)
  const offered = isCut ? [...choices, { key: more, meaning: "Show the omitted lines" }] : choices
  const width = Math.max(...offered.map(({ key }) => key.length)) + 4
  // A continued meaning is indented below its first line, where no key can stand.
  const meanings = offered.flatMap(({ key, meaning }) =>
    wrappedByWords(meaning, columns - width).map(
      (part, index) => `${(index === 0 ? `  ${key}` : "").padEnd(width)}${part}`
    )
  )
  const text = [
    wrappedByWords(title, columns).join("\n  "),
    ...parts.map(({ label, short }) => `\n  ${label}\n${short}`),
    "",
    ...meanings,
    ""
  ].join("\n")
  return { text, keys: offered.map(({ key }) => key) }
}

/** The full text of a question. */
export const text = (question: Question, columns = 80): string => page(question, columns, Number.POSITIVE_INFINITY).text

const formOf = ({ isOpen, options, type }: Field): string => {
  if (type === "choices") return "numbers of options, with commas between them"
  if (options.length > 0) return isOpen ? "the number of an option, or your own text" : "the number of an option"
  return { boolean: "yes or no", integer: "a whole number", number: "a number", text: "in words" }[type]
}

/** The text of a field, with a description of valid input. */
export const fieldText = (field: Field, columns: number): string =>
  [
    `${field.isRequired ? "Required" : "Optional"}: ${formOf(field)}`,
    barred(field.label, columns),
    ...(field.description === "" ? [] : [barred(field.description, columns)]),
    ...field.options.map(({ description, label }, index) =>
      barred(`${index + 1}) ${label}${description === "" ? "" : `: ${description}`}`, columns)
    ),
    ""
  ].join("\n")
