/**
 * Finds the commands that the operands of a program may contain, for rules that decline.
 *
 * Operands are split into words without regard to their language: quotes and backslashes are removed, and every character that
 * cannot be in the name of a program separates words. Every word may be the beginning of a command. This takes linear time even
 * for deeply nested quotes, and prefers finding too many commands to missing one.
 */
import type { Part } from "../../ShellCommand.ts"
import type { Word } from "../../ShellWord.ts"
import { baseName } from "./wrapper.ts"

/** Consecutive words, each of which may begin a command. An `undefined` word is not known. */
export interface Sequence {
  readonly words: ReadonlyArray<string | undefined>
  /** The words as one line. */
  readonly line: string
  /** The position of each word in the line. */
  readonly starts: ReadonlyArray<number>
  /** The indices of the words that may be a program of this name; `undefined` if there are too many. */
  readonly find: (program: string) => ReadonlyArray<number> | undefined
}

export interface Possible {
  readonly sequences: ReadonlyArray<Sequence>
  /** The text itself. */
  readonly text: string
}

/** Stands for text that is not known. */
const any = "\uE000"

export const possibleOf = ({ mayRun = [] }: Part): Possible | undefined => {
  if (mayRun.length === 0) return undefined
  const text = mayRun.map(({ source, value }) => value ?? source).join("\n")
  const read = (form: (text: string) => string) => sequenceOf(mayRun.flatMap((word) => tokensOf(word, form)))
  return {
    text,
    sequences: [read(plain), ...others.flatMap(({ form, has }) => (has.test(text) ? [read(form)] : []))]
  }
}

const plain = (text: string): string => text

const unescaped = (text: string): string =>
  text
    .replace(/\\x([0-9a-fA-F]{1,2})|\\u([0-9a-fA-F]{4})/g, (_, short?: string, long?: string) =>
      String.fromCharCode(Number.parseInt(short ?? long ?? "", 16))
    )
    .replace(/\\([0-7]{1,3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .replace(/\$'/g, "")

// Replaces expansions by their defaults, and command substitutions by an unknown text.
const withDefaults = (text: string): string => unescaped(text).replace(/\$\{\w+:?[-=+?]([^{}]*)\}/g, "$1")
const withOutput = (text: string): string => withDefaults(text).replace(/"?\$\([^()$`]*\)"?|"?`[^`]*`"?/g, any)
// The output may be a word of the command, and the next word may be any: `` `echo git` `echo push` ``.
const withCommandAndOutput = (text: string): string =>
  withDefaults(text).replace(
    /\$\(([^()$`]*)\)|`([^`]*)`/g,
    (_, inner?: string, old?: string) => ` ${inner ?? old} ${any} `
  )
// Replaces a shell variable that is assembled in the text itself: `c=r; c+=m; npx $c`.
const withAssigned = (text: string): string => {
  const values = new Map<string, string>()
  for (const [, name = "", more, value = ""] of text.matchAll(assignments)) {
    values.set(name, (more === "+" ? (values.get(name) ?? "") : "") + value)
  }
  return withDefaults(text).replace(/\$\{?([A-Za-z_]\w*)\}?/g, (expansion, name: string) => {
    const value = values.get(name)
    return value === undefined || value.length > maxAssigned ? expansion : value
  })
}

const assignments = /(?<![\w$])([A-Za-z_]\w*)(\+?)=["']?([^\s;&|()<>"'`$\\]*)/g

// The names of programs and subcommands are short. Longer values would blow up the text.
const maxAssigned = 16

// Further readings of text that shells and other languages assemble at run time.
const others: ReadonlyArray<{ readonly has: RegExp; readonly form: (text: string) => string }> = [
  { has: /\\[xu0-7]/, form: withDefaults },
  { has: /\$\(|`/, form: withOutput },
  { has: /\$\(|`/, form: withCommandAndOutput },
  { has: /\$\{?[A-Za-z_]/, form: withAssigned },
  { has: /\\[a-z]/, form: (text) => unescaped(text).replace(/\\[a-z]/g, " ") },
  {
    has: /\{[^{},\s]*,[^{}\s]*\}/,
    form: (text) => withOutput(text).replace(/\{[^{},\s]*,[^{}\s]*\}/g, any)
  }
]

/** Splits text into words in the same way as operands. */
export const tokensOf = ({ source, value }: Pick<Word, "source" | "value">, form = plain): ReadonlyArray<string> =>
  form((value ?? source).replaceAll("\\\n", ""))
    .replace(/\$(?:\{[!#]?\w+\}|[A-Za-z_]\w*|[0-9@*#?!$-])|(?<=[\w/])\[[^\]\s$]{1,8}\]|[*?]/g, any)
    .replace(/['"\\]/g, "")
    .split(/[^\w./+\-\u0080-\uffff]+/)
    .filter((token) => token !== "")

const sequenceOf = (tokens: ReadonlyArray<string>): Sequence => {
  const starts: Array<number> = []
  let length = 0
  for (const token of tokens) {
    starts.push(length)
    length += token.length + 1
  }
  const byName = new Map<string, Array<number>>()
  const patterns: Array<readonly [at: number, name: string]> = []
  tokens.forEach((token, at) => {
    const name = baseName(token).toLowerCase()
    if (name.includes(any) ? name !== any : /^-[a-z0-9]/.test(name)) patterns.push([at, name])
    const known = byName.get(name)
    if (known === undefined) byName.set(name, [at])
    else known.push(at)
  })
  return {
    words: tokens.map((token) => (token.includes(any) ? undefined : token)),
    line: tokens.join(" "),
    starts,
    find: (program) =>
      patterns.length > maxPatterns
        ? undefined
        : [...(byName.get(program) ?? []), ...patterns.flatMap(([at, name]) => (mayBe(name, program) ? [at] : []))]
  }
}

// Every rule tries each of these words.
const maxPatterns = 256

// The maximum number of option letters in front of a name in the same word.
const maxLetters = 4

const mayBe = (name: string, program: string): boolean => {
  if (/^-[a-z0-9]/.test(name) && name.includes(any)) {
    return Array.from({ length: maxLetters }, (_, letter) => name.slice(letter + 2)).some((rest) =>
      mayBe(rest, program)
    )
  }
  if (!name.includes(any)) {
    const letters = name.length - program.length - 1
    return letters >= 1 && letters <= maxLetters && name.endsWith(program)
  }
  const [first = "", ...rest] = name.split(any)
  const last = rest.pop() ?? ""
  if (program.length < first.length + last.length || !program.startsWith(first) || !program.endsWith(last)) return false
  let at = first.length
  for (const piece of rest) {
    const found = program.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return at + last.length <= program.length
}
