/**
 * The types of the protocol's history.
 */

/**
 * The versions that have a feature: from `since` up to but excluding `until`.
 */
export interface Span {
  readonly since?: string
  readonly until?: string
}

/**
 * The additions to the protocol and removals from it, by the names of methods and fields (`turn/start.rootTurnId`). Methods and
 * fields that all versions have are not listed.
 */
export interface History {
  /** The newest patch of each minor version, oldest first. */
  readonly versions: ReadonlyArray<string>
  readonly requests: { readonly [method: string]: Span }
  readonly serverRequests: { readonly [method: string]: Span }
  readonly notifications: { readonly [method: string]: Span }
  readonly fields: { readonly [field: string]: Span }
}
