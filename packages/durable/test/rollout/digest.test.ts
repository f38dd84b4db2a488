import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { addLines, empty, endsIn, turnsOf } from "../../src/internal/rollout/digest.ts"
import { decode, lengthOf, type Rest, split } from "../../src/internal/rollout/lines.ts"
import { recorded } from "./fixture.ts"

describe.each(recorded)("a rollout of codex $version", ({ bytes, lineWith, lines }) => {
  it("finds the turns of a recorded rollout, with their prompts, answers and ends", () => {
    const digest = addLines(empty, lines)
    expect(digest.unreadable).toBe(0)
    expect(digest.threadId).toMatch(/^[0-9a-f-]{36}$/)
    expect(
      turnsOf(digest).map(({ answer, end, hasPrompt, messageIds, openCalls }) => [
        messageIds,
        hasPrompt,
        answer,
        end,
        openCalls.length
      ])
    ).toEqual([
      [["m-1"], true, { text: "hello it is", isFinal: true }, { type: "completed" }, 0],
      [["m-2"], true, { text: "patched", isFinal: false }, { type: "completed" }, 0],
      [["m-3"], true, { text: "sunny", isFinal: true }, { type: "completed" }, 0],
      [["m-4"], true, { text: "approved", isFinal: true }, { type: "completed" }, 0],
      [["m-5"], true, undefined, { type: "aborted", reason: "interrupted" }, 0],
      [["m-6"], true, undefined, { type: "failed", tag: "internal_server_error", message: expect.any(String) }, 0],
      [["m-7"], true, undefined, { type: "aborted", reason: "interrupted" }, 0],
      [["m-8"], true, { text: "grüße 漢字 😀", isFinal: true }, { type: "completed" }, 0]
    ])
    expect(endsIn(lines)).toEqual(turnsOf(digest).map(({ id }) => id))
  })

  it("lists calls that began and have no output", () => {
    const began = lineWith(`"function_call"`, `"c-6"`)
    const open = turnsOf(addLines(empty, lines.slice(0, began + 1))).at(-1)
    expect(open?.openCalls).toContainEqual({ id: "c-6", name: "exec_command", input: `{"cmd":"sleep 20"}` })
    // Its item is completed and its output is not yet written.
    expect(
      turnsOf(addLines(empty, lines.slice(0, lineWith(`"function_call_output"`, `"c-4"`)))).at(-1)?.openCalls
    ).toEqual([])
  })

  it("a line that was cut by a crash and completed since is counted and skipped", () => {
    for (const [index, line] of lines.entries()) {
      const digest = addLines(empty, [...lines.slice(0, index), line.slice(0, line.length >> 1)])
      expect(digest).toEqual({ ...addLines(empty, lines.slice(0, index)), unreadable: 1 })
    }
  })

  it.prop(
    "takes complete lines only, in whatever chunks they come",
    { cuts: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))) },
    ({ cuts }) => {
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
      let rest: Rest = []
      let read: ReadonlyArray<string> = []
      let digest = empty
      for (let at = 1; at < places.length; at++) {
        const next = split(rest, bytes.subarray(places[at - 1], places[at]))
        rest = next.rest
        const complete = decode(next.bytes)
        read = [...read, ...complete]
        digest = addLines(digest, complete)
      }
      expect(lengthOf(rest)).toBe(0)
      expect(read).toEqual(lines)
      expect(digest).toEqual(addLines(empty, lines))
    }
  )
})
