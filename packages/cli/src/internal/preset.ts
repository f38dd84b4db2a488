/**
 * The flags that each `--preset` stands for. Flags on the command line take precedence.
 */
const minutes = 60_000

/** The presets, from the most careful to the least. */
export const presets = {
  safe: {
    sandbox: "read-only",
    approvalPolicy: "untrusted",
    acceptAll: false,
    budgetTokens: 500_000,
    duration: 15 * minutes
  },
  edit: {
    sandbox: "workspace-write",
    approvalPolicy: "on-request",
    acceptAll: false,
    budgetTokens: 2_000_000,
    duration: 60 * minutes
  },
  yolo: {
    sandbox: "danger-full-access",
    approvalPolicy: "never",
    acceptAll: true,
    budgetTokens: undefined,
    duration: undefined
  }
} as const

export const presetNames = ["safe", "edit", "yolo"] as const
