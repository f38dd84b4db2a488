import * as Human from "@effect-codex/policy/Human"
import type { Field, Question } from "@effect-codex/policy/HumanQuestion"
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { nothingMore } from "../../core/test/waiting.ts"
import { layerAtTerminal, layerTerminalOf, layerTestTerminal, reply, screen, TestTerminal } from "./humanSupport.ts"
import * as Requests from "./judgeSupport.ts"

const { question, userInput } = Requests

const command = (text: string, params?: Partial<PolicyEngine.Params["command"]>) =>
  Requests.command(text, { availableDecisions: ["accept", "cancel"], ...params })

const asked = <K extends PolicyEngine.Kind>(request: PolicyEngine.Request<K>) =>
  Effect.flatMap(Human.Human, ({ decide }) => Effect.forkChild(decide(request), { startImmediately: true }))

const decidedBy = (line: string) => Effect.tap(asked(command("make all")), () => reply("y / n / cancel", line))

const field = (id: string, more?: Partial<Field>): Field => ({
  id,
  label: id,
  description: `About ${id}.`,
  type: "text",
  options: [],
  isOpen: false,
  isSecret: false,
  isRequired: false,
  minimum: undefined,
  maximum: undefined,
  ...more
})

const form = (...fields: ReadonlyArray<Field>): Question => ({
  kind: "userInput",
  threadId: "thread",
  turnId: undefined,
  title: "The agent has questions",
  details: [],
  choices: [
    { key: "y", meaning: "answer" },
    { key: "n", meaning: "do not" }
  ],
  fields
})

const answering = (question: Question) => Effect.forkChild(Human.askAtTerminal(question), { startImmediately: true })

describe("an answer at the terminal", () => {
  it.effect("has the values of the fields that were filled in, the secret ones redacted", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const fiber = yield* answering(
        form(
          field("name"),
          field("key", { isSecret: true }),
          field("pin", { type: "integer", isSecret: true }),
          field("empty", { isSecret: true })
        )
      )
      yield* reply("y / n", "y")
      yield* reply("About name.", "Bob")
      yield* reply("About key.", "hunter2")
      yield* reply("About pin.", "7")
      yield* reply("About empty.", "")
      const { choice, values = {} } = (yield* Fiber.join(fiber)) ?? { choice: "none" }
      const { key, ...others } = values
      expect(choice).toBe("y")
      expect(Object.entries(others)).toEqual([
        ["name", "Bob"],
        ["pin", 7]
      ])
      expect(Redacted.isRedacted(key) && Redacted.value(key)).toBe("hunter2")
      expect(displayed.join("")).toContain("Answer")
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("is the choice alone if the person does not want to answer, or there is nothing to fill in", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const declined = yield* answering(form(field("name")))
      yield* reply("y / n", "n")
      expect(yield* Fiber.join(declined)).toEqual({ choice: "n" })
      expect(displayed.join("")).not.toContain("About name.")
      const seen = displayed.join("").split("y / n").length
      const accepted = yield* answering(form())
      yield* reply("y / n", "y", seen)
      expect(yield* Fiber.join(accepted)).toEqual({ choice: "y" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("is to a question that fits the screen, or an ordinary one if the terminal does not know its size", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 100 }, (_, index) => `${index} ${"word ".repeat(30)}`)
      const question = { ...form(), details: [{ label: "Command", text: lines.join("\n") }] }
      const shown = (columns: number, rows: number) =>
        Effect.gen(function* () {
          const { displayed } = yield* TestTerminal
          const fiber = yield* answering(question)
          yield* reply("y / n", "n")
          yield* Fiber.join(fiber)
          return displayed[0]?.split("\n") ?? []
        }).pipe(Effect.provide(layerAtTerminal({}, [true, true], layerTerminalOf(columns, rows))))
      const widthOf = (screen: ReadonlyArray<string>) => Math.max(...screen.map(({ length }) => length))
      const ordinary = yield* shown(80, 24)
      expect(yield* shown(0, 0)).toEqual(ordinary)
      const other = yield* shown(60, 40)
      for (const [screen, width, height, nextWidth, nextHeight] of [
        [ordinary, 80, 24, 60, 12],
        [other, 60, 40, 40, 24]
      ] as const) {
        expect([widthOf(screen) <= width, screen.length <= height]).toEqual([true, true])
        // It makes use of the room.
        expect([widthOf(screen) > nextWidth, screen.length > nextHeight]).toEqual([true, true])
      }
    })
  )
})

