/**
 * Finds out whether a script provably only reads, and only below given folders.
 *
 * It simulates a shell, with every possible value of a variable, every folder that the script may run in, and every branch that
 * it may take. Facts of the file system, such as the target of a path or the configuration of a repository, become conditions
 * and checks, and are looked up when the request is decided. Anything unknown makes the result uncertain.
 */
import * as Unbash from "unbash"
import * as PathWithin from "../../PathWithin.ts"
import type { Demand } from "../files/demand.ts"
import { isWithinSome } from "../rubric/condition.ts"
import { short } from "../text.ts"
import * as Grammar from "./grammar.ts"
import type { Effect, Program } from "./programs.ts"
import { doubtOf } from "./scripts.ts"
import { programOf, type Use, usesOf } from "./uses.ts"

/** A check of the file system. */
export type Check =
  /**
   * All files that match a pattern lie in the folders. `plain`: their names also contain no special characters of a shell.
   * `below`: each of them also passes this `Tree` check.
   */
  | {
      readonly _tag: "Matches"
      readonly pattern: string
      readonly folders: ReadonlyArray<string>
      readonly plain: boolean
      readonly below: { readonly follow: boolean; readonly plain: boolean } | undefined
    }
  /** No link below the path leads out of the folders. `plain`: a list of the names can also be split safely. */
  | {
      readonly _tag: "Tree"
      readonly path: string
      readonly folders: ReadonlyArray<string>
      readonly follow: boolean
      readonly plain: boolean
    }
  /**
   * The repository of this folder configures nothing that would run. `opens`: no tracked folder has been replaced by a link that
   * leads out of the folders. `plain`: a list of the names can also be split safely.
   */
  | {
      readonly _tag: "Repository"
      readonly folder: string
      readonly folders: ReadonlyArray<string>
      readonly opens: boolean
      readonly plain: boolean
    }

export type Verdict =
  | {
      readonly _tag: "Reads"
      readonly conditions: ReadonlyArray<Demand>
      readonly checks: ReadonlyArray<Check>
    }
  | { readonly _tag: "Uncertain"; readonly reason: string }

// Placeholders for text that is only known at run time. The grammar refuses scripts that contain these characters.
export const anyText = "\ue000"
export const anyChar = "\ue001"
/** One word of any text. */
const textMark = "\ue002"
/** Any number of words of any text. */
const wordsMark = "\ue003"
/** Names of files that are checked when the request is decided. */
const namesMark = "\ue004"
/** The file of a process substitution. */
const processMark = "\ue005"

const hasGlob = (value: string): boolean => value.includes(anyText) || value.includes(anyChar)
const hasMark = (value: string): boolean => /[\ue002-\ue005]/.test(value)

type Values = ReadonlySet<string>

interface State {
  folders: ReadonlyArray<string>
  /** The folders that the last `cd` leads to, if it succeeds. */
  landed: ReadonlyArray<string> | undefined
  variables: Map<string, Values>
}

/** The output of a command, if it consists of file names: adds the checks that they need. */
type Output = (() => void) | undefined

const maxValues = 64
const maxValueLength = 8 * 1024
// The maximum length if a word has several values.
const maxBranchLength = 1024
const maxRounds = 4
// The maximum number of steps: words, their values and nested scripts.
const maxSteps = 20_000
// The maximum number of conditions and checks, since each one is looked up in the file system.
const maxLookUps = 512

// Variables of the environment that may be printed, but not used otherwise.
const shown: ReadonlySet<string> = new Set(["PATH", "PWD", "HOME", "USER", "SHELL", "?"])

const shownUnquoted: ReadonlySet<string> = new Set(["PATH", "PWD", "?"])

const isFreeName = (name: string): boolean =>
  (/^[a-z][a-z0-9_]*$/.test(name) && !taken.has(name) && !name.endsWith("_proxy")) ||
  /^(?:[A-Z]|FILE|FILES|DIR|DIRS|NAME|ROOT|BASE)$/.test(name)

