/**
 * The modules for tests, for imports from `@effect-codex/core/testing`.
 *
 * @stability stable
 * @since 0.1.0
 */
export * as CodexHome from "./CodexHome.ts"
export * as CodexTest from "./CodexTest.ts"
export * as MockAppServer from "./MockAppServer.ts"
export * as MockModel from "./MockModel.ts"
export * as Simulation from "./Simulation.ts"
