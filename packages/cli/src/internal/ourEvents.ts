/**
 * Events of a run that the server does not send: what was decided on the agent's requests, and that it is being stopped.
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
