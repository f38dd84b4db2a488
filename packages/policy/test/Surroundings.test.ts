/** What the file system has to say about patterns, folders and repositories before a script counts as one that only reads. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { anyChar, anyText, type Check } from "../src/internal/command/reading.ts"
import { problemOf } from "../src/internal/command/surroundings.ts"
import { makeTree } from "./tree.ts"

const tree = makeTree(
  [
    "/outside/secret",
    "/repo/a.ts",
    "/repo/src/b.ts",
    "/repo/src/deep/c.ts",
    "/repo/dash/-rf",
    "/repo/blank/a b",
    "/repo/wide/",
    "/repo/bytes/"
  ],
  {
    "/repo/named/abcabc": "../../outside/secret",
    "/repo/wide/\u00fc": "../../outside/secret",
    "/repo/below/one/two/out": "../../../../outside/secret",
    "/repo/linked/file": "../a.ts",
    "/repo/linked/dangling": "../new",
    "/repo/folder/link": "../src",
    "/repo/way": "../outside"
  }
)
const repo = path.join(tree, "repo")
const folders = [repo]
mkdirSync(`${repo}/deepbytes/x`, { recursive: true })
for (const folder of ["bytes", "deepbytes/x"]) {
  writeFileSync(Buffer.concat([Buffer.from(`${repo}/${folder}/`), Buffer.from([0xff])]), "")
}

const problem = (...checks: ReadonlyArray<Check>) =>
  Effect.map(problemOf(checks), (found) => found?.replaceAll('"', "").replaceAll(`${tree}/`, "")).pipe(
    Effect.provide(NodeFileSystem.layer)
  )

const matches = (pattern: string, more: Partial<Extract<Check, { _tag: "Matches" }>> = {}): Check => ({
  _tag: "Matches",
  pattern: `${repo}/${pattern}`.replaceAll("*", anyText).replaceAll("?", anyChar),
  folders,
  plain: false,
  below: undefined,
  ...more
})

const below = (name: string, follow = false, plain = false): Check => ({
  _tag: "Tree",
  path: `${repo}/${name}`,
  folders,
  follow,
  plain
})

const holds = (table: ReadonlyArray<readonly [check: Check, problem: string | undefined]>) =>
  Effect.gen(function* () {
    for (const [check, expected] of table) expect([check, yield* problem(check)]).toEqual([check, expected])
  })

describe("a pattern", () => {
  it.effect("matches what a shell may take for a match", () =>
    Effect.gen(function* () {
      for (const pattern of [
        "abcabc",
        "*",
        "a*",
        "*c",
        "*b*",
        "a?c*",
        "??????",
        "a*a*c",
        "*abc",
        "abcabc*",
        "*?",
        "*a*b*c*"
      ]) {
        const name = pattern === "abcabc" ? "named/abcabc*" : `named/${pattern}`
        expect([pattern, yield* problem(matches(name))]).toEqual([
          pattern,
          "repo/named/abcabc leads out of the allowed roots"
        ])
      }
      for (const pattern of [
        "a*b",
        "?????",
        "???????",
        "b*",
        "*b",
        "a*x*",
        "ab*d",
        "*abcabcx",
        "*abcabca",
        "?a*",
        "a?a*",
        "A*"
      ]) {
        expect([pattern, yield* problem(matches(`named/${pattern}`))]).toEqual([pattern, undefined])
      }
      for (const pattern of ["?", "??", "*"]) {
        expect([pattern, yield* problem(matches(`wide/${pattern}`))]).toEqual([
          pattern,
          expect.stringContaining("leads out")
        ])
      }
    })
  )

  it.effect("goes through folders, to any depth", () =>
    holds([
      [matches("*.ts"), undefined],
      [matches("src/*"), undefined],
      [matches("./src/./*"), undefined],
      [matches("s*/*/c.ts"), undefined],
      [matches("missing/*"), undefined],
      [matches("*/b.ts"), "repo/way leads out of the allowed roots"],
      [matches("*"), "repo/way leads out of the allowed roots"],
      [matches("b*/one/two/out"), "repo/below/one/two/out leads out of the allowed roots"],
      [matches("b*/one/two/in"), undefined],
      [matches("below/**"), "repo/below/one/two/out leads out of the allowed roots"],
      [matches("below/**/o*"), "repo/below/one/two/out leads out of the allowed roots"],
      [matches("below/**/x*"), "repo/below/one/two/out leads out of the allowed roots"],
      [matches("src/**/*.ts"), undefined]
    ])
  )

  it.effect("is a problem if it goes up again, or begins elsewhere", () =>
    holds([
      [matches("*/../a.ts"), "a pattern goes up again"],
      [matches("src/../*.ts"), undefined],
      [matches("way/*"), "repo/way leads out of the folders that the rule names"],
      [matches("../outside/*"), "repo/../outside leads out of the folders that the rule names"]
    ])
  )

  it.effect("is a problem if a name may be taken for something else", () =>
    holds([
      [matches("dash/*"), "-rf may be taken for an option"],
      [matches("dash/x*"), undefined],
      [matches("blank/*"), undefined],
      [matches("blank/*", { plain: true }), "the name of a b may be taken for something else"],
      [matches("bytes/*"), "the name of \\ufffd is not UTF-8"],
      [matches("deepbytes/**"), "the name of repo/deepbytes/x/\\ufffd is not UTF-8"]
    ])
  )

  it.effect("asks the same of what lies below its matches", () =>
    holds([
      [
        matches("bel*", { below: { follow: false, plain: false } }),
        "repo/below/one/two/out leads out of the allowed roots"
      ],
      [matches("fol*", { below: { follow: false, plain: false } }), undefined],
      [matches("fol*", { below: { follow: true, plain: false } }), "repo/folder/link leads to a folder"],
      [
        matches("bla*", { below: { follow: false, plain: true } }),
        "the name of repo/blank/a b may be taken for something else"
      ],
      [matches("bla*", { below: { follow: false, plain: false } }), undefined]
    ])
  )
})

