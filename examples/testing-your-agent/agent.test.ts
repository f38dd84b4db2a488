/**
 * Tests an agent program with the real codex binary and a scripted model: no account, no network, nothing left behind.
 */
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { releaseNotes } from "./agent.ts"

const { error, execCommand, failed, reply, text } = MockModel

const readHistory = execCommand({ cmd: "git log --oneline -20", escalate: "May I read the history?" })

describe("release notes", () => {
  it.live("are what the model makes of the history", () =>
    Effect.gen(function* () {
      expect(yield* releaseNotes).toBe("- First release")
      const model = yield* MockModel.MockModel
      const second = yield* model.request(1)
      expect(second.lastToolOutput?.output).toContain("git")
    }).pipe(Effect.provide(CodexTest.layer([reply(readHistory), reply(text("- First release"))])))
  )

  it.live("come without any other command being run", () =>
    Effect.gen(function* () {
      yield* releaseNotes
      const model = yield* MockModel.MockModel
      expect((yield* model.request(1)).lastToolOutput?.output).toContain("rejected")
    }).pipe(
      Effect.provide(
        CodexTest.layer([reply(execCommand({ cmd: "rm -rf notes", escalate: true })), reply(text("- Nothing"))])
      )
    )
  )

  it.live("come after a second try when the model was overloaded", () =>
    Effect.gen(function* () {
      expect(yield* releaseNotes).toBe("- First release")
    }).pipe(
      Effect.provide(
        CodexTest.layer([error(503, "busy", { code: "server_is_overloaded" }), reply(text("- First release"))])
      )
    )
  )

  it.live("say so when there is too much to read", () =>
    Effect.gen(function* () {
      expect(yield* releaseNotes).toBe("Too many commits to summarize.")
    }).pipe(Effect.provide(CodexTest.layer([reply(failed("context_length_exceeded", "too long"))])))
  )
})
