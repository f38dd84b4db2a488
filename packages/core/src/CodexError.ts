/**
 * All failures of this package, as tagged errors.
 *
 * The tags are flat, so `Effect.catchTags` reads as a list of situations. An error with a family of causes carries a tagged
 * `reason`, so `Effect.catchReason` works on it. Each message is one line that says what happened and what to do. This module
 * does no I/O and does not know the wire format: `wireErrors` maps errors of the protocol to these.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { type AgentResponse, isAgentResponse } from "./AgentResponse.ts"
import * as Display from "./Display.ts"
import { version } from "./internal/version.ts"
import { isOlder } from "./protocol/Versions.ts"

/**
 * Properties that every error of this package has in addition to its fields. They are computed, so they are neither arguments
 * of the constructor nor part of the encoded form.
 *
 * @category models
 * @since 0.1.0
 */
export interface Documented {
  /** The entry for it in the error table of the repository, such as `docs/errors.md#threadbusy`. */
  readonly docs: string
  /** The version of this package. */
  readonly version: string
}

// The schema only describes the encoded fields, so the getters go onto the prototype of the class.
const documented = <Class>(error: Class, tag: string): Class => {
  if (Predicate.isFunction(error)) {
    Object.defineProperties(error.prototype, {
      docs: { get: () => `docs/errors.md#${tag.toLowerCase()}` },
      version: { get: () => version }
    })
  }
  return error
}

const define =
  <Self>() =>
  <Tag extends string, const Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
    documented(Schema.TaggedError<Self, Documented>()(tag, fields), tag)

// Text from the server may or may not end with a full stop.
const sentence = (text: string): string => (/[.!?…]\s*$/.test(text) ? text.trimEnd() : `${text}.`)

const AgentResponseSchema: Schema.Codec<AgentResponse> = Schema.declare(isAgentResponse)

/**
 * No codex binary was found. `tried` lists the places that were searched, in order.
 *
 * @category errors
 * @since 0.1.0
 */
export class CodexNotFound extends define<CodexNotFound>()("CodexNotFound", {
  tried: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return (
      "No codex binary found. Install it with `npm install @openai/codex`, or set the `binary` option or CODEX_BINARY " +
      `to its path. Tried: ${this.tried.join("; ")}`
    )
  }
}

/**
 * Why a connection failed or ended.
 *
 * - `Spawn`: the process could not be started. `errno` is the system's error code, such as `EMFILE`.
 * - `Connect`: the address could not be reached (`errno`), or the server rejected the connection (HTTP `status`).
 * - `Handshake`: the server refused or did not answer `initialize`.
 * - `Exited`: the process ended, with its exit code or the signal that ended it.
 * - `Closed`: either end closed the connection, or the server sent something that could not be read.
 * - `Write`: writing to the server failed.
 *
 * @category models
 * @since 0.1.0
 */
export const ConnectionFailedReason = Schema.TaggedUnion({
  Spawn: { description: Schema.String, errno: Schema.optionalKey(Schema.String) },
  Connect: {
    description: Schema.String,
    errno: Schema.optionalKey(Schema.String),
    status: Schema.optionalKey(Schema.Finite)
  },
  Handshake: { description: Schema.String },
  Exited: { code: Schema.optionalKey(Schema.Finite), signal: Schema.optionalKey(Schema.String) },
  Closed: { description: Schema.String },
  Write: { description: Schema.String }
})

/**
 * @category models
 * @since 0.1.0
 */
export type ConnectionFailedReason = typeof ConnectionFailedReason.Type

const describeConnection = (reason: ConnectionFailedReason): string => {
  switch (reason._tag) {
    case "Spawn":
      return `could not start the app-server: ${reason.description}`
    case "Connect":
      return `could not connect to the app-server at ${reason.description}`
    case "Handshake":
      return `the app-server did not complete the handshake: ${reason.description}`
    case "Exited":
      return reason.signal === undefined
        ? `the app-server exited with code ${reason.code ?? "unknown"}`
        : `the app-server was ended by ${reason.signal}`
    case "Closed":
      return reason.description
    case "Write":
      return `could not write to the app-server: ${reason.description}`
  }
}

