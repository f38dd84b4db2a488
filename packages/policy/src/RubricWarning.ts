/**
 * Warnings about valid rubrics that probably do not do what their author wants.
 *
 * A warning never changes a decision. `RuleBasedPolicy` logs the warnings of its rubric.
 *
 * @stability stable
 * @since 0.1.0
 */
import { listOf } from "./internal/rubric/condition.ts"
import { matchesOnUntrustedOnly } from "./internal/command/match.ts"
import { riskOf } from "./internal/command/risks.ts"
import { baseName, runsCode } from "./internal/command/wrapper.ts"
import type { PolicyRubric } from "./Rubric.ts"
import type { CommandDecision, CommandRule } from "./Rule.ts"

/**
 * - `permissive`: requests that no rule declines are accepted, and such commands run without a sandbox.
 * - `looserThanMode`: a default accepts requests that the mode would decline.
 * - `acceptsAnything`: a rule accepts any program, or any option.
 * - `runsCode`: a rule accepts a program that runs or writes whatever its arguments or the repository specify. If possible, the
 *   warning names a command that would pass.
 * - `beyondThisRequest`: a rule also accepts later requests.
 * - `neverMatches`: a rule cannot match.
 * - `nothingToRead`: the balanced mode has no folders.
 * - `ignored`, `meansMore`, `regex`: about a rubric of the Python SDK, see `RubricFromPython`.
 *
 * @category models
 * @since 0.1.0
 */
export type Code =
  | "permissive"
  | "looserThanMode"
  | "acceptsAnything"
  | "runsCode"
  | "beyondThisRequest"
  | "neverMatches"
  | "nothingToRead"
  | "ignored"
  | "meansMore"
  | "regex"

/**
 * A part of a rubric that probably does not do what its author wants.
 *
 * @category models
 * @since 0.1.0
 */
export interface RubricWarning {
  readonly code: Code
  /** The path in the rubric, such as `commandRules[2].when`. */
  readonly path: string
  readonly description: string
}

/**
 * Reviews a rubric and returns its warnings.
 *
 * @category utils
 * @since 0.1.0
 */
export const review = (rubric: PolicyRubric): ReadonlyArray<RubricWarning> => [
  ...reviewMode(rubric),
  ...(rubric.commandRules ?? []).flatMap((rule, index) => reviewCommandRule(rule, `commandRules[${index}]`)),
  ...(rubric.fileChangeRules ?? []).flatMap(({ decision, when = {} }, index) => {
    const path = `fileChangeRules[${index}]`
    return [
      ...foreign(when, path),
      ...(decision === "acceptForSession" ? [beyond(path, "also accepts later changes of the same files")] : []),
      ...(isAccept(decision) && hasOnly(when, ["reasonRegex"]) ? [untrustedOnly(path)] : [])
    ]
  }),
  ...(rubric.toolInputRules ?? []).flatMap(({ when = {} }, index) => foreign(when, `toolInputRules[${index}]`)),
  ...(rubric.toolCallRules ?? []).flatMap(({ when = {} }, index) => foreign(when, `toolCallRules[${index}]`)),
  ...(rubric.mcpToolRules ?? []).flatMap(({ decision, when = {} }, index) => {
    const path = `mcpToolRules[${index}]`
    return [
      ...foreign(when, path),
      ...(isAccept(decision) && when.server === undefined
        ? [
            never(
              `${path}.when`,
              "an accept rule needs a server, because the name of a tool is only a claim of its server"
            )
          ]
        : []),
      ...(decision === "acceptForSession" || decision === "acceptAlways"
        ? [beyond(path, decision === "acceptAlways" ? "is written to the user's configuration" : "is for the session")]
        : [])
    ]
  }),
  ...(rubric.permissionsRules ?? []).flatMap(({ decision, when = {} }, index) => {
    const path = `permissionsRules[${index}]`
    const grants = decision === "grant" || decision === "grantForSession"
    return [
      ...(when.commandRegex === undefined ? [] : [never(`${path}.when.commandRegex`, "such requests have no command")]),
      ...(grants && when.readWithin === undefined && when.writeWithin === undefined && when.network !== true
        ? [never(`${path}.when`, "a rule that grants needs readWithin, writeWithin or network")]
        : []),
      ...(decision === "grantForSession" ? [beyond(path, "is for the session")] : [])
    ]
  })
]

const isAccept = (decision: unknown): boolean => typeof decision === "string" && decision.startsWith("accept")

