import * as Codex from "@effect-codex/core/Codex"
import type * as Input from "@effect-codex/core/Input"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const { reply, text } = MockModel

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="

const withScript = (script: MockModel.Script) =>
  Effect.provide(
    Layer.merge(
      CodexTest.layer(script, {
        files: { "shot.txt": "not an image", "skill/SKILL.md": "---\nname: s\ndescription: d\n---\nDo it" }
      }),
      PolicyEngine.layerDeclineAll
    )
  )

describe("a prompt of parts", () => {
  it.live("reaches the model part by part", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const { cwd } = yield* CodexTest.Home
      yield* codex.request("fs/writeFile", { path: `${cwd}/pixel.png`, dataBase64: pixel })
      yield* codex.responses.create({
        prompt: [
          { type: "text", text: "What is on these?" },
          { type: "image", url: `data:image/png;base64,${pixel}`, detail: "high" },
          { type: "localImage", path: `${cwd}/pixel.png` },
          { type: "text", text: "Be brief." }
        ]
      })
      const { body, userTexts } = yield* model.request(0)
      expect(userTexts.join("\n")).toMatch(/What is on these\?[^]*Be brief\./)
      expect(JSON.stringify(body["input"]).match(/"type":"input_image"/g)?.length).toBe(2)
    }).pipe(withScript([reply(text("nothing"))]))
  )

  it.live("may steer a turn too", () =>
    Effect.gen(function* () {
      const gate = yield* MockModel.gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const model = yield* MockModel.MockModel
        const thread = yield* codex.thread.start()
        const turn = yield* thread.turn([{ type: "text", text: "Begin" }])
        yield* gate.reached
        yield* turn.steer([{ type: "text", text: "the other way" }])
        yield* gate.open
        yield* turn.result
        expect((yield* model.request(1)).lastUserText).toBe("the other way")
      }).pipe(Effect.scoped, withScript([reply(text("so far", gate)), reply(text("other"))]))
    })
  )

  const refused: ReadonlyArray<readonly [string, (cwd: string) => Input.Part, RegExp]> = [
    ["a file that is not there", (cwd) => ({ type: "localImage", path: `${cwd}/none.png` }), /none\.png can't be read/],
    ["a folder", (cwd) => ({ type: "localImage", path: cwd }), /is not a file/],
    ["a relative path", () => ({ type: "localAudio", path: "a.wav" }), /is relative.*absolute/],
    ["a skill that is not there", (cwd) => ({ type: "skill", name: "s", path: `${cwd}/no/SKILL.md` }), /can't be read/]
  ]
  for (const [what, part, message] of refused) {
    it.live(`with ${what} fails before the turn, with its path`, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const model = yield* MockModel.MockModel
        const { cwd } = yield* CodexTest.Home
        const bad = part(cwd)
        const failure = yield* Effect.flip(codex.responses.create({ prompt: [{ type: "text", text: "Look" }, bad] }))
        expect(failure).toMatchObject({ _tag: "InvalidInput", path: "path" in bad ? bad.path : "" })
        expect(failure.message).toMatch(message)
        expect(yield* model.requests).toEqual([])
      }).pipe(withScript([]))
    )
  }
})
