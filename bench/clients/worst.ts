/**
 * Decisions of `RuleBasedPolicy` on commands that were made to take long: all of them in one process, and then those that
 * took the most, each in a process of its own.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { PolicyRubric } from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Logger from "effect/Logger"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { begin, heap, readWorkload, type Sample, tell, type Workload } from "./workload.ts"

type Worst = Extract<Workload, { readonly kind: "worst" }>

const commands: ReadonlyArray<string> = JSON.parse(
  readFileSync(new URL("worst-commands.json", import.meta.url), "utf8")
)

const rubrics = (root: string): Readonly<Record<Worst["rubric"], PolicyRubric>> => ({
  declining: {
    mode: "permissive",
    commandRules: [
      { name: "program", when: { program: ["mkfs", "shred"], flags: ["-f|--force"] }, decision: "decline" },
      { name: "pattern", when: { commandRegex: "(?i)kubectl (delete|drain) .*(prod|live)" }, decision: "decline" },
      { name: "anchored", when: { commandRegex: "^terraform( -[a-z=]+)* destroy" }, decision: "decline" },
      { name: "variable", when: { assigns: ["LD_PRELOAD"] }, decision: "decline" },
      { name: "redirection", when: { redirectsWithin: ["/etc", `${root}/secrets`] }, decision: "decline" },
      { name: "path of a program", when: { program: "tee", pathsWithin: ["/etc", "/root"] }, decision: "decline" },
      { name: "path", when: { pathsWithin: `${root}/secrets` }, decision: "decline" }
    ]
  },
  balanced: {
    mode: "balanced",
    allowedRoots: [root],
    extends: ["reading", "git-read", "git-commit", "node", "python", "rust", "go", "make"]
  }
})

const about = { threadId: "thread", turnId: "turn" }

const requestOf = (command: string, cwd: string): PolicyEngine.Request<"command"> => ({
  ...about,
  kind: "command",
  params: { ...about, itemId: "call", startedAtMs: 0, kind: "command", command, cwd },
  item: undefined,
  availableDecisions: undefined
})

const program = Effect.fnUntraced(function* (work: Worst) {
  const fs = yield* FileSystem.FileSystem
  const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-worst-" }))
  yield* fs.makeDirectory(`${root}/secrets`)
  yield* fs.symlink(".", `${root}/l`)
  const engine = yield* RuleBasedPolicy.make(rubrics(root)[work.rubric])
  const cpuOf = Effect.fnUntraced(function* (command: string, times: number) {
    let least = Number.POSITIVE_INFINITY
    for (let time = 0; time < times; time++) {
      const end = begin()
      yield* engine.command(requestOf(command, root))
      least = Math.min(least, end().cpu)
    }
    return least
  })
  yield* cpuOf("git status && cat README.md | head -n 3 > out.txt", 3)
  if (work.command !== undefined) {
    const command = commands[work.command] ?? ""
    // Memory comes first, because later decisions reuse the memory of this one. Then other commands have the code compiled.
    heap()
    const end = begin()
    yield* engine.command(requestOf(command, root))
    const { rss } = end()
    for (let at = 0; at < commands.length; at += 8) yield* engine.command(requestOf(commands[at] ?? "", root))
    return { cpu: yield* cpuOf(command, 3), memory: rss }
  }
  const found: Array<readonly [at: number, cpu: number]> = []
  for (const [at, command] of commands.entries()) found.push([at, yield* cpuOf(command, 1)])
  const dearest = found.toSorted((one, other) => other[1] - one[1]).slice(0, 5)
  const samples = dearest.map(([command]): Sample => {
    const [file = "", script = ""] = process.argv
    const options = [...process.execArgv, script, JSON.stringify({ ...work, command })]
    return JSON.parse(spawnSync(file, options, { encoding: "utf8" }).stdout)
  })
  const most = (name: string) => Math.max(...samples.map((sample) => sample[name] ?? Number.NaN))
  return { cpu: most("cpu"), memory: most("memory") }
})

const workload = readWorkload()
if (workload.kind !== "worst") throw new Error("this client has commands that take long alone")
program(workload).pipe(
  Effect.flatMap((sample) => Effect.sync(() => tell(sample))),
  Effect.scoped,
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain
)
