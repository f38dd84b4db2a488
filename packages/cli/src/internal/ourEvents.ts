/**
 * Events of a run that the server does not send: the settings of its thread, decisions on the agent's requests, warnings of
 * this program, and that the turn is being stopped.
 */
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import type { Thread, ThreadSettings } from "@effect-codex/core/Thread"

export const runSettings = "run/settings"

const sandboxOf = ({ sandbox }: ThreadSettings): string => {
  switch (sandbox.type) {
    case "readOnly":
      return "read-only"
    case "workspaceWrite":
      return ["workspace-write", ...(sandbox.writableRoots ?? []).map((folder) => `and ${folder}`)].join(" ")
    case "dangerFullAccess":
      return "danger-full-access"
    case "externalSandbox":
      return "external"
    default:
      return "unknown"
  }
}

const approvalsOf = ({ approvalPolicy }: ThreadSettings): string =>
  typeof approvalPolicy === "string" ? approvalPolicy : "granular"

/** The settings, one per line. Without any, the thread was loaded before this run. */
const settingsLines = (settings: ThreadSettings | undefined, decidedBy: string): ReadonlyArray<string> =>
  settings === undefined
    ? [`Approvals: ${decidedBy}`]
    : [
        `Model: ${settings.model}`,
        `Sandbox: ${sandboxOf(settings)}`,
        `Approvals: ${approvalsOf(settings)}, ${decidedBy}`,
        `Folder: ${settings.cwd}`
      ]

/** The settings of the run, after `thread/ready`. */
export const settings = (thread: Thread, decidedBy: string): ResponseEvent => ({
  type: runSettings,
  phase: "system",
  threadId: thread.id,
  messageText: settingsLines(thread.settings, decidedBy).join("\n"),
  raw: { ...thread.settings, decidedBy }
})

export const approvalDecided = "approval/decided"

export const runStopping = "run/stopping"

export const stopping = (threadId: string): ResponseEvent => ({
  type: runStopping,
  phase: "system",
  threadId,
  messageText: "Stopping the turn. Press Ctrl-C again to exit at once.",
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
