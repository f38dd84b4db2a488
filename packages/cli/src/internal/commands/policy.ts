/**
 * `effect-codex policy` and its subcommands.
 */
import * as Command from "effect/cli/Command"
import * as Check from "./policy/check.ts"
import * as Explain from "./policy/explain.ts"
import * as Schema from "./policy/schema.ts"
import * as Test from "./policy/test.ts"

/** The command, with its subcommands. */
export const command = Command.make("policy").pipe(
  Command.withDescription("Try, test and read the rules that decide what an agent may do"),
  Command.withSubcommands([Check.command, Test.command, Explain.command, Schema.command])
)
