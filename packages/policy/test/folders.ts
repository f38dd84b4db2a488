/** Temporary folders, which are removed once the tests of a file have run. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"

const folders: Array<string> = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** An empty folder. Its path is absolute, with no link in it. */
export const makeFolder = (name: string): string => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), `effect-codex-${name}-`)))
  folders.push(folder)
  return folder
}