// The line of standard error that explains why the process ended. Warnings and old errors in the log do not.
const tellingLine = (reason: ConnectionFailedReason, stderr: ReadonlyArray<string>): string | undefined => {
  const lines = stderr
    .slice(-20)
    .filter((line) => line.trim() !== "" && !/\b(?:TRACE|DEBUG|INFO|WARN|WARNING)\b|\bwarning:|Warning:/.test(line))
  const fatal = lines.findLast((line) => /\b(?:fatal|panicked|panic)\b/i.test(line))
  switch (reason._tag) {
    case "Spawn":
    case "Handshake":
      return fatal ?? lines.findLast((line) => /\berror\b/i.test(line)) ?? lines.at(-1)
    case "Exited":
      // A process that is killed by a signal writes nothing about it, unless it aborted by itself.
      if (reason.signal !== undefined) return fatal
      return fatal ?? lines.findLast((line) => /\berror\b/i.test(line)) ?? lines.at(-1)
    case "Connect":
    case "Closed":
    case "Write":
      return fatal
  }
}

/**
 * The connection to the app-server could not be made, or has ended. A connection cannot recover: build the layer again.
 *
 * `stderr` holds the newest lines that the process wrote to its standard error, at most 500, without likely secrets and
 * terminal control sequences. The message quotes the line that seems to explain the failure, if there is one.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionFailed extends define<ConnectionFailed>()("ConnectionFailed", {
  reason: ConnectionFailedReason,
  stderr: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const telling = tellingLine(this.reason, this.stderr)
    const stderr = telling === undefined ? "" : ` (${Display.line(telling.trim(), { max: 300 })})`
    return `Connection failed: ${describeConnection(this.reason)}${stderr}. Build the layer again to reconnect.`
  }
}

/**
 * The account is missing or was refused.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAuthenticated extends define<NotAuthenticated>()("NotAuthenticated", {
  description: Schema.String,
  response: Schema.optionalKey(AgentResponseSchema)
}) {
  override get message(): string {
    return `Not authenticated: ${sentence(this.description)} Run \`codex login\` and try again.`
  }
}

/**
 * A login was not completed: it was refused, cancelled, replaced by another one, or its page was never visited.
 *
 * @category errors
 * @since 0.1.0
 */
export class LoginFailed extends define<LoginFailed>()("LoginFailed", {
  /** The target of the login: `account`, or the name of an MCP server. */
  target: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The login to ${this.target} failed: ${sentence(this.description)} Start it again.`
  }
}

/**
 * No thread has this id, neither in this server's memory nor among the stored rollouts. Its rollout may have been deleted.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionNotFound extends define<SessionNotFound>()("SessionNotFound", {
  threadId: Schema.String
}) {
  override get message(): string {
    return `No thread ${JSON.stringify(this.threadId)} exists. Check the id, or leave it out to start a new thread.`
  }
}

/**
 * The thread exists and is archived.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionArchived extends define<SessionArchived>()("SessionArchived", {
  threadId: Schema.String
}) {
  override get message(): string {
    return `Thread ${this.threadId} is archived. Restore it with \`thread.unarchive\`, then try again.`
  }
}

/**
 * The thread is loaded, but has no rollout (stored history) for the method to work on: it has had no turn, or is ephemeral.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoRollout extends define<NoRollout>()("NoRollout", {
  threadId: Schema.String,
  method: Schema.String
}) {
  override get message(): string {
    return `${this.method} needs the stored history of thread ${this.threadId}, and there is none: it begins with the first turn, and an ephemeral thread never has one.`
  }
}

/**
 * Another app-server with the same codex home has the thread open: a thread has one writer at a time. That server releases the
 * thread when it exits, or about a minute after its last client has left the thread.
 *
 * @category errors
 * @since 0.1.0
 */
export class ThreadLocked extends define<ThreadLocked>()("ThreadLocked", {
  threadId: Schema.String
}) {
  override get message(): string {
    return `Another app-server has thread ${this.threadId} open. End that one, connect to it, or fork the thread.`
  }
}

/**
 * The server answered a request with an error that has no tag of its own.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestFailed extends define<RequestFailed>()("RequestFailed", {
  method: Schema.String,
  code: Schema.Finite,
  description: Schema.String,
  data: Schema.optionalKey(Schema.Unknown)
}) {
  override get message(): string {
    return `${this.method} failed (${this.code}): ${this.description}`
  }
}

/**
 * No answer came within the deadline. The request may still take effect: check before sending it again.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestTimedOut extends define<RequestTimedOut>()("RequestTimedOut", {
  method: Schema.String,
  millis: Schema.Finite
}) {
  override get message(): string {
    return `${this.method} was not answered within ${this.millis} ms. It may still take effect: check before repeating it.`
  }
}

/**
 * The server was too busy and did not run the request (JSON-RPC code -32001).
 *
 * @category errors
 * @since 0.1.0
 */
