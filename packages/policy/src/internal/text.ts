/**
 * Text that shows all that it holds.
 */

/**
 * A JSON value as one line of printable ASCII: line breaks, control characters, characters without a width and letters that
 * look like others stand there as escapes.
 */
export const toJson = (value: unknown): string =>
  (JSON.stringify(value) ?? "null").replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** Text in the same way, without the quotes. */
export const escape = (text: string): string => toJson(text).slice(1, -1).replaceAll('\\"', '"')

const maxLength = 80

/** A text from somebody else, for one line of a log: short, quoted, without control characters. */
export const short = (text: string): string =>
  JSON.stringify(text.length > maxLength ? `${text.slice(0, maxLength)}…` : text).replace(
    /[^\x20-\x7e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** A text without those of the characters that it ends with. A pattern would look from each of them to the end anew. */
export const trimEnd = (text: string, characters: string): string => {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}
