/**
 * What a word of a Bash script stands for, where that is certain.
 *
 * The reader here is small on purpose. It knows plain characters, quotes and single escapes, and of all else it says that
 * it does not know, so a mistake of the Bash parser about a word cannot become an accepted command: both have to agree.
 *
 * @stability stable
 * @since 0.1.0
 */

/**
 * A word as it stands in the script, and what the program gets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Word {
  readonly source: string
  /** `undefined`: known when it runs and not before. It may also become several words, or none. */
  readonly value: string | undefined
}

/**
 * A word that is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const known = (value: string): Word => ({ source: quote(value), value })

/**
 * A word that is not known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown = (source: string): Word => ({ source, value: undefined })

// Characters that mean themselves wherever they stand in a word of Bash and of sh.
const isPlain = (char: string): boolean => /^[A-Za-z0-9_@%+=:,./^\]-]$/.test(char)

// Words of other characters that mean themselves when they stand alone.
const plainWords: ReadonlySet<string> = new Set(["[", "!", "{}"])

/**
 * Reads the source of one word. `undefined` if it has anything but plain characters, quotes and escapes: an expansion, a
 * pattern, a brace, a tilde that may be a home, a character that is not ASCII outside of quotes.
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
      // In some encodings, the bytes of a character take the backslash behind it along.
      if (escaped === "" || source.charAt(at - 1) > "~") return undefined
      // Before any other character a backslash means itself; before a line break both go.
      if (escaped !== "\n") value += /^[$`"\\]$/.test(escaped) ? escaped : char + escaped
      at += 2
    }
  }
  return undefined
}

/**
 * Writes a word so that a shell reads back the same, as codex and Python's `shlex` do.
 *
 * @category utils
 * @since 0.1.0
 */
export const quote = (value: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