export class Overloaded extends define<Overloaded>()("Overloaded", {
  method: Schema.String
}) {
  override get message(): string {
    return `The app-server is overloaded and did not run ${this.method}. Try again after a pause.`
  }
}

/**
 * The method, or a field of it, needs the experimental API, which this connection has not enabled.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExperimentalApiRequired extends define<ExperimentalApiRequired>()("ExperimentalApiRequired", {
  feature: Schema.String
}) {
  override get message(): string {
    return `${this.feature} is part of the experimental API. Set \`experimentalApi: true\` in the layer's options to use it.`
  }
}

/**
 * The connected server does not know the method, or a field of its parameters, such as `turn/start.rootTurnId`. `since` is the
 * first version of codex that has it, if known.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedMethod extends define<UnsupportedMethod>()("UnsupportedMethod", {
  method: Schema.String,
  serverVersion: Schema.String,
  since: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    const advice =
      this.since === undefined
        ? "Check the name, or install a codex that has it."
        : isOlder(this.serverVersion, this.since)
          ? `Install codex ${this.since} or newer.`
          : `Codex has it since ${this.since}: check which codex the server is.`
    return `The app-server (${this.serverVersion}) does not know ${this.method}. ${advice}`
  }
}

/**
 * The server refused the parameters of a request.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidParams extends define<InvalidParams>()("InvalidParams", {
  method: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `${this.method} was called with invalid parameters: ${this.description}`
  }
}

/**
 * The server broke this version of the protocol in a way that cannot be ignored, such as a response without a required field.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolViolation extends define<ProtocolViolation>()("ProtocolViolation", {
  method: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The app-server's answer to ${this.method} could not be read: ${this.description}. Is the codex version one that this release supports?`
  }
}

/**
 * A consumer fell so far behind that its buffer exceeded the limit, so its stream failed instead of losing events silently.
 *
 * `unread` is the amount that it had not read: a number of requests on the stream of server requests, else bytes. Text counts
 * two bytes for each UTF-16 code unit, which is the most that it takes in memory.
 *
 * @category errors
 * @since 0.1.0
 */
export class SlowConsumer extends define<SlowConsumer>()("SlowConsumer", {
  unread: Schema.Finite,
  unit: Schema.Literals(["bytes", "requests"])
}) {
  override get message(): string {
    return this.unit === "bytes"
      ? `A stream's consumer fell ${this.unread} bytes behind. Consume faster, or raise \`bufferBytes\` in the layer's options.`
      : `A consumer of the server's requests left ${this.unread} of them unread. Consume faster.`
  }
}

/**
 * A policy engine could not decide: it failed, or had a defect. The request was declined.
 *
 * @category errors
 * @since 0.1.0
 */
export class PolicyFailed extends define<PolicyFailed>()("PolicyFailed", {
  description: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `The policy could not decide: ${this.description}`
  }
}

/**
 * A policy engine answered with a decision that this request does not allow. The request was declined.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPolicyDecision extends define<InvalidPolicyDecision>()("InvalidPolicyDecision", {
  kind: Schema.String,
  by: Schema.String,
  /** The kind of the decision, without its contents, which may be a secret. */
  decision: Schema.String
}) {
  override get message(): string {
    return (
      `${this.by} decided ${this.decision}, which this ${this.kind} request does not allow. ` +
      "Accepting decisions must be among its availableDecisions, amendments must begin with the proposed one."
    )
  }
}

/**
 * Why a turn failed, from the server's `codexErrorInfo`. A kind that this version does not know is `Other`.
 *
 * @category models
 * @since 0.1.0
 */
export const TurnFailedReason = Schema.TaggedUnion({
  ContextWindowExceeded: {},
  SessionBudgetExceeded: {},
  UsageLimitExceeded: {},
  RateLimited: {},
  FlexUnavailable: {},
  ServerOverloaded: {},
  ModelNotFound: {},
  PolicyCapacityUnavailable: {},
  InferenceHookDenied: {},
  CyberPolicy: {},
  BioPolicy: {},
  MisalignmentPolicyViolation: {},
  TooManyDenials: {},
  InternalServerError: {},
  BadRequest: {},
  ThreadRollbackFailed: {},
  SandboxError: {},
  HttpConnectionFailed: { httpStatusCode: Schema.NullOr(Schema.Finite) },
  ResponseStreamConnectionFailed: { httpStatusCode: Schema.NullOr(Schema.Finite) },
  ResponseStreamDisconnected: { httpStatusCode: Schema.NullOr(Schema.Finite) },
  TooManyFailedAttempts: { httpStatusCode: Schema.NullOr(Schema.Finite) },
  ActiveTurnNotSteerable: {},
  /** Raised by this client: the agent wrote more text than `maxTextLength` allows, in UTF-16 code units. */
  TextTooLong: { allowed: Schema.Finite },
  Other: { raw: Schema.Unknown }
})

