/**
 * People and judges under everything at once, by seed: many questions, answers that come twice, late, in a wrong form or not at
 * all, requests that are withdrawn at any moment, and time that passes. Whatever happens, each request has one verdict or is
 * withdrawn, nothing is accepted that was not accepted for that very request while it was open, and afterwards there is room
 * again.
 */
import * as Human from "@effect-codex/policy/Human"
import type { Answer, Question } from "@effect-codex/policy/HumanQuestion"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { eventually, nothingMore, until } from "../../core/test/waiting.ts"
import { layerAtTerminal, layerPerson, layerQueue, TestTerminal } from "./humanSupport.ts"
import { command, readQuestion } from "./judgeSupport.ts"
import { numbers } from "./numbers.ts"

// The numbers of a seed: each call gives the next one, below the limit.
const numbersOf = (seed: number) => {
  const next = numbers(seed)
  return (below: number) => Math.floor(next() * below)
}

const subjectOf = ({ details }: Question) => details[0]?.text ?? ""

// What a person who is not well may answer with.
const wrongAnswers: ReadonlyArray<unknown> = [
  null,
  undefined,
  "y",
  7,
  [],
  {},
  { choice: "Y" },
  { choice: ["y"] },
  { choice: "yes" },
  { choice: "toString" },
  { choice: "__proto__" },
  { choice: "y", values: { a: 1 } },
  { choice: "y", values: [1] },
  { choice: "y".repeat(1_000_000) }
]

// What a person may type, in part or whole.
const lines = ["y\r", "yes\r", "y", "\r", "n\r", "next\r", "next\ry\r", "Y \r", "yy\r"]

const steps = 60
const maxOpen = 4

interface Asked {
  readonly name: string
  readonly fiber: Fiber.Fiber<string | undefined>
}

// Asks, withdraws, lets time pass, and does what else the person does, in an order of the seed.
const chaos = (
  seed: number,
  ask: (name: string) => Effect.Effect<string | undefined>,
  person: (next: (below: number) => number) => Effect.Effect<unknown>
) =>
  Effect.gen(function* () {
    const next = numbersOf(seed)
    const asked: Array<Asked> = []
    for (let step = 0; step < steps; step++) {
      const what = next(10)
      if (what < 4) {
        const name = `ls ${seed}-${step}`
        asked.push({ name, fiber: yield* Effect.forkChild(ask(name), { startImmediately: next(2) === 0 }) })
      } else if (what === 4) {
        const some = asked[next(Math.max(1, asked.length))]
        if (some !== undefined) yield* Effect.forkChild(Fiber.interrupt(some.fiber))
      } else if (what === 5) yield* TestClock.adjust(`${next(40)} seconds`)
      else if (what === 6) yield* nothingMore
      else yield* person(next)
    }
    // Whatever is open by now has had its time.
    yield* nothingMore
    yield* TestClock.adjust("1 hour")
    const exits = yield* Effect.forEach(asked, ({ fiber }) => Fiber.await(fiber))
    return asked.map(({ name }, index) => ({ name, exit: exits[index] }))
  })

const acceptedIn = (ends: Effect.Success<ReturnType<typeof chaos>>) => {
  const accepted: Array<string> = []
  for (const { exit, name } of ends) {
    if (exit === undefined) throw new Error("it has no end")
    if (Exit.isSuccess(exit)) {
      if (exit.value !== undefined && exit.value !== "decline") accepted.push(name)
    } else if (!Exit.hasInterrupts(exit)) throw new Error(`it failed: ${JSON.stringify(exit)}`)
  }
  return accepted
}

const seeds = Array.from({ length: Number(process.env["FUZZ_RUNS"] ?? 20) }, (_, index) => index + 1)

