/**
 * The notifications of a turn as the parts of a response: text, reasoning, and codex's own work if the caller declared it.
 */
import type { Notification } from "@effect-codex/core/Notification"
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Experimental"
import type * as Response from "effect/ai/Response"
import { CodexCommand, CodexFileChange, CodexWebSearch } from "../CodexTools.ts"

type StreamPart = Response.StreamPartEncoded

const betweenSummaries = "\n\n"

export interface PartsOfTurn {
  /** The parts that a notification comes to. */
  readonly add: (notification: Notification) => ReadonlyArray<StreamPart>
  /** Ends what has begun: the response is over, and the turn may not be. */
  readonly end: () => ReadonlyArray<StreamPart>
  /** The finished items of codex's own work. */
  readonly work: () => ReadonlyArray<ThreadItem>
}

/** Facts about the items of a turn. A turn can be read in several responses, and an item can begin in an earlier one. */
export interface Memory {
  /** Messages that are not part of the answer. */
  readonly silent: Set<string>
  /** Items whose text came in pieces. */
  readonly streamed: Set<string>
}

export const makeMemory = (): Memory => ({ silent: new Set(), streamed: new Set() })

/** `declared` are the tools of codex that the caller knows; `withText` is false where the text comes at the end. */
export const makeParts = (
  declared: ReadonlySet<string>,
  withText: boolean,
  { silent, streamed }: Memory
): PartsOfTurn => {
  const open = new Map<string, "text" | "reasoning">()
  const work: Array<ThreadItem> = []

  const delta = (kind: "text" | "reasoning", id: string, text: string): ReadonlyArray<StreamPart> => {
    if (text === "") return []
    const begun = open.has(id)
    open.set(id, kind)
    streamed.add(id)
    return [...(begun ? [] : [{ type: `${kind}-start` as const, id }]), { type: `${kind}-delta`, id, delta: text }]
  }
  const close = (id: string): ReadonlyArray<StreamPart> => {
    const kind = open.get(id)
    open.delete(id)
    return kind === undefined ? [] : [{ type: `${kind}-end`, id }]
  }
  // A message that came in pieces is said already.
  const whole = (kind: "text" | "reasoning", id: string, text: string) => [
    ...(streamed.delete(id) ? [] : delta(kind, id, text)),
    ...close(id)
  ]

  const started = (item: ThreadItem): ReadonlyArray<StreamPart> => {
    if (item.type === "agentMessage" && (item.phase === "commentary" || item.delivery === "async")) silent.add(item.id)
    return callOf(item, declared)
  }
  const completed = (item: ThreadItem): ReadonlyArray<StreamPart> => {
    if (item.type === "agentMessage") {
      const isSilent = silent.delete(item.id) || item.phase === "commentary" || item.delivery === "async"
      return isSilent || !withText ? [] : whole("text", item.id, item.text)
    }
    if (item.type === "reasoning") return whole("reasoning", item.id, (item.summary ?? []).join(betweenSummaries))
    if (item.type !== "userMessage") work.push(item)
    return resultOf(item, declared)
  }

  return {
    add: (notification) => {
      switch (notification.method) {
        case "item/started":
          return started(notification.params.item)
        case "item/completed":
          return completed(notification.params.item)
        case "item/agentMessage/delta": {
          const { delta: text, itemId } = notification.params
          return silent.has(itemId) || !withText ? [] : delta("text", itemId, text)
        }
        case "item/reasoning/summaryTextDelta":
          return delta("reasoning", notification.params.itemId, notification.params.delta)
        case "item/reasoning/summaryPartAdded": {
          const { itemId } = notification.params
          return streamed.has(itemId) ? delta("reasoning", itemId, betweenSummaries) : []
        }
        default:
          return []
      }
    },
    end: () => Array.from(open.keys()).flatMap(close),
    work: () => work
  }
}

const callOf = (item: ThreadItem, declared: ReadonlySet<string>): ReadonlyArray<StreamPart> => {
  const call = (name: string, id: string, params: unknown): ReadonlyArray<StreamPart> =>
    declared.has(name) ? [{ type: "tool-call", id, name, params, providerExecuted: true }] : []
  switch (item.type) {
    case "commandExecution":
      return call(CodexCommand.name, item.id, { command: item.command, cwd: item.cwd })
    case "fileChange":
      return call(CodexFileChange.name, item.id, { changes: item.changes.map(({ diff, path }) => ({ diff, path })) })
    case "webSearch":
      return call(CodexWebSearch.name, item.id, { query: item.query })
    default:
      return []
  }
}

const resultOf = (item: ThreadItem, declared: ReadonlySet<string>): ReadonlyArray<StreamPart> => {
  const result = (name: string, id: string, value: unknown): ReadonlyArray<StreamPart> =>
    declared.has(name)
      ? [{ type: "tool-result", id, name, result: value, isFailure: false, providerExecuted: true, preliminary: false }]
      : []
  switch (item.type) {
    case "commandExecution":
      return result(CodexCommand.name, item.id, {
        status: item.status,
        output: item.aggregatedOutput ?? "",
        exitCode: item.exitCode ?? null
      })
    case "fileChange":
      return result(CodexFileChange.name, item.id, { status: item.status })
    case "webSearch":
      return result(CodexWebSearch.name, item.id, {})
    default:
      return []
  }
}

/** The parts of a stream as those of a whole response. */
export const collect = (parts: ReadonlyArray<StreamPart>): Array<Response.PartEncoded> => {
  const collected: Array<Response.PartEncoded> = []
  const texts = new Map<string, { readonly index: number; text: string }>()
  for (const part of parts) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        texts.set(part.id, { index: collected.length, text: "" })
        collected.push({ type: part.type === "text-start" ? "text" : "reasoning", text: "" })
        break
      case "text-delta":
      case "reasoning-delta": {
        const open = texts.get(part.id)
        if (open === undefined) break
        open.text += part.delta
        collected[open.index] = { type: part.type === "text-delta" ? "text" : "reasoning", text: open.text }
        break
      }
      case "tool-call":
      case "tool-result":
      case "response-metadata":
      case "finish":
        collected.push(part)
        break
    }
  }
  return collected
}
