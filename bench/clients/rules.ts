/**
 * Decisions of `RuleBasedPolicy`, from the request to the verdict: the command is parsed, and every rule is tried before the
 * one that matches.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import type { CommandRule } from "@effect-codex/policy/Rule"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { median, readWorkload, tell } from "./workload.ts"

const workload = readWorkload()

// The rules miss the command by each condition that people write: the program, its arguments, a pattern, the folder.
const missing = (index: number): CommandRule => {
  const name = `rule ${index}`
  const when: ReadonlyArray<NonNullable<CommandRule["when"]>> = [
    { program: `tool-${index}`, anywhere: true },
    { program: "ls", argsPrefix: [`folder-${index}`], anywhere: true },
    { commandRegex: `npm run task-${index}( --.*)?`, anywhere: true },
    { program: "ls", args: ["src"], cwdWithin: `/srv/project-${index}` }
  ]
  return { name, when: when[index % when.length] ?? {}, decision: index % 8 === 0 ? "decline" : "accept" }
}

const about = { threadId: "thread", turnId: "turn" }

const request = (index: number): PolicyEngine.Request<"command"> => ({
  ...about,
  kind: "command",
  params: {
    ...about,
    itemId: `call_${index}`,
    startedAtMs: 0,
    kind: "command",
    command: `/bin/bash -lc 'ls -l src feature-${index}'`,
    cwd: "/srv/app"
  },
  item: undefined,
  availableDecisions: undefined
})

const decisions = Effect.fnUntraced(function* (rules: number, times: number) {
  const last: CommandRule = {
    name: "last",
    when: { program: "ls", argsPrefix: ["-l", "src"], anywhere: true },
    decision: "accept"
  }
  const engine = yield* RuleBasedPolicy.make({
    mode: "strict",
    commandRules: [...Array.from({ length: rules - 1 }, (_, index) => missing(index)), last]
  })
  const took: Array<number> = []
  let wrong = 0
  for (let index = 0; index < times; index++) {
    const asked = request(index)
    const start = performance.now()
    const verdict = yield* engine.command(asked)
    took.push(performance.now() - start)
    if (verdict?.decision !== "accept" || verdict.by !== "last") wrong++
  }
  return { decision: median(took.slice(Math.ceil(times / 5))), first: took[0] ?? Number.NaN, wrong }
})

if (workload.kind !== "rules") throw new Error("this client has rules alone")
decisions(workload.rules, workload.times).pipe(
  Effect.flatMap((sample) => Effect.sync(() => tell(sample))),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
