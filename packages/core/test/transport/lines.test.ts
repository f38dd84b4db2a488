import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { makeLineSplitter } from "../../src/internal/transport/lines.ts"

const encoder = new TextEncoder()

const split = (chunks: ReadonlyArray<Uint8Array>, limit = 1_000_000) => {
  const lines: Array<string> = []
  const { push } = makeLineSplitter(limit, (line) => lines.push(line))
  const excess = chunks.map(push).find((result) => result !== undefined)
  return { lines, excess }
}

// The same bytes, cut wherever the numbers say.
const cutAt = (bytes: Uint8Array, cuts: ReadonlyArray<number>) => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place))
}

const Line = Schema.String.check(Schema.makeFilter((text: string) => !/[\r\n]/.test(text) && text.isWellFormed()))

describe("the line splitter", () => {
  it.prop(
    "gives the same lines however the bytes are cut, also inside of characters",
    {
      lines: Schema.Array(Line),
      cuts: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })))
    },
    ({ cuts, lines }) => {
      const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""))
      expect(split(cutAt(bytes, cuts)).lines).toEqual(lines.filter((line) => line !== ""))
    }
  )

  it("takes CRLF for a line break and leaves out empty lines", () => {
    expect(split([encoder.encode("a\r\n\r\n\n\nb\r\n")]).lines).toEqual(["a", "b"])
  })

  it("keeps what has no line break for later", () => {
    expect(split([encoder.encode("a\nb")]).lines).toEqual(["a"])
    expect(split([encoder.encode("a\nb"), encoder.encode("c\n")]).lines).toEqual(["a", "bc"])
  })

  it("turns bytes that are no UTF-8 into U+FFFD", () => {
    expect(split([Uint8Array.of(0x61, 0xff, 0x62, 0x0a)]).lines).toEqual(["a\uFFFDb"])
  })

  it("splits several megabytes in one chunk, and one line over many", () => {
    const line = "x".repeat(1000)
    expect(split([encoder.encode(`${line}\n`.repeat(5000))]).lines.length).toBe(5000)
    const pieces = Array.from({ length: 5000 }, () => encoder.encode(line))
    expect(split([...pieces, encoder.encode("\n")], 10_000_000).lines[0]?.length).toBe(5_000_000)
  })

  it("says when a line is over the limit, whole or in pieces, and not before", () => {
    expect(split([encoder.encode(`${"x".repeat(10)}\n`)], 10)).toEqual({ lines: ["x".repeat(10)], excess: undefined })
    expect(split([encoder.encode(`${"x".repeat(11)}\n`)], 10).excess).toEqual({ limit: 10 })
    expect(
      split(
        ["xxxx", "xxxx", "xxxx"].map((piece) => encoder.encode(piece)),
        10
      ).excess
    ).toEqual({ limit: 10 })
  })

  it("takes an unfinished line of just the limit, whatever came before it", () => {
    const chunks = ["ab\nxxxxx", "xxxxx", "\n"].map((piece) => encoder.encode(piece))
    expect(split(chunks, 10)).toEqual({ lines: ["ab", "x".repeat(10)], excess: undefined })
  })

  it("keeps nothing of a line that was too long", () => {
    const chunks = ["xxxxxxxx", "xxx", "ok\n"].map((piece) => encoder.encode(piece))
    expect(split(chunks, 10)).toEqual({ lines: ["ok"], excess: { limit: 10 } })
  })

  it("hands over a last line without a line break when there is no more, once, and what is left of a cut character", () => {
    const lines: Array<string> = []
    const { end, push } = makeLineSplitter(100, (line) => lines.push(line))
    push(encoder.encode("a\nlast"))
    push(Uint8Array.of(0xf0, 0x9f))
    end()
    end()
    expect(lines).toEqual(["a", "last\uFFFD"])
  })

  it("hands over nothing at the end if nothing is left, or if it is too long", () => {
    const lines: Array<string> = []
    const { end, push } = makeLineSplitter(5, (line) => lines.push(line))
    push(encoder.encode("a\n"))
    end()
    push(encoder.encode("xxxxx"))
    push(Uint8Array.of(0xf0))
    end()
    expect(lines).toEqual(["a"])
  })
})
