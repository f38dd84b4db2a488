import { afterAll, describe, expect, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { codegen, describeProtocol, findBinary } from "../../scripts/codegen.ts"
import { leftovers } from "../../scripts/codegen/generate.ts"

describe("the generated protocol", () => {
  const root = fileURLToPath(new URL("../../../..", import.meta.url))
  const folders = ["packages/core/src/protocol/generated", "packages/cli/src/internal/generated"]
  const fresh = mkdtempSync(join(tmpdir(), "effect-codex-generated-"))
  afterAll(() => rmSync(fresh, { recursive: true, force: true }))

  it("is what the pinned binary says, byte for byte", () => {
    const description = describeProtocol(findBinary())
    const files = codegen(fresh, description)
    expect(leftovers(description)).toEqual([])
    const checkedIn = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    expect(checkedIn.sort()).toStrictEqual([...files].sort())
    for (const file of files) {
      // Not compared by `toBe`, whose difference of half a megabyte helps nobody.
      const same = readFileSync(join(fresh, file), "utf8") === readFileSync(join(root, file), "utf8")
      expect(same, `${file} is not up to date: run \`npm run codegen\``).toBe(true)
    }
  })
})
