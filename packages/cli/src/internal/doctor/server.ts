/**
 * Checks a codex over a connection: its configuration, its account, its sandbox.
 *
 * The server sends its warnings right after the handshake, so this reads its messages from the first one on.
 */
import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as Notification from "@effect-codex/core/Notification"
import * as Transport from "@effect-codex/core/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Finding, Options } from "./finding.ts"

type Warning = Notification.KnownNotification<"configWarning">["params"]

const Line = Schema.fromJsonString(Schema.Struct({ method: Schema.String, params: Schema.Unknown }))
const readLine = Schema.decodeUnknownOption(Line)

const warningOf = (line: string): Option.Option<Warning> =>
  Option.flatMap(readLine(line), ({ method, params }) => {
    const notification = Notification.decode({ method, params, raw: { method, params } }, line.length)
    return Notification.is("configWarning", notification) ? Option.some(notification.params) : Option.none()
  })

const connect = Effect.fnUntraced(function* (options: Options & { readonly binary: string }) {
  const { args = ["app-server"], binary, cwd, env, extendEnv } = options
  const transport = yield* Transport.stdio({ command: binary, args, cwd, env, extendEnv })
  const warnings: Array<Warning> = []
  const server = yield* AppServer.make(
    {
      ...transport,
      listen: ({ onEnd, onLines }) =>
        transport.listen({
          onEnd,
          onLines: (lines) => {
            for (const line of lines)
              if (line.includes("configWarning")) warnings.push(...Option.toArray(warningOf(line)))
            onLines(lines)
          }
        })
    },
    { cwd: (yield* Path.Path).resolve(cwd ?? ".") }
  )
  const codex = yield* Effect.provideService(Codex.make(), AppServer.AppServer, server)
  return { codex, warnings }
})

const aboutSandbox = (warning: Warning): boolean => /bubblewrap|sandbox|landlock|seatbelt/i.test(warning.summary)

const inspectConfig = Effect.fnUntraced(function* (codex: Codex.Codex["Service"], warnings: ReadonlyArray<Warning>) {
  const read = yield* Effect.result(codex.config.read())
  const findings = warnings
    .filter((warning) => !aboutSandbox(warning))
    .map((warning): Finding => {
      const [summary = "", ...lines] = warning.summary.split("\n")
      const details = [...lines, ...(warning.details == null ? [] : [warning.details])].map((line) => line.trim())
      const place = warning.path ?? codex.serverInfo.codexHome
      return {
        check: "config",
        status: Result.isFailure(read) ? "fail" : "warn",
        summary,
        advice: `Correct it in ${place}.`,
        ...(details.length === 0 ? {} : { details })
      }
    })
  if (findings.length > 0) return findings
  const finding: Finding = Result.isFailure(read)
    ? { check: "config", status: "fail", summary: read.failure.message, advice: "Correct config.toml." }
    : { check: "config", status: "ok", summary: `The configuration in ${codex.serverInfo.codexHome} can be read` }
  return [finding]
})

const inspectAccount = Effect.fnUntraced(function* (codex: Codex.Codex["Service"]) {
  const read = yield* Effect.result(codex.account.read())
  const check = "account"
  const advice = "Run `effect-codex login`."
  const finding = (): Finding => {
    if (Result.isFailure(read)) return { check, status: "fail", summary: read.failure.message, advice }
    const { account, requiresOpenaiAuth } = read.success
    if (account != null) return { check, status: "ok", summary: `There is an account: ${account.type}` }
    return requiresOpenaiAuth
      ? { check, status: "fail", summary: "There is no account, and the model provider requires one", advice }
      : { check, status: "ok", summary: "The model provider requires no account" }
  }
  return finding()
})

const inspectSandbox = Effect.fnUntraced(function* (codex: Codex.Codex["Service"], warnings: ReadonlyArray<Warning>) {
  const check = "sandbox"
  if (process.platform === "win32") {
    const unknown: Finding = { check, status: "warn", summary: "The sandbox is not looked at on Windows" }
    return [unknown]
  }
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-doctor-" })
  const exec = (script: string) =>
    codex.command.exec({
      command: ["/bin/sh", "-c", script],
      cwd: directory,
      sandboxPolicy: { type: "readOnly" },
      timeoutMs: 10_000
    })
  const advice = "See https://developers.openai.com/codex/concepts/sandboxing#prerequisites"
  const sandboxFindings = warnings
    .filter(aboutSandbox)
    .map(({ summary }): Finding => ({ check, status: "warn", summary, advice }))
  const ran = yield* Effect.result(exec("exit 7"))
  if (Result.isFailure(ran) || ran.success.exitCode !== 7) {
    const why = Result.isFailure(ran)
      ? ran.failure.message
      : ran.success.stderr.trim() || `exit code ${ran.success.exitCode}`
    const broken: Finding = { check, status: "fail", summary: `A command could not run in the sandbox: ${why}`, advice }
    return [broken, ...sandboxFindings]
  }
  const wrote = yield* Effect.result(exec("echo > written"))
  const held = Result.isFailure(wrote) || wrote.success.exitCode !== 0
  const result: Finding = held
    ? { check, status: "ok", summary: "A command runs in the sandbox, and writes outside the workspace are blocked" }
    : {
        check,
        status: "fail",
        summary: "A command in the read-only sandbox could write a file",
        advice: `Do not rely on the sandbox of this machine. ${advice}`
      }
  return [result, ...sandboxFindings]
})

/** Connects, and looks at all that a connection tells. */
export const inspectServer = Effect.fnUntraced(function* (options: Options & { readonly binary: string }) {
  const begin = yield* Clock.currentTimeMillis
  const connected = yield* Effect.result(connect(options))
  if (Result.isFailure(connected)) {
    const { failure } = connected
    // Frames of a stack without symbols tell nothing.
    const lines = failure._tag === "ConnectionFailed" ? failure.stderr : []
    const details = lines.filter((line) => !/^\s*\d+: <unknown>$/.test(line)).slice(-5)
    const failed: Finding = {
      check: "connection",
      status: "fail",
      summary: failure.message.replace(" Build the layer again to reconnect.", ""),
      advice: "Try `codex app-server` by hand, and look at what it says.",
      ...(details.length === 0 ? {} : { details })
    }
    return [failed]
  }
  const { codex, warnings } = connected.success
  const millis = (yield* Clock.currentTimeMillis) - begin
  const connection: Finding = {
    check: "connection",
    status: "ok",
    summary: `The app-server ${codex.serverInfo.version} answered after ${millis} ms`
  }
  // The warnings have arrived by the time that these are answered.
  const account = yield* inspectAccount(codex)
  const config = yield* inspectConfig(codex, warnings)
  const sandbox = yield* inspectSandbox(codex, warnings)
  return [connection, ...config, account, ...sandbox]
}, Effect.scoped)
