// oxlint-disable no-control-regex
/**
 * Runs commands in a pseudo-terminal that is 60, 80 and 200 columns wide: `npm run screens`, or
 * `npm run screens -- --columns 80 --show` to look at the screens. `-- --quick` skips commands that start codex, and uses only
 * the narrow terminal.
 *
 * Each command has to exit with the expected code, and no line that the command words itself may be wider than the terminal. The
 * binary is real; a stand-in replaces the model.
 */
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import stringWidth from "string-width"
import * as Terminal from "../../../scripts/terminal.ts"

const { values } = parseArgs({
  options: { columns: { type: "string" }, quick: { type: "boolean" }, show: { type: "boolean" } }
})
const all = values.quick === true ? [60] : [60, 80, 200]
const widths = values.columns === undefined ? all : [Number(values.columns)]

const files = mkdtempSync(path.join(tmpdir(), "effect-codex-screens-"))
process.on("exit", () => rmSync(files, { recursive: true, force: true }))
const file = (name: string, text: string) => {
  writeFileSync(path.join(files, name), text)
  return path.join(files, name)
}

const rubric = file(
  "rubric.yaml",
  "mode: strict\ncommandRules:\n  - name: tests\n    when: { program: npm, args: [test], anywhere: true }\n    decision: accept\n"
)
const wrong = file("wrong.yaml", "mode: strikt\ncommandRules:\n  - when: { programm: npm }\n    decision: accept\n")
const cases = file("cases.yaml", "rubric: rubric.yaml\ncases:\n  - { command: npm test, expect: accept, by: tests }\n")
const store = path.join(files, "sessions.db")

interface Screen {
  readonly args: ReadonlyArray<string>
  readonly code: number
  /** Keys to type once the screen shows the pattern. */
  readonly answer?: readonly [at: RegExp, keys: string]
}

const run = (code: number, ...args: ReadonlyArray<string>): Screen => ({ args, code })
const ask = (code: number, at: RegExp, keys: string, ...args: ReadonlyArray<string>): Screen => ({
  args,
  code,
  answer: [at, keys]
})

const screens: ReadonlyArray<Screen> = [
  run(0, "--help"),
  run(0, "help"),
  run(0, "--version"),
  run(0, "version"),
  run(0, "run", "--help"),
  run(0, "review", "--help"),
  run(0, "threads", "--help"),
  run(0, "threads", "list", "--help"),
  run(0, "threads", "show", "--help"),
  run(0, "threads", "delete", "--help"),
  run(0, "models", "--help"),
  run(0, "login", "--help"),
  run(0, "account", "--help"),
  run(0, "policy", "--help"),
  run(0, "policy", "check", "--help"),
  run(0, "policy", "lint", "--help"),
  run(0, "policy", "test", "--help"),
  run(0, "policy", "explain", "--help"),
  run(0, "audit", "--help"),
  run(0, "audit", "show", "--help"),
  run(0, "session", "--help"),
  run(0, "session", "open", "--help"),
  run(0, "session", "send", "--help"),
  run(0, "doctor", "--help"),
  run(0, "demo", "--help"),
  run(2, "rnu"),
  run(2, "run", "--modle", "x", "hi"),
  run(2, "run", "--timeout", "soon", "hi"),
  run(2, "run", "--json", "--jsonl", "hi"),
  run(2, "run", "--scenario", "approval"),
  run(2, "threads", "show"),
  run(0, "run", "hi"),
  run(0, "run", "--verbose", "hi"),
  run(0, "run", "--quiet", "hi"),
  run(0, "run", "--json", "hi"),
  run(0, "run", "--last", "go on"),
  run(0, "run", "--ephemeral", "hi"),
  run(0, "run", "--preset", "safe", "hi"),
  run(0, "run", "--preset", "yolo", "hi"),
  run(0, "run", "--offline", "--scenario", "approval"),
  run(0, "run", "--offline", "--scenario", "approval", "--accept-all"),
  ask(0, /y \/ [^]*›/, "y\r", "run", "--offline", "--scenario", "approval", "--ask"),
  ask(0, /y \/ [^]*›/, "n\r", "run", "--offline", "--scenario", "approval", "--ask"),
  ask(130, /y \/ [^]*›/, Terminal.ctrlC, "run", "--offline", "--scenario", "approval", "--ask"),
  run(0, "run", "--offline", "--scenario", "command"),
  run(0, "run", "--offline", "--scenario", "patch", "--preset", "edit"),
  run(1, "run", "--offline", "--scenario", "failure"),
  run(6, "run", "--offline", "--scenario", "slow", "--timeout", "1s"),
  run(0, "threads", "list"),
  run(0, "threads", "list", "--limit", "1"),
  run(0, "threads", "show", "--last"),
  run(0, "models"),
  run(0, "account"),
  run(0, "policy", "check", "--policy", rubric, "--", "npm", "test"),
  run(5, "policy", "check", "--policy", rubric, "--", "npm test -- --watch && git push"),
  run(5, "policy", "check", "--policy", rubric, "--file", "src/a.ts", "--move-to", "lib/a.ts"),
  run(0, "policy", "lint", rubric),
  run(1, "policy", "lint", wrong),
  run(0, "policy", "test", cases),
  run(0, "policy", "explain", "--policy", rubric),
  run(0, "session", "open", "demo", "--policy", "careful", "--workspace", "repo", "--store", store),
  run(2, "session", "watch", "unknown", "--store", store),
  run(0, "doctor")
]

