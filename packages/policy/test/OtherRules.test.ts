import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerRepo } from "./tree.ts"

const about = { threadId: "thread", turnId: "turn" } as const
const common = { ...about, item: undefined, availableDecisions: undefined } as const

const make = (rubric: Rubric.PolicyRubric) => Effect.provide(RuleBasedPolicy.make(rubric), layerRepo)

type Change = Extract<
  NonNullable<PolicyEngine.Request<"fileChange">["item"]>,
  { readonly type: "fileChange" }
>["changes"][number]

const change = (path: string, kind: Change["kind"] = { type: "add" }): Change => ({ path, kind, diff: "" })
const moved = (path: string, target: string) => change(path, { type: "update", move_path: target })

const onFiles = (
  rubric: Rubric.PolicyRubric,
  changes: ReadonlyArray<Change>,
  options?: { readonly grantRoot?: string; readonly status?: "inProgress" | "completed" }
) =>
  Effect.flatMap(make(rubric), (engine) =>
    Effect.map(
      engine.fileChange({
        ...common,
        kind: "fileChange",
        params: { ...about, itemId: "item", startedAtMs: 0, grantRoot: options?.grantRoot ?? null },
        item: { type: "fileChange", id: "item", changes, status: options?.status ?? "inProgress" }
      }),
      (verdict) => verdict?.decision
    )
  )

describe("a change of files", () => {
  const inRepo: Rubric.PolicyRubric = {
    mode: "strict",
    fileChangeRules: [{ name: "repo", when: { pathsWithin: "/repo" }, decision: "accept" }]
  }

  const table: ReadonlyArray<readonly [string, ReadonlyArray<Change>, "accept" | "decline"]> = [
    ["below the folder", [change("/repo/src/new.ts")], "accept"],
    ["in a folder that is not there yet", [change("/repo/lib/deep/new.ts")], "accept"],
    ["beside the folder, with the same beginning", [change("/repo-evil/x")], "decline"],
    ["out of the folder by dots", [change("/repo/../etc/passwd")], "decline"],
    ["by a link that leads out", [change("/repo/link/passwd")], "decline"],
    ["by a link whose target is not there", [change("/repo/dangling")], "decline"],
    ["with a relative path", [change("src/a.ts")], "decline"],
    ["of several files, one of them elsewhere", [change("/repo/src/a.ts"), change("/etc/cron.d/x")], "decline"],
    ["that moves a file within", [moved("/repo/src/a.ts", "/repo/src/b.ts")], "accept"],
    ["that moves a file out", [moved("/repo/src/a.ts", "/etc/b.ts")], "decline"],
    ["that moves a file in", [moved("/etc/passwd", "/repo/passwd")], "decline"],
    ["of a kind that is not known", [change("/repo/src/a.ts", { type: "unknown", raw: {} })], "decline"],
    ["of nothing", [], "decline"],
    ["of git's own files", [change("/repo/.git/config")], "decline"],
    ["of git's own files, in other letters", [change("/repo/.GIT/hooks/pre-commit")], "decline"],
    ["of codex's own files", [change("/repo/.codex/config.toml")], "decline"],
    ["of a shell's start-up files", [change("/repo/.bashrc")], "decline"],
    ["of what CI runs", [change("/repo/.github/workflows/ci.yml")], "decline"],
    ["of hooks", [change("/repo/.husky/pre-commit")], "decline"]
  ]
  for (const [what, changes, decision] of table) {
    it.effect(`${what} is ${decision}ed`, () =>
      Effect.gen(function* () {
        expect(yield* onFiles(inRepo, changes)).toBe(decision)
      })
    )
  }

  it.effect("of protected files needs a rule that names them, and names all that it touches", () =>
    Effect.gen(function* () {
      const rubric: Rubric.PolicyRubric = {
        mode: "strict",
        fileChangeRules: [{ when: { pathsWithin: "/repo", protectedFiles: ["ci"] }, decision: "accept" }]
      }
      expect(yield* onFiles(rubric, [change("/repo/.github/workflows/ci.yml")])).toBe("accept")
      expect(yield* onFiles(rubric, [change("/repo/.git/config")])).toBe("decline")
      expect(yield* onFiles({ mode: "permissive" }, [change("/repo/.git/config")])).toBe("decline")
      expect(yield* onFiles({ mode: "permissive" }, [change("/repo/src/a.ts")])).toBe("accept")
    })
  )

  it.effect("is judged by an item that is in progress, and by no other", () =>
    Effect.gen(function* () {
      expect(yield* onFiles(inRepo, [change("/repo/src/a.ts")], { status: "completed" })).toBe("decline")
      const engine = yield* make({ mode: "permissive" })
      const verdict = yield* engine.fileChange({
        ...common,
        kind: "fileChange",
        params: { ...about, itemId: "item", startedAtMs: 0 }
      })
      expect(verdict).toMatchObject({ decision: "decline", reason: "the file change is not known" })
    })
  )

  it.effect("that asks to write for the rest of the session needs a rule that speaks of that", () =>
    Effect.gen(function* () {
      const asked = { grantRoot: "/repo" }
      expect(yield* onFiles(inRepo, [change("/repo/src/a.ts")], asked)).toBe("decline")
      expect(yield* onFiles({ mode: "permissive" }, [change("/repo/src/a.ts")], asked)).toBe("decline")
      const granting: Rubric.PolicyRubric = {
        mode: "strict",
        fileChangeRules: [{ when: { pathsWithin: "/repo", grantRootPresent: true }, decision: "acceptForSession" }]
      }
      expect(yield* onFiles(granting, [change("/repo/src/a.ts")], asked)).toBe("acceptForSession")
      expect(yield* onFiles(granting, [change("/repo/src/a.ts")], { grantRoot: "/" })).toBe("decline")
    })
  )

  it.effect("is refused by a rule that may be meant", () =>
    Effect.gen(function* () {
      const rubric: Rubric.PolicyRubric = {
        mode: "permissive",
        fileChangeRules: [
          { when: { pathRegex: "package" }, decision: "decline" },
          { when: { changes: ["delete"] }, decision: "cancel" }
        ]
      }
      expect(yield* onFiles(rubric, [change("/repo/package.json")])).toBe("decline")
      expect(yield* onFiles(rubric, [change("/repo/src/a.ts"), change("/repo/src/b.ts", { type: "delete" })])).toBe(
        "cancel"
      )
    })
  )
})

