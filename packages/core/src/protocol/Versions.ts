/**
 * The differences between the versions of codex, in one table: methods, fields of parameters, server requests, notifications,
 * and behavior.
 *
 * The version that the server reports in the handshake is compared with the table. A method that the server does not know is
 * refused by the server, and the error names the version that added it. A field that the server does not know fails before it
 * is sent, since the server would silently ignore it. Additions that this package does not know are passed on as data. This
 * module sends nothing.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as SemVer from "effect/SemVer"
import { history } from "./internal/history.ts"
import type { History, Span } from "./internal/spans.ts"

export type {
  /** The versions that have a feature: from the one that added it, up to but excluding the one that removed it. */
  Span,
  /** Additions to the protocol and removals from it, by the names of methods and fields. */
  History
} from "./internal/spans.ts"

/**
 * A behavior that only some versions have, apart from the protocol's methods and fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Behavior extends Span {
  readonly what: string
}

/**
 * The oldest supported version of codex.
 *
 * @category constants
 * @since 0.1.0
 */
export const oldest = "0.162.0"

/**
 * All additions to the protocol and removals from it.
 *
 * @category constants
 * @since 0.1.0
 */
export const protocol: History = history

/**
 * The behaviors that differ between versions.
 *
 * @category constants
 * @since 0.1.0
 */
export const behaviors = {
  humanCommands: {
    since: "0.167.0",
    what: "An administrator can reserve commands for people (`prompt-user`), and the server requests a person's approval"
  },
  instructionsAsInput: {
    since: "0.162.0",
    what: "Base instructions reach the model as a developer message"
  },
  judgeAsksNobody: {
    since: "0.162.0",
    what: "A judge is not offered `request_user_input_async`; if it calls the tool, it has not answered"
  },
  subAgents: {
    since: "0.162.0",
    what: "The engine of a turn also decides for its sub-agents, which end with the turn; older servers do not name the root turn, so requests of sub-agents are declined"
  },
  catalogOfThreads: {
    since: "0.169.0",
    what: "A thread has its own model catalog, so a judge on a shared server is offered no tools; older servers offer it `exec` and `wait`, which can do nothing there"
  },
  mcpToolNamed: { since: "0.167.0", what: "The approval request of an MCP tool call names the tool" },
  forksListed: { since: "0.167.0", what: "`thread/list` includes a fork without a turn of its own" },
  toolOfMessages: {
    since: "0.171.0",
    what: "Some models are offered `send_message_to_user_async`; a judge is offered it only by a server that was started elsewhere"
  }
} as const satisfies Record<string, Behavior>

const read = (version: string): SemVer.SemVer | undefined => Result.getOrUndefined(SemVer.parse(version))

// A codex that was built from source always reports version 0.0.0.
const published = (version: string): SemVer.SemVer | undefined => {
  const found = read(version)
  return found === undefined || (found.major === 0 && found.minor === 0) ? undefined : found
}

/**
 * Whether a text is a version, such as `0.169.0` or `0.172.0-alpha.1`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isVersion = (text: string): boolean => read(text) !== undefined

/**
 * Whether a text is the version of a release or a pre-release, so that the table applies to the server. The `0.0.0` of a codex
 * that was built from source is not.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPublished = (version: string): boolean => published(version) !== undefined

/**
 * The first patch of a minor version: `0.162.0` for `0.162.1`.
 *
 * @category getters
 * @since 0.1.0
 */
export const minorOf = (version: string): string => version.replace(/^(\d+\.\d+)\.\d+.*$/, "$1.0")

/**
 * Whether a version is older than another one, in the order of Semantic Versioning: a pre-release is older than its release.
 * An unpublished version is never older, since such a server counts as current.
 *
 * @category comparing
 * @since 0.1.0
 */
export const isOlder = (version: string, than: string): boolean => {
  const [left, right] = [published(version), published(than)]
  return left !== undefined && right !== undefined && SemVer.isLessThan(left, right)
}

/**
 * Whether a version lies in a span.
 *
 * @category comparing
 * @since 0.1.0
 */
export const has = (version: string, { since, until }: Span): boolean =>
  (since === undefined || !isOlder(version, since)) &&
  (until === undefined || isOlder(version, until) || !isPublished(version))

/**
 * The version that added a method; `undefined` if all supported versions have it.
 *
 * @category getters
 * @since 0.1.0
 */
export const sinceOf = (method: string): string | undefined =>
  Object.hasOwn(history.requests, method) ? history.requests[method]?.since : undefined

/**
 * The first field of the parameters that an older server would ignore, and the version that added the field.
 *
 * @category getters
 * @since 0.1.0
 */
export const missingField = (
  version: string,
  method: string,
  params: unknown
): { readonly field: string; readonly since: string } | undefined => {
  if (!Predicate.isReadonlyObject(params)) return undefined
  for (const [name, value] of Object.entries(params)) {
    const field = `${method}.${name}`
    const since = Object.hasOwn(history.fields, field) ? history.fields[field]?.since : undefined
    // `null` and `false` mean the same as an omitted field.
    if (since !== undefined && value != null && value !== false && isOlder(version, since)) return { field, since }
  }
  return undefined
}

/**
 * The differences between a version and the newest known one: a line for each behavior that is missing or still there, then
 * one for each version that added or removed parts of the protocol, oldest first.
 *
 * @category getters
 * @since 0.1.0
 */
export const describe = (version: string): ReadonlyArray<string> => {
  const newest = history.versions.at(-1) ?? version
  const headingOf = (span: Span): string | undefined => {
    const isThere = has(version, span)
    if (isThere === has(newest, span)) return undefined
    return isThere ? `still there (removed in ${span.until})` : `missing (added in ${span.since})`
  }
  const parts = kinds.flatMap(([kind, spans]) =>
    Object.entries(spans).flatMap(([name, span]) => {
      const heading = headingOf(span)
      return heading === undefined ? [] : [{ heading, at: span.since ?? span.until ?? "", kind, name }]
    })
  )
  const headings = new Map(parts.map(({ at, heading }) => [heading, at]))
  const partsOf = (heading: string) =>
    kinds.flatMap(([kind]) => {
      const names = parts.filter((part) => part.heading === heading && part.kind === kind).map(({ name }) => name)
      return names.length === 0 ? [] : [`${kind} ${names.join(", ")}`]
    })
  return [
    ...Object.values<Behavior>(behaviors).flatMap(({ what, ...span }) => {
      const heading = headingOf(span)
      return heading === undefined ? [] : [`${heading}: ${what}`]
    }),
    ...Array.from(headings)
      .toSorted(([, a], [, b]) => (isOlder(a, b) ? -1 : isOlder(b, a) ? 1 : 0))
      .map(([heading]) => `${heading}: ${partsOf(heading).join("; ")}`)
  ]
}

const kinds: ReadonlyArray<readonly [kind: string, spans: { readonly [name: string]: Span }]> = [
  ["methods", history.requests],
  ["fields", history.fields],
  ["notifications", history.notifications],
  ["requests of the server", history.serverRequests]
]
