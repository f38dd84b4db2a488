/**
 * The service that decides what an agent may do.
 *
 * Codex asks before it runs a command, changes files, widens its permissions, calls a tool of the client, or wants something
 * from a person. An Effect that runs a turn requires a `PolicyEngine`, so a missing policy is a type error. An engine may
 * abstain on any request by returning `undefined`; the request is then declined. Rules and judges live in other packages: this
 * module contains the contract and the two trivial engines.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { PolicyFailed } from "./CodexError.ts"
import * as Protocol from "./protocol/generated/Experimental.ts"

/**
 * The parameters of each kind of request, as the server sends them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Params {
  readonly command: Protocol.CommandExecutionRequestApprovalParams
  readonly fileChange: Protocol.FileChangeRequestApprovalParams
  readonly permissions: Protocol.PermissionsRequestApprovalParams
  readonly userInput: Protocol.ToolRequestUserInputParams
  readonly elicitation: Protocol.McpServerElicitationRequestParams
  readonly toolCall: Protocol.DynamicToolCallParams
}

/**
 * The kinds of requests: `command` (also typing into a running terminal), `fileChange`, `permissions` (wider sandbox
 * permissions for the rest of a turn or session), `userInput` (questions to a person), `elicitation` (an MCP server asks
 * a person a question, or for approval of a tool call), `toolCall` (a gate before the handler of a dynamic tool runs).
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = keyof Params

/**
 * The possible decisions of each kind.
 *
 * **Details**
 *
 * `decline` and `cancel` are always legal. For commands, an accepting decision must be among the request's
 * `availableDecisions`. A grant of permissions is used as given. `acceptForSession` for a command or file change also accepts
 * later ones, so no engine of this package returns it.
 *
 * **Gotchas**
 *
 * Accepting a command can let it run outside the sandbox, whichever sandbox the thread has. The request does not say whether.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decisions {
  readonly command: Protocol.KnownCommandExecutionApprovalDecision
  readonly fileChange: Protocol.FileChangeApprovalDecision
  readonly permissions: "decline" | Protocol.PermissionsRequestApprovalResponse
  readonly userInput: "decline" | Protocol.ToolRequestUserInputResponse
  readonly elicitation: "decline" | "cancel" | Protocol.McpServerElicitationRequestResponse
  readonly toolCall: "accept" | "decline"
}

/**
 * A request for a decision.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request<K extends Kind> {
  readonly kind: K
  readonly params: Params[K]
  readonly threadId: string
  /** The turn that asks. An MCP server may ask outside of any turn. */
  readonly turnId: string | undefined
  /**
   * The item that the request is about, from `item/started`. For a file change, it contains the paths.
   */
  readonly item: Protocol.ThreadItem | undefined
  /** For commands: the decisions that the server offers. `undefined`: all decisions of the kind. */
  readonly availableDecisions: ReadonlyArray<Protocol.CommandExecutionApprovalDecision> | undefined
}

/**
 * A decision, with its author and reason.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict<K extends Kind> {
  readonly decision: Decisions[K]
  /** The name of the engine or rule that decided, for logs and audits. */
  readonly by: string
  readonly reason?: string | undefined
}

/**
 * The permissions that a request asks for, in the form of a grant. Fields that this version does not know are left out, because
 * their effect is unknown. `undefined` if a permission is of an unknown kind.
 *
 * @category conversions
 * @since 0.1.0
 */
export const grantOf = ({
  fileSystem,
  network
}: Protocol.RequestPermissionProfile): Protocol.GrantedPermissionProfile | undefined => {
  const permissions = {
    ...(fileSystem == null ? {} : { fileSystem }),
    ...(network == null ? {} : { network })
  }
  return Option.getOrUndefined(Schema.decodeUnknownOption(Protocol.GrantedPermissionProfile())(permissions))
}

/**
 * Decides one kind of request; `undefined` abstains.
 *
 * @category models
 * @since 0.1.0
 */
export type Decide<K extends Kind> = (request: Request<K>) => Effect.Effect<Verdict<K> | undefined, PolicyFailed>

/**
 * The methods of an engine, one for each kind.
 *
 * @category models
 * @since 0.1.0
 */
export type Engine = { readonly [K in Kind]: Decide<K> }

/**
 * Decides the requests of an agent. Always create it with {@link make}: an engine written today then still compiles when a new
 * kind is added, and abstains on it.
 *
 * @category services
 * @since 0.1.0
 */
export class PolicyEngine extends Context.Service<PolicyEngine, Engine>()("@effect-codex/core/PolicyEngine") {}

const abstain = (): Effect.Effect<undefined> => Effect.undefined

