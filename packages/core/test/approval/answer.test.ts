import * as Approval from "../../src/internal/approval/answer.ts"
import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { Deciding } from "../../src/internal/approval/deciding.ts"
import type { RpcError } from "../../src/internal/rpc/jsonRpc.ts"
import type { Lazy } from "@effect-codex/core/protocol/Lazy"
import * as Experimental from "@effect-codex/core/protocol/generated/Experimental"
import { experimentalServerRequests } from "@effect-codex/core/protocol/generated/Methods"
import * as ServerRequest from "@effect-codex/core/ServerRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"

const about = { threadId: "thread", turnId: "turn", itemId: "item", startedAtMs: 0 }

const requests = {
  command: {
    id: 1,
    method: "item/commandExecution/requestApproval",
    params: {
      ...about,
      command: "true",
      availableDecisions: [
        "accept",
        { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["git", "status"] } },
        "cancel"
      ]
    }
  },
  fileChange: { id: 1, method: "item/fileChange/requestApproval", params: about },
  permissions: {
    id: 1,
    method: "item/permissions/requestApproval",
    params: { ...about, environmentId: null, cwd: "/", reason: null, permissions: {} }
  },
  userInput: { id: 1, method: "item/tool/requestUserInput", params: { ...about, questions: [], isBlocking: true } },
  elicitation: {
    id: 1,
    method: "mcpServer/elicitation/request",
    params: {
      threadId: "thread",
      turnId: "turn",
      serverName: "s",
      mode: "url",
      message: "m",
      url: "u",
      elicitationId: "e"
    }
  },
  toolCall: {
    id: 1,
    method: "item/tool/call",
    params: { threadId: "thread", turnId: "turn", callId: "c", tool: "t", arguments: {}, namespace: null }
  }
} satisfies { readonly [K in PolicyEngine.Kind]: ServerRequest.ServerRequest }

const kinds: ReadonlyArray<PolicyEngine.Kind> = [
  "command",
  "fileChange",
  "permissions",
  "userInput",
  "elicitation",
  "toolCall"
]

const amendment = (...words: ReadonlyArray<string>) => ({
  acceptWithExecpolicyAmendment: { execpolicy_amendment: words }
})

// An engine whose decisions nobody has checked, as one written in JavaScript.
const engineOf = (decide: () => Effect.Effect<unknown, PolicyFailed>): PolicyEngine.Engine =>
  Object.fromEntries(
    kinds.map((kind) => [kind, () => Effect.map(decide(), (decision) => ({ decision, by: "test" }))])
  ) as unknown as PolicyEngine.Engine

const answer = (kind: PolicyEngine.Kind, policy: PolicyEngine.Engine) =>
  Approval.answer(requests[kind], { policy, onToolCall: undefined, item: () => undefined })

const declinedForm = (kind: PolicyEngine.Kind) => Approval.declined[requests[kind].method]

describe("law 6: every request", () => {
  it("has a declining form that the protocol allows, or none where only an error can be said", () => {
    const none = ["account/chatgptAuthTokens/refresh", "attestation/generate"]
    const forms = new Map<string, unknown>(Object.entries(Approval.declined))
    const invalid = Object.entries<{ readonly response: Lazy<unknown> }>(experimentalServerRequests).flatMap(
      ([method, { response }]) => (Result.isSuccess(response.decode(forms.get(method))) ? [] : [method])
    )
    expect(invalid.toSorted()).toEqual(none)
    for (const method of none) expect(forms.get(method)).toBeUndefined()
  })

  for (const kind of kinds) {
    it.effect(`${kind} is declined when nobody decides, the engine fails, throws, or decides nonsense`, () =>
      Effect.gen(function* () {
        const form = declinedForm(kind)
        const declined = kind === "toolCall" ? expect.objectContaining({ success: false }) : form
        expect(yield* Approval.answer(requests[kind], undefined)).toEqual(declined)
        expect(yield* answer(kind, PolicyEngine.make({}))).toEqual(declined)
        const engines = [
          engineOf(() => Effect.fail(new PolicyFailed({ description: "no" }))),
          engineOf(() => Effect.die(new Error("broken"))),
          engineOf(() => {
            throw new Error("thrown")
          }),
          ...["deny", "", null, 1, true, [], {}, { decision: "accept" }, 1n].map((nonsense) =>
            engineOf(() => Effect.succeed(nonsense))
          )
        ]
        for (const engine of engines) expect(yield* answer(kind, engine)).toEqual(declined)
      })
    )
  }
})

