/** Real files and links for tests. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import { lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { makeFolder } from "./folders.ts"

/**
 * A real folder with real files and links in it, whose absolute name is returned. A name that ends in a slash is a folder; a
 * target is written as it is, so that one which is relative is relative to its link.
 */
export const makeTree = (files: ReadonlyArray<string>, links: Readonly<Record<string, string>>): string => {
  const root = makeFolder("tree")
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
