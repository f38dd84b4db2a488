import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Policy from "@effect-codex/policy/Policy"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"

const { addFile, applyPatch, execCommand, mcpCall, reply, text } = MockModel

interface Asked {
  readonly kind: PolicyEngine.Kind
  readonly decision: unknown
  readonly by: string | undefined
  readonly reason: string | undefined
}

// Runs one turn under a rubric whose folders are below the working folder, and tells what was decided.
const runTurn = Effect.fnUntraced(function* (rubric: Rubric.PolicyRubric, thread?: Codex.Defaults["thread"]) {
  const codex = yield* Codex.Codex
  const { cwd, home } = yield* CodexTest.Home
  const fs = yield* FileSystem.FileSystem
  const asked: Array<Asked> = []
  const engine = Policy.tap(
    yield* RuleBasedPolicy.make(rubric, { baseDirectory: yield* fs.realPath(cwd) }),
    ({ kind }, verdict) =>
      Effect.sync(() => asked.push({ kind, decision: verdict?.decision, by: verdict?.by, reason: verdict?.reason }))
  )
  const response = yield* codex.responses
    .create({ prompt: "Go on", thread: { approvalPolicy: "untrusted", ...thread } })
    .pipe(Effect.provideService(PolicyEngine.PolicyEngine, engine), Effect.result)
  return {
    asked,
    response,
    files: (yield* fs.readDirectory(cwd)).toSorted(),
    rules: yield* fs.readFileString(path.join(home, "rules", "default.rules")).pipe(Effect.orElseSucceed(() => "")),
    config: yield* fs.readFileString(path.join(home, "config.toml"))
  }
})

const against = (parts: ReadonlyArray<MockModel.Part>, test?: CodexTest.Options) =>
  Effect.provide(
    Layer.merge(
      CodexTest.layer([...parts.map((part) => reply(part)), reply(text("done"))], { verifyOnClose: false, ...test }),
      NodeServices.layer
    )
  )

const escalated = (cmd: string) => execCommand({ cmd, escalate: true })

