/**
 * The service that decides what an agent may do.
 *
 * Codex asks before it runs a command, changes files, widens its permissions, calls one of our tools, or wants something
 * from a person. An Effect that runs a turn requires a `PolicyEngine`, so forgetting to decide is a type error. An engine
 * may abstain on any request by returning `undefined`; a request on which it abstains is declined. Rules and judges live
 * in other packages: this module holds the contract and the two engines that need none.
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
 * What can be asked: `command` (also typing into a running terminal), `fileChange`, `permissions` (wider sandbox
 * permissions for the rest of a turn or session), `userInput` (questions to a person), `elicitation` (an MCP server asks
 * a person, or asks leave for a tool call), `toolCall` (a gate before the handler of a dynamic tool runs).
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = keyof Params

/**
 * What can be decided for each kind.
 *
 * **Details**
 *
 * `decline` and `cancel` are always legal. For commands, an accepting decision must be among the request's
 * `availableDecisions`. A grant of permissions is used as given, a file change or command accepted `acceptForSession` is
 * accepted for all that follows, so no engine of this package ever says that.
 *
 * **Gotchas**
 *
 * Accepting a command can run it outside the sandbox, whatever sandbox the thread has: the request does not say which.
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
   * The item that the request is about, as `item/started` announced it: for a file change, the place where the paths are.
   */
  readonly item: Protocol.ThreadItem | undefined
  /** For commands: the decisions that the server offers. `undefined`: all that the kind has. */
  readonly availableDecisions: ReadonlyArray<Protocol.CommandExecutionApprovalDecision> | undefined
}

/**
 * A decision, who made it and why.
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
 * The permissions that a request asks for, as they can be granted: without fields that this version does not know, as nobody
 * can say what they would grant. `undefined` if some of the permissions are of a kind that it does not know.
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
 * Decides on what an agent asks for. Made with {@link make} alone, so that an engine written today compiles, and
 * abstains, when a new kind comes.
 *
 * @category services
 * @since 0.1.0
 */
export class PolicyEngine extends Context.Service<PolicyEngine, Engine>()("@effect-codex/core/PolicyEngine") {}

const abstain = (): Effect.Effect<undefined> => Effect.undefined

/**
 * Makes an engine of the kinds that it decides on; it abstains on all others.
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
 * The decision that refuses a request and lets its turn go on, for each kind.
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
 * An engine that declines every request: the agent reads, thinks and answers, and whatever the sandbox permits it without
 * asking.
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
 * An engine that accepts every command, file change and tool call, those of MCP servers too, once each, and grants the
 * permissions that are asked for, for the turn. For demos in throwaway folders.
 *
 * **Gotchas**
 *
 * Accepted commands can run outside the sandbox, with your rights, on your files: use it where the worst that a command
 * can do is acceptable. Questions to a person are answered with no answers, and the questions of MCP servers are declined:
 * nobody is there to answer. An MCP server can ask a question of its own in the form in which codex asks whether one of its
 * tools may run; that is accepted too, and gives the server a consent that nobody gave.
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

// There is nothing to fill in: all that is asked is whether the tool may run.
const isMcpToolApproval = (params: Params["elicitation"]): boolean =>
  params.mode === "form" &&
  Predicate.hasProperty(params._meta, "codex_approval_kind") &&
  params._meta.codex_approval_kind === "mcp_tool_call" &&
  Object.keys(params.requestedSchema.properties).length === 0

/**
 * A policy of the kinds that it decides on: a layer of what {@link make} makes.
 *
 * **Example** (Letting an agent call one tool and nothing else)
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
 * Accepts every command, file change and tool call: see {@link acceptAll}, for what that means too.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAcceptAll: Layer.Layer<PolicyEngine> = Layer.succeed(PolicyEngine)(acceptAll)

/**
 * What a person may say to a command that is for a person alone: yes or no to this one, and nothing about what follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface HumanVerdict {
  readonly decision: "accept" | "decline" | "cancel"
  /** Who answered, for logs and audits. */
  readonly by: string
  readonly reason?: string | undefined
}

/**
 * Has a person decide on a command that is for a person alone.
 *
 * @category models
 * @since 0.1.0
 */
export type HumanApproval = (request: Request<"command">) => Effect.Effect<HumanVerdict, PolicyFailed>

/**
 * Who answers the commands that an administrator has reserved for a person (`kind: "humanCommand"`).
 *
 * **Details**
 *
 * No engine is ever asked about them, whatever it is made of. A connection that is built where this is provided tells the
 * server that it can put them to a person; without it, or without the experimental API, it does not say so, and should one
 * come all the same, it is declined. `Human.layerApproval` of `@effect-codex/policy` is what provides it.
 *
 * **Gotchas**
 *
 * It belongs to the connection, not to a turn: the server repeats what still waits to a client that comes later.
 *
 * @category services
 * @since 0.1.0
 */
export const HumanApproval = Context.Reference<HumanApproval | undefined>(
  "@effect-codex/core/PolicyEngine/HumanApproval",
  { defaultValue: () => undefined }
)
