import type { Kind, Params, Request } from "@effect-codex/core/PolicyEngine"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { make } from "../src/internal/human/question.ts"
import { command, fileChange, question, toolCall, userInput } from "./judgeSupport.ts"

const asked = <K extends Kind>(request: Request<K>) =>
  Effect.map(make(request, "/nowhere"), (made) => {
    if (Result.isFailure(made)) return { refused: made.failure }
    const { choices, details, fields, title, ...rest } = made.success.question
    return {
      title,
      details: details.map(({ label, text }) => [label, text]),
      choices: choices.map(({ key, meaning }) => [key, meaning]),
      fields: fields.length,
      rest,
      decide: made.success.decide
    }
  }).pipe(Effect.provide(NodeFileSystem.layer))

const ids = { threadId: "t", turnId: "u" } as const

describe("a question about files", () => {
  const changes = (
    changes: Extract<Request<"fileChange">["item"], { readonly type: "fileChange" }>["changes"],
    params?: Partial<Params["fileChange"]>
  ): Request<"fileChange"> => {
    const request = fileChange("/a")
    return {
      ...request,
      params: { ...request.params, ...params },
      item: { type: "fileChange", id: "item", changes, status: "inProgress" }
    }
  }
  const far = "NOT in the working folder"
  const refusals = [
    ["n", "No. The agent gets the refusal and continues"],
    ["cancel", "No, and stop the turn"]
  ]
  const lasting = ["session", "Yes, and all further changes of files in this session, without asking"]

  it.effect("says which files would change and how", () =>
    Effect.gen(function* () {
      expect(yield* asked(fileChange("/a", "+x"))).toMatchObject({
        title: "Change a file?",
        details: [
          ["Files", `add /a (${far})`],
          ["Changes", "/a\n+x\n"]
        ],
        choices: [["y", "Yes, once"], lasting, ...refusals]
      })
      expect(
        yield* asked(
          changes(
            [
              { path: "/a", diff: "-x", kind: { type: "delete" } },
              { path: "/b", diff: "+y", kind: { type: "update", move_path: "/сat" } },
              { path: "/c", diff: "+z", kind: { type: "update", move_path: null } }
            ],
            { grantRoot: "/d", reason: "because" }
          )
        )
      ).toMatchObject({
        title: "Change 3 files?",
        details: [
          [
            "Files",
            [
              `DELETE /a (${far})`,
              `change /b (${far})`,
              String.raw`move to /\u{441}at (${"NOT in the working folder"})`,
              `change /c (${far})`
            ].join("\n")
          ],
          ["Careful: letters that look Latin and are not, or that run from right to left", expect.any(String)],
          ["Changes", "/a\n-x\n\n/b\n+y\n\n/c\n+z\n"],
          ["It also asks to write, for the rest of the session, below", "/d"],
          ["Why, as the model claims", "because"]
        ],
        choices: [["y", "Yes, including the additional access"], lasting, ...refusals]
      })
    })
  )

  it.effect("is answered as its choices say", () =>
    Effect.gen(function* () {
      const { decide } = yield* asked(fileChange("/a"))
      expect(["y", "session", "n", "cancel"].map((choice) => decide?.({ choice }))).toEqual(
        ["accept", "acceptForSession", "decline", "cancel"].map((decision) => Result.succeed(decision))
      )
    })
  )

  it.effect("is not asked if it is not known which", () =>
    Effect.gen(function* () {
      const refused = { refused: "it is not known which files would change" }
      expect(yield* asked(changes([]))).toEqual(refused)
      expect(yield* asked({ ...fileChange("/a"), item: undefined })).toEqual(refused)
    })
  )

  it.effect("has those outside of the working folder first", () =>
    Effect.gen(function* () {
      const request = changes([
        { path: "/nowhere/in", diff: "1", kind: { type: "add" } },
        { path: "/out", diff: "2", kind: { type: "add" } }
      ])
      const { details } = { details: [], ...(yield* asked(request)) }
      expect(details.map(([, text]) => text)).toEqual([
        `add /out (${far})\nadd /nowhere/in (in the working folder)`,
        "/out\n2\n\n/nowhere/in\n1\n"
      ])
    })
  )
})

