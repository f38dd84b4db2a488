/**
 * `effect-codex transcript report`: a recording as a page.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { toggle } from "../../flags.ts"
import type { Source } from "../../recording/file.ts"
import { checkPair, comparisonOf, tell } from "../../recording/runs.ts"
import { type About, page } from "../../transcriptPage/page.ts"

const flags = {
  files: Argument.String("FILE").pipe(
    Argument.withDescription("The newest file of a recording, or a rollout of codex; several are shown side by side"),
    Argument.variadic({ min: 1, max: 4 })
  ),
  compare: toggle("compare", "Begin with a comparison of two runs, turn by turn")
}

type Flags = Command.Command.Config.Infer<typeof flags>

const aboutOf = (title: string, source: Source): About => {
  const { header } = source
  return {
    title,
    codex: header.codex,
    at: header.at,
    command: [header.binary ?? "", ...(header.args ?? [])].join(" ").trim(),
    cwd: header.cwd ?? "",
    notes: notesOf(source)
  }
}

const notesOf = ({ header, lacks, missing }: Source): ReadonlyArray<string> => [
  ...(missing === 0 ? [] : [`The first ${missing} files of this recording are not kept.`]),
  ...(header.source === undefined
    ? []
    : [`Made of a ${header.source} of codex, which is not a recording of a connection.`]),
  ...(lacks.length === 0 ? [] : [`It does not have: ${lacks.join("; ")}.`])
]

const report = Effect.fn("transcript.report")(function* ({ compare, files }: Flags) {
  if (compare) yield* checkPair(files)
  const runs = yield* Effect.forEach(files, (file) => tell(file, { runs: files.length, hasFacts: compare }))
  const recordings = runs.map(({ source, story, title }) => ({ about: aboutOf(title, source), story }))
  yield* Console.log(yield* page(recordings, compare ? comparisonOf(runs) : undefined))
})

/** The command. */
export const command = Command.make("report", flags, report).pipe(
  Command.withDescription(
    "Print a page of a recording: one file that needs no network; several recordings are shown side by side"
  ),
  Command.withShortDescription("Print a page of a recording"),
  Command.withExamples([
    { command: "effect-codex transcript report run.jsonl > report.html", description: "Open it in a browser" },
    {
      command: "effect-codex transcript report before.jsonl after.jsonl > both.html",
      description: "Two runs side by side"
    },
    {
      command: "effect-codex transcript report --compare before.jsonl after.jsonl > both.html",
      description: "The same, with what differs first"
    }
  ])
)