describe("a command", () => {
  const decided = (decision: unknown) =>
    answer(
      "command",
      engineOf(() => Effect.succeed(decision))
    )

  it.effect("is accepted in the ways that are offered, and in no other", () =>
    Effect.gen(function* () {
      expect(yield* decided("accept")).toEqual({ decision: "accept" })
      expect(yield* decided("cancel")).toEqual({ decision: "cancel" })
      expect(yield* decided("acceptForSession")).toEqual({ decision: "decline" })
    })
  )

  it.effect("takes an amendment that is the proposed one or narrower, and none that is wider", () =>
    Effect.gen(function* () {
      for (const legal of [amendment("git", "status"), amendment("git", "status", "--short")]) {
        expect(yield* decided(legal)).toEqual({ decision: legal })
      }
      for (const illegal of [amendment(), amendment("git"), amendment("git", "push"), amendment("/bin/bash", "-lc")]) {
        expect(yield* decided(illegal)).toEqual({ decision: "decline" })
      }
    })
  )

  it.effect("whose item id stands for two items is declined unasked", () =>
    Effect.gen(function* () {
      let asked = false
      const policy = engineOf(() => {
        asked = true
        return Effect.succeed("accept")
      })
      const response = yield* Approval.answer(requests.command, {
        policy,
        onToolCall: undefined,
        item: () => "ambiguous"
      })
      expect(response).toEqual({ decision: "decline" })
      expect(asked).toBe(false)
    })
  )
})

describe("a tool call", () => {
  const call = (onToolCall: ServerRequest.ToolCallHandler | undefined) =>
    Approval.answer(requests.toolCall, {
      policy: engineOf(() => Effect.succeed("accept")),
      onToolCall,
      item: () => undefined
    })

  it.effect("fails with words for the model when nobody handles it, or the handler breaks or talks nonsense", () =>
    Effect.gen(function* () {
      const nonsense = () => Effect.succeed({ success: 1 } as unknown as Experimental.DynamicToolCallResponse)
      for (const handler of [undefined, () => Effect.die("broken"), nonsense]) {
        const response = yield* call(handler)
        expect(Result.isSuccess(Experimental.DynamicToolCallResponse.decode(response))).toBe(true)
        expect(response).toMatchObject({ success: false, contentItems: [{ type: "inputText" }] })
      }
    })
  )
})

describe("the log", () => {
  const logged = (kind: PolicyEngine.Kind, policy: PolicyEngine.Engine) => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
    return Effect.as(answer(kind, policy), lines).pipe(Effect.provide(Logger.layer([logger])))
  }

  for (const kind of kinds) {
    it.effect(`says who declined a ${kind}, or that nobody decided`, () =>
      Effect.gen(function* () {
        expect(yield* logged(kind, PolicyEngine.declineAll)).toEqual([
          `Info: Declined a ${kind} request: by declineAll`
        ])
        expect(yield* logged(kind, PolicyEngine.make({}))).toEqual([
          `Info: Declined a ${kind} request: the policy abstained`
        ])
        const because = PolicyEngine.make({
          [kind]: () => Effect.succeed({ decision: "decline", by: "rule 7", reason: "not\nhere" })
        })
        expect(yield* logged(kind, because)).toEqual([
          expect.stringMatching(RegExp(`^Info: Declined a ${kind} request: by rule 7: not[^\n]*here$`))
        ])
      })
    )
  }

  it.effect("says nothing of what is accepted", () =>
    Effect.gen(function* () {
      for (const kind of ["command", "fileChange", "permissions", "userInput"] as const) {
        expect(yield* logged(kind, PolicyEngine.acceptAll)).toEqual([])
      }
    })
  )
})

describe("acceptAll", () => {
  const form = (_meta: unknown, properties: object = {}) =>
    Approval.answer(
      Result.getOrThrow(
        ServerRequest.decode(1, "mcpServer/elicitation/request", {
          threadId: "thread",
          turnId: "turn",
          serverName: "s",
          mode: "form",
          message: "m",
          _meta,
          requestedSchema: { type: "object", properties }
        })
      ),
      { policy: PolicyEngine.acceptAll, onToolCall: undefined, item: () => undefined }
    )

  it.effect("accepts the approval of an MCP tool and no other question of an MCP server", () =>
    Effect.gen(function* () {
      const approval = { codex_approval_kind: "mcp_tool_call", tool_name: "wipe" }
      expect(yield* form(approval)).toMatchObject({ action: "accept", _meta: null })
      expect(yield* form(approval, { name: { type: "string" } })).toMatchObject({ action: "decline" })
      expect(yield* form({ codex_approval_kind: "other" })).toMatchObject({ action: "decline" })
      expect(yield* form(null)).toMatchObject({ action: "decline" })
      expect(yield* answer("elicitation", PolicyEngine.acceptAll)).toMatchObject({ action: "decline" })
    })
  )
})

