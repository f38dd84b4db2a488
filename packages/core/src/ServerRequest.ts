/**
 * What the app-server asks of us, and how each request is answered or declined.
 *
 * The switch in {@link answer} is the one table of server requests: a request that a newer protocol adds does not compile
 * until it has a place there, which says who decides on it and what declining it looks like on the wire. Everything that
 * goes wrong on our side (no engine, an engine that fails or has a defect, a decision that is not legal) ends in the
 * declining form, because the server takes an error for a reason to go on.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidPolicyDecision, PolicyFailed } from "./CodexError.ts"
import * as Display from "./Display.ts"
import { decidedBy, undecided } from "./internal/deciding.ts"
import { type RequestId, RpcError } from "./JsonRpc.ts"
import * as PolicyEngine from "./PolicyEngine.ts"
import type { Decisions, Engine, Kind, Request, Verdict } from "./PolicyEngine.ts"
import * as Schemas from "./protocol/generated/Experimental.ts"
import type { ExperimentalServerRequests } from "./protocol/generated/Methods.ts"
import * as Protocol from "./protocol/Protocol.ts"
import * as Redaction from "./Redaction.ts"

/**
 * The requests that the server can make, by method.
 *
 * @category models
 * @since 0.1.0
 */
export type Methods = ExperimentalServerRequests

/**
 * A request of the server, with validated parameters.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerRequest = {
  readonly [M in keyof Methods]: {
    readonly id: RequestId
    readonly method: M
    readonly params: Methods[M]["params"]
    /** Where in the parameters an explanation could not be read, and is missing. What a decision rests on is never missing. */
    readonly unreadable?: ReadonlyArray<string>
  }
}[keyof Methods]

/**
 * Whether this version of the protocol knows the method. Names match exactly.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMethod = Protocol.isServerRequest

/**
 * Validates a request; fails with what is wrong with its parameters. A question that does not say whether it
 * blocks does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (id: RequestId, method: keyof Methods, params: unknown): Result.Result<ServerRequest, string> =>
  Result.map(Protocol.decodeServerRequest(method, withDefaults(method, params)), (request) => ({ ...request, id }))

const withDefaults = (method: keyof Methods, params: unknown): unknown =>
  method === "item/tool/requestUserInput" &&
  Predicate.isReadonlyObject(params) &&
  !Predicate.hasProperty(params, "isBlocking")
    ? { ...params, isBlocking: true }
    : params

/**
 * The thread and the turn that a request comes from. Requests of the first protocol version, and those that are about the
 * client as a whole, come from none that can be known.
 *
 * @category getters
 * @since 0.1.0
 */
export const aboutOf = ({ params }: ServerRequest): { readonly threadId?: string; readonly turnId?: string } => ({
  ...(Predicate.hasProperty(params, "threadId") && typeof params.threadId === "string"
    ? { threadId: params.threadId }
    : {}),
  ...(Predicate.hasProperty(params, "turnId") && typeof params.turnId === "string" ? { turnId: params.turnId } : {})
})

/**
 * The item that a request names, if it names one.
 *
 * @category getters
 * @since 0.1.0
 */
export const itemIdOf = ({ params }: ServerRequest): string | undefined => {
  const id = Predicate.hasProperty(params, "itemId")
    ? params.itemId
    : Predicate.hasProperty(params, "callId")
      ? params.callId
      : undefined
  return typeof id === "string" ? id : undefined
}

/**
 * What a request asks the policy engine to decide; `undefined` for those that ask nobody.
 *
 * @category getters
 * @since 0.1.0
 */
export const kindOf = (request: ServerRequest): Kind | undefined => {
  switch (request.method) {
    case "item/commandExecution/requestApproval":
      return "command"
    case "item/fileChange/requestApproval":
      return "fileChange"
    case "item/permissions/requestApproval":
      return "permissions"
    case "item/tool/requestUserInput":
      return "userInput"
    case "mcpServer/elicitation/request":
      return "elicitation"
    case "item/tool/call":
      return "toolCall"
    default:
      return undefined
  }
}

