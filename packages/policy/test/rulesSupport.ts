import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import * as PathWithin from "@effect-codex/policy/PathWithin"

/** A file system of nothing but folders, files and links; a link's target may be missing. */
export const layerFiles = (files: ReadonlyArray<string>, links: Readonly<Record<string, string>>) => {
  const known = new Set(["/"])
  for (const file of files) {
    const names = file.split("/").slice(1)
    names.forEach((_, index) => known.add(`/${names.slice(0, index + 1).join("/")}`))
  }
  const notFound = (path: string) =>
    PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "realPath", pathOrDescriptor: path })
  const walk = (path: string, depth = 0): string | undefined => {
    if (depth > 10) return undefined
    let at = "/"
    const names = path.split("/").filter((name) => name !== "" && name !== ".")
    for (const [index, name] of names.entries()) {
      const next = PathWithin.normalize(`${at}/${name}`) ?? "/"
      const target = links[next]
      if (target !== undefined) {
        return walk([PathWithin.from(at, target), ...names.slice(index + 1)].join("/"), depth + 1)
      }
      if (!known.has(next)) return undefined
      at = next
    }
    return at
  }
  return FileSystem.layerNoop({
    realPath: (path) => {
      const real = walk(path)
      return real === undefined ? Effect.fail(notFound(path)) : Effect.succeed(real)
    },
    readLink: (path) => {
      const parent = walk(path.slice(0, path.lastIndexOf("/")))
      const target =
        parent === undefined
          ? undefined
          : links[PathWithin.normalize(`${parent}/${path.slice(path.lastIndexOf("/") + 1)}`) ?? ""]
      return target === undefined ? Effect.fail(notFound(path)) : Effect.succeed(target)
    }
  })
}

/** The repository that the corpus speaks of. */
export const layerRepo = layerFiles(
  [
    "/repo/src/a.ts",
    "/repo/src/a.test.ts",
    "/repo/build/out.txt",
    "/repo/package.json",
    "/etc/passwd",
    "/etc/cron.d",
    "/repo-evil/x",
    "/tmp"
  ],
  { "/repo/link": "/etc", "/repo/build/link": "/etc", "/repo/dangling": "/etc/new" }
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
