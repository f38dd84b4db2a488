/**
 * `effect-codex policy check`: the decision of the rules on a command, a change of files or the call of a tool.
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
import { json, optional, text, toggle } from "../../flags.ts"
import { jsonLine } from "../../jsonLine.ts"
import { policy, root } from "../../policy/flags.ts"
import { type Asked, changes, otherVerdict } from "../../policy/otherVerdict.ts"
import { accepts, commandLine, load, verdicts } from "../../policy/verdict.ts"
import * as Print from "../../print.ts"

const flags = {
  command: Argument.String("COMMAND").pipe(
    Argument.withDescription("After --: a program and its arguments, or a whole command line as one argument"),
    Argument.variadic()
  ),
  files: Flag.String("file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Instead of a command: a file that would be changed; repeatable"),
    Flag.atLeast(0)
  ),
  change: optional(
    Flag.Literals("change", changes).pipe(Flag.withDescription("With --file: the kind of change. Default: update"))
  ),
  moveTo: text("move-to", "FILE", "With one --file: the path that it would be moved to"),
  tool: text("tool", "NAME", "Instead of a command: a tool that would be called"),
  namespace: text("namespace", "NAME", "With --tool: its namespace"),
  server: text("server", "NAME", "With --tool: it is a tool of this MCP server"),
  arguments: text("arguments", "JSON", "With --tool: its arguments. Default: {}"),
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

// By now, invalid UTF-8 has been replaced, which makes another command.
const intact = (command: string, what: string): Effect.Effect<string, InvalidUsage> =>
  command.includes("\ufffd")
    ? Effect.fail(new InvalidUsage({ description: `${what} is not UTF-8.` }))
    : Effect.succeed(command)

const readLine = (line: string, number: number): Effect.Effect<string, InvalidUsage> =>
  Effect.flatMap(intact(line, `Line ${number}`), (line) =>
    Effect.mapError(decode(line), () => new InvalidUsage({ description: `Line ${number} is not a JSON string.` }))
  )

const oneSubject = "Give one of these: a command after --, --stdin-json, --file or --tool."

const parseArguments = Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))

/** The request that the flags name instead of a command. */
const askedBy = Effect.fnUntraced(function* (flags: Flags) {
  const { arguments: json, change, files, moveTo, namespace, server, tool } = flags
  const path = yield* Path.Path
  const invalid = (description: string) => new InvalidUsage({ description })
  if (change !== undefined && files.length === 0) return yield* invalid("--change needs --file.")
  if (moveTo !== undefined && files.length !== 1) return yield* invalid("--move-to needs one --file.")
  if (moveTo !== undefined && change !== undefined && change !== "move") {
    return yield* invalid("--move-to is a move: leave out --change.")
  }
  if (tool === undefined) {
    const lonely = Object.entries({ namespace, server, arguments: json }).find(([, value]) => value !== undefined)
    if (lonely !== undefined) return yield* invalid(`--${lonely[0]} needs --tool.`)
    if (files.length === 0) return undefined
  }
  if (flags.command.length > 0 || flags.stdinJson || (files.length > 0 && tool !== undefined)) {
    return yield* invalid(oneSubject)
  }
  if (tool === undefined) {
    const cwd = path.resolve(flags.cwd ?? ".")
    const changed = { kind: "fileChange" as const, files: files.map((file) => path.resolve(cwd, file)) }
    if (moveTo !== undefined) {
      const moved: Asked = { ...changed, change: "move", moveTo: path.resolve(cwd, moveTo) }
      return moved
    }
    if (change === "move") return yield* invalid("--change move needs --move-to.")
    const edited: Asked = { ...changed, change: change ?? "update" }
    return edited
  }
  const parsed = yield* Effect.mapError(parseArguments(json ?? "{}"), () => invalid("--arguments is not JSON."))
  if (server === undefined) {
    const called: Asked = { kind: "toolCall", namespace: namespace ?? null, tool, arguments: parsed }
    return called
  }
  if (namespace !== undefined) return yield* invalid("Use --namespace or --server, not both.")
  const claimed: Asked = { kind: "mcpTool", server, tool, arguments: parsed }
  return claimed
})

const summary = Effect.fnUntraced(function* (verdict: string, by: string, reason: string | undefined) {
  const paint = yield* Print.painter
  return [
    `${paint(accepts(verdict) ? "assistant" : "error", verdict)}${by === "" ? "" : `, by ${Print.exact(by)}`}`,
    ...(reason === undefined ? [] : [`  ${Print.exact(reason)}`]),
    ...(verdict === "abstain" ? ["  no rule decides, so the judge of the rubric would be asked"] : [])
  ]
})

const checkOther = Effect.fnUntraced(function* (flags: Flags, asked: Asked) {
  const found = yield* otherVerdict(yield* load(flags.policy, flags.root), asked)
  const { by, reason, verdict } = found
  if (flags.json) yield* Print.json(found)
  else yield* Print.lines(yield* summary(verdict, by, reason))
  if (!accepts(verdict))
    return yield* new CheckFailed({ description: "The request would not be accepted.", exitCode: codes.declined })
})

const check = Effect.fn("policy.check")(function* (flags: Flags) {
  const asked = yield* askedBy(flags)
  if (asked === undefined) yield* checkCommand(flags)
  else yield* checkOther(flags, asked)
})

const checkCommand = Effect.fnUntraced(function* (flags: Flags) {
  const { command: words } = flags
  if (flags.stdinJson !== (words.length === 0)) {
    return yield* new InvalidUsage({ description: oneSubject })
  }
  const verdictOf = yield* verdicts(yield* load(flags.policy, flags.root))
  const cwd = (yield* Path.Path).resolve(flags.cwd ?? ".")

  if (flags.stdinJson) {
    const { stdin } = yield* Stdio.Stdio
    // Answers each line before it reads the next, so that a program can ask one by one.
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
    yield* Print.lines([
      ...(yield* summary(verdict, by, reason)),
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
    "Show the decision of the rules on a command, a change of files or the call of a tool, and why. Nothing runs. Exits with 5 if it is not accepted"
  ),
  Command.withShortDescription("Show the decision of the rules on a command, and why"),
  Command.withExamples([
    { command: "effect-codex policy check --policy rubric.yaml -- git push --force", description: "One command" },
    {
      command: 'effect-codex policy check --policy rubric.yaml -- "npm test | tee log"',
      description: "A command line"
    },
    {
      command: "effect-codex policy check --policy rubric.yaml --file src/a.ts --change delete",
      description: "A file"
    },
    {
      command: "effect-codex policy check --policy rubric.yaml --file src/a.ts --move-to lib/a.ts",
      description: "A move, which needs both paths to be allowed"
    },
    { command: "effect-codex policy check --policy rubric.yaml --tool deploy", description: "A tool of your program" },
    {
      command: "jq -c .command log.jsonl | effect-codex policy check --policy rubric.yaml --stdin-json",
      description: "Many"
    }
  ])
)
