/**
 * A policy engine that follows the rules of a rubric.
 *
 * Rules are tried in order, and the first that matches decides. An accept rule matches only if all its conditions certainly
 * hold; a decline rule matches any plausible reading. The decision depends only on the request, with one exception: before a
 * path counts as inside a folder, its links are followed in the file system. This module neither reads rubrics nor asks people
 * or models.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as CommandPolicy from "./internal/command/policy.ts"
import { problemOf as checksProblem } from "./internal/command/surroundings.ts"
import { type Conclusion, conclude } from "./internal/rubric/conclude.ts"
import { type Demand, problemOf } from "./internal/files/demand.ts"
import { type Walker, walker as startWalking } from "./internal/files/path.ts"
import * as FilePolicy from "./internal/files/policy.ts"
import { isPermissive } from "./internal/rubric/bounds.ts"
import { readingOf, rulesOf } from "./internal/rubric/packs.ts"
import { absolute } from "./internal/files/folders.ts"
import * as PermissionsPolicy from "./internal/files/permissions.ts"
import * as ToolPolicy from "./internal/rubric/toolPolicy.ts"
import { decode, InvalidRubric, type PolicyRubric } from "./Rubric.ts"
import { review } from "./RubricWarning.ts"
import type { CommandDecision } from "./Rule.ts"
import type { ShellCommand } from "./ShellCommand.ts"

/**
 * The options of an engine.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * The absolute folder to which relative folders of the rubric refer. Default: none, so that all folders must be absolute.
   */
  readonly baseDirectory?: string | undefined
  /**
   * The behavior if no rule matches: `"decide"` follows the rubric's mode and defaults, and `"abstain"` leaves the request to the
   * next engine. Default: `"decide"`.
   */
  readonly unmatched?: "decide" | "abstain" | undefined
}

interface Compiled {
  readonly command: ReturnType<typeof CommandPolicy.compile>
  readonly fileChange: ReturnType<typeof FilePolicy.compile>
  readonly permissions: ReturnType<typeof PermissionsPolicy.compile>
  readonly userInput: ReturnType<typeof ToolPolicy.compileToolInput>
  readonly toolCall: ReturnType<typeof ToolPolicy.compileToolCall>
  readonly mcpTool: ReturnType<typeof ToolPolicy.compileMcpTool>
}

const compile = Effect.fnUntraced(function* (
  given: PolicyRubric,
  options: Options | undefined
): Effect.fn.Return<Compiled, InvalidRubric, FileSystem.FileSystem> {
  const { problems, rubric } = yield* absolute(yield* decode(given), options?.baseDirectory)
  const [first, ...others] = problems.map((path) => ({
    path,
    description:
      options?.baseDirectory === undefined
        ? "a relative folder needs the option baseDirectory, the absolute folder that it is below"
        : "the baseDirectory that a relative folder is below is not absolute"
  }))
  if (first !== undefined) return yield* new InvalidRubric({ problems: [first, ...others] })

  const { mode = "balanced" } = rubric
  const abstains = options?.unmatched === "abstain"
  const permissive = mode === "permissive"
  const by = `mode ${mode}`
  // If a rubric has no rules for a kind of request, it abstains, so that another engine can decide.
  const silent = (rules: ReadonlyArray<unknown> | undefined) => abstains || (rules?.length ?? 0) === 0
  const refusal = (rules: ReadonlyArray<unknown> | undefined) => ({
    decision: silent(rules) ? undefined : ("decline" as const),
    by
  })
  const { command, fileChange, toolInput } = rubric.defaults ?? {}
  const decide = {
    _tag: "Decide",
    decision: command ?? (permissive ? "accept" : "decline"),
    by: command === undefined ? by : "defaults"
  } as const
  const reads =
    command === undefined && mode === "balanced" ? { programs: true, git: true, by } : readingOf(rubric.extends)
  return {
    command: CommandPolicy.compile(
      [...(rubric.commandRules ?? []), ...rulesOf(rubric.extends)],
      rubric.allowedRoots ?? [],
      abstains
        ? { _tag: "Abstain" }
        : reads === undefined || decide.decision === "accept"
          ? decide
          : { _tag: "ReadOnly", roots: rubric.allowedRoots ?? [], ...reads, otherwise: decide }
    ),
    fileChange: FilePolicy.compile(
      rubric.fileChangeRules,
      abstains
        ? { decision: undefined, by: "" }
        : fileChange === undefined
          ? { decision: permissive ? "accept" : "decline", by }
          : { decision: fileChange, by: "defaults" }
    ),
    permissions: PermissionsPolicy.compile(rubric.permissionsRules, refusal(rubric.permissionsRules)),
    userInput: ToolPolicy.compileToolInput(rubric.toolInputRules, {
      decision: abstains ? undefined : (toolInput ?? "auto_empty"),
      by: "defaults"
    }),
    toolCall: ToolPolicy.compileToolCall(
      rubric.toolCallRules,
      permissive && !abstains ? { decision: "accept", by } : refusal(rubric.toolCallRules)
    ),
    mcpTool: ToolPolicy.compileMcpTool(rubric.mcpToolRules, refusal(rubric.mcpToolRules))
  }
})

