/**
 * `effect-codex audit verify`: checks that a trail is whole.
 */
import * as Audit from "@effect-codex/policy/Audit"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import { file, unreadable } from "../../audit/trail.ts"
import { CheckFailed } from "../../checkFailed.ts"
import { json, text } from "../../flags.ts"
import * as Print from "../../print.ts"

const flags = {
  file,
  anchor: text("anchor", "COUNT:HASH", "A record that must be in the trail unchanged, as an earlier verify printed it"),
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

const anchorOf = Effect.fnUntraced(function* (text: string | undefined) {
  if (text === undefined) return undefined
  const [, count, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text.trim()) ?? []
  if (count === undefined || hash === undefined) {
    return yield* new InvalidUsage({ description: "An anchor is COUNT:HASH, as `audit verify` prints it." })
  }
  return { count: Number(count), hash }
})

const verify = Effect.fn("audit.verify")(function* (flags: Flags) {
  const anchor = yield* anchorOf(flags.anchor)
  const verified = yield* Audit.verify(flags.file, { anchor }).pipe(
    Effect.catchTag("AuditBroken", ({ description, line, path }) =>
      Effect.gen(function* () {
        if (flags.json) yield* Print.json({ ok: false, file: path, line, description })
        else {
          const paint = yield* Print.painter
          yield* Console.log(`${paint("error", "[FAIL]")} ${Print.exact(path)}:${line}: ${description}`)
        }
        return yield* new CheckFailed({ description: "The trail is not whole." })
      })
    ),
    Effect.catchTag("PlatformError", unreadable(flags.file))
  )
  if (flags.json) return yield* Print.json({ ok: true, ...verified })
  const { anchor: end, dropped, first, records } = verified
  const paint = yield* Print.painter
  yield* Console.log(
    [
      `${paint("assistant", "[PASS]")} records=${records} first=${first} dropped=${dropped}`,
      `anchor=${end.count}:${end.hash}`
    ].join("\n")
  )
})

/** The command. */
export const command = Command.make("verify", flags, verify).pipe(
  Command.withDescription("Check that a trail is whole, and print its anchor. Exits with 1 if it is not"),
  Command.withShortDescription("Check that a trail is whole"),
  Command.withExamples([
    { command: "effect-codex audit verify audit.jsonl", description: "The whole trail" },
    {
      command: 'effect-codex audit verify audit.jsonl --anchor "$(cat anchor)"',
      description: "Also its end, against an anchor that was kept elsewhere"
    }
  ])
)