describe("wider permissions", () => {
  const on = (
    permissionsRules: NonNullable<Rubric.PolicyRubric["permissionsRules"]>,
    permissions: PolicyEngine.Params["permissions"]["permissions"]
  ) =>
    Effect.flatMap(make({ mode: "permissive", permissionsRules }), (engine) =>
      Effect.map(
        engine.permissions({
          ...common,
          kind: "permissions",
          params: {
            ...about,
            itemId: "item",
            startedAtMs: 0,
            cwd: "/repo",
            environmentId: null,
            reason: null,
            permissions
          }
        }),
        (verdict) => verdict?.decision
      )
    )
  const write = (path: string) => ({ fileSystem: { read: null, write: [path] }, network: null })

  it.effect("are granted by no mode", () =>
    Effect.gen(function* () {
      expect(yield* on([], write("/repo/build"))).toBeUndefined()
      expect(yield* on([{ when: { network: true }, decision: "grant" }], write("/repo/build"))).toBe("decline")
    })
  )

  it.effect("are granted as asked for, where a rule speaks of all of it", () =>
    Effect.gen(function* () {
      const rules = [{ when: { writeWithin: "/repo/build" }, decision: "grant" }] as const
      expect(yield* on(rules, write("/repo/build"))).toEqual({
        permissions: { fileSystem: { read: null, write: ["/repo/build"] } },
        scope: "turn"
      })
      for (const path of ["/repo", "/repo/build/../src", "/repo/build/link", "build"]) {
        expect([path, yield* on(rules, write(path))]).toEqual([path, "decline"])
      }
      expect(yield* on(rules, { ...write("/repo/build"), network: { enabled: true } })).toBe("decline")
    })
  )

  it.effect("are granted for the session only by that word", () =>
    Effect.gen(function* () {
      const rules = [{ when: { network: true }, decision: "grantForSession" }] as const
      expect(yield* on(rules, { fileSystem: null, network: { enabled: true } })).toEqual({
        permissions: { network: { enabled: true } },
        scope: "session"
      })
    })
  )
})

