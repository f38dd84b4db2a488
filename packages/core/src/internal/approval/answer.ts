/**
 * Answers or declines each request of the server.
 *
 * The switch in {@link answer} is the only table of server requests. A request added by a newer protocol does not compile until
 * it has an entry there, which says who decides it and how it is declined on the wire. Every failure of this program (no engine,
 * an engine that fails or has a defect, an illegal decision) ends in the declining form, because the server would continue
 * after an error.
 *
 * The room knows requests of the server, engines, and items in progress. It must not know rules, turns, threads or the
 * connection, which determines the owner of a request.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { InvalidPolicyDecision, PolicyFailed } from "../../CodexError.ts"
import * as Display from "../../Display.ts"
import * as PolicyEngine from "../../PolicyEngine.ts"
import type { Decisions, Engine, Kind, Request, Verdict } from "../../PolicyEngine.ts"
import * as Schemas from "../../protocol/generated/Experimental.ts"
import * as Redaction from "../../Redaction.ts"
import type { HostHandlers, Methods, ServerRequest, ToolCallHandler } from "../../ServerRequest.ts"
import { RpcError } from "../rpc/jsonRpc.ts"
import { noteDecision, undecided } from "./deciding.ts"
import { isLegalAnswer, isLegalElicitation, isLegalForCommand, isLegalGrant, isOneOf } from "./legality.ts"

/**
 * The key by which the server finds an open approval; `undefined` for requests that it finds by their own id.
 */
export const approvalKeyOf = (request: ServerRequest): string | undefined => {
  switch (request.method) {
    case "item/commandExecution/requestApproval":
      return JSON.stringify([request.params.threadId, request.params.itemId, request.params.approvalId ?? null])
    case "item/fileChange/requestApproval":
      return JSON.stringify([request.params.threadId, request.params.itemId, null])
    default:
      return undefined
  }
}

/**
 * Whether the response to an approval lets the action proceed.
 */
export const isAccepting = (response: unknown): boolean =>
  Predicate.hasProperty(response, "decision") && response.decision !== "decline" && response.decision !== "cancel"

/**
 * The policy and the handlers that answer the requests of one turn.
 */
export interface Answerer {
  readonly policy: Engine
  /** Runs the tool calls that the policy accepts. Without it they fail with an explanation for the model. */
  readonly onToolCall: ToolCallHandler | undefined
  /**
   * The item in progress with this id on this thread; `ambiguous` if there is more than one, `unreadable` if its form is
   * unknown.
   */
  readonly item: (threadId: string, id: string) => Schemas.ThreadItem | "ambiguous" | "unreadable" | undefined
}

const failedToolCall = (text: string): Schemas.DynamicToolCallResponse => ({
  success: false,
  contentItems: [{ type: "inputText", text }]
})

/**
 * The response that declines each request; `undefined` if it can only be answered with a JSON-RPC error.
 */
export const declined: { readonly [M in keyof Methods]: Methods[M]["response"] | undefined } = {
  "item/commandExecution/requestApproval": { decision: "decline" },
  "item/fileChange/requestApproval": { decision: "decline" },
  "item/permissions/requestApproval": { permissions: {}, scope: "turn" },
  "item/tool/requestUserInput": { answers: {} },
  "mcpServer/elicitation/request": { action: "decline", content: null, _meta: null },
  "item/tool/call": failedToolCall("The tool call was declined."),
  // Approvals of the protocol's first version. Current servers do not send them to a client that starts turns with v2 methods,
  // and they carry neither a turn nor an item to decide on, so they do not go through the policy.
  applyPatchApproval: { decision: { denied: { rejection: "This client answers the approvals of protocol v2 only" } } },
  execCommandApproval: { decision: { denied: { rejection: "This client answers the approvals of protocol v2 only" } } },
  "account/chatgptAuthTokens/refresh": undefined,
  "attestation/generate": undefined
}

/**
 * The answer to a request that only servers older than the protocol make; `undefined` for other methods.
 */
export const answerOlder = (method: string): Effect.Effect<unknown> | undefined =>
  // Until 0.171.
  method === "currentTime/read"
    ? Effect.map(Clock.currentTimeMillis, (millis) => ({ currentTimeAt: Math.floor(millis / 1000) }))
    : undefined

/**
 * Declines a request of which only the method is known.
 */
export const decline = <M extends keyof Methods>(method: M): Effect.Effect<Methods[M]["response"], RpcError> => {
  const response = declined[method]
  return response === undefined
    ? Effect.fail(new RpcError({ code: -32000, description: `This client cannot answer ${method}` }))
    : Effect.succeed(response)
}

/**
 * Answers a request for the turn that it belongs to, or, without an `answerer`, declines it.
 */
