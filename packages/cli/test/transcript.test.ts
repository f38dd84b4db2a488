// oxlint-disable no-control-regex
// The built command with recordings. No codex is needed for that.
import * as Rubric from "@effect-codex/policy/Rubric"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { runFile } from "../../../scripts/run-command.ts"
import { build, mainOf } from "./built.ts"
import { script, style } from "../src/internal/transcriptPage/look.ts"
import { everything, header, makeLines, write } from "./transcripts.ts"

const main = mainOf("transcript")
const files = mkdtempSync(path.join(tmpdir(), "effect-codex-transcript-"))
const fileOf = (name: string) => path.join(files, name)

beforeAll(() => {
  const remove = build("transcript")
  return () => {
    remove()
    rmSync(files, { recursive: true })
  }
})

const transcript = (...args: ReadonlyArray<string>) => runFile(main, ["transcript", ...args])

// What would run, close what is open, load something, or hide what follows.
const hostile = [
  "</pre></details></script></style><script>document.title='broken'</script>",
  "<img src=x onerror=\"document.title='broken'\">",
  "<svg/onload=document.title='broken'>",
  "'\" onmouseover=document.title='broken' x='",
  "<iframe src=https://example.org></iframe><base href=//example.org><meta http-equiv=refresh content=0>",
  "javascript:document.title='broken'",
  "<!-- ]]> --!> &lt;b&gt; \u202egnp.exe \u2066 \u0000 \u001b[31m \ufeff",
  "half \ud83d"
].join(" ")

const tagsOf = (html: string): ReadonlyArray<string> => [
  ...new Set(Array.from(html.matchAll(/<([a-z][a-z0-9]*)/gi), ([, name = ""]) => name.toLowerCase()))
]

