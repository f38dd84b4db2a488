// oxlint-disable no-control-regex
// Markdown on a terminal: the same lines however the text comes in pieces, no wider than the terminal, and nothing it would obey.
import * as Renderer from "@effect-codex/cli/Renderer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import stringWidth from "string-width"
import * as Markdown from "../src/internal/markdown.ts"
import { messageDelta } from "./events.ts"

// Always the same ones, so that a failure comes again.
const randomNumbers = (seed: number) => {
  let state = seed
  return (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

const plain = (columns: number) => () => ({ columns, hasColor: false })

const whole = (text: string, columns = 60) => Markdown.render(text, plain(columns)())

const inPieces = (pieces: ReadonlyArray<string>, columns = 60) => {
  const markdown = Markdown.make(plain(columns))
  return pieces.map(markdown.add).join("") + markdown.end()
}

const lines = (...lines: ReadonlyArray<string>) => lines.join("\n")

const everything = lines(
  "# A title",
  "",
  "Some **bold** and *soft* words with `code`, [a link](https://example.org) and <https://example.org>, long enough to wrap.",
  "The next line stays one.",
  "",
  "- one",
  "- two words and then so many more that the line is longer than the terminal is wide",
  "  1. nested",
  "  2. again",
  "- [x] done",
  "",
  "```ts",
  "const aVeryLongLineOfCode = 'that is not wrapped, so that it can be copied as it is, all of it'",
  "",
  "- no list",
  "```",
  "",
  "| Name | Size |",
  "|------|-----:|",
  "| `a` | 1 |",
  "| b with many words in it, so that it has to be wrapped and cut | 1000 |",
  "",
  "> quoted",
  "",
  "---",
  "",
  "Done."
)

describe("Markdown", () => {
  it("is laid out at 60 columns", () => {
    expect(whole(everything)).toBe(
      lines(
        "# A title",
        "",
        "Some **bold** and *soft* words with `code`, a link",
        "(https://example.org) and https://example.org, long enough",
        "to wrap.",
        "The next line stays one.",
        "",
        "• one",
        "• two words and then so many more that the line is longer",
        "  than the terminal is wide",
        "  1. nested",
        "  2. again",
        "• [x] done",
        "",
        "  const aVeryLongLineOfCode = 'that is not wrapped, so that it can be copied as it is, all of it'",
        "",
        "  - no list",
        "",
        "Name                                                  │ Size",
        "──────────────────────────────────────────────────────┼─────",
        "`a`                                                   │    1",
        "b with many words in it, so that it has to be wrapped │ 1000",
        `and cut${" ".repeat(46)} │`,
        "",
        "│ quoted",
        "",
        "────────────────────────────────────────",
        "",
        "Done."
      )
    )
  })

  it("is wrapped by the cells of wide letters", () => {
    const text = "宽字符".repeat(20)
    const wrapped = whole(`${text}\n\n| 宽字符 | b |\n|--|--|\n| ${text} | x |`, 40)
    for (const line of wrapped.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(40)
    expect(wrapped.replaceAll(/[^宽字符]/g, "")).toBe(text + "宽字符" + text)
  })

  it("is the same in pieces as in one", () => {
    const below = randomNumbers(1)
    for (let run = 0; run < 100; run++) {
      const cuts = Array.from({ length: 1 + below(40) }, () => below(everything.length))
      const places = [0, ...cuts.toSorted((a, b) => a - b), everything.length]
      expect(inPieces(places.slice(1).map((end, index) => everything.slice(places[index], end)))).toBe(
        `${whole(everything)}\n`
      )
    }
    expect(inPieces([...everything])).toBe(`${whole(everything)}\n`)
  })

  it("shows lines and items when they are complete", () => {
    const markdown = Markdown.make(plain(60))
    expect(markdown.add("one\ntwo")).toBe("one\n")
    expect(markdown.add(" three\n")).toBe("two three\n")
    expect(markdown.add("\n1. first\n2. sec")).toBe("\n1. first\n")
    expect(markdown.add("ond\n3. third\n")).toBe("2. second\n")
    expect(markdown.add("\n```\ncode\n")).toBe("3. third\n")
    expect(markdown.end()).toBe("\n  code\n")
  })

  it("takes no text away, whatever is written", () => {
    const below = randomNumbers(2)
    const words = [
      "a",
      "宽",
      "**",
      "`",
      "|",
      "- ",
      "1. ",
      "\n",
      "\n\n",
      "> ",
      "#",
      "[x](y)",
      "```\n",
      " ",
      "<b>",
      "&amp;",
      "\\"
    ]
    const letters = (text: string) => text.replaceAll(/[^a宽]/g, "")
    for (let run = 0; run < 500; run++) {
      const pieces = Array.from({ length: below(40) }, () => words[below(words.length)] ?? "")
      const text = pieces.join("")
      expect(letters(inPieces(pieces, 20 + below(60))), JSON.stringify(text)).toBe(letters(text))
    }
  })
})

const live = (texts: ReadonlyArray<string>, options?: Partial<Renderer.LiveOptions>) =>
  Stream.fromIterable(texts.map((text) => messageDelta(text))).pipe(
    Renderer.renderLive({ columns: Effect.succeed(60), color: "soft", ...options }),
    Stream.mkString
  )

const own = new Set([1, 3, 22, 23, 36, 39, 32, 0].map((n) => `\u001b[${n}m`))

const status = /\r\u001b\[K|\u001b\[2m[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏][^]*?\u001b\[0m/g

describe("a message on a terminal", () => {
  it.effect("begins behind its label and is wrapped with it", () =>
    Effect.gen(function* () {
      const text = "word ".repeat(20).trim()
      const shown = (yield* live([text])).replaceAll(status, "")
      const [first = "", second = ""] = shown.split("\n")
      expect(first).toBe(`\u001b[32mAssistant:\u001b[0m ${"word ".repeat(10).trim()}`)
      expect(second).toBe("word ".repeat(10).trim())
    })
  )

  it.effect("has its looks, and none of its own sequences, whole or in pieces", () =>
    Effect.gen(function* () {
      const attack =
        "**a\u001b[31mb** \u001b]0;owned\u0007 `x\u001b[2J` [l](https://e.org/\u001b]8;;) &#27;[5m \u009b31m"
      for (const texts of [[attack], [...attack], [`# ${attack}\n`, `| ${attack} |\n|--|\n| ${attack} |\n`]]) {
        const shown = (yield* live(texts)).replaceAll(status, "")
        const looks = shown.match(/\u001b\[[0-9;]*m/g) ?? []
        expect(looks.filter((look) => !own.has(look))).toEqual([])
        expect(shown.replaceAll(/\u001b\[[0-9;]*m/g, "")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
      }
    })
  )

  it.effect("is printed as it is written where that is asked for, and in a stream that is no terminal's", () =>
    Effect.gen(function* () {
      const text = "**bold** and `code`"
      expect((yield* live([text], { raw: true, color: "off" })).replaceAll(/\r\u001b\[K/g, "")).toContain(
        `Assistant: ${text}\n`
      )
      const piped = yield* Stream.fromIterable([messageDelta(text)]).pipe(Renderer.render(), Stream.mkString)
      expect(piped).toBe(`Assistant: ${text}\n`)
    })
  )
})
