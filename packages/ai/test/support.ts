import * as CodexLanguageModel from "@effect-codex/ai/CodexLanguageModel"
import * as Codex from "@effect-codex/core/Codex"
import * as Notification from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** Accepts the calls of tools, and nothing else. */
export const acceptTools = PolicyEngine.layer({
  toolCall: () => Effect.succeed({ decision: "accept", by: "test" })
})

/** A real codex, and its model as the `LanguageModel` of the test. */
export const layer = (script: MockModel.Script, options?: CodexLanguageModel.Options & { readonly model?: string }) =>
  CodexLanguageModel.layer(options).pipe(
    Layer.provideMerge(
      Layer.merge(CodexTest.layer(script, { verifyOnClose: false, codex: { experimentalApi: true } }), acceptTools)
    )
  )

/** Waits for the end of the next turn. It listens from when it is forked on. */
export const nextTurnEnd = Effect.flatMap(Codex.Codex, ({ notifications }) =>
  notifications.pipe(
    Stream.filter((notification) => Notification.is("turn/completed", notification)),
    Stream.runHead
  )
).pipe(Effect.forkChild({ startImmediately: true }))

/** What the model got of a conversation in its nth request: who said what, without what codex says by itself. */
export const said = (index: number) =>
  Effect.flatMap(MockModel.MockModel, (model) =>
    Effect.map(model.request(index), ({ input }) =>
      input.flatMap(({ callId, role, text, type }) =>
        type === "message"
          ? role === "developer" || text.startsWith("<")
            ? []
            : [`${role}: ${text}`]
          : [`${type} ${callId}${text === "" ? "" : `: ${text}`}`]
      )
    )
  )
