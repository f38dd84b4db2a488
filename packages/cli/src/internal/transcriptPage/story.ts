/**
 * The events of a transcript as pieces of a page, made while the entries pass and never larger than the page may be.
 *
 * It keeps no entry. Of a text that is long it keeps the beginning and the end, of items that are too many the headline, and
 * then their number. Everything that is left out is counted.
 */
import * as Notification from "@effect-codex/core/Notification"
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Stable"
import * as Transcript from "@effect-codex/core/Transcript"
import * as Predicate from "effect/Predicate"
import { clip, duration, escape, escapeLine } from "./html.ts"
import { diffHtml, show, type Shown } from "./items.ts"

/** One thing that happened, ready for the page. */
export interface Piece {
  readonly begin: number
  readonly end: number
  readonly group: Shown["group"] | "approval" | "error"
  readonly label: string
  readonly isFailure: boolean
  readonly html: string
}

/** One turn. */
export interface Turn {
  readonly threadId: string
  readonly id: string
  readonly begin: number
  end: number | undefined
  status: string
  readonly pieces: Array<Piece>
  /** How many pieces have no room on the page. */
  omitted: number
  plan: string
  diff: string
  tokens: number | undefined
}

/** Everything that a page shows. */
export interface Story {
  readonly turns: ReadonlyArray<Turn>
  /** Pieces without a turn. */
  readonly others: ReadonlyArray<Piece>
  readonly tokens: ReadonlyArray<readonly [ms: number, total: number]>
  readonly counts: Readonly<Record<string, number>>
  readonly end: string
  readonly ms: number
  /** How much was left out: pieces, and characters of texts. */
  readonly left: { readonly pieces: number; readonly characters: number }
}

export interface Teller {
  readonly take: (entry: Transcript.Entry) => void
  readonly story: () => Story
}

/** How many characters a page may have in all: the blocks of items stop first, then the items. */
const blocksUntil = 2_600_000
const piecesUntil = 3_600_000
/** How much is shown of one text. */
const textMax = 24_000
const headlineMax = 300
/** How many points a plot has at most. */
const pointsMax = 2000

const field = (value: unknown, name: string): unknown => (Predicate.isReadonlyObject(value) ? value[name] : undefined)

