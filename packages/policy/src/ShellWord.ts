/**
 * Reads words of a Bash script whose value is certain.
 *
 * This reader is small on purpose. It knows plain characters, quotes and single escapes, and reports everything else as unknown.
 * A mistake of the Bash parser about a word therefore cannot lead to an accepted command: both must agree.
 *
 * @stability stable
 * @since 0.1.0
 */

/**
 * A word as written in the script, and the value that the program gets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Word {
  readonly source: string
  /** `undefined` if the value is known only at run time. It may also become several words, or none. */
  readonly value: string | undefined
}

/**
 * A word with a known value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const known = (value: string): Word => ({ source: quote(value), value })

/**
 * A word with an unknown value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown = (source: string): Word => ({ source, value: undefined })

// Characters that are literal anywhere in a word, in both Bash and sh.
const isPlain = (char: string): boolean => /^[A-Za-z0-9_@%+=:,./^\]-]$/.test(char)

// Words of other characters that are literal as whole words.
const plainWords: ReadonlySet<string> = new Set(["[", "!", "{}"])

/**
 * Reads the source of one word. `undefined` if it contains anything other than plain characters, quotes and escapes: an
 * expansion, a pattern, a brace, a tilde that may mean a home, or a non-ASCII character outside of quotes.
 *
 * @category utils
 * @since 0.1.0
 */
export const decode = (source: string): string | undefined => {
  if (plainWords.has(source)) return source
  let value = ""
  let at = 0
  while (at < source.length) {
    const char = source.charAt(at)
    if (char === "'") {
      const end = source.indexOf("'", at + 1)
      if (end === -1) return undefined
      value += source.slice(at + 1, end)
      at = end + 1
    } else if (char === '"') {
      const quoted = decodeQuoted(source, at + 1)
      if (quoted === undefined) return undefined
      value += quoted.value
      at = quoted.end
    } else if (char === "\\") {
      const escaped = source.charAt(at + 1)
      if (!/^[\x21-\x7e ]$/.test(escaped)) return undefined
      value += escaped
      at += 2
    } else if (
      isPlain(char) ||
      (char === "#" && at > 0) ||
      (char === "~" && /[A-Za-z0-9]/.test(source.charAt(at - 1)))
    ) {
      value += char
      at++
    } else return undefined
  }
  return value
}

const decodeQuoted = (source: string, start: number): { readonly value: string; readonly end: number } | undefined => {
  let value = ""
  let at = start
  while (at < source.length) {
    const char = source.charAt(at)
    if (char === '"') return { value, end: at + 1 }
    if (char === "$" || char === "`") return undefined
    if (char !== "\\") {
      value += char
      at++
    } else {
      const escaped = source.charAt(at + 1)
      // In some encodings, a multibyte character may include the following backslash.
      if (escaped === "" || source.charAt(at - 1) > "~") return undefined
      // Before any other character the backslash is literal; before a line break both are removed.
      if (escaped !== "\n") value += /^[$`"\\]$/.test(escaped) ? escaped : char + escaped
      at += 2
    }
  }
  return undefined
}

/**
 * Quotes a word so that a shell reads the same value, like codex and Python's `shlex`.
 *
 * @category utils
 * @since 0.1.0
 */
export const quote = (value: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