/**
 * @category models
 * @since 0.1.0
 */
export type TurnFailedReason = typeof TurnFailedReason.Type

/**
 * The turn ran and failed. `response` holds the partial result.
 *
 * @category errors
 * @since 0.1.0
 */
export class TurnFailed extends define<TurnFailed>()("TurnFailed", {
  reason: TurnFailedReason,
  description: Schema.String,
  response: AgentResponseSchema
}) {
  override get message(): string {
    const failed = `The turn failed (${this.reason._tag}): ${sentence(this.description)}`
    return isUnfinished(this.response)
      ? `${failed} It was interrupted${notOver}`
      : `${failed} ${turnAdvice(this.reason)}`
  }
}

const turnAdvice = (reason: TurnFailedReason): string => {
  switch (reason._tag) {
    case "ContextWindowExceeded":
      return "Compact the thread, or start a new one."
    case "SessionBudgetExceeded":
    case "UsageLimitExceeded":
      return "Wait until the limit resets, or use another account."
    case "ModelNotFound":
      return "Choose another model: `model/list` returns the available ones."
    case "BadRequest":
      return "Check the turn's parameters, the output schema above all."
    case "TextTooLong":
      return "Ask for less, or allow more with `maxTextLength` in the layer's options."
    case "SandboxError":
      return "Check that the sandbox works on this machine."
    case "HttpConnectionFailed":
    case "ResponseStreamConnectionFailed":
    case "ResponseStreamDisconnected":
    case "TooManyFailedAttempts":
      return isTransient(reason)
        ? "Try again after a pause."
        : "The provider refuses the request: check its address, your plan, and the turn's parameters."
    case "RateLimited":
    case "FlexUnavailable":
    case "ServerOverloaded":
    case "PolicyCapacityUnavailable":
    case "InternalServerError":
      return "Try again after a pause."
    default:
      return "Its thread is intact: change the prompt and try again."
  }
}

// The server has not reported the end of the turn.
const isUnfinished = ({ status }: AgentResponse): boolean => status === "inProgress"

const notOver =
  ", but the server did not report its end: it may still be running. Read the thread before you continue, or close the connection to end the server."

/**
 * The turn was interrupted, by this program or another client of the thread. `response` holds the partial result. If its
 * `status` is still `inProgress`, the server did not report the end of the turn within `stopTimeout`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TurnInterrupted extends define<TurnInterrupted>()("TurnInterrupted", {
  response: AgentResponseSchema
}) {
  override get message(): string {
    return isUnfinished(this.response)
      ? `The turn was interrupted${notOver}`
      : "The turn was interrupted. Its thread is intact: start another turn to continue."
  }
}

/**
 * A turn that this program did not start is running on the thread. If `delivered` is true, the prompt was sent and that turn
 * may have read it; else nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class ThreadBusy extends define<ThreadBusy>()("ThreadBusy", {
  threadId: Schema.String,
  /** The turn that is running. */
  turnId: Schema.String,
  delivered: Schema.Boolean
}) {
  override get message(): string {
    return this.delivered
      ? `The prompt went to turn ${this.turnId}, which is running on thread ${this.threadId} and was not started here. Read the thread before you send it again.`
      : `Turn ${this.turnId} is running on thread ${this.threadId} and was not started here. Nothing was sent: try again when it is over, or set \`whenBusy: "wait"\`.`
  }
}

/**
 * The turn ended before the input for it arrived. The input was not read.
 *
 * @category errors
 * @since 0.1.0
 */
export class TurnOver extends define<TurnOver>()("TurnOver", {
  threadId: Schema.String,
  turnId: Schema.String
}) {
  override get message(): string {
    return `Turn ${this.turnId} of thread ${this.threadId} is over and did not read the input. Start another turn with it.`
  }
}

/**
 * The turn was interrupted, but the server did not end it within `stopTimeout`. It may still be running.
 *
 * @category errors
 * @since 0.1.0
 */
