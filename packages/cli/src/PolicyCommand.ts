/**
 * `effect-codex policy` and what can be asked of a rubric: the flags.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { json, text, toggle } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const policy = Flag.String("policy").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("The rubric: a file that ends in .json, .yaml, .yml or .toml")
)

const root = text("root", "DIR", "What relative folders of the rubric are below. Default: the folder of its file")

const checkFlags = {
  command: Argument.String("COMMAND").pipe(
    Argument.withDescription("After --: a program and its arguments, or one text for a whole command line"),
    Argument.variadic()
  ),
  policy,
  root,
  cwd: text("cwd", "DIR", "The folder that the command would run in. Default: this one").pipe(Flag.withAlias("C")),
  stdinJson: toggle(
    "stdin-json",
    "Read command lines from standard input, a JSON string a line; a JSON verdict a line out"
  ),
  json
}

const check = Command.make(
  "check",
  checkFlags,
  lazily(() => import("./internal/policy/check.ts").then(({ check }) => check))
).pipe(
  Command.withDescription(
    "Tell what the rules say of a command, and why; nothing is run. Exits with 5 if it would not be accepted"
  ),
  Command.withShortDescription("Tell what the rules say of a command, and why"),
  Command.withExamples([
    { command: "effect-codex policy check --policy rubric.yaml -- git push --force", description: "One command" },
    {
      command: 'effect-codex policy check --policy rubric.yaml -- "npm test | tee log"',
      description: "A command line"
    },
    {
      command: "jq -c .command log.jsonl | effect-codex policy check --policy rubric.yaml --stdin-json",
      description: "Many"
    }
  ])
)

const testFlags = {
  file: Argument.String("FILE").pipe(Argument.withDescription("The expectations: YAML, JSON or TOML")),
  root,
  json
}

const test = Command.make(
  "test",
  testFlags,
  lazily(() => import("./internal/policy/expectations.ts").then(({ test }) => test))
).pipe(
  Command.withDescription(
    "Compare what the rules say with what is expected of them; exits with 1 if something differs"
  ),
  Command.withShortDescription("Compare what the rules say with what is expected"),
  Command.withExamples([{ command: "effect-codex policy test policy.test.yaml", description: "In a build" }])
)

const schema = Command.make(
  "schema",
  {},
  lazily(() => import("./internal/policy/explain.ts").then(({ schema }) => schema))
).pipe(
  Command.withDescription("Print the JSON Schema of rubrics, for editors"),
  Command.withExamples([{ command: "effect-codex policy schema > rubric.schema.json", description: "Keep it" }])
)

const explainFlags = { policy, json }

const explain = Command.make(
  "explain",
  explainFlags,
  lazily(() => import("./internal/policy/explain.ts").then(({ explain }) => explain))
).pipe(
  Command.withDescription("Say in words what a rubric lets an agent do, and what in it is worth a second look"),
  Command.withShortDescription("Say a rubric in words"),
  Command.withExamples([{ command: "effect-codex policy explain --policy rubric.yaml", description: "Read it over" }])
)

/**
 * What the flags of a subcommand were.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flags {
  readonly check: Command.Command.Config.Infer<typeof checkFlags>
  readonly test: Command.Command.Config.Infer<typeof testFlags>
  readonly explain: Command.Command.Config.Infer<typeof explainFlags>
}

/**
 * The command, with its subcommands.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make("policy").pipe(
  Command.withDescription("Try, test and read the rules that decide what an agent may do"),
  Command.withSubcommands([check, test, explain, schema])
)
