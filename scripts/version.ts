/**
 * Turns the waiting changesets into versions and changelogs: `npm run release:version`.
 *
 * All packages share one version. The other files that state it are listed here, so that none is forgotten.
 */
import { readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { must } from "./pack.ts"
import { installed, root } from "./packages.ts"

interface Statement {
  readonly file: string
  /** Its only group captures the version. */
  readonly pattern: RegExp
}

const statements: ReadonlyArray<Statement> = [
  ...["core", "policy", "ai", "durable", "cli"].map((name) => ({
    file: `packages/${name}/package.json`,
    pattern: /^  "version": "([^"]+)"/m
  })),
  { file: "packages/core/src/internal/version.ts", pattern: /version = "([^"]+)"/ },
  ...["core", "policy"].map((name) => ({
    file: "examples/starter/package.json",
    pattern: new RegExp(`"@effect-codex/${name}": "\\^([^"]+)"`)
  }))
]

const read = (file: string) => readFileSync(path.join(root, file), "utf8")

/** The version that each file states. */
export const stated = (): ReadonlyArray<{ readonly file: string; readonly version: string | undefined }> =>
  statements.map(({ file, pattern }) => ({ file, version: pattern.exec(read(file))?.[1] }))

const restate = (version: string) => {
  for (const { file, pattern } of statements) {
    const text = read(file)
    const [whole, old] = pattern.exec(text) ?? []
    if (whole === undefined || old === undefined) throw new Error(`${file} does not state a version: ${pattern.source}`)
    writeFileSync(path.join(root, file), text.replace(whole, whole.replace(old, version)))
  }
}

if (import.meta.main) {
  process.stdout.write(must(installed("changeset"), ["version"]))
  const { version } = JSON.parse(read("packages/core/package.json"))
  restate(version)
  process.stdout.write(`Every statement of the version says ${version}. Read the diff, and commit it.\n`)
}
