/**
 * @since 0.1.0
 */
export * as AgentResponse from "./AgentResponse.ts"
export * as AppServer from "./AppServer.ts"
export * as Codex from "./Codex.ts"
export * as CodexBinary from "./CodexBinary.ts"
export * as CodexError from "./CodexError.ts"
export * as ExperimentalApi from "./ExperimentalApi.ts"
export * as JsonRpc from "./JsonRpc.ts"
export * as Notification from "./Notification.ts"
export * as PolicyEngine from "./PolicyEngine.ts"
export * as ResponseEvent from "./ResponseEvent.ts"
export * as ServerRequest from "./ServerRequest.ts"
export * as Thread from "./Thread.ts"
export * as Transport from "./Transport.ts"
export * as Turn from "./Turn.ts"
export * as WebSocketTransport from "./WebSocketTransport.ts"
export * as WireError from "./WireError.ts"
