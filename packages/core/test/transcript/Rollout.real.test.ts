import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Transcript from "@effect-codex/core/Transcript"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { globSync } from "node:fs"
import * as path from "node:path"
import { serverVersion } from "../server.ts"
import { read, temporaryFile } from "./recording.ts"

const { addFile, execCommand, finalAnswer, reasoning, reply, text } = MockModel

const escalated = execCommand({ cmd: "touch made.txt", escalate: "May I?" })

// What a reader looks at, without what only one of the two has.
const shownIn = (entries: ReadonlyArray<Transcript.Entry>) =>
  entries.flatMap((entry): ReadonlyArray<unknown> => {
    if (!("in" in entry)) return []
    const { method, params } = Object(entry.in)
    if (method === "turn/completed") return [params.turn.status]
    if (method !== "item/completed") return []
    const { aggregatedOutput, changes, command, exitCode, status, summary, text, type } = params.item
    return [{ type, status, command, aggregatedOutput, exitCode, changes, summary, text }]
  })

describe(`the rollout of codex ${serverVersion}`, () => {
  it.live(
    "shows the turns and items that the recording of the same run has",
    () =>
      Effect.gen(function* () {
        const file = yield* temporaryFile
        const script = [
          reply(reasoning("Let me think"), execCommand({ cmd: "echo one; exit 3" })),
          reply(addFile("made.txt", "made\n")),
          reply(finalAnswer("Done.")),
          reply(text("Again."))
        ]
        const program = Effect.gen(function* () {
          const { home } = yield* CodexTest.Home
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start({ sandbox: "workspace-write" })
          yield* thread.run("Go on")
          yield* thread.run("And again")
          return globSync(path.join(home, "sessions", "**", "rollout-*.jsonl"))
        })
        yield* Effect.gen(function* () {
          const rollouts = yield* program
          expect(rollouts.length).toBe(1)
          const rollout = yield* Transcript.fromRollout(rollouts[0] ?? "")
          const entries = yield* Stream.runCollect(rollout.entries)
          expect(rollout.header.codex).toBe(serverVersion)
          expect(entries.at(-1)).toMatchObject({ skipped: { unreadable: 0, tooLong: 0, unknown: 0 } })
          const recorded = yield* read(file)
          expect(shownIn(entries)).toEqual(shownIn(recorded.entries))
          const tokens = (all: ReadonlyArray<Transcript.Entry>) =>
            all.flatMap((entry) => {
              const { method, params } = Object("in" in entry ? entry.in : undefined)
              return method === "thread/tokenUsage/updated" ? [params.tokenUsage.total.totalTokens] : []
            })
          expect(tokens(entries)).toEqual(tokens(recorded.entries))
          const refused = yield* Effect.flip(Effect.scoped(Layer.build(Transcript.layer(rollouts[0] ?? ""))))
          expect(refused).toMatchObject({ _tag: "TranscriptInvalid", isRollout: true })
        }).pipe(
          Effect.provide(
            Layer.mergeAll(
              CodexTest.layer(script, { codex: { record: file } }),
              PolicyEngine.layerAcceptAll,
              NodeServices.layer
            )
          )
        )
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "has a command that was declined, which has no item, and no approval",
    () =>
      Effect.gen(function* () {
        const { home } = yield* CodexTest.Home
        const codex = yield* Codex.Codex
        yield* codex.responses.create({ prompt: "Go on" })
        const [rollout = ""] = globSync(path.join(home, "sessions", "**", "rollout-*.jsonl"))
        const { entries, lacks } = yield* Transcript.fromRollout(rollout)
        const all = yield* Stream.runCollect(entries)
        expect(JSON.stringify(all)).toContain("touch made.txt")
        expect(yield* Stream.runCollect(Transcript.requests(Stream.fromIterable(all)))).toEqual([])
        expect(lacks.join("\n")).toContain("approvals")
      }).pipe(
        Effect.provide(
          Layer.mergeAll(
            CodexTest.layer([reply(escalated), reply(text("done"))]),
            PolicyEngine.layerDeclineAll,
            NodeServices.layer
          )
        )
      ),
    120_000
  )
})
