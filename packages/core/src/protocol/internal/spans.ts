/**
 * The form of the protocol's history.
 */

/**
 * The versions that have something: from `since` on, and no longer from `until` on.
 */
export interface Span {
  readonly since?: string
  readonly until?: string
}

/**
 * What came and went in the protocol, by the names of methods and of fields (`turn/start.rootTurnId`). What all versions
 * have is not listed.
 */
export interface History {
  /** Of each minor version its newest patch, oldest first. */
  readonly versions: ReadonlyArray<string>
  readonly requests: { readonly [method: string]: Span }
  readonly serverRequests: { readonly [method: string]: Span }
  readonly notifications: { readonly [method: string]: Span }
  readonly fields: { readonly [field: string]: Span }
}
