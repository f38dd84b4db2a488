/**
 * `effect-codex models`: its flags, and the list.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Connection from "../../Connection.ts"
import { layer } from "../connect.ts"
import { json, toggle } from "../flags.ts"
import * as Print from "../print.ts"

const flags = {
  hidden: toggle("hidden", "Also list models that are not meant to be picked"),
  json,
  ...Connection.flags
}

type Flags = Command.Command.Config.Infer<typeof flags>

const list = Effect.fn("models")(function* (flags: Flags) {
  const data = yield* Effect.flatMap(Codex.Codex, ({ model }) =>
    Stream.runCollect(model.list({ includeHidden: flags.hidden }))
  ).pipe(Effect.provide(layer(flags)))
  if (flags.json) return yield* Print.json({ data })
  yield* Print.table(
    [
      { title: "MODEL" },
      { title: "EFFORTS", least: 16, optional: true },
      { title: "DESCRIPTION", least: 20, optional: true }
    ],
    data.map((model) => [
      model.isDefault ? `${model.model} (default)` : model.model,
      model.supportedReasoningEfforts.map(({ reasoningEffort }) => reasoningEffort).join(", "),
      model.description
    ])
  )
})

/** The command. */
export const command = Command.make("models", flags, list).pipe(
  Command.withDescription("List the models that codex offers"),
  Command.withExamples([
    { command: "effect-codex models", description: "Names for --model" },
    { command: "effect-codex models --json | jq -r '.data[] | select(.isDefault).id'", description: "The default" }
  ])
)
