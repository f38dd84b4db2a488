/**
 * The prompt of a turn that continues one that was cut off: it tells the agent what happened, which calls have an unknown end,
 * and which verdicts people gave in the meantime.
 *
 * The agent alone decides what to do again; this text starts nothing. A pure function.
 */
import type { Approval } from "../Approval.ts"
import type { Cut } from "./nextStep.ts"

export interface Facts {
  readonly cut: Cut
  /** Approvals of the job with a verdict that is not used. */
  readonly decided: ReadonlyArray<Approval>
}

/** A call that is longer is cut: the thread has all of it. */
const maxLength = 2000

export const continuation = ({ cut, decided }: Facts): string => {
  const { reason, verdict } = cut
  const { openCalls } = verdict.turn
  return [
    reason === "handedOver"
      ? "Your previous turn was stopped on purpose, to go on in another process. It did not finish."
      : "Your previous turn was cut off: the process that ran it died. It did not finish.",
    ...(openCalls.length === 0
      ? []
      : [
          "These calls had begun and have no output. Their end is unknown: each may have run in full, in part, or not at all.",
          ...openCalls.map(({ id, input, name }) => `- ${name} (${id}), end unknown: ${shorten(input)}`)
        ]),
    ...(decided.length === 0
      ? []
      : [
          "Meanwhile people decided on your requests. A verdict is valid once, for exactly the same request.",
          ...decided.map(describe)
        ]),
    "Check the current state before you repeat anything, and then finish the task that you were given."
  ].join("\n")
}

const describe = ({ subject, verdict }: Approval): string => {
  const decision = verdict?.decision === "accept" ? "Accepted" : "Declined"
  const reason = verdict?.reason === undefined ? "" : ` (${verdict.reason})`
  const { call, changes, command, folder } = subject
  const place = folder === undefined ? "" : ` in ${folder}`
  return `- ${decision}${reason}: ${command ?? call ?? changes?.join("; ") ?? subject.kind}${place}`
}

const shorten = (text: string): string =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength)}… (${text.length} characters)`
