/**
 * Where commands may run that a rule accepts. A program such as `npm test` runs what its folder says, and the model picks the
 * folder, so no rule accepts commands everywhere without saying so.
 */
import type { CommandCondition, CommandDecision, CommandRule } from "../../Rule.ts"

/** Whether a decision lets something happen, so that it needs certainty. */
export const isPermissive = (decision: CommandDecision): boolean => {
  if (decision === "decline" || decision === "cancel") return false
  return typeof decision === "string" || !("applyNetworkPolicyAmendment" in decision)
    ? true
    : decision.applyNetworkPolicyAmendment.action === "allow"
}

// Where the network is all that is asked for, nothing is run.
const isBounded = ({ anywhere, cwdWithin, request }: CommandCondition): boolean =>
  anywhere === true ||
  cwdWithin !== undefined ||
  (request !== undefined && request.every((kind) => kind === "networkApproval"))

/** The condition with the allowed roots where it doesn't say itself where. */
export const inRoots = (when: CommandCondition, roots: ReadonlyArray<string>): CommandCondition =>
  roots.length === 0 || isBounded(when) ? when : { ...when, cwdWithin: roots }

/** The rules that accept commands anywhere and don't say so. */
export const unbounded = (rubric: {
  readonly allowedRoots?: ReadonlyArray<string>
  readonly extends?: ReadonlyArray<string>
  readonly commandRules?: ReadonlyArray<CommandRule>
}): ReadonlyArray<{ readonly path: ReadonlyArray<PropertyKey>; readonly issue: string }> =>
  (rubric.allowedRoots?.length ?? 0) > 0
    ? []
    : [
        ...packsWithoutRoots(rubric.extends),
        ...(rubric.commandRules ?? []).flatMap(({ decision, name, when = {} }, index) =>
          decision === undefined || !isPermissive(decision) || isBounded(when)
            ? []
            : [
                {
                  path: ["commandRules", index],
                  issue: `${name === undefined ? "this rule" : `the rule ${JSON.stringify(name)}`} accepts commands in any folder: give the rubric allowedRoots, or the rule cwdWithin or anywhere: true`
                }
              ]
        )
      ]

const packsWithoutRoots = (packs: ReadonlyArray<string> | undefined) =>
  (packs?.length ?? 0) === 0
    ? []
    : [{ path: ["extends"], issue: "packs accept commands in allowedRoots, and the rubric has none" }]