describe("transcript report", () => {
  it.effect("tells what happened: turns, commands, changes, approvals with the rule, tokens and errors", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* transcript("report", write(fileOf("run.jsonl"), everything("plainly")))
      expect(code).toBe(0)
      for (const said of [
        "<title>run.jsonl</title>",
        "Turn 3 <small><span>failed</span>",
        "Make the tests pass. plainly",
        "npm test plainly",
        "failed, exit code 1",
        "accept by tests: plainly",
        "decline by no push plainly: pushing is for people",
        '<span class="del">-return count + 1 plainly</span>',
        '<li class="todo">Run the tests</li>',
        "9,800 tokens",
        "The model is overloaded plainly",
        'aria-label="Time line"',
        'aria-label="Tokens"',
        "The program closed the connection."
      ]) {
        expect(stdout).toContain(said)
      }
    })
  )

  it.effect("runs and loads nothing, whatever is in any field", () =>
    Effect.gen(function* () {
      const file = fileOf("hostile.jsonl")
      write(file, everything(hostile))
      const { stdout } = yield* transcript("report", file)
      expect(stdout.split("<script").length).toBe(2)
      expect(stdout.split("<style").length).toBe(2)
      const known = new Set(
        "html head meta title style body header h1 h2 div input output button main section small span p b time details summary pre dl dt dd em figure figcaption svg line text rect polyline ul li script".split(
          " "
        )
      )
      expect(tagsOf(stdout).filter((name) => !known.has(name))).toEqual([])
      const tags = Array.from(stdout.matchAll(/<[a-z][^>]*>/gi), ([tag]) => tag)
      expect(tags.filter((tag) => /\son\w+=|\s(src|href|style)=/i.test(tag))).toEqual([])
      expect(stdout).not.toMatch(/[\u0000\u001b\u202e\u2066\ufeff]/)
      expect(stdout).toMatch(/content="default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'/)
      expect(stdout.isWellFormed()).toBe(true)
    })
  )

  // On Linux it has to be there: Debian's package is `chromium`.
  const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

  it.skipIf(chromium === undefined && process.platform !== "linux")(
    "runs nothing of it in Chromium, and its own script works",
    { timeout: 120_000 },
    () => {
      const page = fileOf("hostile.html")
      writeFileSync(
        page,
        execFileSync(process.execPath, [main, "transcript", "report", write(fileOf("h.jsonl"), everything(hostile))])
      )
      // The style applies and the script runs: the policy of the page allows its own.
      const dom = execFileSync(
        chromium ?? "chromium",
        [
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          `--user-data-dir=${fileOf("chromium")}`,
          "--dump-dom",
          pathToFileURL(page).href
        ],
        { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }
      )
      expect(dom).toContain("<title>h.jsonl</title>")
      expect(dom).toContain('data-ready="true"')
      expect(dom).not.toContain("<iframe")
    }
  )

  it.skipIf(chromium === undefined && process.platform !== "linux")(
    "prints in Chromium with every fold open, in pieces that fit on paper, light or dark",
    { timeout: 120_000 },
    () => {
      const { end, lines, turn } = makeLines("")
      const output = Array.from({ length: 120 }, (_, line) => `line ${line}`).join("\n")
      turn("completed", (turn) => {
        for (let commands = 0; commands < 10; commands++) turn.run("cat log", output)
      })
      end()
      const html = execFileSync(process.execPath, [main, "transcript", "report", write(fileOf("p.jsonl"), lines)], {
        encoding: "utf8"
      })
      // How many pages it has on paper, and the colours of their backgrounds.
      const printed = (name: string, text: string) => {
        writeFileSync(fileOf(`${name}.html`), text)
        execFileSync(
          chromium ?? "chromium",
          [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            `--user-data-dir=${fileOf("chromium-print")}`,
            `--print-to-pdf=${fileOf(`${name}.pdf`)}`,
            pathToFileURL(fileOf(`${name}.html`)).href
          ],
          { stdio: "ignore" }
        )
        return (readFileSync(fileOf(`${name}.pdf`), "latin1").match(/\/Type \/Page\b(?!s)/g) ?? []).length
      }
      const pages = printed("light", html)
      // 1200 lines of output: none of them is folded or behind a scroll bar.
      expect(pages).toBeGreaterThanOrEqual(14)
      expect(printed("dark", html.replace('<html lang="en">', '<html lang="en" data-theme="dark">'))).toBe(pages)
      // The folds are open without the page's script too.
      expect(printed("still", html.replace(/<script>[^]*<\/script>/, ""))).toBe(pages)
    }
  )

  it.effect("of the documents is a page as this version makes it", () =>
    Effect.sync(() => {
      const report = readFileSync(path.join(import.meta.dirname, "../../../docs/report.html"), "utf8")
      // `npm run docs:report` makes it anew.
      expect(report).toContain(`<style>${style}</style>`)
      expect(report).toContain(`<script>${script}</script>`)
      expect(report).not.toMatch(/\/tmp\/|effect-codex-/)
      for (const said of [
        "sh test.sh",
        "exit code 1",
        "decline by no push: pushing is for people",
        "The test passes."
      ]) {
        expect(report).toContain(said)
      }
    })
  )

  it.effect("shows two runs side by side", () =>
    Effect.gen(function* () {
      const [one, two] = [
        write(fileOf("one.jsonl"), everything("first")),
        write(fileOf("two.jsonl"), everything("second"))
      ]
      const { stdout } = yield* transcript("report", one, two)
      expect(stdout.split("<article>").length).toBe(3)
      expect(stdout).toContain("<title>one.jsonl and two.jsonl</title>")
    })
  )

  it.effect("keeps the page of a large recording below 5 MB in little memory, and counts what it leaves out", () =>
    Effect.gen(function* () {
      const file = fileOf("large.jsonl")
      writeFileSync(file, `${JSON.stringify(header)}\n`)
      const { end, lines, turn } = makeLines("")
      for (let turns = 0; turns < 40; turns++) {
        turn("completed", (turn) => {
          turn.prompt("Look at the log")
          for (let commands = 0; commands < 20; commands++) turn.run("cat log", "a line of the log <&>\n".repeat(3000))
        })
        if (turns === 39) end()
        appendFileSync(
          file,
          lines
            .splice(0)
            .map((line) => `${JSON.stringify(line)}\n`)
            .join("")
        )
      }
      const { code, stdout } = yield* runFile(main, ["transcript", "report", file], {
        env: { NODE_OPTIONS: "--max-old-space-size=256" }
      })
      expect(code).toBe(0)
      expect(Buffer.byteLength(stdout)).toBeLessThan(5_000_000)
      expect(stdout).toMatch(/This page leaves out [\d,]+ characters of long texts/)
      rmSync(file)
    })
  )

  it.effect("reads a recording whose program was killed, and refuses what is none", () =>
    Effect.gen(function* () {
      const file = write(fileOf("killed.jsonl"), everything("so far").slice(0, -3))
      appendFileSync(file, '{"n":99,"ms":')
      const { code, stdout } = yield* transcript("report", file)
      expect(code).toBe(0)
      expect(stdout).toContain("The recording has no end")
      writeFileSync(file, "something else\n")
      const refused = yield* transcript("report", file)
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain("it is not a transcript")
      expect((yield* transcript("show", fileOf("missing.jsonl"))).code).toBe(2)
    })
  )
})

