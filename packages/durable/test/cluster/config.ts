/** What a runner is told, and what it says. */

export interface RunnerConfig {
  readonly postgres: { readonly host: string; readonly schema: string }
  readonly port: number
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly lease: number
  /** A line for each verdict that was used. */
  readonly log: string
}

/** Said once it has its lease. */
export const owns = "this runner owns sessions"
