/**
 * `effect-codex audit` and its subcommands.
 */
import * as Command from "effect/cli/Command"
import * as Show from "./audit/show.ts"
import * as Verify from "./audit/verify.ts"

/** The command, with its subcommands. */
export const command = Command.make("audit").pipe(
  Command.withDescription("Verify and show the audit trail of decisions"),
  Command.withSubcommands([Verify.command, Show.command])
)
