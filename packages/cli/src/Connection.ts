/**
 * The flags of all commands that start a codex: they choose the executable, its configuration and its folder.
 *
 * This module only defines the flags, so that they are the same everywhere. The code that starts a codex is elsewhere, because
 * `--help` must not wait for it to load.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { optional, toggle } from "./internal/flags.ts"

/**
 * The flags, to be spread among those of a command.
 *
 * @category flags
 * @since 0.1.0
 */
export const flags = {
  codex: optional(Flag.String("codex")).pipe(
    Flag.withMetavar("PATH"),
    Flag.withDescription(
      "The codex executable. Default: CODEX_BINARY, an installed @openai/codex, or codex on the PATH"
    )
  ),
  config: Flag.KeyValuePair("config").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("A setting of codex for this command, as key=value; repeatable"),
    Flag.withDefault({})
  ),
  cwd: optional(Flag.String("cwd")).pipe(
    Flag.withAlias("C"),
    Flag.withMetavar("DIR"),
    Flag.withDescription("The folder to work in. Default: the current one")
  ),
  codexHome: optional(Flag.String("codex-home")).pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription(
      "The folder of the configuration, account and threads of codex. Default: CODEX_HOME, or ~/.codex"
    )
  ),
  offline: toggle(
    "offline",
    "Use a stand-in for the model and a throwaway home: needs neither an account nor a network"
  )
}

/**
 * The values of the flags.
 *
 * @category models
 * @since 0.1.0
 */
export type Flags = Command.Command.Config.Infer<typeof flags>