describe("whatever happens at once", () => {
  it.effect("a person at the end of a queue accepts what they have accepted while it was open", () =>
    Effect.gen(function* () {
      for (const seed of seeds) {
        yield* Effect.gen(function* () {
          const { decide } = yield* Human.Human
          const { questions } = yield* Human.HumanQueue
          const taken: Array<Human.OpenQuestion> = []
          yield* Effect.forkChild(Stream.runForEach(questions, (open) => Effect.sync(() => taken.push(open))))
          const said = new Map<string, number>()
          const ends = yield* chaos(
            seed,
            (name) => Effect.map(decide(command(name)), ({ decision }) => String(decision)),
            (next) => {
              const open = taken[next(Math.max(1, taken.length))]
              if (open === undefined) return Effect.void
              const isYes = next(3) > 0
              const given = isYes ? { choice: "y" } : wrongAnswers[next(wrongAnswers.length)]
              const answers = Effect.map(open.answer(given as Answer), (inTime) => {
                if (isYes && inTime) said.set(subjectOf(open), (said.get(subjectOf(open)) ?? 0) + 1)
              })
              return next(4) === 0 ? Effect.all([answers, answers], { concurrency: 2 }) : answers
            }
          )
          const accepted = acceptedIn(ends)
          for (const name of accepted) if (said.get(name) !== 1) throw new Error(`accepted by nobody: ${name}, ${seed}`)
          for (const [name, times] of said) if (times > 1) throw new Error(`answered twice: ${name}, ${seed}`)
          // All have been told, and there is room again.
          for (const open of taken) {
            yield* open.closed
            if (yield* open.answer({ choice: "y" }))
              throw new Error(`answered after its end: ${subjectOf(open)}, ${seed}`)
          }
          const again = yield* Effect.forEach(Array.from({ length: maxOpen }), (_, index) =>
            Effect.forkChild(decide(command(`again ${index}`)), { startImmediately: true })
          )
          yield* eventually(() => expect(taken.slice(-maxOpen).map(subjectOf)).toContain(`again ${maxOpen - 1}`))
          for (const open of taken.slice(-maxOpen)) yield* open.answer({ choice: "y" })
          for (const fiber of again) expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "accept" })
        }).pipe(Effect.provide(layerQueue({ maxOpen, deadline: "1 minute" })), Effect.scoped)
      }
    })
  )

  it.effect.each([1, 3, "unbounded"] as const)(
    "a person behind a function accepts what the function has accepted (%s at once)",
    (concurrency) =>
      Effect.gen(function* () {
        for (const seed of seeds) {
          const own = numbersOf(seed + 1_000_000)
          const said = new Set<string>()
          let running = 0
          const person = (question: Question): Effect.Effect<Answer | undefined, string> => {
            running++
            const how = own(8)
            if (how === 0) {
              running--
              throw new Error("thrown")
            }
            const pause = Effect.sleep(`${own(90)} seconds`)
            const late = own(6) === 0 ? Effect.uninterruptible(pause) : pause
            const answer =
              how === 1
                ? Effect.fail("gone")
                : how === 2
                  ? Effect.die("broken")
                  : how === 3
                    ? Effect.sync(() => wrongAnswers[own(wrongAnswers.length)] as Answer)
                    : Effect.sync(() => {
                        said.add(subjectOf(question))
                        return { choice: "y" }
                      })
            return Effect.ensuring(
              Effect.andThen(late, answer),
              Effect.sync(() => running--)
            )
          }
          const ends = yield* Effect.gen(function* () {
            const { decide } = yield* Human.Human
            const ends = yield* chaos(
              seed,
              (name) => Effect.map(decide(command(name)), ({ decision }) => String(decision)),
              () => Effect.void
            )
            yield* TestClock.adjust("1 hour")
            const { decision } = yield* Effect.tap(Effect.forkChild(decide(command("again"))), () =>
              TestClock.adjust("2 minutes")
            ).pipe(Effect.flatMap(Fiber.join))
            expect(["accept", "decline"]).toContain(decision)
            return ends
          }).pipe(Effect.provide(layerPerson(person, { concurrency, deadline: "1 minute", maxOpen })), Effect.scoped)
          for (const name of acceptedIn(ends))
            if (!said.has(name)) throw new Error(`accepted by nobody: ${name}, ${seed}`)
          yield* TestClock.adjust("1 hour")
          yield* until(`nobody is asked any more, ${seed}`, () => running === 0)
        }
      })
  )

  it.effect("a person at the terminal accepts what they have said yes to while it was on the screen", () =>
    Effect.gen(function* () {
      let accepts = 0
      for (const seed of seeds) {
        yield* Effect.gen(function* () {
          const { decide } = yield* Human.Human
          const { displayed, type } = yield* TestTerminal
          const said = new Set<string>()
          let shown = ""
          let line = ""
          const ends = yield* chaos(
            seed,
            (name) => Effect.map(decide(command(name)), ({ decision }) => String(decision)),
            (next) =>
              Effect.gen(function* () {
                const text = lines[next(lines.length)] ?? ""
                // What is typed by now belongs to what the screen shows by now.
                yield* next(2) === 0 ? nothingMore : TestClock.adjust("300 millis")
                const newest = displayed.findLast((text) => / ls \d+-\d+/.test(text)) ?? ""
                if (newest !== shown) line = ""
                shown = newest
                for (const character of text) {
                  if (character !== "\r") {
                    line += character
                    continue
                  }
                  if (/^\s*y(?:es)?\s*$/i.test(line)) said.add(/ (ls \d+-\d+)/.exec(shown)?.[1] ?? "")
                  line = ""
                }
                yield* type(text)
              })
          )
          const accepted = acceptedIn(ends)
          accepts += accepted.length
          for (const name of accepted) if (!said.has(name)) throw new Error(`accepted by nobody: ${name}, ${seed}`)
        }).pipe(Effect.provide(layerAtTerminal({ maxOpen, deadline: "1 minute" })), Effect.scoped)
      }
      expect(accepts).toBeGreaterThan(0)
    })
  )

  it.effect.each([1, 3, "unbounded"] as const)(
    "a judge accepts what it was asked and has accepted (%s at once)",
    (concurrency) =>
      Effect.gen(function* () {
        for (const seed of seeds) {
          const own = numbersOf(seed + 2_000_000)
          const said = new Set<string>()
          // Answers to other questions, which somebody may repeat.
          const heard: Array<string> = []
          const judge = ({ prompt }: LlmJudgePolicy.Question): Effect.Effect<string, string> => {
            const { data, hash } = readQuestion(prompt)
            const { params } = JSON.parse(data) as { readonly params: { readonly command: string } }
            const ruling = JSON.stringify({ requestHash: hash, decision: "accept", reason: "r" })
            heard.push(ruling)
            const how = own(12)
            if (how === 0) throw new Error("thrown")
            const pause = Effect.sleep(`${own(12)} seconds`)
            const late = own(6) === 0 ? Effect.uninterruptible(pause) : pause
            const wrongs: ReadonlyArray<unknown> = [
              undefined,
              7,
              { requestHash: hash, decision: "accept", reason: "r" },
              `${ruling}${ruling}`,
              `[${ruling}]`,
              ruling.replace("{", '{"decision":"decline",'),
              "[".repeat(50_000),
              ruling.replace('"r"', `"${"x".repeat(100_000)}", "more": 1`),
              ruling.replace("accept", "acceptForSession")
            ]
            const answer =
              how === 1
                ? Effect.fail("gone")
                : how === 2
                  ? Effect.die("broken")
                  : how < 6
                    ? Effect.sync(() => wrongs[own(wrongs.length)] as string)
                    : how === 6 && heard.length > 1
                      ? Effect.sync(() => heard.filter((other) => other !== ruling)[own(heard.length - 1)] ?? "")
                      : Effect.sync(() => {
                          said.add(params.command)
                          return ruling
                        })
            return Effect.andThen(late, answer)
          }
          const engine = yield* LlmJudgePolicy.make(judge, { concurrency })
          const ends = yield* chaos(
            seed,
            (name) => Effect.map(Effect.orDie(engine.command(command(name))), (verdict) => String(verdict?.decision)),
            () => Effect.void
          )
          for (const name of acceptedIn(ends))
            if (!said.has(name)) throw new Error(`accepted by nobody: ${name}, ${seed}`)
          yield* TestClock.adjust("1 hour")
          const again = yield* Effect.forkChild(engine.command(command("again")))
          yield* TestClock.adjust("1 minute")
          expect((yield* Fiber.join(again))?.decision).toMatch(/^(?:accept|decline)$/)
        }
      })
  )
})
