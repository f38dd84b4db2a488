import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const files = { "src/alpha.ts": "a", "src/beta.ts": "b", "README.md": "r" }

describe("files of the server's machine", () => {
  it.live("are written and read, byte for byte", () =>
    Effect.gen(function* () {
      const { fs } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      yield* fs.writeFile(`${cwd}/text`, "häßlich")
      expect(decode(yield* fs.readFile(`${cwd}/text`))).toBe("häßlich")
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
      yield* fs.writeFile(`${cwd}/bytes`, bytes)
      expect(yield* fs.readFile(`${cwd}/bytes`)).toEqual(bytes)
      yield* fs.writeFile(`${cwd}/empty`, "")
      expect((yield* fs.readFile(`${cwd}/empty`)).length).toBe(0)
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("are looked at, copied and removed, folders too", () =>
    Effect.gen(function* () {
      const { fs } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      yield* fs.createDirectory(`${cwd}/deep/down`)
      expect(yield* fs.getMetadata(`${cwd}/deep/down`)).toMatchObject({ isDirectory: true, isFile: false })
      yield* fs.copy(`${cwd}/README.md`, `${cwd}/deep/down/copy.md`)
      yield* fs.copy(`${cwd}/deep`, `${cwd}/wide`, { recursive: true })
      expect(yield* fs.readDirectory(`${cwd}/wide/down`)).toEqual([
        { fileName: "copy.md", isDirectory: false, isFile: true }
      ])
      yield* fs.remove(`${cwd}/deep`)
      const names = (yield* fs.readDirectory(cwd)).map(({ fileName }) => fileName)
      expect(names.toSorted()).toEqual(["README.md", "src", "wide"])
      yield* fs.remove(`${cwd}/nothing`)
    }).pipe(Effect.provide(CodexTest.layer([], { files })))
  )

  it.live("that are not there, or not named in full, are errors", () =>
    Effect.gen(function* () {
      const { fs } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      expect(yield* Effect.flip(fs.readFile(`${cwd}/nothing`))).toMatchObject({ _tag: "RequestFailed" })
      expect(yield* Effect.flip(fs.remove(`${cwd}/nothing`, { force: false }))).toMatchObject({ _tag: "RequestFailed" })
      expect(yield* Effect.flip(fs.readFile("relative"))).toMatchObject({ _tag: "InvalidParams" })
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("are watched for as long as somebody looks", () =>
    Effect.gen(function* () {
      const { fs } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      const file = `${cwd}/watched`
      const seen = yield* Effect.forkChild(Stream.runHead(fs.watch(file)), { startImmediately: true })
      // The watch begins at some moment: the file is changed until it is seen.
      yield* Effect.raceFirst(Fiber.await(seen), Effect.forever(fs.writeFile(file, "x")))
      expect(yield* Fiber.join(seen)).toEqual(Option.some([file]))
    }).pipe(Effect.provide(CodexTest.layer([])))
  )
})

describe("files are found by a few letters", () => {
  it.live("in the server's working folder, unless others are named", () =>
    Effect.gen(function* () {
      const { fuzzyFileSearch } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      expect((yield* fuzzyFileSearch({ query: "alp" })).map(({ path }) => path)).toEqual(["src/alpha.ts"])
      expect(yield* fuzzyFileSearch({ query: "alp", roots: [`${cwd}/nowhere`] })).toEqual([])
      expect((yield* fuzzyFileSearch({ query: "bet", roots: [`${cwd}/src`] })).map(({ path }) => path)).toEqual([
        "beta.ts"
      ])
    }).pipe(Effect.provide(CodexTest.layer([], { files })))
  )

  it.live("while somebody types, with the experimental API", () =>
    Effect.gen(function* () {
      const { fuzzyFileSearchSession } = yield* Codex.Codex
      const search = yield* fuzzyFileSearchSession()
      const findings = (query: string) =>
        search.found.pipe(
          Stream.filter((found) => found.query === query && found.files.length > 0),
          Stream.runHead,
          Effect.map(Option.map(({ files }) => files.map(({ path }) => path)))
        )
      yield* search.update("alp")
      expect(yield* findings("alp")).toEqual(Option.some(["src/alpha.ts"]))
      yield* search.update("bet")
      expect(yield* findings("bet")).toEqual(Option.some(["src/beta.ts"]))
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layer([], { files, codex: { experimentalApi: true } })))
  )
})
