/**
 * A comparison of two runs as the first part of a page.
 */
import { type Comparison, countWords, type Mark, type Row, sorts, type TurnRow } from "./comparison.ts"
import { clip, count, duration, escapeLine } from "./html.ts"
import type { Fact, Turn } from "./story.ts"

const words: { readonly [mark in Mark]: string } = {
  same: "same",
  changed: "differs",
  onlyA: "only in A",
  onlyB: "only in B"
}

/** So many rows are shown of a turn, those that differ first. */
const rowsMax = 1000
const textMax = 8000

const rowHtml = (mark: Mark, name: string, a: string, b: string): string =>
  a === "" && b === ""
    ? ""
    : `<tr class="${mark}"><th scope="row">${name}</th><td class="a">${a}</td><td class="b">${b}</td><td class="mark">${words[mark]}</td></tr>`

const factHtml = (fact: Fact | undefined): string => {
  if (fact === undefined) return ""
  const outcome = fact.outcome === "" ? "" : ` <span class="status">${escapeLine(fact.outcome)}</span>`
  return `<span class="head">${escapeLine(fact.subject)}</span>${outcome}`
}

const took = (turn: Turn | undefined): string =>
  turn === undefined ? "" : turn.end === undefined ? "not ended" : duration(turn.end - turn.begin)

const tokens = (turn: Turn | undefined): string => (turn?.tokens === undefined ? "" : count(turn.tokens))

const answerOf = (turn: Turn | undefined): string =>
  turn === undefined || turn.answer === "" ? "" : `<pre class="text">${clip(turn.answer, textMax).html}</pre>`

const wholeRows = ({ a, b, differs, mark }: TurnRow): ReadonlyArray<string> => {
  const markOf = (name: "status" | "tokens" | "answer"): Mark =>
    mark === "onlyA" || mark === "onlyB" ? mark : differs.includes(name) ? "changed" : "same"
  return [
    rowHtml(markOf("status"), "status", escapeLine(a?.status ?? ""), escapeLine(b?.status ?? "")),
    rowHtml(markOf("tokens"), "tokens", tokens(a), tokens(b)),
    `<tr><th scope="row">time</th><td class="a">${took(a)}</td><td class="b">${took(b)}</td><td></td></tr>`,
    rowHtml(markOf("answer"), "answer", answerOf(a), answerOf(b))
  ]
}

const factRow = ({ a, b, mark }: Row<Fact>): string =>
  rowHtml(mark, escapeLine((a ?? b)?.label ?? ""), factHtml(a), factHtml(b))

const turnHtml = (turn: TurnRow, index: number): string => {
  const left = turn.facts.length - rowsMax
  const shown =
    left <= 0
      ? turn.facts
      : [
          ...turn.facts.filter(({ mark }) => mark !== "same"),
          ...turn.facts.filter(({ mark }) => mark === "same")
        ].slice(0, rowsMax)
  const open = turn.mark === "same" ? "" : " open"
  return [
    `<details class="piece compared ${turn.mark}"${open}><summary><b>Turn ${index + 1}</b> <span class="status">${words[turn.mark]}</span></summary>`,
    '<div class="wide"><table><thead><tr><th></th><th scope="col">A</th><th scope="col">B</th><th></th></tr></thead><tbody>',
    ...shown.map(factRow),
    ...wholeRows(turn),
    "</tbody></table></div>",
    left <= 0 ? "" : `<p class="cut">${count(left)} more have no room on this page.</p>`,
    "</details>"
  ].join("\n")
}

/** The comparison: counts, and the turns with what differs. */
export const comparisonHtml = ({ a, b, counts, turns }: Comparison): string =>
  [
    '<section class="comparison"><h2>Comparison</h2><dl>',
    `<dt>A</dt><dd>${escapeLine(a.title)}</dd><dt>B</dt><dd>${escapeLine(b.title)}</dd>`,
    ...sorts.flatMap(([name, title]) => {
      const said = countWords(counts[name])
      return said === undefined ? [] : [`<dt>${title}</dt><dd>${said}</dd>`]
    }),
    "</dl>",
    ...turns.slice(0, 500).map(turnHtml),
    turns.length > 500 ? `<p class="cut">${count(turns.length - 500)} more turns have no room on this page.</p>` : "",
    "</section>"
  ].join("\n")