it.effect("a question that does not say whether it blocks is asked all the same", () =>
  Effect.gen(function* () {
    const { isBlocking: _, ...params } = requests.userInput.params
    const request = Result.getOrThrow(ServerRequest.decode(1, "item/tool/requestUserInput", params))
    const answers = { color: { answers: ["Red"] } }
    const policy = PolicyEngine.make({ userInput: () => Effect.succeed({ decision: { answers }, by: "test" }) })
    expect(yield* Approval.answer(request, { policy, onToolCall: undefined, item: () => undefined })).toEqual({
      answers
    })
  })
)

const refreshRequest = {
  id: 1,
  method: "account/chatgptAuthTokens/refresh",
  params: { reason: "unauthorized", previousAccountId: "a" }
} as const

describe("what the server asks of the program", () => {
  const refresh = refreshRequest
  const attest = { id: 2, method: "attestation/generate", params: {} } as const
  const tokens = { accessToken: "new", chatgptAccountId: "a" }

  it.effect("is answered by its handler", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const host: ServerRequest.HostHandlers = {
        onTokenRefresh: (params) => Effect.sync(() => (asked.push(params), tokens)),
        onAttestation: () => Effect.succeed({ token: "t" })
      }
      expect(yield* Approval.answer(refresh, undefined, host)).toEqual(tokens)
      expect(asked).toEqual([refresh.params])
      expect(yield* Approval.answer(attest, undefined, host)).toEqual({ token: "t" })
    })
  )

  it.effect("is refused without one, and when it fails, with nothing of what it said", () =>
    Effect.gen(function* () {
      const hosts: ReadonlyArray<ServerRequest.HostHandlers | undefined> = [
        undefined,
        {},
        { onTokenRefresh: () => Effect.fail({ message: "secret" }), onAttestation: () => Effect.die("secret") }
      ]
      for (const host of hosts) {
        for (const request of [refresh, attest]) {
          const failure = yield* Effect.flip(Approval.answer(request, undefined, host))
          expect(failure).toMatchObject({ code: -32000, message: expect.stringContaining(request.method) })
          expect(JSON.stringify(failure)).not.toContain("secret")
        }
      }
    })
  )
})

describe("what the server finds an open approval by", () => {
  const command = (params: object) =>
    Approval.approvalKeyOf({ ...requests.command, params: { ...requests.command.params, ...params } })
  const file = Approval.approvalKeyOf(requests.fileChange)

  it("is its thread, its item, and its own id if it has one, for commands and file changes alike", () => {
    expect(command({})).toBe(file)
    expect(command({ approvalId: null })).toBe(file)
    const keys = [
      file,
      command({ approvalId: "a" }),
      command({ threadId: "other" }),
      command({ itemId: "other" }),
      command({ threadId: "item", itemId: "thread" })
    ]
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).not.toContain(undefined)
  })

  it.each(["permissions", "userInput", "elicitation", "toolCall"] as const)(
    "is, for %s, the request's own id",
    (kind) => expect(Approval.approvalKeyOf(requests[kind])).toBeUndefined()
  )
})

it("what lets something happen is every decision but a decline and a cancel", () => {
  for (const decision of ["accept", "acceptForSession", amendment("ls")]) {
    expect(Approval.isAccepting({ decision })).toBe(true)
  }
  for (const response of [{ decision: "decline" }, { decision: "cancel" }, {}, undefined, "accept"]) {
    expect(Approval.isAccepting(response)).toBe(false)
  }
})

it("the declining forms are these", () => {
  const older = { decision: { denied: { rejection: "This client answers the approvals of protocol v2 only" } } }
  expect(Approval.declined).toEqual({
    "item/commandExecution/requestApproval": { decision: "decline" },
    "item/fileChange/requestApproval": { decision: "decline" },
    "item/permissions/requestApproval": { permissions: {}, scope: "turn" },
    "item/tool/requestUserInput": { answers: {} },
    "mcpServer/elicitation/request": { action: "decline", content: null, _meta: null },
    "item/tool/call": { success: false, contentItems: [{ type: "inputText", text: "The tool call was declined." }] },
    applyPatchApproval: older,
    execCommandApproval: older,
    "account/chatgptAuthTokens/refresh": undefined,
    "attestation/generate": undefined
  })
})

