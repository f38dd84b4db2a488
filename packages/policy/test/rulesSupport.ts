import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

/**
 * A real folder with real files and links in it, whose absolute name is returned. A name that ends in a slash is a folder; a
 * target is written as it is, so that one which is relative is relative to its link.
 */
export const makeTree = (files: ReadonlyArray<string>, links: Readonly<Record<string, string>>): string => {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), "effect-codex-tree-")))
  process.on("exit", () => rmSync(root, { recursive: true, force: true }))
  for (const file of files) {
    const place = path.join(root, file)
    mkdirSync(file.endsWith("/") ? place : path.dirname(place), { recursive: true })
    if (!file.endsWith("/")) writeFileSync(place, `${file}\n`)
  }
  for (const [link, target] of Object.entries(links)) {
    mkdirSync(path.dirname(path.join(root, link)), { recursive: true })
    symlinkSync(target, path.join(root, link))
  }
  return root
}

/**
 * The real file system below a folder, as if that were the root: what is asked for never goes through a link. It answers at
 * once, so that a clock of a test can stand still.
 */
export const layerBelow = (root: string): Layer.Layer<FileSystem.FileSystem> => {
  const ask = <A>(method: string, name: string, get: (path: string) => A) =>
    Effect.try({
      try: () => get(root + name),
      catch: () => PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method, pathOrDescriptor: name })
    })
  return FileSystem.layerNoop({
    lstat: (name) =>
      ask("lstat", name, (path) => {
        const stats = lstatSync(path)
        const type = stats.isSymbolicLink() ? "SymbolicLink" : stats.isDirectory() ? "Directory" : "File"
        return { type } as FileSystem.File.Info
      }),
    readLink: (name) => ask("readLink", name, (path) => readlinkSync(path))
  })
}

// Made for those who ask for it.
let repo: Layer.Layer<FileSystem.FileSystem> | undefined

/** The repository that the corpus speaks of. */
export const layerRepo = Layer.suspend(
  () =>
    (repo ??= layerBelow(
      makeTree(
        [
          "/repo/src/a.ts",
          "/repo/src/a.test.ts",
          "/repo/build/out.txt",
          "/repo/package.json",
          "/etc/passwd",
          "/etc/cron.d/",
          "/repo-evil/x",
          "/tmp/"
        ],
        { "/repo/link": "/etc", "/repo/build/link": "/etc", "/repo/dangling": "/etc/new" }
      )
    ))
)

/** Quotes a word as codex does: pieces of plain text, in single quotes, or in double quotes where there are single ones. */
export const codexQuote = (word: string): string => {
  if (word === "") return "''"
  let quoted = ""
  let rest = word
  while (rest !== "") {
    const piece =
      /^[A-Za-z0-9+\-./:@\]_,=%]+$/.exec(rest)?.[0] ??
      longest(/^[^'\\^]+/.exec(rest)?.[0], /^[^`$!^]+/.exec(rest)?.[0]) ??
      rest.slice(0, 1)
    rest = rest.slice(piece.length)
    quoted += /^[A-Za-z0-9+\-./:@\]_,=%]+$/.test(piece)
      ? piece
      : /['\\]/.test(piece)
        ? `"${piece.replace(/["\\]/g, "\\$&")}"`
        : `'${piece}'`
  }
  return quoted
}

const longest = (a: string | undefined, b: string | undefined) => ((a?.length ?? 0) >= (b?.length ?? 0) ? a : b)

/** A script as codex tells of it. */
export const wrapped = (script: string, shell = "/bin/bash", option = "-lc"): string =>
  [shell, option, script].map(codexQuote).join(" ")

const about = { threadId: "thread", turnId: "turn" } as const

/** A request for a command that runs in the repository. */
export const commandRequest = (
  params: Partial<PolicyEngine.Params["command"]> | string
): PolicyEngine.Request<"command"> => ({
  ...about,
  kind: "command",
  params: {
    ...about,
    itemId: "item",
    startedAtMs: 0,
    cwd: "/repo",
    ...(typeof params === "string" ? { command: params } : params)
  },
  item: undefined,
  availableDecisions: undefined
})

/** Rules that accept in any folder, unless they say where. */
export const anywhere = (
  rules: NonNullable<Rubric.PolicyRubric["commandRules"]>
): NonNullable<Rubric.PolicyRubric["commandRules"]> =>
  rules.map((rule) =>
    rule.decision === undefined || rule.when?.cwdWithin !== undefined
      ? rule
      : { ...rule, when: { ...rule.when, anywhere: true } }
  )
