/**
 * `effect-codex demo`: its flags.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { toggle } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const flags = {
  mode: Flag.Literals("mode", ["smoke"]).pipe(
    Flag.withDescription("smoke: a response, a text stream, an approval"),
    Flag.withDefault("smoke")
  ),
  offline: toggle("offline", "Let a stand-in answer for the model: needs neither an account nor a network")
}

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make(
  "demo",
  flags,
  lazily(() => import("./Demo.ts").then(({ run }) => run))
).pipe(
  Command.withDescription("Show that codex and this package work here"),
  Command.withExamples([
    { command: "effect-codex demo --offline", description: "Check an installation without an account" }
  ])
)
