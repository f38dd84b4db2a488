/**
 * Finds deceptive words: their letters look Latin but are not, or a terminal reverses their order.
 *
 * A person accepts what the screen shows. So these words are listed next to it, with the code of each letter, and letters that
 * run from right to left are always escaped in the text of an action. This module knows letters, but no requests.
 */
import * as Display from "@effect-codex/core/Display"

// Every character that may start right-to-left text in a terminal, including unassigned ones of those blocks.
const rightToLeft = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefe\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu

const lookAlike =
  /(?=\p{L})[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}\p{Script=Deseret}\uFF21-\uFF3A\uFF41-\uFF5A\u{1D400}-\u{1D7FF}]/u

const word = /[\p{L}\p{M}\p{N}_]+/gu

const numbered = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** A text that is safe to show, in the order in which a program reads it. */
export const inOrder = (shown: string): string => shown.replace(rightToLeft, numbered)

/** The deceptive words of a text, each once, safe to show. */
export const deceptiveWords = (text: string): ReadonlyArray<string> => {
  if (!lookAlike.test(text) && inOrder(text) === text) return []
  const deceptive = (word: string) => lookAlike.test(word) || inOrder(word) !== word
  return Array.from(new Set(text.match(word)))
    .filter(deceptive)
    .map(named)
}

// `Display.line` leaves a word of a single other alphabet unchanged, so it is shown together with its codes.
const named = (word: string): string => {
  const numbers = word.replace(/[^ -~]/gu, numbered)
  if (inOrder(word) !== word) return numbers
  const shown = Display.line(word)
  return shown === word ? `${word}: ${numbers}` : shown
}
