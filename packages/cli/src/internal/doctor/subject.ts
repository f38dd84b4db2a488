/**
 * The codex that is looked at, as its process is started.
 */
export interface Subject {
  readonly binary?: string | undefined
  /** Default: `["app-server"]`. */
  readonly args?: ReadonlyArray<string> | undefined
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly extendEnv?: boolean | undefined
}
