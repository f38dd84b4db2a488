/**
 * Converts a rollout, the history that codex keeps of a thread, to entries of a transcript: the notifications that a program
 * would have received.
 *
 * A rollout lacks the messages of the program, deltas and approvals, so its entries can be shown, but not played. Unknown kinds
 * of lines are counted.It reads lines, not files.
 */
import * as Predicate from "effect/Predicate"
import * as Redaction from "../../Redaction.ts"
import { type Entry, fieldIn, formatVersion, type Header, parse, textIn } from "./entry.ts"
import { itemOf, millisIn, planOf, toolItem, usageOf } from "./rolloutItems.ts"

/** Replaces a line that is too long to be read. */
export const tooLong = Symbol("tooLong")

export interface RolloutReader {
  readonly take: (line: string | typeof tooLong) => ReadonlyArray<Entry>
  /** Call it after the last line. The last entry counts the skipped lines. */
  readonly end: () => ReadonlyArray<Entry>
}

type Json = { readonly [K: string]: unknown }

interface Line {
  readonly at: number | undefined
  readonly type: string
  readonly payload: Json
}

const toLine = (text: string): Line | undefined => {
  const value = parse(text)
  const type = textIn(value, "type")
  const payload = fieldIn(value, "payload")
  if (type === undefined || !Predicate.isReadonlyObject(payload)) return undefined
  return { at: momentIn(value, "timestamp"), type, payload }
}

const momentIn = (value: unknown, name: string): number | undefined => {
  const millis = Date.parse(textIn(value, name) ?? "")
  return Number.isNaN(millis) ? undefined : millis
}

/** The header made from the first line of a rollout; `undefined` if the line is not the first one of a rollout. */
export const headerOf = (text: string): Header | undefined => {
  const line = toLine(text)
  const id = textIn(line?.payload, "id")
  if (line?.type !== "session_meta" || id === undefined) return undefined
  return {
    transcript: formatVersion,
    recording: id,
    part: 1,
    at: line.at ?? momentIn(line.payload, "timestamp") ?? 0,
    codex: Redaction.text(textIn(line.payload, "cli_version") ?? "unknown"),
    source: "rollout",
    cwd: Redaction.text(textIn(line.payload, "cwd") ?? "")
  }
}

/** Events and lines with nothing to show: settings, and messages that also exist as items. */
const silent: ReadonlySet<string> = new Set([
  "session_meta",
  "turn_context",
  "world_state",
  "token_usage_record",
  "retained_context",
  "event_msg/thread_settings_applied",
  "event_msg/item_started",
  "event_msg/exec_command_begin",
  "event_msg/patch_apply_begin",
  "event_msg/mcp_tool_call_begin",
  "event_msg/web_search_begin",
  "response_item/message",
  "response_item/reasoning"
])

/** How many kinds of unknown lines are counted separately, and the maximum length of their names in UTF-16 code units. */
const kindsMax = 20
const kindLength = 80

/** The maximum size of held calls without an item, in UTF-16 code units. */
const heldMax = 8_388_608

interface Call {
  readonly turnId: string
  readonly at: number
  readonly name: string
  readonly args: unknown
  readonly size: number
  output: { readonly at: number; readonly value: unknown } | undefined
}