/**
 * What the server finds an open approval by; `undefined` for requests that it finds by their own id.
 *
 * @category getters
 * @since 0.1.0
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
 * Whether the response to an approval lets something happen.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAccepting = (response: unknown): boolean =>
  Predicate.hasProperty(response, "decision") && response.decision !== "decline" && response.decision !== "cancel"

/**
 * Runs a dynamic tool that an agent calls.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolCallHandler = (params: Schemas.DynamicToolCallParams) => Effect.Effect<Schemas.DynamicToolCallResponse>

/**
 * Who answers the requests of one turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answerer {
  readonly policy: Engine
  /** Runs the tool calls that the policy accepts. Without it they fail with an explanation for the model. */
  readonly onToolCall: ToolCallHandler | undefined
  /**
   * The item in progress with this id on this thread; `ambiguous` if there is more than one, `unreadable` if its form is not
   * known.
   */
  readonly item: (threadId: string, id: string) => Schemas.ThreadItem | "ambiguous" | "unreadable" | undefined
}

/**
 * Answers what the server asks of the program itself, and not of a turn's policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostHandlers {
  /**
   * Gives new tokens for a login with `chatgptAuthTokens`, when the model's API has refused the old ones. The server waits for
   * about ten seconds. Default: the request is refused, and the turn fails.
   */
  readonly onTokenRefresh?:
    | ((
        params: Schemas.ChatgptAuthTokensRefreshParams
      ) => Effect.Effect<Schemas.ChatgptAuthTokensRefreshResponse, { readonly message: string }>)
    | undefined
  /** Attests the client, for servers that ask for it. Default: the server is told that there is no attestation. */
  readonly onAttestation?:
    | (() => Effect.Effect<Schemas.AttestationGenerateResponse, { readonly message: string }>)
    | undefined
}

const failedToolCall = (text: string): Schemas.DynamicToolCallResponse => ({
  success: false,
  contentItems: [{ type: "inputText", text }]
})

/**
 * How each request is declined: `undefined` where nothing can be, and a JSON-RPC error is all that can be said.
 *
 * @category constants
 * @since 0.1.0
 */
export const declined: { readonly [M in keyof Methods]: Methods[M]["response"] | undefined } = {
  "item/commandExecution/requestApproval": { decision: "decline" },
  "item/fileChange/requestApproval": { decision: "decline" },
  "item/permissions/requestApproval": { permissions: {}, scope: "turn" },
  "item/tool/requestUserInput": { answers: {} },
  "mcpServer/elicitation/request": { action: "decline", content: null, _meta: null },
  "item/tool/call": failedToolCall("The tool call was declined."),
  // Approvals of the protocol's first version. Servers of today do not ask them of a client that starts turns with v2
  // methods, and they carry neither a turn nor an item to decide on: nobody is asked.
  applyPatchApproval: { decision: { denied: { rejection: "This client answers the approvals of protocol v2 only" } } },
  execCommandApproval: { decision: { denied: { rejection: "This client answers the approvals of protocol v2 only" } } },
  "account/chatgptAuthTokens/refresh": undefined,
  "attestation/generate": undefined
}

/**
 * The answer to a request that only servers make that are older than the protocol; `undefined` if it is none.
 *
 * @category utils
 * @since 0.1.0
 */
export const answerOlder = (method: string): Effect.Effect<unknown> | undefined =>
  // Until 0.171.
  method === "currentTime/read"
    ? Effect.map(Clock.currentTimeMillis, (millis) => ({ currentTimeAt: Math.floor(millis / 1000) }))
    : undefined

/**
 * Declines a request of which nothing more than the method is known.
 *
 * @category utils
 * @since 0.1.0
 */
export const decline = <M extends keyof Methods>(method: M): Effect.Effect<Methods[M]["response"], RpcError> => {
  const response = declined[method]
  return response === undefined
    ? Effect.fail(new RpcError({ code: -32000, description: `This client cannot answer ${method}` }))
    : Effect.succeed(response)
}

