/**
 * `effect-codex review`: a run in which codex reviews the changes that the flags name.
 */
import type { ReviewTarget } from "@effect-codex/core/protocol/generated/Stable"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Struct from "effect/Struct"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { text, toggle } from "../flags.ts"
import { flags as runFlags, runWith } from "./run.ts"

// A review has its own task and its own thread. The server accepts neither an output schema nor an effort for it.
const shared = Struct.omit(runFlags, [
  "addDir",
  "effort",
  "images",
  "last",
  "outputSchema",
  "prompt",
  "promptFile",
  "thread"
])

const flags = {
  instructions: Argument.String("INSTRUCTIONS").pipe(
    Argument.withDescription("Your instructions for the review"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  base: text("base", "BRANCH", "Review the changes since this branch"),
  commit: text("commit", "SHA", "Review the changes of this commit"),
  uncommitted: toggle("uncommitted", "Review staged, unstaged and untracked changes. The default"),
  ...shared
}

type Flags = Command.Command.Config.Infer<typeof flags>

const targetOf = Effect.fnUntraced(function* ({ base, commit, instructions, uncommitted }: Flags) {
  const targets: ReadonlyArray<readonly [string, ReviewTarget]> = [
    ...(uncommitted ? [["--uncommitted", { type: "uncommittedChanges" }] as const] : []),
    ...(base === undefined ? [] : [["--base", { type: "baseBranch", branch: base }] as const]),
    ...(commit === undefined ? [] : [["--commit", { type: "commit", sha: commit }] as const]),
    ...(instructions === undefined ? [] : [["INSTRUCTIONS", { type: "custom", instructions }] as const])
  ]
  if (targets.length > 1) {
    return yield* new InvalidUsage({ description: `Use only one of ${targets.map(([name]) => name).join(", ")}.` })
  }
  for (const [name, value] of [
    ["--base", base],
    ["--commit", commit],
    ["INSTRUCTIONS", instructions]
  ] as const) {
    if (value?.trim() === "") return yield* new InvalidUsage({ description: `${name} is empty.` })
  }
  const fallback: ReviewTarget = { type: "uncommittedChanges" }
  return targets[0]?.[1] ?? fallback
})

const review = Effect.fn("review")(function* (flags: Flags) {
  const target = yield* targetOf(flags)
  yield* runWith(
    {
      ...flags,
      addDir: [],
      effort: undefined,
      images: [],
      last: false,
      outputSchema: undefined,
      prompt: undefined,
      promptFile: undefined,
      thread: undefined
    },
    target
  )
})

/** The command. */
export const command = Command.make("review", flags, review).pipe(
  Command.withDescription("Have codex review changes of the code in this folder, and print the review"),
  Command.withShortDescription("Have codex review changes of the code in this folder"),
  Command.withExamples([
    { command: "effect-codex review", description: "Your uncommitted changes" },
    { command: "effect-codex review --base main --output review.md", description: "A branch" },
    { command: "effect-codex review --commit HEAD~1 --json", description: "A commit" },
    { command: 'effect-codex review "Look for races in src/queue.ts"', description: "In your words" }
  ])
)