/**
 * Makes an engine from a rubric. Fails if the rubric is invalid, and logs the warnings of `RubricWarning`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  rubric: PolicyRubric,
  options?: Options
) => Effect.Effect<PolicyEngine.Engine, InvalidRubric, FileSystem.FileSystem> = Effect.fn("RuleBasedPolicy.make")(
  function* (rubric: PolicyRubric, options?: Options) {
    const compiled = yield* compile(rubric, options)
    for (const { description, path } of review(rubric)) yield* Effect.logWarning(`The rubric's ${path}: ${description}`)
    const context = yield* Effect.context<FileSystem.FileSystem>()
    return PolicyEngine.make({
      command: ({ params }) =>
        // Only a person may answer these requests.
        params.kind === "humanCommand"
          ? Effect.undefined
          : Effect.suspend(() => compiled.command(params)).pipe(
              Effect.flatMap((evaluation) => settleCommand(conclude(params, evaluation), evaluation.walker)),
              Effect.map(toVerdict),
              Effect.provideContext(context)
            ),
      fileChange: (request) =>
        Effect.suspend(() => compiled.fileChange(request)).pipe(
          Effect.flatMap(settle),
          Effect.map(toVerdict),
          Effect.provideContext(context)
        ),
      permissions: ({ params }) =>
        Effect.suspend(() => compiled.permissions(params)).pipe(
          Effect.flatMap((conclusion) => settlePermissions(params, conclusion)),
          Effect.provideContext(context)
        ),
      userInput: ({ params }) => Effect.sync(() => compiled.userInput(params)),
      elicitation: ({ params }) => Effect.sync(() => compiled.mcpTool(params)),
      toolCall: ({ params }) => Effect.sync(() => compiled.toolCall(params))
    })
  }
)

/**
 * A policy engine that follows the rules of a rubric, as a layer.
 *
 * **Example** (Allow the tests, and commands that only read)
 *
 * ```ts
 * import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Layer from "effect/Layer"
 *
 * export const layer = RuleBasedPolicy.layer({
 *   mode: "balanced",
 *   allowedRoots: ["/srv/app"],
 *   commandRules: [
 *     { name: "tests", when: { program: "npm", args: ["test"], cwdWithin: "/srv/app" }, decision: "accept" }
 *   ]
 * }).pipe(Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  rubric: PolicyRubric,
  options?: Options
): Layer.Layer<PolicyEngine.PolicyEngine, InvalidRubric, FileSystem.FileSystem> =>
  Layer.effect(PolicyEngine.PolicyEngine)(make(rubric, options))

const toVerdict = <D>({
  by,
  decision,
  reason
}: {
  readonly decision: D | undefined
  readonly by: string
  readonly reason: string | undefined
}) => (decision === undefined ? undefined : { decision, by, reason })

// If a rule accepts, its conditions on paths must also hold in the file system.
const settle = Effect.fnUntraced(function* <
  C extends { readonly reason: string | undefined; readonly conditions: ReadonlyArray<Demand> }
>(conclusion: C) {
  const problem = yield* problemOf(conclusion.conditions, yield* startWalking)
  return problem === undefined ? conclusion : { ...conclusion, decision: "decline" as const, reason: problem }
})

const settleCommand = Effect.fnUntraced(function* (
  conclusion: Conclusion,
  walker: Walker
): Effect.fn.Return<Conclusion, never, FileSystem.FileSystem> {
  const problem = (yield* problemOf(conclusion.conditions, walker)) ?? (yield* checksProblem(conclusion.checks))
  return problem === undefined ? conclusion : { ...conclusion, decision: "decline", reason: problem }
})

const settlePermissions = Effect.fnUntraced(function* (
  params: PolicyEngine.Params["permissions"],
  conclusion: PermissionsPolicy.PermissionsConclusion
): Effect.fn.Return<PolicyEngine.Verdict<"permissions"> | undefined, never, FileSystem.FileSystem> {
  const { by, decision, reason } = yield* settle(conclusion)
  if (decision === undefined) return undefined
  if (decision === "decline") return { decision, by, reason }
  const permissions = PolicyEngine.grantOf(params.permissions)
  if (permissions === undefined) return { decision: "decline", by, reason: "of a kind that is not known" }
  return { decision: { permissions, scope: decision === "grant" ? "turn" : "session" }, by, reason }
})

/**
 * The decision on a command, with its reasons.
 *
 * @category models
 * @since 0.1.0
 */
