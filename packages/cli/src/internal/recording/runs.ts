/**
 * The stories of recordings, and the comparison of two.
 */
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { compare, type Comparison } from "../transcriptPage/comparison.ts"
import { makeTeller, type Story, type TellOptions } from "../transcriptPage/story.ts"
import { openToLook, type Source, unreadable } from "./file.ts"

/** A recording that was read to its end. */
export interface Told {
  readonly title: string
  readonly source: Source
  readonly story: Story
}

/** Reads a recording as a story. */
export const tell = Effect.fnUntraced(function* (file: string, options: Omit<TellOptions, "source">) {
  const path = yield* Path.Path
  const source = yield* openToLook(file)
  const teller = makeTeller({ ...options, source: source.header.source })
  yield* Stream.runForEachArray(source.entries, (entries) =>
    Effect.sync(() => {
      for (const entry of entries) teller.take(entry)
    })
  ).pipe(Effect.catch(unreadable(file)))
  return { title: path.basename(file), source, story: teller.story() } satisfies Told
})

/** Only two runs can be compared. */
export const checkPair = (files: ReadonlyArray<string>): Effect.Effect<void, InvalidUsage> =>
  files.length === 2
    ? Effect.void
    : Effect.fail(new InvalidUsage({ description: `--compare takes two files, and there are ${files.length}.` }))

/** Compares the two. */
export const comparisonOf = ([a, b]: ReadonlyArray<Told>): Comparison | undefined => {
  if (a === undefined || b === undefined) return undefined
  const run = ({ source, story, title }: Told) => ({ title, cwd: source.header.cwd ?? "", story })
  return compare(run(a), run(b))
}
