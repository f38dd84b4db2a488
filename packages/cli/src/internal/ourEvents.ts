/**
 * Events of a run that the server does not send: what was decided on the agent's requests, what this program has to warn of,
 * and that the turn is being stopped.
 */
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"

export const approvalDecided = "approval/decided"

export const runStopping = "run/stopping"

export const stopping = (threadId: string): ResponseEvent => ({
  type: runStopping,
  phase: "system",
  threadId,
  messageText: "Stopping. Another Ctrl-C does not wait.",
  raw: {}
})

export const runWarning = "run/warning"

export const warning = (messageText: string): ResponseEvent => ({
  type: runWarning,
  phase: "system",
  // It may come before there is a thread.
  threadId: "",
  messageText,
  raw: {}
})