// Lower-case names with a meaning in a shell or a program.
const taken: ReadonlySet<string> = new Set(
  (
    "path cdpath fpath manpath mailpath module_path fignore psvar watch prompt status argv options functions aliases commands " +
    "parameters history histchars pipestatus signals jobstates jobdirs jobtexts nameddirs userdirs usergroups dirstack " +
    "builtins reswords patchars zsh_eval_context zle_bracketed_paste keymaps widgets modules dis_aliases"
  ).split(" ")
)

const isAllowedAssignment = (name: string, value: string): boolean =>
  (/^LC_[A-Z]+$|^LANG$/.test(name) && /^[A-Za-z0-9_.-]*$/.test(value)) ||
  ((name === "GIT_PAGER" || name === "PAGER") && value === "cat") ||
  (name === "NO_COLOR" && /^\d?$/.test(value))

const shells = /^(?:(?:\/usr|\/usr\/local|\/opt\/homebrew|\/run\/current-system\/sw)?\/bin\/)?(bash|sh|zsh)$/

/** Analyzes a command that runs in one of these folders, either as codex reports it or as a part of a script. */
export const analyse = (
  script: string,
  cwd: ReadonlyArray<string>,
  roots: ReadonlyArray<string>,
  outer: Grammar.Dialect = "bash"
): Verdict => {
  const starts = cwd.flatMap((folder) => PathWithin.normalize(folder) ?? [])
  if (starts.length === 0 || starts.length < cwd.length) {
    return { _tag: "Uncertain", reason: "the folder that it runs in is not known" }
  }
  if (script.length > 8 * 1024) return { _tag: "Uncertain", reason: "it is too long to analyze" }
  const conditions: Array<Demand> = []
  const checks: Array<Check> = []
  let problem: string | undefined
  let needsPlain = false
  let steps = 0
  const doubt = (why: string): undefined => {
    problem ??= why
    return undefined
  }

  const isTooMuch = (cost: number): boolean => {
    steps += cost
    if (steps > maxSteps) doubt("it takes too long to analyze")
    if (conditions.length + checks.length > maxLookUps) doubt("it names more files than can be checked")
    return problem !== undefined
  }

  const within = (path: string, folders: ReadonlyArray<string>, follow = false): void => {
    if (path === "/dev/null" || path === processMark || isTooMuch(folders.length)) return
    if (path === namesMark && !follow) return
    if (hasMark(path)) return void doubt(`which file is read is only known at run time`)
    if (path.startsWith("~")) return void doubt("a tilde may be a home")
    for (const folder of folders) {
      const absolute = PathWithin.from(folder, path)
      if (hasGlob(absolute))
        checks.push({
          _tag: "Matches",
          pattern: absolute,
          folders: roots,
          plain: false,
          below: follow ? { follow, plain: false } : undefined
        })
      else if (isWithinSome(absolute, roots)) {
        conditions.push({ path: absolute, folders: roots })
        if (follow) checks.push({ _tag: "Tree", path: absolute, folders: roots, follow: true, plain: false })
      } else doubt(`${short(path)} does not lie in the allowed roots`)
    }
  }

  // Every value that a word may expand to.
  const valuesOf = (word: Grammar.ScriptWord, state: State, dialect: Grammar.Dialect, unsplit = false): Values => {
    let values: Values = new Set([""])
    // The common end of all values, kept separate so that a word of many pieces is joined only once.
    let tail = ""
    const append = (others: Values) => {
      const [only] = others
      if (others.size === 1 && only !== undefined) {
        tail += only
        if (tail.length > maxValueLength) doubt("a word may become too long")
        return
      }
      const joined = new Set<string>()
      if (isTooMuch(values.size * others.size)) return
      for (const value of values)
        for (const other of others) {
          if (value.length + tail.length + other.length > maxBranchLength)
            return void doubt("a word may become too long")
          if (joined.size <= maxValues) joined.add(value + tail + other)
        }
      if (joined.size > maxValues) doubt("a word may become too many")
      tail = ""
      values = joined
    }
    for (const piece of word.pieces) {
      switch (piece._tag) {
        case "Text":
          append(new Set([piece.value]))
          break
        case "Glob":
          append(new Set([piece.char === "*" ? anyText : anyChar]))
          break
        case "Process":
          inner(piece.body, state, dialect)
          append(new Set([processMark]))
          break
        case "Command": {
          const output = inner(piece.body, state, dialect)
          if (piece.quoted || unsplit) append(new Set([textMark]))
          else if (output !== undefined && word.pieces.length === 1) {
            output()
            append(new Set([namesMark]))
          } else doubt("the expansion of a substitution outside of quotes is only known at run time")
          break
        }
        case "Variable": {
          const known = state.variables.get(piece.name)
          if (known === undefined) {
            if (!shown.has(piece.name)) doubt(`the value of ${piece.name} is not known`)
            if (!piece.quoted && !unsplit && !shownUnquoted.has(piece.name)) {
              doubt(`the expansion of ${piece.name} outside of quotes is not certain`)
            }
            append(new Set([piece.quoted || unsplit ? textMark : wordsMark]))
          } else {
            for (const value of known) {
              if (piece.quoted || unsplit) continue
              if (hasGlob(value)) needsPlain = true
              else if (value !== namesMark && !/^[A-Za-z0-9_@%+=:,./-]+$/.test(value)) {
                doubt(`the expansion of ${piece.name} outside of quotes is not certain`)
              }
            }
            append(known)
          }
        }
      }
    }
    return tail === "" ? values : new Set([...values].map((value) => value + tail))
  }

  const copy = ({ folders, variables }: State): State => ({
    folders,
    landed: undefined,
    variables: new Map(variables)
  })
  const join = (into: State, other: State) => {
    into.folders = [...new Set([...into.folders, ...other.folders])]
    for (const [name, values] of other.variables) {
      into.variables.set(name, new Set([...(into.variables.get(name) ?? []), ...values]))
    }
    if (into.folders.length > 8) doubt("it may run in too many folders")
  }
  const inner = (node: Grammar.Node, state: State, dialect: Grammar.Dialect): Output =>
    run(node, copy(state), dialect, undefined)

  // Repeats until another round finds nothing new.
  const rounds = (state: State, body: () => void) => {
    const summary = () => {
      const text = JSON.stringify([
        state.folders,
        [...state.variables].map(([name, values]) => [name, [...values].toSorted()])
      ])
      isTooMuch(text.length >> 6)
      return text
    }
    for (let round = 0; ; round++) {
      const before = summary()
      const found = copy(state)
      body()
      join(state, found)
      if (problem !== undefined || summary() === before) return
      if (round > maxRounds) doubt("the effect of a loop is not certain")
    }
  }

  const run = (node: Grammar.Node, state: State, dialect: Grammar.Dialect, input: Output): Output => {
    if (problem !== undefined) return undefined
    if (isTooMuch(1)) return undefined
    switch (node._tag) {
      case "List": {
        let output: Output
        for (const child of node.commands) output = run(child, state, dialect, input)
        return node.commands.length === 1 ? output : undefined
      }
      case "Chain": {
        const { commands, operators } = node
        const outcome = copy(state)
        const current = copy(state)
        for (const [index, child] of commands.entries()) {
          current.landed = undefined
          run(child, current, dialect, input)
          join(outcome, current)
          if (operators[index] === "&&" && child._tag === "Simple" && current.landed !== undefined) {
            current.folders = current.landed
          } else if (operators[index] === "||") current.folders = outcome.folders
        }
        state.folders = outcome.folders
        state.variables = outcome.variables
        return undefined
      }
      case "Pipeline": {
        let output: Output = input
        const before = copy(state)
        for (const child of node.commands) {
          const here = copy(before)
          output = run(child, here, dialect, output)
          join(state, here)
        }
        return output
      }
      case "Group": {
        if (node.subshell) return inner(node.body, state, dialect)
        return run(node.body, state, dialect, input)
      }
      case "Redirected": {
        redirect(node.redirects, state, dialect)
        run(
          node.body,
          state,
          dialect,
          node.redirects.some(({ operator }) => operator.startsWith("<")) ? undefined : input
        )
        return undefined
      }
      case "If": {
        const outcome = copy(state)
        for (const list of node.lists) {
          const branch = copy(outcome)
          run(list, branch, dialect, input)
          join(outcome, branch)
        }
        state.folders = outcome.folders
        state.variables = outcome.variables
        return undefined
      }
      case "While":
        return void rounds(state, () => {
          run(node.test, state, dialect, input)
          run(node.body, state, dialect, input)
        })
      case "For": {
        if (!isFreeName(node.name)) return doubt(`a variable named ${node.name} may mean something`)
        const values = node.words.flatMap((word) => [...valuesOf(word, state, dialect)])
        if (
          values.some(
            (value) => /[\ue002\ue003\ue005]/.test(value) || (value !== namesMark && value.includes(namesMark))
          )
        ) {
          return doubt(`the value of ${node.name} is only known at run time`)
        }
        for (const value of values) if (hasGlob(value)) within(value, state.folders)
        state.variables.set(node.name, new Set([...(state.variables.get(node.name) ?? []), ...values]))
        return void rounds(state, () => void run(node.body, state, dialect, input))
      }
      case "Test": {
        for (const words of combinations(node.words, state, dialect)) {
          const problem = testProblem(words, dialect, true)
          if (problem !== undefined) doubt(problem)
          else testPaths(words, state)
        }
        return undefined
      }
      case "Simple":
        return simple(node, state, dialect, input)
    }
  }

  const redirect = (redirects: ReadonlyArray<Grammar.ScriptRedirect>, state: State, dialect: Grammar.Dialect) => {
    for (const { operator, target } of redirects) {
      for (const value of valuesOf(target, state, dialect)) {
        if (operator === "<<<") continue
        if (operator === "<" && !hasGlob(value)) within(value, state.folders)
        else if (operator.endsWith("&") ? !/^(?:[0-9]|-)$/.test(value) : value !== "/dev/null") {
          doubt("a redirection writes to a file")
        }
      }
    }
  }

  const combinations = (
    words: ReadonlyArray<Grammar.ScriptWord>,
    state: State,
    dialect: Grammar.Dialect
  ): ReadonlyArray<ReadonlyArray<string>> => {
    let lists: Array<Array<string>> = [[]]
    for (const word of words) {
      const [first, ...others] = valuesOf(word, state, dialect)
      if (isTooMuch(1)) return []
      if (first === undefined) continue
      if (lists.length * (others.length + 1) > maxValues) {
        doubt("its words may become too many")
        return []
      }
      const branches = others.flatMap((value) => lists.map((list) => [...list, value]))
      for (const list of lists) list.push(first)
      lists = lists.concat(branches)
    }
    return problem === undefined ? lists : []
  }

  const simple = (
    { assignments, redirects, words }: Grammar.SimpleCommand,
    state: State,
    dialect: Grammar.Dialect,
    input: Output
  ): Output => {
    redirect(redirects, state, dialect)
    const readsInput = redirects.some(({ operator }) => operator.startsWith("<"))
    const name = words[0]?.source
    for (const assignment of assignments) {
      const values = valuesOf(assignment.value, state, dialect, true)
      if (words.length > 0) {
        const isSplit = assignment.name === "IFS" && name === "read"
        if (!isSplit && ![...values].every((value) => isAllowedAssignment(assignment.name, value))) {
          doubt(`a variable named ${assignment.name} may mean something`)
        }
      } else if (!isFreeName(assignment.name)) doubt(`a variable named ${assignment.name} may mean something`)
      else {
        // In an assignment, a pattern is not expanded.
        if ([...values].some((value) => hasGlob(value) || value.includes(wordsMark)))
          doubt("the value of an assignment is not certain")
        state.variables.set(assignment.name, new Set([...(state.variables.get(assignment.name) ?? []), ...values]))
      }
    }
    if (words.length === 0) return undefined
    let output: Output
    const lists = combinations(words, state, dialect)
    for (const list of lists) output = command(list, state, dialect, readsInput ? undefined : input)
    return lists.length === 1 ? output : undefined
  }

  const command = (words: ReadonlyArray<string>, state: State, dialect: Grammar.Dialect, input: Output): Output => {
    if (problem !== undefined) return undefined
    if (isTooMuch(words.length)) return undefined
    const [name = "", ...args] = words
    const about = short(words.map((word) => word.replace(/[\ue000-\ue005]/g, "…")).join(" "))
    const program = programOf(name)
    const isShell = shells.exec(name)?.[1]
    if (isShell === "bash" || isShell === "sh" || isShell === "zsh") {
      const [option = "", script, ...others] = args
      if (!/^-l?c$/.test(option) || script === undefined || others.length > 0 || hasGlob(script) || hasMark(script)) {
        return doubt(`the script that ${about} runs is not certain`)
      }
      if (/^[-+]/.test(script)) return doubt(`the script that ${about} runs is not certain`)
      return whole(script, copy(state), isShell, input)
    }
    switch (name) {
      case "cd": {
        const [folder, ...others] = args[0] === "--" ? args.slice(1) : args
        if (
          folder === undefined ||
          others.length > 0 ||
          folder.startsWith("-") ||
          hasGlob(folder) ||
          hasMark(folder) ||
          folder === ""
        ) {
          return doubt(`the target of ${about} is not certain`)
        }
        const found = state.folders.flatMap((from) => PathWithin.normalize(PathWithin.from(from, folder)) ?? [])
        within(folder, state.folders)
        // A shell resolves `..` by name, or through links if there is no such name.
        for (const from of state.folders) {
          conditions.push({ path: PathWithin.from(from, folder), folders: roots, oneWay: true })
        }
        state.folders = [...new Set([...state.folders, ...found])]
        state.landed = found
        if (state.folders.length > 8) doubt("it may run in too many folders")
        return undefined
      }
      case "exit":
      case "return":
      case "break":
      case "continue":
        return args.every((arg) => /^\d+$/.test(arg)) ? undefined : doubt(`${about} is not certain`)
      case "set":
        return args.length > 0 && args.every((arg) => /^(?:-[eux]*o?|pipefail)$/.test(arg))
          ? undefined
          : doubt(`${about} may change what follows`)
      case "read": {
        const names = args.filter((arg) => arg !== "-r")
        if (names.length === 0 || !names.every((arg) => /^[a-z]/.test(arg) && isFreeName(arg))) {
          return doubt(`${about} may set anything`)
        }
        const isNames = input !== undefined && names.length === 1
        if (isNames) input()
        for (const variable of names) {
          const known = state.variables.get(variable) ?? []
          state.variables.set(variable, new Set([...known, isNames ? namesMark : textMark]))
        }
        return undefined
      }
      case "test":
      case "[": {
        const operands = name === "[" ? args.slice(0, -1) : args
        if (name === "[" && args.at(-1) !== "]") return doubt(`${about} is not certain`)
        const found = testProblem(operands, dialect, false)
        if (found !== undefined) return doubt(found)
        testPaths(operands, state)
        return undefined
      }
      case "printf": {
        const format = args[0] === "--" ? args[1] : args[0]
        const conversions =
          dialect === "zsh"
            ? /^(?:[^%]|%%|%-?\d*(?:\.\d+)?[sbc])*$/
            : /^(?:[^%]|%%|%[-+ #0]*\d*(?:\.\d+)?[sbcdiuxXofeEgGq])*$/
        if (format === undefined || hasMark(format) || hasGlob(format) || !conversions.test(format)) {
          return doubt(`${about} may do more than print`)
        }
        if (args[0] !== "--" && format.startsWith("-")) return doubt(`${about} may do more than print`)
        for (const arg of args) if (hasGlob(arg)) within(arg, state.folders)
        return undefined
      }
      case "xargs":
        return xargs(words, state, dialect, input)
      case "find":
        if (args.includes("-exec")) return find(words, about, state, dialect)
    }
    if (program === undefined) return doubt(`${short(name)} is not known to only read`)
    if (args.length === 1 && (program.tells ?? "").split(" ").includes(args[0] ?? "")) return undefined
    return uses(words, program, about, state, dialect, input)
  }

  const xargs = (words: ReadonlyArray<string>, state: State, dialect: Grammar.Dialect, input: Output): Output => {
    const found = usesOf(words)
    const first = found.uses.find(({ effect }) => effect === "run")?.at ?? words.length
    if (found.uncertain !== undefined) return doubt(found.uncertain)
    if (found.uses.some(({ effect }) => effect === "list")) return doubt("xargs reads its arguments from a file")
    const options = words.slice(1, first)
    const rest = first === words.length ? ["echo"] : words.slice(first)
    const at = options.findIndex((option) => option.startsWith("-I"))
    const mark = at === -1 ? undefined : options[at] === "-I" ? options[at + 1] : options[at]?.slice(2)
    if (options.some((option) => /^--replace|^-i/.test(option))) return doubt("the arguments of xargs are not certain")
    if (isNoReader(rest[0])) return doubt(`the command that xargs runs is not certain`)
    const given = input === undefined ? wordsMark : namesMark
    if (input !== undefined) input()
    const command_ =
      mark === undefined || mark === "" ? [...rest, given] : rest.map((word) => word.replaceAll(mark, given))
    command(command_, state, dialect, undefined)
    return undefined
  }

  // `find` with `-exec`: the commands get the names of the found files, as with `xargs`.
  const find = (words: ReadonlyArray<string>, about: string, state: State, dialect: Grammar.Dialect): undefined => {
    // An unknown word could begin or end a command.
    if (words.some((word) => hasGlob(word) || hasMark(word))) return doubt(`the arguments of ${about} are not certain`)
    const own: Array<string> = []
    const inner: Array<ReadonlyArray<string>> = []
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ""
      if (word !== "-exec") {
        own.push(word)
        continue
      }
      const start = at + 1
      while (at < words.length && words[at] !== ";" && !(words[at] === "+" && words[at - 1] === "{}")) at++
      if (at === words.length) return doubt(`the command that ${about} runs is not certain`)
      inner.push(words.slice(start, at))
    }
    const output = command(own, state, dialect, undefined)
    if (output === undefined) return doubt(`which files ${about} names is not certain`)
    output()
    for (const run of inner) {
      if (isNoReader(run[0])) return doubt(`the command that ${about} runs is not certain`)
      command(
        run.map((word) => word.replaceAll("{}", namesMark)),
        state,
        dialect,
        undefined
      )
    }
    return undefined
  }

  const uses = (
    words: ReadonlyArray<string>,
    program: Program,
    about: string,
    state: State,
    dialect: Grammar.Dialect,
    input: Output
  ): Output => {
    const isMany = (word: string) => hasGlob(word) || word.includes(namesMark) || word.includes(wordsMark)
    const textOnly = isTextOnly(program)
    for (const [at, word] of words.entries()) {
      if (/^[\ue002-\ue003]/.test(word) && !textOnly && !words.slice(1, at).includes("--")) {
        return doubt(`${about} may get options that are only known at run time`)
      }
      if (word.includes(wordsMark) && !textOnly) return doubt(`the arguments of ${about} are only known at run time`)
    }
    // A word that may expand to several is tried as one and as three, since that may change the use of the other words.
    const several = words.some(isMany)
    if (several && (program.operands ?? "").split(" ").length > 2)
      return doubt(`the arguments of ${about} are not certain`)
    let output: Output
    for (const times of several ? [1, 3] : [1]) {
      const repeated = words.flatMap((word) => (isMany(word) ? Array.from({ length: times }, () => word) : [word]))
      const found = usesOf(repeated)
      if (found.uncertain !== undefined) return doubt(`${about}: ${found.uncertain}`)
      if (found.acts || found.runs === "project") return doubt(`${about} does more than read`)
      let folders = state.folders
      for (const use of found.uses) {
        if (use.effect !== "folder") continue
        if (found.runs !== "git" || use.value === undefined || hasMark(use.value) || hasGlob(use.value)) {
          return doubt(`the folder in which ${about} runs is not certain`)
        }
        within(use.value, folders)
        folders = folders.map((folder) => PathWithin.from(folder, use.value ?? ""))
      }
      const needed: Array<() => void> = []
      for (const use of found.uses) {
        const rest = use.effect === "run" ? repeated.slice(use.at) : undefined
        if (rest !== undefined && program === programOf("timeout")) {
          command(rest, state, dialect, input)
          return undefined
        }
        effect(use, folders, about)
        if (use.effect !== "walk" && use.effect !== "follow") continue
        const follow = use.effect === "follow"
        const { value } = use
        for (const folder of folders) {
          needed.push(() => {
            if (value === undefined || hasMark(value)) return void doubt(`which files ${about} names is not certain`)
            const path = PathWithin.from(folder, value)
            const below = { follow, plain: true }
            checks.push(
              hasGlob(value)
                ? { _tag: "Matches", pattern: path, folders: roots, plain: true, below }
                : { _tag: "Tree", path, folders: roots, ...below }
            )
          })
        }
      }
      if (found.runs === "git") {
        const opens = found.uses.some(({ effect }) => effect === "walk")
        for (const folder of folders) checks.push({ _tag: "Repository", folder, folders: roots, opens, plain: false })
      }
      output = outputOf(words, found.subcommands, needed, folders, input)
    }
    return output
  }

  const effect = ({ effect, value }: Use, folders: ReadonlyArray<string>, about: string): void => {
    const text = value ?? textMark
    switch (effect) {
      case "text":
        if (hasGlob(text)) within(text, folders)
        return
      case "read":
        return within(text, folders)
      case "walk":
        return within(text, folders)
      case "follow":
        return within(text, folders, true)
      case "folder":
        return
      case "sed":
      case "awk":
      case "jq":
      case "gitFormat": {
        if (hasGlob(text) || hasMark(text)) return void doubt(`the script of ${about} is not certain`)
        const found = doubtOf(effect, text)
        if (found !== undefined) doubt(found)
        return
      }
      case "list":
        return void doubt(`which files ${about} reads is not certain`)
      case "write":
        return void doubt(`${about} writes`)
      case "run":
      case "sql":
      case "shell":
      case "code":
        return void doubt(`${about} runs what it is given`)
    }
  }

  // The output of a command, if it consists of one file name per line.
  const outputOf = (
    words: ReadonlyArray<string>,
    subcommands: ReadonlyArray<string>,
    needed: ReadonlyArray<() => void>,
    folders: ReadonlyArray<string>,
    input: Output
  ): Output => {
    const [name, ...args] = words
    const has = (pattern: RegExp) => args.some((arg) => pattern.test(arg))
    const all = () => needed.forEach((need) => need())
    // The program or the command chooses the name that is printed for the input.
    if ((name === "grep" || name === "rg") && has(/^-$|^--label/)) return undefined
    switch (name) {
      case "find":
        return has(/^-(?:printf|ls|fprint)/) ? undefined : all
      case "rg":
        return (has(/^--files$/) || has(/^(?:-[a-zA-Z]*l[a-zA-Z]*|--files-with-matches)$/)) &&
          !has(/^-[a-zA-Z]*[crM]|^--(?:count|json|stats|replace|path-separator|color|colors|heading|pretty|vimgrep)/)
          ? all
          : undefined
      case "grep":
        // `grep` without files passes on some lines of its input unchanged.
        if (
          input !== undefined &&
          args.every((arg) => !hasGlob(arg) && !hasMark(arg)) &&
          args.filter((arg) => !/^-[viEFPwx]+$/.test(arg)).length === 1 &&
          !(args.at(-1) ?? "-").startsWith("-")
        ) {
          return input
        }
        return has(/^(?:-[a-zA-Z]*l[a-zA-Z]*|--files-with-matches)$/) &&
          !has(/^-[a-zA-Z]*[cZ]|^--(?:count|null|color|colour)/)
          ? needed.length > 0
            ? all
            : undefined
          : undefined
      case "git":
        // Only tracked files, since the check of the repository covers only these.
        return subcommands.join(" ") === "ls-files" &&
          !has(/^-[a-zA-Z]*[stvfukzoi]|^--(?:stage|eol|debug|unmerged|killed|others|ignored|directory)/)
          ? () =>
              void folders.forEach((folder) =>
                checks.push({ _tag: "Repository", folder, folders: roots, opens: true, plain: true })
              )
          : undefined
      case "head":
      case "tail":
      case "sort":
      case "uniq":
      case "tac":
        return args.every((arg) => /^-(?:\d+|n|[nr]\d*|u|f)$|^\d+$/.test(arg)) ? input : undefined
      default:
        return undefined
    }
  }

  const testPaths = (words: ReadonlyArray<string>, state: State) => {
    for (const [at, word] of words.entries()) {
      const path = words[at + 1]
      if (/^-[abcdefghkprsuwxGLNOS]$/.test(word) && path !== undefined && words[at - 1] !== "=") {
        within(path, state.folders)
      }
    }
  }

  const whole = (script: string, state: State, dialect: Grammar.Dialect, input: Output): Output => {
    if (isTooMuch(script.length >> 3)) return undefined
    const reading = Grammar.parse(script, dialect)
    if (reading._tag === "Refused") return doubt(reading.reason)
    if (!agrees(script, reading.commands)) return doubt("it can be read in more than one way")
    return run(reading.node, state, dialect, input)
  }

  whole(script, { folders: starts, landed: undefined, variables: new Map() }, outer, undefined)
  if (problem !== undefined) return { _tag: "Uncertain", reason: problem }
  return {
    _tag: "Reads",
    conditions,
    checks: checks.map((check) => (check._tag === "Matches" && needsPlain ? { ...check, plain: true } : check))
  }
}

// Programs that `xargs` and `find` must not run, since they do more than read the files whose names they get.
const isNoReader = (name: string | undefined): boolean =>
  name === undefined || name === "xargs" || name === "cd" || name === "read" || shells.test(name)

// Whether even an unknown option is harmless.
const isTextOnly = (program: Program): boolean =>
  program.acts !== true &&
  program.runs === undefined &&
  program.subcommands === undefined &&
  (program.operands ?? "").split(" ").every((effect) => effect === "text" || effect === "") &&
  Object.keys(program.values ?? {}).every((effect): effect is Effect => effect === "text")

const unary = /^-[abcdefghknprstuwxzGLNOS]$/
const equality: ReadonlySet<string> = new Set(["=", "==", "!="])
const files: ReadonlySet<string> = new Set(["-nt", "-ot", "-ef"])
const numbers: ReadonlySet<string> = new Set(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])

