/**
 * `effect-codex transcript redact`: redacts a recording once more.
 */
import * as Transcript from "@effect-codex/core/Transcript"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { file, open, unreadable } from "../../recording/file.ts"

/** The file of the new recording. */
export const output = Flag.String("output").pipe(
  Flag.withAlias("o"),
  Flag.withMetavar("FILE"),
  Flag.withDescription("The file to write, which is replaced if it is there")
)

const flags = { file, output }

type Flags = Command.Command.Config.Infer<typeof flags>

const redact = Effect.fn("transcript.redact")(function* (flags: Flags) {
  const { entries, header } = yield* open(flags.file)
  yield* Transcript.write(flags.output, header, Transcript.redact(entries)).pipe(Effect.catch(unreadable(flags.file)))
})

/** The command. */
export const command = Command.make("redact", flags, redact).pipe(
  Command.withDescription("Write a recording anew, without what looks like a secret to this version"),
  Command.withShortDescription("Redact a recording once more"),
  Command.withExamples([
    {
      command: "effect-codex transcript redact old.jsonl --output new.jsonl",
      description: "A recording of an older version"
    }
  ])
)
