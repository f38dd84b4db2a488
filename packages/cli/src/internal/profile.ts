/**
 * Defaults of flags from a configuration file: those at its top, and those of a profile.
 *
 * They are inserted into the command line before the user's flags, so that a default means exactly what the flag means. A flag of
 * the user takes precedence, and also replaces defaults that it excludes. The whole file is checked, and each mistake is reported
 * with its line.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { InvalidUsage } from "../InvalidUsage.ts"
import { fileProblem } from "./fileProblem.ts"
import type { Mistake, Settings } from "./profileFile.ts"

/** The flags that a file may set: how their values look, and the flags that take their place when they are given. */
export const settings = {
  "accept-all": { kind: "switch", unless: ["policy", "ask", "preset"] },
  "add-dir": { kind: "folders", unless: [] },
  "approval-policy": { kind: ["untrusted", "on-request", "never"], unless: ["preset"] },
  ask: { kind: "switch", unless: ["accept-all"] },
  "budget-tokens": { kind: "count", unless: ["preset"] },
  codex: { kind: "program", unless: [] },
  "codex-home": { kind: "folder", unless: ["offline"] },
  color: { kind: ["auto", "off", "soft", "vivid"], unless: [] },
  cwd: { kind: "folder", unless: [] },
  effort: { kind: ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"], unless: [] },
  ephemeral: { kind: "switch", unless: ["thread", "session", "last"] },
  "fail-on-decline": { kind: "switch", unless: [] },
  full: { kind: "switch", unless: [] },
  model: { kind: "text", unless: [] },
  "output-schema": { kind: "folder", unless: [] },
  policy: { kind: "folder", unless: ["accept-all"] },
  preset: { kind: ["safe", "edit", "yolo"], unless: [] },
  quiet: { kind: "switch", unless: ["verbose"] },
  raw: { kind: "switch", unless: [] },
  record: { kind: "folder", unless: [] },
  root: { kind: "folder", unless: ["policy", "accept-all"] },
  sandbox: { kind: ["read-only", "workspace-write", "danger-full-access"], unless: ["preset"] },
  timeout: { kind: "text", unless: ["preset"] },
  verbose: { kind: "switch", unless: ["quiet"] }
} as const

const shortNames: { readonly [name: string]: string } = { cwd: "C", model: "m", quiet: "q", sandbox: "s" }

// Flags that only `run` has.
const ofPromptsAlone: ReadonlySet<string> = new Set(["add-dir", "effort", "output-schema"])

const settingOf = (name: string) => Object.entries(settings).find(([known]) => known === name)?.[1]

const othersOf = (name: string): ReadonlyArray<string> => settingOf(name)?.unless ?? []

const invalid = (description: string) => new InvalidUsage({ description })

/** The value of a flag among the words, if it is there. */
const valueOf = (words: ReadonlyArray<string>, name: string): string | undefined => {
  const index = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`))
  if (index === -1) return undefined
  const word = words[index] ?? ""
  return word.includes("=") ? word.slice(name.length + 3) : (words[index + 1] ?? "")
}

const isGiven = (words: ReadonlyArray<string>, name: string): boolean => {
  const short = shortNames[name]
  return words.some(
    (word) =>
      word === `--${name}` ||
      word === `--no-${name}` ||
      word.startsWith(`--${name}=`) ||
      (short !== undefined && /^-[^-]/.test(word) && word.startsWith(`-${short}`))
  )
}

const describe = (file: string, mistakes: ReadonlyArray<Mistake>): string =>
  mistakes
    .map(({ description, didYouMean, line, path }) => {
      const place = `${file}${line === undefined ? "" : `:${line}`}`
      const guess = didYouMean === undefined ? "" : ` Did you mean ${didYouMean}?`
      return `${place}: ${path === "" ? "" : `${path}: `}${description}.${guess}`
    })
    .join(" ")

const defaultFile = Effect.fnUntraced(function* (env: { readonly [name: string]: string | undefined }) {
  const path = yield* Path.Path
  const { HOME, XDG_CONFIG_HOME } = env
  const folder = XDG_CONFIG_HOME ? XDG_CONFIG_HOME : HOME ? path.join(HOME, ".config") : undefined
  return folder === undefined || !path.isAbsolute(folder) ? undefined : path.join(folder, "effect-codex", "config.yaml")
})

const wordsOf = (settings: Settings): ReadonlyArray<readonly [name: string, words: ReadonlyArray<string>]> =>
  Object.entries(settings).map(([name, value]) => {
    if (value === true) return [name, [`--${name}`]]
    if (value === false) return [name, []]
    return [name, (Array.isArray(value) ? value : [value]).map((one) => `--${name}=${String(one)}`)]
  })

/** The words of a command line, with the defaults of the configuration file for `run` and `review`. */
export const expand = Effect.fnUntraced(function* (
  words: ReadonlyArray<string>,
  env: { readonly [name: string]: string | undefined }
): Effect.fn.Return<ReadonlyArray<string>, InvalidUsage, FileSystem.FileSystem | Path.Path> {
  const [command = "", ...rest] = words
  if (command !== "run" && command !== "review") return words
  const end = rest.indexOf("--")
  const given = end === -1 ? rest : rest.slice(0, end)
  if (given.some((word) => word === "--help" || word === "-h")) return words
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const named = valueOf(given, "config-file")
  const profile = valueOf(given, "profile")
  // A flag without its value is a mistake that the parser reports.
  if (named === "" || profile === "") return words
  const file = named ?? (yield* defaultFile(env))
  const text =
    file === undefined
      ? undefined
      : yield* fs
          .readFileString(file)
          .pipe(
            Effect.catch((error) =>
              error.reason._tag === "NotFound" && named === undefined
                ? Effect.succeed(undefined)
                : Effect.fail(invalid(`The configuration ${file} cannot be read: ${fileProblem(error)}.`))
            )
          )
  if (file === undefined || text === undefined) {
    if (profile === undefined) return words
    const reason = file === undefined ? "HOME is not set" : `${file} does not exist`
    return yield* invalid(
      `--profile ${profile} needs a configuration file, but ${reason}. Name one with --config-file.`
    )
  }
  const { read } = yield* Effect.promise(() => import("./profileFile.ts"))
  const { chosen, mistakes, top } = read(text, profile, settings)
  if (mistakes.length > 0) return yield* invalid(describe(file, mistakes))
  const folder = path.dirname(path.resolve(file))
  const chosenNames = Object.keys(chosen)
  const ofTop = Object.entries(top).filter(([name]) => !othersOf(name).some((other) => chosenNames.includes(other)))
  const defaults = wordsOf({ ...Object.fromEntries(ofTop), ...chosen }).flatMap(([name, words]) => {
    const setting = settingOf(name)
    if (setting === undefined || (command === "review" && ofPromptsAlone.has(name))) return []
    if ([name, ...othersOf(name)].some((other) => isGiven(given, other))) return []
    const { kind } = setting
    const isPath = kind === "folder" || kind === "folders" || (kind === "program" && words.join("").includes("/"))
    if (!isPath) return words
    // Paths are relative to the file.
    return words.map((word) => `--${name}=${path.resolve(folder, word.slice(name.length + 3))}`)
  })
  return [command, ...defaults, ...rest]
})
