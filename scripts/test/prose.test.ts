import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { find, readTurns } from "../prose/check.ts"
import { runFile } from "../run-command.ts"

const scripts = path.dirname(import.meta.dirname)
const turns = readTurns(readFileSync(path.join(scripts, "prose", "turns.yaml"), "utf8"))

const found = (source: string, name = "file.md") =>
  Effect.map(
    Effect.promise(() => find(name, source, turns)),
    (findings) => findings.map(({ line, turn }) => `${line} ${turn.name}`)
  )

describe("turns of phrase", () => {
  for (const { bad, good, name } of turns) {
    it.effect(`${name}: found in its bad example, and nothing is found in its good one`, () =>
      Effect.gen(function* () {
        assert.include(yield* found(bad), `1 ${name}`)
        assert.include(yield* found(`/** ${bad} */`, "file.ts"), `1 ${name}`)
        assert.deepStrictEqual(yield* found(good), [])
      })
    )
  }

  it("have names of their own", () => {
    assert.strictEqual(new Set(turns.map(({ name }) => name)).size, turns.length)
  })
})

describe("prose in Markdown", () => {
  const cases: ReadonlyArray<readonly [what: string, source: string, expected: ReadonlyArray<string>]> = [
    ["a phrase over the end of a line", "A file that\nis\nno JSON.", ["2 is no"]],
    ["a heading", "# Hold on to a turn", ["1 hold on to"]],
    ["a cell of a table", "| a | b |\n|---|---|\n| x | for whoever asks |", ["3 whoever"]],
    ["an item of a list", "- one\n- for whoever asks", ["2 whoever"]],
    ["emphasis within a phrase", "That **is no** JSON.", ["1 is no"]],
    ["code within a line", "Say `for whoever` and ``is no `x` ``.", []],
    ["a block of code", "```\nfor whoever\n```\n\n    for whoever\n", []],
    ["the address of a link", "See [this](./for whoever.md).", []],
    ["a question", "What does it cost? What is a thread?", []],
    ["two in one sentence", "For whoever it is no problem.", ["1 is no", "1 whoever"]]
  ]
  for (const [what, source, expected] of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* found(source)).toSorted(), expected)
      })
    )
  }
})

describe("prose in TypeScript", () => {
  const cases: ReadonlyArray<readonly [what: string, source: string, expected: ReadonlyArray<string>]> = [
    ["a docstring over two lines", "/**\n * For\n * whoever asks.\n */\nconst x = 1", ["3 whoever"]],
    ["line comments below each other", "const x = 1\n// It is\n// no JSON.\n", ["2 is no"]],
    [
      "a comment behind code and one in a block",
      "const x = 1 // for whoever\n{\n  // for whoever\n}\n",
      ["1 whoever", "3 whoever"]
    ],
    ["a message", 'fail("For whoever asks")', ["1 whoever"]],
    [
      "a template around a value",
      "fail(`${file} is no folder`, `the ${file}\n for whoever`)",
      ["1 is no", "1 whoever"]
    ],
    ["names, single words and imports", 'import { whoever } from "whoever"\nwhoever("whoever")', []],
    ["an example in a docstring", "/**\n * Does it.\n *\n * ```ts\n * whoever()\n * ```\n */", []],
    ["what looks like a comment in a text", 'const x = "// for" + "/* x */"', []]
  ]
  for (const [what, source, expected] of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* found(source, "file.ts"), expected)
      })
    )
  }
})

const main = path.join(scripts, "prose.ts")

describe("npm run prose", () => {
  it.effect("reports a sentence with its line and what to write instead, and fails", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(path.join(os.tmpdir(), "prose-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      const file = path.join(folder, "new.md")
      writeFileSync(file, "Fine.\n\nA sentence for whoever reads this test.\n")
      const { code, stdout } = yield* runFile(main, [file])
      assert.strictEqual(code, 1)
      assert.match(stdout, /new\.md:3: whoever: A sentence for whoever reads this test\.\n {4}Name who it is/)
    })
  )

  for (const args of [["--nope"], ["no-such-file.md"]]) {
    it.effect(`${args.join(" ")} is a mistake`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* runFile(main, args)
        assert.strictEqual(code, 2)
        assert.match(stderr, /Usage|no such file/)
      })
    )
  }
})
