import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import * as Transcript from "@effect-codex/core/Transcript"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { writeFileSync } from "node:fs"
import { layerPlayed, layerRecorded, linesOf, read, temporaryFile } from "./recording.ts"

const accepting = PolicyEngine.layerAcceptAll

const say = (prompt: string) =>
  Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt })).pipe(Effect.provide(accepting))

const steps: ReadonlyArray<MockAppServer.Step> = [{ say: ["I will ", "look."] }, { command: "ls" }, { say: ["Done"] }]

const recorded = Effect.fnUntraced(function* <A, E>(program: Effect.Effect<A, E, Codex.Codex>, turn = steps) {
  const file = yield* temporaryFile
  const first = yield* Effect.provide(program, layerRecorded(file, { turns: () => turn }))
  return { file, first }
})

describe("playing a recording", () => {
  it.live("gives an unchanged program the same response, and a recording of it is the same", () =>
    Effect.gen(function* () {
      const { file, first } = yield* recorded(say("Go on"))
      const second = yield* Effect.provide(say("Go on"), layerPlayed(file, { record: `${file}.again` }))
      expect(second.text).toBe(first.text)
      // What is said to the program names its messages as it does now.
      expect(second.items.map(({ type }) => type)).toEqual(first.items.map(({ type }) => type))
      expect(JSON.stringify(second.items)).not.toBe(JSON.stringify(first.items))
      expect(Transcript.normalize(yield* read(`${file}.again`))).toEqual(Transcript.normalize(yield* read(file)))
    }).pipe(Effect.scoped)
  )

  it.live("plays turns that ran at the same time", () =>
    Effect.gen(function* () {
      const program = Effect.all([say("one"), say("two"), say("three")], { concurrency: 3 })
      const { file, first } = yield* recorded(program)
      const second = yield* Effect.provide(program, layerPlayed(file))
      expect(second.map(({ text }) => text)).toEqual(first.map(({ text }) => text))
    }).pipe(Effect.scoped)
  )

  it.live("plays a turn that the program interrupts at its first word", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const program = Effect.flatMap(Codex.Codex, (codex) =>
        codex.responses.streamText({ prompt: "Go on" }).pipe(Stream.take(1), Stream.runCollect)
      ).pipe(Effect.provide(accepting))
      yield* Effect.provide(program, layerRecorded(file, { turns: [[{ say: ["a", "b"] }, { hang: Effect.never }]] }))
      expect(yield* Effect.provide(program, layerPlayed(file))).toEqual(["ab"])
    }).pipe(Effect.scoped)
  )

  it.live("ends the connection as it ended then", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const program = Effect.flatMap(Codex.Codex, ({ closed }) => Effect.flip(closed))
      const dying = Effect.andThen(
        Effect.flatMap(MockAppServer.MockAppServer, ({ die }) => die({ _tag: "Exited", code: 7 })),
        program
      )
      const first = yield* Effect.provide(dying, layerRecorded(file))
      expect(yield* Effect.provide(program, layerPlayed(file))).toMatchObject({ reason: first.reason })
    }).pipe(Effect.scoped)
  )

  it.effect("waits as long as it took then, on the clock of the test", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"), [{ say: ["Done"] }])
      const [header = "", ...lines] = linesOf(file)
      const late = lines.map((line) => line.replace(/"ms":\d+/, (ms) => (line.includes('"in"') ? '"ms":20000' : ms)))
      writeFileSync(file, [header, ...late].join("\n"))
      const fiber = yield* Effect.forkChild(Effect.provide(say("Go on"), layerPlayed(file, { time: "recorded" })))
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust("1 second")
        // The file is read in real time.
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      expect((yield* Fiber.join(fiber)).text).toBe("Done")
      expect(yield* Clock.currentTimeMillis).toBeGreaterThanOrEqual(20_000)
    }).pipe(Effect.scoped)
  )
})

