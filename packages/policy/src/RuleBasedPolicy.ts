/**
 * A policy engine that follows the rules of a rubric.
 *
 * Rules are tried in order, and the first that matches decides. A rule that lets something happen matches only what it speaks
 * of, and only for sure; a rule that refuses matches whatever may be meant. The work is a pure function of the request, but
 * for one thing: before a path counts as lying in a folder, the file system is asked where its links lead. This module does
 * not read rubrics and asks nobody.
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
 * How a rubric is put to work.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * The absolute folder that folders of the rubric are below, unless they are absolute themselves. Default: none, so that
   * they have to be.
   */
  readonly baseDirectory?: string | undefined
  /**
   * What happens where no rule matches: what the rubric's mode and defaults say, or an abstention, so that the next engine
   * decides. Default: `"decide"`.
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
  // Where a rubric has no word on a kind of request, another engine may.
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
 * Makes an engine of a rubric. Fails if the rubric has a mistake; what is worth a second look is logged as a warning.
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
        // A person is asked, and nothing else may answer.
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
 * Decides by the rules of a rubric.
 *
 * **Example** (Tests may run, and what only reads)
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

// Where a rule accepts, what it says of paths has to hold in the file system too.
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
 * What would be decided on a command, and why, as data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Explanation {
  readonly decision: PolicyEngine.Decisions["command"] | undefined
  /** The rules that decided, by name, or the mode or default that did. */
  readonly by: string
  readonly reason: string | undefined
  /** The command as it was understood. */
  readonly command: ShellCommand | undefined
  /** What was decided for each part, in the order of the command. */
  readonly parts: ReadonlyArray<{
    readonly source: string
    /** `undefined`: no rule matches, and nothing else decides. */
    readonly decision: CommandDecision | undefined
    readonly by: string
    /** Why no rule that accepts can match this part; `undefined`: one can. */
    readonly opaque: string | undefined
    /** Why this part is not accepted, in a few words; `undefined` if it is. */
    readonly whyNot: string | undefined
  }>
}

const whyNotOf = ({ byRule, decision, part, reason, whyNot }: CommandPolicy.Decided): string | undefined => {
  if (decision !== undefined && isPermissive(decision)) return undefined
  if (byRule) return reason ?? "the rule declines it"
  return part.opaque ?? whyNot ?? reason ?? "no rule matches"
}

/**
 * Tells what an engine of this rubric would decide on a command that runs in `cwd`, and why.
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
 * Makes {@link explain} for many commands: the rubric is looked at once.
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