describe("a person at the terminal", () => {
  it.effect.each([
    ["y", "accept"],
    [" Yes ", "accept"],
    ["n", "decline"],
    ["no", "decline"],
    ["cancel", "cancel"]
  ] as const)("decides by typing %j", ([line, decision]) =>
    Effect.gen(function* () {
      const fiber = yield* decidedBy(line)
      expect(yield* Fiber.join(fiber)).toEqual({ decision, by: "human" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect.each(["", " ", "ye", "yy", "ok", "accept", "always", "1", "true"])(
    "has not said yes by typing %j",
    (line) =>
      Effect.gen(function* () {
        const { end } = yield* TestTerminal
        const fiber = yield* decidedBy(line)
        yield* screen(`${line === "" ? "› " : "Erase that. "}Type one of these, in full: y, n, cancel`)
        expect(fiber.pollUnsafe()).toBeUndefined()
        yield* end
        expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline" })
      }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("has declined by ending the input, also before the question", () =>
    Effect.gen(function* () {
      const { end } = yield* TestTerminal
      const fiber = yield* asked(command("make all"))
      yield* screen("make all")
      yield* end
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline", reason: "no answer" })
      yield* screen("Taken as a no.")
      const next = yield* asked(command("make all"))
      expect(yield* Fiber.join(next)).toMatchObject({ decision: "decline", reason: "no answer" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("has declined by ending the input while the question comes", () =>
    Effect.gen(function* () {
      const { displayed, end } = yield* TestTerminal
      const fiber = yield* asked(command("make all"))
      yield* end
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline", reason: "no answer" })
      expect(displayed.join("")).not.toContain("make all")
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect.each([
    [false, false],
    [true, false],
    [false, true]
  ] as const)("is not there when the input and the output are a terminal: %j, %j; nothing is shown", (isTerminal) =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const fiber = yield* asked(command("make all"))
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline", reason: "no answer" })
      expect(displayed).toEqual([])
    }).pipe(Effect.provide(layerAtTerminal({}, isTerminal)))
  )

  it.effect("has declined when the time is up, and is told", () =>
    Effect.gen(function* () {
      const fiber = yield* asked(command("make all"))
      yield* screen("make all")
      yield* TestClock.setTime(299_000)
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.setTime(300_000)
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline", reason: "no answer within 5m" })
      yield* screen("This question was withdrawn.")
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("is told when a question is withdrawn, and gets the next one", () =>
    Effect.gen(function* () {
      const { readers } = yield* TestTerminal
      const fiber = yield* asked(command("make all"))
      yield* screen("make all")
      yield* Fiber.interrupt(fiber)
      yield* screen("This question was withdrawn.")
      expect(readers()).toBe(0)
      const next = yield* asked(command("make test"))
      yield* reply("Another one is waiting.", "next")
      yield* reply("make test", "y")
      expect(yield* Fiber.join(next)).toMatchObject({ decision: "accept" })
      // From then on, as before.
      const last = yield* asked(command("make last"))
      yield* reply("make last", "y")
      expect(yield* Fiber.join(last)).toMatchObject({ decision: "accept" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect(
    "has not answered the next question by what was meant for one that went away, however late it is typed",
    () =>
      Effect.gen(function* () {
        const { displayed, end, type } = yield* TestTerminal
        const timedOut = yield* asked(command("make all"))
        yield* screen("make all")
        yield* TestClock.adjust("300 seconds")
        expect(yield* Fiber.join(timedOut)).toMatchObject({ decision: "decline" })
        const second = yield* asked(command("rm -rf ."))
        yield* screen("Another one is waiting.")
        yield* TestClock.adjust("10 seconds")
        for (const line of ["y", "yes", ""]) yield* type(`${line}\r\b\b\b`)
        yield* nothingMore
        expect(second.pollUnsafe()).toBeUndefined()
        expect(displayed.join("")).not.toContain("rm -rf .")
        // One that is withdrawn before it is seen changes nothing.
        yield* Fiber.interrupt(second)
        const third = yield* asked(command("make third"))
        yield* screen("Another one is waiting.", 2)
        expect(displayed.join("")).not.toContain("make third")
        yield* end
        expect(yield* Fiber.join(third)).toMatchObject({ decision: "decline" })
      }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("does not answer the question of somebody else with a yes that was meant for one that went away", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        Layer.fresh(Human.layerTerminal({ name: "other", cwd: "/repo" })).pipe(
          Layer.provideMerge(Layer.fresh(layerTestTerminal))
        )
      )
      const fiber = yield* asked(command("make all"))
      yield* screen("make all")
      yield* Fiber.interrupt(fiber)
      const decision = yield* Effect.forkChild(Context.get(context, Human.Human).decide(command("make clean")), {
        startImmediately: true
      })
      yield* Effect.gen(function* () {
        const { displayed } = yield* TestTerminal
        yield* reply("Another one is waiting.", "y")
        yield* nothingMore
        expect(displayed.join("")).not.toContain("make clean")
        yield* reply("Another one is waiting.", "\bnext")
        yield* reply("make clean", "n")
      }).pipe(Effect.provideContext(context))
      expect(yield* Fiber.join(decision)).toMatchObject({ decision: "decline", by: "other" })
    }).pipe(Effect.scoped, Effect.provide(layerAtTerminal()))
  )

  it.effect("is asked one thing after the other", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const first = yield* asked(command("make one"))
      const second = yield* asked(command("make two"))
      yield* screen("make one")
      yield* TestClock.adjust("1 second")
      yield* nothingMore
      expect(displayed.join("")).not.toContain("make two")
      yield* reply("make one", "y")
      expect(yield* Fiber.join(first)).toMatchObject({ decision: "accept" })
      yield* reply("make two", "n")
      expect(yield* Fiber.join(second)).toMatchObject({ decision: "decline" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("is asked one thing after the other also as two people", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const context = yield* Layer.build(Layer.fresh(Human.layerTerminal({ name: "other" })))
      const other = Context.get(context, Human.Human)
      const first = yield* asked(command("make one"))
      const second = yield* Effect.forkChild(other.decide(command("make two")), { startImmediately: true })
      yield* screen("make one")
      yield* TestClock.adjust("1 second")
      yield* nothingMore
      expect(displayed.join("")).not.toContain("make two")
      yield* reply("make one", "y")
      expect(yield* Fiber.join(first)).toMatchObject({ decision: "accept", by: "human" })
      yield* reply("make two", "n")
      expect(yield* Fiber.join(second)).toMatchObject({ decision: "decline", by: "other" })
    }).pipe(Effect.scoped, Effect.provide(layerAtTerminal()))
  )

  it.effect("has not answered by what was typed before the question was there", () =>
    Effect.gen(function* () {
      const { end, type } = yield* TestTerminal
      yield* type("y\r")
      const fiber = yield* asked(command("make all"))
      yield* type("y\r")
      yield* screen("make all")
      yield* nothingMore
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* end
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("sees all that a command is made of, and nothing in it reaches the terminal that it obeys", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const hostile = "PWN \u001b[2J\u001b]0;x\u0007\r\u202e\u009b1m\u200b\n  y  It is harmless PWN\u0430"
      const fiber = yield* asked(command(hostile, { cwd: `/${hostile}`, reason: hostile }))
      yield* reply("y / n / cancel", "n")
      yield* Fiber.join(fiber)
      const shown = displayed.filter((text) => text.includes("PWN"))
      expect(shown.length).toBe(1)
      // eslint-disable-next-line no-control-regex
      expect(shown.join("")).not.toMatch(/[^\n\P{C}]|[\u202e\u200b\u2028]/u)
      expect(shown[0]).toContain(
        "  │ PWN \\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{d}\\u{202e}\\u{9b}1m\\u{200b}\n  │   y  It is harmless"
      )
      expect(shown[0]).toContain(
        "  │ /PWN \\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{d}\\u{202e}\\u{9b}1m\\u{200b}\\u{a}  y  It is \n  ┊ harmless"
      )
      expect(shown[0]).toContain("Careful: letters that look Latin and are not")
      expect(shown[0]?.split("\n").filter((line) => line.length > 80)).toEqual([])
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("sees both ends of a long command on one screen, and the rest on request", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const lines = Array.from({ length: 100 }, (_, index) => `echo ${index}`)
      const fiber = yield* asked(command(`${lines.join("\n")}\n...`))
      yield* screen("y / n / cancel / more")
      const [first = ""] = displayed
      expect(first.split("\n").length).toBeLessThan(24)
      expect(first).toContain("  │ echo 2\n  ... 95 lines are not shown here ...\n  │ echo 98")
      yield* reply("more  ", "more")
      yield* screen("  │ echo 50")
      yield* reply("y / n / cancel / more", "y", 2)
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "accept" })
    }).pipe(Effect.provide(layerAtTerminal()))
  )

  it.effect("fills in what the agent wants to know, and a secret is not shown", () =>
    Effect.gen(function* () {
      const { displayed } = yield* TestTerminal
      const fiber = yield* asked(
        userInput(
          question("color", ["Red", "Blue"]),
          question("key", [], { isSecret: true }),
          question("name", ["Ann"], { isOther: true }),
          // The numbers are those on the screen, whatever the options are called.
          question("count", ["2", "1"]),
          question("nothing")
        )
      )
      yield* reply("The agent has 5 questions", "y")
      // Each stands above the choices too.
      yield* reply("Which color?", "Green", 2)
      yield* reply("Type the number of one of the options", "\b\b\b\b\b2")
      yield* reply("Which key?", "hunter2", 2)
      yield* reply("Which name?", "Bob", 2)
      yield* reply("Which count?", "1", 2)
      yield* reply("Which nothing?", "", 2)
      expect(yield* Fiber.join(fiber)).toEqual({
        decision: {
          answers: {
            color: { answers: ["Blue"] },
            key: { answers: ["hunter2"] },
            name: { answers: ["Bob"] },
            count: { answers: ["2"] }
          }
        },
        by: "human"
      })
      expect(displayed.join("")).not.toContain("hunter2")
    }).pipe(Effect.provide(layerAtTerminal()))
  )
})