describe("transcript show", () => {
  it.effect("prints a recording as run would have, and nothing that a terminal obeys", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* transcript("show", write(fileOf("show.jsonl"), everything(hostile)))
      expect(code).toBe(0)
      expect(stdout).toContain("[tool.exec] npm test")
      expect(stdout).toContain("decline (no push")
      expect(stdout).not.toMatch(/[\u0000\u001b\u202e]/)
    })
  )
})

const rolloutFixture = path.join(import.meta.dirname, "../../durable/test/fixtures/rollout-0.171.0.jsonl")

describe("a rollout of codex", () => {
  it.effect("is recognized by its content, shown and reported, and what it lacks is said", () =>
    Effect.gen(function* () {
      const file = fileOf("any-name")
      writeFileSync(file, readFileSync(rolloutFixture, "utf8") + '{"timestamp":"2026')
      const { code, stdout } = yield* transcript("report", file)
      expect(code).toBe(0)
      for (const said of [
        "Turn 8 <small>",
        "echo hello",
        "add /srv/agent/work/a.txt",
        "Made of a rollout of codex",
        "It does not have: the messages of the program; ",
        "approvals, with who decided and how long that took",
        "Lines that are not shown: 1 that can&#39;t be read."
      ]) {
        expect(stdout).toContain(said)
      }
      expect(stdout).not.toContain("messages on the wire")
      expect(stdout).not.toContain("The recording has no end")
      const shown = yield* transcript("show", file)
      expect(shown.code).toBe(0)
      expect(shown.stdout).toContain("[tool.exec] /bin/bash -lc 'echo hello'")
      expect(shown.stdout).toContain("This is a rollout of codex. It does not have:")
      expect(shown.stdout).toContain("Lines that are not shown: 1 that can't be read.")
    })
  )

  it.effect("runs nothing on the page and in the terminal, whatever is in its fields", () =>
    Effect.gen(function* () {
      const event = (payload: object) => ({ timestamp: hostile, type: "event_msg", payload })
      const item = (item: object) => event({ type: "item_completed", turn_id: hostile, item: { id: hostile, ...item } })
      const file = fileOf("hostile-rollout.jsonl")
      writeFileSync(
        file,
        [
          {
            timestamp: hostile,
            type: "session_meta",
            payload: { id: hostile, cwd: hostile, cli_version: hostile, timestamp: hostile }
          },
          event({ type: "task_started", turn_id: hostile }),
          item({
            type: "UserMessage",
            content: [
              { type: hostile, text: hostile },
              { type: "text", text: hostile }
            ]
          }),
          item({ type: "CommandExecution", command: [hostile], cwd: hostile, status: hostile, exit_code: hostile }),
          item({ type: "FileChange", changes: { [hostile]: { type: hostile, unified_diff: hostile } } }),
          item({ type: "McpToolCall", server: hostile, tool: hostile, arguments: hostile, status: hostile }),
          item({ type: "AgentMessage", content: [{ text: hostile }], phase: hostile }),
          event({ type: hostile }),
          event({ type: "token_count", info: { total_token_usage: { total_tokens: hostile } } }),
          event({ type: "error", message: hostile }),
          event({ type: "task_complete", turn_id: hostile, error: { message: hostile } })
        ]
          .map((line) => `${JSON.stringify(line)}\n`)
          .join("")
      )
      const { code, stdout } = yield* transcript("report", file)
      expect(code).toBe(0)
      expect(stdout.split("<script").length).toBe(2)
      const tags = Array.from(stdout.matchAll(/<[a-z][^>]*>/gi), ([tag]) => tag)
      expect(tags.filter((tag) => /\son\w+=|\s(src|href|style)=/i.test(tag))).toEqual([])
      expect(tags.filter((tag) => /^<(img|iframe|base|b>onmouse|svg\/)/i.test(tag))).toEqual([])
      expect(stdout).not.toMatch(/[\u0000\u001b\u202e\u2066\ufeff]/)
      const shown = yield* transcript("show", file)
      expect(shown.code).toBe(0)
      expect(shown.stdout).not.toMatch(/[\u0000\u001b\u202e]/)
    })
  )

  it.effect("is refused where a recording is needed, and so is what is no file", () =>
    Effect.gen(function* () {
      for (const command of [
        ["trim", rolloutFixture, "--turn", "1", "--output", fileOf("none.jsonl")],
        ["redact", rolloutFixture, "--output", fileOf("none.jsonl")]
      ]) {
        const { code, stderr } = yield* transcript(...command)
        expect(code).toBe(2)
        expect(stderr).toContain("it is a rollout of codex")
      }
      writeFileSync(fileOf("empty.jsonl"), "")
      for (const file of [files, fileOf("empty.jsonl"), "/dev/null"]) {
        expect((yield* transcript("report", file)).code).toBe(2)
        expect((yield* transcript("show", file)).code).toBe(2)
      }
    })
  )

  it.effect("of any length is read in little memory", () =>
    Effect.gen(function* () {
      const [meta = "", ...rest] = readFileSync(rolloutFixture, "utf8").trimEnd().split("\n")
      const file = fileOf("long-rollout.jsonl")
      const noise = JSON.stringify({
        type: "response_item",
        payload: { type: "message", text: "some words ".repeat(2000) }
      })
      const output = (id: number) =>
        JSON.stringify({
          type: "event_msg",
          payload: {
            type: "item_completed",
            item: {
              type: "CommandExecution",
              id: `c-${id}`,
              command: ["cat"],
              aggregated_output: "a line <&>\n".repeat(2000)
            }
          }
        })
      writeFileSync(file, `${meta}\n`)
      for (let part = 0; part < 50; part++) {
        const lines = Array.from({ length: 20 }, (_, index) => `${noise}\n${output(part * 20 + index)}\n`)
        appendFileSync(file, `${rest.join("\n")}\n${lines.join("")}`)
      }
      const { code, stdout } = yield* runFile(main, ["transcript", "report", file], {
        env: { NODE_OPTIONS: "--max-old-space-size=128" }
      })
      rmSync(file)
      expect(code).toBe(0)
      expect(Buffer.byteLength(stdout)).toBeLessThan(5_000_000)
      expect(stdout).toMatch(/This page leaves out/)
    })
  )
})