const never = (path: string, why: string): RubricWarning => ({
  code: "neverMatches",
  path,
  description: `this rule never matches: ${why}`
})

const untrustedOnly = (path: string): RubricWarning =>
  never(`${path}.when`, "neither the model's own words nor the server's proposal show what will happen")

const beyond = (path: string, how: string): RubricWarning => ({
  code: "beyondThisRequest",
  path: `${path}.decision`,
  description: `this decision goes beyond the request: it ${how}`
})

const foreign = (when: object, path: string): ReadonlyArray<RubricWarning> =>
  ["commandRegex", "cwdWithin", "hasProposedExecpolicy"]
    .filter((key) => Object.hasOwn(when, key))
    .map((key) => never(`${path}.when.${key}`, "such requests do not have the field of this condition"))

const hasOnly = (when: object, keys: ReadonlyArray<string>): boolean =>
  Object.keys(when).length > 0 && Object.keys(when).every((key) => keys.includes(key))

const reviewMode = ({ allowedRoots, defaults, mode = "balanced" }: PolicyRubric): ReadonlyArray<RubricWarning> => {
  const warnings: Array<RubricWarning> = []
  if (mode === "permissive") {
    warnings.push({
      code: "permissive",
      path: "mode",
      description: "requests that no rule declines are accepted, and accepted commands run without a sandbox"
    })
  }
  if (mode === "balanced" && (allowedRoots?.length ?? 0) === 0 && defaults?.command === undefined) {
    warnings.push({
      code: "nothingToRead",
      path: "allowedRoots",
      description: "without allowedRoots, the balanced mode accepts no command that reads a file"
    })
  }
  const looser = (path: string): RubricWarning => ({
    code: "looserThanMode",
    path: `defaults.${path}`,
    description: `this default accepts requests that the mode ${mode} declines`
  })
  if (mode !== "permissive") {
    if (defaults?.command !== undefined && letsHappen(defaults.command)) warnings.push(looser("command"))
    if (isAccept(defaults?.fileChange)) warnings.push(looser("fileChange"))
  }
  return warnings
}

const letsHappen = (decision: CommandDecision): boolean => decision !== "decline" && decision !== "cancel"

const reviewCommandRule = ({ decision, when = {} }: CommandRule, path: string): ReadonlyArray<RubricWarning> => {
  if (decision === undefined || !letsHappen(decision)) return []
  const warnings: Array<RubricWarning> = []
  const warn = (code: Code, field: string, description: string) =>
    void warnings.push({ code, path: `${path}.${field}`, description })
  const programs = listOf(when.program) ?? []
  if (matchesOnUntrustedOnly(when)) warnings.push(untrustedOnly(path))
  if (when.networkHost !== undefined && when.request?.includes("networkApproval") !== true) {
    warnings.push(never(`${path}.when.networkHost`, "the rule does not include networkApproval requests"))
  }
  if (
    when.program === undefined &&
    when.args === undefined &&
    when.commandRegex === undefined &&
    when.request === undefined
  ) {
    warn("acceptsAnything", "when", "this rule accepts any program with any arguments, as long as they are known")
  }
  if (when.allowedFlags?.includes("*") === true) {
    warn(
      "acceptsAnything",
      "when.allowedFlags",
      "this rule accepts any option, including those that write files or run programs"
    )
  }
  const risk = matchesOnUntrustedOnly(when) || when.networkHost !== undefined ? undefined : riskOf(when)
  const runner = programs.find((program) => runsCode(baseName(program)))
  if (runner !== undefined && when.args === undefined) {
    const example = risk === undefined ? "" : `, as does ${JSON.stringify(risk)}, which this rule accepts`
    warn("runsCode", "when.program", `${runner} runs code from its arguments, its input or a file${example}`)
  } else if (risk !== undefined) {
    warn(
      "runsCode",
      "when",
      `this rule accepts ${JSON.stringify(risk)}, which runs or writes whatever its arguments specify`
    )
  }
  if (programs.some((program) => baseName(program) === "git")) {
    warn(
      "runsCode",
      "when.program",
      "git runs programs that a repository's configuration names, even for commands that only read"
    )
  }
  if (typeof decision !== "string") {
    warnings.push(
      beyond(path, "is stored by codex, and matching commands then run without approval and without a sandbox")
    )
  } else if (decision === "acceptForSession") {
    warnings.push(beyond(path, "is for the session. If the server does not offer that, the command is declined"))
  }
  return warnings
}
