/**
 * Limits the folders in which accepted commands may run. A program such as `npm test` runs code from its folder, and the model
 * picks the folder, so a rule accepts commands in every folder only if it says so.
 */
import type { CommandCondition, CommandDecision, CommandRule } from "../../Rule.ts"

/** Whether a decision accepts, so that its rule must match for certain. */
export const isPermissive = (decision: CommandDecision): boolean => {
  if (decision === "decline" || decision === "cancel") return false
  return typeof decision === "string" || !("applyNetworkPolicyAmendment" in decision)
    ? true
    : decision.applyNetworkPolicyAmendment.action === "allow"
}

// An approval that asks only for network access runs nothing.
const isBounded = ({ anywhere, cwdWithin, request }: CommandCondition): boolean =>
  anywhere === true ||
  cwdWithin !== undefined ||
  (request !== undefined && request.every((kind) => kind === "networkApproval"))

/** The condition, limited to the allowed roots if it does not limit the folder itself. */
export const inRoots = (when: CommandCondition, roots: ReadonlyArray<string>): CommandCondition =>
  roots.length === 0 || isBounded(when) ? when : { ...when, cwdWithin: roots }

/** The rules that accept commands in any folder without saying so. */
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
