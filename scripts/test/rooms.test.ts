import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { circlesOf, type Cruised, dotOf, roomsOf } from "../rooms/graph.ts"
import { runFile } from "../run-command.ts"

const cruised = (
  imports: ReadonlyArray<readonly [from: string, to: string, type?: "type-only"]>
): typeof Cruised.Type => ({
  modules: [...new Set(imports.flatMap(([from, to]) => [from, to]))].map((source) => ({
    source,
    dependencies: imports.flatMap(([from, resolved, type]) =>
      from === source ? [{ resolved, dependencyTypes: ["local", type ?? "import"] }] : []
    )
  }))
})

const core = (file: string) => `packages/core/src/${file}`

describe("rooms", () => {
  it("are the folders of a package, one level deep, and of its internals", () => {
    const { rooms } = roomsOf(
      cruised([
        [core("Turn.ts"), core("internal/turn/state.ts")],
        [core("internal/turn/deep/x.ts"), core("internal/lines.ts")],
        [core("protocol/generated/Stable.ts"), core("protocol/Codec.ts")],
        ["packages/cli/src/main.ts", "node_modules/effect/Effect.ts"]
      ])
    )
    assert.deepStrictEqual(
      [...rooms.keys()],
      ["cli/words", "core/doors", "core/internal/turn", "core/protocol", "core/words"]
    )
  })

  it("of modules in no folder are words, doors, and one for all that stand between the same rooms", () => {
    const { rooms } = roomsOf(
      cruised([
        [core("Codex.ts"), core("internal/turn/x.ts")],
        [core("internal/turn/x.ts"), core("AppServer.ts")],
        [core("internal/turn/x.ts"), core("Input.ts")],
        [core("Input.ts"), core("AppServer.ts")],
        [core("AppServer.ts"), core("internal/connection/x.ts")],
        [core("internal/connection/x.ts"), core("Notification.ts")],
        [core("Notification.ts"), core("protocol/x.ts")]
      ])
    )
    assert.deepStrictEqual(
      [...rooms].map(([key, { modules }]) => [key, modules]),
      [
        ["core/doors", ["Codex"]],
        ["core/internal/connection", undefined],
        ["core/internal/turn", undefined],
        ["core/over internal/connection", ["AppServer", "Input"]],
        ["core/protocol", undefined],
        ["core/words", ["Notification"]]
      ]
    )
  })

  it("have an arrow where one imports the other, once for all imports, and dashed if they are of types alone", () => {
    const { arrows } = roomsOf(
      cruised([
        [core("A.ts"), core("internal/a/x.ts"), "type-only"],
        [core("B.ts"), core("internal/a/x.ts")],
        [core("A.ts"), core("api/x.ts"), "type-only"],
        [core("A.ts"), core("B.ts")],
        [core("api/x.ts"), core("Word.ts")],
        [core("internal/a/x.ts"), core("Word.ts")]
      ])
    )
    assert.deepStrictEqual(arrows, [
      { from: "core/api", to: "core/words", typesOnly: false },
      { from: "core/doors", to: "core/api", typesOnly: true },
      { from: "core/doors", to: "core/internal/a", typesOnly: false },
      { from: "core/internal/a", to: "core/words", typesOnly: false }
    ])
  })

  it("are in a circle if they reach each other, over others and over types too", () => {
    const rooms = roomsOf(
      cruised([
        [core("A.ts"), core("internal/b/x.ts")],
        [core("internal/b/x.ts"), core("internal/c/x.ts")],
        [core("internal/c/x.ts"), core("A.ts"), "type-only"],
        [core("internal/c/x.ts"), core("protocol/x.ts")]
      ])
    )
    const between = "core/over internal/b, internal/c"
    assert.deepStrictEqual([...circlesOf(rooms)].toSorted(), [
      "core/internal/b core/internal/c",
      `core/internal/c ${between}`,
      `${between} core/internal/b`
    ])
    assert.match(dotOf(rooms), /"core\/internal\/c" -> "core\/over [^"]*" \[color="#cf222e".*style=dashed/)
  })

  it("are drawn alike whatever the order of the modules is", () => {
    const one = cruised([
      [core("A.ts"), core("internal/b/x.ts")],
      [core("B.ts"), core("protocol/x.ts")]
    ])
    assert.strictEqual(dotOf(roomsOf(one)), dotOf(roomsOf({ modules: one.modules.toReversed() })))
  })
})

const main = path.join(import.meta.dirname, "..", "rooms.ts")

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(os.tmpdir(), "rooms-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

describe("npm run rooms", () => {
  it.live("a picture that is out of date or missing fails the check, and is not written", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "rooms.dot")
      const missing = yield* runFile(main, ["--check", "--out", file])
      assert.strictEqual(missing.code, 1)
      assert.isFalse(existsSync(file))
      writeFileSync(file, "digraph {}")
      const old = yield* runFile(main, ["--check", "--out", file])
      assert.strictEqual(old.code, 1)
      assert.match(old.stderr, /out of date/)
      assert.strictEqual(readFileSync(file, "utf8"), "digraph {}")
      assert.strictEqual((yield* runFile(main, ["--out", file])).code, 0)
      assert.strictEqual((yield* runFile(main, ["--out", file, "--check"])).code, 0)
    }).pipe(Effect.scoped)
  )

  for (const args of [
    ["--nope"],
    ["file.svg"],
    ["--out"],
    ["--out", "rooms.png"],
    ["--out", "no-such-folder/rooms.svg"]
  ]) {
    it.live(`${args.join(" ")} is a mistake`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* runFile(main, args)
        assert.strictEqual(code, 2)
        assert.match(stderr, /Usage|no folder/)
      })
    )
  }
})
