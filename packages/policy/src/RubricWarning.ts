/**
 * What is legal in a rubric and worth a second look.
 *
 * A warning never changes what is decided. `RuleBasedPolicy` logs those of the rubric that it is made of.
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
 * - `permissive`: what no rule declines is accepted, and runs without a sandbox.
 * - `looserThanMode`: a default accepts what the mode would decline.
 * - `acceptsAnything`: a rule accepts whatever program there is.
 * - `runsCode`: a rule accepts a program that runs or writes what its arguments say, or what the repository says. Where one
 *   is known, the warning names a command that would pass.
 * - `beyondThisRequest`: a rule accepts also what comes later.
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
 * Something in a rubric that probably does not do what it was written for.
 *
 * @category models
 * @since 0.1.0
 */
export interface RubricWarning {
  readonly code: Code
  /** Where in the rubric, for instance `commandRules[2].when`. */
  readonly path: string
  readonly description: string
}

/**
 * Looks a rubric over.
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
      ...(decision === "acceptForSession" ? [beyond(path, "accepts later changes of the same files unasked")] : []),
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
        ? [beyond(path, decision === "acceptAlways" ? "writes into the user's configuration" : "is for the session")]
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
  never(`${path}.when`, "the model's own words and the server's proposal show nothing of what will happen")

const beyond = (path: string, how: string): RubricWarning => ({
  code: "beyondThisRequest",
  path: `${path}.decision`,
  description: `this decision goes beyond the request: it ${how}`
})

const foreign = (when: object, path: string): ReadonlyArray<RubricWarning> =>
  ["commandRegex", "cwdWithin", "hasProposedExecpolicy"]
    .filter((key) => Object.hasOwn(when, key))
    .map((key) => never(`${path}.when.${key}`, "such requests have nothing for this condition"))

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
    description: `this default accepts what the mode ${mode} declines`
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
    warnings.push(never(`${path}.when.networkHost`, "the rule is not about a networkApproval"))
  }
  if (
    when.program === undefined &&
    when.args === undefined &&
    when.commandRegex === undefined &&
    when.request === undefined
  ) {
    warn("acceptsAnything", "when", "this rule accepts any program with any arguments, where it can be seen which")
  }
  if (when.allowedFlags?.includes("*") === true) {
    warn("acceptsAnything", "when.allowedFlags", "this rule accepts any option, also those that write or run something")
  }
  const risk = matchesOnUntrustedOnly(when) || when.networkHost !== undefined ? undefined : riskOf(when)
  const runner = programs.find((program) => runsCode(baseName(program)))
  if (runner !== undefined && when.args === undefined) {
    const example = risk === undefined ? "" : `, as does ${JSON.stringify(risk)}, which this rule accepts`
    warn("runsCode", "when.program", `${runner} runs what its arguments, its input or a file say${example}`)
  } else if (risk !== undefined) {
    warn("runsCode", "when", `this rule accepts ${JSON.stringify(risk)}, which runs or writes what it is given`)
  }
  if (programs.some((program) => baseName(program) === "git")) {
    warn(
      "runsCode",
      "when.program",
      "git runs programs that the configuration of a repository names, also when it only reads"
    )
  }
  if (typeof decision !== "string") {
    warnings.push(beyond(path, "is written down by codex, and what matches it runs unasked and without a sandbox"))
  } else if (decision === "acceptForSession") {
    warnings.push(beyond(path, "is for the session. Servers that don't offer it get a decline"))
  }
  return warnings
}
