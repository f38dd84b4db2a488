/**
 * Describes a rubric in words.
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
  changes: "the kind of change is",
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
  readWithin: "it reads within",
  reasonRegex: "the reason that the model gives matches",
  redirectsWithin: "it redirects within",
  request: "the request is",
  server: "the MCP server is",
  threadIdRegex: "the thread's id matches",
  tool: "the tool is",
  turnIdRegex: "the turn's id matches",
  writeWithin: "it writes within"
}

// In these, all stand in a row; elsewhere, one of them is meant.
const rows: ReadonlySet<string> = new Set(["args", "argsPrefix", "flags", "allowedFlags"])

// A dot would look like the end of a sentence.
const wordOf = (value: unknown): string => (/^\.*$/.test(String(value)) ? JSON.stringify(value) : String(value))

const valueOf = (key: string, value: unknown): string => {
  if (typeof value === "boolean") return value ? "yes" : "no"
  if (!Array.isArray(value)) return wordOf(value)
  return value.length === 0 ? "none" : value.map(wordOf).join(rows.has(key) ? " " : " or ")
}

const labelOf = (key: string): string => Object.entries(conditions).find(([name]) => name === key)?.[1] ?? key

const isAccept = (decision: unknown): boolean => typeof decision === "string" && decision.startsWith("accept")

interface Rule {
  readonly name?: string
  readonly priority?: number
  readonly when?: object
  readonly decision?: unknown
  readonly reason?: string
}

const decisionOf = (decision: unknown): string =>
  decision === undefined ? "as without rules" : typeof decision === "string" ? decision : JSON.stringify(decision)

const ruleOf = ({ decision, name, reason, when = {} }: Rule & { readonly name: string }): string => {
  const held = Object.entries(when).map(([key, value]) =>
    key === "anywhere" && value === true ? "it runs in any folder" : `${labelOf(key)} ${valueOf(key, value)}`
  )
  // Without allowedFlags such a rule accepts no option but those that its arguments spell out.
  const hasNoOptions =
    isAccept(decision) &&
    ["program", "args", "argsPrefix"].some((key) => key in when) &&
    !["allowedFlags", "flags"].some((key) => key in when)
  const conditions = [...held, ...(hasNoOptions ? ["with no options"] : [])]
  const condition = conditions.length === 0 ? "always" : `if ${conditions.join("; ")}`
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
  if (useLlmJudge) return "A judge decides requests that no rule matches; mode and defaults do not apply."
  const modes = {
    permissive: "Requests that no rule matches are accepted.",
    balanced: `Requests that no rule matches are declined, except commands that provably only read${
      allowedRoots.length === 0
        ? "; there are no allowed roots, so no command that reads files is accepted"
        : ` in ${allowedRoots.map(wordOf).join(" or ")}`
    }.`,
    strict: "Requests that no rule matches are declined."
  }
  const exceptions = Object.entries(defaults).map(([kind, decision]) => `${kind}: ${decisionOf(decision)}`)
  return `Mode ${mode}. ${modes[mode]}${exceptions.length === 0 ? "" : ` Other defaults are ${exceptions.join(", ")}.`}`
}

/** The lines: decisions without a matching rule, then the rules in their order. */
export const inWords = (rubric: PolicyRubric): ReadonlyArray<string> => [
  unmatched(rubric),
  ...(rubric.extends === undefined || rubric.extends.length === 0
    ? []
    : [`After the rules of the rubric come the packs ${rubric.extends.join(", ")}.`]),
  "The first rule that matches decides. Accept rules match only if certain; decline rules match any plausible reading.",
  ...section("Commands", "commandRules", rubric.commandRules),
  ...section("File changes", "fileChangeRules", rubric.fileChangeRules),
  ...section("Questions to the user", "toolInputRules", rubric.toolInputRules),
  ...section("Calls of tools of the program", "toolCallRules", rubric.toolCallRules),
  ...section("Approvals of MCP tools", "mcpToolRules", rubric.mcpToolRules),
  ...section("Wider permissions", "permissionsRules", rubric.permissionsRules)
]