describe("a folder with all that is below it", () => {
  it.effect("is a problem if a link in it leads out, or further where links are followed", () =>
    holds([
      [below("src"), undefined],
      [below("a.ts"), undefined],
      [below("missing"), undefined],
      [below("a.ts/x"), "repo/a.ts/x cannot be listed"],
      [below("below"), "repo/below/one/two/out leads out of the allowed roots"],
      [below("linked"), undefined],
      [below("linked", true), undefined],
      [below("folder"), undefined],
      [below("folder", true), "repo/folder/link leads to a folder"],
      [below("blank"), undefined],
      [below("blank", false, true), "the name of repo/blank/a b may be taken for something else"],
      [below("dash", false, true), "the name of repo/dash/-rf may be taken for something else"],
      [below("dash"), undefined],
      [below("bytes"), "the name of repo/bytes/\\ufffd is not UTF-8"]
    ])
  )

  it.effect("has names that can be told from what stands between them", () =>
    Effect.gen(function* () {
      const plain = makeTree(["/a", "/b.ts", "/\u00e9", "/a-b", "/.c", "/~d"], {})
      const ofPlain: Check = { _tag: "Tree", path: plain, folders: [plain], follow: false, plain: true }
      expect(yield* problem(ofPlain)).toBeUndefined()
      for (const name of [
        "a b",
        "-a",
        "a'b",
        'a"b',
        "a\\b",
        "a*b",
        "a?b",
        "a[b",
        "a]b",
        "a\tb",
        "a\u200bb",
        " ",
        "'",
        "a\nb"
      ]) {
        const odd = makeTree([], {})
        writeFileSync(path.join(odd, name), "")
        const check: Check = { _tag: "Tree", path: odd, folders: [odd], follow: false, plain: true }
        expect([name, yield* problem(check)]).toEqual([
          name,
          expect.stringContaining("may be taken for something else")
        ])
      }
    })
  )
})

describe("several of them", () => {
  it.effect("are looked at until one is a problem", () =>
    Effect.gen(function* () {
      expect(yield* problem()).toBeUndefined()
      expect(yield* problem(below("src"), below("below"), below("folder", true))).toContain("leads out")
    })
  )

  it.effect("are about few repositories, of which each counts once", () =>
    Effect.gen(function* () {
      const repository = (folder: string): Check => ({
        _tag: "Repository",
        folder,
        folders,
        opens: false,
        plain: false
      })
      const real = makeTree([], {})
      symlinkSync(real, path.join(real, "link"))
      const reason = yield* problem(repository(`${repo}/src`))
      expect(reason).toMatch(/is in no repository|does not lie in the allowed roots/)
      const same = Array.from({ length: 20 }, () => repository(`${repo}/src`))
      expect(yield* problem(...same)).toBe(reason)
    })
  )
})
