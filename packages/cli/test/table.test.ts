import { describe, expect, it } from "@effect/vitest"
import stringWidth from "string-width"
import { table, truncate } from "../src/internal/table.ts"
import { wrap } from "../src/internal/wrap.ts"

const columns = [
  { title: "ID" },
  { title: "TITLE", least: 8, optional: true },
  { title: "FOLDER", least: 6, optional: true }
]

const rows = [
  ["1", "把测试写得更好", "/home/someone/work"],
  ["22", "Release notes 🚀", "/tmp"]
]

const widths = (lines: ReadonlyArray<string>) => lines.map((line) => stringWidth(line))

describe("a table", () => {
  it("shows everything where nothing limits it, aligned also behind wide characters", () => {
    expect(table(columns, rows, undefined)).toEqual([
      "ID  TITLE             FOLDER",
      "1   把测试写得更好    /home/someone/work",
      "22  Release notes 🚀  /tmp"
    ])
    expect(table(columns, rows, 80)).toEqual(table(columns, rows, undefined))
  })

  it("gives the room there is to the columns from the left on, and cuts off the others", () => {
    const lines = table(columns, rows, 32)
    expect(lines).toEqual([
      "ID  TITLE             FOLDER",
      "1   把测试写得更好    /home/som…",
      "22  Release notes 🚀  /tmp"
    ])
    expect(Math.max(...widths(lines))).toBeLessThanOrEqual(32)
  })

  it("cuts off all that may be cut off before it leaves out a column", () => {
    expect(table(columns, rows, 20)).toEqual(["ID  TITLE     FOLDER", "1   把测试…   /home…", "22  Release…  /tmp"])
  })

  it("leaves out the last columns where there is no room for their least", () => {
    expect(table(columns, rows, 19)).toEqual(["ID  TITLE", "1   把测试写得更好", "22  Release notes …"])
    expect(table(columns, rows, 5)).toEqual(["ID", "1", "22"])
  })

  it("continues a column that wraps on further lines, below its own title", () => {
    const wrapping = [{ title: "PART" }, { title: "BY" }, { title: "WHY NOT", least: 12, wraps: true }]
    const rows = [
      ["npm", "mode", "the arguments are not exactly these"],
      ["ls", "mode", ""]
    ]
    expect(table(wrapping, rows, 30)).toEqual([
      "PART  BY    WHY NOT",
      "npm   mode  the arguments are",
      "            not exactly these",
      "ls    mode"
    ])
    expect(table(wrapping, rows, undefined)[1]).toBe("npm   mode  the arguments are not exactly these")
  })

  it("is wider than the terminal rather than without what it is about", () => {
    expect(table(columns, rows, 1)).toEqual(["ID", "1", "22"])
  })

  it("never is wider than it may be, whatever the width", () => {
    for (let width = 2; width < 60; width++) {
      expect(Math.max(...widths(table(columns, rows, width)))).toBeLessThanOrEqual(width)
    }
  })

  it("shows only the titles where there are no rows", () => {
    expect(table(columns, [], 80)).toEqual(["ID  TITLE  FOLDER"])
  })
})

describe("truncate", () => {
  it("cuts no character in two, however wide it is or of how many parts it is made", () => {
    expect(truncate("测试", 3)).toBe("测…")
    expect(truncate("测试", 2)).toBe("…")
    expect(truncate("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3)).toBe("👩‍👩‍👧‍👦…")
    expect(truncate("e\u0301e\u0301e\u0301", 2)).toBe("e\u0301…")
  })

  it("leaves what fits", () => {
    expect(truncate("测试", 4)).toBe("测试")
    expect(truncate("", 0)).toBe("")
  })
})

describe("wrapping by words", () => {
  it("moves in the lines after the first, and keeps the spaces between words", () => {
    expect(wrap("ok    binary  codex at a place", 20, 4)).toEqual(["ok    binary  codex", "    at a place"])
    expect(wrap("  1. tests: accept, always", 16, 4)).toEqual(["  1. tests:", "    accept,", "    always"])
  })

  it("does not tear a word that is wider, and adds nothing to a line that fits", () => {
    expect(wrap("see https://example.org/a/long/address now", 10)).toEqual([
      "see",
      "https://example.org/a/long/address",
      "now"
    ])
    expect(wrap("as it is", 8)).toEqual(["as it is"])
    expect(wrap("", 8, 2)).toEqual([""])
  })
})
