/**
 * All public modules, for imports from the package by name.
 *
 * @stability experimental
 * @since 0.1.0
 */
export * as Approval from "./Approval.ts"
export * as Durable from "./Durable.ts"
export * as DurableError from "./DurableError.ts"
export * as Job from "./Job.ts"
export * as Live from "./Live.ts"
export * as MemoryStore from "./MemoryStore.ts"
export * as Session from "./Session.ts"
export * as SessionEvent from "./SessionEvent.ts"
export * as SessionStore from "./SessionStore.ts"
export * as Sessions from "./Sessions.ts"
export * as SqliteStore from "./SqliteStore.ts"
