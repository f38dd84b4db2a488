/**
 * Here-documents within a substitution, and the text that such a substitution prints.
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

export interface Printed {
  readonly value: string
  readonly delimiter: string
  /** The document as written in the script. */
  readonly body: string
}

/** The text that `"$(cat <<'EOF' … )"` expands to; `undefined` if the word has another form. */
export const readPrinted = (word: string): Printed | undefined => {
  const match = /^"\$\(cat[ \t]*<<[ \t]*(?:'(\w+)'|"(\w+)"|(\w+))[ \t]*\n/.exec(word)
  if (match === null) return undefined
  const [opening, single, double, bare] = match
  const delimiter = single ?? double ?? bare ?? ""
  const lines: Array<string> = []
  for (let at = opening.length; ;) {
    const end = word.indexOf("\n", at)
    if (end === -1) return undefined
    const line = word.slice(at, end)
    at = end + 1
    if (line === delimiter) {
      const body = lines.map((line) => `${line}\n`).join("")
      const isPlain = bare === undefined || !/[$`\\]/.test(body)
      return isPlain && /^[ \t\n]*\)"$/.test(word.slice(at))
        ? { value: body.replace(/\n+$/, ""), delimiter, body }
        : undefined
    }
    if (mayEnd(line, delimiter)) return undefined
    lines.push(line)
  }
}