export class TurnNotStopped extends define<TurnNotStopped>()("TurnNotStopped", {
  threadId: Schema.String,
  turnId: Schema.String,
  /** How long the client waited for its end. */
  millis: Schema.Finite
}) {
  override get message(): string {
    return `Turn ${this.turnId} of thread ${this.threadId} did not end within ${this.millis} ms of its interruption and may still be running. Close the connection to end the server.`
  }
}

/**
 * Why a turn counts as stalled: for the given time in milliseconds, it sent nothing (`Silence`), or the server kept retrying
 * to reach the model (`Retries`).
 *
 * @category models
 * @since 0.1.0
 */
export const TurnStalledReason = Schema.TaggedUnion({
  Silence: { millis: Schema.Finite },
  Retries: { millis: Schema.Finite, description: Schema.String }
})

/**
 * The turn made no progress for too long, and was interrupted. `lastEvent` is the method of its last notification,
 * `threadStatus` the status of the thread that the server reported when asked, if it answered. `response` holds the partial
 * result.
 *
 * @category errors
 * @since 0.1.0
 */
export class TurnStalled extends define<TurnStalled>()("TurnStalled", {
  reason: TurnStalledReason,
  lastEvent: Schema.optionalKey(Schema.String),
  threadStatus: Schema.optionalKey(Schema.String),
  response: AgentResponseSchema
}) {
  override get message(): string {
    const { reason } = this
    const why =
      reason._tag === "Silence"
        ? `it said nothing for ${inSeconds(reason.millis)}`
        : `the server was trying to reach the model for ${inSeconds(reason.millis)}: ${reason.description}`
    return isUnfinished(this.response)
      ? `The turn stalled: ${why}. It was interrupted${notOver}`
      : `The turn stalled: ${why}. It was interrupted and its thread is intact: try again, or allow more time with \`watchdog\`.`
  }
}

const inSeconds = (millis: number): string => `${Math.round(millis / 1000)} s`

/**
 * A limit set by this program was reached, and the turn was interrupted, or not started. `limit` and `scope` name the limit;
 * `allowed` and `used` are tokens, turns, or milliseconds. `response` holds the partial result, with its usage.
 *
 * @category errors
 * @since 0.1.0
 */
export class BudgetExceeded extends define<BudgetExceeded>()("BudgetExceeded", {
  limit: Schema.Literals(["tokens", "turns", "duration"]),
  /** Whether the limit applies to a single turn, or to all turns of the layer together. */
  scope: Schema.Literals(["turn", "layer"]),
  allowed: Schema.Finite,
  used: Schema.Finite,
  response: AgentResponseSchema
}) {
  override get message(): string {
    const unit = this.limit === "duration" ? "ms" : this.limit
    const whose = this.scope === "turn" ? "The turn" : "The layer"
    const over = `${whose} may use ${this.allowed} ${unit} and has used ${this.used}.`
    // A turn without an id may never have started.
    return isUnfinished(this.response) && this.response.turnId !== undefined
      ? `${over} The turn was interrupted${notOver}`
      : `${over} Allow more with \`budget\`, or start again.`
  }
}

/**
 * The agent's last answer does not match the output schema, even after the agent was asked again. `description` says where it
 * differs.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutputInvalid extends define<OutputInvalid>()("OutputInvalid", {
  description: Schema.String,
  answer: Schema.String,
  response: AgentResponseSchema
}) {
  override get message(): string {
    return `The agent's answer does not match the output schema: ${this.description}. Simplify the schema, or ask again.`
  }
}

/**
 * A part of the input is invalid, and nothing was sent. `path` is the file concerned, if any.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidInput extends define<InvalidInput>()("InvalidInput", {
  description: Schema.String,
  path: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return `The input is invalid: ${this.description}.`
  }
}

/**
 * An option has an invalid value, and nothing was started. `path` names the option, such as `budget.tokens`.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidConfig extends define<InvalidConfig>()("InvalidConfig", {
  path: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The option ${this.path} is invalid: ${this.description}.`
  }
}

/**
 * Errors that any request can fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type CallError =
  | ConnectionFailed
  | RequestFailed
  | RequestTimedOut
  | Overloaded
  | UnsupportedMethod
  | InvalidParams
  | ProtocolViolation
  | NotAuthenticated
  | ExperimentalApiRequired

/**
 * Additional errors of requests about a thread.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionError = SessionNotFound | SessionArchived | NoRollout | ThreadLocked

/**
 * Errors of a request about a thread.
 *
 * @category models
 * @since 0.1.0
 */
