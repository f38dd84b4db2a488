/**
 * Determines the use of each word of a command line, by the table of programs.
 *
 * Nothing is guessed: a program or an option that the table does not contain makes the result uncertain, and then it includes
 * only the uses that were understood. This module knows no rules and looks at no files.
 */
import { type Effect, type Program, programs } from "./programs.ts"

/** One word, or a piece of one, and its use. */
export interface Use {
  readonly effect: Effect
  /** `undefined`: only known at run time. */
  readonly value: string | undefined
  /** The index of the word; the program is 0. */
  readonly at: number
}

export interface Uses {
  readonly uses: ReadonlyArray<Use>
  /** The reason why there may be more uses; `undefined` if the list is complete. */
  readonly uncertain: string | undefined
  /** Code that the program runs in addition to the commands in its words. */
  readonly runs: "git" | "project" | undefined
  /** Whether it has effects that its words do not name, see `Program`. */
  readonly acts: boolean
  /** The subcommands that were given, in order. */
  readonly subcommands: ReadonlyArray<string>
}

/** The entry of a program. The word may include a folder of the system. */
export const programOf = (word: string): Program | undefined => {
  const name = word.replace(/^(?:\/usr(?:\/local)?)?\/bin\//, "")
  return Object.hasOwn(programs, name) ? programs[name] : undefined
}

/** The uses of the words of a command. An `undefined` word is only known at run time. */
export const usesOf = (words: ReadonlyArray<string | undefined>): Uses => {
  const [name, ...args] = words
  const program = name === undefined ? undefined : programOf(name)
  if (name === undefined || program === undefined) {
    return {
      uses: [],
      uncertain: name === undefined ? "its program is not known" : `${name} is not a program that is known here`,
      runs: undefined,
      acts: true,
      subcommands: []
    }
  }
  return read(program, args, 1, name)
}

/** Whether a program uses its input only as text, such as the message of `git commit -F -`. */
export const takesText = (words: ReadonlyArray<string | undefined>): boolean => {
  if (words[0] !== "git" || words[1] !== "commit") return false
  const { uncertain, uses } = usesOf(words)
  if (uncertain !== undefined) return false
  const [file, ...others] = uses.filter(({ effect }) => effect === "read")
  if (file?.value !== "-" || others.length > 0) return false
  const option = words[file.at] === "-" ? words[file.at - 1] : words[file.at]
  return /^(?:-F-?|--file(?:=-)?)$/.test(option ?? "")
}

type Found = { readonly effect: Effect; readonly letter: boolean } | "flag"

// Options of a program by their names, computed once.
interface Options {
  readonly of: ReadonlyMap<string, Found>
  readonly turns: ReadonlyMap<string, Effect>
  readonly instead: ReadonlySet<string>
  readonly attached: ReadonlySet<string>
  readonly unsure: ReadonlySet<string>
}

const optionsOf = new WeakMap<Program, Options>()

const wordsOf = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(" ").filter((word) => word !== "")

const isEffect = (text: string): text is Effect => effects.has(text)
const effects: ReadonlySet<string> = new Set(
  "text read walk follow list write folder run sed awk jq sql shell gitFormat code".split(" ")
)

const compile = (program: Program): Options => {
  const known = optionsOf.get(program)
  if (known !== undefined) return known
  const of = new Map<string, Found>()
  const turns = new Map<string, Effect>()
  for (const name of wordsOf(program.flags)) of.set(name, "flag")
  for (const [effect, names] of Object.entries(program.turns ?? {})) {
    for (const name of wordsOf(names)) {
      if (!of.has(name)) of.set(name, "flag")
      if (isEffect(effect)) turns.set(name, effect)
    }
  }
  for (const [effect, names] of Object.entries(program.values ?? {})) {
    for (const name of wordsOf(names)) if (isEffect(effect)) of.set(name, { effect, letter: /^-[^-]$/.test(name) })
  }
  const options = {
    of,
    turns,
    instead: new Set(wordsOf(program.instead)),
    attached: new Set(wordsOf(program.attached)),
    unsure: new Set(wordsOf(program.unsure))
  }
  optionsOf.set(program, options)
  return options
}

const read = (program: Program, args: ReadonlyArray<string | undefined>, start: number, name: string): Uses => {
  const { attached, instead, of, turns, unsure } = compile(program)
  const uses: Array<Use> = []
  const operands: Array<Omit<Use, "effect">> = []
  const turned: Array<Effect> = []
  let replaced = false
  let uncertain: string | undefined
  let subcommand: { readonly name: string; readonly uses: Uses } | undefined
  const doubt = (why: string) => void (uncertain ??= why)
  const seen = (option: string) => {
    const turn = turns.get(option)
    if (turn !== undefined) turned.push(turn)
    if (instead.has(option)) replaced = true
  }
  const effectsOf = wordsOf(program.operands).filter(isEffect)
  const runsAt = effectsOf.indexOf("run")

  let at = 0
  let shifted = false
  const take = (option: string, effect: Effect) => {
    seen(option)
    if (attached.has(option)) return
    if (unsure.has(option)) shifted = true
    at++
    if (at >= args.length) doubt(`${option} of ${name} lacks its value`)
    else uses.push({ effect, value: args[at], at: start + at })
  }

  if (program.style === "bundled" && /^[A-Za-z]/.test(args[0] ?? "")) {
    for (const letter of args[0] ?? "") {
      const option = `-${letter}`
      const found = of.get(option)
      if (found === undefined) doubt(`${option} of ${name} is not known here`)
      else if (found === "flag") seen(option)
      else take(option, found.effect)
    }
    at++
  }

  for (; at < args.length && subcommand === undefined; at++) {
    const arg = args[at]
    const place = start + at
    if (arg === undefined) {
      operands.push({ value: arg, at: place })
      continue
    }
    if (program.style === "pairs") {
      const equals = arg.indexOf("=")
      const found = of.get(arg.slice(0, Math.max(equals, 0)))
      if (found === undefined || found === "flag") doubt(`${arg} is not known here`)
      else uses.push({ effect: found.effect, value: arg.slice(equals + 1), at: place })
      continue
    }
    if (program.style === "words") {
      const found = of.get(arg)
      if (found === "flag") seen(arg)
      else if (found !== undefined) take(arg, found.effect)
      else if (arg.startsWith("-") && arg !== "-") doubt(`${arg} of ${name} is not known here`)
      else operands.push({ value: arg, at: place })
      continue
    }
    if (program.plus === true && arg.startsWith("+")) continue
    if (arg === "--") {
      operands.push(...args.slice(at + 1).map((value, index) => ({ value, at: start + at + 1 + index })))
      break
    }
    if (!arg.startsWith("-") || arg === "-") {
      if (program.subcommands !== undefined) {
        const sub = Object.hasOwn(program.subcommands, arg) ? program.subcommands[arg] : undefined
        if (sub === undefined) {
          doubt(`${name} ${arg} is not known here`)
          operands.push(...args.slice(at).map((value, index) => ({ value, at: start + at + index })))
        } else subcommand = { name: arg, uses: read(sub, args.slice(at + 1), place + 1, `${name} ${arg}`) }
        break
      }
      operands.push({ value: arg, at: place })
      // The following words are another command.
      if (runsAt !== -1 && operands.length > runsAt && !turned.includes("text")) {
        operands.push(...args.slice(at + 1).map((value, index) => ({ value, at: start + at + 1 + index })))
        break
      }
      continue
    }
    if (program.numbers === true && /^-\d+$/.test(arg)) continue
    const whole = of.get(arg)
    if (whole === "flag") {
      seen(arg)
      continue
    }
    if (whole !== undefined) {
      take(arg, whole.effect)
      continue
    }
    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=")
      const option = equals === -1 ? arg : arg.slice(0, equals)
      const found = equals === -1 ? undefined : of.get(option)
      if (found === undefined) doubt(`${option} of ${name} is not known here`)
      else {
        seen(option)
        if (found !== "flag") uses.push({ effect: found.effect, value: arg.slice(equals + 1), at: place })
      }
      continue
    }
    for (let index = 1; index < arg.length; index++) {
      const option = `-${arg.charAt(index)}`
      const found = of.get(option)
      if (found === undefined) {
        doubt(`${option} of ${name} is not known here`)
        break
      }
      if (found === "flag") seen(option)
      else if (index === arg.length - 1) take(option, found.effect)
      else {
        seen(option)
        uses.push({ effect: found.effect, value: arg.slice(index + 1), at: place })
        break
      }
    }
  }

  if (subcommand === undefined && program.subcommands !== undefined && operands.length === 0) {
    if (program.alone !== undefined && args.length > 0 && uncertain !== undefined) {
      subcommand = { name: "", uses: read(program.alone, args, start, name) }
      if (subcommand.uses.uncertain === undefined) uncertain = undefined
    } else if (program.alone !== undefined) subcommand = { name: "", uses: read(program.alone, [], start, name) }
  }

  const effects = replaced ? effectsOf.slice(1) : effectsOf
  const turn = turned.includes("write") ? "write" : turned.includes("follow") ? "follow" : turned.at(-1)
  for (const [index, operand] of operands.entries()) {
    const last = index > 0 && index === operands.length - 1 ? program.last : undefined
    const plain = last ?? effects[Math.min(index, effects.length - 1)]
    // The previous word may have been the first operand, not the value of an option.
    if (shifted && plain === "text") uses.push({ ...operand, effect: "read" })
    if (plain === undefined) {
      if (program.subcommands === undefined) doubt(`${name} takes no operands that are known here`)
      uses.push({ ...operand, effect: program.subcommands === undefined ? "code" : "text" })
      continue
    }
    const isFile = plain === "read" || plain === "walk" || plain === "write" || plain === "run"
    const effect = isFile && last === undefined && turn !== undefined ? turn : plain
    if (operand.value !== "-" || (effect !== "read" && effect !== "walk" && effect !== "follow"))
      uses.push({ ...operand, effect })
  }
  const here = effects.at(-1)
  if (program.here === true && operands.length < effects.length && here !== undefined) {
    uses.push({ effect: turn ?? here, value: ".", at: -1 })
  }
  if (program.hosts === true) {
    for (const [index, use] of uses.entries()) {
      const isFile = use.effect === "read" || use.effect === "write"
      if (isFile && /^[^/]*:/.test(use.value ?? ":")) uses[index] = { ...use, effect: "run" }
    }
  }
  // The table does not say what such a program writes without an operand, or with a single one.
  const writes = program.idle !== true && (effectsOf.includes("write") || program.last === "write")
  const runs = subcommand?.uses.runs ?? program.runs
  return {
    uses: [...uses, ...(subcommand?.uses.uses ?? [])],
    uncertain: uncertain ?? subcommand?.uses.uncertain,
    runs,
    acts: (subcommand?.uses.acts ?? false) || program.acts === true || (writes && turn !== "read" && turn !== "text"),
    subcommands:
      subcommand === undefined
        ? []
        : [...(subcommand.name === "" ? [] : [subcommand.name]), ...subcommand.uses.subcommands]
  }
}