// Accepts only tests of a fixed form: the operands may be any text, but not the operators.
const testProblem = (words: ReadonlyArray<string>, dialect: Grammar.Dialect, double: boolean): string | undefined => {
  const odd = "a test of this form is not analyzed"
  if (words.length === 0) return double ? odd : undefined
  let rest = words
  if (double) {
    const at = words.findIndex((word) => word === "&&" || word === "||")
    if (at !== -1) {
      return testProblem(words.slice(0, at), dialect, true) ?? testProblem(words.slice(at + 1), dialect, true)
    }
  }
  while (rest[0] === "!" && rest.length > 1) rest = rest.slice(1)
  if (rest.some((word) => word.includes(wordsMark) || (!double && (hasGlob(word) || word.includes(namesMark)))))
    return odd
  const [first = "", second = "", third = "", ...others] = rest
  if (others.length > 0) return odd
  if (rest.length === 1) return /^[-!(]/.test(first) ? odd : undefined
  if (rest.length === 2) return unary.test(first) ? undefined : odd
  if (equality.has(second)) return second === "==" && dialect !== "bash" && !double ? odd : undefined
  if (files.has(second)) return odd
  if (!numbers.has(second)) return odd
  const isNumber = (word: string) => /^\d+$/.test(word) || (dialect === "bash" && !double && word === textMark)
  return isNumber(first) && isNumber(third) ? undefined : odd
}

// Whether another parser finds the same commands.
const agrees = (script: string, commands: ReadonlyArray<Grammar.SimpleCommand>): boolean => {
  const found: Array<string> = []
  const tree = Unbash.parse(script)
  if (tree.errors !== undefined && tree.errors.length > 0) return false
  const visit = (node: Unbash.SyntaxNode): void => {
    if (node.type === "Command") {
      found.push(
        [...(node.name === undefined ? [] : [node.name]), ...node.suffix]
          .flatMap((child) => (child.type === "Word" || child.type === "Assignment" ? [child.text] : []))
          .join(" ")
      )
    }
    Unbash.forEachChild(node, visit)
  }
  visit(tree)
  const own = commands.map(({ words }) => words.map(({ source }) => source).join(" "))
  return JSON.stringify(found.toSorted()) === JSON.stringify(own.toSorted())
}
