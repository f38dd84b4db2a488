import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { lacks } from "../server.ts"

const { commentary, finalAnswer, functionCall, gate, reply, text } = MockModel

const withScript = (script: MockModel.Script, options?: CodexTest.Options) =>
  Effect.provide(Layer.merge(CodexTest.layer(script, options), PolicyEngine.layerDeclineAll))

describe("the answer of a turn", () => {
  it.live("is the final answer, whatever is said after it", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Hello" })
      expect(response.text).toBe("The answer.")
      expect(response.commentary).toEqual(["Let me look.", "That was easy."])
    }).pipe(
      withScript([
        reply(commentary("Let me look."), finalAnswer("The answer."), commentary("That was easy."), text("Bye.", " "))
      ])
    )
  )

  it.live("is the newest of two final answers", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { text } = yield* codex.responses.create({ prompt: "Hello" })
      expect(text).toBe("The second.")
    }).pipe(withScript([reply(finalAnswer("The first."), finalAnswer("The second."), finalAnswer(" "))]))
  )

  it.live("is the last message that is neither commentary nor blank, if the model marks no final answer", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Hello" })
      expect(response.text).toBe("The answer.")
      expect(response.commentary).toEqual(["Done."])
    }).pipe(withScript([reply(text("One."), text("The answer."), commentary("Done."), text(" \n"))]))
  )

  it.live("is empty if there is commentary alone", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      expect(yield* codex.responses.create({ prompt: "Hello" })).toMatchObject({ text: "", commentary: ["Hm."] })
    }).pipe(withScript([reply(commentary("Hm."))]))
  )

  it.live("that was interrupted is what had been written of it, and so is its commentary", () =>
    Effect.gen(function* () {
      const interrupted = yield* gate
      const answering = [reply(finalAnswer("Half an ", interrupted, "answer."))]
      const commenting = [reply(commentary("First."), commentary("Half a ", interrupted, "comment."))]
      const run = (script: MockModel.Script) =>
        Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start()
          const turn = yield* thread.turn("Hello")
          yield* turn.events.pipe(
            Stream.takeUntil(({ textDelta }) => textDelta?.startsWith("Half") === true),
            Stream.runDrain
          )
          yield* turn.interrupt
          return yield* Effect.flip(turn.result)
        }).pipe(Effect.scoped, withScript(script))
      expect(yield* run(answering)).toMatchObject({ response: { text: "Half an", commentary: [] } })
      expect(yield* run(commenting)).toMatchObject({ response: { text: "", commentary: ["First.", "Half a"] } })
    })
  )

  describe.skipIf(lacks("toolOfMessages"))("beside messages that a tool sends while the turn goes on", () => {
    const aside = reply(functionCall("send_message_to_user_async", { message: "By the way." }))
    // One of the models that have that tool.
    const hasTool = { codex: { thread: { model: "gpt-6.2-sol" } } }

    it.live("is the message that ends the turn, also if it is marked as nothing", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const marked = yield* codex.responses.create({ prompt: "Hello" })
        expect(marked).toMatchObject({ text: "The answer.", commentary: ["By the way."] })
        const message = marked.items.find((item) => item.type === "agentMessage" && item.delivery === "async")
        // The mark tells nothing: the server has it on both.
        expect(message).toMatchObject({ phase: "final_answer", text: "By the way." })
        const plain = yield* codex.responses.create({ prompt: "Hello" })
        expect(plain).toMatchObject({ text: "Plain.", commentary: ["By the way."] })
        const streamed = yield* Stream.runCollect(codex.responses.streamText({ prompt: "Hello" }))
        expect(streamed.join("")).toBe("The answer.")
      }).pipe(
        withScript(
          [
            aside,
            reply(finalAnswer("The answer.")),
            aside,
            reply(text("Plain.")),
            aside,
            reply(finalAnswer("The answer."))
          ],
          hasTool
        )
      )
    )

    it.live("is the last of them if there is no other", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const response = yield* codex.responses.create({ prompt: "Hello" })
        expect(response).toMatchObject({ text: "By the way.", commentary: ["By the way.", "Done."] })
      }).pipe(withScript([aside, reply(commentary("Done."))], hasTool))
    )
  })

  const mixed = reply(commentary("Let me ", "look."), finalAnswer("The ", "answer."), commentary("That was ", "easy."))

  it.live("alone is streamed as text", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const streamed = yield* Stream.runCollect(codex.responses.streamText({ prompt: "Hello" }))
      expect(streamed.join("")).toBe("The answer.")
      const thread = yield* codex.thread.start()
      const turn = yield* thread.turn("Hello")
      expect((yield* Stream.runCollect(turn.text)).join("")).toBe("The answer.")
    }).pipe(Effect.scoped, withScript([mixed, mixed]))
  )

  it.live("and commentary are events of different phases", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const events = yield* Stream.runCollect(codex.responses.events({ prompt: "Hello" }))
      const said = (phase: string) =>
        events
          .filter((event) => event.phase === phase)
          .map((event) => event.textDelta ?? `[${event.type}: ${event.messageText ?? ""}]`)
          .join("")
      expect(said("assistant")).toBe("[item/started: ]The answer.[item/completed: The answer.]")
      expect(said("commentary")).toBe(
        "[item/started: ]Let me look.[item/completed: Let me look.]" +
          "[item/started: ]That was easy.[item/completed: That was easy.]"
      )
      const { events: kept } = yield* codex.responses.create({ prompt: "Hello", includeEvents: true })
      expect(kept?.map(({ phase, type }) => [type, phase])).toEqual(
        expect.arrayContaining(events.map(({ phase, type }) => [type, phase]))
      )
      // All events are those that are streamed, from the first on.
      expect(kept?.[0]?.type).toBe("thread/ready")
      expect(kept?.at(-1)?.type).toBe("turn/completed")
    }).pipe(withScript([mixed, mixed]))
  )
})
