/**
 * `effect-codex models`: its flags.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Connection from "./Connection.ts"
import { json, toggle } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const flags = { hidden: toggle("hidden", "Those too that are not meant to be picked"), json, ...Connection.flags }

/**
 * What the flags were.
 *
 * @category models
 * @since 0.1.0
 */
export type Flags = Command.Command.Config.Infer<typeof flags>

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make(
  "models",
  flags,
  lazily(() => import("./internal/modelsHandler.ts").then(({ models }) => models))
).pipe(
  Command.withDescription("List the models that codex knows"),
  Command.withExamples([
    { command: "effect-codex models", description: "What --model can be" },
    { command: "effect-codex models --json | jq -r '.data[] | select(.isDefault).id'", description: "The default" }
  ])
)
