/**
 * `effect-codex login`, `logout` and `account`.
 */
import type * as Account from "@effect-codex/core/api/Account"
import * as Codex from "@effect-codex/core/Codex"
import { NotAuthenticated } from "@effect-codex/core/CodexError"
import type * as Protocol from "@effect-codex/core/protocol/generated/Stable"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Connection from "../../Connection.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { layer } from "../connect.ts"
import { json, toggle } from "../flags.ts"
import * as Print from "../print.ts"

const loginFlags = {
  method: Flag.Literals("method", ["browser", "device-code", "api-key"]).pipe(
    Flag.withDescription("ChatGPT in a browser here or on another device, or an API key that you are asked for"),
    Flag.withDefault("browser")
  ),
  apiKeyStdin: toggle("api-key-stdin", "Read an API key from standard input"),
  ...Connection.flags
}

const accountFlags = { json, ...Connection.flags }

const readKey = Effect.fnUntraced(function* (stdin: boolean) {
  const stdio = yield* Stdio.Stdio
  if (stdin) {
    const text = yield* stdio.stdin.pipe(Stream.decodeText(), Stream.mkString)
    const key = text.trim()
    if (key !== "" && !/\s/.test(key)) return Redacted.make(key)
    return yield* new InvalidUsage({
      description: "Standard input has no API key. Pipe the key alone, without spaces."
    })
  }
  if (yield* stdio.stdinIsTerminal) return yield* Prompt.Password({ message: "API key" })
  return yield* new InvalidUsage({
    description: "There is no terminal to ask for a key. Pipe it with --api-key-stdin."
  })
})

const describe = ({ account, requiresOpenaiAuth }: Protocol.GetAccountResponse): string => {
  if (account == null) return requiresOpenaiAuth ? "Not logged in." : "The model provider requires no account."
  if (account.type !== "chatgpt") return `Account: ${Print.inline(account.type)}`
  return `Account: ChatGPT, ${Print.inline(account.email ?? "without an address")}, plan ${Print.inline(account.planType)}`
}

const readAccount = Effect.flatMap(Codex.Codex, (codex) => codex.account.read())

// Instructions are on standard error, so that they are seen with a pipe too.
const browser = (login: Account.BrowserLogin) =>
  Console.error(
    `Open this page in a browser on this machine:\n\n  ${Print.inline(login.authUrl)}\n\nWaiting. Ctrl-C cancels.`
  )

const device = (login: Account.DeviceCodeLogin) =>
  Console.error(
    `Open this page, on any device:\n\n  ${Print.inline(login.verificationUrl)}\n\nand enter this code:\n\n` +
      `  ${Print.inline(login.userCode)}\n\nWaiting. Ctrl-C cancels.`
  )

const runLogin = Effect.fn("login")(function* (flags: Command.Command.Config.Infer<typeof loginFlags>) {
  const byKey = flags.apiKeyStdin || flags.method === "api-key"
  if (flags.apiKeyStdin && flags.method === "device-code") {
    return yield* new InvalidUsage({ description: "Use --api-key-stdin or --method device-code, not both." })
  }
  const apiKey = byKey ? yield* readKey(flags.apiKeyStdin) : undefined
  yield* Effect.gen(function* () {
    const { account } = yield* Codex.Codex
    if (apiKey !== undefined) {
      const { wait } = yield* account.login({ type: "apiKey", apiKey })
      yield* wait
    } else if (flags.method === "device-code") {
      const login = yield* account.login({ type: "chatgptDeviceCode" })
      yield* device(login)
      yield* login.wait
    } else {
      const login = yield* account.login({ type: "chatgpt" })
      yield* browser(login)
      yield* login.wait
    }
    const response = yield* readAccount
    yield* Console.log(response.account == null ? "Logged in." : `Logged in. ${describe(response)}`)
  }).pipe(Effect.scoped, Effect.provide(layer(flags)))
})

const runLogout = Effect.fn("logout")(function* (flags: Connection.Flags) {
  yield* Effect.flatMap(Codex.Codex, ({ account }) => account.logout).pipe(Effect.provide(layer(flags)))
  yield* Console.log("Logged out.")
})

const showAccount = Effect.fn("account")(function* (flags: Command.Command.Config.Infer<typeof accountFlags>) {
  const response = yield* readAccount.pipe(Effect.provide(layer(flags)))
  if (flags.json) yield* Print.json(response)
  else if (response.account != null || !response.requiresOpenaiAuth) yield* Console.log(describe(response))
  if (response.account == null && response.requiresOpenaiAuth) {
    return yield* new NotAuthenticated({ description: "no one is logged in" })
  }
})

/** The command `login`. */
export const login = Command.make("login", loginFlags, runLogin).pipe(
  Command.withDescription("Log in; Ctrl-C cancels"),
  Command.withExamples([
    { command: "effect-codex login", description: "With ChatGPT, in a browser" },
    { command: "effect-codex login --method device-code", description: "With ChatGPT, in a browser somewhere else" },
    { command: "printenv OPENAI_API_KEY | effect-codex login --api-key-stdin", description: "With an API key" }
  ])
)

/** The command `logout`. */
export const logout = Command.make("logout", Connection.flags, runLogout).pipe(
  Command.withDescription("Log out, and remove stored tokens and keys"),
  Command.withExamples([{ command: "effect-codex logout", description: "Log out" }])
)

/** The command `account`. */
export const account = Command.make("account", accountFlags, showAccount).pipe(
  Command.withDescription("Show the account; exits with 3 if a login is required"),
  Command.withExamples([{ command: "effect-codex account --json", description: "For a program" }])
)
