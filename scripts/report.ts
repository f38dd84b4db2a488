/**
 * Records a real run and makes the report of it that the documents show: `npm run docs:report`, which writes `docs/report.html`.
 *
 * The binary is real, its commands run, and the rules decide; the model is a stand-in that follows a script. Folders of this
 * machine are given the names of others.
 */
import * as Codex from "@effect-codex/core/Codex"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

const root = path.dirname(import.meta.dirname)
const cli = path.join(root, "packages", "cli", "src", "main.ts")

const { applyPatch, commentary, execCommand, delay, finalAnswer, reasoning, reply, usage } = MockModel

const files = {
  "greet.sh": 'echo "Helo, $1"\n',
  "test.sh": 'out="$(sh greet.sh Ada)"\n[ "$out" = "Hello, Ada" ] || { echo "FAIL: $out"; exit 1; }\necho "ok: $out"\n'
}

const script = [
  reply(
    reasoning(delay("0.4 seconds"), "**Looking** ", delay("0.3 seconds"), "at the failing test first."),
    commentary("I run the test to see what fails."),
    execCommand({ cmd: "sh test.sh" }),
    usage({ input: 3100, output: 180 })
  ),
  reply(
    commentary(delay("0.5 seconds"), "The greeting ", delay("0.2 seconds"), "has a typo."),
    applyPatch('*** Begin Patch\n*** Update File: greet.sh\n@@\n-echo "Helo, $1"\n+echo "Hello, $1"\n*** End Patch\n'),
    usage({ input: 3600, output: 240 })
  ),
  reply(execCommand({ cmd: "sh test.sh" }), usage({ input: 4100, output: 90 })),
  reply(
    finalAnswer("The test passes.\n\nThe greeting said `Helo`; it was a typo in `greet.sh`."),
    usage({ input: 4400, output: 60 })
  ),
  reply(
    commentary(delay("0.6 seconds"), "I mark the release and push it."),
    execCommand({ cmd: "touch released.txt", escalate: "May I mark the release?" }),
    usage({ input: 4800, output: 70 })
  ),
  reply(
    execCommand({ cmd: "git push origin main", escalate: "May I push the release?" }),
    usage({ input: 5200, output: 60 })
  ),
  reply(
    finalAnswer("The release is marked, but I may not push it. A person has to."),
    usage({ input: 5400, output: 40 })
  )
]

const rubric = {
  mode: "strict",
  commandRules: [
    { name: "may mark", when: { program: "touch", anywhere: true }, decision: "accept" },
    {
      name: "no push",
      when: { program: "git", argsPrefix: ["push"] },
      decision: "decline",
      reason: "pushing is for people"
    }
  ],
  fileChangeRules: [{ name: "may edit", decision: "accept" }]
} as const

// Of a folder of this run the name of another one, so that the page is the same wherever it was made.
const renamed = (text: string, folders: ReadonlyArray<readonly [folder: string, name: string]>): string =>
  folders.reduce((text, [folder, name]) => text.replaceAll(JSON.stringify(folder).slice(1, -1), name), text)

const run = Effect.gen(function* () {
  const { cwd, home } = yield* CodexTest.Home
  const codex = yield* Codex.Codex
  const thread = yield* codex.thread.start({ sandbox: "workspace-write", approvalPolicy: "on-request" })
  yield* thread.run("The test fails. Please repair it.")
  yield* thread.run("Now mark the release, and push it.")
  return [
    [cwd, "/srv/greeter"],
    [home, "/home/ada/.codex"],
    [path.dirname(home), "/home/ada"],
    // A diff names a file of the working directory from above it.
    [path.join(path.basename(path.dirname(cwd)), path.basename(cwd)), "srv/greeter"]
  ] as const
})

const make = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => realpathSync(mkdtempSync(path.join(tmpdir(), "effect-codex-report-")))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const file = path.join(folder, "run.jsonl")
  const folders = yield* Effect.provide(
    run,
    Layer.merge(
      CodexTest.layer(script, { files, codex: { record: file } }),
      RuleBasedPolicy.layer(rubric).pipe(Layer.provide(NodeServices.layer))
    )
  )
  const [head = "", ...lines] = readFileSync(file, "utf8").split("\n")
  const header = { ...JSON.parse(head), binary: "codex" }
  writeFileSync(file, renamed([JSON.stringify(header), ...lines].join("\n"), folders))
  const page = execFileSync(process.execPath, [cli, "transcript", "report", file], { encoding: "utf8" })
  const report = path.join(root, "docs", "report.html")
  writeFileSync(report, page)
  process.stdout.write(`${path.relative(root, report)}: ${page.length} characters\n`)
}).pipe(Effect.scoped)

await Effect.runPromise(make)
