import { readFileSync } from "node:fs"
import * as path from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFile } from "../../../scripts/run-command.ts"

const root = path.join(import.meta.dirname, "..", "..", "..")

it.live("the transcript in the documents is what the real codex says", () =>
  Effect.gen(function* () {
    const { stdout } = yield* runFile(path.join(root, "scripts", "record-protocol.ts"), [])
    const recorded = stdout.trim().split("\n")
    for (const document of ["docs/protocol.md", "docs/zh/protocol.md"]) {
      const text = readFileSync(path.join(root, document), "utf8")
      expect(text.split("\n").filter((line) => /^[<>] \{/.test(line))).toEqual(recorded)
    }
  })
)
