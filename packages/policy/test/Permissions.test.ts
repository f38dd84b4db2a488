/**
 * What rules say about wider permissions, each condition by itself.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rule from "@effect-codex/policy/Rule"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { compile } from "../src/internal/files/permissions.ts"
import { layerRepo } from "./tree.ts"

type Params = PolicyEngine.Params["permissions"]
type When = NonNullable<Rule.PermissionsRule["when"]>
type FileSystem = NonNullable<Params["permissions"]["fileSystem"]>
type Entry = NonNullable<FileSystem["entries"]>[number]

const about = { threadId: "thread", turnId: "turn", itemId: "item", startedAtMs: 0, cwd: "/repo" } as const

const concluded = Effect.fnUntraced(function* (
  decision: Rule.PermissionsDecision | undefined,
  when: When | undefined,
  permissions: Params["permissions"],
  others: Partial<Params> = {}
) {
  const rules = [
    { name: "rule", ...(decision === undefined ? {} : { decision }), ...(when === undefined ? {} : { when }) }
  ]
  return yield* compile(rules, { decision: "decline", by: "default" })({
    ...about,
    permissions,
    ...others
  } as unknown as Params)
}, Effect.provide(layerRepo))

const matches = (decision: Rule.PermissionsDecision, when: When | undefined, asked: Params["permissions"]) =>
  Effect.map(concluded(decision, when, asked), ({ by }) => by === "rule")

const read = (...paths: ReadonlyArray<string>): Params["permissions"] => ({ fileSystem: { read: paths, write: null } })
const write = (...paths: ReadonlyArray<string>): Params["permissions"] => ({ fileSystem: { read: null, write: paths } })
const entries = (...list: ReadonlyArray<readonly [access: string, path: unknown]>): Params["permissions"] => ({
  fileSystem: { read: null, write: null, entries: list.map(([access, path]) => ({ access, path }) as Entry) }
})
const at = (path: string) => ({ type: "path", path })
const network: Params["permissions"] = { network: { enabled: true } }

const grant = "grant" as const

type Case = readonly [title: string, when: When | undefined, asked: Params["permissions"], isMatch: boolean]

const granting: ReadonlyArray<Case> = [
  ["nothing is asked for", { readWithin: "/repo", network: true }, {}, false],
  ["nothing is asked for, in empty lists", { readWithin: "/repo" }, { fileSystem: { read: [], write: [] } }, false],
  ["it says nothing", undefined, read("/repo"), false],
  ["a folder is read in it", { readWithin: "/repo" }, read("/repo/src"), true],
  ["one of two is not in it", { readWithin: "/repo" }, read("/repo/src", "/etc"), false],
  ["reading is asked for and writing allowed there", { writeWithin: "/repo" }, read("/repo/src"), true],
  ["writing is asked for and reading allowed", { readWithin: "/repo" }, write("/repo/src"), false],
  ["a folder is written in it", { writeWithin: ["/tmp", "/repo"] }, write("/repo/src"), true],
  ["writing lies elsewhere", { writeWithin: "/repo" }, write("/etc"), false],
  [
    "reading lies elsewhere and writing does not",
    { writeWithin: "/repo" },
    { fileSystem: { read: ["/etc"], write: ["/repo/src"] } },
    false
  ],
  ["the network is asked for", { network: true }, network, true],
  ["the network is asked for and refused", { network: false }, network, false],
  ["the network is asked for and not spoken of", { readWithin: "/repo" }, { ...read("/repo"), ...network }, false],
  ["the network is allowed and not asked for", { network: true, readWithin: "/repo" }, read("/repo/src"), true],
  ["the network is off", { network: true }, { network: { enabled: false } }, false],
  ["a protected folder is written", { writeWithin: "/repo" }, write("/repo/.git"), false],
  [
    "a protected folder of its kind is written",
    { writeWithin: "/repo", protectedFiles: ["git"] },
    write("/repo/.git"),
    true
  ],
  [
    "a protected folder of another kind is written",
    { writeWithin: "/repo", protectedFiles: ["shell"] },
    write("/repo/.git"),
    false
  ],
  ["one of two is protected", { writeWithin: "/repo" }, write("/repo/src", "/repo/.git"), false],
  ["a protected folder is read", { readWithin: "/repo" }, read("/repo/.git"), true],
  ["an entry is read in it", { readWithin: "/repo" }, entries(["read", at("/repo/src")]), true],
  ["an entry is read elsewhere", { readWithin: "/repo" }, entries(["read", at("/etc")]), false],
  [
    "an entry is written where only reading is allowed",
    { readWithin: "/repo" },
    entries(["write", at("/repo/src")]),
    false
  ],
  ["an entry is written in it", { writeWithin: "/repo" }, entries(["write", at("/repo/src")]), true],
  [
    "one entry of two is read elsewhere",
    { readWithin: "/repo" },
    entries(["read", at("/repo")], ["read", at("/etc")]),
    false
  ],
  [
    "an entry is a special folder",
    { readWithin: "/repo" },
    entries(["read", { type: "special", value: { kind: "root" } }]),
    false
  ],
  [
    "an entry is a pattern beside a path",
    { readWithin: "/repo" },
    entries(["read", at("/repo")], ["read", { type: "glob_pattern", pattern: "/repo/**" }]),
    false
  ],
  [
    "an entry has an access of its own beside one that is read",
    { readWithin: "/repo" },
    entries(["read", at("/repo")], ["execute", at("/repo")]),
    false
  ],
  [
    "an entry has an access of its own",
    { writeWithin: "/repo", readWithin: "/repo" },
    entries(["execute", at("/repo")]),
    false
  ],
  ["it is about commands", { readWithin: "/repo", commandRegex: ".*" }, read("/repo"), false],
  ["it is about another thread", { readWithin: "/repo", threadIdRegex: "other" }, read("/repo"), false],
  ["it is about this thread", { readWithin: "/repo", threadIdRegex: "thread" }, read("/repo"), true],
  ["it is about another turn", { readWithin: "/repo", turnIdRegex: "other" }, read("/repo"), false],
  ["it runs in the folder", { readWithin: "/repo", cwdWithin: "/repo" }, read("/repo"), true],
  ["it runs in another folder", { readWithin: "/repo", cwdWithin: "/tmp" }, read("/repo"), false],
  ["it asks for a reason, and there is none", { readWithin: "/repo", reasonRegex: ".*" }, read("/repo"), false]
]

const declining: ReadonlyArray<Case> = [
  ["it says nothing", undefined, read("/repo"), true],
  ["nothing is asked for", { readWithin: "/etc" }, {}, false],
  ["what is read lies there", { readWithin: "/etc" }, read("/etc/passwd"), true],
  ["one of two lies there", { readWithin: "/etc" }, read("/repo/src", "/etc/passwd"), true],
  ["what is written lies there", { readWithin: "/etc" }, write("/etc/passwd"), true],
  ["what is read contains it", { readWithin: "/etc/cron.d" }, read("/etc"), true],
  ["what is read lies elsewhere", { readWithin: "/etc" }, read("/repo/src"), false],
  ["what is read leads there", { readWithin: "/etc" }, read("/repo/link"), true],
  ["what is written leads there", { writeWithin: ["/tmp", "/etc"] }, write("/repo/link"), true],
  ["only reading lies where writing is refused", { writeWithin: "/etc" }, read("/etc"), false],
  [
    "a pattern is asked for",
    { readWithin: "/etc" },
    entries(["read", { type: "glob_pattern", pattern: "/x/**" }]),
    true
  ],
  [
    "a pattern is asked for, and writing is refused",
    { writeWithin: "/etc" },
    entries(["read", { type: "glob_pattern", pattern: "/x/**" }]),
    true
  ],
  [
    "a pattern is asked for, and protected files are refused",
    { protectedFiles: ["git"] },
    entries(["read", { type: "glob_pattern", pattern: "/x" }]),
    true
  ],
  ["an entry is read there", { readWithin: "/etc" }, entries(["read", at("/etc")]), true],
  ["an entry is read elsewhere", { readWithin: "/etc" }, entries(["read", at("/repo/src")]), false],
  ["an entry is only read where writing is refused", { writeWithin: "/etc" }, entries(["read", at("/etc")]), false],
  ["an entry is written where that is refused", { writeWithin: "/etc" }, entries(["write", at("/etc")]), true],
  ["a protected folder is written", { protectedFiles: ["git"] }, write("/repo/src", "/repo/.git"), true],
  ["a protected folder of another kind is written", { protectedFiles: ["shell"] }, write("/repo/.git"), false],
  [
    "a folder that is protected in two ways is written",
    { protectedFiles: ["git"] },
    write("/repo/.github/.git/x"),
    true
  ],
  ["a protected folder is only read", { protectedFiles: ["git"] }, read("/repo/.git"), false],
  ["the network is asked for", { network: true }, network, true],
  ["the network is not asked for", { network: true }, read("/repo"), false],
  ["the network is not asked for, and that is what it asks", { network: false }, read("/repo"), true],
  ["another thread asks", { readWithin: "/etc", threadIdRegex: "^other" }, read("/etc"), false]
]

describe("a rule that grants permissions", () => {
  it.effect.each(granting)("if %s", ([, when, asked, isMatch]) =>
    Effect.gen(function* () {
      expect(yield* matches(grant, when, asked)).toBe(isMatch)
    })
  )

  it.effect("says what has to hold in the file system, for the folder, what is read and what is written", () =>
    Effect.gen(function* () {
      const { conditions } = yield* concluded(
        grant,
        { cwdWithin: "/repo", readWithin: "/tmp", writeWithin: "/repo", protectedFiles: ["git"] },
        { fileSystem: { read: ["/tmp/a"], write: ["/repo/src"] } }
      )
      expect(conditions).toEqual([
        { path: "/repo", folders: ["/repo"] },
        { path: "/tmp/a", folders: ["/tmp", "/repo"] },
        { path: "/repo/src", folders: ["/repo"], mayBe: ["git"] }
      ])
    })
  )
})

describe("a rule that declines permissions", () => {
  it.effect.each(declining)("if %s", ([, when, asked, isMatch]) =>
    Effect.gen(function* () {
      expect(yield* matches("decline", when, asked)).toBe(isMatch)
    })
  )

  it.effect("sees the reason, which is the model's own", () =>
    Effect.gen(function* () {
      const when = { reasonRegex: "deploy" }
      expect((yield* concluded("decline", when, network, { reason: "to deploy it" })).by).toBe("rule")
      expect((yield* concluded("decline", when, network, { reason: "to test it" })).by).toBe("default")
      expect((yield* concluded("decline", when, network)).by).toBe("default")
    })
  )
})

it.effect("a rule without a name is called by its place, and asks nothing more of what it declines", () =>
  Effect.gen(function* () {
    const rules = [{ when: { network: true } }, { when: { readWithin: "/etc" }, decision: "decline" }] as const
    const decide = compile(rules, { decision: "decline", by: "default" })
    const params = { ...about, permissions: read("/etc") } as unknown as Params
    expect(yield* Effect.provide(decide(params), layerRepo)).toEqual({
      decision: "decline",
      by: "permissionsRules[1]",
      reason: undefined,
      conditions: []
    })
  })
)

describe("a rule without a decision", () => {
  it.effect("decides what would be decided without it, by its name", () =>
    Effect.gen(function* () {
      expect(yield* concluded(undefined, { readWithin: "/etc" }, read("/etc"))).toMatchObject({
        by: "rule",
        decision: "decline"
      })
    })
  )
})