describe("a call of a tool", () => {
  const on = (rubric: Rubric.PolicyRubric, tool: string, namespace?: string) =>
    Effect.flatMap(make(rubric), (engine) =>
      Effect.map(
        engine.toolCall({
          ...common,
          kind: "toolCall",
          params: { ...about, callId: "call", tool, arguments: {}, namespace: namespace ?? null }
        }),
        (verdict) => verdict?.decision
      )
    )

  it.effect("is accepted by the name of the tool, and its namespace", () =>
    Effect.gen(function* () {
      const rubric: Rubric.PolicyRubric = {
        mode: "strict",
        toolCallRules: [
          { when: { tool: "stock", namespace: "shop" }, decision: "accept" },
          { when: { tool: ["delete", "purge"] }, decision: "decline" }
        ]
      }
      expect(yield* on(rubric, "stock", "shop")).toBe("accept")
      expect(yield* on(rubric, "stock")).toBe("decline")
      expect(yield* on(rubric, "purge", "shop")).toBe("decline")
      expect(yield* on(rubric, "other")).toBe("decline")
    })
  )

  it.effect.each([
    ["in another case", "Deploy"],
    ["with a blank around it", " deploy "],
    ["in wide letters", "\uff44\uff45\uff50\uff4c\uff4f\uff59"],
    ["in mathematical letters", "\u{1d41d}eploy"],
    ["with a character that has no width", "de\u200bploy"],
    ["with a soft hyphen", "de\u00adploy"],
    ["with a tag character", "deploy\u{e0041}"],
    ["with a mark", "d\u00e9ploy"],
    ["with a Cyrillic letter", "d\u0435ploy"],
    ["with a Greek letter", "dep\u03bfoy"],
    ["with a Latin letter in another shape", "d\u1d07ploy"],
    ["without a name", ""]
  ])("is declined by its name also %s", ([, tool]) =>
    Effect.gen(function* () {
      const toolCallRules = [{ when: { tool: "deploy" }, decision: "decline" }] as const
      expect(yield* on({ mode: "permissive", toolCallRules }, tool)).toBe("decline")
      const namespaced = [{ when: { namespace: "deploy" }, decision: "decline" }] as const
      expect(yield* on({ mode: "permissive", toolCallRules: namespaced }, "x", tool)).toBe("decline")
      // What accepts goes by the name as it is.
      const accepting = [{ when: { tool: "deploy" }, decision: "accept" }] as const
      expect(yield* on({ mode: "strict", toolCallRules: accepting }, tool)).toBe("decline")
    })
  )

  it.effect("is not declined by the name of another one", () =>
    Effect.gen(function* () {
      const toolCallRules = [{ when: { tool: "deploy", namespace: "ops" }, decision: "decline" }] as const
      for (const [tool, namespace] of [
        ["deploys", "ops"],
        ["\u90e8\u7f72", "ops"],
        ["\u30c7\u30fc\u30bf", "ops"],
        ["deploy", "dev"],
        ["deploy", undefined]
      ] as const) {
        expect([tool, yield* on({ mode: "permissive", toolCallRules }, tool, namespace)]).toEqual([tool, "accept"])
      }
    })
  )

  it.effect("that a rubric has no word on is left to the next engine, but in the permissive mode", () =>
    Effect.gen(function* () {
      expect(yield* on({ mode: "strict" }, "stock")).toBeUndefined()
      expect(yield* on({ mode: "permissive" }, "stock")).toBe("accept")
    })
  )

  it.effect("is never matched by a condition on what only commands have", () =>
    Effect.gen(function* () {
      const rules = [{ when: { commandRegex: ".*", cwdWithin: "/" }, decision: "accept" }] as const
      expect(yield* on({ mode: "strict", toolCallRules: rules }, "stock")).toBe("decline")
    })
  )
})

