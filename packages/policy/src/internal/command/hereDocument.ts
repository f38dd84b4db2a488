/**
 * Here-documents within a substitution, and the text that such a substitution prints.
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

export interface Printed {
  readonly value: string
  readonly delimiter: string
  /** The document as it stands in the script. */
  readonly body: string
}

/** The text that `"$(cat <<'EOF' … )"` becomes; `undefined`: the word has another form. */
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