/**
 * Makes an engine from functions for the kinds that it decides. It abstains on all other kinds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (engine: { readonly [K in Kind]?: Decide<K> | undefined }): Engine => ({
  command: engine.command ?? abstain,
  fileChange: engine.fileChange ?? abstain,
  permissions: engine.permissions ?? abstain,
  userInput: engine.userInput ?? abstain,
  elicitation: engine.elicitation ?? abstain,
  toolCall: engine.toolCall ?? abstain
})

const always = <K extends Kind>(decision: Decisions[K], by: string): Decide<K> => {
  const verdict = Effect.succeed<Verdict<K>>({ decision, by })
  return () => verdict
}

/**
 * For each kind, the decision that refuses a request and lets its turn continue.
 *
 * @category decisions
 * @since 0.1.0
 */
export const refusals: { readonly [K in Kind]: Decisions[K] } = {
  command: "decline",
  fileChange: "decline",
  permissions: "decline",
  userInput: "decline",
  elicitation: "decline",
  toolCall: "decline"
}

/**
 * An engine that declines every request. The agent can still read, think, answer, and do whatever the sandbox permits without
 * approval.
 *
 * @category engines
 * @since 0.1.0
 */
export const declineAll: Engine = make({
  command: always(refusals.command, "declineAll"),
  fileChange: always(refusals.fileChange, "declineAll"),
  permissions: always(refusals.permissions, "declineAll"),
  userInput: always(refusals.userInput, "declineAll"),
  elicitation: always(refusals.elicitation, "declineAll"),
  toolCall: always(refusals.toolCall, "declineAll")
})

/**
 * An engine that accepts every command, file change and tool call, including those of MCP servers, once each, and grants
 * requested permissions for the turn. For demos in disposable folders.
 *
 * **Gotchas**
 *
 * Accepted commands can run outside the sandbox, with your rights, on your files: use this engine only where the worst that a
 * command can do is acceptable. No person is present, so questions to a person get an empty answer, and questions of MCP
 * servers are declined. An MCP server can disguise a question of its own as codex's approval request for one of its tools;
 * that is accepted too, as if a person had agreed.
 *
 * @category engines
 * @since 0.1.0
 */
export const acceptAll: Engine = make({
  command: always("accept", "acceptAll"),
  fileChange: always("accept", "acceptAll"),
  permissions: ({ params }) => {
    const permissions = grantOf(params.permissions)
    return Effect.succeed({
      decision: permissions === undefined ? "decline" : { permissions, scope: "turn" },
      by: "acceptAll"
    })
  },
  userInput: always({ answers: {} }, "acceptAll"),
  elicitation: ({ params }) =>
    Effect.succeed({
      decision: isMcpToolApproval(params) ? { action: "accept", content: {}, _meta: null } : "decline",
      by: "acceptAll"
    }),
  toolCall: always("accept", "acceptAll")
})

// The form has no fields: the only question is whether the tool may run.
const isMcpToolApproval = (params: Params["elicitation"]): boolean =>
  params.mode === "form" &&
  Predicate.hasProperty(params._meta, "codex_approval_kind") &&
  params._meta.codex_approval_kind === "mcp_tool_call" &&
  Object.keys(params.requestedSchema.properties).length === 0

/**
 * A layer with the engine that {@link make} returns.
 *
 * **Example** (Allowing a single tool)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Effect from "effect/Effect"
 *
 * export const layer = PolicyEngine.layer({
 *   toolCall: ({ params }) =>
 *     Effect.succeed(params.tool === "weather" ? { decision: "accept", by: "weather only" } : undefined)
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (engine: { readonly [K in Kind]?: Decide<K> | undefined }): Layer.Layer<PolicyEngine> =>
  Layer.succeed(PolicyEngine)(make(engine))

/**
 * Declines every request: see {@link declineAll}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDeclineAll: Layer.Layer<PolicyEngine> = Layer.succeed(PolicyEngine)(declineAll)

/**
 * Accepts every command, file change and tool call: see {@link acceptAll}, also for its risks.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAcceptAll: Layer.Layer<PolicyEngine> = Layer.succeed(PolicyEngine)(acceptAll)

/**
 * A person's decision on a command that is reserved for a person. It applies to this command only, never to later ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface HumanVerdict {
  readonly decision: "accept" | "decline" | "cancel"
  /** The person's name, for logs and audits. */
  readonly by: string
  readonly reason?: string | undefined
}

/**
 * Asks a person to decide on a command that is reserved for a person.
 *
 * @category models
 * @since 0.1.0
 */
export type HumanApproval = (request: Request<"command">) => Effect.Effect<HumanVerdict, PolicyFailed>

/**
 * The approval of commands that an administrator has reserved for a person (`kind: "humanCommand"`).
 *
 * **Details**
 *
 * No engine is ever asked about these commands. A connection built in its context declares to the server that it can ask a
 * person. Without it, or without the experimental API, the connection does not declare that, and declines such requests.
 * `Human.layerApproval` of `@effect-codex/policy` provides it.
 *
 * **Gotchas**
 *
 * It belongs to the connection, not to a turn: the server repeats pending requests to a client that connects later.
 *
 * @category services
 * @since 0.1.0
 */
export const HumanApproval = Context.Reference<HumanApproval | undefined>(
  "@effect-codex/core/PolicyEngine/HumanApproval",
  { defaultValue: () => undefined }
)
