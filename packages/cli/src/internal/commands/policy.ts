/**
 * `effect-codex policy` and its subcommands.
 */
import * as Command from "effect/cli/Command"
import * as Check from "./policy/check.ts"
import * as Explain from "./policy/explain.ts"
import * as Init from "./policy/init.ts"
import * as Lint from "./policy/lint.ts"
import * as Replay from "./policy/replay.ts"
import * as Schema from "./policy/schema.ts"
import * as Suggest from "./policy/suggest.ts"
import * as Test from "./policy/test.ts"

/** The command, with its subcommands. */
export const command = Command.make("policy").pipe(
  Command.withDescription("Write, check, test and explain the rules that decide on approval requests"),
  Command.withSubcommands([
    Init.command,
    Check.command,
    Lint.command,
    Test.command,
    Replay.command,
    Suggest.command,
    Explain.command,
    Schema.command
  ])
)
