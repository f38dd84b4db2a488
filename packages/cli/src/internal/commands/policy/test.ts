/**
 * `effect-codex policy test`: compares a rubric with a table of commands and their expected decisions.
 */
import * as Rubric from "@effect-codex/policy/Rubric"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Toml from "effect/encoding/Toml"
import * as Yaml from "effect/encoding/Yaml"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import { fileProblem } from "../../fileProblem.ts"
import { CheckFailed } from "../../checkFailed.ts"
import { json } from "../../flags.ts"
import { root } from "../../policy/flags.ts"
import { load, verdicts } from "../../policy/verdict.ts"
import * as Print from "../../print.ts"

const flags = {
  file: Argument.String("FILE").pipe(Argument.withDescription("The expectations: YAML, JSON or TOML")),
  root,
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

const Verdict = Schema.Literals([
  "accept",
  "acceptForSession",
  "acceptWithExecpolicyAmendment",
  "applyNetworkPolicyAmendment",
  "decline",
  "cancel",
  "abstain"
])

const Case = Schema.Struct({
  command: Schema.NonEmptyString,
  expect: Verdict,
  /** The expected decider: the name of a rule, `mode …`, or `defaults`. */
  by: Schema.optionalKey(Schema.String),
  cwd: Schema.optionalKey(Schema.String)
})

const Expectations = Schema.Struct({
  /** A file, from the folder of this one, or a rubric. */
  rubric: Schema.Union([Schema.NonEmptyString, Schema.Record(Schema.String, Schema.Unknown)]),
  /** For cases that name none. Default: the folder of the file. */
  cwd: Schema.optionalKey(Schema.String),
  cases: Schema.NonEmptyArray(Case)
})

const decode = Schema.decodeUnknownEffect(Expectations, { errors: "all", onExcessProperty: "error" })

const parse = (file: string, text: string): Effect.Effect<unknown, InvalidUsage> => {
  const invalid = (cause: unknown) =>
    new InvalidUsage({
      description: `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
    })
  if (/\.toml$/i.test(file)) return Effect.fromResult(Result.mapError(Toml.parse(text), invalid))
  const read = /\.json$/i.test(file) ? (text: string): unknown => JSON.parse(text) : Yaml.parse
  return Effect.try({ try: () => read(text), catch: invalid })
}

const readExpectations = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(file),
    (error) => new InvalidUsage({ description: `The file ${file} cannot be read: ${fileProblem(error)}.` })
  )
  return yield* Effect.mapError(
    decode(yield* parse(file, text)),
    ({ message }) => new InvalidUsage({ description: `${file} is not a table of expectations: ${message}` })
  )
})

const test = Effect.fn("policy.test")(function* (flags: Flags) {
  const path = yield* Path.Path
  const folder = path.dirname(path.resolve(flags.file))
  const { cases, cwd = ".", rubric: given } = yield* readExpectations(flags.file)
  const verdictOf = yield* verdicts(
    yield* typeof given === "string"
      ? load(path.resolve(folder, given), flags.root)
      : Effect.map(Rubric.decode(given), (rubric) => ({ rubric, baseDirectory: path.resolve(flags.root ?? folder) }))
  )

  const results = yield* Effect.forEach(cases, ({ by, command, cwd: own = cwd, expect }) =>
    Effect.map(verdictOf(command, path.resolve(folder, own)), (found) => ({
      command,
      expected: { verdict: expect, ...(by === undefined ? {} : { by }) },
      found: { verdict: found.verdict, by: found.by, ...(found.reason === undefined ? {} : { reason: found.reason }) },
      ok: found.verdict === expect && (by === undefined || found.by === by)
    }))
  )
  const ok = results.every((result) => result.ok)
  if (flags.json) yield* Print.json({ ok, cases: results })
  else {
    const paint = yield* Print.painter
    const failed = results.filter((result) => !result.ok)
    yield* Print.lines([
      ...results.map(({ command, expected, found, ok }) =>
        ok
          ? `${paint("assistant", "[PASS]")} ${Print.exact(command)}: ${found.verdict}`
          : `${paint("error", "[FAIL]")} ${Print.exact(command)}: expected ${say(expected)}, got ${say(found)}`
      ),
      `cases=${results.length} passed=${results.length - failed.length} failed=${failed.length}`
    ])
  }
  if (!ok) return yield* new CheckFailed({ description: "Some expectations are not met." })
})

const say = ({
  by = "",
  reason,
  verdict
}: {
  readonly verdict: string
  readonly by?: string
  readonly reason?: string
}) =>
  [
    verdict,
    ...(by === "" ? [] : [`by ${Print.exact(by)}`]),
    ...(reason === undefined ? [] : [`(${Print.exact(reason)})`])
  ].join(" ")

/** The command. */
export const command = Command.make("test", flags, test).pipe(
  Command.withDescription("Compare the decisions of the rules with expected ones; exits with 1 if one differs"),
  Command.withShortDescription("Compare the decisions of the rules with expected ones"),
  Command.withExamples([{ command: "effect-codex policy test policy.test.yaml", description: "In a build" }])
)
