/**
 * `effect-codex run`: its flags, and what they become.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { lazily } from "./internal/lazily.ts"
import { colorNames } from "./Tone.ts"

const optional = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> =>
  Flag.map(Flag.optional(flag), Option.getOrUndefined)

const text = (name: string, description: string): Flag.Flag<string | undefined> =>
  optional(Flag.String(name).pipe(Flag.withDescription(description)))

const toggle = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const flags = {
  prompt: Argument.String("PROMPT").pipe(
    Argument.withDescription("What the agent shall do; `-`, or nothing with a pipe: read from standard input"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  promptFile: text("prompt-file", "Read the prompt from a file").pipe(Flag.withMetavar("FILE")),
  images: Flag.String("image").pipe(
    Flag.withAlias("i"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("An image to look at: a file, or its URL; may be given again"),
    Flag.atLeast(0)
  ),
  thread: text("thread", "Go on with this thread").pipe(Flag.withAlias("session"), Flag.withMetavar("ID")),
  last: toggle("last", "Go on with the thread of this folder that was used last"),
  outputSchema: text("output-schema", "A file with the JSON Schema of the answer").pipe(Flag.withMetavar("FILE")),
  json: toggle("json", "Print one JSON object with the answer and what it took"),
  jsonl: toggle("jsonl", "Print one line of JSON for each event, and that object at the end"),
  policy: text("policy", "A file with the rules that decide what the agent may do").pipe(Flag.withMetavar("FILE")),
  acceptAll: toggle("accept-all", "Accept whatever the agent asks for, outside of the sandbox too"),
  failOnDecline: toggle("fail-on-decline", "Exit with 5 if anything was declined"),
  approvalPolicy: optional(
    Flag.Literals("approval-policy", ["untrusted", "on-request", "never"]).pipe(
      Flag.withDescription("When the agent has to ask. Default: what codex is configured for")
    )
  ),
  model: text("model", "The model").pipe(Flag.withAlias("m")),
  effort: text("effort", "How much it shall think, such as low, medium, high"),
  sandbox: optional(
    Flag.Literals("sandbox", ["read-only", "workspace-write", "danger-full-access"]).pipe(
      Flag.withAlias("s"),
      Flag.withDescription("What commands may do without being asked about")
    )
  ),
  cwd: text("cwd", "The folder to work in. Default: this one").pipe(Flag.withAlias("C"), Flag.withMetavar("DIR")),
  config: Flag.KeyValuePair("config").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("A setting of codex for this run, as key=value; may be given again"),
    Flag.withDefault({})
  ),
  budgetTokens: optional(
    Flag.Int("budget-tokens").pipe(Flag.withDescription("Stop the turn when it has used so many tokens"))
  ),
  timeout: text("timeout", "Stop the turn after this time: 90s, 5m, 1h").pipe(Flag.withMetavar("TIME")),
  quiet: toggle("quiet", "Show nothing but the answer").pipe(Flag.withAlias("q")),
  verbose: toggle("verbose", "Show everything, and all of the output of tools"),
  debug: toggle("debug", "Where something went wrong, show where in the program"),
  color: Flag.Literals("color", colorNames).pipe(
    Flag.withDescription("auto, off, soft or vivid"),
    Flag.withDefault("auto")
  ),
  offline: toggle("offline", "Let a stand-in answer for the model: needs neither an account nor a network")
}

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
  "run",
  flags,
  lazily(() => import("./internal/runHandler.ts").then(({ run }) => run))
).pipe(
  Command.withDescription("Run one turn of an agent and print its answer"),
  Command.withExamples([
    { command: 'effect-codex run "What does this project do?"', description: "Watch an agent work" },
    { command: 'effect-codex run "Write release notes" > notes.md', description: "Keep the answer" },
    { command: "git diff | effect-codex run --quiet -", description: "Take the prompt from a pipe" },
    { command: 'effect-codex run --last "Now the tests"', description: "Go on with the last thread" },
    { command: 'effect-codex run --offline "hi"', description: "Try it without an account" }
  ])
)
