/**
 * A rubric in words.
 */
import type { PolicyRubric } from "@effect-codex/policy/Rubric"
import type {
  CommandCondition,
  FileChangeCondition,
  McpToolCondition,
  PermissionsCondition,
  ToolCallCondition,
  ToolInputCondition
} from "@effect-codex/policy/Rule"

type Condition = CommandCondition &
  FileChangeCondition &
  McpToolCondition &
  PermissionsCondition &
  ToolCallCondition &
  ToolInputCondition

// A condition that is added to rules has to be given words here.
const conditions: Record<keyof Condition, string> = {
  allowedFlags: "it has no options but",
  anywhere: "it may run anywhere:",
  args: "its arguments are",
  argsPrefix: "its first arguments are",
  assigns: "it sets the variables",
  changes: "what happens to the files is",
  claimedToolRegex: "the tool is said to match",
  commandRegex: "the command matches",
  cwdWithin: "it runs in",
  flags: "it has the flags",
  grantRootPresent: "a folder is asked for, for the session:",
  hasProposedExecpolicy: "the server proposes a rule of its own:",
  namespace: "the namespace of the tool is",
  network: "the network is asked for:",
  networkHost: "it wants to reach",
  pathRegex: "the paths match",
  pathsWithin: "the paths lie in",
  program: "the program is",
  protectedFiles: "the protected files are those of",
  questionIdRegex: "the id of a question matches",
  readWithin: "what is to be read lies in",
  reasonRegex: "the model's words match",
  redirectsWithin: "it redirects within",
  request: "what is asked for is",
  server: "the MCP server is",
  threadIdRegex: "the thread's id matches",
  tool: "the tool is",
  turnIdRegex: "the turn's id matches",
  writeWithin: "what is to be written lies in"
}

// In these, all stand in a row; elsewhere, one of them is meant.
const rows: ReadonlySet<string> = new Set(["args", "argsPrefix", "flags", "allowedFlags"])

// A dot would be taken for the end of a sentence.
const wordOf = (value: unknown): string => (/^\.*$/.test(String(value)) ? JSON.stringify(value) : String(value))

const valueOf = (key: string, value: unknown): string => {
  if (typeof value === "boolean") return value ? "yes" : "no"
  if (!Array.isArray(value)) return wordOf(value)
  return value.length === 0 ? "none" : value.map(wordOf).join(rows.has(key) ? " " : " or ")
}

const labelOf = (key: string): string => Object.entries(conditions).find(([name]) => name === key)?.[1] ?? key

interface Rule {
  readonly name?: string
  readonly priority?: number
  readonly when?: object
  readonly decision?: unknown
  readonly reason?: string
}

const decisionOf = (decision: unknown): string =>
  decision === undefined
    ? "what would be decided without rules"
    : typeof decision === "string"
      ? decision
      : JSON.stringify(decision)

const ruleOf = ({ decision, name, reason, when = {} }: Rule & { readonly name: string }): string => {
  const held = Object.entries(when).map(([key, value]) => `${labelOf(key)} ${valueOf(key, value)}`)
  const condition = held.length === 0 ? "always" : `if ${held.join("; ")}`
  return `${name}: ${decisionOf(decision)}, ${condition}${reason === undefined ? "" : ` (${reason})`}`
}

const section = (title: string, key: string, rules: ReadonlyArray<Rule> | undefined): ReadonlyArray<string> =>
  rules === undefined || rules.length === 0
    ? []
    : [
        "",
        title,
        ...rules
          .map((rule, index) => ({ ...rule, name: rule.name ?? `${key}[${index}]` }))
          .toSorted((a, b) => (a.priority ?? 1000) - (b.priority ?? 1000))
          .map((rule, index) => `  ${index + 1}. ${ruleOf(rule)}`)
      ]

const unmatched = ({
  allowedRoots = [],
  defaults = {},
  mode = "balanced",
  useLlmJudge = false
}: PolicyRubric): string => {
  if (useLlmJudge) return "What no rule matches, a judge decides; mode and defaults decide nothing."
  const modes = {
    permissive: "What no rule matches is accepted.",
    balanced: `What no rule matches is declined, but for commands that provably only read${
      allowedRoots.length === 0
        ? "; there are no allowed roots, so no command that reads files is accepted"
        : ` in ${allowedRoots.map(wordOf).join(" or ")}`
    }.`,
    strict: "What no rule matches is declined."
  }
  const exceptions = Object.entries(defaults).map(([kind, decision]) => `${kind}: ${decisionOf(decision)}`)
  return `Mode ${mode}. ${modes[mode]}${exceptions.length === 0 ? "" : ` Other defaults are ${exceptions.join(", ")}.`}`
}

/** The lines: what no rule decides, then the rules in the order in which they are tried. */
export const inWords = (rubric: PolicyRubric): ReadonlyArray<string> => [
  unmatched(rubric),
  ...(rubric.extends === undefined || rubric.extends.length === 0
    ? []
    : [`After the rules of the rubric come the packs ${rubric.extends.join(", ")}.`]),
  "The first rule that matches decides. A rule that lets something happen needs all of it for certain; one that refuses takes what may be meant.",
  ...section("Commands", "commandRules", rubric.commandRules),
  ...section("Changes of files", "fileChangeRules", rubric.fileChangeRules),
  ...section("Questions to the user", "toolInputRules", rubric.toolInputRules),
  ...section("Calls of the program's tools", "toolCallRules", rubric.toolCallRules),
  ...section("Approvals of MCP tools", "mcpToolRules", rubric.mcpToolRules),
  ...section("Wider permissions", "permissionsRules", rubric.permissionsRules)
]
