/**
 * Finds the files that a part of a command may write, the folders that it reads recursively, and the paths where it may put a
 * link.
 *
 * The table of programs says how a program uses its words. If the program or an option is not in the table, every word may be
 * a file that is written.
 */
import type { Part, Redirect } from "../../ShellCommand.ts"
import { protectedByName } from "../files/protectedFiles.ts"
import { piecesOf } from "./pieces.ts"
import { type Uses, programOf, usesOf } from "./uses.ts"
import { baseName } from "./wrapper.ts"

export interface Reach {
  /** The files that it may write. An `undefined` one is not known. */
  readonly written: ReadonlyArray<string | undefined>
  /** The source text of the unknown files, without quotes, such as `~/.bashrc`. */
  readonly writtenSources: ReadonlyArray<string>
  /** Whether it also writes files that only an archive or a patch names. */
  readonly unpacks: boolean
  /** The folders that it reads or changes recursively. */
  readonly walked: ReadonlyArray<string | undefined>
  /** The folders that the program itself changes to before it uses its operands, in order. */
  readonly goesTo: ReadonlyArray<string | undefined>
  /** The files and folders that it copies or moves recursively. */
  readonly copied: ReadonlyArray<string | undefined>
  /** The folders that it reads, or may read, through links. */
  readonly followed: ReadonlyArray<string | undefined>
  /** The paths that may be something else afterwards, such as a link. */
  readonly replaced: ReadonlyArray<string | undefined>
  /** The indices of the words that certainly do not name files; the program is 0. */
  readonly texts: ReadonlySet<number>
}

type Values = ReadonlyArray<string | undefined>

/** Whether a redirection such as `2>&1` copies, moves or closes a descriptor, and so names no file. */
export const isBetweenDescriptors = ({ operator, target }: Redirect): boolean =>
  operator.endsWith("&") && /^(?:\d+-?|-)$/.test(target.value ?? "")

