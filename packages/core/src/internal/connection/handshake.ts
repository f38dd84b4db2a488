/**
 * The first exchange of a connection: the client's name and capabilities, and the server's description of itself.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ConnectionFailed } from "../../CodexError.ts"
import type { JsonRpc } from "../rpc/jsonRpc.ts"
import * as PolicyEngine from "../../PolicyEngine.ts"
import { codexVersion } from "../../protocol/generated/Methods.ts"
import * as Protocol from "../../protocol/Protocol.ts"
import * as Versions from "../../protocol/Versions.ts"
import type { Transport } from "../../Transport.ts"
import { version } from "../version.ts"
import { observeRequest } from "./observe.ts"

/** The content of the handshake, and its timeout. */
export interface HandshakeOptions {
  readonly clientInfo?: { readonly name: string; readonly title?: string; readonly version: string } | undefined
  readonly binary?: string | undefined
  readonly cwd?: string | undefined
  readonly experimentalApi?: boolean | undefined
  readonly handshakeTimeout: Duration.Duration
  readonly minVersion?: string | undefined
  readonly onAttestation?: unknown
  readonly optOutNotificationMethods?: ReadonlyArray<string> | undefined
}

/**
 * The server's description of itself, from the handshake.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerInfo {
  /** For example `0.169.0`; `unknown` if the user agent does not contain it. */
  readonly version: string
  readonly userAgent: string
  /** The folder with the server's configuration and rollouts. */
  readonly codexHome: string
  /** The absolute path of its working directory, if it was started here. */
  readonly cwd: string | undefined
  /** The path of its binary, if it was started here. */
  readonly binary: string | undefined
}

const defaultClientInfo = { name: "effect-codex", title: "effect-codex", version }

export const handshake = Effect.fnUntraced(function* (
  rpc: JsonRpc,
  transport: Transport["Service"],
  options: HandshakeOptions
): Effect.fn.Return<ServerInfo, ConnectionFailed> {
  const clientInfo = options.clientInfo ?? defaultClientInfo
  const experimentalApi = options.experimentalApi === true
  const isPersonThere = (yield* PolicyEngine.HumanApproval) !== undefined
  const capabilities = {
    experimentalApi,
    requestAttestation: options.onAttestation !== undefined,
    requiredHumanApproval: experimentalApi && isPersonThere,
    optOutNotificationMethods: options.optOutNotificationMethods ?? null
  }
  const deadline = Duration.toMillis(options.handshakeTimeout)
  const failed = Effect.fnUntraced(function* (description: string) {
    const stderr = yield* transport.diagnostics
    const malformed = yield* rpc.firstMalformed
    const banner = malformed === undefined ? "" : `; it wrote a line that is not a JSON-RPC message: "${malformed}"`
    const reason = { _tag: "Handshake" as const, description: `${description}${banner}` }
    return yield* new ConnectionFailed({ reason, stderr })
  })
  const response = yield* observeRequest(
    "initialize",
    rpc.request("initialize", { clientInfo, capabilities }, { deadline })
  ).pipe(
    Effect.catchTags({
      RpcError: (error) => failed(error.message),
      RpcTimedOut: () => failed("no answer to initialize")
    })
  )
  const { codexHome, userAgent } = yield* Effect.catch(
    Effect.fromResult(Protocol.decodeResponse("initialize", response)),
    failed
  )
  yield* rpc.notify("initialized")
  if (isPersonThere && !experimentalApi) {
    yield* Effect.logWarning("The server will not ask a person to approve commands: that needs `experimentalApi`")
  }

  const version = versionIn(userAgent, clientInfo.name)
  yield* Effect.annotateCurrentSpan("codex.version", version)
  const { minVersion } = options
  if (minVersion !== undefined && !Versions.isPublished(version)) {
    const said = version === "unknown" ? "does not say which codex it is" : `is codex ${version}, built from source`
    return yield* failed(`the app-server ${said}, and minVersion is ${minVersion}`)
  }
  if (minVersion !== undefined && Versions.isOlder(version, minVersion)) {
    return yield* failed(`the app-server is codex ${version}, and minVersion is ${minVersion}. Install a newer codex`)
  }
  if (Versions.isOlder(version, Versions.oldest)) {
    yield* Effect.logWarning(
      `The app-server is codex ${version}; the oldest that is expected to work is ${Versions.oldest}`
    )
  } else if (version !== codexVersion) {
    yield* Effect.logDebug(`The app-server is ${version}, the protocol that this client knows is ${codexVersion}`)
  }
  return { version, userAgent, codexHome, cwd: options.cwd, binary: options.binary }
})

// The user agent begins with the name of the client that connected first. On a shared server that may be another client.
const versionIn = (userAgent: string, name: string): string => {
  const rest = userAgent.startsWith(name) ? userAgent.slice(name.length) : userAgent
  const [, found = ""] = /\/(\d+\.\d+\.\d+\S*)/.exec(rest) ?? []
  return Versions.isVersion(found) ? found : "unknown"
}