export const answer = (
  request: ServerRequest,
  answerer: Answerer | undefined,
  host?: HostHandlers
): Effect.Effect<Methods[keyof Methods]["response"], RpcError> => {
  switch (request.method) {
    case "item/commandExecution/requestApproval":
      return (
        request.params.kind === "humanCommand"
          ? decideByPerson(request.params, answerer)
          : decideOnCommand(request.params, answerer, () => true)
      ).pipe(orDecline(request.method, (decision) => ({ decision })))
    case "item/fileChange/requestApproval":
      return decide(answerer, "fileChange", request.params, {
        itemId: request.params.itemId,
        legal: isOneOf("accept", "acceptForSession", "decline", "cancel")
      }).pipe(orDecline(request.method, (decision) => ({ decision })))
    case "item/permissions/requestApproval":
      return decide(answerer, "permissions", request.params, {
        itemId: request.params.itemId,
        legal: isLegalGrant
      }).pipe(orDecline(request.method, (decision) => (decision === "decline" ? undefined : decision)))
    case "item/tool/requestUserInput":
      return decide(answerer, "userInput", request.params, {
        itemId: request.params.itemId,
        legal: isLegalAnswer
      }).pipe(orDecline(request.method, (decision) => (decision === "decline" ? undefined : decision)))
    case "mcpServer/elicitation/request":
      return decide(answerer, "elicitation", request.params, { legal: isLegalElicitation }).pipe(
        orDecline(request.method, (decision) =>
          decision === "decline"
            ? undefined
            : decision === "cancel"
              ? { action: "cancel", content: null, _meta: null }
              : decision
        )
      )
    case "item/tool/call":
      return decide(answerer, "toolCall", request.params, {
        itemId: request.params.callId,
        legal: isOneOf("accept", "decline")
      }).pipe(
        Effect.flatMap((verdict) => {
          if (verdict?.decision === "accept") return runTool(request.params, answerer?.onToolCall)
          const reason = verdict?.reason === undefined ? "" : `: ${verdict.reason}`
          return Effect.succeed(failedToolCall(`The tool call was declined by policy${reason}.`))
        })
      )
    case "account/chatgptAuthTokens/refresh": {
      const { params } = request
      return byHost(request.method, host?.onTokenRefresh && (() => host.onTokenRefresh?.(params)))
    }
    case "attestation/generate":
      return byHost(request.method, host?.onAttestation)
    case "applyPatchApproval":
    case "execCommandApproval":
      return decline(request.method)
  }
}

// A failure may contain tokens, so only the fact that the handler failed is logged.
const byHost = <M extends "account/chatgptAuthTokens/refresh" | "attestation/generate">(
  method: M,
  handler: (() => Effect.Effect<Methods[M]["response"], { readonly message: string }> | undefined) | undefined
): Effect.Effect<Methods[M]["response"], RpcError> => {
  if (handler === undefined) return decline(method)
  const failed = Effect.andThen(Effect.logWarning(`The handler of ${method} failed`), decline(method))
  return Effect.suspend(() => handler() ?? decline(method)).pipe(Effect.catchCause(() => failed))
}

const orDecline =
  <K extends Kind, M extends keyof Methods>(
    method: M,
    accepted: (decision: Decisions[K]) => Methods[M]["response"] | undefined
  ) =>
  (verdict: Effect.Effect<Verdict<K> | undefined>): Effect.Effect<Methods[M]["response"], RpcError> =>
    Effect.flatMap(verdict, (verdict) => {
      const response = verdict === undefined ? undefined : accepted(verdict.decision)
      return response === undefined ? decline(method) : Effect.succeed(response)
    })

const runTool = (
  params: Schemas.DynamicToolCallParams,
  handler: ToolCallHandler | undefined
): Effect.Effect<Schemas.DynamicToolCallResponse> => {
  if (handler === undefined) return Effect.succeed(failedToolCall("No tool-call handler configured."))
  return Effect.suspend(() => handler(params)).pipe(
    Effect.filterOrElse(isToolCallResponse, () =>
      Effect.succeed(failedToolCall(`The tool ${params.tool} answered in a form that is not valid.`))
    ),
    Effect.catchCause((cause) =>
      Effect.as(
        Effect.logWarning(`The handler of the tool ${shown(params.tool)} failed`, cause),
        failedToolCall(`The tool ${params.tool} failed.`)
      )
    )
  )
}

const decideOnCommand = (
  params: Schemas.CommandExecutionRequestApprovalParams,
  answerer: Answerer | undefined,
  also: (decision: unknown) => boolean
) =>
  decide(answerer, "command", params, {
    itemId: params.itemId,
    availableDecisions: params.availableDecisions ?? undefined,
    legal: (decision) => also(decision) && isLegalForCommand(params, decision)
  })

