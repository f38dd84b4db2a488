/**
 * Translates Python's regular expressions to RE2's syntax, as long as both mean the same.
 *
 * A construct without an exact counterpart is refused by name: look-around, back-references, possessive quantifiers,
 * conditionals. One difference remains and is reported: `\b` knows the letters of ASCII only, so it may match more.
 */
import * as Result from "effect/Result"

export interface Translation {
  readonly pattern: string
  /** Whether there is a `\b`, which matches next to letters outside of ASCII too. */
  readonly asciiBoundary: boolean
}

// A translated piece of a pattern, and the known properties of the text that it matches.
interface Item {
  readonly text: string
  /** Whether the text begins, or ends, with a letter, digit or underscore of ASCII in any case. */
  readonly startsWithWord: boolean
  readonly endsWithWord: boolean
  readonly assertion?: "boundary" | "other"
  /** Whether a `$` may end the text, so that nothing can come after it. */
  readonly ends?: boolean
}

interface Flags {
  readonly ascii: boolean
  readonly multiline: boolean
}

const item = (text: string, isWord = false): Item => ({ text, startsWithWord: isWord, endsWithWord: isWord })
const assertion = (text: string, kind: Item["assertion"] & string): Item => ({ ...item(text), assertion: kind })

const word = "\\p{L}\\p{N}_"
const space = "\\t-\\r\\x1c-\\x1f\\x{85}\\pZ"
const asciiSpace = "\\t-\\r "

// The content of brackets that stands for a class.
const classes = (ascii: boolean): { readonly [K in string]?: { readonly set: string; readonly negated: boolean } } => ({
  d: { set: ascii ? "0-9" : "\\p{Nd}", negated: false },
  D: { set: ascii ? "0-9" : "\\p{Nd}", negated: true },
  w: { set: ascii ? "0-9A-Za-z_" : word, negated: false },
  W: { set: ascii ? "0-9A-Za-z_" : word, negated: true },
  s: { set: ascii ? asciiSpace : space, negated: false },
  S: { set: ascii ? asciiSpace : space, negated: true }
})

const controls: { readonly [K in string]?: number } = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

const literal = (code: number): string => {
  const char = String.fromCodePoint(code)
  if (/^[A-Za-z0-9_]$/.test(char)) return char
  if (char === " ") return char
  return code > 0x20 && code < 0x7f ? `\\${char}` : `\\x{${code.toString(16)}}`
}

const isWordCode = (code: number): boolean => /^[A-Za-z0-9_]$/.test(String.fromCodePoint(code))

