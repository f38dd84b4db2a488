import { readFileSync } from "node:fs"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as templates from "./fixtures/templates.ts"

const { execCommand, reply, text, usage } = MockModel

const root = path.join(import.meta.dirname, "..", "..", "..")

// What the model is asked, and what the server makes of the configuration.
const runWith = (options: Codex.Options, script: MockModel.Script = [reply(text("done"))]) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const model = yield* MockModel.MockModel
    const exit = yield* Effect.exit(codex.responses.create({ prompt: "Go" }))
    const { body } = yield* model.request(0)
    const { config } = yield* codex.request("config/read", {})
    return { exit, config, reasoning: body["reasoning"], sent: JSON.stringify(body) }
  }).pipe(Effect.provide(Layer.merge(CodexTest.layer(script, { codex: options }), PolicyEngine.layerDeclineAll)))

describe("the templates of the documents", () => {
  it("are the ones that are tested here", () => {
    const source = readFileSync(path.join(import.meta.dirname, "fixtures", "templates.ts"), "utf8").trim()
    for (const document of ["docs/configuration.md", "docs/zh/configuration.md"]) {
      expect(readFileSync(path.join(root, document), "utf8")).toContain(`\`\`\`ts\n${source}\n\`\`\``)
    }
  })

  it.live("safe: a command that changes something is asked for, and nothing is searched for", () =>
    Effect.gen(function* () {
      const { config, exit, sent } = yield* runWith(templates.safe, [
        reply(execCommand({ cmd: "touch here" })),
        reply(text("I may not"))
      ])
      expect(config.web_search).toBe("disabled")
      expect(sent).not.toContain('"web_search"')
      expect(exit).toMatchObject({
        _tag: "Success",
        value: { items: expect.arrayContaining([expect.objectContaining({ status: "declined" })]) }
      })
    })
  )

  it.live("safe: a turn that uses too much is stopped", () =>
    Effect.gen(function* () {
      // So many tokens are more than the model's window, so codex begins to compact the conversation when it reports them,
      // and the second request, if there is one, asks for a summary. Codex 0.169 sends it before our interrupt arrives, 0.171
      // later, so there it is not sent: a script of two replies would keep one. It has no end of its own here. After a
      // summary the turn would ask again, without the output of the command.
      const { exit } = yield* runWith(templates.safe, (request) =>
        request.toolOutputs.length === 0
          ? reply(execCommand({ cmd: "ls" }), usage({ input: 600_000, output: 1 }))
          : reply(text("More", MockModel.delay("1 minute")))
      )
      expect(JSON.stringify(exit)).toContain('"_tag":"BudgetExceeded"')
    })
  )

  it.live("high quality: much effort, and a summary of the thoughts", () =>
    Effect.gen(function* () {
      const { exit, reasoning } = yield* runWith(templates.highQuality)
      expect(exit._tag).toBe("Success")
      expect(reasoning).toMatchObject({ effort: "high", summary: "detailed" })
    })
  )

  it.live("low cost: little effort, short answers, and little of what commands print", () =>
    Effect.gen(function* () {
      const { config, exit, reasoning } = yield* runWith(templates.lowCost)
      expect(exit._tag).toBe("Success")
      expect(reasoning).toMatchObject({ effort: "low" })
      expect(config).toMatchObject({ model_verbosity: "low" })
    })
  )

  it.live("web search: the model is given the tool, with live results", () =>
    Effect.gen(function* () {
      const { config, sent } = yield* runWith(templates.webSearch)
      expect(config.web_search).toBe("live")
      expect(sent).toContain('"web_search"')
    })
  )
})
