/**
 * `effect-codex audit` and what can be asked of an audit trail: the flags.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import { json, optional, text } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const file = Argument.String("FILE").pipe(
  Argument.withDescription("The trail's newest file; FILE.1 and so on are read with it")
)

const verifyFlags = {
  file,
  anchor: text("anchor", "COUNT:HASH", "A record that has to be in it as it was: what an earlier verify has printed"),
  json
}

const verify = Command.make(
  "verify",
  verifyFlags,
  lazily(() => import("./internal/audit/verify.ts").then(({ verify }) => verify))
).pipe(
  Command.withDescription("Check that a trail is whole, and print its anchor. Exits with 1 if it is not"),
  Command.withShortDescription("Check that a trail is whole"),
  Command.withExamples([
    { command: "effect-codex audit verify audit.jsonl", description: "The whole trail" },
    {
      command: 'effect-codex audit verify audit.jsonl --anchor "$(cat anchor)"',
      description: "Also its end, against an anchor that was kept elsewhere"
    }
  ])
)

const showFlags = {
  file,
  type: optional(
    Flag.Literals("type", ["decision", "outcome", "unasked", "dropped", "opened", "rotated"]).pipe(
      Flag.withDescription("Only the records of this type")
    )
  ),
  last: Flag.Int("last").pipe(
    Flag.withDescription("How many records to show; 0 for all. Default: 50"),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
    Flag.withDefault(50)
  ),
  json
}

const show = Command.make(
  "show",
  showFlags,
  lazily(() => import("./internal/audit/show.ts").then(({ show }) => show))
).pipe(
  Command.withDescription("Show the newest records of a trail. Exits with 1 if it is not whole"),
  Command.withShortDescription("Show the newest records of a trail"),
  Command.withExamples([
    { command: "effect-codex audit show audit.jsonl --type unasked", description: "What ran without a request" },
    {
      command: "effect-codex audit show audit.jsonl --last 0 --json | jq -r '.[].decision'",
      description: "All of them, for a program"
    }
  ])
)

/**
 * What the flags of a subcommand were.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flags {
  readonly verify: Command.Command.Config.Infer<typeof verifyFlags>
  readonly show: Command.Command.Config.Infer<typeof showFlags>
}

/**
 * The command, with its subcommands.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make("audit").pipe(
  Command.withDescription("Check and read the trail of what an agent was allowed"),
  Command.withSubcommands([verify, show])
)
