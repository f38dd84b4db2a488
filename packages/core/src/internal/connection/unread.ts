/**
 * Unread notifications: their size, and how adjacent deltas merge. The buffers themselves only know values.
 */
import * as Predicate from "effect/Predicate"
import * as Struct from "effect/Struct"
import type { KeepOptions } from "../delivery/buffer.ts"
import type { KnownNotification, Notification } from "../../Notification.ts"

/**
 * How unread notifications are measured and bounded: adjacent deltas of one item are merged into one with all of their text,
 * until that is long. Nothing else is merged, and nothing is dropped.
 */
export const buffering: KeepOptions<Notification> = {
  highWater: 1024,
  // The most that the text can take in memory.
  bytes: (notification) => 2 * notification.length,
  merge: (last, next) => {
    const merged = mergeNext(last, next)
    if (merged === undefined) flatten(last)
    return merged
  }
}

const mergeNext = (last: Notification, next: Notification): Notification | undefined => {
  switch (last.method) {
    case "item/agentMessage/delta":
      return next.method === last.method ? mergeDeltas(last, next) : undefined
    case "item/plan/delta":
      return next.method === last.method ? mergeDeltas(last, next) : undefined
    case "item/commandExecution/outputDelta":
      return next.method === last.method ? mergeDeltas(last, next) : undefined
    case "item/reasoning/textDelta":
      return next.method === last.method ? mergeDeltas(last, next) : undefined
    case "item/reasoning/summaryTextDelta":
      return next.method === last.method ? mergeDeltas(last, next) : undefined
    default:
      return undefined
  }
}

// The optimizing compiler of V8 leaves out a read whose result is not kept.
const lastRead = { character: 0 }

// V8 keeps joined strings as a tree, which takes several times the memory of short deltas. Reading a character makes one string
// of it, which is worth it once nothing more is added.
const flatten = (last: Notification) => {
  if (last.merged === undefined || last.method === "unknown") return
  if ("delta" in last.params && typeof last.params.delta === "string")
    lastRead.character = last.params.delta.charCodeAt(0)
}

interface Delta extends Pick<KnownNotification<"item/agentMessage/delta">, "length" | "merged"> {
  readonly params: { readonly delta: string }
  readonly raw: unknown
}

// A delta of this many UTF-16 code units takes no more text; the next one is kept apart.
const longestMerged = 65_536

// Two deltas belong to the same text if their parameters only differ in that text.
const mergeDeltas = <D extends Delta>(last: D, next: D): D | undefined => {
  if (last.params.delta.length >= longestMerged) return undefined
  const names = Struct.keys(last.params)
  // One of them may have a field of a newer server.
  let others = 0
  for (const _name in next.params) others++
  if (names.length !== others) return undefined
  for (const key of names) {
    if (key !== "delta" && last.params[key] !== next.params[key]) return undefined
  }
  const params = { ...last.params, delta: last.params.delta + next.params.delta }
  return {
    ...last,
    params,
    merged: (last.merged ?? 1) + (next.merged ?? 1),
    // Only the text adds to the length: the rest of the message exists once.
    length: last.length + next.params.delta.length,
    raw: { ...(Predicate.isReadonlyObject(last.raw) ? last.raw : {}), params }
  }
}
