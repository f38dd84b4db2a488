/**
 * A store in the memory of this process, for tests and for programs that do not need a file.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { makeMemory } from "./internal/store/memory.ts"
import { SessionStore } from "./SessionStore.ts"

/**
 * Keeps sessions in memory. They are lost when the layer closes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<SessionStore> = Layer.effect(SessionStore)(makeMemory)
