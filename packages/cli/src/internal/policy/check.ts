/**
 * What `effect-codex policy check` does with its flags.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { codes } from "../../ExitCode.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import type { Flags } from "../../PolicyCommand.ts"
import * as Print from "../print.ts"
import { accepts, commandLine, load, verdicts } from "./verdict.ts"

/** The command would not be accepted, which was told. */
class NotAccepted extends Schema.TaggedError<NotAccepted>()("NotAccepted", {}) {
  override readonly [Runtime.errorExitCode] = codes.declined
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return "The command would not be accepted."
  }
}

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.String))

// What was not UTF-8 is another command by now.
const intact = (command: string, what: string): Effect.Effect<string, InvalidUsage> =>
  command.includes("\ufffd")
    ? Effect.fail(new InvalidUsage({ description: `${what} is not UTF-8.` }))
    : Effect.succeed(command)

const readLine = (line: string, number: number): Effect.Effect<string, InvalidUsage> =>
  Effect.flatMap(intact(line, `Line ${number}`), (line) =>
    Effect.mapError(decode(line), () => new InvalidUsage({ description: `Line ${number} is no JSON string.` }))
  )

export const check = Effect.fn("PolicyCommand.check")(function* (flags: Flags["check"]) {
  const { command: words } = flags
  if (flags.stdinJson !== (words.length === 0)) {
    return yield* new InvalidUsage({ description: "Give a command after --, or --stdin-json and not both." })
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
          Effect.flatMap((verdict) => Console.log(Print.jsonLine(verdict)))
        )
      )
    )
  }

  const found = yield* verdictOf(yield* intact(commandLine(words), "The command"), cwd)
  const { by, parsed, parts, reason, verdict } = found
  if (flags.json) yield* Print.json(found)
  else {
    const paint = yield* Print.painter
    yield* Console.log(
      [
        `${paint(accepts(verdict) ? "assistant" : "error", verdict)}${by === "" ? "" : `, by ${Print.exact(by)}`}`,
        ...(reason === undefined ? [] : [`  ${Print.exact(reason)}`]),
        ...(verdict === "abstain" ? ["  no rule decides: the judge of the rubric would be asked"] : []),
        ...(parsed?._tag === "Unparseable" ? [`  it can't be read: ${Print.exact(parsed.reason)}`] : [])
      ].join("\n")
    )
    if (parsed?._tag === "Parsed") {
      yield* Print.table(
        [
          { title: "PART", least: 20 },
          { title: "DECISION" },
          { title: "BY", optional: true },
          { title: "WHY NOT", optional: true, least: 12 }
        ],
        parts.map(({ by, decision, opaque = "", source }) => [
          source,
          typeof decision === "string" ? decision : decision === null ? "none" : Object.keys(decision).join(),
          by,
          opaque
        ]),
        Print.exact
      )
    }
  }
  if (!accepts(verdict)) return yield* new NotAccepted()
})