describe("a request of the protocol's first version", () => {
  it.effect.each(["applyPatchApproval", "execCommandApproval"] as const)("%s is declined unasked", (method) =>
    Effect.gen(function* () {
      const params = { conversationId: "c", callId: "c", command: [], cwd: "/", parsedCmd: [], fileChanges: {} }
      const request = { id: 1, method, params } as unknown as ServerRequest.ServerRequest
      const policy = engineOf(() => Effect.die("asked"))
      const response = yield* Approval.answer(request, { policy, onToolCall: undefined, item: () => undefined })
      expect(response).toEqual(Approval.declined[method])
    })
  )
})

describe("a request of an older server", () => {
  it.effect("for the time is answered in whole seconds, and no other one is", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("12999 millis")
      const answer = Approval.answerOlder("currentTime/read")
      expect(answer === undefined ? undefined : yield* answer).toEqual({ currentTimeAt: 12 })
      expect(Approval.answerOlder("currentTime/write")).toBeUndefined()
    })
  )
})

describe("what an engine decides", () => {
  const granted = { permissions: { network: { enabled: true } }, scope: "session" } as const
  const answered = { answers: { a: { answers: ["b"] } } }
  const filled = { action: "accept", content: { a: 1 }, _meta: null } as const

  it.effect.each([
    ["fileChange", "accept", { decision: "accept" }],
    ["fileChange", "acceptForSession", { decision: "acceptForSession" }],
    ["fileChange", "decline", { decision: "decline" }],
    ["fileChange", "cancel", { decision: "cancel" }],
    ["permissions", granted, granted],
    ["permissions", "decline", { permissions: {}, scope: "turn" }],
    ["userInput", answered, answered],
    ["userInput", "decline", { answers: {} }],
    ["elicitation", filled, filled],
    ["elicitation", { action: "cancel" }, { action: "cancel" }],
    ["elicitation", "decline", { action: "decline", content: null, _meta: null }],
    ["elicitation", "cancel", { action: "cancel", content: null, _meta: null }]
  ] as const)("about a %s reaches the server in its form", ([kind, decision, response]) =>
    Effect.gen(function* () {
      const engine = engineOf(() => Effect.succeed(decision))
      expect(yield* answer(kind, engine)).toEqual(response)
    })
  )

  it.effect("is about the request as it came, with the item that it names", () =>
    Effect.gen(function* () {
      const item = { type: "fileChange", id: "item", changes: [], status: "inProgress" } as const
      const seen: Array<unknown> = []
      const looked: Array<string> = []
      const policy = Object.fromEntries(
        kinds.map((kind) => [kind, (request: unknown) => Effect.sync(() => void seen.push(request))])
      ) as unknown as PolicyEngine.Engine
      for (const kind of kinds) {
        yield* Approval.answer(requests[kind], {
          policy,
          onToolCall: undefined,
          item: (threadId, id) => (looked.push(`${threadId}/${id}`), item)
        })
      }
      const about = { threadId: "thread", turnId: "turn" }
      expect(seen).toEqual(
        kinds.map((kind) => ({
          ...about,
          kind,
          params: requests[kind].params,
          item: kind === "elicitation" ? undefined : item,
          availableDecisions: kind === "command" ? requests.command.params.availableDecisions : undefined
        }))
      )
      expect(looked).toEqual(["thread/item", "thread/item", "thread/item", "thread/item", "thread/c"])
    })
  )

  it.effect(
    "about an item that could not be read is decided without it, but for a file change, which is in it alone",
    () =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const policy = PolicyEngine.make({
          command: ({ item, turnId }) =>
            Effect.sync(() => {
              seen.push(item, turnId)
              return { decision: "accept", by: "test" }
            }),
          fileChange: () => Effect.die("asked")
        })
        const unreadable: Approval.Answerer = { policy, onToolCall: undefined, item: () => "unreadable" }
        const withoutTurn = {
          ...requests.command,
          params: { ...requests.command.params, turnId: null }
        } as unknown as ServerRequest.ServerRequest
        expect(yield* Approval.answer(withoutTurn, unreadable)).toEqual({ decision: "accept" })
        expect(yield* Approval.answer(requests.fileChange, unreadable)).toEqual({ decision: "decline" })
        expect(seen).toEqual([undefined, undefined])
      })
  )
})

