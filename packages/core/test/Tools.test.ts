import * as Tools from "@effect-codex/core/Tools"
import { describe, expect, it } from "@effect/vitest"
import * as Prompt from "effect/ai/Prompt"

const file = (mediaType: string, data: string | Uint8Array | URL) => Prompt.makePart("file", { mediaType, data })

describe("Tools.toContentItems", () => {
  it("gives a string as it is, anything else as JSON, and nothing as null", () => {
    for (const [result, text] of [
      ["a", "a"],
      [{ a: 1 }, '{"a":1}'],
      [undefined, "null"]
    ]) {
      expect(Tools.toContentItems(result)).toEqual([{ type: "inputText", text }])
    }
  })

  it("gives images and audio of any case inline, and names other files", () => {
    const output = [
      file("IMAGE/PNG", "AAAA"),
      file("Audio/wav", new Uint8Array([0, 0, 0])),
      file("application/pdf", "AAAA"),
      file("image/png", new URL("https://example.com/a.png"))
    ]
    expect(Tools.toContentItems("for the program", output)).toEqual([
      { type: "inputImage", imageUrl: "data:IMAGE/PNG;base64,AAAA" },
      { type: "inputAudio", audioUrl: "data:Audio/wav;base64,AAAA" },
      { type: "inputText", text: "[a file of type application/pdf]" },
      { type: "inputText", text: "[a file of type image/png at https://example.com/a.png]" }
    ])
  })
})