// A person decides, even if the request does not belong to a turn of this program. The engine of the turn is not asked.
const decideByPerson = (params: Schemas.CommandExecutionRequestApprovalParams, answerer: Answerer | undefined) =>
  Effect.flatMap(PolicyEngine.HumanApproval, (approval) =>
    approval === undefined
      ? undecidedOn("command", "only a person may decide, and no one is available")
      : decideOnCommand(
          params,
          {
            policy: PolicyEngine.make({ command: approval }),
            onToolCall: undefined,
            item: answerer?.item ?? (() => undefined)
          },
          isOneOf("accept", "decline", "cancel")
        )
  )

// Asks the engine. `undefined` means decline; the reason is in the log.
const decide = <K extends Kind>(
  answerer: Answerer | undefined,
  kind: K,
  params: Request<K>["params"] & { readonly threadId: string; readonly turnId?: string | null | undefined },
  about: {
    readonly itemId?: string | undefined
    readonly availableDecisions?: Request<K>["availableDecisions"]
    readonly legal: (decision: unknown) => boolean
  }
): Effect.Effect<Verdict<K> | undefined> => {
  if (answerer === undefined) return undecidedOn(kind, "it belongs to no turn of this client")
  const item = about.itemId === undefined ? undefined : answerer.item(params.threadId, about.itemId)
  if (item === "ambiguous") {
    return undecidedOn(kind, "its item id stands for more than one item")
  }
  // Only the item of a file change says what it would do.
  if (item === "unreadable" && kind === "fileChange") return undecidedOn(kind, "its item could not be read")
  const request: Request<K> = {
    kind,
    params,
    threadId: params.threadId,
    turnId: params.turnId ?? undefined,
    item: item === "unreadable" ? undefined : item,
    availableDecisions: about.availableDecisions
  }
  const decided = (verdict: Verdict<K> | undefined): Effect.Effect<Verdict<K> | undefined, InvalidPolicyDecision> => {
    if (verdict === undefined) {
      return Effect.as(
        Effect.andThen(logDeclined(kind, "the policy abstained", undefined), undecided("no engine decided")),
        undefined
      )
    }
    const { by, decision, reason } = verdict
    if (!about.legal(decision)) {
      return Effect.fail(new InvalidPolicyDecision({ kind, by: by ?? "", decision: nameOf(decision) }))
    }
    return Effect.withFiber((fiber) => {
      noteDecision(fiber, by, reason, decision === "accept")
      return isRefusal(decision) ? Effect.as(logDeclined(kind, `by ${by}`, reason), verdict) : Effect.succeed(verdict)
    })
  }
  return Effect.catchCause(
    Effect.flatMap(
      Effect.suspend(() => answerer.policy[kind](request)),
      decided
    ),
    (cause) => undecidedOn(kind, shown(whyFailed(cause)))
  )
}

const whyFailed = (cause: Cause.Cause<PolicyFailed | InvalidPolicyDecision>): string => {
  const defect = Cause.findDefect(cause)
  const told = Result.isFailure(defect)
    ? cause
    : Cause.fail(new PolicyFailed({ description: "it had a defect", cause: defect.success }))
  return Cause.pretty(told).split("\n")[0] ?? ""
}

// Declines, and logs the reason.
const undecidedOn = (kind: Kind, reason: string): Effect.Effect<undefined> =>
  Effect.logWarning(`Declined a ${kind} request: ${reason}`).pipe(
    Effect.andThen(undecided(reason)),
    Effect.as(undefined)
  )

const isRefusal = (decision: unknown): boolean =>
  isOneOf("decline", "cancel")(Predicate.hasProperty(decision, "action") ? decision.action : decision)

// A refusal by the policy is not a fault: it is logged as information for users who look for the reason.
const logDeclined = (kind: Kind, why: string, reason: string | undefined): Effect.Effect<void> =>
  // The line is only built if it is written.
  Effect.flatMap(LogLevel.isEnabled("Info"), (isWritten) =>
    isWritten
      ? Effect.logInfo(
          shown(Redaction.text(`Declined a ${kind} request: ${why}${reason === undefined ? "" : `: ${reason}`}`))
        )
      : Effect.void
  )

// For one line of a log.
const shown = (text: string): string => Display.line(text, { max: 500 })

// Enough to find the mistake, without the content of an answer.
const nameOf = (decision: unknown): string => {
  if (typeof decision === "string") return /^[a-zA-Z]{1,40}$/.test(decision) ? decision : "a string"
  return Predicate.isReadonlyObject(decision) ? `{ ${Object.keys(decision).join(", ")} }` : typeof decision
}

const isToolCallResponse = (u: unknown): u is Schemas.DynamicToolCallResponse => Schemas.DynamicToolCallResponse.is(u)
