#!/usr/bin/env node
/**
 * The command `effect-codex`.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ExitCode from "./ExitCode.ts"
import { commands, loadCommands } from "./internal/commands.ts"
import { toggle } from "./internal/flags.ts"
import * as Profile from "./internal/profile.ts"
import { presenter, report } from "./internal/report.ts"
import { version } from "./Version.ts"

// Both are read from the arguments, because failures of parsing them have to be reported too.
const debug = GlobalFlag.Setting("debug")({
  flag: toggle("debug", "Show stack traces on errors")
})
const end = process.argv.indexOf("--")
const args = process.argv.slice(2, end === -1 ? undefined : end)

const json = args.some((arg) => arg === "--json" || arg === "--jsonl" || arg === "--json=true")
// `help` and `version` are words for flags. The parser reports an unknown command only without `--help`.
const [first, ...others] = process.argv.slice(2)
const isKnown = others[0] === undefined || commands.some(({ name }) => name === others[0])
const helped = isKnown ? [...others, "--help"] : others
const words = first === "help" ? helped : first === "version" ? ["--version"] : [first, ...others]

const run = Effect.flatMap(loadCommands(args), (loaded) => {
  const command = Command.make("effect-codex").pipe(
    Command.withDescription("Drive Codex agents from the terminal"),
    Command.withExamples([
      { command: 'effect-codex run --offline "hi"', description: "Try it without an account" },
      { command: 'effect-codex run "What does this project do?"', description: "Run your own prompt" },
      { command: "effect-codex doctor", description: "Check the installation" }
    ]),
    Command.withSubcommands(loaded),
    Command.withGlobalFlags([debug])
  )
  return Effect.flatMap(
    Profile.expand(
      words.filter((word) => word !== undefined),
      process.env
    ),
    Command.runWith(command, { version })
  )
})

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

const services = Layer.mergeAll(
  NodeServices.layer,
  CliConfig.layer({
    builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
  }),
  CliOutput.layerPresenter(presenter(json)),
  Layer.succeed(Logger.LogToStderr)(true)
)

run.pipe(
  Effect.tapCause((cause) => report(cause, { debug: args.includes("--debug"), json }, first)),
  Effect.provide(services),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(readerGone ? ExitCode.codes.readerGone : ExitCode.fromExit(exit))
  })
)
