/**
 * Runs the agent on your own codex and account, in the current folder: `npm start`.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describeFolder, policy } from "./agent.ts"

const program = describeFolder.pipe(
  Effect.flatMap((sentence) => Console.log(sentence)),
  Effect.catchTag("NotAuthenticated", (error) => Console.error(error.message))
)

const Main = Layer.merge(Codex.layer(), policy).pipe(Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
