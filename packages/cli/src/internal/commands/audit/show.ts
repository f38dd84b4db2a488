/**
 * `effect-codex audit show`: the newest records of a trail.
 */
import * as Audit from "@effect-codex/policy/Audit"
import type { AuditRecord } from "@effect-codex/policy/AuditRecord"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { file, unreadable } from "../../audit/trail.ts"
import { json, optional, wholeNumber } from "../../flags.ts"
import * as Print from "../../print.ts"

const flags = {
  file,
  type: optional(
    Flag.Literals("type", ["decision", "outcome", "unasked", "dropped", "opened", "rotated"]).pipe(
      Flag.withDescription("Only the records of this type")
    )
  ),
  last: wholeNumber("last", "How many records to show; 0 for all. Default: 50", { least: 0 }).pipe(
    Flag.withDefault(50)
  ),
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

const show = Effect.fn("audit.show")(function* (flags: Flags) {
  const found: Array<AuditRecord> = []
  const reading = Audit.read(flags.file).pipe(
    Stream.filter(({ type }) => flags.type === undefined || flags.type === type),
    Stream.runForEach((record) =>
      Effect.sync(() => {
        found.push(record)
        if (flags.last > 0 && found.length > flags.last) found.shift()
      })
    )
  )
  const outcome = yield* Effect.exit(Effect.catchTag(reading, "PlatformError", unreadable(flags.file)))
  // Records before the place where it is not whole are shown anyway.
  if (flags.json) yield* Print.json(found)
  else if (found.length > 0) {
    yield* Print.table(
      [
        { title: "SEQ" },
        { title: "AT" },
        { title: "TYPE" },
        { title: "WHAT", optional: true },
        { title: "RESULT" },
        { title: "BY", optional: true },
        { title: "ABOUT", least: 12, optional: true }
      ],
      found.map(rowOf),
      Print.exact
    )
  }
  return yield* outcome
})

const rowOf = (record: AuditRecord): ReadonlyArray<string> => {
  const row = (what: string, result: string, by = "", about = "") => [
    String(record.seq),
    record.at,
    record.type,
    what,
    result,
    by,
    about
  ]
  switch (record.type) {
    case "decision":
      return row(record.kind, record.decision, record.by ?? "nobody", commandOf(record.params) ?? record.reason ?? "")
    case "outcome":
    case "unasked": {
      const code = record.exitCode === null || record.exitCode === 0 ? "" : ` (${record.exitCode})`
      return row(record.item, `${record.status}${code}`, "", record.type === "unasked" ? (record.what ?? "") : "")
    }
    case "dropped":
      return row("", `${record.count} records`, "", record.reason)
    case "opened":
      return row("", record.torn ? "behind a line that was cut off" : "")
    case "rotated":
      return row("", "")
  }
}

const commandOf = (params: unknown): string | undefined =>
  Predicate.hasProperty(params, "command") && typeof params.command === "string" ? params.command : undefined

/** The command. */
export const command = Command.make("show", flags, show).pipe(
  Command.withDescription("Show the newest records of a trail. Exits with 1 if it is not whole"),
  Command.withShortDescription("Show the newest records of a trail"),
  Command.withExamples([
    { command: "effect-codex audit show audit.jsonl --type unasked", description: "Actions that needed no approval" },
    {
      command: "effect-codex audit show audit.jsonl --last 0 --json | jq -r '.[].decision'",
      description: "All of them, for a program"
    }
  ])
)
