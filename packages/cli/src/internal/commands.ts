/**
 * The commands by name, and the imports that load them.
 *
 * A command's file has its flags and its handler, and imports everything that it needs. Only the files of commands that the
 * command line names are loaded, so `--help` and `--version` load none. All other commands are stand-ins with a name and a
 * summary, for the overview.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Stdio from "effect/Stdio"
import type * as Terminal from "effect/Terminal"

/** The error of a command, as the report and the exit code need to know it. */
interface Failure {
  readonly _tag: string
  readonly message: string
}

type Services = ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal

/** A command whose flags only itself knows. */
type Loaded<Name extends string> = Command.Command<Name, never, {}, Failure, Services>

const entry = <const Name extends string>(name: Name, summary: string, load: () => Promise<Loaded<Name>>) => ({
  name,
  summary,
  /** The command with its flags and its handler, whose code this loads. */
  whole: Effect.promise(load),
  /** The command by its name and its summary alone. */
  standIn: Effect.sync((): Loaded<Name> => Command.make(name).pipe(Command.withDescription(summary)))
})

/** All commands, in the order of the overview. `summary` is the command's own short description. */
export const commands = [
  entry("run", "Run one turn of an agent and print its answer", () =>
    import("./commands/run.ts").then(({ command }) => command)
  ),
  entry("review", "Have codex review changes of the code in this folder", () =>
    import("./commands/review.ts").then(({ command }) => command)
  ),
  entry("threads", "List, show, fork, archive, name and delete threads", () =>
    import("./commands/threads.ts").then(({ command }) => command)
  ),
  entry("models", "List the models that codex offers", () =>
    import("./commands/models.ts").then(({ command }) => command)
  ),
  entry("login", "Log in; Ctrl-C cancels", () => import("./commands/account.ts").then(({ login }) => login)),
  entry("logout", "Log out, and remove stored tokens and keys", () =>
    import("./commands/account.ts").then(({ logout }) => logout)
  ),
  entry("account", "Show the account; exits with 3 if a login is required", () =>
    import("./commands/account.ts").then(({ account }) => account)
  ),
  entry("session", "Open and watch sessions that survive restarts, send prompts, and decide approvals", () =>
    import("./commands/session.ts").then(({ command }) => command)
  ),
  entry("policy", "Write, check, test and explain the rules that decide on approval requests", () =>
    import("./commands/policy.ts").then(({ command }) => command)
  ),
  entry("audit", "Verify and show the audit trail of decisions", () =>
    import("./commands/audit.ts").then(({ command }) => command)
  ),
  entry("transcript", "Look at recordings of runs, cut them down and redact them", () =>
    import("./commands/transcript.ts").then(({ command }) => command)
  ),
  entry("doctor", "Check the installation and suggest fixes", () =>
    import("./commands/doctor.ts").then(({ command }) => command)
  ),
  entry("demo", "Try codex and this package on this machine", () =>
    import("./commands/demo.ts").then(({ command }) => command)
  )
] as const

/**
 * The commands for a command line: complete if one of its words is their name, otherwise a stand-in. An argument that equals the
 * name of another command loads that one as well, which only costs time. Completions need all commands.
 */
export const loadCommands = (args: ReadonlyArray<string>) => {
  const all = args.some((word) => /^--completions(=|$)/.test(word))
  const isNamed = (name: string) => all || args.includes(name)
  return Effect.all(
    commands.map(({ name, standIn, whole }) => (isNamed(name) ? whole : standIn)),
    { concurrency: "unbounded" }
  )
}