/** Whether the command words the whole screen, without text of a model or a tool. */
const isOwn = ({ args, code }: Screen): boolean =>
  args.includes("--help") || code === 2 || ["help", "version", "--version", "policy"].includes(args[0] ?? "")

// The lines of a transcript that are wrapped.
const isSentence = (line: string): boolean => /^\[(?:approval|error|summary|warning)\]/.test(line)

// Commands to copy and JSON are not wrapped. A path that is wider than the terminal cannot be.
const isFixed = (line: string): boolean =>
  /^(?: {2}(?:effect-codex|git|jq|printenv|source)|\{")/.test(line) || !/\s/.test(line.trim())

const show = Effect.fnUntraced(function* (screen: Screen, columns: number) {
  const { answer, args, code } = screen
  const { cwd, env } = yield* CodexTest.Home
  const main = path.join(path.dirname(import.meta.dirname), "bin", "effect-codex.js")
  const program = yield* Terminal.start(main, args, { columns, rows: 60, cwd, env })
  if (answer !== undefined) {
    // The code and the screen reveal a program that exits without asking.
    yield* Effect.raceFirst(program.waitFor(answer[0]), program.code)
    yield* program.type(answer[1])
  }
  const found = yield* program.code.pipe(
    Effect.timeoutOrElse({ duration: "2 minutes", orElse: () => Effect.succeed("nothing") })
  )
  const lines = yield* program.screen
  const name = `effect-codex ${args.join(" ")} (${columns} columns)`
  if (values.show === true) process.stdout.write(`--- ${name}\n${lines.join("\n")}\n`)
  // Without colours and without the line at the bottom.
  const written = program
    .written()
    .replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "")
    .replaceAll(/[^\n]*\r(?!\n)/g, "")
  const isWorded = isOwn(screen) || args[0] === "doctor" ? (line: string) => !isFixed(line) : isSentence
  const wide = written.split(/\r?\n/).filter((line) => isWorded(line) && stringWidth(line) > columns)
  return [
    ...(found === code ? [] : [`${name}: exited with ${found}, expected ${code}\n${lines.join("\n")}`]),
    ...wide.map((line) => `${name}: is too wide: ${line}`),
    ...(/undefined|\[object |NaN/.test(lines.join("\n")) ? [`${name}: shows a value that is none`] : [])
  ]
}, Effect.scoped)

const chosen = values.quick === true ? screens.filter(isOwn) : screens

const program = Effect.gen(function* () {
  const findings: Array<string> = []
  for (const columns of widths) {
    const found = yield* Effect.forEach(chosen, (screen) => show(screen, columns)).pipe(
      Effect.provide(
        CodexTest.layerHome(() => MockModel.reply(MockModel.text("Done, with **bold** words.")), {
          model: "gpt-5.5",
          verifyOnClose: false
        })
      )
    )
    findings.push(...found.flat())
  }
  for (const finding of findings) process.stdout.write(`${finding}\n`)
  process.stdout.write(`${chosen.length} commands at ${widths.join(", ")} columns, ${findings.length} findings\n`)
  process.exitCode = findings.length === 0 ? 0 : 1
})

await Effect.runPromise(program)
