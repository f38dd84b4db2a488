/**
 * `effect-codex login`, `logout` and `account`: their flags.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Connection from "./Connection.ts"
import { json, toggle } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const handlers = () => import("./internal/accountHandler.ts")

const loginFlags = {
  method: Flag.Literals("method", ["browser", "device-code", "api-key"]).pipe(
    Flag.withDescription("How: with ChatGPT in a browser here or on another device, or with a key that is asked for"),
    Flag.withDefault("browser")
  ),
  apiKeyStdin: toggle("api-key-stdin", "Read an API key from standard input; a key is never an argument"),
  ...Connection.flags
}

/**
 * The command `login`.
 *
 * @category commands
 * @since 0.1.0
 */
export const login = Command.make(
  "login",
  loginFlags,
  lazily(() => handlers().then(({ login }) => login))
).pipe(
  Command.withDescription("Log in; Ctrl-C gives up"),
  Command.withExamples([
    { command: "effect-codex login", description: "With ChatGPT, in a browser" },
    { command: "effect-codex login --method device-code", description: "With ChatGPT, in a browser somewhere else" },
    { command: "printenv OPENAI_API_KEY | effect-codex login --api-key-stdin", description: "With an API key" }
  ])
)

const flags = { ...Connection.flags }

/**
 * The command `logout`.
 *
 * @category commands
 * @since 0.1.0
 */
export const logout = Command.make(
  "logout",
  flags,
  lazily(() => handlers().then(({ logout }) => logout))
).pipe(
  Command.withDescription("Forget the account, its tokens and keys"),
  Command.withExamples([{ command: "effect-codex logout", description: "Log out" }])
)

const accountFlags = { json, ...Connection.flags }

/**
 * The command `account`.
 *
 * @category commands
 * @since 0.1.0
 */
export const account = Command.make(
  "account",
  accountFlags,
  lazily(() => handlers().then(({ account }) => account))
).pipe(
  Command.withDescription("Show who is logged in; exits with 3 if nobody is and somebody has to be"),
  Command.withExamples([{ command: "effect-codex account --json", description: "For a program" }])
)

/**
 * What the flags of a command were.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flags {
  readonly login: Command.Command.Config.Infer<typeof loginFlags>
  readonly logout: Command.Command.Config.Infer<typeof flags>
  readonly account: Command.Command.Config.Infer<typeof accountFlags>
}