/** Translates a pattern; fails with the construct that cannot be translated. */
export const translate = (source: string): Result.Result<Translation, string> => {
  let at = 0
  let refused: string | undefined
  let asciiBoundary = false

  const refuse = (construct: string): Item => {
    refused ??= construct
    return item("")
  }
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(source)?.[0]
    if (found !== undefined) at += found.length
    return found
  }

  const alternation = (flags: Flags): Item => {
    const branches = [sequence(flags)]
    while (take(/\|/y) !== undefined) branches.push(sequence(flags))
    return {
      text: branches.map(({ text }) => text).join("|"),
      ends: branches.some(({ ends }) => ends),
      startsWithWord: branches.every(({ startsWithWord }) => startsWithWord),
      endsWithWord: branches.every(({ endsWithWord }) => endsWithWord)
    }
  }

  const sequence = (flags: Flags): Item => {
    const items: Array<Item> = []
    while (at < source.length && !/[|)]/.test(source.charAt(at))) items.push(quantified(flags))
    items.forEach(({ assertion, ends }, index) => {
      const before = items.slice(0, index).findLast(({ assertion }) => assertion === undefined)
      const after = items.slice(index + 1).find(({ assertion }) => assertion === undefined)
      if (ends === true && items.slice(index + 1).some(({ text }) => text !== "")) refuse("$ before the end")
      if (assertion !== "boundary") return
      asciiBoundary = true
      if (before?.endsWithWord !== true && after?.startsWithWord !== true)
        refuse("\\b without a plain letter next to it")
    })
    const matching = items.filter(({ assertion }) => assertion === undefined)
    return {
      text: items.map(({ text }) => text).join(""),
      ends: items.some(({ ends }) => ends),
      startsWithWord: matching[0]?.startsWithWord === true,
      endsWithWord: matching.at(-1)?.endsWithWord === true
    }
  }

  const quantified = (flags: Flags): Item => {
    const inner = atom(flags)
    const quantifier = take(/[*+?]|\{\d*(?:,\d*)?\}/y)
    if (quantifier === undefined || quantifier === "{}") {
      return quantifier === undefined ? inner : { ...inner, text: `${inner.text}\\{\\}`, endsWithWord: false }
    }
    const lazy = take(/\?/y) ?? ""
    if (take(/\+/y) !== undefined) return refuse(`the possessive ${quantifier}+`)
    if (inner.assertion !== undefined || inner.ends === true) return refuse(`${quantifier} after what matches no text`)
    const range = /^\{(\d*)(,?)(\d*)\}$/.exec(quantifier)
    const least = range === null ? (quantifier === "+" ? 1 : 0) : Number(range[1])
    const text = range === null ? quantifier : `{${least}${range[2] ?? ""}${range[3] ?? ""}}`
    return {
      text: `${inner.text}${text}${lazy}`,
      startsWithWord: inner.startsWithWord && least > 0,
      endsWithWord: inner.endsWithWord && least > 0
    }
  }

  const atom = (flags: Flags): Item => {
    const repeats = take(/[*+?]|\{(?:\d+(?:,\d*)?|,\d*)\}/y)
    if (repeats !== undefined) return refuse(`${repeats} with nothing to repeat`)
    const char = take(/./suy) ?? ""
    switch (char) {
      case "(":
        return group(flags)
      case "[":
        return set(flags)
      case "\\":
        return escape(flags)
      case ".":
        return item(".")
      case "^":
        return assertion("^", "other")
      case "$":
        return flags.multiline ? assertion("$", "other") : { ...assertion("(?:\\n?\\z)", "other"), ends: true }
      default:
        return item(literal(char.codePointAt(0) ?? 0), isWordCode(char.codePointAt(0) ?? 0))
    }
  }

  const group = (flags: Flags): Item => {
    if (take(/\?#[^)]*\)/y) !== undefined) return assertion("", "other")
    const opening = take(/\?(?:[aimsu]*(?:-[ims]+)?:|P<\w+>)/y)
    const other = opening === undefined ? take(/\?(?:P=|<[=!]|P>|[=!>(<]|[a-zA-Z-]+\)?)?/y) : undefined
    if (other !== undefined) {
      // Read on to the closing bracket.
      alternation(flags)
      take(/\)/y)
      return refuse(`(${other}`)
    }
    const [on = "", off = ""] = opening?.startsWith("?P") === true ? [] : (opening?.slice(1, -1).split("-") ?? [])
    const inner = alternation({
      ascii: on.includes("a") || (flags.ascii && !on.includes("u")),
      multiline: on.includes("m") || (flags.multiline && !off.includes("m"))
    })
    if (take(/\)/y) === undefined) return refuse("a bracket that is not closed")
    const kept = on.replace(/[au]/g, "")
    return { ...inner, text: `(?${kept}${off === "" ? "" : `-${off}`}:${inner.text})` }
  }

  // One character after a backslash, in brackets or not; `undefined` if the escape is not a character.
  const escapedCode = (inSet: boolean): number | undefined => {
    const hex = take(/x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y)
    if (hex !== undefined) return Number.parseInt(hex.slice(1), 16)
    const octal = take(inSet ? /[0-7]{1,3}/y : /0[0-7]{0,2}|[1-3][0-7]{2}/y)
    if (octal !== undefined) return Number.parseInt(octal, 8)
    const char = take(inSet ? /[abfnrtv]|[^A-Za-z0-9]/suy : /[afnrtv]|[^A-Za-z0-9]/suy)
    return char === undefined ? undefined : char === "b" ? 8 : (controls[char] ?? char.codePointAt(0))
  }

  const escape = (flags: Flags): Item => {
    const code = escapedCode(false)
    if (code !== undefined)
      return code > 0x10ffff ? refuse("a character that does not exist") : item(literal(code), isWordCode(code))
    const char = take(/./suy) ?? ""
    const known = classes(flags.ascii)[char]
    if (known !== undefined) return item(`[${known.negated ? "^" : ""}${known.set}]`)
    if (char === "A") return assertion("\\A", "other")
    if (char === "Z") return assertion("\\z", "other")
    if (char === "b") return assertion("\\b", "boundary")
    return refuse(/[1-9]/.test(char) ? `the back-reference \\${char}` : `\\${char}`)
  }

  const set = (flags: Flags): Item => {
    const everything = take(/\\s\\S\]|\\S\\s\]|\\w\\W\]|\\W\\w\]|\\d\\D\]|\\D\\d\]/y)
    if (everything !== undefined) return item("(?s:.)")
    const negated = take(/\^/y) ?? ""
    const parts: Array<string> = []
    let isWord = negated === ""
    let first = true
    while (first || source.charAt(at) !== "]") {
      if (at >= source.length) return refuse("a bracket that is not closed")
      first = false
      const from = member(flags)
      if (typeof from === "string") {
        parts.push(from)
        isWord = false
        continue
      }
      const isRange = source.charAt(at) === "-" && at + 1 < source.length && source.charAt(at + 1) !== "]"
      if (isRange) at++
      const to = isRange ? member(flags) : from
      if (typeof to === "string" || to < from) return refuse("a range without an order")
      parts.push(isRange ? `${literal(from)}-${literal(to)}` : literal(from))
      isWord &&= isWordCode(from) && isWordCode(to) && to - from < 26
    }
    at++
    return item(`[${negated}${parts.join("")}]`, isWord)
  }

  // A character of a set, or a class in it.
  const member = (flags: Flags): number | string => {
    if (take(/\\/y) === undefined) return (take(/./suy) ?? "").codePointAt(0) ?? 0
    const code = escapedCode(true)
    if (code !== undefined) return code
    const char = take(/./suy) ?? ""
    const known = classes(flags.ascii)[char]
    if (known?.negated === false) return known.set
    refuse(`\\${char} in brackets`)
    return ""
  }

  const leading = take(/\(\?[a-zA-Z]+\)/y)?.slice(2, -1) ?? ""
  if (/[^aimsu]/.test(leading)) refuse(`the flag in (?${leading})`)
  const whole = alternation({ ascii: leading.includes("a"), multiline: leading.includes("m") })
  if (at < source.length) refuse("a bracket that closes nothing")
  const kept = leading.replace(/[au]/g, "")
  return refused === undefined
    ? Result.succeed({ pattern: kept === "" ? whole.text : `(?${kept})${whole.text}`, asciiBoundary })
    : Result.fail(refused)
}