describe("a question to the user", () => {
  const question = (id: string, options?: ReadonlyArray<string>) => ({
    id,
    header: "",
    question: "?",
    isOther: false,
    isSecret: false,
    options: options?.map((label) => ({ label, description: "" })) ?? null
  })
  const on = (rubric: Rubric.PolicyRubric, ...questions: ReadonlyArray<ReturnType<typeof question>>) =>
    Effect.flatMap(make(rubric), (engine) =>
      Effect.map(
        engine.userInput({
          ...common,
          kind: "userInput",
          params: { ...about, itemId: "item", questions, isBlocking: true }
        }),
        (verdict) => verdict?.decision
      )
    )

  it.effect("is answered with nothing, unless a rule has an answer", () =>
    Effect.gen(function* () {
      const rubric: Rubric.PolicyRubric = {
        toolInputRules: [
          { when: { questionIdRegex: "env" }, decision: { answers: { env: { answers: ["staging"] } } } },
          { when: { questionIdRegex: "pass" }, decision: "decline" }
        ]
      }
      expect(yield* on({}, question("env"))).toEqual({ answers: {} })
      expect(yield* on(rubric, question("env"))).toEqual({ answers: { env: { answers: ["staging"] } } })
      expect(yield* on(rubric, question("environment"))).toEqual({ answers: {} })
      expect(yield* on(rubric, question("my_password"))).toBe("decline")
    })
  )

  it.effect("of which two have one id is answered by no rule", () =>
    Effect.gen(function* () {
      const toolInputRules = [{ decision: { answers: { env: { answers: ["staging"] } } } }] as const
      expect(yield* on({ toolInputRules }, question("env"), question("env", ["moon"]))).toBe("decline")
      expect(yield* on({ toolInputRules }, question("a"), question("a"), question("env"))).toBe("decline")
    })
  )

  it.effect("is refused by its id however that is written", () =>
    Effect.gen(function* () {
      const toolInputRules = [{ when: { questionIdRegex: "pass" }, decision: "decline" }] as const
      for (const id of ["Password", "p\u0430ssword", "pa\u200bss", ""]) {
        expect([id, yield* on({ toolInputRules }, question(id))]).toEqual([id, "decline"])
      }
    })
  )

  it.effect("gets no answer that is none of its options", () =>
    Effect.gen(function* () {
      const rubric: Rubric.PolicyRubric = {
        toolInputRules: [{ decision: { answers: { env: { answers: ["moon"] } } } }]
      }
      expect(yield* on(rubric, question("env", ["staging", "production"]))).toBe("decline")
      expect(yield* on(rubric, question("env", ["moon"]))).toEqual({ answers: { env: { answers: ["moon"] } } })
    })
  )
})

