/**
 * Writes files that must not be there yet.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { fileProblem } from "../fileProblem.ts"

/** Fails if the file is there, or is a link, unless it is to be replaced. */
export const write = Effect.fnUntraced(function* (file: string, text: string, force: boolean) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(
    fs.writeFileString(file, text, { flag: force ? "w" : "wx" }),
    (error) =>
      new InvalidUsage({
        description:
          error.reason._tag === "AlreadyExists"
            ? `${file} is there already. --force replaces it.`
            : `${file} cannot be written: ${fileProblem(error)}.`
      })
  )
})