export interface Explanation {
  readonly decision: PolicyEngine.Decisions["command"] | undefined
  /** The names of the rules that decided, or the mode or default. */
  readonly by: string
  readonly reason: string | undefined
  /** The parsed command. */
  readonly command: ShellCommand | undefined
  /** The decision for each part, in the order of the command. */
  readonly parts: ReadonlyArray<{
    readonly source: string
    /** `undefined` if no rule matches and neither the mode nor a default decides. */
    readonly decision: CommandDecision | undefined
    readonly by: string
    /** The reason that no accept rule can match this part; `undefined` if one can. */
    readonly opaque: string | undefined
    /** A short reason that this part is not accepted; `undefined` if it is. */
    readonly whyNot: string | undefined
  }>
}

const whyNotOf = ({ byRule, decision, part, reason, whyNot }: CommandPolicy.Decided): string | undefined => {
  if (decision !== undefined && isPermissive(decision)) return undefined
  if (byRule) return reason ?? "the rule declines it"
  return part.opaque ?? whyNot ?? reason ?? "no rule matches"
}

/**
 * Explains how an engine with this rubric would decide on a command that runs in `cwd`.
 *
 * @category utils
 * @since 0.1.0
 */
export const explain: (
  rubric: PolicyRubric,
  command: string,
  options: Options & { readonly cwd: string }
) => Effect.Effect<Explanation, InvalidRubric, FileSystem.FileSystem> = Effect.fn("RuleBasedPolicy.explain")(function* (
  rubric: PolicyRubric,
  command: string,
  options: Options & { readonly cwd: string }
) {
  const explain = yield* explainer(rubric, options)
  return yield* explain(command, options.cwd)
})

/**
 * Like {@link explain}, for many commands: the rubric is compiled only once.
 *
 * @category utils
 * @since 0.1.0
 */
export const explainer = (
  rubric: PolicyRubric,
  options?: Options
): Effect.Effect<
  (command: string, cwd: string) => Effect.Effect<Explanation, never, FileSystem.FileSystem>,
  InvalidRubric,
  FileSystem.FileSystem
> =>
  Effect.map(compile(rubric, options), (compiled) =>
    Effect.fnUntraced(function* (command: string, cwd: string) {
      const params: PolicyEngine.Params["command"] = {
        threadId: "",
        turnId: "",
        itemId: "",
        startedAtMs: 0,
        command,
        cwd
      }
      const evaluation = yield* compiled.command(params)
      const { by, decision, reason } = yield* settleCommand(conclude(params, evaluation), evaluation.walker)
      return {
        decision,
        by,
        reason,
        command: evaluation.command,
        parts: evaluation.decided.map((decided) => ({
          source: decided.part.source,
          decision: decided.decision,
          by: decided.by,
          opaque: decided.part.opaque,
          whyNot: whyNotOf(decided)
        }))
      }
    })
  )
