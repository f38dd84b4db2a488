/**
 * `effect-codex run`: its flags, and what they become.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as Connection from "./Connection.ts"
import { optional, text, toggle } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"
import { colorNames } from "./Tone.ts"

const flags = {
  prompt: Argument.String("PROMPT").pipe(
    Argument.withDescription("What the agent shall do; `-`, or nothing with a pipe: read from standard input"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  promptFile: text("prompt-file", "FILE", "Read the prompt from a file"),
  images: Flag.String("image").pipe(
    Flag.withAlias("i"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("An image to look at: a file, or its URL; may be given again"),
    Flag.atLeast(0)
  ),
  thread: text("thread", "ID", "Go on with this thread").pipe(Flag.withAlias("session")),
  last: toggle("last", "Go on with the thread of this folder that was used last"),
  outputSchema: text("output-schema", "FILE", "A file with the JSON Schema of the answer"),
  json: toggle("json", "Print one JSON object with the answer and what it took"),
  jsonl: toggle("jsonl", "Print one line of JSON for each event, and that object at the end"),
  policy: text("policy", "FILE", "A file with the rules that decide what the agent may do"),
  root: text("root", "DIR", "With --policy: what its relative folders are below. Default: the folder of the file"),
  ask: toggle("ask", "Ask you, at this terminal; with --policy, what its rules leave open"),
  acceptAll: toggle("accept-all", "Accept whatever the agent asks for, outside of the sandbox too"),
  failOnDecline: toggle("fail-on-decline", "Exit with 5 if anything was declined"),
  approvalPolicy: optional(
    Flag.Literals("approval-policy", ["untrusted", "on-request", "never"]).pipe(
      Flag.withDescription("When the agent has to ask. Default: what codex is configured for")
    )
  ),
  model: text("model", "NAME", "The model").pipe(Flag.withAlias("m")),
  effort: optional(
    Flag.Literals("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"]).pipe(
      Flag.withDescription("Reasoning effort, as far as the model offers it")
    )
  ),
  sandbox: optional(
    Flag.Literals("sandbox", ["read-only", "workspace-write", "danger-full-access"]).pipe(
      Flag.withAlias("s"),
      Flag.withDescription("What commands may do without being asked about")
    )
  ),
  ...Connection.flags,
  budgetTokens: optional(
    Flag.Int("budget-tokens").pipe(Flag.withDescription("Stop the turn when it has used so many tokens"))
  ),
  timeout: text("timeout", "TIME", "Stop the turn after this time: 90s, 5m, 1h"),
  quiet: toggle("quiet", "Show nothing but the answer").pipe(Flag.withAlias("q")),
  full: toggle("full", "Show long output of tools whole"),
  verbose: toggle("verbose", "Show everything, and all of the output of tools"),
  color: Flag.Literals("color", colorNames).pipe(
    Flag.withDescription("auto, off, soft or vivid"),
    Flag.withDefault("auto")
  )
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
