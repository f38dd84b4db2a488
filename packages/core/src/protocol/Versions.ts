/**
 * What differs between the versions of codex, in one table: methods, fields of parameters, requests of the server,
 * notifications, and what a version does otherwise.
 *
 * The server's own version decides, as it names it in the handshake. A method that a server does not know fails there, with
 * the version that has it; a field that it does not know fails before it is sent, since the server would pass over it in
 * silence. What a server has that this package does not know is data. This module sends nothing.
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
  /** The versions that have something: from the first that has it, up to the first that has it no more. */
  Span,
  /** Additions and removals of the protocol, by the names of methods and of fields. */
  History
} from "./internal/spans.ts"

/**
 * What some versions do and others do not, beside the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface Behavior extends Span {
  readonly what: string
}

/**
 * The oldest version of codex that is expected to work.
 *
 * @category constants
 * @since 0.1.0
 */
export const oldest = "0.162.0"

/**
 * What came and went in the protocol.
 *
 * @category constants
 * @since 0.1.0
 */
export const protocol: History = history

/**
 * What versions do otherwise.
 *
 * @category constants
 * @since 0.1.0
 */
export const behaviors = {
  humanCommands: {
    since: "0.167.0",
    what: "An administrator can leave commands to people alone (`prompt-user`), and the server asks for a person"
  },
  instructionsAsInput: {
    since: "0.162.0",
    what: "Base instructions reach the model as a message of the developer"
  },
  judgeAsksNobody: {
    since: "0.162.0",
    what: "A judge is not offered `request_user_input_async`; one that uses it has not answered"
  },
  subAgents: {
    since: "0.162.0",
    what: "The engine of a turn decides for its sub-agents, and they end with it; older servers do not name the root turn, so sub-agents are declined"
  },
  catalogOfThreads: {
    since: "0.169.0",
    what: "A thread has its own catalog of models, so a judge on a shared server is offered no tool; before, `exec` and `wait`, which can do nothing there"
  },
  mcpToolNamed: { since: "0.167.0", what: "The approval of an MCP tool call names the tool" },
  forksListed: { since: "0.167.0", what: "`thread/list` has a fork that has had no turn of its own" },
  toolOfMessages: {
    since: "0.171.0",
    what: "Some models are offered `send_message_to_user_async`; a judge is not, unless its server was started elsewhere"
  }
} as const satisfies Record<string, Behavior>

const read = (version: string): SemVer.SemVer | undefined => Result.getOrUndefined(SemVer.parse(version))

// A codex that somebody built from source calls itself 0.0.0, whatever it is.
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
 * Whether a version is that of a release or a pre-release, so that the table tells what the server can do. Any other text is
 * not, and neither is the `0.0.0` of a codex that was built from source.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPublished = (version: string): boolean => published(version) !== undefined

/**
 * The first patch of a version's minor one: `0.162.0` of `0.162.1`.
 *
 * @category getters
 * @since 0.1.0
 */
export const minorOf = (version: string): string => version.replace(/^(\d+\.\d+)\.\d+.*$/, "$1.0")

/**
 * Whether a version is older than another one, in the order of Semantic Versioning: a pre-release is older than its release.
 * A version that was never published is not older: such a server is taken for a current one.
 *
 * @category comparing
 * @since 0.1.0
 */
export const isOlder = (version: string, than: string): boolean => {
  const [left, right] = [published(version), published(than)]
  return left !== undefined && right !== undefined && SemVer.isLessThan(left, right)
}

/**
 * Whether a version has what has this span.
 *
 * @category comparing
 * @since 0.1.0
 */
export const has = (version: string, { since, until }: Span): boolean =>
  (since === undefined || !isOlder(version, since)) &&
  (until === undefined || isOlder(version, until) || !isPublished(version))

/**
 * Since which version there is a method, if not all have it.
 *
 * @category getters
 * @since 0.1.0
 */
export const sinceOf = (method: string): string | undefined =>
  Object.hasOwn(history.requests, method) ? history.requests[method]?.since : undefined

/**
 * A field of the parameters that the server would pass over, because it is older, and the version that has it.
 *
 * @category getters
 * @since 0.1.0
 */
export const missingField = (
  version: string,
  method: string,
  params: unknown
): { readonly field: string; readonly since: string } | undefined => {
  const newest = history.versions.at(-1)
  // The usual case is a server that has everything.
  if (newest === undefined || !isOlder(version, newest) || !Predicate.isReadonlyObject(params)) return undefined
  for (const [name, value] of Object.entries(params)) {
    const field = `${method}.${name}`
    const since = Object.hasOwn(history.fields, field) ? history.fields[field]?.since : undefined
    // What a field is when it is left out asks for nothing.
    if (since !== undefined && value != null && value !== false && isOlder(version, since)) return { field, since }
  }
  return undefined
}

/**
 * How a version differs from the newest one that is known: a line for each behavior that is missing or still there, then one
 * for each version that added or removed parts of the protocol, oldest first.
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
