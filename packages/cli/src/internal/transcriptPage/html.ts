/**
 * Escapes text as HTML. All recorded text goes through here: none of it becomes markup, and characters that hide or reverse text
 * are shown as numbers.
 */
import * as Display from "@effect-codex/core/Display"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** A text of several lines. */
export const escape = (text: string): string =>
  Display.block(text.replaceAll("\r\n", "\n")).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "")

/** A text on one line. */
export const escapeLine = (text: string): string =>
  Display.line(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "")

/** The shown part of a text, and the length of the rest, in UTF-16 code units. */
export interface Clipped {
  readonly html: string
  readonly left: number
}

/** The beginning and the end of a text that is longer than `max`. */
export const clip = (text: string, max: number): Clipped => {
  if (text.length <= max) return { html: escape(text), left: 0 }
  const half = Math.floor(max / 2)
  const left = text.length - 2 * half
  const gap = `<span class="gap">${left.toLocaleString("en")} characters left out</span>`
  return {
    html: `${escape(text.slice(0, half).toWellFormed())}\n${gap}\n${escape(text.slice(-half).toWellFormed())}`,
    left
  }
}

/** A time in seconds, or in minutes and seconds. */
export const duration = (millis: number): string => {
  const seconds = millis / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  return `${minutes} min ${Math.round(seconds - 60 * minutes)} s`
}

/** A number with its thousands apart. */
export const count = (value: number): string => value.toLocaleString("en")