describe("a tool that was called", () => {
  const call = (policy: PolicyEngine.Engine, onToolCall?: ServerRequest.ToolCallHandler) =>
    Approval.answer(requests.toolCall, { policy, onToolCall, item: () => undefined })
  const failed = (text: string) => ({ success: false, contentItems: [{ type: "inputText", text }] })
  const declining = (reason?: string) =>
    PolicyEngine.make({ toolCall: () => Effect.succeed({ decision: "decline", by: "test", reason }) })

  it.effect("answers as its handler does, which gets what was asked", () =>
    Effect.gen(function* () {
      const response = { success: true, contentItems: [{ type: "inputText", text: "42" }] } as const
      const asked: Array<unknown> = []
      const handler: ServerRequest.ToolCallHandler = (params) => Effect.sync(() => (asked.push(params), response))
      expect(yield* call(PolicyEngine.acceptAll, handler)).toEqual(response)
      expect(asked).toEqual([requests.toolCall.params])
    })
  )

  it.effect("is told why it does not run, and does not", () =>
    Effect.gen(function* () {
      const handler = () => Effect.die("called")
      expect(yield* call(declining(), handler)).toEqual(failed("The tool call was declined by policy."))
      expect(yield* call(declining("too early"), handler)).toEqual(
        failed("The tool call was declined by policy: too early.")
      )
      expect(yield* call(PolicyEngine.make({}), handler)).toEqual(failed("The tool call was declined by policy."))
    })
  )

  it.effect("is told which trouble there is with it, and nothing of a defect", () =>
    Effect.gen(function* () {
      expect(yield* call(PolicyEngine.acceptAll)).toEqual(failed("No tool-call handler configured."))
      expect(yield* call(PolicyEngine.acceptAll, () => Effect.die("secret"))).toEqual(failed("The tool t failed."))
      const nonsense = () => Effect.succeed({ success: 1 } as unknown as Experimental.DynamicToolCallResponse)
      expect(yield* call(PolicyEngine.acceptAll, nonsense)).toEqual(
        failed("The tool t answered in a form that is not valid.")
      )
    })
  )
})

