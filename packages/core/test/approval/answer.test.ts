import * as Approval from "../../src/internal/approval/answer.ts"
import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { Lazy } from "@effect-codex/core/protocol/Lazy"
import * as Experimental from "@effect-codex/core/protocol/generated/Experimental"
import { experimentalServerRequests } from "@effect-codex/core/protocol/generated/Methods"
import * as ServerRequest from "@effect-codex/core/ServerRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"

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

describe("what the server asks of the program", () => {
  const refresh = {
    id: 1,
    method: "account/chatgptAuthTokens/refresh",
    params: { reason: "unauthorized", previousAccountId: "a" }
  } as const
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
      const hosts: ReadonlyArray<ServerRequest.HostHandlers> = [
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
