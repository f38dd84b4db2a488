/**
 * Records a real run of the command in a terminal as an animated picture: `npm run record`, which writes `docs/run.svg`.
 *
 * The binary and the terminal are real; the model is a stand-in that follows a script. Without animation, as on paper, the
 * picture shows the last screen.
 */
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import * as Terminal from "./terminal.ts"

const root = path.dirname(import.meta.dirname)
const columns = 92
const rows = 40
const prompt = "Greet in Chinese as well"

const pause = (seconds: number) => MockModel.delay(`${seconds} seconds`)
const script = [
  MockModel.reply(
    MockModel.reasoning(pause(0.6), "Reading ", pause(0.2), "the script ", pause(0.2), "first."),
    MockModel.execCommand({ cmd: "cat greet.sh" })
  ),
  MockModel.reply(
    MockModel.text(pause(0.4), "One line ", pause(0.2), "is enough."),
    MockModel.applyPatch(
      '*** Begin Patch\n*** Update File: greet.sh\n@@\n sleep 1\n-echo Hello\n+echo "Hello"\n+echo "你好"\n*** End Patch\n'
    )
  ),
  MockModel.reply(MockModel.execCommand({ cmd: "sh greet.sh", escalate: "Try it?" })),
  MockModel.reply(
    MockModel.text(pause(0.4), "Done: ", pause(0.2), "`greet.sh` greets ", pause(0.2), "in both languages.")
  )
]
const rubric = {
  mode: "strict",
  commandRules: [
    { name: "may look", when: { program: "cat", anywhere: true }, decision: "accept" },
    { name: "may try it", when: { program: "sh", args: ["greet.sh"], anywhere: true }, decision: "accept" }
  ],
  fileChangeRules: [{ name: "may edit", decision: "accept" }]
}

interface Span {
  readonly x: number
  readonly width: number
  readonly text: string
  readonly style: string
}
type Row = ReadonlyArray<Span>

const colors = ["#3b4252", "#f7768e", "#9ece6a", "#e0af68", "#7aa2f7", "#bb9af7", "#7dcfff", "#c0caf5"]

const rowsOf = (terminal: Terminal.Program["terminal"]): ReadonlyArray<Row> =>
  Array.from({ length: rows }, (_, y) => {
    const line = terminal.buffer.active.getLine(terminal.buffer.active.viewportY + y)
    const spans: Array<{ x: number; width: number; text: string; style: string }> = []
    for (let x = 0; x < columns; x++) {
      const cell = line?.getCell(x)
      if (cell === undefined || cell.getWidth() === 0) continue
      const color = cell.isFgPalette() ? (colors[cell.getFgColor() % 8] ?? "") : ""
      const style = `${color === "" ? "" : ` fill="${color}"`}${cell.isDim() ? ' opacity="0.6"' : ""}`
      const last = spans.at(-1)
      if (last?.style === style) {
        last.text += cell.getChars() || " "
        last.width += cell.getWidth()
      } else spans.push({ x, width: cell.getWidth(), text: cell.getChars() || " ", style })
    }
    return spans.map((span) => ({ ...span, text: span.text.trimEnd() })).filter(({ text }) => text !== "")
  })

const cell = { width: 8.4, height: 18 }
const margin = 16
const top = 44

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const textOf = (row: Row, y: number): string =>
  row
    .map(
      ({ style, text, x }) =>
        `<text xml:space="preserve" x="${(margin + x * cell.width).toFixed(1)}" y="${top + y * cell.height}"${style}>${escape(text)}</text>`
    )
    .join("")

/** Draws each text of a row from its time to that of the next one. The last text stays. */
const toSvg = (frames: ReadonlyArray<{ readonly at: number; readonly rows: ReadonlyArray<Row> }>): string => {
  const total = Math.ceil((frames.at(-1)?.at ?? 0) + 4)
  const used = frames.at(-1)?.rows.findLastIndex((row) => row.length > 0) ?? 0
  const height = top + (used + 2) * cell.height
  const shown: Array<string> = []
  for (let y = 0; y <= used + 1; y++) {
    let begin = 0
    let text = ""
    const add = (end: number | undefined) => {
      if (text === "") return
      const times = [begin, ...(end === undefined ? [] : [end])].map((time) => (time / total).toFixed(4))
      const values = ["hidden", "visible", ...(end === undefined ? [] : ["hidden"])]
      const animate = `<animate attributeName="visibility" calcMode="discrete" dur="${total}s" repeatCount="indefinite" values="${values.join(";")}" keyTimes="${["0", ...times].join(";")}"/>`
      shown.push(`<g visibility="${end === undefined ? "visible" : "hidden"}">${text}${animate}</g>`)
    }
    for (const { at, rows } of frames) {
      const next = textOf(rows[y] ?? [], y)
      if (next === text) continue
      add(at)
      text = next
      begin = at
    }
    add(undefined)
  }
  const width = Math.ceil(margin * 2 + columns * cell.width)
  const dots = ["#f7768e", "#e0af68", "#9ece6a"].map(
    (color, i) => `<circle cx="${20 + i * 18}" cy="16" r="5" fill="${color}"/>`
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>A run of effect-codex in a terminal</title>`,
    `<rect width="100%" height="100%" rx="8" fill="#1a1b26"/>`,
    ...dots,
    `<g style="white-space: pre" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#c0caf5">`,
    ...shown,
    "</g>",
    "</svg>",
    ""
  ].join("\n")
}

const record = Effect.gen(function* () {
  const { cwd, env } = yield* CodexTest.Home
  writeFileSync(path.join(cwd, "policy.json"), JSON.stringify(rubric))
  const program = yield* Terminal.start(
    path.join(root, "packages", "cli", "bin", "effect-codex.js"),
    ["run", "--policy", "policy.json", "--approval-policy", "untrusted", "-s", "workspace-write", prompt],
    { columns, rows, cwd, env: { ...env, TERM: "xterm-256color" } }
  )
  program.terminal.write(`$ effect-codex run --policy policy.json "${prompt}"\r\n`)
  const frames: Array<{ at: number; rows: ReadonlyArray<Row> }> = []
  const began = performance.now()
  const snapshot = Effect.map(program.screen, () => {
    frames.push({ at: (performance.now() - began) / 1000, rows: rowsOf(program.terminal) })
  })
  yield* Effect.raceFirst(program.code, Effect.forever(Effect.andThen(snapshot, Effect.sleep("100 millis"))))
  yield* snapshot
  const file = path.join(root, "docs", "run.svg")
  writeFileSync(file, toSvg(frames))
  process.stdout.write(`${path.relative(root, file)}: ${frames.length} frames\n${(yield* program.screen).join("\n")}\n`)
}).pipe(
  Effect.scoped,
  Effect.provide(
    CodexTest.layerHome(script, {
      model: "gpt-5.5",
      verifyOnClose: false,
      files: { "greet.sh": "#!/bin/sh\nsleep 1\necho Hello\n" }
    })
  )
)

await Effect.runPromise(record)