describe("a question", () => {
  it.effect("has the ids of its request, and its rule if there is one", () =>
    Effect.gen(function* () {
      const long = "x".repeat(200)
      expect(yield* asked({ ...toolCall("x"), threadId: "t", turnId: undefined })).toMatchObject({
        rest: { kind: "toolCall", threadId: "t", turnId: undefined }
      })
      const { rest } = { rest: undefined, ...(yield* asked({ ...toolCall("x"), ...ids })) }
      expect(rest).toEqual({ kind: "toolCall", ...ids })
      expect(
        JSON.stringify((yield* asked({ ...toolCall("x"), threadId: long, turnId: long })).rest).length
      ).toBeLessThan(300)
      expect(yield* asked(command("cargo test"))).toMatchObject({ rest: { rule: { decision: "accept" } } })
    })
  )

  it.effect("is answered with one of its choices", () =>
    Effect.gen(function* () {
      const { decide } = yield* asked(toolCall("x"))
      expect(decide?.({ choice: "y" })).toEqual(Result.succeed("accept"))
      expect(decide?.({ choice: "n" })).toEqual(Result.succeed("decline"))
      expect(decide?.({ choice: "session" })).toEqual(Result.fail("the answer is none of the choices"))
    })
  )

  it.effect("is not asked if it is too long to be shown whole", () =>
    Effect.gen(function* () {
      expect(yield* asked(fileChange("/a", "x\n".repeat(300_000)))).toEqual({
        refused: "it is too long to be shown whole"
      })
      const options = Array.from({ length: 20 }, (_, index) => `${index}${"x".repeat(20_000)}`)
      expect(yield* asked(userInput(question("q", options)))).toHaveProperty("refused")
    })
  )

  it.effect("about a tool has its namespace and its arguments", () =>
    Effect.gen(function* () {
      expect(yield* asked(toolCall("delete", { a: 1 }, "files"))).toMatchObject({
        title: "Call a tool of this program?",
        details: [
          ["Tool", "files.delete"],
          ["Arguments", '{\n  "a": 1\n}']
        ],
        choices: [
          ["y", "Yes, once"],
          ["n", "No. The agent gets the refusal and continues"]
        ]
      })
      expect(yield* asked(toolCall("delete"))).toMatchObject({
        details: [
          ["Tool", "delete"],
          ["Arguments", "{}"]
        ]
      })
    })
  )

  it.effect("of the agent has a field for each, and no two of one id", () =>
    Effect.gen(function* () {
      const one = yield* asked(userInput(question("a", ["x", "y"])))
      expect(one).toMatchObject({
        title: "The agent has a question",
        details: [["Question", "Which a?"]],
        fields: 1,
        choices: [
          ["y", "Answer. Empty fields stay unanswered"],
          ["n", "Do not answer. The agent continues without"]
        ]
      })
      expect(one.decide?.({ choice: "n" })).toEqual(Result.succeed("decline"))
      expect(one.decide?.({ choice: "y", values: { a: "x" } })).toMatchObject({
        success: { answers: { a: { answers: ["x"] } } }
      })
      expect(yield* asked(userInput(question("a"), question("b")))).toMatchObject({
        title: "The agent has 2 questions",
        details: [["Questions", "Which a?\nWhich b?"]]
      })
      expect(yield* asked(userInput(question("a"), question("a")))).toEqual({
        refused: "two questions have the same id"
      })
    })
  )
})

describe("a question about permissions", () => {
  const request = (permissions: Params["permissions"]["permissions"]): Request<"permissions"> => ({
    kind: "permissions",
    ...ids,
    params: { ...ids, itemId: "i", startedAtMs: 0, cwd: "/repo", permissions, reason: "because", environmentId: null },
    item: undefined,
    availableDecisions: undefined
  })

  it.effect("is not asked if this version does not know what they are", () =>
    Effect.gen(function* () {
      expect(
        yield* asked(request({ fileSystem: { read: 7 } } as unknown as Params["permissions"]["permissions"]))
      ).toEqual({
        refused: "it asks for permissions of a kind that this version does not know"
      })
    })
  )

  it.effect("says what is asked for, and grants just that", () =>
    Effect.gen(function* () {
      const found = yield* asked(request({ network: { enabled: true } }))
      expect(found).toMatchObject({
        title: "Widen the agent's permissions?",
        details: [
          ["Permissions", "the network, all of it"],
          ["Folder", "/repo\nNOT in the working folder"],
          ["Why, as the model claims", "because"]
        ],
        choices: [
          ["y", "Yes, for this turn"],
          ["session", "Yes, for the rest of the session"],
          ["n", "No. The agent gets the refusal and continues"]
        ]
      })
      const permissions = { network: { enabled: true } }
      expect(found.decide?.({ choice: "y" })).toMatchObject({ success: { permissions, scope: "turn" } })
      expect(found.decide?.({ choice: "session" })).toMatchObject({ success: { permissions, scope: "session" } })
      expect(found.decide?.({ choice: "n" })).toEqual(Result.succeed("decline"))
    })
  )
})

