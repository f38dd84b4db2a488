/**
 * `effect-codex doctor`: its flags.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Connection from "./Connection.ts"
import { json } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const flags = { json, ...Connection.flags }

/**
 * What the flags were.
 *
 * @category models
 * @since 0.1.0
 */
export type Flags = Command.Command.Config.Infer<typeof flags>

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make(
  "doctor",
  flags,
  lazily(() => import("./internal/doctorHandler.ts").then(({ run }) => run))
).pipe(
  Command.withDescription(
    "Look at codex, its configuration, account and sandbox, and say what to do about what is wrong"
  ),
  Command.withShortDescription("Look at what is needed here, and say what is wrong"),
  Command.withExamples([
    { command: "effect-codex doctor", description: "Find out what is wrong" },
    {
      command: "effect-codex doctor --json | jq '.findings[] | select(.status != \"ok\")'",
      description: "The same for a program"
    },
    { command: "effect-codex doctor --codex ./codex-next", description: "See what a newer codex changes" }
  ])
)
