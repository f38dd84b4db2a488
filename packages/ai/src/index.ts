/**
 * Codex inside `effect/ai`: a language model, codex's own tools as parts of a response, and agents as tools.
 *
 * @stability experimental
 * @since 0.1.0
 */
export * as Agent from "./Agent.ts"
export * as CodexLanguageModel from "./CodexLanguageModel.ts"
export * as CodexTools from "./CodexTools.ts"
