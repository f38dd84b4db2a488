/**
 * A comparison of two runs as lines for a terminal.
 */
import * as Display from "@effect-codex/core/Display"
import type { Paint } from "../../Tone.ts"
import { type Comparison, countWords, type Mark, type Row, sorts, type TurnRow } from "./comparison.ts"
import { count, duration } from "./html.ts"
import type { Fact, Turn } from "./story.ts"

const signs: { readonly [mark in Mark]: string } = { same: " ", changed: "~", onlyA: "-", onlyB: "+" }

const textMax = 400
const linesMax = 20

const took = (turn: Turn): string => (turn.end === undefined ? "not ended" : duration(turn.end - turn.begin))

const tokens = (turn: Turn): string => (turn.tokens === undefined ? "no tokens" : `${count(turn.tokens)} tokens`)

const factsOf = (turn: Turn): string => [turn.status, tokens(turn), took(turn)].join(", ")

const factLine = ({ a, b, mark }: Row<Fact>): string => {
  const { label = "", subject = "" } = a ?? b ?? {}
  const outcome = mark === "changed" ? `${a?.outcome ?? ""} | ${b?.outcome ?? ""}` : ((a ?? b)?.outcome ?? "")
  return `  ${signs[mark]} [${Display.line(label)}] ${Display.line(subject)}${outcome === "" ? "" : `: ${Display.line(outcome)}`}`
}

// The lines of the two answers, each behind its sign.
const answerLines = (turn: TurnRow): ReadonlyArray<string> =>
  (
    [
      ["-", turn.a],
      ["+", turn.b]
    ] as const
  ).flatMap(([sign, side]) => {
    const lines = (side?.answer ?? "").trim().split("\n")
    const rest = lines.length > linesMax ? [`  ${sign}   (${count(lines.length - linesMax)} more lines)`] : []
    return [
      ...lines
        .slice(0, linesMax)
        .map((line) => `  ${sign} [answer] ${Display.line(line.slice(0, textMax).toWellFormed())}`),
      ...rest
    ]
  })

/** The lines of a comparison. Only `isFull` shows the rows that are the same. */
export const comparisonText = (comparison: Comparison, paint: Paint, isFull: boolean): string => {
  const { a, b, counts, turns } = comparison
  const lines = [
    paint("header", `A: ${Display.line(a.title)}`),
    paint("header", `B: ${Display.line(b.title)}`),
    ...sorts.flatMap(([name, words]) => {
      const said = countWords(counts[name])
      return said === undefined ? [] : [`${words}: ${said}`]
    }),
    ...[a, b].flatMap(({ story, title }) => story.notes.map((note) => `${Display.line(title)}: ${Display.line(note)}`))
  ]
  turns.forEach((turn, index) => {
    lines.push("")
    const head = `Turn ${index + 1}`
    if (turn.mark === "same" || turn.mark === "changed") {
      const differs = turn.mark === "same" ? "same" : "differs"
      lines.push(paint(turn.mark === "same" ? "summary" : "warning", `${head}: ${differs}`))
    } else lines.push(paint("warning", `${head}: only in ${turn.mark === "onlyA" ? "A" : "B"}`))
    if (turn.a !== undefined) lines.push(`  A ${Display.line(factsOf(turn.a))}`)
    if (turn.b !== undefined) lines.push(`  B ${Display.line(factsOf(turn.b))}`)
    for (const row of turn.facts) {
      if (row.mark !== "same") lines.push(paint(row.mark === "onlyB" ? "tool" : "error", factLine(row)))
      else if (isFull) lines.push(factLine(row))
    }
    if (turn.differs.includes("answer")) lines.push(...answerLines(turn))
  })
  return `${lines.join("\n")}\n`
}
