/**
 * All public modules, for imports from the package by name. `McpTools` is left out, as it loads an HTTP server: import it by its
 * path.
 *
 * @stability stable
 * @since 0.1.0
 */
export * as Account from "./api/Account.ts"
export * as AgentResponse from "./AgentResponse.ts"
export * as App from "./api/App.ts"
export * as AppServer from "./AppServer.ts"
export * as CheckedOption from "./CheckedOption.ts"
export * as Codex from "./Codex.ts"
export * as CodexBinary from "./CodexBinary.ts"
export * as CodexConfig from "./api/CodexConfig.ts"
export * as CodexError from "./CodexError.ts"
export * as Command from "./api/Command.ts"
export * as Display from "./Display.ts"
export * as ExperimentalApi from "./ExperimentalApi.ts"

export * as Fs from "./api/Fs.ts"
export * as FuzzyFileSearch from "./api/FuzzyFileSearch.ts"
export * as Groups from "./api/Groups.ts"
export * as Input from "./Input.ts"

export * as McpServer from "./api/McpServer.ts"
export * as Model from "./api/Model.ts"
export * as Notification from "./Notification.ts"
export * as PolicyEngine from "./PolicyEngine.ts"
export * as Redaction from "./Redaction.ts"
export * as ResponseEvent from "./ResponseEvent.ts"
export * as Review from "./api/Review.ts"
export * as ServerRequest from "./ServerRequest.ts"
export * as Skills from "./api/Skills.ts"
export * as StructuredOutput from "./StructuredOutput.ts"
export * as Telemetry from "./Telemetry.ts"
export * as Thread from "./Thread.ts"
export * as ThreadFiling from "./api/ThreadFiling.ts"
export * as ThreadSearch from "./api/ThreadSearch.ts"
export * as ThreadStore from "./api/ThreadStore.ts"
export * as ThreadWork from "./api/ThreadWork.ts"
export * as Tools from "./Tools.ts"
export * as ToolServer from "./ToolServer.ts"
export * as Transcript from "./Transcript.ts"
export * as Transport from "./Transport.ts"
export * as Turn from "./Turn.ts"
export * as TurnControl from "./api/TurnControl.ts"
export * as WebSocketTransport from "./WebSocketTransport.ts"

export * as DecisionObserver from "./DecisionObserver.ts"
