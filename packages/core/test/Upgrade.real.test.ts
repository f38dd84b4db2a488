import * as Codex from "@effect-codex/core/Codex"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { findBinary } from "../scripts/codegen.ts"
import { codexVersion } from "../src/protocol/generated/Methods.ts"
import { serverVersion } from "./server.ts"

// The version that `npm run test:codex` or `npm run matrix` tests, and the pinned one.
it.live("a thread goes on after a downgrade and after an upgrade", () =>
  Effect.gen(function* () {
    const { cwd, env } = yield* CodexTest.Home
    const model = yield* MockModel.MockModel
    const old = process.env["CODEX_BINARY"]
    const young = findBinary()
    let threadId: string | undefined
    const seen: Array<string> = []
    for (const binary of [young, old, young, old]) {
      const turn = Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const response = yield* codex.responses.create({ prompt: `turn ${seen.length + 1}`, threadId })
        threadId ??= response.threadId
        expect(response).toMatchObject({ threadId, status: "completed", text: `answer ${seen.length + 1}` })
        const { thread } = yield* codex.request("thread/read", { threadId: response.threadId, includeTurns: true })
        expect(thread.turns.map(({ status }) => status)).toEqual(
          Array.from({ length: seen.length + 1 }, () => "completed")
        )
        return codex.serverInfo.version
      })
      const server = Codex.layer({ binary, cwd, env }).pipe(Layer.provide(NodeServices.layer))
      seen.push(yield* Effect.provide(turn, Layer.merge(server, PolicyEngine.layerDeclineAll)))
    }
    expect(seen).toEqual([codexVersion, serverVersion, codexVersion, serverVersion])
    // The model hears of all turns, whichever server they were on.
    const last = JSON.stringify((yield* model.requests).at(-1)?.body)
    for (const number of [1, 2, 3, 4]) expect(last).toContain(`turn ${number}`)
    for (const number of [1, 2, 3]) expect(last).toContain(`answer ${number}`)
  }).pipe(
    Effect.scoped,
    Effect.provide(
      CodexTest.layerHome([1, 2, 3, 4].map((number) => MockModel.reply(MockModel.text(`answer ${number}`))))
    )
  )
)
