#!/usr/bin/env node
/**
 * The command `effect-codex`.
 *
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
import * as AccountCommand from "./AccountCommand.ts"
import * as AuditCommand from "./AuditCommand.ts"
import * as DemoCommand from "./DemoCommand.ts"
import * as DoctorCommand from "./DoctorCommand.ts"
import * as ExitCode from "./ExitCode.ts"
import { toggle } from "./internal/flags.ts"
import { presenter, report } from "./internal/report.ts"
import * as ModelsCommand from "./ModelsCommand.ts"
import * as PolicyCommand from "./PolicyCommand.ts"
import * as RunCommand from "./RunCommand.ts"
import * as ThreadsCommand from "./ThreadsCommand.ts"
import { version } from "./Version.ts"

// Whether it is given is read from the arguments: a failure has to be told also where they could not be parsed.
const debug = GlobalFlag.Setting("debug")({
  flag: toggle("debug", "Where something went wrong, show where in the program")
})
const end = process.argv.indexOf("--")
const debugging = process.argv.slice(2, end === -1 ? undefined : end).includes("--debug")

const root = Command.make("effect-codex").pipe(
  Command.withDescription("Drive Codex agents from the terminal"),
  Command.withSubcommands([
    RunCommand.command,
    ThreadsCommand.command,
    ModelsCommand.command,
    AccountCommand.login,
    AccountCommand.logout,
    AccountCommand.account,
    PolicyCommand.command,
    AuditCommand.command,
    DoctorCommand.command,
    DemoCommand.command
  ]),
  Command.withGlobalFlags([debug])
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

const services = Layer.mergeAll(
  NodeServices.layer,
  CliConfig.layer({
    builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
  }),
  CliOutput.layerPresenter(presenter),
  Layer.succeed(Logger.LogToStderr)(true)
)

Command.run(root, { version }).pipe(
  Effect.tapCause((cause) => report(cause, debugging)),
  Effect.provide(services),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(readerGone ? ExitCode.codes.readerGone : ExitCode.ofExit(exit))
  })
)
