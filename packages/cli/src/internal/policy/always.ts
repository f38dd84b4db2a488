/**
 * The choice `always` at a question about a command: a rule in the rubric of `--policy`.
 *
 * The rule is shown before anything is written, and a second answer is needed. It is offered only if it would decide: the rubric
 * with it accepts this command, by this rule. The run uses the rules that it began with, and those that it has written; other
 * changes of the file count from the next run.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Human from "@effect-codex/policy/Human"
import type { Answer, Question } from "@effect-codex/policy/HumanQuestion"
import * as Rubric from "@effect-codex/policy/Rubric"
import type { CommandRule } from "@effect-codex/policy/Rule"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Terminal from "effect/Terminal"
import * as Print from "../print.ts"
import { commandLine, type Loaded } from "./verdict.ts"

const always = "always"

const folderOf = (rule: CommandRule): string | undefined => {
  const folder = rule.when?.cwdWithin
  return typeof folder === "string" ? folder : undefined
}

const commandOf = ({ when }: CommandRule): string =>
  commandLine([...(typeof when?.program === "string" ? [when.program] : []), ...(when?.args ?? [])])

// Names tell rules apart in verdicts.
const withFreeName = (rule: CommandRule, rules: ReadonlyArray<CommandRule>): CommandRule => {
  const taken = new Set(rules.map(({ name }) => name))
  let name = rule.name ?? always
  for (let count = 2; taken.has(name); count++) name = `${rule.name ?? always} (${count})`
  return { ...rule, name }
}

/** The rules of a rubric that a person can add to, as an engine, and the questions to that person. */
export const make = Effect.fnUntraced(function* (file: string, { baseDirectory, rubric: loaded }: Loaded) {
  const path = yield* Path.Path
  const options = { baseDirectory, unmatched: "abstain" } as const
  let rubric = loaded
  let rules = yield* RuleBasedPolicy.make(rubric, options)
  const engine = PolicyEngine.make({
    ...rules,
    // Rules for commands are the only ones that are added.
    command: (request) => rules.command(request)
  })

  /** The rule as the file would have it, if it would decide. */
  const offered = Effect.fnUntraced(function* (found: CommandRule, current: Rubric.PolicyRubric) {
    const cwd = folderOf(found)
    if (cwd === undefined) return undefined
    const relative = path.relative(baseDirectory, cwd)
    const isBelow = relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative)
    const rule = withFreeName(
      { ...found, when: { ...found.when, cwdWithin: isBelow ? relative || "." : cwd } },
      current.commandRules ?? []
    )
    const extended = { ...current, commandRules: [...(current.commandRules ?? []), rule] }
    const explained = yield* RuleBasedPolicy.explain(extended, commandOf(rule), { ...options, cwd })
    return explained.decision === "accept" && explained.by === rule.name ? rule : undefined
  })

  const confirm = (question: Question, rule: CommandRule) =>
    Human.askAtTerminal({
      kind: question.kind,
      threadId: question.threadId,
      turnId: question.turnId,
      title: "Write this rule, and accept such commands from now on, without asking and without the sandbox?",
      details: [
        { label: "File", text: Print.exact(file) },
        { label: "Rule", text: JSON.stringify(rule, undefined, 2).split("\n").map(Print.exact).join("\n") }
      ],
      choices: [
        { key: "y", meaning: "Yes, write it, and run the command" },
        { key: "once", meaning: "Write nothing. Run the command this once" },
        { key: "n", meaning: "Write nothing. The agent gets the refusal and continues" }
      ],
      fields: []
    })

  const write = Effect.fnUntraced(function* (rule: CommandRule, cwd: string) {
    // Of the file as it is now: a rule that came in meanwhile may decide otherwise.
    const current = yield* Rubric.load(file)
    const extended = { ...current, commandRules: [...(current.commandRules ?? []), rule] }
    const { by, decision } = yield* RuleBasedPolicy.explain(extended, commandOf(rule), { ...options, cwd })
    if (decision !== "accept" || by !== rule.name) {
      return yield* new Rubric.RubricNotWritten({
        file,
        description: "it has changed meanwhile, and its rules now decide on this command"
      })
    }
    yield* Rubric.appendCommandRule(file, rule)
    rubric = { ...rubric, commandRules: [...(rubric.commandRules ?? []), rule] }
    rules = yield* RuleBasedPolicy.make(rubric, options)
  })

  const ask = Effect.fnUntraced(function* (question: Question) {
    const found = question.rule
    const cwd = found === undefined ? undefined : folderOf(found)
    // By the current rules: the answer before this one may have added a rule.
    const rule = found === undefined ? undefined : yield* offered(found, rubric)
    if (rule === undefined || cwd === undefined) return yield* Human.askAtTerminal(question)
    const others = question.choices.filter(({ key }) => key !== always)
    const [first, ...rest] = others
    const choices = [
      ...(first === undefined ? [] : [first]),
      { key: always, meaning: `Yes, and add a rule for it to ${Print.exact(file)}, which is shown first` },
      ...rest
    ]
    const answer = yield* Human.askAtTerminal({ ...question, choices })
    if (answer?.choice !== always) return answer
    const confirmed = yield* confirm(question, rule)
    if (confirmed === undefined) return undefined
    const accepted: Answer = { choice: "y" }
    if (confirmed.choice !== "y") return confirmed.choice === "once" ? accepted : confirmed
    const problem = yield* write(rule, cwd).pipe(
      Effect.as(undefined),
      Effect.catch((error) => Effect.succeed(Print.inline(error.message)))
    )
    if (problem === undefined) return accepted
    const terminal = yield* Terminal.Terminal
    yield* terminal.display(`\n${problem}\n`)
    return yield* Human.askAtTerminal({ ...question, choices: others })
  })

  return { ask, engine }
})
