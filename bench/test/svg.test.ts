import { describe, expect, it } from "@effect/vitest"
import { draw, roundUp } from "../svg.ts"

const point = (x: number, median: number) => ({ x, median, min: median, max: median })

const plot = (logarithmicY: boolean) =>
  draw({
    title: "a < b",
    x: "turns",
    y: "µs",
    logarithmicY,
    lines: [
      { name: "one", points: [point(1, 1), point(1024, 40)] },
      { name: "two", points: [point(1, 2), point(1024, 40.1)] }
    ]
  })

const labels = (svg: string) => Array.from(svg.matchAll(/<text class="text"[^>]*>([^<]*)</g), ([, label]) => label)

describe("a plot", () => {
  it("has round numbers at its vertical axis, and every point's number at the other", () => {
    expect(labels(plot(false))).toEqual(["0", "10", "20", "30", "40", "50", "1", "1,024", "turns (logarithmic)"])
    expect(labels(plot(true))).toEqual(["1", "10", "100", "1", "1,024", "turns (logarithmic)"])
  })

  it("keeps the names of lines apart that end at one place", () => {
    const heights = Array.from(plot(false).matchAll(/<text class="fill"[^>]* y="([\d.]+)"/g), ([, y]) => Number(y))
    expect(Math.abs((heights[0] ?? 0) - (heights[1] ?? 0))).toBeGreaterThanOrEqual(16)
  })

  it("escapes its texts", () => {
    expect(plot(false)).toContain('aria-label="a &lt; b"')
  })
})

describe("a round number", () => {
  it("is 1, 2 or 5 times a power of ten", () => {
    expect([0.3, 1, 1.1, 3, 7, 20, 21].map(roundUp)).toEqual([0.5, 1, 2, 5, 10, 20, 50])
  })
})