describe("the log of what nobody decided", () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
  const logged = (asked: Effect.Effect<unknown, RpcError>) =>
    Effect.sync(() => lines.splice(0)).pipe(
      Effect.andThen(Effect.exit(asked)),
      Effect.map(() => lines.splice(0)),
      Effect.provide(Logger.layer([logger]))
    )
  const deciding = (decision: unknown, kind: PolicyEngine.Kind = "command") =>
    logged(
      answer(
        kind,
        engineOf(() => Effect.succeed(decision))
      )
    )

  it.effect("says why", () =>
    Effect.gen(function* () {
      const because = (reason: string, kind = "command") => [`Warn: Declined a ${kind} request: ${reason}`]
      expect(yield* logged(Approval.answer(requests.command, undefined))).toEqual(
        because("it belongs to no turn of this client")
      )
      const items = (item: "ambiguous" | "unreadable") => ({
        policy: PolicyEngine.acceptAll,
        onToolCall: undefined,
        item: () => item
      })
      expect(yield* logged(Approval.answer(requests.command, items("ambiguous")))).toEqual(
        because("its item id stands for more than one item")
      )
      expect(yield* logged(Approval.answer(requests.fileChange, items("unreadable")))).toEqual(
        because("its item could not be read", "fileChange")
      )
      const human = { ...requests.command, params: { ...requests.command.params, kind: "humanCommand" } }
      expect(yield* logged(Approval.answer(human, items("unreadable")))).toEqual(
        because("only a person may decide, and no one is available")
      )
      const failing = engineOf(() => Effect.fail(new PolicyFailed({ description: "no\nway" })))
      expect(yield* logged(answer("command", failing))).toEqual([
        expect.stringMatching(/^Warn: Declined a command request: PolicyFailed: The policy could not decide: no$/)
      ])
      expect(
        yield* logged(
          answer(
            "command",
            engineOf(() => Effect.die("x"))
          )
        )
      ).toEqual([
        expect.stringMatching(
          /^Warn: Declined a command request: PolicyFailed: The policy could not decide: it had a defect$/
        )
      ])
      expect(
        yield* logged(Approval.answer(refreshRequest, undefined, { onTokenRefresh: () => Effect.die("x") }))
      ).toEqual(["Warn: The handler of account/chatgptAuthTokens/refresh failed"])
    })
  )

  it.effect("names a decision that is not legal, and nothing that somebody answered", () =>
    Effect.gen(function* () {
      const named = (name: string) => [expect.stringContaining(`test decided ${name}, which this command request`)]
      expect(yield* deciding("deny")).toEqual(named("deny"))
      expect(yield* deciding("my pass word")).toEqual(named("a string"))
      expect(yield* deciding("x".repeat(41))).toEqual(named("a string"))
      expect(yield* deciding("2x")).toEqual(named("a string"))
      expect(yield* deciding({ secret: "hidden", other: 1 })).toEqual(named("{ secret, other }"))
      expect(yield* deciding(12_345)).toEqual(named("number"))
      const anonymous = PolicyEngine.make({
        command: () => Effect.succeed({ decision: "deny" } as unknown as PolicyEngine.Verdict<"command">)
      })
      expect(yield* logged(answer("command", anonymous))).toEqual([
        expect.stringContaining(":  decided deny, which this command request")
      ])
    })
  )

  it.effect("tells of a refusal in any form", () =>
    Effect.gen(function* () {
      for (const [kind, decision] of [
        ["elicitation", { action: "decline" }],
        ["elicitation", { action: "cancel" }],
        ["command", "cancel"]
      ] as const) {
        expect(yield* deciding(decision, kind)).toEqual([`Info: Declined a ${kind} request: by test`])
      }
      expect(yield* deciding({ action: "accept", content: {} }, "elicitation")).toEqual([])
    })
  )

  it.effect("tells of a tool's handler that fails, and nothing where there is no handler", () =>
    Effect.gen(function* () {
      const calling = (onToolCall: ServerRequest.ToolCallHandler | undefined) =>
        logged(
          Approval.answer(requests.toolCall, { policy: PolicyEngine.acceptAll, onToolCall, item: () => undefined })
        )
      expect(yield* calling(() => Effect.die("x"))).toEqual([
        expect.stringMatching(/^Warn: The handler of the tool t failed/)
      ])
      expect(yield* calling(undefined)).toEqual([])
      expect(yield* logged(Approval.answer(refreshRequest, undefined, {}))).toEqual([])
    })
  )

  it.effect("has one line of a bearable length for each", () =>
    Effect.gen(function* () {
      const because = PolicyEngine.make({
        command: () => Effect.succeed({ decision: "decline", by: "test", reason: "no ".repeat(1000) })
      })
      const [line = "", ...rest] = yield* logged(answer("command", because))
      expect([line.length < 600, rest]).toEqual([true, []])
    })
  )

  it.effect("hides what looks like a secret in a reason, and puts nothing together that is not written", () =>
    Effect.gen(function* () {
      const secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
      const because = PolicyEngine.make({
        command: () => Effect.succeed({ decision: "decline", by: "test", reason: `has ${secret}` })
      })
      const [line = ""] = yield* logged(answer("command", because))
      expect(line).toMatch(/^Info: Declined a command request: by test: has /)
      expect(line).not.toContain("abcdefghij")
      const quiet = Effect.provideService(answer("command", because), References.MinimumLogLevel, "Warn")
      expect(yield* logged(quiet)).toEqual([])
    })
  )
})

describe("whoever observes a decision", () => {
  it.effect("learns who decided, why, and whether that was to accept", () =>
    Effect.gen(function* () {
      const noted = (policy: PolicyEngine.Engine | undefined) =>
        Effect.gen(function* () {
          const deciding: Deciding = { by: undefined, reason: undefined, accepted: false }
          const answerer = policy && { policy, onToolCall: undefined, item: () => undefined }
          yield* Effect.provideService(Approval.answer(requests.command, answerer), Deciding, deciding)
          return deciding
        })
      const saying = (decision: "accept" | "decline", reason?: string) =>
        PolicyEngine.make({ command: () => Effect.succeed({ decision, by: "test", reason }) })
      expect(yield* noted(saying("accept", "fine"))).toEqual({ by: "test", reason: "fine", accepted: true })
      expect(yield* noted(saying("decline"))).toEqual({ by: "test", reason: undefined, accepted: false })
      const nobody = { by: undefined, accepted: false }
      expect(yield* noted(PolicyEngine.make({}))).toEqual({ ...nobody, reason: "no engine decided" })
      expect(yield* noted(undefined)).toEqual({ ...nobody, reason: "it belongs to no turn of this client" })
    })
  )
})
