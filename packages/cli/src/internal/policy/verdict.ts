/**
 * The verdict of a rubric on a request or a command line.
 */
import type { PolicyFailed } from "@effect-codex/core/CodexError"
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { fileProblem } from "../fileProblem.ts"

/** A rubric, and the folder that its relative folders are resolved against. */
export interface Loaded {
  readonly rubric: Rubric.PolicyRubric
  readonly baseDirectory: string
}

/** Loads a rubric from a file. Without a root, its relative folders are resolved against the folder of the file. */
export const load = Effect.fnUntraced(function* (file: string, root: string | undefined) {
  const path = yield* Path.Path
  const rubric = yield* Effect.catchTag(Rubric.load(file), "PlatformError", (error) =>
    Effect.fail(new InvalidUsage({ description: `The policy ${file} cannot be read: ${fileProblem(error)}.` }))
  )
  const loaded: Loaded = { rubric, baseDirectory: path.resolve(root ?? path.dirname(file)) }
  return loaded
})

/** Asks the engine for its verdict on a request of any kind. */
export const ask = <K extends PolicyEngine.Kind>(
  engine: PolicyEngine.Engine,
  request: PolicyEngine.Request<K>
): Effect.Effect<PolicyEngine.Verdict<K> | undefined, PolicyFailed> => engine[request.kind](request)

/** The name of a decision; `abstain` if no rule decides. Such a request is declined unless a judge or a person follows. */
const nameOf = (decision: RuleBasedPolicy.Explanation["decision"]): string => {
  if (decision === undefined) return "abstain"
  if (typeof decision === "string") return decision
  if ("acceptWithExecpolicyAmendment" in decision) return "acceptWithExecpolicyAmendment"
  return "applyNetworkPolicyAmendment" in decision ? "applyNetworkPolicyAmendment" : "unknown"
}

export const accepts = (verdict: string): boolean => verdict.startsWith("accept")

/**
 * The verdicts of a rubric's rules on command lines. If the rubric has a judge, the rules abstain on commands that none
 * of them matches.
 */
export const verdicts = ({ baseDirectory, rubric }: Loaded) =>
  Effect.map(
    RuleBasedPolicy.explainer(rubric, {
      baseDirectory,
      unmatched: rubric.useLlmJudge === true ? "abstain" : "decide"
    }),
    (explain) =>
      Effect.fnUntraced(function* (command: string, cwd: string) {
        const { by, command: parsed, decision, parts, reason } = yield* explain(command, cwd)
        return {
          command,
          cwd,
          verdict: nameOf(decision),
          decision: decision ?? null,
          by,
          ...(reason === undefined ? {} : { reason }),
          parts: parts.map(({ by, decision, opaque, source, whyNot }) => ({
            source,
            decision: decision ?? null,
            by,
            ...(opaque === undefined ? {} : { opaque }),
            ...(whyNot === undefined ? {} : { whyNot })
          })),
          parsed: parsed ?? null
        }
      })
  )

// Words that a shell takes as they are.
const plain = /^[\w@%+=:,./-]+$/

/** A program and its arguments as one command line; one word alone is a command line already. */
export const commandLine = (words: ReadonlyArray<string>): string =>
  words.length === 1
    ? words.join("")
    : words.map((word) => (plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ")
