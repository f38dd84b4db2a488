/**
 * The requests of the app-server to the client: their types, validation, and the handlers of the program.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Kind } from "./PolicyEngine.ts"
import type * as Schemas from "./protocol/generated/Experimental.ts"
import type { ExperimentalServerRequests } from "./protocol/generated/Methods.ts"
import * as Protocol from "./protocol/Protocol.ts"

/** The id of a request, which its answer repeats. */
type RequestId = string | number

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
    /** Places in the parameters where an explanation was unreadable and is missing. Data that decisions need is never missing. */
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
 * Validates a request; the failure describes the fault in its parameters. A question that does not say whether it blocks counts
 * as blocking.
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
 * The thread and the turn that a request comes from. They are unknown for requests of the first protocol version and for those
 * that concern the whole client.
 *
 * @category getters
 * @since 0.1.0
 */
export const getSubject = ({ params }: ServerRequest): { readonly threadId?: string; readonly turnId?: string } => ({
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
 * The kind of decision that a request needs from the policy engine; `undefined` if it does not go through the policy.
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
 * Runs a call of a dynamic tool.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolCallHandler = (params: Schemas.DynamicToolCallParams) => Effect.Effect<Schemas.DynamicToolCallResponse>

/**
 * Answers requests of the server that concern the program itself, not the policy of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostHandlers {
  /**
   * Returns new tokens for a login with `chatgptAuthTokens` after the model's API has refused the old ones. The server waits for
   * about ten seconds. Default: the request is refused, and the turn fails.
   */
  readonly onTokenRefresh?:
    | ((
        params: Schemas.ChatgptAuthTokensRefreshParams
      ) => Effect.Effect<Schemas.ChatgptAuthTokensRefreshResponse, { readonly message: string }>)
    | undefined
  /** Attests the client, for servers that ask for it. Default: the answer is that there is no attestation. */
  readonly onAttestation?:
    | (() => Effect.Effect<Schemas.AttestationGenerateResponse, { readonly message: string }>)
    | undefined
}
