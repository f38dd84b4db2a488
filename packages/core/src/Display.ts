/**
 * Makes text of a model, a tool or the server safe to show in a terminal or to write to a log.
 *
 * Such text can contain terminal control characters (escape sequences, carriage returns), characters that change the reading
 * order, invisible characters, and letters of other alphabets that look like Latin ones. All of these are shown as `\u{hex}`,
 * the number of the code point. The notation is unambiguous: a text that literally contains `\u{1b}` is shown as
 * `\u{5c}u{1b}`. This module does not look for secrets (see `Redaction`) and does not know colours or widths.
 *
 * @stability stable
 * @since 0.1.0
 */

/**
 * How much of a text is shown.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The maximum length of the shown text, in code points. Longer text is shortened in the middle, with the number of omitted
   * characters of the original: `…[812 left out]…`. A limit that is too small for more shows only that. Default: no limit.
   */
  readonly max?: number | undefined
}

const escapeOf = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

// Most text consists of these only: ASCII, Latin, Chinese, Japanese and Korean letters, lines and boxes.
const common = String.raw` -~\u00A1-\u00AC\u00AE-\u02FF\u2010-\u2022\u2026\u2190-\u2317\u2500-\u259F\u3001-\u3011\u3041-\u3096\u30A1-\u30FC\u4E00-\u9FFF\uAC00-\uD7A3\uFF01-\uFF20`
const suspect = new RegExp(String.raw`[^${common}]|\\u\{|…\[`)
const suspectInBlock = new RegExp(String.raw`[^\n\t${common}]|\\u\{|…\[`)

// Compiled on first use: V8 takes milliseconds for the Unicode classes, and most programs never show text that needs them.
const onUse = (source: string, flags: string): (() => RegExp) => {
  let made: RegExp | undefined
  return () => (made ??= new RegExp(source, flags))
}

// Controls, format characters, unpaired surrogates, private and unassigned characters, separators other than a plain space,
// invisible characters, combining marks without a base or more than four in a row, and our own notation. The variation selector
// for emoji (U+FE0F) is kept after a character that it applies to.
const unsafe = (kept: string): (() => RegExp) =>
  onUse(
    [
      String.raw`(?!\uFE0F(?<=\p{Extended_Pictographic}\uFE0F))(?![${kept}])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]`,
      String.raw`(?<![\p{L}\p{M}\p{N}\p{P}\p{S}])\p{M}`,
      String.raw`(?<=\p{M}{4})\p{M}`,
      String.raw`\\(?=u\{)`,
      String.raw`…(?=\[)`
    ].join("|"),
    "gu"
  )

const unsafeInLine = unsafe(" ")
const unsafeInBlock = unsafe(String.raw` \n\t`)

// Letters of scripts with look-alikes of Latin letters, and variants of Latin letters.
const lookAlikes = String.raw`(?=\p{L})[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}\uFF21-\uFF3A\uFF41-\uFF5A\u{1D400}-\u{1D7FF}]`
const lookAlike = onUse(lookAlikes, "u")
const everyLookAlike = onUse(lookAlikes, "gu")
const word = onUse(String.raw`[\p{L}\p{M}\p{N}_]+`, "gu")
const latin = onUse(String.raw`(?![\uFF21-\uFF3A\uFF41-\uFF5A])\p{Script=Latin}`, "u")

const isMixed = (word: string): boolean => lookAlike().test(word) && latin().test(word)

const marked = (word: string): string => (isMixed(word) ? word.replace(everyLookAlike(), escapeOf) : word)

const escaped = (text: string, unsafe: () => RegExp): string => {
  const shown = text.replace(unsafe(), escapeOf)
  return lookAlike().test(shown) ? shown.replace(word(), marked) : shown
}

/**
 * Text on one line: line breaks and tabs are escaped too.
 *
 * **Details**
 *
 * In words that mix Latin letters with look-alikes from Cyrillic, Greek or other scripts, the latter are escaped.
 *
 * **Gotchas**
 *
 * Escape once, where the text is shown: a second call escapes the escapes of the first.
 *
 * **Example** (A command with a line break and a look-alike)
 *
 * ```ts
 * import * as Display from "@effect-codex/core/Display"
 *
 * Display.line("ls\nrm -rf .") // ls\u{a}rm -rf .
 * Display.line("g\u0456t status") // g\u{456}t status
 * Display.line("x".repeat(1000), { max: 30 }) // xxxxxx…[988 left out]…xxxxxx
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const line = (text: string, options?: Options): string =>
  shortened(suspect.test(text) ? escaped(text, unsafeInLine) : text, options?.max)

/**
 * Text of several lines: like {@link line}, but line feeds and tabs stay as they are. A carriage return is escaped even at the
 * end of a line.
 *
 * **Gotchas**
 *
 * A line of the text can look like a line of your own output. If that matters, prefix each line.
 *
 * @category conversions
 * @since 0.1.0
 */
export const block = (text: string, options?: Options): string =>
  shortened(suspectInBlock.test(text) ? escaped(text, unsafeInBlock) : text, options?.max)

/**
 * The words that mix Latin letters with letters that look like Latin ones, each once, as {@link line} shows them.
 *
 * @category getters
 * @since 0.1.0
 */
export const mixedScripts = (text: string): ReadonlyArray<string> => {
  if (!lookAlike().test(text)) return []
  const mixed = new Set<string>()
  for (const [found] of text.matchAll(word())) if (isMixed(found)) mixed.add(line(found))
  return Array.from(mixed)
}

/**
 * Shortens text that {@link line} or {@link block} has already escaped, as {@link Options} describes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const shorten = (shown: string, max: number): string => shortened(shown, max)

const pair = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g

const codePoints = (text: string): number => text.length - (text.match(pair)?.length ?? 0)

// Escaped text has no unpaired surrogates, and `\u{` in it always starts an escape.
const shortened = (shown: string, max: number | undefined): string => {
  if (max === undefined || shown.length <= max) return shown
  const total = codePoints(shown)
  if (total <= max) return shown
  const each = Math.max(0, Math.floor((max - noticeOf(total).length) / 2))
  const start = startOf(shown, each)
  const end = endOf(shown, each)
  const between = shown.slice(start.length, shown.length - end.length)
  return `${start}${noticeOf(codePoints(between.replace(/\\u\{[0-9a-f]+\}/g, "x")))}${end}`
}

const noticeOf = (leftOut: number): string => `…[${leftOut} left out]…`

// The first and the last characters, without escapes cut in two and without combining marks that have lost their base.
const startOf = (shown: string, count: number): string =>
  Array.from(shown.slice(0, 2 * count))
    .slice(0, count)
    .join("")
    .replace(/\\(?:u(?:\{[0-9a-f]*)?)?$/, "")

const endOf = (shown: string, count: number): string => {
  const from = Math.max(0, shown.length - 2 * count - 1)
  const last = count === 0 ? "" : Array.from(shown.slice(from)).slice(-count).join("")
  const before = shown.slice(0, shown.length - last.length)
  const cut = /\\(?:u(?:\{[0-9a-f]*)?)?$/.test(before.slice(-10)) ? last.replace(/^u?\{?[0-9a-f]*\}/, "") : last
  return cut.replace(/^\p{M}+/u, "")
}