describe("a program that has changed", () => {
  it.live("is told the message and the field in which it differs", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"))
      const n = linesOf(file).flatMap((line) => /"n":(\d+),.*"turn\/start"/.exec(line)?.[1] ?? [])[0]
      const found = yield* Effect.gen(function* () {
        const failed = yield* Effect.flip(say("Go away"))
        expect(failed).toMatchObject({ _tag: "ConnectionFailed" })
        return yield* Effect.flip((yield* Transcript.Replay).verify)
      }).pipe(Effect.provide(layerPlayed(file, { verifyOnClose: false })))
      expect(found).toMatchObject({
        _tag: "TranscriptMismatch",
        n: Number(n),
        method: "turn/start",
        differences: [{ path: "params.input[0].text", recorded: '"Go on"', sent: '"Go away"' }]
      })
      expect(found.message).toContain('params.input[0].text: recorded "Go on", sent "Go away"')
    }).pipe(Effect.scoped)
  )

  it.live("is told of another decision", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"))
      const program = Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Go on" })).pipe(
        Effect.provide(PolicyEngine.layerDeclineAll)
      )
      const found = yield* Effect.andThen(
        Effect.exit(program),
        Effect.flatMap(Transcript.Replay, ({ verify }) => Effect.flip(verify))
      ).pipe(Effect.provide(layerPlayed(file, { verifyOnClose: false })))
      expect(found).toMatchObject({
        method: "answer",
        differences: [{ path: "result.decision", recorded: '"accept"', sent: '"decline"' }]
      })
    }).pipe(Effect.scoped)
  )

  it.live("is told of a message that the recording has not, and of one that it leaves out", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"))
      const more = yield* Effect.gen(function* () {
        yield* say("Go on")
        yield* Effect.exit(Effect.flatMap(Codex.Codex, (codex) => codex.request("model/list", {})))
        return yield* Effect.flip((yield* Transcript.Replay).verify)
      }).pipe(Effect.provide(layerPlayed(file, { verifyOnClose: false })))
      expect(more).toMatchObject({ method: "model/list", differences: [{ path: "", recorded: undefined }] })
      const less = yield* Effect.flatMap(Transcript.Replay, ({ verify }) => Effect.flip(verify)).pipe(
        Effect.provide(layerPlayed(file, { verifyOnClose: false }))
      )
      expect(less).toMatchObject({ differences: [{ path: "", sent: undefined }] })
    }).pipe(Effect.scoped)
  )

  it.live("is not waited for without end", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"))
      const failed = yield* Effect.flatMap(Codex.Codex, ({ closed }) => Effect.flip(closed)).pipe(
        Effect.provide(layerPlayed(file, { patience: "50 millis", verifyOnClose: false }))
      )
      expect(failed.message).toContain("deviated from the recording")
    }).pipe(Effect.scoped)
  )

  it.live("fails as its scope closes, though nobody asks", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"))
      const exit = yield* Effect.exit(Effect.provide(Effect.void, layerPlayed(file)))
      expect(Exit.hasDies(exit)).toBe(true)
    }).pipe(Effect.scoped)
  )
})

describe("the requests for a decision in a recording", () => {
  it.live("have what an engine was asked, what was answered, and who decided", () =>
    Effect.gen(function* () {
      const { file } = yield* recorded(say("Go on"))
      const { entries } = yield* read(file)
      const found = yield* Stream.runCollect(Transcript.requests(Stream.fromIterable(entries)))
      expect(found).toMatchObject([
        {
          request: { kind: "command", params: { command: "ls" }, item: { type: "commandExecution" } },
          answer: { decision: "accept" },
          decision: "accept",
          by: "acceptAll"
        }
      ])
    }).pipe(Effect.scoped)
  )
})

describe("a recording that is cut down to a turn", () => {
  it.live("can be played by a program that starts this turn alone", () =>
    Effect.gen(function* () {
      const program = (prompts: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start()
          return yield* Effect.forEach(prompts, (prompt) => thread.run({ prompt }))
        }).pipe(Effect.provide(accepting))
      const { file } = yield* recorded(program(["one", "two", "three"]))
      const { entries, header } = yield* read(file)
      const turns = Transcript.turnsOf(entries)
      expect(turns.length).toBe(3)
      const kept = Transcript.trim(entries, turns.slice(1, 2))
      yield* Transcript.write(file, header, Stream.fromIterable(kept)).pipe(Effect.provide(NodeServices.layer))
      const [response] = yield* Effect.provide(program(["two"]), layerPlayed(file))
      expect(response?.text).toBe("Done")
      expect(response?.turnId).toBe(turns[1])
    }).pipe(Effect.scoped)
  )
})
