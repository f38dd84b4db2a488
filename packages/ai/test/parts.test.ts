import type { Notification } from "@effect-codex/core/Notification"
import { describe, expect, it } from "@effect/vitest"
import { collect, makeMemory, makeParts } from "../src/internal/parts.ts"

const of = (method: string, params: object) =>
  ({ method, params: { threadId: "t", turnId: "u", ...params } }) as Notification
const summaryPart = (summaryIndex: number) => of("item/reasoning/summaryPartAdded", { itemId: "r", summaryIndex })
const summary = (summaryIndex: number, delta: string) =>
  of("item/reasoning/summaryTextDelta", { itemId: "r", summaryIndex, delta })
const text = (delta: string) => of("item/agentMessage/delta", { itemId: "m", delta })
const message = (item: object) =>
  of("item/completed", { item: { type: "agentMessage", id: "m", phase: null, ...item } })

describe("the parts of a response", () => {
  it("separate the summaries of one reasoning, however they come", () => {
    const reasoning = of("item/completed", {
      item: { type: "reasoning", id: "r", summary: ["one", "two"], content: [] }
    })
    const streamed = makeParts(new Set(), true, makeMemory())
    const deltas = [summaryPart(0), summary(0, "o"), summary(0, "ne"), summaryPart(1), summary(1, "two"), reasoning]
    const whole = makeParts(new Set(), true, makeMemory())
    for (const parts of [deltas.flatMap(streamed.add), whole.add(reasoning)]) {
      expect(collect(parts)).toEqual([{ type: "reasoning", text: "one\n\ntwo" }])
    }
  })

  it("say a message once that goes on in the next response of its turn", () => {
    const memory = makeMemory()
    const first = makeParts(new Set(), true, memory)
    const before = [...first.add(text("Let me ")), ...first.end()]
    const second = makeParts(new Set(), true, memory)
    const after = [...second.add(text("see.")), ...second.add(message({ text: "Let me see." })), ...second.end()]
    expect([before, after].map(collect)).toEqual([
      [{ type: "text", text: "Let me " }],
      [{ type: "text", text: "see." }]
    ])
  })
})