export const reachOf = ({ redirects, words: given }: Pick<Part, "redirects" | "words">): Reach => {
  const words = given.map(({ value }) => value)
  const [program, ...args] = words
  const name = program === undefined ? undefined : baseName(program)
  const uses = usesOf([name, ...args])
  const into = redirects.flatMap((redirect) => {
    const { operator, target } = redirect
    return operator.includes(">") && !isBetweenDescriptors(redirect) && target.value !== "/dev/null" ? [target] : []
  })
  const written = name === undefined ? [] : writtenBy(name, program, args, uses)
  const unknown = [...into, ...(written.includes(undefined) ? given : [])].filter(({ value }) => value === undefined)
  return {
    written: [...into.map(({ value }) => value), ...written],
    writtenSources: unknown.map(({ source }) => source.replace(/["'\\]/g, "")),
    unpacks: name !== undefined && unpacks(name, args, uses),
    walked: name === undefined ? [] : walkedBy(name, args, uses),
    copied: name !== undefined && copiesTrees.has(name) ? walkedBy(name, args, uses) : [],
    followed: name === undefined ? [] : followedBy(name, uses),
    goesTo: name === undefined ? [] : movesOf(args, uses),
    replaced: name === undefined ? [] : replacedBy(name, uses),
    texts: textsOf(program, uses)
  }
}

const textsOf = (program: string | undefined, { uncertain, uses }: Uses): ReadonlySet<number> => {
  if (program === undefined || programOf(program) === undefined || uncertain !== undefined) return new Set()
  const others = new Set(uses.flatMap(({ at, effect }) => (effect === "text" ? [] : [at])))
  return new Set(uses.flatMap(({ at, effect }) => (effect === "text" && !others.has(at) ? [at] : [])))
}

// These store files in the repository and leave them unchanged.
const leavesFiles: ReadonlySet<string> = new Set(["add", "commit", "reset"])

// `git config KEY` and the reading options do not change the configuration.
const changesConfig = (args: Values, { subcommands }: Uses): boolean => {
  if (subcommands[0] !== "config") return false
  const rest = args.slice(args.indexOf("config") + 1)
  if (rest.some((arg) => /^(?:--get(?:-.+)?|-l|--list)$/.test(arg ?? "")) || /^(?:get|list)$/.test(rest[0] ?? ""))
    return false
  const operands = rest.filter((arg) => arg === undefined || !arg.startsWith("-"))
  return operands.length > 1 || rest.some((arg) => /^-e$|^--(?:[aerud]|re)/.test(arg ?? ""))
}

// The files that these programs write may be named in an archive or a patch.
const unpacking: ReadonlySet<string> = new Set("tar bsdtar unzip cpio 7z 7za 7zr unrar ar jar pax patch git".split(" "))

const unpacks = (name: string, args: Values, { acts, subcommands, uncertain, uses }: Uses): boolean => {
  if (!unpacking.has(name)) return false
  const [first = ""] = args
  switch (name) {
    case "git":
      return subcommands.length === 0 && args.some((arg) => arg === "apply" || arg === "am")
    case "patch":
      return uncertain !== undefined || uses.every(({ effect }) => effect !== "write")
    case "tar":
    case "bsdtar": {
      const packs = args.some((arg) => /^--(?:create|append|update)$|^-[a-wyzA-Z]*[cru][a-wyzA-Z]*$/.test(arg ?? ""))
      return (uncertain !== undefined || acts) && !packs && !/^[a-wyzA-Z]*[cru][a-wyzA-Z]*$/.test(first)
    }
    case "unzip":
      return uncertain !== undefined || acts
    default:
      return !/^-?(?:[acdlrtuow]|[cltu][a-z]*f?)$/.test(first)
  }
}

const scripts: ReadonlySet<string> = new Set(["sed", "awk", "jq", "sql", "shell", "gitFormat", "code", "run"])

const writtenBy = (name: string, program: string | undefined, args: Values, uses: Uses): Values => {
  const isGit = name === "git"
  const config: Values = isGit && changesConfig(args, uses) ? [".git/config"] : []
  return [...config, ...namedBy(name, program, args, uses)]
}

const namedBy = (name: string, program: string | undefined, args: Values, uses: Uses): Values => {
  const isGit = name === "git"
  if (isGit && leavesFiles.has(uses.subcommands[0] ?? "")) return []
  // A program of the same name in another folder may do anything.
  if (uses.uncertain === undefined && program !== undefined && programOf(program) !== undefined) {
    const changes = !isGit || uses.uses.some(({ effect }) => effect === "write")
    return uses.uses.flatMap(({ effect, value }): Values => {
      // A second name for a file is a way to write to it.
      if (effect === "read" && name === "ln") return [value]
      // The command changes files below another folder.
      if (effect === "folder") return changes ? [value] : []
      // The archive is written as well, unless it is listed.
      if (effect === "read" && name === "tar" && uses.acts) return [value]
      if (effect === "write") return isGit && value === "HEAD" ? [] : [value]
      return scripts.has(effect) && value !== undefined ? namedIn(value) : []
    })
  }
  // `HEAD` is nearly always a revision, not a file.
  return args.flatMap((arg): Values => (arg === undefined ? [arg] : piecesOf(arg).filter((piece) => piece !== "HEAD")))
}

// The protected files that a script names.
const namedIn = (script: string): Values =>
  script.split(/[^\w.~/:$-]+/).filter((word) => protectedByName(word).length > 0)

// These use a folder with everything below it.
const takesTrees: ReadonlySet<string> = new Set(
  "rm mv ln chmod chown chgrp tar bsdtar zip 7z 7za rsync scp sftp cp install".split(" ")
)

/** The folders that these words read or change recursively, if they are a command. */
export const walkedIn = (words: Values): Values => {
  const [program, ...args] = words
  const name = program === undefined ? undefined : baseName(program)
  if (name === undefined || !(takesTrees.has(name) || canWalk(name))) return []
  return walkedBy(name, args, usesOf([name, ...args]))
}

const canWalk = (name: string): boolean => {
  const { operands = "", turns = {} } = programOf(name) ?? {}
  return /\b(?:walk|follow)\b/.test([operands, ...Object.keys(turns)].join(" "))
}

const walkedBy = (name: string, args: Values, { uncertain, uses }: Uses): Values => {
  const takes = takesTrees.has(name)
  const program = programOf(name)
  if (program === undefined) return takes ? args : []
  const isLoose = takes || (uncertain !== undefined && canWalk(name))
  const last = program.last === undefined ? -1 : args.length
  return uses.flatMap(({ at, effect, value }): Values => {
    if (effect === "walk" || effect === "follow") return [value]
    const isFile = effect === "read" || effect === "write" || effect === "folder"
    return isLoose && isFile && !(at === last && effect === "write" && value !== undefined) ? [value] : []
  })
}

const copiesTrees: ReadonlySet<string> = new Set("cp mv rsync scp".split(" "))

// They take a link as what it is, whatever their options are.
const leavesLinksAlone: ReadonlySet<string> = new Set(["rm", "mv", "ln"])

const followedBy = (name: string, { uncertain, uses }: Uses): Values => {
  const mayFollow = uncertain !== undefined && (canWalk(name) || takesTrees.has(name)) && !leavesLinksAlone.has(name)
  return uses.flatMap(({ effect, value }) =>
    effect === "follow" ||
    // Git follows a link that has replaced a tracked folder.
    (effect === "walk" && name === "git") ||
    (mayFollow && (effect === "read" || effect === "walk" || effect === "write"))
      ? [value]
      : []
  )
}

// Options with such a name change the folder, even in unknown programs.
const changesFolder = /^(?:-C|--(?:directory|chdir|cwd|prefix|work-tree|root|working-directory)=?)(.*)$/s

const movesOf = (args: Values, { uncertain, uses }: Uses): Values => {
  const named = uses.flatMap(({ effect, value }) => (effect === "folder" ? [value] : []))
  if (uncertain === undefined) return named
  const guessed = args.flatMap((arg, index): Values => {
    const value = changesFolder.exec(arg ?? "")?.[1]
    return value === undefined ? [] : [value === "" ? args[index + 1] : value]
  })
  return [...new Set([...named, ...guessed])]
}

const putsBelow: ReadonlySet<string> = new Set(
  "tar bsdtar unzip cpio 7z 7za rsync scp git patch svn hg unrar ar jar pax".split(" ")
)
const movesFiles: ReadonlySet<string> = new Set(["ln", "mv", "link", "symlink"])
const leavesLinks: ReadonlySet<string> = new Set("add commit push fetch tag branch config remote".split(" "))

const replacedBy = (name: string, { acts, subcommands, uncertain, uses }: Uses): Values => {
  const written = uses.flatMap(({ effect, value }) => (effect === "write" ? [value] : []))
  if (movesFiles.has(name)) return uncertain === undefined ? written : [...written, "."]
  if (name === "cp") {
    if (uncertain !== undefined) return [...written, "."]
    return uses.some(({ effect }) => effect === "walk" || effect === "follow") ? written : []
  }
  if (!putsBelow.has(name)) return []
  if (leavesLinks.has(subcommands[0] ?? "")) return []
  // It may put links there that an archive or a commit holds.
  const onlyReads =
    uncertain === undefined && !acts && uses.every(({ effect }) => effect !== "write" && effect !== "run")
  return onlyReads ? [] : [...written.filter((path) => path !== undefined), "."]
}
