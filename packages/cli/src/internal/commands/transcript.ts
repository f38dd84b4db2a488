/**
 * `effect-codex transcript` and its subcommands.
 */
import * as Command from "effect/cli/Command"
import * as Redact from "./transcript/redact.ts"
import * as Report from "./transcript/report.ts"
import * as Show from "./transcript/show.ts"
import * as Trim from "./transcript/trim.ts"

/** The command, with its subcommands. */
export const command = Command.make("transcript").pipe(
  Command.withDescription("Look at recordings of runs, cut them down and redact them"),
  Command.withSubcommands([Show.command, Report.command, Trim.command, Redact.command])
)
