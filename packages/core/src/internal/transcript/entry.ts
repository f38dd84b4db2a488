/**
 * The format of a transcript's lines, and how to read them.
 *
 * The first line of a file is a header; every other line is an entry. Unknown entries of later versions are skipped. A header
 * of a later version is rejected when the file is opened.
 */
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Result from "effect/Result"

/** The version of the format. */
export const formatVersion = 1

/**
 * The first line of a transcript file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Header {
  /** The version of the format. */
  readonly transcript: number
  /** The id of the recording, the same in all of its files. */
  readonly recording: string
  /** The position of this file in the recording, from 1. */
  readonly part: number
  /** When the recording began, in milliseconds since 1970. */
  readonly at: number
  /** The version of codex, such as `0.171.0`; `unknown` if codex did not report it. */
  readonly codex: string
  /** `rollout` if the transcript was made from a rollout instead of a connection. */
  readonly source?: string | undefined
  /** How codex was started, if it was started here, secrets redacted. */
  readonly binary?: string | undefined
  readonly args?: ReadonlyArray<string> | undefined
  readonly cwd?: string | undefined
}

interface Timed {
  /** Milliseconds since the recording began. */
  readonly ms: number
}

/**
 * A message of the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received extends Timed {
  /** Its number among the messages of both directions, from 1. */
  readonly n: number
  /** The message, secrets redacted; a string if it was not JSON. */
  readonly in: unknown
  /**
   * The number of deltas of one item that were merged into this message. It has the number and the time of the first one, but is
   * written after the last one, so it is out of order.
   */
  readonly merged?: number | undefined
  /** When the last of them arrived. */
  readonly until?: number | undefined
}

/**
 * A message to the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent extends Timed {
  /** Its number among the messages of both directions, from 1. */
  readonly n: number
  /** The message, secrets redacted. */
  readonly out: unknown
}

/**
 * A decision on a request of the server, recorded before the answer was sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decided extends Timed {
  readonly decision: {
    readonly requestId: string | number
    /** As in `ObservedDecision`. */
    readonly decision: string
    readonly by?: string | undefined
    readonly reason?: string | undefined
  }
}

/**
 * The end of the connection: `closed` if the program closed it, else the fields of `ConnectionFailed`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ended extends Timed {
  readonly end: "closed" | { readonly reason: unknown; readonly stderr: ReadonlyArray<string> }
}

/**
 * The end of a recording whose connection continued.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stopped extends Timed {
  /** The reason. */
  readonly stopped: string
}

/**
 * The last entry of a transcript that was made from a rollout: the number of lines that have no entry.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skipped extends Timed {
  readonly skipped: {
    /** Unreadable lines, such as an incomplete one. */
    readonly unreadable: number
    /** Lines of more than 16 MiB. */
    readonly tooLong: number
    /** Lines of a kind that this version does not know. */
    readonly unknown: number
    /** The number of lines of each unknown kind, for at most 20 kinds. */
    readonly kinds: { readonly [kind: string]: number }
  }
}

/**
 * One line of a transcript.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = Received | Sent | Decided | Ended | Stopped | Skipped

/** A message of either direction. */
export type Message = Received | Sent

export const isMessage = (entry: Entry): entry is Message => "in" in entry || "out" in entry

/** Parses a line as JSON; `undefined` if it is not JSON. */
export const parse = (line: string): unknown => Result.getOrUndefined(Result.try((): unknown => JSON.parse(line)))

/** The value of a field, if it is a string. */
export const textIn = (value: unknown, name: string): string | undefined => {
  const found = Predicate.isReadonlyObject(value) ? value[name] : undefined
  return typeof found === "string" ? found : undefined
}

/** The value of a field. */
export const fieldIn = (value: unknown, name: string): unknown =>
  Predicate.isReadonlyObject(value) ? value[name] : undefined

const numberIn = (value: unknown, name: string): number | undefined => {
  const found = fieldIn(value, name)
  return typeof found === "number" ? found : undefined
}

const textsIn = (value: unknown, name: string): ReadonlyArray<string> => {
  const found = fieldIn(value, name)
  return Array.isArray(found) ? found.filter(Predicate.isString) : []
}

/** Reads a header of any version; `undefined` if the line is not a header. */
export const toHeader = (line: unknown): Header | undefined => {
  const transcript = numberIn(line, "transcript")
  const recording = textIn(line, "recording")
  const part = numberIn(line, "part")
  if (transcript === undefined || recording === undefined || part === undefined) return undefined
  return {
    transcript,
    recording,
    part,
    at: numberIn(line, "at") ?? 0,
    codex: textIn(line, "codex") ?? "unknown",
    source: textIn(line, "source"),
    binary: textIn(line, "binary"),
    args: textsIn(line, "args"),
    cwd: textIn(line, "cwd")
  }
}

const toDecision = (value: unknown): Decided["decision"] | undefined => {
  const requestId = fieldIn(value, "requestId")
  const decision = textIn(value, "decision")
  if ((typeof requestId !== "string" && typeof requestId !== "number") || decision === undefined) return undefined
  return { requestId, decision, by: textIn(value, "by"), reason: textIn(value, "reason") }
}

/** Reads an entry; `undefined` if this version does not know it. */
export const toEntry = (line: unknown): Entry | undefined => {
  if (!Predicate.isReadonlyObject(line)) return undefined
  const ms = numberIn(line, "ms") ?? 0
  const n = numberIn(line, "n") ?? 0
  if ("in" in line) {
    const merged = numberIn(line, "merged")
    return merged === undefined
      ? { n, ms, in: line["in"] }
      : { n, ms, in: line["in"], merged, until: numberIn(line, "until") ?? ms }
  }
  if ("out" in line) return { n, ms, out: line["out"] }
  if ("decision" in line) {
    const decision = toDecision(line["decision"])
    return decision === undefined ? undefined : { ms, decision }
  }
  if ("end" in line) {
    const end = line["end"]
    return { ms, end: end === "closed" ? end : { reason: fieldIn(end, "reason"), stderr: textsIn(end, "stderr") } }
  }
  if ("skipped" in line) {
    const { skipped } = line
    const kinds = fieldIn(skipped, "kinds")
    return {
      ms,
      skipped: {
        unreadable: numberIn(skipped, "unreadable") ?? 0,
        tooLong: numberIn(skipped, "tooLong") ?? 0,
        unknown: numberIn(skipped, "unknown") ?? 0,
        kinds: Predicate.isReadonlyObject(kinds) ? Record.filter(kinds, Predicate.isNumber) : {}
      }
    }
  }
  const stopped = textIn(line, "stopped")
  return stopped === undefined ? undefined : { ms, stopped }
}
