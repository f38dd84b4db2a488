/**
 * The transcript that a command of `effect-codex transcript` reads.
 */
import * as Transcript from "@effect-codex/core/Transcript"
import * as Argument from "effect/cli/Argument"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { InvalidUsage } from "../../InvalidUsage.ts"

/** The argument. */
export const file = Argument.String("FILE").pipe(
  Argument.withDescription("The newest file of a recording; FILE.1 and so on are read with it")
)

/** A file that can't be read, or is not a transcript, is a mistake of the command line. */
export const unreadable =
  (file: string) =>
  (error: PlatformError | Transcript.TranscriptInvalid): Effect.Effect<never, InvalidUsage> =>
    Effect.fail(
      new InvalidUsage({
        description:
          error._tag === "TranscriptInvalid"
            ? `${error.message}.`
            : `The transcript ${file} can't be read: ${error.reason._tag}.`
      })
    )

/** Opens it. */
export const open = (file: string) => Effect.catch(Transcript.open(file), unreadable(file))

/** Reads all of it. */
export const read = (file: string) => Effect.catch(Transcript.read(file), unreadable(file))
