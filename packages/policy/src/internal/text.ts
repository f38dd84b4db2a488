/**
 * Text for logs and prompts in which every character is visible.
 */

/**
 * A JSON value as one line of printable ASCII. Line breaks, control characters, zero-width characters and look-alike letters
 * become escapes.
 */
export const toJson = (value: unknown): string =>
  (JSON.stringify(value) ?? "null").replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** A text with the same escapes, without the quotes. */
export const escape = (text: string): string => toJson(text).slice(1, -1).replaceAll('\\"', '"')

const maxLength = 80

/** An untrusted text for one line of a log: short, quoted, without control characters. */
export const short = (text: string): string =>
  JSON.stringify(text.length > maxLength ? `${text.slice(0, maxLength)}…` : text).replace(
    /[^\x20-\x7e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** Removes trailing characters of a set. A regular expression would take quadratic time. */
export const trimEnd = (text: string, characters: string): string => {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}
