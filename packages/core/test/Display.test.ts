import * as Display from "@effect-codex/core/Display"
import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"

// What text is made of, with what matters here more often than by chance.
const Unit = Schema.Union([
  Schema.Literals(["\u001b", "\\", "u{", "1b}", "…", "[", "\u0301", "\ufe0f", "⚠", "a", "\u0430", "\ud800", " ", "👍"]),
  Schema.String
])

describe("text on one line", () => {
  it.each([
    ["an escape sequence", "\u001b[2Jls", "\\u{1b}[2Jls"],
    ["an operating system command", "\u001b]0;title\u0007", "\\u{1b}]0;title\\u{7}"],
    ["a C1 control", "\u009b31m", "\\u{9b}31m"],
    ["a carriage return", "rm -rf /\rls", "rm -rf /\\u{d}ls"],
    ["line breaks and tabs", "a\n\tb\u2028c\u2029", "a\\u{a}\\u{9}b\\u{2028}c\\u{2029}"],
    ["a NUL", "a\0b", "a\\u{0}b"],
    ["a change of the reading order", "a\u202eb\u2066c", "a\\u{202e}b\\u{2066}c"],
    ["what has no width", "r\u200bm\ufeff\u2060", "r\\u{200b}m\\u{feff}\\u{2060}"],
    ["a space that is none", "rm\u00a0-rf\u3000/", "rm\\u{a0}-rf\\u{3000}/"],
    ["a letter without ink", "a\u3164b\u2800c\u115f", "a\\u{3164}b\\u{2800}c\\u{115f}"],
    ["tag characters", "a\u{e0041}\u{e007f}", "a\\u{e0041}\\u{e007f}"],
    ["selectors behind anything but a picture", "x\ufe0f\u{e0100}", "x\\u{fe0f}\\u{e0100}"],
    ["halves of a pair", "\ud800x\udc00", "\\u{d800}x\\u{dc00}"],
    ["private characters", "\ue000", "\\u{e000}"],
    ["a mark without a letter", "\u0338a \u0338", "\\u{338}a \\u{338}"],
    ["all but the first marks on a letter", "e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301\u0301\\u{301}"],
    ["its own way to escape", "\\u{1b} \\", "\\u{5c}u{1b} \\"],
    ["its own note on what is left out", "…[3 left out]…", "\\u{2026}[3 left out]…"],
    ["letters that look Latin", "p\u0430ypal \uff47it", "p\\u{430}ypal \\u{ff47}it"]
  ])("escapes %s", (_, text, shown) => {
    expect(Display.line(text)).toBe(shown)
  })

  it.each([
    "git log --format='%h %s' | head -5 && echo \"$HOME\" \\",
    "caf\u00e9, e\u0301, 中文，你好。 日本語 한국어 हिन्दी",
    "привет, мир и λόγος",
    "⚠️ ❤️ ✅ 👩 ┌─┐ → …"
  ])("leaves %s", (text) => {
    expect(Display.line(text)).toBe(text)
  })

  it("lets no character through that a terminal obeys or that cannot be seen", () => {
    for (let first = 0; first < 0x110000; first += 0x1000) {
      const characters = Array.from({ length: 0x1000 }, (_, index) => String.fromCodePoint(first + index))
      expect(Display.line(characters.join("x"))).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\u2800]|[^\p{ASCII}]\p{Z}/u)
    }
  })

  it.prop("can be read back", [Schema.Array(Unit)], ([units]) => {
    const text = units.join("")
    const read = Display.line(text).replace(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) =>
      String.fromCodePoint(Number.parseInt(hex, 16))
    )
    expect(read).toBe(text)
  })
})

describe("text of several lines", () => {
  it("keeps line feeds and tabs, and escapes the rest", () => {
    expect(Display.block("a\n\tb\r\n\u001b[31mc")).toBe("a\n\tb\\u{d}\n\\u{1b}[31mc")
  })
})

describe("a long text", () => {
  it("shows both ends and how much is left out, within the budget", () => {
    expect(Display.line(`start${"x".repeat(1000)}end`, { max: 30 })).toBe("startx…[996 left out]…xxxend")
  })

  it("is whole when it fits, in code points", () => {
    expect(Display.line("👍👍👍👍", { max: 4 })).toBe("👍👍👍👍")
    expect(Display.line("123456", { max: 6 })).toBe("123456")
  })

  it("is left out whole when the budget is too small", () => {
    expect(Display.line("x".repeat(50), { max: 5 })).toBe("…[50 left out]…")
  })

  it.prop(
    "loses no character uncounted and cuts no escape in two",
    [Schema.Array(Unit), Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 60 }))],
    ([units, max]) => {
      const text = `${units.join("")}${"\u001b".repeat(30)}${units.join("")}`
      const shown = Display.line(text, { max })
      const [, start = "", leftOut = "", end = ""] = /^(.*)…\[(\d+) left out\]…(.*)$/s.exec(shown) ?? []
      const whole = Display.line(text)
      expect(Array.from(shown).length).toBeLessThanOrEqual(max)
      expect(whole.startsWith(start)).toBe(true)
      expect(whole.endsWith(end)).toBe(true)
      const characters = (part: string) => Array.from(part.replace(/\\u\{[0-9a-f]+\}/g, "x")).length
      expect(characters(start) + Number(leftOut) + characters(end)).toBe(Array.from(text).length)
    }
  )
})

describe("words of mixed scripts", () => {
  it("are found, each once, and told apart from words of one script", () => {
    expect(Display.mixedScripts("p\u0430ypal привет git p\u0430ypal λόγος \u0456f")).toEqual([
      "p\\u{430}ypal",
      "\\u{456}f"
    ])
    expect(Display.mixedScripts("git status")).toEqual([])
  })
})

describe("a megabyte", () => {
  it.each(["plain text\n", "中文你好", "\u001b[31m", "e\u0301", "pп", "\\u{", "…["])(
    "of %j is shown in time",
    (part) => {
      const text = part.repeat(1_000_000 / part.length)
      expect(Display.block(text, { max: 200 }).length).toBeLessThan(400)
    }
  )
})
