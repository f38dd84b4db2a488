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
