/**
 * Events and approvals of durable sessions as lines for people. Everything that an agent or a person wrote is made safe to show.
 */
import type { Approval } from "@effect-codex/durable/Approval"
import type { JobOutcome } from "@effect-codex/durable/Job"
import type { SessionEvent } from "@effect-codex/durable/SessionEvent"
import * as Print from "../print.ts"

type Item = Extract<SessionEvent["happening"], { type: "itemCompleted" }>["item"]

const itemLine = (item: Item): string => {
  switch (item.type) {
    case "agentMessage":
      return `agent: ${Print.indented(item.text)}`
    case "userMessage":
      return `prompt: ${Print.indented(item.content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join(" "))}`
    case "commandExecution":
      return `command: ${Print.exact(item.command)} (${Print.inline(item.status)})`
    case "fileChange":
      return `files: ${item.changes.map(({ path }) => Print.exact(path)).join(", ")} (${Print.inline(item.status)})`
    default:
      return `item: ${Print.inline(item.type)}`
  }
}

const because = (reason: string | undefined): string => (reason === undefined ? "" : ` (${Print.inline(reason)})`)

const outcomeLine = (outcome: JobOutcome): string => {
  switch (outcome.type) {
    case "completed":
      return "completed"
    case "failed":
      return `failed: ${Print.inline(outcome.failure.message)}`
    case "interrupted":
      return `interrupted by ${Print.inline(outcome.by)}${because(outcome.reason)}`
  }
}

const happeningLine = (happening: SessionEvent["happening"]): string => {
  switch (happening.type) {
    case "jobStarted":
      return `${Print.inline(happening.key)}: attempt ${happening.attempt} started`
    case "itemCompleted":
      return itemLine(happening.item)
    case "approvalOpened":
      return `approval ${Print.inline(happening.approval)}: ${Print.inline(happening.text.title)}`
    case "approvalDecided": {
      const { by, decision, reason } = happening.verdict
      return `approval ${Print.inline(happening.approval)}: ${decision} by ${Print.inline(by)}${because(reason)}`
    }
    case "attemptEnded":
      return `${Print.inline(happening.key)}: attempt ${happening.attempt} ended, ${happening.end}`
    case "jobSettled":
      return `${Print.inline(happening.key)}: ${outcomeLine(happening.outcome)}`
  }
}

/** An event, with its offset at the beginning. */
export const eventLine = ({ at, happening, offset }: SessionEvent): string =>
  `${offset} ${Print.time(at / 1000)} ${happeningLine(happening)}`

/** An approval with everything that a person needs to decide. */
export const approvalLines = ({ expiresAt, id, openedAt, previous, session, text }: Approval): string =>
  [
    `Approval ${Print.inline(id)} of session ${Print.inline(session)}`,
    `  ${Print.indented(text.title)}`,
    ...text.details.map(({ label, text }) => `  ${Print.inline(label)}: ${Print.indented(text)}`),
    ...(previous === undefined
      ? []
      : [`  Similar to approval ${Print.inline(previous)}, whose verdict does not cover it`]),
    `  Opened ${Print.time(openedAt / 1000)}, expires ${Print.time(expiresAt / 1000)}`
  ].join("\n")
