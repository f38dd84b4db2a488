/**
 * The plots of a page, as SVG: a time line, and the tokens.
 */
import { count, duration, escapeLine } from "./html.ts"
import type { Piece, Story } from "./story.ts"

const width = 1000
const margin = 8
const lane = 14
/** So many bars are drawn; a page with more would be slow. */
const barsMax = 1500

const lanes: ReadonlyArray<Piece["group"]> = ["message", "command", "change", "tool", "approval", "error"]

const scale = (ms: number, of: number): number => margin + (of === 0 ? 0 : (ms / of) * (width - 2 * margin))

const axis = (ms: number, y: number): string =>
  [0, 0.25, 0.5, 0.75, 1]
    .map((part) => {
      const x = scale(part * ms, ms)
      const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle"
      return `<line class="grid" x1="${x}" x2="${x}" y1="0" y2="${y - 12}"/><text x="${x}" y="${y}" text-anchor="${anchor}">${duration(part * ms)}</text>`
    })
    .join("")

const bar = (x: number, until: number, y: number, height: number, className: string, title: string): string =>
  `<rect class="${className}" x="${x.toFixed(1)}" y="${y}" width="${Math.max(1.5, until - x).toFixed(1)}" height="${height}" rx="2"><title>${escapeLine(title)}</title></rect>`

/** When turns, items and waits began and ended. */
export const timeline = ({ ms, turns }: Story): string => {
  if (turns.length === 0) return ""
  const height = lanes.length * lane + 34
  const pieces = turns.flatMap((turn) => turn.pieces).filter(({ group }) => lanes.includes(group))
  const drawn = pieces.slice(0, barsMax)
  const bars = [
    ...turns.map((turn, index) => {
      const end = turn.end ?? ms
      const title = `turn ${index + 1}, ${turn.status}, ${duration(end - turn.begin)}`
      return bar(scale(turn.begin, ms), scale(end, ms), 2, height - 22, "turn", title)
    }),
    ...drawn.map(({ begin, end, group, label }) =>
      bar(
        scale(begin, ms),
        scale(end, ms),
        6 + lanes.indexOf(group) * lane,
        lane - 4,
        group,
        `${label}, ${duration(end - begin)}`
      )
    )
  ]
  const more = pieces.length - drawn.length
  const note = more === 0 ? "" : ` ${count(more)} more are not drawn.`
  return `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Time line">${axis(ms, height - 4)}${bars.join("")}</svg><figcaption>From top to bottom: messages, commands, file changes, tools, waits for an approval, errors.${note}</figcaption></figure>`
}

/** The tokens that were used up to each moment. */
export const tokenPlot = ({ ms, tokens }: Story): string => {
  const [last] = tokens.slice(-1)
  if (last === undefined || tokens.length < 2) return ""
  const height = 140
  const top = Math.max(...tokens.map(([, total]) => total))
  const y = (total: number) => height - 22 - (total / Math.max(1, top)) * (height - 40)
  const points = [[0, 0] as const, ...tokens].map(([at, total]) => `${scale(at, ms).toFixed(1)},${y(total).toFixed(1)}`)
  return `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Tokens">${axis(ms, height - 4)}<polyline class="curve" points="${points.join(" ")}"/><text x="${margin}" y="12">${count(top)} tokens</text></svg><figcaption>Tokens so far, of all turns together.</figcaption></figure>`
}
