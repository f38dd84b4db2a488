/**
 * A vitest matcher that compares a recording with a golden file, ignoring the ids, times and paths that differ from run to run.
 *
 * Vitest itself writes, compares and updates the file, as with `toMatchFileSnapshot`. The matcher adds which messages and
 * fields differ. It is a separate module, so that the rest of the test kit does not need vitest.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { type AsyncMatcherResult, type MatcherState, Snapshots } from "vitest"
import { parse, textIn } from "../internal/transcript/entry.ts"
import { differences } from "../internal/transcript/normal.ts"
import * as Transcript from "../Transcript.ts"

/**
 * A recording, as returned by `Transcript.read`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly header: Pick<Transcript.Header, "cwd">
  readonly entries: ReadonlyArray<Transcript.Entry>
}

declare module "vitest" {
  // The type parameters must match vitest's declaration.
  // oxlint-disable-next-line no-unused-vars
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /**
     * Passes if a recording equals the golden file, apart from ids, times and paths. The path is relative to the test. A missing
     * file is written, and `vitest -u` updates one that differs.
     */
    readonly toMatchTranscript: (file: string) => Promise<void>
  }
}

const framesMax = 3
const fieldsMax = 5
const valueMax = 200

const clip = (value: string | undefined): string =>
  value === undefined ? "nothing" : value.length <= valueMax ? value : `${value.slice(0, valueMax).toWellFormed()}…`

const kindOf = (message: unknown): string => textIn(message, "method") ?? "answer"

const frames = (value: unknown, direction: "sent" | "received"): ReadonlyArray<unknown> => {
  const found = Predicate.isReadonlyObject(value) ? value[direction] : undefined
  return Array.isArray(found) ? found : []
}

// The messages that differ, each with its differing fields. Messages are numbered from 1 in each direction.
const describe = (golden: unknown, now: Transcript.Normal): string => {
  const found = (["sent", "received"] as const).flatMap((direction) => {
    const [then, current] = [frames(golden, direction), now[direction]]
    return Array.from({ length: Math.max(then.length, current.length) }, (_, index) => {
      const fields = differences(then[index], current[index], { recorded: [], sent: [] }, (a, b) => a === b)
      return fields.length === 0
        ? []
        : [{ name: `${direction} ${index + 1} (${kindOf(then[index] ?? current[index])})`, fields }]
    }).flat()
  })
  const lines = found.slice(0, framesMax).flatMap(({ fields, name }) => [
    ...fields.slice(0, fieldsMax).map(({ path, recorded, sent }) => {
      const where = path === "" ? name : `${name} ${path}`
      return `  ${where}: golden ${clip(recorded)}, now ${clip(sent)}`
    }),
    ...(fields.length > fieldsMax ? [`  ${name}: ${fields.length - fieldsMax} more fields`] : [])
  ])
  const more = found.length > framesMax ? [`  and ${found.length - framesMax} more messages`] : []
  return [...lines, ...more].join("\n")
}

const isRecording = (value: unknown): value is Recording =>
  Predicate.isReadonlyObject(value) && Predicate.isReadonlyObject(value["header"]) && Array.isArray(value["entries"])

/**
 * The matchers, for `expect.extend`.
 *
 * **Example** (A golden file of a run)
 *
 * ```ts
 * import * as TranscriptMatcher from "@effect-codex/core/testing/TranscriptMatcher"
 * import * as Transcript from "@effect-codex/core/Transcript"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { expect, it } from "@effect/vitest"
 * import * as Effect from "effect/Effect"
 *
 * expect.extend(TranscriptMatcher.matchers)
 *
 * it.live("says what it said", () =>
 *   Effect.gen(function* () {
 *     const recording = yield* Transcript.read("run.jsonl")
 *     yield* Effect.promise(() => expect(recording).toMatchTranscript("golden/run.json"))
 *   }).pipe(Effect.provide(NodeServices.layer))
 * )
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const matchers = {
  toMatchTranscript(this: MatcherState, received: unknown, file: string): AsyncMatcherResult {
    if (!isRecording(received)) {
      return Promise.resolve({ pass: false, message: () => "toMatchTranscript takes what Transcript.read gives" })
    }
    const now = Transcript.normalize(received)
    const text = `${JSON.stringify(now, undefined, 2)}\n`
    return Snapshots.toMatchFileSnapshot.call(this, text, file).then((result) => {
      const golden = typeof result.expected === "string" ? parse(result.expected) : undefined
      if (result.pass || golden === undefined) return result
      return { ...result, message: () => `The recording differs from ${file}:\n${describe(golden, now)}` }
    })
  }
}