describe("a question of an MCP server", () => {
  const elicitation = (params: object): Request<"elicitation"> => ({
    kind: "elicitation",
    ...ids,
    params: { ...ids, serverName: "srv", message: "hello", _meta: null, ...params } as unknown as Params["elicitation"],
    item: undefined,
    availableDecisions: undefined
  })
  const form = (properties: object, _meta: unknown = null) =>
    elicitation({ mode: "form", requestedSchema: { type: "object", properties }, _meta })
  const refusals = [
    ["n", "No"],
    ["cancel", "No, and say no more about it"]
  ]
  const accepted = (content: unknown) => ({ success: { action: "accept", content, _meta: null } })

  it.effect("about a page names its address, and opens nothing", () =>
    Effect.gen(function* () {
      const found = yield* asked(elicitation({ mode: "url", url: "https://example.com", elicitationId: "e" }))
      expect(found).toMatchObject({
        title: "The MCP server srv wants you to visit a page",
        details: [
          ["Address, which is not opened for you", "https://example.com"],
          ["Message of the server", "hello"]
        ],
        choices: [["y", "I visited the page and did what it asks"], ...refusals]
      })
      expect(found.decide?.({ choice: "y" })).toMatchObject(accepted(null))
      expect(found.decide?.({ choice: "n" })).toEqual(Result.succeed("decline"))
      expect(found.decide?.({ choice: "cancel" })).toEqual(Result.succeed("cancel"))
    })
  )

  it.effect("asks for a yes, or for data", () =>
    Effect.gen(function* () {
      const yes = yield* asked(form({}))
      expect(yes).toMatchObject({
        title: "The MCP server srv asks for confirmation",
        details: [["Message of the server", "hello"]],
        choices: [["y", "Yes"], ...refusals]
      })
      expect(yes.decide?.({ choice: "y" })).toMatchObject(accepted({}))
      const data = yield* asked(form({ name: { type: "string" } }))
      expect(data).toMatchObject({
        title: "The MCP server srv asks for data",
        fields: 1,
        choices: [["y", "Fill it in. Your input goes to srv"], ...refusals]
      })
      expect(data.decide?.({ choice: "y", values: { name: "x" } })).toMatchObject(accepted({ name: "x" }))
    })
  )

  it.effect("is not asked in a mode or a form that is not known", () =>
    Effect.gen(function* () {
      expect(yield* asked(elicitation({ mode: "dance" }))).toEqual({
        refused: "a person can't answer the mode dance here"
      })
      expect(yield* asked(form({ x: { type: "tensor" } }))).toEqual({
        refused: "the form has a field of a kind that is not known"
      })
    })
  )

  it.effect("about a tool says what is claimed, and offers what the server lets last", () =>
    Effect.gen(function* () {
      const claim = { codex_approval_kind: "mcp_tool_call" }
      const whole = yield* asked(
        form({}, { ...claim, tool_name: "rm", tool_params: { a: 1 }, persist: ["session", "always"] })
      )
      const claims = "Tool, as the server or codex claims: a server can forge this question"
      expect(whole).toMatchObject({
        title: "Run a tool of the MCP server srv?",
        details: [
          [claims, "rm"],
          ["Message", "hello"],
          ["Arguments, as it claims", '{\n  "a": 1\n}']
        ],
        choices: [
          ["y", "Yes, once"],
          ["session", "Yes, and this tool for the rest of the session, without asking"],
          ["always", "Yes, and this tool from now on, without asking: written into your config.toml"],
          ...refusals
        ]
      })
      expect(whole.decide?.({ choice: "y" })).toMatchObject(accepted({}))
      expect(whole.decide?.({ choice: "always" })).toMatchObject({
        success: { action: "accept", content: {}, _meta: { persist: "always" } }
      })
      for (const bare of [claim, { ...claim, tool_name: 7, persist: "session" }]) {
        expect(yield* asked(form({}, bare))).toMatchObject({
          title: "Run a tool of the MCP server srv?",
          details: [
            [claims, "not named"],
            ["Message", "hello"]
          ],
          choices: [["y", "Yes, once"], ...refusals]
        })
      }
      for (const other of [{ codex_approval_kind: "other" }, { tool_name: "rm" }, 7]) {
        expect(yield* asked(form({}, other))).toMatchObject({ title: "The MCP server srv asks for confirmation" })
      }
      expect(yield* asked(form({ a: { type: "string" } }, claim))).toMatchObject({
        title: "The MCP server srv asks for data"
      })
    })
  )
})
