/**
 * `effect-codex doctor`: its flags, and how the report is printed.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Connection from "../../Connection.ts"
import * as Doctor from "../../Doctor.ts"
import type { Paint } from "../../Tone.ts"
import { CheckFailed } from "../checkFailed.ts"
import { toOptions } from "../connect.ts"
import { json } from "../flags.ts"
import * as Print from "../print.ts"

const flags = { json, ...Connection.flags }

type Flags = Command.Command.Config.Infer<typeof flags>

const tones = { ok: "assistant", warn: "warning", fail: "error" } as const

// The columns before a summary.
const margin = 17

// More of them are in the JSON document.
const shownDetails = 20

const lines = (
  paint: Paint,
  { advice, check, details = [], status, summary }: Doctor.Finding
): ReadonlyArray<string> => {
  const indent = " ".repeat(margin)
  const more = details.length - shownDetails
  return [
    `${paint(tones[status], status.padEnd(4))}  ${check.padEnd(10)} ${Print.inline(summary)}`,
    ...details.slice(0, shownDetails).map((detail) => `${indent}${Print.inline(detail)}`),
    ...(more > 0 ? [`${indent}and ${more} more, which --json has`] : []),
    ...(advice === undefined || status === "ok" ? [] : [`${indent}${Print.inline(advice)}`])
  ]
}

/** Examines, and fails if something is wrong. */
const run = Effect.fn("doctor")(function* (flags: Flags) {
  const options = yield* toOptions(flags)
  const home = flags.offline
    ? yield* Effect.flatMap(
        Effect.promise(() => import("../offline.ts")),
        ({ home }) => home
      )
    : undefined
  const report = yield* Doctor.examine({
    ...options,
    ...(home === undefined ? {} : { env: home.env, cwd: options.cwd ?? home.cwd })
  })
  if (flags.json) yield* Print.json(report)
  else {
    const paint = yield* Print.painter
    yield* Print.lines(
      report.findings.flatMap((finding) => lines(paint, finding)),
      margin
    )
  }
  if (!report.ok) return yield* new CheckFailed({ description: "Something is wrong here." })
}, Effect.scoped)

/** The command. */
export const command = Command.make("doctor", flags, run).pipe(
  Command.withDescription("Check codex, its configuration, account and sandbox, and suggest a fix for each failure"),
  Command.withShortDescription("Check the installation and suggest fixes"),
  Command.withExamples([
    { command: "effect-codex doctor", description: "Find out what is wrong" },
    {
      command: "effect-codex doctor --json | jq '.findings[] | select(.status != \"ok\")'",
      description: "The same for a program"
    },
    { command: "effect-codex doctor --codex ./codex-next", description: "See what a newer codex changes" }
  ])
)