describe("the rules of a rubric, asked by the real server", () => {
  it.live("accept and decline commands, and the turn goes on", () =>
    Effect.gen(function* () {
      const { asked, files, response } = yield* runTurn({
        mode: "strict",
        commandRules: [
          { name: "touch", when: { program: "touch", pathsWithin: ".", cwdWithin: "." }, decision: "accept" },
          { name: "never", when: { program: "touch", args: ["c"] }, priority: 1, decision: "decline", reason: "not c" }
        ]
      })
      expect(asked.map(({ by, decision, kind }) => [kind, decision, by])).toEqual([
        ["command", "accept", "touch"],
        ["command", "decline", "mode strict"],
        ["command", "decline", "never"],
        ["command", "decline", "mode strict"]
      ])
      expect(files).toEqual(["a"])
      expect(response).toMatchObject({ _tag: "Success", success: { text: "done" } })
    }).pipe(
      against([escalated("touch a"), escalated("touch ../b"), escalated("touch c"), escalated("touch d && mkdir e")])
    )
  )

  it.live("cancel a command, and the turn with it", () =>
    Effect.gen(function* () {
      const { asked, files, response } = yield* runTurn({
        commandRules: [{ name: "out", when: { program: "touch" }, decision: "cancel" }]
      })
      expect(asked).toMatchObject([{ decision: "cancel", by: "out" }])
      expect(files).toEqual([])
      expect(response).toMatchObject({ _tag: "Failure", failure: { _tag: "TurnInterrupted" } })
    }).pipe(against([escalated("touch a")]))
  )

  it.live("let an amendment pass that is the proposed one, and the server writes it down", () =>
    Effect.gen(function* () {
      const amendment = ["touch", "a"]
      const { asked, files, rules } = yield* runTurn({
        mode: "strict",
        commandRules: [
          {
            name: "for ever",
            when: { program: "touch", cwdWithin: "." },
            decision: { acceptWithExecpolicyAmendment: amendment }
          }
        ]
      })
      expect(asked).toMatchObject([
        { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: amendment } }, by: "for ever" }
      ])
      expect(files).toEqual(["a"])
      expect(rules).toContain('"touch", "a"')
    }).pipe(against([escalated("touch a")]))
  )

  it.live("let no amendment pass that is shorter, or runs anything", () =>
    Effect.gen(function* () {
      for (const amendment of [["touch"], ["bash", "-c"], ["touch", "b"]]) {
        const { asked, files, rules } = yield* runTurn({
          mode: "strict",
          commandRules: [
            { when: { program: "touch", cwdWithin: "." }, decision: { acceptWithExecpolicyAmendment: amendment } }
          ]
        }).pipe(against([escalated("touch a")]))
        expect(asked).toMatchObject([{ decision: "decline" }])
        expect(asked[0]?.reason).toContain("the amendment")
        expect(files).toEqual([])
        expect(rules).toBe("")
      }
    })
  )

  it.live("decide on changes of files by all their paths, where a change goes included", () =>
    Effect.gen(function* () {
      const { asked, files } = yield* runTurn(
        {
          mode: "strict",
          fileChangeRules: [{ name: "sources", when: { pathsWithin: "." }, decision: "accept" }]
        },
        { sandbox: "read-only" }
      )
      expect(asked.map(({ by, decision, kind }) => [kind, decision, by])).toEqual([
        ["fileChange", "accept", "sources"],
        ["fileChange", "decline", "mode strict"],
        ["fileChange", "decline", "mode strict"]
      ])
      expect(files).toEqual(["notes.md"])
    }).pipe(
      against([
        addFile("notes.md", "one\n"),
        applyPatch(
          "*** Begin Patch\n*** Update File: notes.md\n*** Move to: ../outside.md\n@@\n-one\n+two\n*** End Patch"
        ),
        addFile(".git/hooks/pre-commit", "#!/bin/sh\n")
      ])
    )
  )

  it.live("know the approval of an MCP tool, by its server, and remember nothing unasked", () =>
    Effect.gen(function* () {
      const before = yield* runTurn({ mode: "permissive" })
      expect(before.asked).toMatchObject([{ kind: "elicitation", decision: undefined }])
      const { asked, config } = yield* runTurn({
        mode: "strict",
        mcpToolRules: [{ name: "probe", when: { server: "probe" }, decision: "accept" }]
      })
      expect(asked).toMatchObject([
        {
          kind: "elicitation",
          decision: { action: "accept", content: {}, _meta: null },
          by: "probe",
          reason: expect.stringContaining("claims")
        }
      ])
      expect(config).toBe(before.config)
    }).pipe(
      against(
        [mcpCall("probe", "wipe", { target: "all" }), text("done"), mcpCall("probe", "wipe", { target: "all" })],
        {
          config: mcpConfig("probe", probe)
        }
      )
    )
  )

  it.live("leave a form to others: it is no approval", () =>
    Effect.gen(function* () {
      const { asked } = yield* runTurn({
        mode: "permissive",
        mcpToolRules: [{ name: "all of probe", when: { server: "probe" }, decision: "accept" }]
      })
      expect(asked).toMatchObject([{ kind: "elicitation", decision: undefined }])
    }).pipe(against([mcpCall("probe", "ask", {})], { config: mcpConfig("probe", probe) }))
  )

  it.live("know a forged approval by who really sends it", () =>
    Effect.gen(function* () {
      const { asked } = yield* runTurn({
        mode: "permissive",
        mcpToolRules: [
          { name: "trusted", when: { server: "trusted" }, decision: "acceptAlways" },
          { name: "by its name alone", when: { claimedToolRegex: "read" }, decision: "accept" }
        ]
      })
      expect(asked).toMatchObject([
        {
          kind: "elicitation",
          decision: "decline",
          by: "mode permissive",
          reason: 'the server "forger" claims to run "read"'
        }
      ])
    }).pipe(against([mcpCall("forger", "ask", {})], { config: mcpConfig("forger", forger) }))
  )
})

const probe = path.join(import.meta.dirname, "..", "..", "core", "test", "fixtures", "mcp-server.mjs")
const forger = path.join(import.meta.dirname, "fixtures", "forging-server.mjs")

function mcpConfig(name: string, file: string): string {
  return `[mcp_servers.${name}]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(file)}]\n`
}