/**
 * Answers a request for the turn that it belongs to, or, without an `answerer`, declines it.
 *
 * @category utils
 * @since 0.1.0
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

// Tokens are in what goes wrong too, so of that nothing is said but that it did.
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

// A person decides, also when no turn of ours asks: the engine of the turn has no say in this.
const decideByPerson = (params: Schemas.CommandExecutionRequestApprovalParams, answerer: Answerer | undefined) =>
  Effect.flatMap(PolicyEngine.HumanApproval, (approval) =>
    approval === undefined
      ? undecidedOn("command", "it is for a person alone, and nobody is there")
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

// Asks the engine. `undefined` means: decline, for whatever reason; the reason is in the log.
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
  // What a file change would do is in its item alone.
  if (item === "unreadable" && kind === "fileChange") return undecidedOn(kind, "its item could not be read")
  const request: Request<K> = {
    kind,
    params,
    threadId: params.threadId,
    turnId: params.turnId ?? undefined,
    item: item === "unreadable" ? undefined : item,
    availableDecisions: about.availableDecisions
  }
  return Effect.suspend(() => answerer.policy[kind](request)).pipe(
    Effect.catchDefect((cause) => Effect.fail(new PolicyFailed({ description: "it had a defect", cause }))),
    Effect.filterOrFail(
      (verdict) => verdict === undefined || about.legal(verdict.decision),
      (verdict) => new InvalidPolicyDecision({ kind, by: verdict?.by ?? "", decision: nameOf(verdict?.decision) })
    ),
    Effect.tap((verdict) =>
      verdict === undefined
        ? Effect.andThen(logDeclined(kind, "the policy abstained", undefined), undecided("nobody decided"))
        : Effect.annotateCurrentSpan("codex.decided_by", verdict.by).pipe(
            Effect.andThen(decidedBy(verdict.by, verdict.reason, verdict.decision === "accept")),
            Effect.andThen(
              isRefusal(verdict.decision) ? logDeclined(kind, `by ${verdict.by}`, verdict.reason) : Effect.void
            )
          )
    ),
    Effect.catchCause((cause) => undecidedOn(kind, shown(Cause.pretty(cause).split("\n")[0] ?? "")))
  )
}

// Declines, and tells why in the log.
const undecidedOn = (kind: Kind, reason: string): Effect.Effect<undefined> =>
  Effect.logWarning(`Declined a ${kind} request: ${reason}`).pipe(
    Effect.andThen(undecided(reason)),
    Effect.as(undefined)
  )

const isRefusal = (decision: unknown): boolean =>
  isOneOf("decline", "cancel")(Predicate.hasProperty(decision, "action") ? decision.action : decision)

// What a policy refuses is its business, and no fault: a line for whoever wonders why.
const logDeclined = (kind: Kind, why: string, reason: string | undefined): Effect.Effect<void> =>
  Effect.logInfo(
    shown(Redaction.text(`Declined a ${kind} request: ${why}${reason === undefined ? "" : `: ${reason}`}`))
  )

// For one line of a log.
const shown = (text: string): string => Display.line(text, { max: 500 })

// Enough to find the mistake, and nothing of what somebody answered.
const nameOf = (decision: unknown): string => {
  if (typeof decision === "string") return /^[a-zA-Z]{1,40}$/.test(decision) ? decision : "a string"
  return Predicate.isReadonlyObject(decision) ? `{ ${Object.keys(decision).join(", ")} }` : typeof decision
}

const isToolCallResponse = (u: unknown): u is Schemas.DynamicToolCallResponse =>
  Schema.is(Schemas.DynamicToolCallResponse())(u)

const isOneOf =
  (...decisions: ReadonlyArray<string>) =>
  (u: unknown): boolean =>
    typeof u === "string" && decisions.includes(u)

const isLegalGrant = (u: unknown): boolean =>
  u === "decline" || (Schema.is(Schemas.PermissionsRequestApprovalResponse())(u) && isOneOf("turn", "session")(u.scope))

const isLegalAnswer = (u: unknown): boolean => u === "decline" || Schema.is(Schemas.ToolRequestUserInputResponse())(u)

const isLegalElicitation = (u: unknown): boolean =>
  isOneOf("decline", "cancel")(u) ||
  (Schema.is(Schemas.McpServerElicitationRequestResponse())(u) && isOneOf("accept", "decline", "cancel")(u.action))

// The server checks neither that a decision was offered nor that an amendment is the proposed one: we do. An amendment may
// be narrower than the proposal, which is to say longer, and never wider.
const isLegalForCommand = (params: Schemas.CommandExecutionRequestApprovalParams, u: unknown): boolean => {
  if (isOneOf("decline", "cancel")(u)) return true
  if (!Schema.is(Schemas.KnownCommandExecutionApprovalDecision())(u)) return false
  const offered = params.availableDecisions ?? ["accept", "acceptForSession"]
  return offered.some((decision) => {
    if (Predicate.hasProperty(decision, "acceptWithExecpolicyAmendment")) {
      if (!Predicate.hasProperty(u, "acceptWithExecpolicyAmendment")) return false
      const proposed = decision.acceptWithExecpolicyAmendment.execpolicy_amendment
      const amendment = u.acceptWithExecpolicyAmendment.execpolicy_amendment
      return proposed.length > 0 && proposed.every((word, index) => amendment[index] === word)
    }
    return Equal.equals(decision, u)
  })
}