/** Makes a reader of the lines of the rollout from which the header was made. */
export const makeRolloutReader = ({ at: begun, recording: threadId }: Header): RolloutReader => {
  const skipped = { unreadable: 0, tooLong: 0, unknown: 0 }
  const kinds = new Map<string, number>()
  const calls = new Map<string, Call>()
  let held = 0
  let n = 0
  let ms = 0
  let turnId = ""
  let impliedTurns = 0
  let isOpen = false
  const known = new Set<string>()
  /** Whether codex writes items. Older versions only write events and calls. */
  let hasItems = false
  let total: number | undefined
  let entries: Array<Entry> = []

  const since = (at: number | undefined): number => (at === undefined ? ms : Math.max(0, at - begun))

  const push = (at: number, message: unknown) => {
    entries.push({ n: ++n, ms: at, in: message })
  }

  const emit = (at: number, method: string, params: Json) => {
    push(at, Redaction.value({ method, params: { threadId, ...params } }))
  }

  const start = (id: string) => {
    turnId = id
    isOpen = true
    if (known.has(id)) return
    known.add(id)
    emit(ms, "turn/started", { turn: { id, items: [], status: "inProgress", error: null } })
  }

  // Early versions do not write the start of a turn. There, a turn starts with a message of the user.
  const turnOf = (id: string | undefined): string => {
    // An item can end after its turn is over and another one runs.
    if (id !== undefined && known.has(id)) return id
    if (id !== undefined || !isOpen) start(id ?? `turn ${++impliedTurns}`)
    return turnId
  }

  const finish = (payload: Json, status: string) => {
    const error = textIn(payload["error"], "message")
    const id = turnOf(textIn(payload, "turn_id"))
    release((call) => call.turnId === id)
    const turn = {
      id,
      items: [],
      status: error === undefined ? status : "failed",
      error: error === undefined ? null : { message: error }
    }
    emit(ms, "turn/completed", { turn })
    if (id === turnId) isOpen = false
  }

  const put = (whole: Json, from: number, until: number, turnId: string) => {
    const item = Redaction.value(whole)
    const begin = Predicate.isReadonlyObject(item) ? { ...item, status: "inProgress" } : item
    push(from, { method: "item/started", params: { threadId, turnId, startedAtMs: begun + from, item: begin } })
    push(until, { method: "item/completed", params: { threadId, turnId, completedAtMs: begun + until, item } })
  }

  const forget = (id: string) => {
    held -= calls.get(id)?.size ?? 0
    calls.delete(id)
  }

  const release = (isDue: (call: Call) => boolean) => {
    for (const [id, call] of calls) {
      if (!isDue(call)) continue
      forget(id)
      put(toolItem(id, call.name, call.args, call.output?.value), call.at, call.output?.at ?? call.at, call.turnId)
    }
  }

  const hold = (id: string, call: Call) => {
    forget(id)
    calls.set(id, call)
    held += call.size
    for (const [oldest] of calls) {
      if (held <= heldMax) break
      release((call) => call === calls.get(oldest))
    }
  }

  const unknown = (kind: string) => {
    skipped.unknown++
    const name = Redaction.text(kind).slice(0, kindLength).toWellFormed()
    if (kinds.has(name) || kinds.size < kindsMax) kinds.set(name, (kinds.get(name) ?? 0) + 1)
  }

  const takeItem = (payload: Json) => {
    const item = itemOf(payload["item"])
    if (item === undefined) return unknown(`event_msg/${textIn(payload, "type") ?? ""}`)
    hasItems = true
    forget(textIn(item, "id") ?? "")
    const until = since(millisIn(payload, "completed_at_ms"))
    put(item, Math.min(since(millisIn(payload, "started_at_ms")), until), until, turnOf(textIn(payload, "turn_id")))
  }

  const takeEvent = (payload: Json, type: string) => {
    switch (type) {
      case "task_started":
      case "turn_started":
        return start(textIn(payload, "turn_id") ?? `turn ${++impliedTurns}`)
      case "task_complete":
      case "turn_complete":
        return finish(payload, "completed")
      case "turn_aborted":
        return finish(payload, "interrupted")
      case "item_completed":
        return takeItem(payload)
      case "token_count": {
        const usage = usageOf(payload["info"])
        // It is repeated with each change of the limits.
        if (usage === undefined || usage.total.totalTokens === total) return undefined
        total = usage.total.totalTokens
        return emit(ms, "thread/tokenUsage/updated", { turnId, tokenUsage: usage })
      }
      case "error":
        return emit(ms, "error", { turnId, willRetry: false, error: { message: textIn(payload, "message") ?? "" } })
      case "warning":
        return emit(ms, "warning", { message: textIn(payload, "message") ?? "" })
      case "context_compacted":
        return emit(ms, "thread/compacted", { turnId })
    }
    const item = itemOf({ ...payload, id: textIn(payload, "call_id") ?? `${type} ${n}` })
    if (item === undefined) return unknown(`event_msg/${type}`)
    if (hasItems) return undefined
    if (item["type"] === "userMessage" && impliedTurns > 0) isOpen = false
    forget(textIn(item, "id") ?? "")
    return put(item, Math.max(0, ms - (millisIn(item, "durationMs") ?? 0)), ms, turnOf(textIn(payload, "turn_id")))
  }

  // A call usually has an item, which contains more. Without an item, only the call is known.
  const takeResponse = (payload: Json, type: string, size: number) => {
    const id = textIn(payload, "call_id") ?? textIn(payload, "id")
    if (id === undefined || (!type.endsWith("_call") && !type.endsWith("_call_output"))) {
      return unknown(`response_item/${type}`)
    }
    if (type.endsWith("_output")) {
      const call = calls.get(id)
      if (call === undefined || call.output !== undefined) return undefined
      call.output = { at: ms, value: payload["output"] }
      if (!hasItems) release((each) => each === call)
      return undefined
    }
    const turnId = turnOf(undefined)
    const name = textIn(payload, "name") ?? type
    const args = payload["arguments"] ?? payload["input"] ?? payload["action"]
    const plan = name === "update_plan" ? planOf(args) : undefined
    if (plan !== undefined) return emit(ms, "turn/plan/updated", { turnId, ...plan })
    return hold(id, { turnId, at: ms, name, args, size, output: undefined })
  }

  const taken = (): ReadonlyArray<Entry> => {
    const all = entries
    entries = []
    return all
  }

  return {
    take: (text) => {
      if (text === tooLong) {
        skipped.tooLong++
        return []
      }
      if (text.trim() === "") return []
      const line = toLine(text)
      if (line === undefined) {
        skipped.unreadable++
        return []
      }
      ms = since(line.at)
      const { payload, type } = line
      const inner = textIn(payload, "type") ?? ""
      const kind = type === "event_msg" || type === "response_item" ? `${type}/${inner}` : type
      if (silent.has(kind)) return []
      if (type === "event_msg") takeEvent(payload, inner)
      else if (type === "response_item") takeResponse(payload, inner, text.length)
      else if (type === "compacted") emit(ms, "thread/compacted", { turnId })
      else unknown(kind)
      return taken()
    },
    end: () => {
      release(() => true)
      return [...taken(), { ms, skipped: { ...skipped, kinds: Object.fromEntries(kinds) } }]
    }
  }
}