describe("an elicitation", () => {
  const on = (rubric: Rubric.PolicyRubric, params: Partial<PolicyEngine.Params["elicitation"]>) =>
    Effect.flatMap(make(rubric), (engine) =>
      Effect.map(
        engine.elicitation({
          ...common,
          kind: "elicitation",
          params: {
            ...about,
            serverName: "files",
            mode: "form",
            message: "?",
            requestedSchema: { type: "object", properties: {} },
            _meta: { codex_approval_kind: "mcp_tool_call", tool_name: "read", persist: ["session"] },
            ...params
          } as PolicyEngine.Params["elicitation"]
        }),
        (verdict) => verdict?.decision
      )
    )
  const files = (decision: "accept" | "acceptForSession" | "acceptAlways"): Rubric.PolicyRubric => ({
    mode: "permissive",
    mcpToolRules: [{ when: { server: "files" }, decision }]
  })

  it.effect("is accepted by no mode, and only as the approval of a tool", () =>
    Effect.gen(function* () {
      expect(yield* on({ mode: "permissive" }, {})).toBeUndefined()
      expect(yield* on(files("accept"), {})).toEqual({ action: "accept", content: {}, _meta: null })
      expect(yield* on(files("accept"), { _meta: null })).toBeUndefined()
      expect(
        yield* on(files("accept"), { mode: "url", url: "https://example.com", elicitationId: "e" })
      ).toBeUndefined()
      const requestedSchema = { type: "object", properties: { password: { type: "string" } } } as const
      expect(yield* on(files("accept"), { requestedSchema })).toBeUndefined()
    })
  )

  it.effect("is remembered only where a rule says so and the request offers it", () =>
    Effect.gen(function* () {
      expect(yield* on(files("acceptForSession"), {})).toMatchObject({ _meta: { persist: "session" } })
      expect(yield* on(files("acceptAlways"), {})).toBe("decline")
    })
  )

  it.effect("is accepted by no rule that goes by the claimed tool alone", () =>
    Effect.gen(function* () {
      const rules = [{ when: { claimedToolRegex: "read" }, decision: "accept" }] as const
      expect(yield* on({ mode: "strict", mcpToolRules: rules }, {})).toBe("decline")
      const refusing = [{ when: { claimedToolRegex: "read" }, priority: 1, decision: "decline" }] as const
      const rubric = files("accept")
      expect(yield* on({ ...rubric, mcpToolRules: [...refusing, ...(rubric.mcpToolRules ?? [])] }, {})).toBe("decline")
    })
  )

  const meta = (tool_name?: unknown) => ({ _meta: { codex_approval_kind: "mcp_tool_call", tool_name, persist: [] } })

  const readings: ReadonlyArray<readonly [string, Partial<PolicyEngine.Params["elicitation"]>]> = [
    ["in another case", meta("Delete_repo")],
    ["in wide letters", meta("\uff24elete_repo")],
    ["with a character that has no width", meta("del\u2060ete_repo")],
    ["with a Cyrillic letter", meta("d\u0435lete_repo")],
    ["if it has none", meta()],
    ["if it is empty", meta(" ")],
    ["if it is a number", meta(7)],
    ["if it is a list", meta(["read"])],
    ["if it is longer than a pattern can look at", meta("x".repeat(40_000))]
  ]
  it.effect.each(readings)("is refused by the name of its tool also %s", ([, params]) =>
    Effect.gen(function* () {
      const refusing = [{ when: { claimedToolRegex: "delete" }, priority: 1, decision: "decline" }] as const
      const accepting = [{ when: { server: "files" }, decision: "accept" }] as const
      expect(yield* on({ mcpToolRules: [...refusing, ...accepting] }, params)).toBe("decline")
      const byWhole = [{ when: { claimedToolRegex: "^Delete_Repo$" }, priority: 1, decision: "cancel" }] as const
      expect(yield* on({ mcpToolRules: [...byWhole, ...accepting] }, params)).toBe("cancel")
      const matching = [{ when: { server: "files", claimedToolRegex: "delete_repo" }, decision: "accept" }] as const
      expect(yield* on({ mode: "strict", mcpToolRules: matching }, params)).toBe("decline")
    })
  )

  it.effect("is refused by the name of its server however that is written", () =>
    Effect.gen(function* () {
      const refusing = [{ when: { server: "files" }, decision: "decline" }] as const
      for (const serverName of ["Files", "f\u0456les", "files\u200b", ""]) {
        expect([serverName, yield* on({ mcpToolRules: refusing }, { serverName })]).toEqual([serverName, "decline"])
      }
      const accepting = [{ when: { server: "mail" }, decision: "accept" }] as const
      const mail = yield* on({ mcpToolRules: [...refusing, ...accepting] }, { serverName: "mail" })
      expect(mail).toMatchObject({ action: "accept" })
    })
  )
})