export type ThreadError = CallError | SessionError

/**
 * Errors of a request to the app-server.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestError = ThreadError

/**
 * Errors of a request whose response is not validated.
 *
 * @category models
 * @since 0.1.0
 */
export type RawRequestError = Exclude<RequestError, ProtocolViolation>

/**
 * Errors of starting, resuming or forking a thread.
 *
 * @category models
 * @since 0.1.0
 */
export type ThreadStartError = RequestError | InvalidConfig

/**
 * Errors of starting a turn.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnStartError = RequestError | InvalidConfig | InvalidInput | BudgetExceeded | ThreadBusy | TurnStalled

/**
 * Errors of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnError = TurnStartError | TurnFailed | TurnInterrupted

/**
 * Errors of the stream of a turn's events.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnStreamError = TurnError | SlowConsumer

/**
 * All errors of this package, as one schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CodexError = Schema.Union([
  CodexNotFound,
  ConnectionFailed,
  NotAuthenticated,
  LoginFailed,
  SessionNotFound,
  SessionArchived,
  NoRollout,
  ThreadLocked,
  RequestFailed,
  RequestTimedOut,
  Overloaded,
  ExperimentalApiRequired,
  UnsupportedMethod,
  InvalidParams,
  ProtocolViolation,
  SlowConsumer,
  PolicyFailed,
  InvalidPolicyDecision,
  TurnFailed,
  TurnInterrupted,
  ThreadBusy,
  TurnOver,
  TurnNotStopped,
  TurnStalled,
  BudgetExceeded,
  OutputInvalid,
  InvalidInput,
  InvalidConfig
])

/**
 * @category models
 * @since 0.1.0
 */
export type CodexError = typeof CodexError.Type

/**
 * Whether a value is one of the errors of this package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCodexError: (u: unknown) => u is CodexError = Schema.is(CodexError)

// The provider would repeat any other refusal. Without a status, it did not answer at all.
const isTransientStatus = (status: number | null): boolean =>
  status === null ||
  status === 408 ||
  status === 425 ||
  status === 429 ||
  (status >= 500 && status !== 501 && status !== 505)

const isTransient = (reason: TurnFailedReason): boolean =>
  retryableReasons.has(reason._tag) && (!("httpStatusCode" in reason) || isTransientStatus(reason.httpStatusCode))

const retryableReasons: ReadonlySet<TurnFailedReason["_tag"]> = new Set([
  "RateLimited",
  "FlexUnavailable",
  "ServerOverloaded",
  "PolicyCapacityUnavailable",
  "InternalServerError",
  "HttpConnectionFailed",
  "ResponseStreamConnectionFailed",
  "ResponseStreamDisconnected",
  "TooManyFailedAttempts"
])

/**
 * Whether repeating the same call after a pause can succeed, with nothing changed in between.
 *
 * **Details**
 *
 * True for `Overloaded`, because the request did not run, for a `ThreadBusy` whose prompt was not sent, and for a `TurnFailed`
 * whose reason is a transient provider error. An HTTP status counts as transient if it is 408, 425, 429, or at least 500, except
 * 501 and 505. False for `ConnectionFailed`, because a connection cannot recover: retry the effect that provides the layer.
 * False for `RequestTimedOut`, because the request may have taken effect.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRetryable = (error: unknown): boolean =>
  isCodexError(error) &&
  (error._tag === "Overloaded" ||
    (error._tag === "ThreadBusy" && !error.delivered) ||
    (error._tag === "TurnFailed" && isTransient(error.reason)))

/**
 * Retries retryable errors: at most five times, first after about a second, then after twice as long each time, with jitter.
 * A retried turn is a new turn: the effects of the failed one are not undone.
 *
 * **Example** (Retrying a turn after a transient provider error)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as CodexError from "@effect-codex/core/CodexError"
 * import * as Effect from "effect/Effect"
 *
 * export const program = Effect.gen(function* () {
 *   const codex = yield* Codex.Codex
 *   return yield* codex.responses
 *     .create({ prompt: "Summarize the README" })
 *     .pipe(Effect.retry(CodexError.retrySchedule))
 * })
 * ```
 *
 * @category schedules
 * @since 0.1.0
 */
export const retrySchedule: Schedule.Schedule<Duration.Duration, unknown> = Schedule.exponential("1 second").pipe(
  Schedule.jittered,
  Schedule.while(({ attempt, input }) => attempt <= 5 && isRetryable(input))
)
