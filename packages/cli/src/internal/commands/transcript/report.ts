/**
 * `effect-codex transcript report`: a recording as a page.
 */
import type * as Transcript from "@effect-codex/core/Transcript"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { open, unreadable } from "../../recording/file.ts"
import { type About, page } from "../../transcriptPage/page.ts"
import { makeTeller } from "../../transcriptPage/story.ts"

const flags = {
  files: Argument.String("FILE").pipe(
    Argument.withDescription("The newest file of a recording; several are shown side by side"),
    Argument.variadic({ min: 1, max: 4 })
  )
}

type Flags = Command.Command.Config.Infer<typeof flags>

const notesOf = ({ header, missing }: Transcript.Recording): ReadonlyArray<string> => [
  ...(missing === 0 ? [] : [`The first ${missing} files of this recording are not kept.`]),
  ...(header.source === undefined ? [] : [`Made of a ${header.source}, which has less than a recording.`])
]

const read = Effect.fnUntraced(function* (file: string) {
  const path = yield* Path.Path
  const recording = yield* open(file)
  const { header } = recording
  const teller = makeTeller()
  yield* Stream.runForEachArray(recording.entries, (entries) =>
    Effect.sync(() => {
      for (const entry of entries) teller.take(entry)
    })
  ).pipe(Effect.catch(unreadable(file)))
  const about: About = {
    title: path.basename(file),
    codex: header.codex,
    at: header.at,
    command: [header.binary ?? "", ...(header.args ?? [])].join(" ").trim(),
    cwd: header.cwd ?? "",
    notes: notesOf(recording)
  }
  return { about, story: teller.story() }
})

const report = Effect.fn("transcript.report")(function* ({ files }: Flags) {
  yield* Console.log(yield* page(yield* Effect.forEach(files, read)))
})

/** The command. */
export const command = Command.make("report", flags, report).pipe(
  Command.withDescription("Print a page of a recording: one file that needs no network; several files are compared"),
  Command.withShortDescription("Print a page of a recording"),
  Command.withExamples([
    { command: "effect-codex transcript report run.jsonl > report.html", description: "Open it in a browser" },
    {
      command: "effect-codex transcript report before.jsonl after.jsonl > both.html",
      description: "Two runs side by side"
    }
  ])
)
