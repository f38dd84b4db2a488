/**
 * Here-documents that are plain text: within a substitution, which prints it, and as the input of a program.
 *
 * Shells disagree about where these end. Bash before 4.0 looks for the closing bracket without knowing here-documents, and
 * newer ones also take a line that only begins with the delimiter for its end. This module answers for all of them: it accepts
 * only documents that no shell ends elsewhere. It knows no program other than `cat`, and no rules.
 */

/** Whether a shell may take this line for the end of the document although it is another one. */
export const mayEnd = (line: string, delimiter: string): boolean => line.trimStart().startsWith(delimiter)

/**
 * Whether a substitution that has such text in it, a here-document or a comment, ends at the same bracket for a shell that
 * reads the text as part of the script. `rest` is what follows that bracket.
 */
export const endsAlike = (text: string, rest: string): boolean => {
  // Both brackets of a pair count, or none of them: nothing between them begins or ends a quote or a comment.
  const left = text.replace(/(?<![\\$])\((?:[^()'"`\\$#\n]|(?<=\S)#)*\)/g, "")
  // Old shells expand these first, and one of the new lines may be the end of a document.
  if (/\\\n|\$['"]/.test(text)) return false
  // With anything that hides the bracket, the substitution goes on to a later one, or without an end.
  return !left.includes(")") && (!/['"`\\$(]/.test(left) || !rest.includes(")"))
}

interface Body {
  readonly body: string
  /** The end of the line that is the delimiter. */
  readonly end: number
}

// The document whose first line begins at `start`; `undefined`: a shell may see its end elsewhere, or expand something in it.
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
  /** The document as it stands in the script. */
  readonly body: string
}

const printedForm = new RegExp(`^"\\$\\(cat[ \\t]*<<[ \\t]*${delimiterForm}[ \\t]*\\n`)

/** The text that `"$(cat <<'EOF' … )"` becomes; `undefined`: the word has another form. */
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
  /** The end of the redirection, the first line of the document, and the end of its delimiter. */
  readonly operatorEnd: number
  readonly start: number
  readonly end: number
}

const inputForm = new RegExp(`<<[ \\t]*${delimiterForm}(?=[\\s;&|)<>])`, "y")

/** The document of the redirection that stands at `pos`, from the next line on; `undefined`: it may be more than text. */
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
