/**
 * Questions as plain text for a terminal: on one screen, with a way to see what is left out there.
 *
 * It knows lines and columns. It does not know requests, and reads nothing.
 */
/** What is shown of a question. */
interface Question {
  readonly title: string
  readonly details: ReadonlyArray<{ readonly label: string; readonly text: string }>
  readonly choices: ReadonlyArray<{ readonly key: string; readonly meaning: string }>
}

/** What is shown of something to fill in. */
interface Field {
  readonly label: string
  readonly description: string
  readonly type: "text" | "integer" | "number" | "boolean" | "choices"
  readonly options: ReadonlyArray<{ readonly label: string; readonly description: string }>
  readonly isOpen: boolean
  readonly isRequired: boolean
}

// Before a line, and before what of it does not fit on the screen's.
const bar = "  │ "
const goesOn = "  ┊ "

// No character is wider than two columns, and those of ASCII have one. The sign for what is left out may have either.
const wrapped = (line: string, columns: number): ReadonlyArray<string> => {
  const room = Math.max(10, columns - 2)
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
    .flatMap((line) => wrapped(line, columns - bar.length).map((part, index) => `${index === 0 ? bar : goesOn}${part}`))
  if (lines.length <= maxLines) return lines.join("\n")
  const each = Math.floor(maxLines / 2)
  const notice = `  ... ${lines.length - 2 * each} lines are not shown here ...`
  return [...lines.slice(0, each), notice, ...lines.slice(-each)].join("\n")
}

/** The choice that shows what was left out. */
export const more = "more"

/** The question, and whether something is left out to keep it on the screen. */
export const page = ({ choices, details, title }: Question, columns: number, rows: number) => {
  const free = rows - choices.length - 8 - 3 * details.length
  const maxLines = Math.max(6, Math.floor(free / Math.max(1, details.length)))
  const parts = details.map(({ label, text }) => {
    const short = barred(text, columns, maxLines)
    return { label, short, isCut: short !== barred(text, columns) }
  })
  const isCut = parts.some(({ isCut }) => isCut)
  const offered = isCut ? [...choices, { key: more, meaning: "Show what is left out" }] : choices
  const width = Math.max(...offered.map(({ key }) => key.length)) + 4
  // What goes on does so below the meaning, where no key can stand.
  const meanings = offered.flatMap(({ key, meaning }) =>
    wrapped(meaning, columns - width).map((part, index) => `${(index === 0 ? `  ${key}` : "").padEnd(width)}${part}`)
  )
  const text = [
    wrapped(title, columns).join("\n  "),
    ...parts.map(({ label, short }) => `\n  ${label}\n${short}`),
    "",
    ...meanings,
    ""
  ].join("\n")
  return { text, keys: offered.map(({ key }) => key) }
}

/** The question with all that it has. */
export const text = (question: Question, columns = 80): string => page(question, columns, Number.POSITIVE_INFINITY).text

const formOf = ({ isOpen, options, type }: Field): string => {
  if (type === "choices") return "numbers of options, with commas between them"
  if (options.length > 0) return isOpen ? "the number of an option, or words of your own" : "the number of an option"
  return { boolean: "yes or no", integer: "a whole number", number: "a number", text: "in words" }[type]
}

/** What is to be filled in, and how. */
export const fieldText = (field: Field, columns: number): string =>
  [
    `${field.isRequired ? "To be filled in" : "May be left empty"}: ${formOf(field)}`,
    barred(field.label, columns),
    ...(field.description === "" ? [] : [barred(field.description, columns)]),
    ...field.options.map(({ description, label }, index) =>
      barred(`${index + 1}) ${label}${description === "" ? "" : `: ${description}`}`, columns)
    ),
    ""
  ].join("\n")
