/**
 * `effect-codex transcript trim`: cuts a recording down to some of its turns.
 */
import * as Transcript from "@effect-codex/core/Transcript"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import { wholeNumber } from "../../flags.ts"
import { file, read, unreadable } from "../../recording/file.ts"
import { output } from "./redact.ts"

const flags = {
  file,
  turns: wholeNumber("turn", "The number of a turn to keep, from 1; may be given again", { least: 1 }).pipe(
    Flag.atLeast(1)
  ),
  output
}

type Flags = Command.Command.Config.Infer<typeof flags>

const trim = Effect.fn("transcript.trim")(function* (flags: Flags) {
  const { entries, header } = yield* read(flags.file)
  const ids = Transcript.turnsOf(entries)
  const missing = flags.turns.find((turn) => turn > ids.length)
  if (missing !== undefined) {
    return yield* new InvalidUsage({ description: `There is no turn ${missing}: ${flags.file} has ${ids.length}.` })
  }
  const kept = flags.turns.flatMap((turn) => ids[turn - 1] ?? [])
  yield* Transcript.write(flags.output, header, Stream.fromIterable(Transcript.trim(entries, kept))).pipe(
    Effect.catch(unreadable(flags.output))
  )
})

/** The command. */
export const command = Command.make("trim", flags, trim).pipe(
  Command.withDescription("Cut a recording down to some of its turns, so that it can still be played"),
  Command.withShortDescription("Cut a recording down to some of its turns"),
  Command.withExamples([
    {
      command: "effect-codex transcript trim run.jsonl --turn 3 --output case.jsonl",
      description: "One turn as a test case"
    }
  ])
)
