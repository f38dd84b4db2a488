/**
 * What `effect-codex models` does with its flags.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Flags } from "../ModelsCommand.ts"
import { layer } from "./connect.ts"
import * as Print from "./print.ts"

export const models = Effect.fn("ModelsCommand.models")(function* (flags: Flags) {
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
