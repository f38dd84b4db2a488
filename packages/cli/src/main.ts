#!/usr/bin/env node
/**
 * The command `effect-codex`.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import { lazily } from "./internal/lazily.ts"
import * as RunCommand from "./RunCommand.ts"

// What goes wrong is told in one line; what was told already is not told again.
const forPeople = <E extends Error>(error: E): E | CliError.UserError =>
  Runtime.getErrorReported(error) ? new CliError.UserError({ cause: error }) : error

const demo = Command.make(
  "demo",
  {
    mode: Flag.Literals("mode", ["smoke"]).pipe(
      Flag.withDescription("smoke: a response, a text stream, an approval"),
      Flag.withDefault("smoke")
    ),
    offline: Flag.Boolean("offline").pipe(
      Flag.withDescription("Let a stand-in answer for the model: needs neither an account nor a network"),
      Flag.withDefault(false)
    )
  },
  lazily(() =>
    import("./Demo.ts").then(
      ({ run }) =>
        (options: Parameters<typeof run>[0]) =>
          Effect.mapError(run(options), forPeople)
    )
  )
).pipe(
  Command.withDescription("Show that codex and this package work here"),
  Command.withExamples([
    { command: "effect-codex demo --offline", description: "Check an installation without an account" }
  ])
)

const root = Command.make("effect-codex").pipe(
  Command.withDescription("Drive Codex agents from the terminal"),
  Command.withSubcommands([RunCommand.command, demo])
)

Command.run(root, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
