#!/usr/bin/env node
/**
 * The command `effect-codex`.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import { exitCodeOf } from "./ExitCode.ts"
import { lazily } from "./internal/lazily.ts"
import * as RunCommand from "./RunCommand.ts"

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
  lazily(() => import("./Demo.ts").then(({ run }) => run))
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

// A reader that has gone, as `head` does, and a terminal that was closed end us the way a Ctrl-C does.
let readerGone = false
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", () => {
    if (readerGone) return
    readerGone = true
    process.emit("SIGTERM")
  })
}
process.on("SIGHUP", () => process.emit("SIGTERM"))

const debug = process.argv.includes("--debug")

const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  if (Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(error)) return Effect.void
  const message = error instanceof Error ? error.message : String(error)
  return Console.error(debug ? Cause.pretty(cause) : `effect-codex: ${message}`)
}

Command.run(root, { version: "0.0.0" }).pipe(
  Effect.tapCause(report),
  Effect.provide(Layer.merge(NodeServices.layer, Layer.succeed(Logger.LogToStderr)(true))),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      if (Exit.isSuccess(exit)) return onExit(0)
      if (readerGone) return onExit(141)
      return onExit(Cause.hasInterruptsOnly(exit.cause) ? 130 : exitCodeOf(Cause.squash(exit.cause)))
    }
  })
)
