/**
 * Commands that do nothing but read, and only below given folders.
 *
 * The table is short because each entry has to be certain: a program is here only if none of the listed options writes, runs
 * something, follows links out of a folder, or reads a list of files from somewhere. Programs whose work depends on
 * configuration in the folder that they look at, such as git, are not here.
 */
import { type Match, surelyWithin } from "./match.ts"
import type { PartView } from "./partView.ts"

interface Reader {
  /** Letters of options without a value. */
  readonly letters?: string
  /** Letters of options with a value, which names no file. */
  readonly valued?: string
  /** Long options, with or without a value, which names no file. */
  readonly long?: ReadonlyArray<string>
  /** `-5`. */
  readonly number?: boolean
  /** What the operands are: paths, text, or a pattern and then paths. */
  readonly operands: "paths" | "text" | "pattern" | "none"
  /** Whether it looks at its folder when there is no operand. */
  readonly here?: boolean
}

const readers: { readonly [K in string]?: Reader } = {
  true: { operands: "none" },
  false: { operands: "none" },
  ":": { operands: "none" },
  pwd: { letters: "LP", operands: "none" },
  echo: { letters: "neE", operands: "text" },
  basename: { letters: "az", valued: "s", operands: "text" },
  dirname: { letters: "z", operands: "text" },
  cd: { operands: "paths" },
  ls: {
    letters: "AaBCcdFfGghiklmNnopQqRrSstUuvXx1Z",
    long: ["--all", "--almost-all", "--color", "--directory", "--human-readable", "--recursive", "--reverse", "--size"],
    operands: "paths",
    here: true
  },
  cat: { letters: "AbEensTtuv", long: ["--number", "--show-all"], operands: "paths" },
  head: { letters: "qvz", valued: "nc", long: ["--lines", "--bytes", "--quiet"], number: true, operands: "paths" },
  tail: { letters: "qvz", valued: "nc", long: ["--lines", "--bytes", "--quiet"], number: true, operands: "paths" },
  wc: { letters: "clLmw", long: ["--lines", "--words", "--bytes", "--chars"], operands: "paths" },
  stat: { letters: "t", valued: "c", long: ["--format", "--printf", "--terse"], operands: "paths" },
  grep: {
    letters: "cEFGHhiIlLnoqrsvwxyzaZ",
    valued: "ABCm",
    long: [
      "--after-context",
      "--before-context",
      "--context",
      "--color",
      "--count",
      "--exclude",
      "--exclude-dir",
      "--extended-regexp",
      "--fixed-strings",
      "--ignore-case",
      "--include",
      "--invert-match",
      "--line-number",
      "--max-count",
      "--only-matching",
      "--quiet",
      "--recursive",
      "--word-regexp"
    ],
    operands: "pattern",
    here: true
  }
}

/** What has to hold for a part to be certain to read only below these folders; `undefined`: it is not certain. */
export const readsOnly = (view: PartView, roots: ReadonlyArray<string>): Match => {
  const { folders, part, redirects } = view
  const program = view.program?.replace(/^(?:\/usr)?\/bin\//, "")
  if (part.opaque !== undefined || program === undefined || redirects.length > 0 || view.variables.length > 0) {
    return undefined
  }
  const args = view.args.flatMap((arg) => (arg === undefined ? [] : [arg]))
  if (program === "find") return surelyWithin(findPaths(args) ?? [undefined], folders, roots)
  const reader = Object.hasOwn(readers, program) ? readers[program] : undefined
  const operands = reader === undefined ? undefined : operandsOf(args, reader)
  if (reader === undefined || operands === undefined) return undefined
  switch (reader.operands) {
    case "none":
      return operands.length === 0 ? [] : undefined
    case "text":
      return []
    case "paths":
    case "pattern": {
      const paths = reader.operands === "pattern" ? operands.slice(1) : operands
      if (program === "cd" && (operands.length !== 1 || operands.includes("-"))) return undefined
      return surelyWithin(
        paths.length === 0 && reader.here === true ? ["."] : paths.filter((path) => path !== "-"),
        folders,
        roots
      )
    }
  }
}

// `undefined`: there is an option that is not in the table.
const operandsOf = (args: ReadonlyArray<string>, reader: Reader): ReadonlyArray<string> | undefined => {
  const operands: Array<string> = []
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ""
    if (!arg.startsWith("-") || arg === "-") operands.push(arg)
    else if (arg === "--") return [...operands, ...args.slice(at + 1)]
    else if (arg.startsWith("--")) {
      if (reader.long?.includes(arg.replace(/=.*$/s, "")) !== true) return undefined
      // The value may be the next word or not be there at all; which of both, only the program knows.
      if (!arg.includes("=") && longWithValue.has(arg)) return undefined
    } else if (reader.number === true && /^-\d+$/.test(arg)) continue
    else {
      const letters = Array.from(arg.slice(1))
      const first = letters.findIndex((letter) => reader.letters?.includes(letter) !== true)
      if (first === -1) continue
      if (reader.valued?.includes(letters[first] ?? "") !== true) return undefined
      if (first === letters.length - 1) at++
    }
  }
  return operands
}

const longWithValue: ReadonlySet<string> = new Set([
  "--lines",
  "--bytes",
  "--format",
  "--printf",
  "--after-context",
  "--before-context",
  "--context",
  "--exclude",
  "--exclude-dir",
  "--include",
  "--max-count"
])

const findTests: ReadonlySet<string> = new Set(
  "-name -iname -path -ipath -type -maxdepth -mindepth -size -mtime -mmin".split(" ")
)
const findWords: ReadonlySet<string> = new Set("-print -print0 -empty -not -a -o ! ( ) -true".split(" "))

const findPaths = (args: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const start = args.findIndex((arg) => /^[-!()]/.test(arg))
  const paths = start === -1 ? args : args.slice(0, start)
  for (let at = start === -1 ? args.length : start; at < args.length; at++) {
    const arg = args[at] ?? ""
    if (findTests.has(arg)) at++
    else if (!findWords.has(arg)) return undefined
  }
  return paths.length === 0 ? ["."] : paths
}
