/**
 * `effect-codex policy check`: the decision of the rules on a command.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { codes } from "../../../ExitCode.ts"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import { CheckFailed } from "../../checkFailed.ts"
import { json, text, toggle } from "../../flags.ts"
import { jsonLine } from "../../jsonLine.ts"
import { policy, root } from "../../policy/flags.ts"
import { accepts, commandLine, load, verdicts } from "../../policy/verdict.ts"
import * as Print from "../../print.ts"

const flags = {
  command: Argument.String("COMMAND").pipe(
    Argument.withDescription("After --: a program and its arguments, or a whole command line as one argument"),
    Argument.variadic()
  ),
  policy,
  root,
  cwd: text("cwd", "DIR", "The folder that the command would run in. Default: the current one").pipe(
    Flag.withAlias("C")
  ),
  stdinJson: toggle(
    "stdin-json",
    "Read command lines from standard input, one JSON string per line, and print one JSON verdict per line"
  ),
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.String))

// Invalid UTF-8 has become another command by now.
const intact = (command: string, what: string): Effect.Effect<string, InvalidUsage> =>
  command.includes("\ufffd")
    ? Effect.fail(new InvalidUsage({ description: `${what} is not UTF-8.` }))
    : Effect.succeed(command)

const readLine = (line: string, number: number): Effect.Effect<string, InvalidUsage> =>
  Effect.flatMap(intact(line, `Line ${number}`), (line) =>
    Effect.mapError(decode(line), () => new InvalidUsage({ description: `Line ${number} is not a JSON string.` }))
  )

const check = Effect.fn("policy.check")(function* (flags: Flags) {
  const { command: words } = flags
  if (flags.stdinJson !== (words.length === 0)) {
    return yield* new InvalidUsage({ description: "Give a command after --, or --stdin-json, but not both." })
  }
  const verdictOf = yield* verdicts(yield* load(flags.policy, flags.root))
  const cwd = (yield* Path.Path).resolve(flags.cwd ?? ".")

  if (flags.stdinJson) {
    const { stdin } = yield* Stdio.Stdio
    // Each is answered before the next is read, so a program can ask one by one.
    return yield* stdin.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.zipWithIndex,
      Stream.filter(([line]) => line.trim() !== ""),
      Stream.runForEach(([line, index]) =>
        readLine(line, index + 1).pipe(
          Effect.flatMap((command) => verdictOf(command, cwd)),
          Effect.flatMap((verdict) => Console.log(jsonLine(verdict)))
        )
      )
    )
  }

  const found = yield* verdictOf(yield* intact(commandLine(words), "The command"), cwd)
  const { by, parsed, parts, reason, verdict } = found
  if (flags.json) yield* Print.json(found)
  else {
    const paint = yield* Print.painter
    yield* Print.lines([
      `${paint(accepts(verdict) ? "assistant" : "error", verdict)}${by === "" ? "" : `, by ${Print.exact(by)}`}`,
      ...(reason === undefined ? [] : [`  ${Print.exact(reason)}`]),
      ...(verdict === "abstain" ? ["  no rule decides, so the judge of the rubric would be asked"] : []),
      ...(parsed?._tag === "Unparseable" ? [`  it cannot be parsed: ${Print.exact(parsed.reason)}`] : [])
    ])
    if (parsed?._tag === "Parsed") {
      yield* Print.table(
        [
          { title: "PART", least: 20 },
          { title: "DECISION" },
          { title: "BY", optional: true },
          { title: "WHY NOT", optional: true, least: 12, wraps: true }
        ],
        parts.map(({ by, decision, source, whyNot = "" }) => [
          source,
          typeof decision === "string" ? decision : decision === null ? "none" : Object.keys(decision).join(),
          by,
          whyNot
        ]),
        Print.exact
      )
    }
  }
  if (!accepts(verdict))
    return yield* new CheckFailed({ description: "The command would not be accepted.", exitCode: codes.declined })
})

/** The command. */
export const command = Command.make("check", flags, check).pipe(
  Command.withDescription(
    "Show the decision of the rules on a command, and why. Nothing runs. Exits with 5 if the command is not accepted"
  ),
  Command.withShortDescription("Show the decision of the rules on a command, and why"),
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
