import { describe, expect, it } from "@effect/vitest"
import { admit, type Evidence } from "../src/internal/admission.ts"
import { addLine, addLines, type Digest, empty, turnsOf } from "../src/internal/rollout/digest.ts"
import { decode, type Rest, split } from "../src/internal/rollout/lines.ts"
import type { Attempt } from "../src/Job.ts"
import { recorded } from "./rollout/fixture.ts"

const started: Attempt = { number: 1, epoch: 1, phase: "started", startedAt: 0 }
const sent = (messageId: string, number = 1): Attempt => ({
  ...started,
  number,
  phase: "sent",
  messageId,
  threadId: "t"
})
const admitted = (messageId: string, turnId: string, number = 1): Attempt => ({
  ...sent(messageId, number),
  phase: "admitted",
  turnId
})

const verdictOf = (evidence: Evidence): string => {
  const { isPromptUncertain, verdict } = admit(evidence)
  return isPromptUncertain ? `${verdict.type}, unconfirmed` : verdict.type
}

describe.each(recorded)("with a rollout of codex $version", ({ bytes, lineWith, lines }) => {
  const full = addLines(empty, lines)
  const turns = turnsOf(full)
  const upTo = (line: number): Digest => addLines(empty, lines.slice(0, line))

  /** Where the lines of each turn stand, found without the code under test. */
  const places = turns.map((turn, index) => {
    const messageId = `m-${index + 1}`
    const prompt = lines.findIndex(
      (line) => line.includes(`"response_item"`) && line.includes(turn.id) && line.includes(`"user.text"`)
    )
    return {
      messageId,
      turnId: turn.id,
      prompt,
      message: lineWith(`"client_id":"${messageId}"`),
      end: lines.findIndex((line) => /"type":"(task_complete|turn_aborted)"/.test(line) && line.includes(turn.id))
    }
  })

  const expected = (place: (typeof places)[number], complete: number): string => {
    if (complete <= place.prompt) return "absent"
    if (complete <= place.message) return "absent, unconfirmed"
    return complete <= place.end ? "cut" : "ended"
  }

  it("the verdict on a recorded rollout is right wherever a crash cut it: after every line, and after every byte of a line", () => {
    // A prompt is sent once the turn before it has ended.
    const isSent = (index: number) => complete > (places[index - 1]?.end ?? -1)
    const verdictsOn = (rollout: Digest) =>
      places.flatMap(({ messageId }, index) =>
        isSent(index) ? [verdictOf({ attempts: [sent(messageId)], rollout })] : []
      )
    let digest = empty
    let rest: Rest = []
    let complete = 0
    let verdicts: ReadonlyArray<string> = []
    let compared = 0
    for (let at = 0; at <= bytes.length; at++) {
      if (at > 0) {
        const next = split(rest, bytes.subarray(at - 1, at))
        rest = next.rest
        for (const line of decode(next.bytes)) {
          digest = addLine(digest, line)
          complete++
          verdicts = []
        }
      }
      if (verdicts.length > 0) continue
      verdicts = verdictsOn(digest)
      const right = places.flatMap((place, index) => (isSent(index) ? [expected(place, complete)] : []))
      expect(verdicts, `cut at byte ${at}`).toEqual(right)
      compared += verdicts.length
    }
    expect(complete).toBe(lines.length)
    // After every line, for each prompt that was sent by then.
    expect(compared).toBeGreaterThan(3 * lines.length)
  })

  it("a line that a crash cut and that was completed since counts for nothing", () => {
    for (const place of places) {
      for (let complete = place.prompt; complete <= place.end; complete++) {
        const half = `${lines[complete]}`.slice(0, -2)
        const rollout = addLines(empty, [...lines.slice(0, complete), half])
        expect(verdictOf({ attempts: [sent(place.messageId)], rollout })).toBe(expected(place, complete))
      }
    }
  })

  const [first, second] = places
  if (first === undefined || second === undefined) throw new Error("the recorded rollout has too few turns")

  const aborted = (turnId: string): string =>
    JSON.stringify({ type: "event_msg", payload: { type: "turn_aborted", turn_id: turnId, reason: "interrupted" } })

  const table: ReadonlyArray<readonly [string, ReadonlyArray<Attempt>, Digest | undefined, string]> = [
    ["nothing was started", [], full, "absent"],
    ["an attempt that sent nothing", [started], full, "absent"],
    ["no file, nothing was admitted", [sent("m-1")], undefined, "absent"],
    ["no file, and a turn was admitted", [admitted("m-1", first.turnId)], undefined, "uncertain"],
    ["an empty file", [sent("m-1")], empty, "absent"],
    ["session_meta alone", [sent("m-1")], upTo(1), "absent"],
    ["a turn without anything", [sent("m-1")], upTo(2), "absent"],
    ["the context, no prompt", [sent("m-1")], upTo(first.prompt), "absent"],
    ["the prompt, without its client id", [sent("m-1")], upTo(first.prompt + 1), "absent, unconfirmed"],
    [
      "the same, and the row has the turn",
      [admitted("m-1", first.turnId)],
      upTo(first.prompt + 1),
      "absent, unconfirmed"
    ],
    ["a turn without anything, and the row has it", [admitted("m-1", first.turnId)], upTo(2), "absent"],
    ["the context, no prompt, and the row has the turn", [admitted("m-1", first.turnId)], upTo(first.prompt), "absent"],
    [
      "a turn that was aborted before it had a prompt",
      [admitted("m-1", first.turnId)],
      addLines(upTo(first.prompt), [aborted(first.turnId)]),
      "absent"
    ],
    ["the prompt with its client id", [sent("m-1")], upTo(first.message + 1), "cut"],
    ["all but the end", [sent("m-1")], upTo(first.end), "cut"],
    ["the end", [sent("m-1")], upTo(first.end + 1), "ended"],
    ["the end of another turn", [sent("m-9")], full, "absent"],
    ["a turn that the rollout lost", [admitted("m-1", "another turn")], full, "ended"],
    ["a turn and a prompt that the rollout lost", [admitted("m-9", "another turn")], full, "uncertain"],
    ["the second attempt sent nothing", [sent("m-1"), { ...started, number: 2 }], upTo(first.end), "cut"],
    ["the second attempt did not arrive", [sent("m-1"), sent("m-9", 2)], upTo(first.end), "cut"],
    ["the second attempt ended", [sent("m-1"), sent("m-2", 2)], upTo(second.end + 1), "ended"],
    ["the second attempt was cut", [sent("m-1"), sent("m-2", 2)], upTo(second.end), "cut"],
    [
      "the continuation is in the history without its client id",
      [sent("m-1"), sent("m-2", 2)],
      upTo(second.prompt + 1),
      "ended, unconfirmed"
    ]
  ]

  it.each(table)("%s", (_, attempts, rollout, verdict) => {
    expect(verdictOf({ attempts, rollout })).toBe(verdict)
  })

  // The home in which the prompt was sent is lost, and the store may lack the last lines of its rollout.
  const lost = (attempt: Attempt): Attempt => ({ ...attempt, isTailLost: true })
  const tails: ReadonlyArray<readonly [string, ReadonlyArray<Attempt>, Digest | undefined, string]> = [
    ["no rollout is stored", [lost(sent("m-1"))], undefined, "uncertain"],
    ["the stored rollout ends before the turn", [lost(sent("m-1"))], upTo(1), "uncertain"],
    ["it ends before the turn, and the row has the turn", [lost(admitted("m-1", first.turnId))], upTo(1), "uncertain"],
    ["it ends before the prompt", [lost(admitted("m-1", first.turnId))], upTo(first.prompt), "uncertain"],
    [
      "it ends with the prompt, without its client id",
      [lost(admitted("m-1", first.turnId))],
      upTo(first.prompt + 1),
      "uncertain"
    ],
    ["it has the prompt", [lost(sent("m-1"))], upTo(first.message + 1), "cut"],
    ["it has the end", [lost(sent("m-1"))], upTo(first.end + 1), "ended"],
    ["it was lost before this attempt", [lost(sent("m-1")), sent("m-9", 2)], upTo(first.end), "cut"],
    ["neither this attempt nor the one that lost it is there", [lost(sent("m-98")), sent("m-99", 2)], full, "uncertain"]
  ]

  it.each(tails)("the end of a rollout is lost with its home: %s", (_, attempts, rollout, verdict) => {
    expect(verdictOf({ attempts, rollout })).toBe(verdict)
  })

  it("names the newest attempt that left a trace", () => {
    const { verdict } = admit({ attempts: [sent("m-1"), sent("m-2", 2)], rollout: full })
    expect(verdict).toMatchObject({ type: "ended", attempt: { number: 2 }, turn: { id: second.turnId } })
  })

  it("what a rollout that was put in the place of another does not have is uncertain", () => {
    const replaced = (attempts: ReadonlyArray<Attempt>, rollout: Digest | undefined) =>
      verdictOf({ attempts, rollout, isReplaced: true })
    expect(replaced([], full)).toBe("absent")
    expect(replaced([started], full)).toBe("absent")
    expect(replaced([sent("m-9")], full)).toBe("uncertain")
    expect(replaced([sent("m-9")], undefined)).toBe("uncertain")
    expect(replaced([sent("m-1")], upTo(first.prompt + 1))).toBe("uncertain")
    expect(replaced([sent("m-1"), sent("m-9", 2)], upTo(first.end))).toBe("uncertain")
    expect(replaced([sent("m-1")], upTo(first.end))).toBe("cut")
    expect(replaced([sent("m-1")], upTo(first.end + 1))).toBe("ended")
  })

  it("a prompt that was added to the turn of another client is uncertain", () => {
    const line = lines[first.message] ?? ""
    const steered = addLines(empty, [
      ...lines.slice(0, first.message),
      line.replace("m-1", "of somebody else"),
      ...lines.slice(first.message, first.end)
    ])
    expect(verdictOf({ attempts: [sent("m-1")], rollout: steered })).toBe("uncertain")
  })
})
