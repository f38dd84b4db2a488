import { readFileSync } from "node:fs"
import * as path from "node:path"
import { codexVersion } from "@effect-codex/core/protocol/generated/Methods"
import { describe, expect, it } from "@effect/vitest"
import { root } from "../packages.ts"

const read = (file: string) => readFileSync(path.join(root, file), "utf8")

describe("the pinned codex", () => {
  it("is the one that the protocol was generated from", () => {
    expect(JSON.parse(read("package.json")).devDependencies["@openai/codex"]).toBe(codexVersion)
  })

  it("is the one that the starter installs", () => {
    expect(JSON.parse(read("examples/starter/package.json")).dependencies["@openai/codex"]).toBe(codexVersion)
  })

  it.each(["docs/compatibility.md", "docs/zh/compatibility.md"])("has its row in %s", (file) => {
    expect(read(file)).toMatch(new RegExp(`^\\| [\\d.]+ \\| codex ${codexVersion.replaceAll(".", "\\.")} \\|`, "m"))
  })
})

describe("the starter", () => {
  it("has the versions that the packages are developed with", () => {
    const { devDependencies } = JSON.parse(read("package.json"))
    const starter = JSON.parse(read("examples/starter/package.json"))
    for (const [name, version] of Object.entries({ ...starter.dependencies, ...starter.devDependencies })) {
      if (!name.startsWith("@effect-codex/")) expect(`${name} ${version}`).toBe(`${name} ${devDependencies[name]}`)
    }
  })
})
