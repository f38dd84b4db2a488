import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { lacksMethod } from "../server.ts"

describe("the configuration", () => {
  it.live("is read with where each value comes from, and written, one value or several", () =>
    Effect.gen(function* () {
      const { config } = yield* Codex.Codex
      const before = yield* config.read()
      expect(before.config.model).toBe("mock-model")
      expect(before.origins["model"]).toBeDefined()

      const written = yield* config.valueWrite({ keyPath: "model", value: "another-model" })
      expect(written).toMatchObject({ status: "ok" })
      yield* config.batchWrite({
        edits: [
          { keyPath: "model_reasoning_effort", value: "low" },
          { keyPath: "approval_policy", value: "never", mergeStrategy: "replace" }
        ]
      })
      expect((yield* config.read()).config).toMatchObject({
        model: "another-model",
        model_reasoning_effort: "low",
        approval_policy: "never"
      })
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("has tables merged, unless one shall take the place of the other", () =>
    Effect.gen(function* () {
      const { config } = yield* Codex.Codex
      const write = (value: unknown, mergeStrategy?: "replace") =>
        config.valueWrite({ keyPath: "mcp_servers.one", value, mergeStrategy })
      const server = Effect.map(config.read(), ({ config }) => config["mcp_servers"])
      yield* write({ command: "true", enabled: false })
      yield* write({ args: ["x"] })
      expect(yield* server).toMatchObject({ one: { command: "true", args: ["x"], enabled: false } })
      yield* write({ command: "false" }, "replace")
      expect(JSON.stringify(yield* server)).not.toContain('"x"')
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("is not written over what somebody else has written meanwhile", () =>
    Effect.gen(function* () {
      const { config } = yield* Codex.Codex
      const { version } = yield* config.valueWrite({ keyPath: "model", value: "one" })
      yield* config.valueWrite({ keyPath: "model", value: "two", expectedVersion: version })
      const conflict = config.valueWrite({ keyPath: "model", value: "three", expectedVersion: version })
      expect(yield* Effect.flip(conflict)).toMatchObject({
        _tag: "RequestFailed",
        data: { config_write_error_code: "configVersionConflict" }
      })
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("has requirements, and MCP servers that are started anew", () =>
    Effect.gen(function* () {
      const { config } = yield* Codex.Codex
      expect((yield* config.requirementsRead).requirements).toBeNull()
      yield* config.mcpServerReload
    }).pipe(Effect.provide(CodexTest.layer([])))
  )
})

describe("what the server knows is listed", () => {
  const skill = "---\nname: greet\ndescription: Says hello.\n---\nSay hello.\n"

  it.live.skipIf(lacksMethod("modelProvider/list"))("models, over pages", () =>
    Effect.gen(function* () {
      const { model } = yield* Codex.Codex
      const all = yield* Stream.runCollect(model.list({ limit: 1 }))
      const { data } = yield* model.listPage({ limit: 100 })
      expect(all).toEqual(data)
      expect(all.length).toBeGreaterThan(1)
      expect(yield* model.providerCapabilitiesRead()).toBeDefined()
      expect(yield* model.providerList()).toBeDefined()
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("skills, which are switched off and on", () =>
    Effect.gen(function* () {
      const { fs, skills } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      const root = `${cwd}/more`
      yield* fs.createDirectory(`${root}/greet`)
      yield* fs.writeFile(`${root}/greet/SKILL.md`, skill)
      yield* skills.extraRootsSet({ extraRoots: [root] })
      const found = Effect.map(skills.list({ forceReload: true }), (entries) =>
        entries.flatMap((entry) => entry.skills).find(({ name }) => name === "greet")
      )
      const { path = "" } = (yield* found) ?? {}
      expect(path).toContain("SKILL.md")
      expect(yield* skills.configWrite({ path, enabled: false })).toBe(false)
      expect((yield* found)?.enabled).toBe(false)
      expect(yield* skills.configWrite({ path, enabled: true })).toBe(true)
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("apps and MCP servers, of which there are none", () =>
    Effect.gen(function* () {
      const { app, mcpServer } = yield* Codex.Codex
      expect(yield* Stream.runCollect(app.list())).toEqual([])
      expect(yield* app.installed()).toEqual([])
      expect(yield* app.read({ appIds: ["nothing"] })).toMatchObject({ missingAppIds: ["nothing"] })
      expect(yield* Stream.runCollect(mcpServer.statusList())).toEqual([])
      const login = Effect.scoped(Effect.asVoid(mcpServer.oauthLogin({ name: "nothing" })))
      expect(yield* Effect.flip(login)).toMatchObject({ _tag: "RequestFailed" })
      const read = Effect.asVoid(mcpServer.resourceRead({ server: "nothing", uri: "x" }))
      expect(yield* Effect.flip(read)).toMatchObject({ _tag: "RequestFailed" })
    }).pipe(Effect.provide(CodexTest.layer([])))
  )
})
