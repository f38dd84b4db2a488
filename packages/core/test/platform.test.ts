import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFile } from "../../../scripts/run-command.ts"

const on = (system: string) =>
  Effect.map(runFile(path.join(import.meta.dirname, "fixtures", "platform.ts"), [system]), ({ stderr, stdout }) => {
    expect(stderr).toBe("")
    const facts: unknown = JSON.parse(stdout)
    return facts
  })

describe("what differs between systems", () => {
  it.live("is known of Linux, macOS and Windows", () =>
    Effect.gen(function* () {
      const posix = {
        codexNames: ["codex"],
        nativeName: "codex",
        pathDelimiter: ":",
        shell: "/bin/sh",
        user: { HOME: "/u", TMPDIR: "/t" }
      }
      expect(yield* on("linux")).toMatchObject({ ...posix, shellWithProc: "/bin/sh", maxSocketPath: 107 })
      const darwin = yield* on("darwin")
      expect(darwin).not.toHaveProperty("shellWithProc")
      expect(darwin).toMatchObject({
        ...posix,
        nativePackage: `codex-darwin-${process.arch}`,
        maxSocketPath: 103
      })
      expect(yield* on("win32")).toMatchObject({
        codexNames: ["codex.exe", "codex.cmd"],
        nativeName: "codex.exe",
        pathDelimiter: ";",
        shell: null,
        user: { USERPROFILE: "/u", TEMP: "/t", TMP: "/t" }
      })
    })
  )

  it("is asked of one module: no other module of the core names a system or a shell", () => {
    const source = path.join(import.meta.dirname, "..", "src")
    const naming = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.includes("generated"))
      .filter((file) => {
        const code = readFileSync(path.join(source, file), "utf8").replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, "")
        return /[!=]== "(?:win32|darwin|linux)"|process\??\.platform|"\/bin\/(?:ba)?sh"/.test(code)
      })
    expect(naming).toEqual([path.join("internal", "platform.ts")])
  })
})
