/**
 * What rules say about a change of files, each condition by itself, and the folders that a rubric names.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rule from "@effect-codex/policy/Rule"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { absolute } from "../src/internal/files/folders.ts"
import { compile, type FileFallback } from "../src/internal/files/policy.ts"
import { layerRepo, makeTree } from "./tree.ts"

type When = NonNullable<Rule.FileChangeRule["when"]>
type Item = Extract<NonNullable<PolicyEngine.Request<"fileChange">["item"]>, { readonly type: "fileChange" }>
type Change = Item["changes"][number]

const add = (path: string, kind: Change["kind"] = { type: "add" }): Change => ({ path, kind, diff: "" })
const update = (path: string) => add(path, { type: "update", move_path: null })
const moved = (path: string, target: string) => add(path, { type: "update", move_path: target })
const removed = (path: string) => add(path, { type: "delete" })
const unknown = (path: string) => add(path, { type: "unknown", raw: {} })

interface Asked {
  readonly changes: ReadonlyArray<Change>
  readonly grantRoot?: string
  readonly reason?: string
  readonly item?: object | undefined
}

const fallback: FileFallback = { decision: "decline", by: "mode" }

const concluded = (rules: ReadonlyArray<Rule.FileChangeRule> | undefined, asked: Asked, other = fallback) =>
  compile(
    rules,
    other
  )({
    kind: "fileChange",
    threadId: "thread",
    turnId: "turn",
    availableDecisions: undefined,
    params: {
      threadId: "thread",
      turnId: "turn",
      itemId: "item",
      startedAtMs: 0,
      ...(asked.grantRoot === undefined ? {} : { grantRoot: asked.grantRoot }),
      ...(asked.reason === undefined ? {} : { reason: asked.reason })
    },
    item:
      "item" in asked
        ? (asked.item as Item)
        : { type: "fileChange", id: "item", changes: asked.changes, status: "inProgress" }
  }).pipe(Effect.provide(layerRepo))

// Where no rule matches, nobody decides.
const matches = (decision: Rule.FileChangeDecision, when: When | undefined, asked: Asked) =>
  Effect.map(
    concluded([{ name: "rule", decision, ...(when === undefined ? {} : { when }) }], asked, {
      decision: undefined,
      by: "nobody"
    }),
    (concluded) => concluded.by === "rule" && concluded.decision === decision
  )

const one = (change: Change): Asked => ({ changes: [change] })
const session = (...changes: ReadonlyArray<Change>): Asked => ({ changes, grantRoot: "/repo" })

type Case = readonly [title: string, when: When | undefined, asked: Asked, isMatch: boolean]

const accepting: ReadonlyArray<Case> = [
  ["it says nothing", undefined, one(add("/repo/a")), true],
  ["the path lies there", { pathsWithin: "/repo" }, one(add("/repo/a")), true],
  ["the path lies in the second folder", { pathsWithin: ["/etc", "/repo"] }, one(add("/repo/a")), true],
  ["the path lies elsewhere", { pathsWithin: "/repo" }, one(add("/etc/a")), false],
  ["the path is not absolute", {}, one(add("a")), false],
  ["all of the path matches", { pathRegex: "/repo/.*[.]ts" }, one(add("/repo/a.ts")), true],
  ["a piece of the path matches", { pathRegex: "repo" }, one(add("/repo/a.ts")), false],
  ["the name of the path without dots matches", { pathRegex: "/repo/b" }, one(add("/repo/a/../b")), true],
  ["the change is one of these", { changes: ["add", "delete"] }, one(removed("/repo/a")), true],
  ["the change is none of these", { changes: ["add"] }, one(removed("/repo/a")), false],
  ["the change is an update", { changes: ["update"] }, one(update("/repo/a")), true],
  ["the change is a move", { changes: ["move"] }, one(moved("/repo/a", "/repo/b")), true],
  ["the change is a move, and updates are meant", { changes: ["update"] }, one(moved("/repo/a", "/repo/b")), false],
  ["the change is not known", {}, one(unknown("/repo/a")), false],
  ["the file is protected", {}, one(add("/repo/.git/config")), false],
  ["the file is protected in a way that it names", { protectedFiles: ["git"] }, one(add("/repo/.git/config")), true],
  ["the file is protected in two ways", { protectedFiles: ["git"] }, one(add("/repo/.github/.git/x")), false],
  ["the session is asked for", { pathsWithin: "/repo" }, session(add("/repo/a")), false],
  ["the session is asked for, and meant", { grantRootPresent: true }, session(add("/repo/a")), true],
  [
    "the session is asked for with changes that are meant",
    { grantRootPresent: true, changes: ["add"] },
    session(add("/repo/a")),
    true
  ],
  ["the session is asked for, and refused", { grantRootPresent: false }, session(add("/repo/a")), false],
  ["the session is not asked for, and meant", { grantRootPresent: true }, one(add("/repo/a")), false],
  ["the session is not asked for, and refused", { grantRootPresent: false }, one(add("/repo/a")), true],
  ["it is about commands", { commandRegex: ".*" }, one(add("/repo/a")), false],
  ["it is about folders of commands", { cwdWithin: "/" }, one(add("/repo/a")), false],
  ["it goes by the model's words alone", { reasonRegex: ".*" }, { ...one(add("/repo/a")), reason: "ok" }, false],
  ["it asks for words too", { reasonRegex: "ok", changes: ["add"] }, { ...one(add("/repo/a")), reason: "ok" }, true],
  ["it asks for words that are not there", { reasonRegex: ".*", changes: ["add"] }, one(add("/repo/a")), false],
  ["another thread asks", { threadIdRegex: "other" }, one(add("/repo/a")), false]
]

const declining: ReadonlyArray<Case> = [
  ["it says nothing", undefined, one(add("/repo/a")), true],
  ["the path is not absolute", { pathsWithin: "/etc" }, one(add("a")), true],
  ["the path lies there", { pathsWithin: "/etc" }, one(add("/etc/a")), true],
  ["the path lies there in other letters", { pathsWithin: "/etc" }, one(add("/ETC/a")), true],
  ["the path leads there", { pathsWithin: "/etc" }, one(add("/repo/link/a")), true],
  ["the path lies elsewhere", { pathsWithin: "/etc" }, one(add("/repo/a")), false],
  ["nobody knows where the path leads", { pathsWithin: "/etc" }, one(add("/repo/no/../a")), true],
  ["a file is added above it", { pathsWithin: "/repo/src" }, one(add("/repo")), false],
  ["a folder above it is moved", { pathsWithin: "/repo/src" }, one(moved("/repo", "/x")), true],
  ["a folder above it is deleted", { pathsWithin: "/repo/src" }, one(removed("/repo")), true],
  ["the session is asked for above it", { pathsWithin: "/repo/src" }, session(add("/tmp/a")), true],
  ["a piece of the path matches", { pathRegex: "repo" }, one(add("/repo/a.ts")), true],
  ["a piece of where the path leads matches", { pathRegex: "etc" }, one(add("/repo/link/a")), true],
  ["no piece of the path matches", { pathRegex: "package" }, one(add("/repo/a.ts")), false],
  ["nobody knows which path it is", { pathRegex: "package" }, one(add("/repo/no/../a")), true],
  ["the change is one of these", { changes: ["add", "delete"] }, one(removed("/repo/a")), true],
  ["the change is none of these", { changes: ["add"] }, one(removed("/repo/a")), false],
  ["the change is not known", { changes: ["delete"] }, one(unknown("/repo/a")), true],
  ["the file is protected", { protectedFiles: ["git", "ci"] }, one(add("/repo/.git/config")), true],
  ["the file is protected in two ways", { protectedFiles: ["git"] }, one(add("/repo/.github/.git/x")), true],
  ["the file is protected in another way", { protectedFiles: ["ci"] }, one(add("/repo/.git/config")), false],
  ["the file is not protected", { protectedFiles: ["git"] }, one(add("/repo/a")), false],
  ["nobody knows which file it is", { protectedFiles: ["git"] }, one(add("/repo/no/../a")), true],
  ["the session is asked for, and meant", { grantRootPresent: true }, session(add("/repo/a")), true],
  ["the session is not asked for, and meant", { grantRootPresent: true }, one(add("/repo/a")), false],
  ["the session is asked for, and not meant", { grantRootPresent: false }, session(add("/repo/a")), false],
  ["it is about commands", { commandRegex: ".*" }, one(add("/repo/a")), false],
  ["it goes by the model's words alone", { reasonRegex: "o" }, { ...one(add("/repo/a")), reason: "ok" }, true]
]

describe("a rule that accepts a change of files", () => {
  it.effect.each(accepting)("if %s", ([, when, asked, isMatch]) =>
    Effect.gen(function* () {
      for (const decision of ["accept", "acceptForSession"] as const) {
        expect(yield* matches(decision, when, asked)).toBe(isMatch)
      }
    })
  )
})

describe("a rule that declines a change of files", () => {
  it.effect.each(declining)("if %s", ([, when, asked, isMatch]) =>
    Effect.gen(function* () {
      for (const decision of ["decline", "cancel"] as const) {
        expect(yield* matches(decision, when, asked)).toBe(isMatch)
      }
    })
  )
})

describe("a change of several files", () => {
  const rules: ReadonlyArray<Rule.FileChangeRule> = [
    { name: "stop", when: { pathRegex: "stop" }, decision: "cancel", reason: "s" },
    { name: "no", when: { pathRegex: "no" }, decision: "decline", reason: "n" },
    { name: "once", when: { pathsWithin: "/repo/src" }, decision: "accept", reason: "o" },
    {
      name: "kept",
      when: { pathsWithin: ["/repo/build", "/tmp"], protectedFiles: ["ci"] },
      decision: "acceptForSession"
    }
  ]
  const nothing = { reason: undefined, conditions: [] }
  const on = (paths: ReadonlyArray<string>, other?: FileFallback) =>
    concluded(rules, { changes: paths.map((path) => add(path)) }, other)

  it.effect("is stopped by one, else declined by one", () =>
    Effect.gen(function* () {
      expect(yield* on(["/repo/src/a", "/x/no", "/x/stop"])).toEqual({
        ...nothing,
        decision: "cancel",
        by: "stop",
        reason: "s"
      })
      expect(yield* on(["/repo/src/a", "/x/no"])).toEqual({ ...nothing, decision: "decline", by: "no", reason: "n" })
      expect(yield* on(["/repo/src/a", "/x"])).toEqual({ ...nothing, decision: "decline", by: "mode" })
    })
  )

  it.effect("is accepted if all are, as far as all are, with all that has to hold", () =>
    Effect.gen(function* () {
      const src = { path: "/repo/src/a", folders: ["/repo/src"], mayBe: [], certain: true }
      const built = { path: "/tmp/a", folders: ["/repo/build", "/tmp"], mayBe: ["ci"], certain: true }
      expect(yield* on(["/repo/src/a", "/tmp/a", "/repo/src/a"])).toEqual({
        decision: "accept",
        by: "once, kept",
        reason: "o",
        conditions: [src, built, src]
      })
      expect(yield* on(["/tmp/a", "/tmp/a"])).toMatchObject({ decision: "acceptForSession", by: "kept" })
      expect(yield* on(["/repo/src/a"])).toMatchObject({ decision: "accept", by: "once", conditions: [src] })
      expect(yield* on(["/tmp/a", "/repo/src/a"])).toMatchObject({ decision: "accept", by: "kept, once" })
    })
  )

  it.effect("is left open if nobody decides on one, and nobody declines another", () =>
    Effect.gen(function* () {
      const open: FileFallback = { decision: undefined, by: "" }
      expect(yield* on(["/repo/src/a", "/x"], open)).toEqual({ ...nothing, decision: undefined, by: "once, " })
      expect(yield* on(["/repo/src/a", "/x", "/no"], open)).toMatchObject({ decision: "decline", by: "no" })
    })
  )

  it.effect("in the permissive mode is accepted with the mode's name, but not for the session", () =>
    Effect.gen(function* () {
      const permissive: FileFallback = { decision: "accept", by: "mode" }
      expect(yield* on(["/x"], permissive)).toEqual({
        decision: "accept",
        by: "mode",
        reason: undefined,
        conditions: [{ path: "/x", folders: undefined, mayBe: [], certain: true }]
      })
      expect(yield* concluded([], session(add("/repo/a")), permissive)).toEqual({
        ...nothing,
        decision: "decline",
        by: "mode",
        reason: "no rule covers writing for the rest of the session"
      })
      // A rule without a decision has the mode's.
      expect(yield* concluded([{ name: "same" }], one(add("/x")), permissive)).toMatchObject({
        decision: "accept",
        by: "same"
      })
      expect(yield* concluded([{ when: { changes: ["add"] } }], one(add("/x")))).toMatchObject({
        decision: "decline",
        by: "fileChangeRules[0]"
      })
      const abstaining = { decision: undefined, by: "mode" }
      expect((yield* concluded([{ name: "same", when: { pathRegex: "x" } }], one(add("/x")), abstaining)).by).toBe(
        "mode"
      )
    })
  )
})

describe("a change of files that is not known", () => {
  const accept: ReadonlyArray<Rule.FileChangeRule> = [{ decision: "accept" }]

  it.effect("is declined", () =>
    Effect.gen(function* () {
      const change = add("/repo/a")
      for (const item of [
        undefined,
        { type: "agentMessage", id: "item", text: "" },
        { type: "fileChange", id: "item", changes: [change], status: "completed" }
      ]) {
        expect(yield* concluded(accept, { changes: [], item })).toEqual({
          decision: "decline",
          by: "mode",
          reason: "the file change is not known",
          conditions: []
        })
      }
    })
  )

  it.effect("as it has no paths, also if it asks for the session", () =>
    Effect.gen(function* () {
      const rules: ReadonlyArray<Rule.FileChangeRule> = [{ when: { grantRootPresent: true }, decision: "accept" }]
      for (const asked of [{ changes: [] }, session()]) {
        expect(yield* concluded([...accept, ...rules], asked)).toMatchObject({
          decision: "decline",
          by: "mode",
          reason: "the change has no paths"
        })
      }
    })
  )
})

describe("the folders of a rubric", () => {
  const tree = makeTree(["/real/x", "/plain/"], { "/alias": "real" })
  const made = (rubric: Rubric.PolicyRubric, base?: string) =>
    Effect.provide(absolute(rubric, base), NodeFileSystem.layer)
  const everywhere = (folders: string | ReadonlyArray<string>): Rubric.PolicyRubric => ({
    mode: "strict",
    allowedRoots: typeof folders === "string" ? [folders] : folders,
    commandRules: [
      { name: "c", when: { cwdWithin: folders, pathsWithin: folders, redirectsWithin: folders }, decision: "accept" }
    ],
    fileChangeRules: [{ when: { pathsWithin: folders, changes: ["add"] } }],
    toolInputRules: [{ when: { cwdWithin: folders } }],
    toolCallRules: [{ when: { cwdWithin: folders } }],
    mcpToolRules: [{ when: { cwdWithin: folders } }],
    permissionsRules: [{ name: "p" }, { when: { readWithin: folders, writeWithin: folders } }]
  })

  it.effect("are absolute, below the base, and by all of their names", () =>
    Effect.gen(function* () {
      expect(yield* made(everywhere(["plain/../plain", "/tmp/."]), tree)).toEqual({
        rubric: everywhere([`${tree}/plain`, "/tmp"]),
        problems: []
      })
      expect((yield* made(everywhere("./plain"), tree)).rubric).toEqual(everywhere([`${tree}/plain`]))
      expect((yield* made(everywhere(["alias", "plain"]), tree)).rubric).toEqual(
        everywhere([`${tree}/alias`, `${tree}/real`, `${tree}/plain`])
      )
      // A name that leads to no certain place has no other name.
      expect((yield* made(everywhere([`${tree}/no/../x`]))).rubric).toEqual(everywhere([`${tree}/x`]))
    })
  )

  it.effect("without a base are told by their places", () =>
    Effect.gen(function* () {
      const { problems, rubric } = yield* made(everywhere(["/tmp", "src"]))
      expect(problems).toEqual([
        "allowedRoots[1]",
        "commandRules[0].when.cwdWithin",
        "commandRules[0].when.pathsWithin",
        "commandRules[0].when.redirectsWithin",
        "fileChangeRules[0].when.pathsWithin",
        "toolInputRules[0].when.cwdWithin",
        "toolCallRules[0].when.cwdWithin",
        "mcpToolRules[0].when.cwdWithin",
        "permissionsRules[1].when.readWithin",
        "permissionsRules[1].when.writeWithin"
      ])
      expect(rubric).toEqual(everywhere(["/tmp", "src"]))
    })
  )

  it.effect("are added nowhere, and the file system is asked about each once", () =>
    Effect.gen(function* () {
      expect((yield* made({ mode: "strict" }, tree)).rubric).toStrictEqual({ mode: "strict" })
      const asked: Array<string> = []
      const fs = FileSystem.layerNoop({
        lstat: (name) => Effect.sync(() => (asked.push(name), { type: "Directory" }) as unknown as FileSystem.File.Info)
      })
      yield* Effect.provide(absolute(everywhere("/a"), undefined), fs)
      expect(asked).toEqual(["/a"])
    })
  )
})
