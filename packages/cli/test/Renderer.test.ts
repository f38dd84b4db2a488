// oxlint-disable no-control-regex
import * as Renderer from "@effect-codex/cli/Renderer"
import * as Tone from "@effect-codex/cli/Tone"
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import { describe, expect, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import {
  command,
  completed,
  event,
  message,
  messageDelta,
  output,
  ready,
  started,
  thinkingDelta,
  threadId,
  turnCompleted,
  turnStarted,
  usage
} from "./events.ts"

const rendered = (events: ReadonlyArray<ResponseEvent>, options?: Renderer.Options): string => {
  const renderer = Renderer.make(options)
  return events.map(renderer.render).join("") + renderer.close()
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("")

const wholeTurn = [
  ready,
  turnStarted,
  started({ type: "reasoning", id: "rs-1" }),
  thinkingDelta("Look "),
  thinkingDelta("first."),
  started(command()),
  output("a.txt\nb"),
  output(".txt"),
  completed(command({ status: "completed", exitCode: 0, durationMs: 12, aggregatedOutput: "a.txt\nb.txt" })),
  usage(100, 1100),
  started(message("")),
  messageDelta("Two "),
  messageDelta("files."),
  completed(message("Two files.")),
  usage(150, 1250),
  turnCompleted({ durationMs: 1234 })
]

describe("a transcript", () => {
  it("tells a turn in lines that begin with what they are about", () => {
    expect(rendered(wholeTurn)).toBe(
      `Session: ${threadId}

== Turn Started ==
[thinking] Look first.
[tool.exec] ls
[tool.output:exec]
  a.txt
  b.txt
[tool.exec.done] completed, exit=0, 12ms
Assistant: Two files.

[summary] status=completed, tools=1, errors=0, elapsed=1.2s, tokens=250
== Turn Completed ==
`
    )
  })

  it("is the same in colour, but for the colour of the labels", () => {
    for (const color of ["soft", "vivid"] as const) {
      const colored = rendered(wholeTurn, { color })
      expect(colored.replaceAll(/\x1b\[[0-9;]+m/g, "")).toBe(rendered(wholeTurn))
    }
    expect(rendered(wholeTurn, { color: "soft" })).toContain("\x1b[33m[tool.exec]\x1b[0m ls\n")
    expect(rendered(wholeTurn, { color: "vivid" })).toContain("\x1b[1;32mAssistant:\x1b[0m Two files.\n")
  })

  // One event, or two of the same item, and the lines that they make with everything shown.
  const fileChange = (fields: Record<string, unknown>) => ({
    type: "fileChange",
    id: "patch-1",
    status: "inProgress",
    ...fields
  })
  const mcp = (fields: Record<string, unknown> = {}) => ({
    type: "mcpToolCall",
    id: "mcp-1",
    server: "docs",
    tool: "find",
    arguments: {},
    status: "inProgress",
    ...fields
  })
  const lines: ReadonlyArray<readonly [name: string, events: ReadonlyArray<ResponseEvent>, text: string]> = [
    ["a message that was not streamed", [completed(message("Hello."))], "Assistant: Hello.\n"],
    [
      "reasoning that was not streamed",
      [completed({ type: "reasoning", id: "rs-2", summary: ["Think", "again"] })],
      "[thinking] Think\nagain\n"
    ],
    ["an MCP call", [started(mcp())], "[tool.mcp] docs/find\n"],
    [
      "its progress",
      [event("item/mcpToolCall/progress", { itemId: "mcp-1", message: "half way" })],
      "[tool.mcp.progress] half way\n"
    ],
    [
      "its end",
      [completed(mcp({ status: "failed", error: { message: "no such page" }, durationMs: 5 }))],
      "[tool.mcp.done] failed, no such page, 5ms\n"
    ],
    [
      "a dynamic tool",
      [
        started({ type: "dynamicToolCall", id: "d", tool: "weather", arguments: {}, status: "inProgress" }),
        completed({
          type: "dynamicToolCall",
          id: "d",
          tool: "weather",
          arguments: {},
          status: "completed",
          durationMs: 3
        })
      ],
      "[tool.call] weather\n[tool.call.done] completed, 3ms\n"
    ],
    ["a web search", [started({ type: "webSearch", id: "w", query: "effect" })], "[tool.web] effect\n"],
    [
      "a web search whose words are known at its end",
      [started({ type: "webSearch", id: "w", query: "" }), completed({ type: "webSearch", id: "w", query: "effect" })],
      "[tool.web] searching\n[tool.web] effect\n"
    ],
    [
      "an added file",
      [started(fileChange({ changes: [{ path: "a.txt", kind: { type: "add" }, diff: "one\n++two\n" }] }))],
      "[tool.patch] add a.txt, +2 -0\n  +one\n  +++two\n"
    ],
    [
      "a moved and changed file",
      [
        started(
          fileChange({
            changes: [
              {
                path: "a.txt",
                kind: { type: "update", move_path: "b.txt" },
                diff: "--- a.txt\n+++ b.txt\n@@ -1,2 +1,1 @@\n-one\n-two\n+three\n"
              }
            ]
          })
        )
      ],
      "[tool.patch] update a.txt to b.txt, +1 -2\n  --- a.txt\n  +++ b.txt\n  @@ -1,2 +1,1 @@\n  -one\n  -two\n  +three\n"
    ],
    ["a patch without its changes yet", [started(fileChange({ changes: [] }))], "[tool.patch] applying file changes\n"],
    ["a refused patch", [completed(fileChange({ changes: [], status: "declined" }))], "[tool.patch.done] declined\n"],
    [
      "typing into a terminal",
      [event("item/commandExecution/terminalInteraction", { itemId: "call-1", processId: "1", stdin: "yes\n" })],
      "[tool.stdin] yes\n"
    ],
    [
      "the second part of a summary",
      [event("item/reasoning/summaryPartAdded", { itemId: "rs-1", summaryIndex: 1 })],
      "[thinking] summary part #2\n"
    ],
    [
      "a plan",
      [
        event("item/plan/delta", { itemId: "p", delta: "First " }),
        event("item/plan/delta", { itemId: "p", delta: "this" })
      ],
      "[plan] First this\n"
    ],
    [
      "a plan's steps",
      [
        event("turn/plan/updated", {
          plan: [
            { step: "Look", status: "inProgress" },
            { step: "Write", status: "pending" }
          ]
        })
      ],
      "[turn.plan] steps=2, inProgress=Look\n"
    ],
    ["a diff", [event("turn/diff/updated", { diff: "--- a\n+++ b\n+one\n" })], "[turn.diff] +1 -0\n"],
    ["usage", [usage(5, 25)], "[usage] last=5, total=25\n"],
    ["a name", [event("thread/name/updated", { threadName: "Tea" })], "[thread.name] Tea\n"],
    ["a name that was cleared", [event("thread/name/updated", {})], "[thread.name] (cleared)\n"],
    ["compaction", [event("thread/compacted")], "[context] compacted\n"],
    ["an account", [event("account/updated", { planType: "plus" })], "[account] plus\n"],
    [
      "an item of another kind",
      [started({ type: "contextCompaction", id: "c" })],
      "[item] contextCompaction started\n"
    ],
    ["an item that is not known", [started({ type: "hologram", id: "h" })], "[item] unknown started\n"],
    ["an event that is not known", [event("thread/sang")], "[event] thread/sang\n"],
    [
      "an error that is not the end",
      [event("error", { error: { message: "stream lost" }, willRetry: true })],
      "[warning] stream lost (trying again)\n"
    ],
    [
      "an error that is, once",
      [
        event("error", { error: { message: "no credit" }, willRetry: false }),
        turnCompleted({ status: "failed", error: { message: "no credit" } })
      ],
      "[error] no credit\n\n[summary] status=failed, tools=0, errors=1\n== Turn Completed ==\n"
    ],
    [
      "a failure that nobody announced",
      [turnCompleted({ status: "failed", error: { message: "no credit" } })],
      "[error] no credit\n\n[summary] status=failed, tools=0, errors=1\n== Turn Completed ==\n"
    ],
    [
      "a deprecation, once",
      [
        event("deprecationNotice", { summary: "`x` is deprecated", details: "use `y`" }),
        event("deprecationNotice", { summary: "x is deprecated.", details: "Use y!" })
      ],
      "[warning] `x` is deprecated; use `y`\n"
    ],
    ["a deprecation that says nothing", [event("deprecationNotice", { summary: "Deprecation notice" })], ""]
  ]
  for (const [name, events, text] of lines) {
    it(`has lines for ${name}`, () => {
      expect(rendered(events, { showSystem: true })).toBe(text)
    })
  }

  it("leaves out what is switched off, and what the server says of itself unless it is switched on", () => {
    const events = [
      ...wholeTurn.slice(0, -1),
      event("thread/compacted"),
      event("turn/plan/updated", { plan: [] }),
      event("thread/sang"),
      turnCompleted()
    ]
    expect(rendered(events, { showReasoning: false, showToolOutput: false, showTurnSummary: false })).toBe(
      `Session: ${threadId}

== Turn Started ==
[tool.exec] ls
[tool.exec.done] completed, exit=0, 12ms
Assistant: Two files.

== Turn Completed ==
`
    )
  })

  it("ends a line that is begun before the next one, and when the events end", () => {
    expect(rendered([messageDelta("Half a"), thinkingDelta("thought"), messageDelta(" line")])).toBe(
      "Assistant: Half a\n[thinking] thought\nAssistant:  line\n"
    )
  })

  it("labels the output of two commands that run at the same time", () => {
    const events = [
      started(command({ id: "one" })),
      started(command({ id: "two" })),
      output("1\n", "one"),
      output("2\n", "two"),
      output("3\n", "one")
    ]
    expect(rendered(events)).toBe(
      "[tool.exec] ls\n[tool.exec] ls\n[tool.output:exec]\n  1\n[tool.output:exec]\n  2\n[tool.output:exec]\n  3\n"
    )
  })
})

describe("the output of a tool", () => {
  const outputs = (pieces: ReadonlyArray<string>, aggregatedOutput: string | null, options?: Renderer.Options) =>
    rendered(
      [
        started(command()),
        ...pieces.map((piece) => output(piece)),
        completed(command({ status: "completed", aggregatedOutput }))
      ],
      options
    )
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => line.slice(2))

  it("is folded between its beginning and its end, with a count", () => {
    const shown = outputs([numbers(1, 60), numbers(61, 100)], numbers(1, 100))
    expect(shown.slice(0, 2)).toEqual(["1", "2"])
    expect(shown.slice(15, 18)).toEqual(["16", "… 76 more lines", "93"])
    expect(shown.at(-1)).toBe("100")
  })

  it("is whole if it is asked for whole, or short enough", () => {
    expect(outputs([numbers(1, 100)], null, { full: true })).toEqual(numbers(1, 100).trimEnd().split("\n"))
    expect(outputs([numbers(1, 24)], null)).toEqual(numbers(1, 24).trimEnd().split("\n"))
  })

  it("is shown at the end where it was not streamed, or not all of it", () => {
    expect(outputs([], "1\n2")).toEqual(["1", "2"])
    expect(outputs(["1\n"], "1\n2\n")).toEqual(["1", "2"])
    expect(outputs(["2\n"], "1\n2\n")).toEqual(["2", "… and before that:", "1"])
  })

  it("has a line that was written over in its last form", () => {
    expect(outputs(["10%\r2", "0%\r", "30%\r\ndone\r\n"], null)).toEqual(["30%", "done"])
  })

  it("has a line without end cut, and stays small while it comes", () => {
    const [line] = outputs(
      Array.from({ length: 1000 }, () => "x".repeat(1000)),
      null
    )
    expect(line).toBe(`${"x".repeat(2000)} … 998000 more characters`)
  })
})

describe("what a model or a tool writes", () => {
  const title = "\x1b]0;owned\x07"
  const attacks = [
    title,
    "\x1b[2J",
    "\x1b[31m",
    "\x1b]52;c;ZXZpbA==\x1b\\",
    "\x9b2J",
    "\x1bP1$r\x1b\\",
    "\x07",
    "\b\b\b"
  ]

  // Whatever is left of the control characters but the ends of lines.
  const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/

  for (const attack of attacks) {
    it(`brings no ${JSON.stringify(attack)} to the terminal, in whichever pieces it comes`, () => {
      for (let at = 0; at <= attack.length; at++) {
        const pieces = [`a${attack.slice(0, at)}`, `${attack.slice(at)}z`]
        const text = rendered(
          [
            ...pieces.map((piece) => messageDelta(piece)),
            ...pieces.map(thinkingDelta),
            started(command({ command: `ls ${attack}` })),
            ...pieces.map((piece) => output(piece)),
            event("thread/name/updated", { threadName: attack }),
            event("error", { error: { message: attack }, willRetry: false }),
            started({
              type: "fileChange",
              id: "p",
              status: "inProgress",
              changes: [{ path: attack, kind: { type: "add" }, diff: attack }]
            }),
            started({
              type: "mcpToolCall",
              id: "m",
              server: attack,
              tool: attack,
              arguments: {},
              status: "inProgress"
            }),
            event("item/mcpToolCall/progress", { itemId: "m", message: attack })
          ],
          { showSystem: true }
        )
        expect(text).not.toMatch(controls)
      }
    })
  }

  it("loses nothing but the escape that it was split in", () => {
    expect(
      rendered(["red: \x1b[3", "1mred\x1b", "[0m, smile: \ud83d", "\ude00"].map((piece) => messageDelta(piece)))
    ).toBe("Assistant: red: red, smile: 😀\n")
  })

  it("keeps a mark with the letter that came before it", () => {
    expect(rendered([messageDelta("cafe"), messageDelta("\u0301"), messageDelta(" au lait")])).toBe(
      "Assistant: cafe\u0301 au lait\n"
    )
  })

  it("shows a command in full, line by line, with what is hidden in it", () => {
    expect(rendered([started(command({ command: "cat <<E\n\x1b[8mhidden\x1b[0m\nE\n" }))])).toBe(
      "[tool.exec] cat <<E\n  \\u{1b}[8mhidden\\u{1b}[0m\n  E\n"
    )
  })

  it("is not held back for ever by an escape that does not end", () => {
    expect(rendered([messageDelta("\x1b]0;"), messageDelta("x".repeat(300)), messageDelta("seen")])).toContain("seen")
  })
})

describe("colour", () => {
  const terminal = { env: {}, isTerminal: true }
  it("is what was asked for by name, whatever the environment says", () => {
    expect(Tone.resolve("vivid", { env: { NO_COLOR: "1" }, isTerminal: false })).toBe("vivid")
    expect(Tone.resolve("off", terminal)).toBe("off")
    expect(Tone.fromName("on")).toBe("soft")
    expect(Tone.fromName("none")).toBe("off")
  })
  it("else is off for NO_COLOR even if empty, then on for CLICOLOR_FORCE=1, then on for a terminal", () => {
    expect(Tone.resolve("auto", { env: { NO_COLOR: "", CLICOLOR_FORCE: "1" }, isTerminal: true })).toBe("off")
    expect(Tone.resolve("auto", { env: { CLICOLOR_FORCE: "1" }, isTerminal: false })).toBe("soft")
    expect(Tone.resolve("auto", { env: { CLICOLOR_FORCE: "0" }, isTerminal: false })).toBe("off")
    expect(Tone.resolve("auto", terminal)).toBe("soft")
    expect(Tone.resolve("auto", { env: { TERM: "dumb" }, isTerminal: true })).toBe("off")
  })
})

describe("a stream of events", () => {
  it.effect("becomes a stream of text for any sink, with the last line ended also when it fails", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      const events = Stream.concat(Stream.make(messageDelta("Half a")), Stream.fail("gone"))
      const error = yield* events.pipe(
        Renderer.renderTo(Sink.forEach((text: string) => Effect.sync(() => texts.push(text)))),
        Effect.flip
      )
      expect(error).toBe("gone")
      expect(texts.join("")).toBe("Assistant: Half a\n")
    })
  )

  it.effect("on a terminal has a line at the bottom, which moves, and goes away", () =>
    Effect.gen(function* () {
      const events = yield* Queue.make<ResponseEvent, Cause.Done>()
      const texts: Array<string> = []
      let columns = 80
      const fiber = yield* Stream.fromQueue(events).pipe(
        Renderer.renderLive({ columns: Effect.sync(() => columns), raw: true }),
        Stream.runForEach((text) => Effect.sync(() => texts.push(text))),
        Effect.forkChild
      )
      const next = Effect.fnUntraced(function* (...more: ReadonlyArray<ResponseEvent>) {
        texts.length = 0
        yield* Queue.offerAll(events, more)
        yield* TestClock.adjust("100 millis")
        return texts.join("")
      })

      expect(yield* next(ready)).toContain("Thinking · 0s · Ctrl-C stops")
      expect(yield* next(started(command({ command: "sleep 1" })))).toMatch(
        /^\r\x1b\[K\[tool\.exec\] sleep 1\n. Running sleep 1 · 0s/
      )
      yield* TestClock.adjust("65 seconds")
      expect(yield* next()).toMatch(/^\r\x1b\[K. Running sleep 1 · 1m 05s · Ctrl-C stops$/)
      columns = 30
      expect(
        yield* next(event("thread/status/changed", { status: { type: "active", activeFlags: ["waitingOnApproval"] } }))
      ).toMatch(/\r\x1b\[K. Waiting for appro… · 1m 05s$/)
      // While a line is being written there is no other.
      expect(yield* next(messageDelta("Half"))).toBe("\r\x1b[KAssistant: Half")
      expect(yield* next()).toBe("")
      texts.length = 0
      yield* Queue.end(events)
      yield* Fiber.join(fiber)
      expect(texts.join("")).toBe("\n")
    })
  )

  const attempt = (count: number) =>
    event("error", { error: { message: `Reconnecting... ${count}/5`, additionalDetails: null }, willRetry: true })

  it.effect.each([
    [
      "an answer",
      messageDelta("Back.\n"),
      "[warning] Reconnected after 3 attempts: Reconnecting... 3/5\nAssistant: Back.\n"
    ],
    [
      "the end of a turn that failed",
      turnCompleted({ status: "failed", error: { message: "gone", additionalDetails: null } }),
      "[warning] Not reconnected after 3 attempts: Reconnecting... 3/5\n[error] gone\n"
    ]
  ] as const)("on a terminal reconnects in the line at the bottom, with one line at %s", ([, end, lines]) =>
    Effect.gen(function* () {
      const events = yield* Queue.make<ResponseEvent, Cause.Done>()
      const texts: Array<string> = []
      const fiber = yield* Stream.fromQueue(events).pipe(
        Renderer.renderLive({ columns: Effect.succeed(80) }),
        Stream.runForEach((text) => Effect.sync(() => texts.push(text))),
        Effect.forkChild
      )
      const next = Effect.fnUntraced(function* (...more: ReadonlyArray<ResponseEvent>) {
        texts.length = 0
        yield* Queue.offerAll(events, more)
        yield* TestClock.adjust("100 millis")
        return texts.join("")
      })
      yield* next(ready)
      for (const count of [1, 2, 3]) {
        const shown = yield* next(attempt(count))
        expect(shown).toContain(`Reconnecting... ${count}/5 · 0s`)
        expect(shown).not.toContain("\n")
      }
      expect((yield* next(end)).replaceAll(/\r\x1b\[K/g, "")).toContain(lines)
      yield* Queue.end(events)
      yield* Fiber.join(fiber)
    })
  )

  const failing = [
    ready,
    event("error", {
      error: { message: "the provider refused the request three times", additionalDetails: null },
      willRetry: false
    }),
    event("warning", { message: "a warning of the server that is wider than the terminal" }),
    turnCompleted({ status: "failed", error: { message: "x", additionalDetails: null }, durationMs: 1234 })
  ]

  it.effect.each([[false], [true]])("on a terminal wraps errors, warnings and the summary by words, raw: %s", ([raw]) =>
    Effect.gen(function* () {
      const text = yield* Stream.fromIterable(failing).pipe(
        Renderer.renderLive({ columns: Effect.succeed(30), color: "soft", raw }),
        Stream.mkString
      )
      // Without the line at the bottom and without colours.
      const lines = text.replaceAll(/[^\n]*\r\x1b\[K|\x1b\[[0-9;]*m/g, "").split("\n")
      expect(lines).toEqual(
        expect.arrayContaining([
          "[error] the provider refused",
          "  the request three times",
          "[warning] a warning of the",
          "  server that is wider than",
          "  the terminal",
          "[summary] status=failed,",
          "  tools=0, errors=1,",
          "  elapsed=1.2s"
        ])
      )
    })
  )

  it.effect("in a pipe wraps nothing", () =>
    Effect.gen(function* () {
      const text = yield* Stream.fromIterable(failing).pipe(Renderer.render(), Stream.mkString)
      expect(text).toContain("[error] the provider refused the request three times\n")
      expect(text).toContain("[summary] status=failed, tools=0, errors=1, elapsed=1.2s\n")
    })
  )

  it.effect("elsewhere has a line for each attempt to reconnect", () =>
    Effect.gen(function* () {
      const text = yield* Stream.make(attempt(1), attempt(2)).pipe(Renderer.render(), Stream.mkString)
      expect(text).toBe("[warning] Reconnecting... 1/5 (trying again)\n[warning] Reconnecting... 2/5 (trying again)\n")
    })
  )
})
