import * as Codex from "@effect-codex/core/Codex"
import * as Input from "@effect-codex/core/Input"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"

const shell = Toolkit.make(Tool.make("exec_command", { success: Schema.String }))

const against = Effect.provide(
  Layer.mergeAll(
    Codex.layerAppServer().pipe(Layer.provideMerge(MockAppServer.layer({ connection: { experimentalApi: true } }))),
    PolicyEngine.layerDeclineAll,
    shell.toLayer({ exec_command: () => Effect.succeed("mine") })
  )
)

const methods = Effect.flatMap(MockAppServer.MockAppServer, ({ received }) =>
  Effect.map(received, (messages) => messages.map(({ method }) => method))
)

describe("input that the server would refuse, drop, or pass on as it is", () => {
  const data = "iVBORw0KGgo="
  const refused: ReadonlyArray<Input.Part> = [
    ...["https://example.com/a.png", "http://example.com/a.png", "file:///tmp/a.png", "", "/tmp/a.png"].flatMap(
      (url): ReadonlyArray<Input.Part> => [
        { type: "image", url },
        { type: "audio", url }
      ]
    ),
    { type: "image", url: "data:image/png;base64," },
    { type: "image", url: `data:image/png,${data}` },
    { type: "image", url: "data:image/png;base64,iVBOR" },
    { type: "image", url: "data:image/png;base64,iVBO Rw0=" },
    { type: "image", url: ` data:image/png;base64,${data}` },
    { type: "audio", url: `data:video/webm;base64,${data}` },
    { type: "localImage", path: "a.png" },
    { type: "localAudio", path: "" },
    { type: "skill", name: "x", path: "x/SKILL.md" }
  ]

  it.effect.each(refused)("is InvalidInput, and no thread is started for it: %j", (part) =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const prompt: Input.Input = [{ type: "text", text: "Look" }, part]
      expect(yield* Effect.flip(codex.responses.create({ prompt }))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* methods).not.toContain("thread/start")
      const thread = yield* codex.thread.start()
      expect(yield* Effect.flip(thread.run(prompt))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* methods).not.toContain("turn/start")
    }).pipe(against)
  )

  it.effect("is not what is inline", () =>
    Effect.gen(function* () {
      yield* Input.checkParts([
        { type: "text", text: "" },
        { type: "image", url: `data:image/png;base64,${data}` },
        { type: "image", url: `DATA:application/octet-stream;x=y;BASE64,${data}` },
        { type: "audio", url: `data:audio/wav;base64,${data}` },
        { type: "localImage", path: "C:\\a.png" }
      ])
      yield* Input.checkParts("https://example.com/a.png")
    })
  )
})

describe("a tool with the name of one of codex's own", () => {
  it.effect("is refused when it is declared", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const taken = { _tag: "InvalidConfig", path: "tools.exec_command" }
      expect(yield* Effect.flip(codex.thread.start({ tools: shell }))).toMatchObject(taken)
      const spec = {
        type: "function",
        name: "exec_command",
        description: "Runs",
        inputSchema: { type: "object" }
      } as const
      expect(yield* Effect.flip(codex.thread.start({ dynamicTools: [spec] }))).toMatchObject(taken)
      expect(yield* methods).not.toContain("thread/start")
      // In a namespace it is another tool.
      const namespace = { type: "namespace", name: "mine", description: "Mine", tools: [spec] } as const
      yield* codex.thread.start({ dynamicTools: [{ ...spec, name: "exec_commands" }, namespace] })
    }).pipe(against)
  )
})
