/**
 * The trail that the subcommands of `effect-codex audit` read.
 */
import * as Argument from "effect/cli/Argument"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { fileProblem } from "../fileProblem.ts"

/** The argument. */
export const file = Argument.String("FILE").pipe(
  Argument.withDescription("The trail's newest file; FILE.1 and so on are read with it")
)

/** A trail that cannot be read at all is a mistake of the command line. */
export const unreadable =
  (file: string) =>
  (error: PlatformError.PlatformError): Effect.Effect<never, InvalidUsage> =>
    Effect.fail(new InvalidUsage({ description: `The trail ${file} cannot be read: ${fileProblem(error)}.` }))
