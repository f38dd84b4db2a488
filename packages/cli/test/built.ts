// The command as it is published, built into a folder of its own for one test file.
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import * as path from "node:path"

const cli = path.dirname(import.meta.dirname)

/** Builds it, for `beforeAll`; what it returns removes it. The name is that of the test file. */
export const build = (name: string): (() => void) => {
  const folder = path.dirname(mainOf(name))
  execFileSync(process.execPath, [path.join(cli, "scripts", "bundle.ts"), folder])
  return () => rmSync(folder, { recursive: true })
}

// Below the package, so that what it finds its binary and its version by is the same as where it will be installed.
export const mainOf = (name: string): string => path.join(cli, `bin-${name}-test`, "effect-codex.js")
