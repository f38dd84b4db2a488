/**
 * JSON that is safe to print on a terminal.
 */

/** Escapes characters that a terminal would obey or that hide text, as JSON allows. */
export const sanitizedJson = (text: string): string =>
  text.replaceAll(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** A value as JSON on one line. */
export const jsonLine = (value: unknown): string => sanitizedJson(JSON.stringify(value))
