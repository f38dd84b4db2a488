import { readFileSync } from "node:fs"
import * as path from "node:path"
import { expect, it } from "@effect/vitest"

// Without its install script, the npm package `node` puts nothing in place, and every script runs on the machine's Node.
it("tests run on the Node that package.json pins, whatever the machine has", () => {
  const root = path.join(import.meta.dirname, "..", "..", "..")
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
  expect(process.versions.node).toBe(devDependencies.node)
})