describe("transcript --compare", () => {
  const before = () => write(fileOf("before.jsonl"), everything("x"))
  const after = () => {
    const { end, lines, turn } = makeLines("x")
    turn("completed", (turn) => {
      turn.prompt("Make the tests pass. x")
      turn.think("**Looking** at the failing test first. x")
      turn.tokens(4200)
      turn.run("npm test x", "all good", 0)
      turn.change("/srv/app/src/x", "other")
      turn.tokens(3000)
      turn.ask("npm test", "decline", "no tests")
      turn.run("make x", "made")
      turn.say("I could not run the tests.")
    })
    turn("completed", (turn) => {
      turn.prompt("And the weather?")
      turn.call("x", "x")
      turn.other()
      turn.fail("x")
      turn.say("Sunny.")
    })
    end()
    return write(fileOf("after.jsonl"), lines)
  }

  it.effect("counts and marks what differs in a terminal: exit codes, verdicts, tokens and the answer", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* transcript("show", "--compare", before(), after())
      expect(code).toBe(0)
      for (const line of [
        "A: before.jsonl",
        "B: after.jsonl",
        "turns: 1 same, 1 differ, 1 only in A",
        "approvals: 1 differ, 1 only in A",
        "Turn 1: differs",
        "  A completed, 9,800 tokens, ",
        "  B completed, 7,200 tokens, ",
        "  ~ [command] npm test x: failed, exit code 1 | completed, exit code 0",
        "  ~ [approval: command] npm test: accept by tests | decline by no tests",
        "  - [approval: command] git push x",
        "  + [command] make x: completed, exit code 0",
        "  - [answer] All tests pass now.",
        "  + [answer] I could not run the tests.",
        "Turn 2: same",
        "Turn 3: only in A"
      ]) {
        expect(stdout).toContain(line)
      }
      expect(stdout).not.toContain("[prompt] Make")
      const full = yield* transcript("show", "--full", "--compare", before(), after())
      expect(full.stdout).toContain("    [prompt] Make the tests pass. x")
    })
  )

  it.effect("finds no difference in ids, times and temporary paths, nor in a run and itself", () =>
    Effect.gen(function* () {
      const lines = (id: string, took: number) => {
        const { end, lines, turn } = makeLines("x")
        turn("completed", (turn) => {
          turn.run(`cat /tmp/run-${id}/file`, "", 0)
          turn.say(`Thread 0199b6f2-5f2a-7b11-8f3e-6f0a2f1c9d${took} ended at 2026-11-27T09:00:${took}Z`)
        })
        end()
        return lines
      }
      const pair = [write(fileOf("one.jsonl"), lines("a", 10)), write(fileOf("two.jsonl"), lines("b", 20))]
      const { stdout } = yield* transcript("show", "--compare", ...pair)
      expect(stdout).toContain("turns: 1 same\n")
      expect(stdout).not.toMatch(/differ|only in/)
      const self = yield* transcript("show", "--compare", before(), before())
      expect(self.stdout).toContain("turns: 3 same\n")
    })
  )

  it.effect("is the beginning of a page with both runs, in which nothing can run", () =>
    Effect.gen(function* () {
      const hostileFile = write(fileOf("h.jsonl"), everything(hostile))
      const { code, stdout } = yield* transcript("report", "--compare", before(), hostileFile)
      expect(code).toBe(0)
      expect(stdout).toContain(
        '<tr class="onlyA"><th scope="row">command</th><td class="a"><span class="head">npm test x</span>'
      )
      expect(stdout).toContain("<dt>turns</dt><dd>3 differ</dd>")
      expect(stdout.split("<article>").length).toBe(3)
      expect(stdout.split("<script").length).toBe(2)
      const tags = Array.from(stdout.matchAll(/<[a-z][^>]*>/gi), ([tag]) => tag)
      expect(tags.filter((tag) => /\son\w+=|\s(src|href|style)=/i.test(tag))).toEqual([])
      expect(stdout).not.toMatch(/[\u0000\u001b\u202e\u2066\ufeff]/)
    })
  )

  it.effect("compares a recording with a rollout, and takes two files, no more and no less", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* transcript("show", "--compare", before(), rolloutFixture)
      expect(code).toBe(0)
      expect(stdout).toMatch(/turns: .*5 only in B/)
      for (const command of ["show", "report"]) {
        const { code, stderr } = yield* transcript(command, "--compare", before())
        expect(code).toBe(2)
        expect(stderr).toContain("--compare takes two files, and there are 1")
      }
      expect((yield* transcript("show", before(), before())).code).toBe(2)
    })
  )

  it.effect("two large runs share a page of 5 MB", () =>
    Effect.gen(function* () {
      const { end, lines, turn } = makeLines("")
      for (let turns = 0; turns < 30; turns++) {
        turn("completed", (turn) => {
          for (let commands = 0; commands < 10; commands++) turn.run("cat log", "a line of the log <&>\n".repeat(1200))
        })
      }
      end()
      const file = write(fileOf("two-large.jsonl"), lines)
      const { stdout } = yield* transcript("report", "--compare", file, file)
      rmSync(file)
      expect(Buffer.byteLength(stdout)).toBeLessThan(5_000_000)
      expect(stdout).toContain("<dt>turns</dt><dd>30 same</dd>")
    })
  )
})

