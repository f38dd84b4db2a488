/** What has to hold of a path, on a real file system: each demand alone, and what is said of one that does not hold. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import { type Demand, problemOf, within } from "../src/internal/files/demand.ts"
import { walker } from "../src/internal/files/path.ts"
import { makeTree } from "./tree.ts"

const tree = makeTree(
  [
    "/repo/src/a.ts",
    "/repo/tidy/b.ts",
    "/repo/near/c.ts",
    "/repo/deep/new/",
    "/repo/holds/.git/config",
    "/repo/.git/config",
    ...Array.from({ length: 500 }, (_, index) => `/repo/many/${index}`),
    "/outside/secret"
  ],
  {
    "/repo/link": "../outside",
    "/repo/near/link": "../src/a.ts",
    "/repo/wide/link": "../src",
    "/repo/gone/link": "missing/../x",
    "/repo/far/link": "../../outside/secret",
    "/repo/hop": "deep/new",
    "/repo/alias": ".git/config"
  }
)
const repo = path.join(tree, "repo")

const check = (...demands: ReadonlyArray<Demand>) =>
  walker.pipe(
    Effect.flatMap((walker) => problemOf(demands, walker)),
    Effect.provide(NodeFileSystem.layer)
  )

const at = (name: string, more: Partial<Demand> = {}): Demand => ({
  path: name === "" ? repo : `${repo}/${name}`,
  folders: undefined,
  ...more
})

const inRepo: Partial<Demand> = { folders: [repo] }

describe("what has to hold of a path", () => {
  it.effect("is nothing where nothing is asked, and all of what is", () =>
    Effect.gen(function* () {
      expect(yield* check()).toBeUndefined()
      expect(yield* check(at("src"), at("missing"), within(`${repo}/src`, [repo]))).toBeUndefined()
      expect(yield* check(at("src", inRepo), at("link/secret", inRepo), at("nn/../x"))).toContain("link/secret")
    })
  )

  it.effect("is that it is known where it leads, if that is not asked otherwise", () =>
    Effect.gen(function* () {
      expect(yield* check(at("nn/../x"))).toBe(`the target of "${repo}/nn/../x" cannot be determined`)
      expect(yield* check(at("nn/../x", { certain: true }))).toContain("cannot be determined")
      expect(yield* check(at("nn/../x", { certain: false }))).toBeUndefined()
      expect(yield* check({ path: "relative", folders: undefined })).toContain("cannot be determined")
    })
  )

  it.effect("is that it leads to one place, if that is asked", () =>
    Effect.gen(function* () {
      expect(yield* check(at("hop/../../src"))).toBeUndefined()
      expect(yield* check(at("hop/../../src", { oneWay: true }))).toBe(
        `the target of "${repo}/hop/../../src" depends on the shell`
      )
      expect(yield* check(at("src/../src", { oneWay: true }))).toBeUndefined()
    })
  )

  it.effect("is that it lies in one of the folders, by its name and where it leads", () =>
    Effect.gen(function* () {
      const outside = (name: string) => `"${repo}/${name}" leads out of the folders that the rule names`
      expect(yield* check(at("src/a.ts", { folders: [`${repo}/tidy`, `${repo}/src`] }))).toBeUndefined()
      expect(yield* check(at("src/a.ts", { folders: [`${repo}/tidy`] }))).toBe(outside("src/a.ts"))
      expect(yield* check(at("src/a.ts", { folders: [] }))).toBe(outside("src/a.ts"))
      expect(yield* check(at("link/secret", inRepo))).toBe(outside("link/secret"))
      expect(yield* check(at("nn/../x", { ...inRepo, certain: false }))).toBe(outside("nn/../x"))
    })
  )

  it.effect("is that no link below it leads out or on to more, if links are followed", () =>
    Effect.gen(function* () {
      const follow = { ...inRepo, follow: true }
      expect(yield* check(at("tidy", follow), at("near", follow), at("src/a.ts", follow))).toBeUndefined()
      expect(yield* check(at("far", follow))).toBe(`"${repo}/far/link" leads out of the folders that the rule names`)
      expect(yield* check(at("wide", follow))).toBe(`"${repo}/wide/link" leads to a folder`)
      expect(yield* check(at("gone", follow))).toContain("gone/link")
      expect(yield* check(at("far", inRepo), at("wide", inRepo), at("far", { follow: true }))).toBeUndefined()
    })
  )

  it.effect("is looked up below folders for all demands together", () =>
    Effect.gen(function* () {
      const spelled = (count: number, more: Partial<Demand>) =>
        check(...Array.from({ length: count }, (_, index) => at(`${"./".repeat(index)}many`, { ...inRepo, ...more })))
      const same = Array.from({ length: 100 }, () => at("many", { ...inRepo, follow: true, mayBe: [], contents: true }))
      expect(yield* check(...same)).toBeUndefined()
      expect(yield* spelled(19, { follow: true })).toBeUndefined()
      expect(yield* spelled(20, { follow: true })).toMatch(/^the links below ".*" cannot be determined$/)
      expect(yield* spelled(20, { mayBe: [], contents: true })).toMatch(/^the content of ".*" cannot be determined$/)
    })
  )

  it.effect(
    "is that neither it nor what is below it is a protected file of another kind, if it is written or put elsewhere",
    () =>
      Effect.gen(function* () {
        expect(yield* check(at("alias"), at(".git/config"))).toBeUndefined()
        for (const name of ["alias", ".git/config"]) {
          expect(yield* check(at(name, { mayBe: ["ci", "hooks"] }))).toBe(
            `"${repo}/${name}" is one of the protected files (git), which decide what runs later`
          )
          expect(yield* check(at(name, { mayBe: ["git"] }))).toBeUndefined()
        }
        expect(yield* check(at(".github/.git/x", { mayBe: ["hooks"] }))).toContain("protected files (git, ci), which")
        expect(yield* check(at("holds", { mayBe: [] }))).toBeUndefined()
        expect(yield* check(at("holds", { contents: true }))).toBeUndefined()
        expect(yield* check(at("holds", { mayBe: [], contents: true }))).toMatch(
          /^".*\/holds" contains protected files: "\/\.git/
        )
        expect(yield* check(at("holds", { mayBe: ["git"], contents: true }))).toBeUndefined()
      })
  )

  it.effect("says nothing of what something else is put at in the meantime", () =>
    Effect.gen(function* () {
      expect(yield* check(at("src/a.ts", { unsettled: [`${repo}/tidy`] }))).toBeUndefined()
      expect(yield* check(at("src/a.ts", { unsettled: [`${repo}/src`] }))).toContain("cannot be determined")
    })
  )

  it.effect("is looked up for a thousand paths and no more", () =>
    Effect.gen(function* () {
      const many = (count: number) => check(...Array.from({ length: count }, () => at("src")))
      expect(yield* many(1000)).toBeUndefined()
      expect(yield* many(1001)).toBe("it names more paths than can be looked up")
    })
  )
})
