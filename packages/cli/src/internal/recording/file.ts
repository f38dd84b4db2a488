/**
 * The transcript that a command of `effect-codex transcript` reads.
 */
import * as Transcript from "@effect-codex/core/Transcript"
import * as Argument from "effect/cli/Argument"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { fileProblem } from "../fileProblem.ts"

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
            : `The transcript ${file} cannot be read: ${fileProblem(error)}.`
      })
    )

/** A recording to look at: that of a connection, or a rollout of codex. */
export interface Source extends Transcript.Recording {
  /** The parts that it lacks, in words. */
  readonly lacks: ReadonlyArray<string>
}

const openSource = (
  file: string
): Effect.Effect<Source, PlatformError | Transcript.TranscriptInvalid, FileSystem.FileSystem> =>
  Transcript.open(file).pipe(
    Effect.map((recording) => ({ ...recording, lacks: [] })),
    Effect.catchTag("TranscriptInvalid", (error) =>
      error.isRollout === true ? Transcript.fromRollout(file) : Effect.fail(error)
    )
  )

/** Opens a recording or a rollout, whichever it is, to look at it. */
export const openToLook = (file: string) => Effect.catch(openSource(file), unreadable(file))

/** Opens a recording. */
export const open = (file: string) => Effect.catch(Transcript.open(file), unreadable(file))

/** Reads all of a recording. */
export const read = (file: string) => Effect.catch(Transcript.read(file), unreadable(file))
