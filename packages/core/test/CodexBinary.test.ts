import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

const native = `@openai/codex-${process.platform}-${process.arch}/vendor/some-triple/bin/${process.platform === "win32" ? "codex.exe" : "codex"}`

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "effect-codex-binary-" }), fs.realPath)
)
const file = (...parts: ReadonlyArray<string>) => {
  const name = path.join(...parts)
  mkdirSync(path.dirname(name), { recursive: true })
  writeFileSync(name, "#!/bin/sh\n")
  chmodSync(name, 0o755)
  return name
}
const configured = (values: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(values))

describe("the codex binary", () => {
  it.effect("is the one of the option, before the one of the configuration", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const [first, second] = [file(root, "first"), file(root, "second")]
      expect(yield* CodexBinary.resolve({ binary: first }).pipe(configured({ CODEX_BINARY: second }))).toBe(first)
      expect(yield* CodexBinary.resolve().pipe(configured({ CODEX_BINARY: second }))).toBe(second)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("that was named and is not there is an error, and no reason to look elsewhere", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(CodexBinary.resolve().pipe(configured({ CODEX_BINARY: "/nowhere/codex" })))
      expect(failure.tried).toEqual(['CODEX_BINARY "/nowhere/codex"'])
      const folderInstead = yield* Effect.flip(CodexBinary.resolve({ binary: import.meta.dirname }))
      expect(folderInstead._tag).toBe("CodexNotFound")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is the native one behind the Node program, also through a link", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const program = file(root, "node_modules/@openai/codex/bin/codex.js")
      const link = path.join(root, "codex")
      symlinkSync(program, link)
      // Without the native one, the program is what there is.
      expect(yield* CodexBinary.resolve({ binary: program })).toBe(program)
      const binary = file(root, "node_modules", native)
      expect(yield* CodexBinary.resolve({ binary: program })).toBe(binary)
      expect(yield* CodexBinary.resolve({ binary: link })).toBe(binary)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("is found in the package that is installed here", () =>
    Effect.gen(function* () {
      const found = yield* CodexBinary.resolve().pipe(configured({}))
      expect(found).toContain(path.join("vendor"))
      expect(found).toContain(`codex-${process.platform}-${process.arch}`)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is not taken from the working directory, which may be somebody else's", () =>
    Effect.gen(function* () {
      const root = yield* folder
      file(root, "node_modules/@openai/codex/package.json")
      file(root, "node_modules", native)
      const before = process.cwd()
      process.chdir(root)
      const found = yield* CodexBinary.resolve().pipe(
        configured({}),
        Effect.ensuring(Effect.sync(() => process.chdir(before)))
      )
      expect(found.startsWith(root)).toBe(false)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