describe("transcript trim", () => {
  it.effect("keeps the turns that it is given", () =>
    Effect.gen(function* () {
      const [file, output] = [write(fileOf("whole.jsonl"), everything("x")), fileOf("cut.jsonl")]
      expect((yield* transcript("trim", file, "--turn", "2", "--output", output)).code).toBe(0)
      const { stdout } = yield* transcript("show", output)
      expect(stdout).toContain("Assistant: Sunny.")
      expect(stdout).not.toContain("npm test")
      const refused = yield* transcript("trim", file, "--turn", "4", "--output", output)
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain("There is no turn 4")
    })
  )
})

describe("transcript redact", () => {
  it.effect("redacts what an older version has written, in a file for its owner alone", () =>
    Effect.gen(function* () {
      const secret = `ghp_${"aB3dE5".repeat(6)}`
      const [file, output] = [write(fileOf("old.jsonl"), everything(secret)), fileOf("new.jsonl")]
      expect((yield* transcript("redact", file, "--output", output)).code).toBe(0)
      expect(readFileSync(output, "utf8")).not.toContain(secret)
      expect(readFileSync(output, "utf8").split("\n").length).toBe(readFileSync(file, "utf8").split("\n").length)
    })
  )
})

describe("policy replay", () => {
  const secret = `ghp_${"aB3dE5".repeat(6)}`
  const recording = (name: string, ...asked: ReadonlyArray<readonly [command: string, decision: string]>) => {
    const { end, lines, turn } = makeLines("x")
    turn("completed", (turn) => {
      for (const [command, decision] of asked) turn.ask(command, decision, "then")
    })
    end()
    return write(fileOf(name), lines)
  }
  const rubric = (name: string, rules: string) => {
    writeFileSync(fileOf(name), `mode: strict\ncommandRules:\n${rules}`)
    return fileOf(name)
  }
  const replay = (...args: ReadonlyArray<string>) => runFile(main, ["policy", "replay", ...args])
  const rules = `  - { name: tests, when: { program: npm, args: [test], anywhere: true }, decision: accept }
  - { name: no push, when: { program: git, argsPrefix: [push] }, decision: decline }
  - { name: unused, when: { program: make, anywhere: true }, decision: accept }
`

  it.effect("lists what a rubric decides otherwise, by which rules, and the rules that decide nothing", () =>
    Effect.gen(function* () {
      const file = recording("asked.jsonl", ["npm test", "accept"], ["git push", "accept"], ["npm install", "decline"])
      const { code, stdout } = yield* replay("--policy", rubric("flips.yaml", rules), file)
      expect(code).toBe(1)
      expect(stdout).toMatch(/flipped +\S+asked\.jsonl#\d+ +command +accepted by then +refused by no push +git push/)
      expect(stdout).toContain("same=2 flipped=1 undecidable=0 judge=0 unanswered=0")
      expect(stdout).toContain("never hit: unused")
      expect(stdout).not.toContain("npm install")
    })
  )

  it.effect("exits with 0 if nothing flips, and prints all of it as JSON", () =>
    Effect.gen(function* () {
      const file = recording("same.jsonl", ["npm test", "accept"], ["git push --force", "decline"])
      const { code, stdout } = yield* replay("--policy", rubric("same.yaml", rules), "--all", "--json", file, file)
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({
        ok: true,
        counts: { same: 4, flipped: 0 },
        neverHit: ["unused"],
        requests: [
          { result: "same", then: { verdict: "accepted" }, now: { verdict: "accepted", by: "tests" } },
          {},
          {},
          {}
        ]
      })
    })
  )

  it.effect("tells an amendment that allows a host from one that denies it", () =>
    Effect.gen(function* () {
      const { end, lines, turn } = makeLines("x")
      turn("completed", (turn) => {
        turn.ask("npm ci", "applyNetworkPolicyAmendment", "then")
        turn.ask("npm ci", "applyNetworkPolicyAmendment", "then")
      })
      end()
      const actions = ["allow", "deny"]
      const answered = lines.map((line) => {
        if (!("out" in line) || !JSON.stringify(line.out).includes("Amendment")) return line
        const network_policy_amendment = { host: "example.org", action: actions.shift() }
        const decision = { applyNetworkPolicyAmendment: { network_policy_amendment } }
        return { ...line, out: { ...(line.out as object), result: { decision } } }
      })
      const file = write(fileOf("amendments.jsonl"), answered)
      const { stdout } = yield* replay("--policy", rubric("amendments.yaml", rules), "--all", "--json", file)
      const { requests } = JSON.parse(stdout)
      expect(requests.map(({ then }: { then: { verdict: string } }) => then.verdict)).toEqual(["accepted", "refused"])
    })
  )

  it.effect("says undecidable where redaction hid what decides, and decides where it did not", () =>
    Effect.gen(function* () {
      const file = recording("hidden.jsonl", [`echo ${secret}`, "decline"], [`git push ${secret}`, "decline"])
      const redacted = fileOf("hidden-redacted.jsonl")
      yield* transcript("redact", file, "--output", redacted)
      const words = `  - { name: words, when: { program: echo, commandRegex: "^echo [a-z]+$", anywhere: true }, decision: accept }\n`
      const { code, stdout } = yield* replay("--policy", rubric("hidden.yaml", rules + words), redacted)
      expect(code).toBe(0)
      expect(stdout).toMatch(/undecidable +\S+ +command +refused by then +refused by mode strict +echo \[redacted\]/)
      expect(stdout).toContain("same=1 flipped=0 undecidable=1")
    })
  )

  it.effect("leaves what no rule decides to the judge of the rubric", () =>
    Effect.gen(function* () {
      const file = recording("judge.jsonl", ["npm test", "accept"], ["npm install", "accept"])
      const { code, stdout } = yield* replay("--policy", rubric("judge.yaml", `${rules}useLlmJudge: true\n`), file)
      expect(code).toBe(0)
      expect(stdout).toContain("same=1 flipped=0 undecidable=0 judge=1")
    })
  )
})

describe("policy suggest", () => {
  const secret = `ghp_${"aB3dE5".repeat(6)}`
  type Asked = readonly [command: string, decision: string, by?: string, reason?: string]
  const recording = (name: string, ...asked: ReadonlyArray<Asked>) => {
    const { end, lines, turn } = makeLines("x")
    turn("completed", (turn) => {
      for (const [command, decision, by = "human", reason] of asked) turn.ask(command, decision, by, reason)
    })
    end()
    return write(fileOf(name), lines)
  }
  const policy = (...args: ReadonlyArray<string>) => runFile(main, ["policy", ...args])
  const suggest = (...args: ReadonlyArray<string>) => policy("suggest", ...args)

  it.effect("prints a rubric with the lines that each rule stands on, which decides as the recordings do", () =>
    Effect.gen(function* () {
      const file = recording(
        "learn.jsonl",
        ["/bin/bash -lc 'npm test'", "accept"],
        ["npm test", "acceptForSession"],
        ["mkdir -p build/a", "accept"],
        ["mkdir build/b", "accept"],
        ["git push", "decline", "human", "people push"],
        ["X=1 make", "accept"],
        ["curl example.com", "decline", "mode strict"]
      )
      const { code, stderr, stdout } = yield* suggest(file)
      expect(stderr).toBe("")
      expect(code).toBe(0)
      expect(stdout).toContain(`  # npm test: accepted 2 times (${file}#4, ${file}#8)
  # Also lets in: the same in folders below /srv/app
  - name: "npm test"
    when: { program: npm, args: [test] }
    decision: accept
`)
      expect(stdout).toContain("  # Also lets in: any other path operands within /srv/app/build\n")
      expect(stdout).toContain("  # git push: refused once")
      expect(stdout).toContain('    reason: "people push"\n')
      expect(stdout).toContain(
        "# 5 of 7 decided the same, 2 left to ask, 0 decided otherwise; 0 undecidable because of redaction\n"
      )
      expect(stdout).toMatch(/# Left: X=1 make: accepted \(\S+\), it sets variables/)
      expect(stdout).not.toContain("# Left: curl")

      writeFileSync(fileOf("learned.yaml"), stdout)
      const lint = yield* policy("lint", fileOf("learned.yaml"))
      expect([lint.code, lint.stdout]).toEqual([0, expect.stringContaining("mistakes=0")])
      const again = yield* policy("replay", "--policy", fileOf("learned.yaml"), "--json", "--all", file)
      const { neverHit, requests } = JSON.parse(again.stdout)
      expect(neverHit).toEqual([])
      expect(requests.map(({ result }: { result: string }) => result)).toEqual([
        "same",
        "same",
        "same",
        "same",
        "same",
        "flipped",
        "same"
      ])
    })
  )

  it.effect("counts what redaction hid and leaves it out, and accepts nothing that it may have been", () =>
    Effect.gen(function* () {
      const file = recording(
        "hide.jsonl",
        ["touch a", "accept"],
        ["touch b", "accept"],
        [`touch ${secret}`, "decline"],
        [`deploy ${secret}`, "accept"]
      )
      const redacted = fileOf("hide-redacted.jsonl")
      yield* transcript("redact", file, "--output", redacted)
      const { stdout } = yield* suggest("--json", redacted)
      const { counts, left, rubric } = JSON.parse(stdout)
      expect(counts).toEqual({ decided: 2, same: 2, left: 0, otherwise: 0, undecidable: 2 })
      expect(left).toEqual([])
      expect(rubric.commandRules.map(({ when }: { when: object }) => when)).toEqual([
        { program: "touch", args: ["a"] },
        { program: "touch", args: ["b"] }
      ])
    })
  )

  it.effect("learns only from those that --by names, and never from modes, defaults or accept-all", () =>
    Effect.gen(function* () {
      const file = recording(
        "by.jsonl",
        ["npm test", "accept", "ann"],
        ["npm run build", "accept", "bob"],
        ["npm run lint", "accept", "acceptAll"],
        ["ls", "accept", "mode balanced"],
        ["rm a", "decline", "mode balanced"]
      )
      const named = (args: ReadonlyArray<string>) =>
        Effect.map(suggest(file, "--json", ...args), ({ stdout }) =>
          JSON.parse(stdout).rules.map(({ name }: { name: string }) => name)
        )
      expect(yield* named([])).toEqual(["npm test", "npm run build"])
      expect(yield* named(["--by", "bob"])).toEqual(["npm run build"])
      expect(yield* named(["--by", "bob", "--by", "acceptAll"])).toEqual(["npm run build", "npm run lint"])
    })
  )

  it.effect("writes a file that is not there yet, or any with --force", () =>
    Effect.gen(function* () {
      const file = recording("write.jsonl", ["npm test", "accept"])
      const output = fileOf("written.yaml")
      const first = yield* suggest(file, "-o", output)
      expect([first.code, first.stdout]).toEqual([0, expect.stringMatching(/^1 of 1 decided the same/)])
      const before = readFileSync(output, "utf8")
      writeFileSync(output, "mine: true\n")
      const second = yield* suggest(file, "-o", output)
      expect([second.code, second.stderr]).toEqual([2, expect.stringContaining("--force replaces it")])
      expect(readFileSync(output, "utf8")).toBe("mine: true\n")
      expect((yield* suggest(file, "-o", output, "--force")).code).toBe(0)
      expect(readFileSync(output, "utf8")).toBe(before)
      expect((yield* suggest(file, "-o", fileOf("no.txt"))).code).toBe(2)
    })
  )

  it.effect("holds in YAML whatever is in a command, and nothing of it reaches the terminal or another line", () =>
    Effect.gen(function* () {
      const commands = [
        `echo ${quoted(hostile)}`,
        "echo 'a\nmode: permissive\n# b: c'",
        "echo '# x' '- y' '&a *a !!z' '{ [ , : ' '\u2028\u0085' 'yes' 'null' '1e3' '\ud83d' '😀'",
        `echo ${quoted(" x ")}`
      ]
      const file = recording("hostile.jsonl", ...commands.map((command) => [command, "accept"] as const))
      const json = JSON.parse((yield* suggest(file, "--json")).stdout)
      const { stdout } = yield* suggest(file)
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      const read = yield* Rubric.parse(stdout, "yaml")
      expect(read).toEqual(json.rubric)
      expect(read.commandRules?.length).toBeGreaterThan(2)
      expect(read.mode).toBe("strict")
    })
  )

  it.effect("says so if there is nothing to learn", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* suggest(recording("nothing.jsonl"))
      expect(code).toBe(0)
      expect(yield* Rubric.parse(stdout, "yaml")).toEqual({ mode: "strict" })
      expect(stdout).toContain("0 of 0 decided the same")
    })
  )
})

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
