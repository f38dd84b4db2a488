/**
 * Words that do not read as what they are: their letters look Latin and are not, or a terminal turns their order around.
 *
 * A person accepts what the eye sees. These words are named beside it, with the number of each letter, and letters that run
 * from right to left are never shown as themselves in what would be done. It knows letters, and no requests.
 */
import * as Display from "@effect-codex/core/Display"

// All that a terminal may take for the beginning of text from right to left, unassigned letters of those blocks included.
const rightToLeft = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefe\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu

const lookAlike =
  /(?=\p{L})[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}\p{Script=Deseret}\uFF21-\uFF3A\uFF41-\uFF5A\u{1D400}-\u{1D7FF}]/u

const word = /[\p{L}\p{M}\p{N}_]+/gu

const numbered = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** A text that is safe to show, in the order in which it is read by a program. */
export const inOrder = (shown: string): string => shown.replace(rightToLeft, numbered)

/** The words of a text to be careful with, each once, safe to show. */
export const deceptiveWords = (text: string): ReadonlyArray<string> => {
  if (!lookAlike.test(text) && inOrder(text) === text) return []
  const deceptive = (word: string) => lookAlike.test(word) || inOrder(word) !== word
  return Array.from(new Set(text.match(word)))
    .filter(deceptive)
    .map(named)
}

// A word of another alphabet alone is shown as it is in the text, so here are both.
const named = (word: string): string => {
  const numbers = word.replace(/[^ -~]/gu, numbered)
  if (inOrder(word) !== word) return numbers
  const shown = Display.line(word)
  return shown === word ? `${word}: ${numbers}` : shown
}
