import * as MemoryStore from "@effect-codex/durable/MemoryStore"
import { SessionStore } from "@effect-codex/durable/SessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { storeSuite } from "./storeSuite.ts"

storeSuite(
  "a store in memory",
  Effect.map(Layer.build(MemoryStore.layer), (context) => Context.get(context, SessionStore))
)
