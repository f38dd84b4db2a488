/**
 * The lines of a transcript, and how they are read.
 *
 * The first line of a file is a header, each of the others is one entry. Entries that a later version adds
 * are skipped. A header of a later version is refused when the file is opened.
 */
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Result from "effect/Result"

/** The version of the format. */
export const formatVersion = 1

/**
 * The first line of a file of a transcript.
 *
 * @category models
 * @since 0.1.0
 */
export interface Header {
  /** The version of the format. */
  readonly transcript: number
  /** One id for all files of a recording. */
  readonly recording: string
  /** Which file of the recording it is, from 1. */
  readonly part: number
  /** When the recording began, in milliseconds since 1970. */
  readonly at: number
  /** The version of codex, such as `0.171.0`; `unknown` if it did not say. */
  readonly codex: string
  /** `rollout`, if it was made of one and is not the recording of a connection. */
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
  /** The message, secrets redacted; a text if it was not JSON. */
  readonly in: unknown
  /**
   * How many deltas of one item this one stands for. It has the number and the time of the first of them, and is written when
   * the last one has come, so it is not in order.
   */
  readonly merged?: number | undefined
  /** When the last of them came. */
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
 * A decision on a request of the server, noted before the answer was sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decided extends Timed {
  readonly decision: {
    readonly requestId: string | number
    /** As `ObservedDecision` has it. */
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
 * Here the recording ends, though the connection did not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stopped extends Timed {
  /** Why. */
  readonly stopped: string
}

/**
 * The last entry of a transcript that was made of a rollout: how many of its lines have no entry.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skipped extends Timed {
  readonly skipped: {
    /** Lines that can't be read, such as one that was cut off. */
    readonly unreadable: number
    /** Lines of more than 16 MiB. */
    readonly tooLong: number
    /** Lines of a kind that this version does not know. */
    readonly unknown: number
    /** How many of each unknown kind, for at most 20 kinds. */
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

/** A line as JSON; `undefined` if it is none. */
export const parse = (line: string): unknown => Result.getOrUndefined(Result.try((): unknown => JSON.parse(line)))

/** A field that is a text. */
export const textIn = (value: unknown, name: string): string | undefined => {
  const found = Predicate.isReadonlyObject(value) ? value[name] : undefined
  return typeof found === "string" ? found : undefined
}

/** A field, of whatever form. */
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

/** A header; `undefined` if the line is none, whatever its version. */
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

/** An entry; `undefined` if it is none that this version knows. */
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
