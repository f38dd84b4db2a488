/**
 * Draws lines through measured points, with the range of each, as an SVG that is readable on light and on dark pages.
 */

export interface Line {
  readonly name: string
  readonly points: ReadonlyArray<{
    readonly x: number
    readonly median: number
    readonly min: number
    readonly max: number
  }>
}

export interface Plot {
  readonly title: string
  /** Label and unit of an axis. The horizontal one is logarithmic. */
  readonly x: string
  readonly y: string
  readonly logarithmicY: boolean
  readonly lines: ReadonlyArray<Line>
}

const width = 720
const height = 380
const left = 64
const right = 132
const top = 40
const bottom = 52

interface Colors {
  readonly page: string
  readonly title: string
  readonly text: string
  readonly grid: string
  readonly lines: ReadonlyArray<string>
}

// Without variables, which not every program that shows an SVG knows.
const styleOf = ({ grid, lines, page, text, title }: Colors): string =>
  [
    `.page{fill:${page}}.title{fill:${title}}.text{fill:${text}}.grid{stroke:${grid}}`,
    ...lines.map((color, index) => `.c${index} .stroke{stroke:${color}}.c${index} .fill{fill:${color}}`)
  ].join("")

const light: Colors = {
  page: "#ffffff",
  title: "#1f2328",
  text: "#59636e",
  grid: "#d1d9e0",
  lines: ["#6e7781", "#0969da", "#bc4c00"]
}

const dark: Colors = {
  page: "#0d1117",
  title: "#f0f6fc",
  text: "#9198a1",
  grid: "#3d444d",
  lines: ["#9198a1", "#4493f8", "#f0883e"]
}

const style = `${styleOf(light)}@media (prefers-color-scheme:dark){${styleOf(dark)}}`

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** A round number of this size or the next greater one: 1, 2 or 5 times a power of ten. */
export const roundUp = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 5, 10].find((step) => step * power >= value * 0.999999) ?? 10
  return step * power
}

const label = (value: number): string => Number(value.toPrecision(6)).toLocaleString("en-US")

const place = (value: number): string => value.toFixed(1)

// Values of the vertical axis that get a line and a label.
const ticksOf = ({ lines, logarithmicY }: Plot): ReadonlyArray<number> => {
  const values = lines
    .flatMap(({ points }) => points.flatMap(({ max, min }) => [min, max]))
    .filter((value) => value > 0)
  const highest = values.length === 0 ? 1 : Math.max(...values)
  if (!logarithmicY) {
    const step = roundUp(highest / 5)
    return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, index) => index * step)
  }
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.ceil(Math.log10(highest))
  return Array.from({ length: Math.max(2, last - first + 1) }, (_, index) => 10 ** (first + index))
}

export const draw = (plot: Plot): string => {
  const ticks = ticksOf(plot)
  const xs = Array.from(new Set(plot.lines.flatMap(({ points }) => points.map(({ x }) => x)))).toSorted((a, b) => a - b)
  const [lowX = 1, highX = 1] = [xs.at(0), xs.at(-1)]
  const [lowY = 0, highY = 1] = [ticks.at(0), ticks.at(-1)]
  const share = (value: number, low: number, high: number) => (high === low ? 0.5 : (value - low) / (high - low))
  const across = (x: number) => left + share(Math.log(x), Math.log(lowX), Math.log(highX)) * (width - left - right)
  const up = (y: number) =>
    height -
    bottom -
    (plot.logarithmicY ? share(Math.log(Math.max(y, lowY)), Math.log(lowY), Math.log(highY)) : share(y, lowY, highY)) *
      (height - top - bottom)

  // Names stand at the ends of their lines, and move apart where those are close.
  const ends = plot.lines
    .map(({ points }, index) => ({ index, at: up(points.at(-1)?.median ?? 0) }))
    .toSorted((a, b) => a.at - b.at)
  let above = -Infinity
  const named = new Map<number, number>()
  for (const { at, index } of ends) {
    above = Math.max(at, above + 16)
    named.set(index, above)
  }

  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${place(up(tick))}" y2="${place(up(tick))}"/>` +
      `<text class="text" x="${left - 8}" y="${place(up(tick) + 4)}" text-anchor="end">${label(tick)}</text>`
  )
  const bottomLabels = xs.map(
    (x) =>
      `<text class="text" x="${place(across(x))}" y="${height - bottom + 20}" text-anchor="middle">${label(x)}</text>`
  )
  const lines = plot.lines.map(({ name, points }, index) => {
    const path = points.map(({ median, x }, at) => `${at === 0 ? "M" : "L"}${place(across(x))} ${place(up(median))}`)
    const marks = points.map(({ max, median, min, x }) => {
      const at = place(across(x))
      return (
        `<line class="stroke" stroke-width="4" stroke-opacity=".5" x1="${at}" x2="${at}" y1="${place(up(min))}" y2="${place(up(max))}"/>` +
        `<circle class="fill" cx="${at}" cy="${place(up(median))}" r="3.5"/>`
      )
    })
    const end = `<text class="fill" x="${width - right + 12}" y="${place((named.get(index) ?? 0) + 4)}">${escape(name)}</text>`
    return `<g class="c${index}"><path class="stroke" stroke-width="2" fill="none" d="${path.join(" ")}"/>${marks.join("")}${end}</g>`
  })

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escape(plot.title)}">`,
    `<style>${style}</style>`,
    `<rect class="page" rx="6" width="${width}" height="${height}"/>`,
    `<text class="title" font-weight="600" x="${left}" y="22">${escape(plot.y)}</text>`,
    ...grid,
    ...bottomLabels,
    `<text class="text" x="${(left + width - right) / 2}" y="${height - 12}" text-anchor="middle">${escape(plot.x)} (logarithmic)</text>`,
    ...lines,
    "</svg>",
    ""
  ].join("\n")
}
