/**
 * Here-documents that are plain text: within a substitution, which prints it, and as the input of a program.
 *
 * Shells disagree about the end of these. Bash before 4.0 looks for the closing bracket without parsing here-documents, and
 * newer versions also accept a line that only begins with the delimiter as the end. This module accepts only documents that end
 * at the same place in every shell. It knows no program other than `cat`, and no rules.
 */

/** Whether some shell may take this line for the end of the document, although it is not the delimiter. */
export const mayEnd = (line: string, delimiter: string): boolean => line.trimStart().startsWith(delimiter)

/**
 * Whether a substitution that contains a here-document or a comment also ends at the same bracket in a shell that reads the
 * text as part of the script. `rest` is the script after that bracket.
 */
export const endsAlike = (text: string, rest: string): boolean => {
  // A pair of brackets counts as a whole: no quote or comment begins or ends between them.
  const left = text.replace(/(?<![\\$])\((?:[^()'"`\\$#\n]|(?<=\S)#)*\)/g, "")
  // Old shells expand these first, and one of the resulting lines may be the end of a document.
  if (/\\\n|\$['"]/.test(text)) return false
  // If something hides the bracket, the substitution ends at a later bracket, or not at all.
  return !left.includes(")") && (!/['"`\\$(]/.test(left) || !rest.includes(")"))
}

interface Body {
  readonly body: string
  /** The end of the line with the delimiter. */
  readonly end: number
}

// The document that begins at `start`; `undefined` if a shell may end it elsewhere, or expand something in it.
const readBody = (text: string, start: number, delimiter: string, isQuoted: boolean): Body | undefined => {
  let body = ""
  for (let at = start; ;) {
    const newline = text.indexOf("\n", at)
    const line = text.slice(at, newline === -1 ? text.length : newline)
    if (line === delimiter) return isQuoted || !/[$`\\]/.test(body) ? { body, end: at + line.length } : undefined
    if (newline === -1 || mayEnd(line, delimiter)) return undefined
    body += `${line}\n`
    at = newline + 1
  }
}

const delimiterForm = "(?:'(\\w+)'|\"(\\w+)\"|(\\w+))"

export interface Printed {
  readonly value: string
  readonly delimiter: string
  /** The document as written in the script. */
  readonly body: string
}

const printedForm = new RegExp(`^"\\$\\(cat[ \\t]*<<[ \\t]*${delimiterForm}[ \\t]*\\n`)

/** The text that `"$(cat <<'EOF' … )"` expands to; `undefined` if the word has another form. */
export const readPrinted = (word: string): Printed | undefined => {
  const match = printedForm.exec(word)
  if (match === null) return undefined
  const [opening, single, double, bare] = match
  const delimiter = single ?? double ?? bare ?? ""
  const found = readBody(word, opening.length, delimiter, bare === undefined)
  return found !== undefined && /^\n[ \t\n]*\)"$/.test(word.slice(found.end))
    ? { value: found.body.replace(/\n+$/, ""), delimiter, body: found.body }
    : undefined
}

export interface Input {
  readonly delimiter: string
  readonly body: string
  /** The end of the redirection. */
  readonly operatorEnd: number
  /** The beginning of the document. */
  readonly start: number
  /** The end of the line with the delimiter. */
  readonly end: number
}

const inputForm = new RegExp(`<<[ \\t]*${delimiterForm}(?=[\\s;&|)<>])`, "y")

/** The document of the redirection at `pos`, which begins on the next line; `undefined` if it may be more than plain text. */
export const readInput = (script: string, pos: number): Input | undefined => {
  inputForm.lastIndex = pos
  const match = inputForm.exec(script)
  const start = script.indexOf("\n", pos) + 1
  if (match === null || start === 0) return undefined
  const [operator, single, double, bare] = match
  const delimiter = single ?? double ?? bare ?? ""
  const found = readBody(script, start, delimiter, bare === undefined)
  return found === undefined ? undefined : { delimiter, operatorEnd: pos + operator.length, start, ...found }
}