/** Makes the story of the entries that it is given. */
export const makeTeller = (): Teller => {
  const turns = new Map<string, Turn>()
  const current = new Map<string, Turn>()
  const others: Array<Piece> = []
  const begun = new Map<string, { readonly ms: number; readonly item: ThreadItem }>()
  const counts: Record<string, number> = {}
  const left = { pieces: 0, characters: 0 }
  const requests = Transcript.makeRequestFinder()
  let tokens: Array<readonly [number, number]> = []
  let tokenStride = 1
  let tokenReports = 0
  let spent = 0
  let ms = 0
  let end = "The recording has no end: its program was killed, or it still runs."

  const add = (name: string, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by
  }

  const turnOf = (threadId: string, turnId: string | undefined): Turn | undefined =>
    turnId === undefined ? current.get(threadId) : turns.get(`${threadId}/${turnId}`)

  const textHtml = (text: string, style: string): string => {
    if (text.trim() === "") return ""
    const max = style === "diff" ? 2 * textMax : textMax
    if (style === "diff" && text.length <= max) return `<pre class="diff">${diffHtml(text)}</pre>`
    const clipped = clip(text, max)
    left.characters += clipped.left
    return `<pre class="${style}">${clipped.html}</pre>`
  }

  const put = (
    turn: Turn | undefined,
    begin: number,
    until: number,
    shown: Omit<Shown, "group"> & Pick<Piece, "group">
  ) => {
    const length = shown.blocks.reduce((sum, { text }) => sum + text.length, 0)
    if (spent > piecesUntil) {
      left.pieces++
      left.characters += length
      if (turn !== undefined) turn.omitted++
      return
    }
    const hasRoom = spent + Math.min(length, 2 * textMax) < blocksUntil
    if (!hasRoom) left.characters += length
    const blocks = hasRoom ? shown.blocks.map(({ style, text }) => textHtml(text, style)).join("") : ""
    const status = shown.status === undefined ? "" : `<span class="status">${escapeLine(shown.status)}</span>`
    const time = `<time>${duration(begin)}${until > begin ? ` + ${duration(until - begin)}` : ""}</time>`
    const head = `<b>${escapeLine(shown.label)}</b> <span class="head">${escapeLine(shown.headline.slice(0, headlineMax).toWellFormed())}</span>${status}${time}`
    const className = `piece ${shown.group}${shown.isFailure ? " bad" : ""}`
    const isOpen = shown.group === "message" || shown.group === "error" ? " open" : ""
    const html =
      blocks === ""
        ? `<div class="${className}">${head}</div>`
        : `<details class="${className}"${isOpen}><summary>${head}</summary>${blocks}</details>`
    spent += html.length
    const piece: Piece = { begin, end: until, group: shown.group, label: shown.label, isFailure: shown.isFailure, html }
    ;(turn?.pieces ?? others).push(piece)
  }

  const putError = (turn: Turn | undefined, at: number, text: string) => {
    add("errors")
    put(turn, at, at, {
      group: "error",
      label: "error",
      headline: text.split("\n", 1)[0] ?? "",
      status: undefined,
      isFailure: true,
      blocks: text.includes("\n") || text.length > headlineMax ? [{ style: "text", text }] : []
    })
  }

  const putItem = (threadId: string, turnId: string, at: number, item: ThreadItem, isWhole: boolean) => {
    const shown = show(item)
    const id = item.type === "unknown" ? "" : item.id
    const key = `${threadId}/${id}`
    const begin = begun.get(key)?.ms ?? at
    begun.delete(key)
    if (shown.group === "message" && shown.headline === "" && shown.blocks.length === 0) return
    add(shown.group)
    if (shown.isFailure) add(`${shown.group}, failed`)
    put(turnOf(threadId, turnId), begin, at, isWhole ? shown : { ...shown, status: "not finished", isFailure: true })
  }

  const putRequest = (found: Transcript.RecordedRequest) => {
    const { request } = found
    const decision = found.decision ?? (found.answer === undefined ? "withdrawn" : "answered")
    const isRefused = ["decline", "cancel", "withdrawn"].includes(decision)
    add("approvals")
    add(isRefused ? "approvals, refused" : "approvals, accepted")
    const by = found.by === undefined ? "" : ` by ${found.by}`
    put(turnOf(request.threadId, request.turnId), found.ms, found.ms + Math.max(0, found.millis), {
      group: "approval",
      label: `approval: ${request.kind}`,
      headline: `${decision}${by}${found.reason === undefined ? "" : `: ${found.reason}`}`,
      status: `waited ${duration(Math.max(0, found.millis))}`,
      isFailure: isRefused,
      blocks: [{ style: "text", text: subjectOf(request) }]
    })
  }

  const addTokens = (at: number, total: number) => {
    if (tokenReports++ % tokenStride !== 0) return
    tokens.push([at, total])
    if (tokens.length <= pointsMax) return
    tokens = tokens.filter((_, index) => index % 2 === 0)
    tokenStride *= 2
  }

  const hear = (notification: Notification.Notification, at: number) => {
    switch (notification.method) {
      case "turn/started": {
        const { threadId, turn } = notification.params
        const begun: Turn = {
          threadId,
          id: turn.id,
          begin: at,
          end: undefined,
          status: "not finished",
          pieces: [],
          omitted: 0,
          plan: "",
          diff: "",
          tokens: undefined
        }
        turns.set(`${threadId}/${turn.id}`, begun)
        return current.set(threadId, begun)
      }
      case "turn/completed": {
        const { threadId, turn } = notification.params
        for (const [key, { item }] of begun) {
          if (key.startsWith(`${threadId}/`)) putItem(threadId, turn.id, at, item, false)
        }
        const ended = turnOf(threadId, turn.id)
        if (ended === undefined) return undefined
        ended.end = at
        ended.status = turn.status
        return turn.error == null ? undefined : putError(ended, at, turn.error.message)
      }
      case "item/started": {
        const { item, threadId } = notification.params
        return item.type === "unknown" ? undefined : begun.set(`${threadId}/${item.id}`, { ms: at, item })
      }
      case "item/completed": {
        const { item, threadId, turnId } = notification.params
        return putItem(threadId, turnId, at, item, true)
      }
      case "turn/plan/updated": {
        const { explanation, plan, threadId, turnId } = notification.params
        const turn = turnOf(threadId, turnId)
        if (turn === undefined) return undefined
        const steps = plan.map(({ status, step }) => `<li class="${planClass(status)}">${escapeLine(step)}</li>`)
        turn.plan = `<div class="plan">${explanation == null ? "" : `<p>${escape(explanation)}</p>`}<ul>${steps.join("")}</ul></div>`
        return undefined
      }
      case "turn/diff/updated": {
        const { diff, threadId, turnId } = notification.params
        const turn = turnOf(threadId, turnId)
        if (turn !== undefined) turn.diff = diff.length > 8 * textMax ? diff.slice(0, 8 * textMax) : diff
        return undefined
      }
      case "thread/tokenUsage/updated": {
        const { threadId, tokenUsage, turnId } = notification.params
        const turn = turnOf(threadId, turnId)
        if (turn !== undefined) turn.tokens = (turn.tokens ?? 0) + tokenUsage.last.totalTokens
        add("tokens", tokenUsage.last.totalTokens)
        return addTokens(at, counts["tokens"] ?? 0)
      }
      case "error": {
        const { error, threadId, turnId, willRetry } = notification.params
        return putError(turnOf(threadId, turnId), at, `${error.message}${willRetry ? " (trying again)" : ""}`)
      }
      case "warning":
        return putError(undefined, at, notification.params.message)
      default:
        return undefined
    }
  }

  return {
    take: (entry) => {
      ms = Math.max(ms, "in" in entry ? (entry.until ?? entry.ms) : entry.ms)
      const answered = requests.take(entry)
      if (answered !== undefined) putRequest(answered)
      if ("in" in entry || "out" in entry) add("messages")
      if ("end" in entry) {
        end =
          entry.end === "closed"
            ? "The program closed the connection."
            : `The connection ended: ${JSON.stringify(entry.end.reason)}`
      } else if ("stopped" in entry) end = `The recording ends before the connection: ${entry.stopped}`
      if (!("in" in entry)) return
      const method = field(entry.in, "method")
      // The text of an item comes with its end again.
      if (typeof method !== "string" || field(entry.in, "id") !== undefined || /delta$/i.test(method)) return
      hear(Notification.decode({ method, params: field(entry.in, "params") }, 0), entry.ms)
    },
    story: () => {
      for (const open of requests.rest()) putRequest(open)
      for (const [key, { item }] of begun) putItem(key.split("/")[0] ?? "", "", ms, item, false)
      return { turns: [...turns.values()], others, tokens, counts, end, ms, left }
    }
  }
}

const planClass = (status: string): string =>
  status === "completed" ? "done" : status === "inProgress" ? "doing" : "todo"

/** The subject of a request, in words. */
const subjectOf = ({ item, kind, params }: Transcript.RecordedRequest["request"]): string => {
  if (kind === "command") return [params.command ?? "", params.reason ?? ""].filter((part) => part !== "").join("\n")
  if (kind === "fileChange" && item?.type === "fileChange") return item.changes.map(({ path }) => path).join("\n")
  return JSON.stringify(params, undefined, 2)
}
