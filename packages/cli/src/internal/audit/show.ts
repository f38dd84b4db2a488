/**
 * What `effect-codex audit show` does with its flags.
 */
import * as Audit from "@effect-codex/policy/Audit"
import type { AuditRecord } from "@effect-codex/policy/AuditRecord"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type { Flags } from "../../AuditCommand.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import * as Print from "../print.ts"

/** A trail that can't be read at all is a mistake of the command line. */
export const unreadable =
  (file: string) =>
  ({ reason }: PlatformError.PlatformError): Effect.Effect<never, InvalidUsage> =>
    Effect.fail(new InvalidUsage({ description: `The trail ${file} can't be read: ${reason._tag}.` }))

export const show = Effect.fn("AuditCommand.show")(function* (flags: Flags["show"]) {
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
  // What comes before the place where it is not whole is shown all the same.
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
