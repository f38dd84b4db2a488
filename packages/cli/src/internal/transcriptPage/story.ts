/**
 * Turns the entries of a transcript into pieces of a page, one by one, within the size limit of the page.
 *
 * It keeps no entry. Long texts are shortened in the middle; if there are too many items, it first keeps only their headlines and
 * then only their number. All omissions are counted.
 */
import * as Notification from "@effect-codex/core/Notification"
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Stable"
import * as Transcript from "@effect-codex/core/Transcript"
import * as Predicate from "effect/Predicate"
import { clip, count, duration, escape, escapeLine } from "./html.ts"
import { diffHtml, show, type Shown } from "./items.ts"

/** One thing that happened, ready for the page. */
export interface Piece {
  readonly begin: number
  readonly end: number
  readonly group: Shown["group"] | "approval" | "error" | "warning"
  readonly label: string
  readonly isFailure: boolean
  readonly html: string
}

/** One thing that happened, in the words that two runs are compared by. */
export interface Fact {
  readonly label: string
  readonly subject: string
  /** Its end: a status with the exit code, or the verdict with who gave it. */
  readonly outcome: string
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
  /** The facts to compare; empty unless `hasFacts`. */
  readonly facts: Array<Fact>
  /** The last message of the agent. */
  answer: string
}

/** Options of a teller. */
export interface TellOptions {
  /** The `source` of its header. */
  readonly source?: string | undefined
  /** How many recordings share the page. Default: 1. */
  readonly runs?: number | undefined
  /** Whether facts are kept to compare them. Default: false. */
  readonly hasFacts?: boolean | undefined
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
  /** More notes for the reader. */
  readonly notes: ReadonlyArray<string>
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

/** So many facts of a run are compared. */
const factsMax = 20_000

/** Makes the story of the entries that it is given. */
export const makeTeller = ({ hasFacts = false, runs = 1, source }: TellOptions = {}): Teller => {
  const turns = new Map<string, Turn>()
  const current = new Map<string, Turn>()
  const others: Array<Piece> = []
  const begun = new Map<string, { readonly ms: number; readonly item: ThreadItem }>()
  const counts: Record<string, number> = {}
  const left = { pieces: 0, characters: 0 }
  const notes: Array<string> = []
  const requests = Transcript.makeRequestFinder()
  let tokens: Array<readonly [number, number]> = []
  let tokenStride = 1
  let tokenReports = 0
  let spent = 0
  let facts = 0
  let ms = 0
  let end =
    source === undefined
      ? "The recording has no end: its program was killed, or it still runs."
      : `A ${source} does not say how the connection ended.`

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
    if (spent > piecesUntil / runs) {
      left.pieces++
      left.characters += length
      if (turn !== undefined) turn.omitted++
      return
    }
    const hasRoom = spent + Math.min(length, 2 * textMax) < blocksUntil / runs
    if (!hasRoom) left.characters += length
    const blocks = hasRoom ? shown.blocks.map(({ style, text }) => textHtml(text, style)).join("") : ""
    const status = shown.status === undefined ? "" : `<span class="status">${escapeLine(shown.status)}</span>`
    const time = `<time>${duration(begin)}${until > begin ? ` + ${duration(until - begin)}` : ""}</time>`
    const head = `${time}<b>${escapeLine(shown.label)}</b> <span class="head">${escapeLine(shown.headline.slice(0, headlineMax).toWellFormed())}</span>${status}`
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

  const putFact = (turn: Turn | undefined, label: string, subject: string, outcome: string) => {
    if (!hasFacts || turn === undefined || ++facts > factsMax) return
    turn.facts.push({ label, subject: subject.slice(0, headlineMax), outcome: outcome.slice(0, headlineMax) })
  }

  const putError = (turn: Turn | undefined, at: number, text: string, group: "error" | "warning" = "error") => {
    add(`${group}s`)
    putFact(turn, group, text, "")
    put(turn, at, at, {
      group,
      label: group,
      headline: text.split("\n", 1)[0] ?? "",
      status: undefined,
      isFailure: group === "error",
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
    const turn = turnOf(threadId, turnId)
    if (turn !== undefined && item.type === "agentMessage" && item.text.trim() !== "") {
      turn.answer = clipText(item.text)
    }
    const told = isWhole ? shown : { ...shown, status: "not finished", isFailure: true }
    // The answer is compared as a whole.
    if (told.label !== "answer") putFact(turn, told.label, told.headline, told.status ?? "")
    put(turn, begin, at, told)
  }

  const putRequest = (found: Transcript.RecordedRequest) => {
    const { request } = found
    const decision = found.decision ?? (found.answer === undefined ? "withdrawn" : "answered")
    const isRefused = ["decline", "cancel", "withdrawn"].includes(decision)
    add("approvals")
    add(isRefused ? "approvals, refused" : "approvals, accepted")
    const by = found.by === undefined ? "" : ` by ${found.by}`
    const turn = turnOf(request.threadId, request.turnId)
    putFact(turn, `approval: ${request.kind}`, shortSubjectOf(request), `${decision}${by}`)
    put(turn, found.ms, found.ms + Math.max(0, found.millis), {
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
          tokens: undefined,
          facts: [],
          answer: ""
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
        return putError(undefined, at, notification.params.message, "warning")
      default:
        return undefined
    }
  }

  return {
    take: (entry) => {
      ms = Math.max(ms, "in" in entry ? (entry.until ?? entry.ms) : entry.ms)
      const answered = requests.take(entry)
      if (answered !== undefined) putRequest(answered)
      if (source === undefined && ("in" in entry || "out" in entry)) add("messages")
      if ("end" in entry) {
        end =
          entry.end === "closed"
            ? "The program closed the connection."
            : `The connection ended: ${JSON.stringify(entry.end.reason)}`
      } else if ("stopped" in entry) end = `The recording ends before the connection: ${entry.stopped}`
      else if ("skipped" in entry) notes.push(...skippedNotes(entry))
      if (!("in" in entry)) return
      const method = field(entry.in, "method")
      // The text of an item comes with its end again.
      if (typeof method !== "string" || field(entry.in, "id") !== undefined || /delta$/i.test(method)) return
      hear(Notification.decode({ method, params: field(entry.in, "params") }, 0), entry.ms)
    },
    story: () => {
      if (facts > factsMax)
        notes.push(`Of ${count(facts)} items, approvals and errors, ${count(factsMax)} are compared.`)
      for (const open of requests.rest()) putRequest(open)
      for (const [key, { item }] of begun) putItem(key.split("/")[0] ?? "", "", ms, item, false)
      return { turns: [...turns.values()], others, tokens, counts, end, ms, left, notes }
    }
  }
}

const clipText = (text: string): string => (text.length <= textMax ? text : text.slice(0, textMax).toWellFormed())

/** The skipped lines, in words; empty if none were. */
export const skippedNotes = ({ skipped }: Transcript.Skipped): ReadonlyArray<string> => {
  const { kinds, tooLong, unknown, unreadable } = skipped
  const parts = [
    unreadable === 0 ? undefined : `${count(unreadable)} that can't be read`,
    tooLong === 0 ? undefined : `${count(tooLong)} of more than 16 MiB`,
    unknown === 0 ? undefined : `${count(unknown)} of a kind that is not known (${Object.keys(kinds).join(", ")})`
  ].filter(Predicate.isNotUndefined)
  return parts.length === 0 ? [] : [`Lines that are not shown: ${parts.join(", ")}.`]
}

const planClass = (status: string): string =>
  status === "completed" ? "done" : status === "inProgress" ? "doing" : "todo"

/** The subject of a request, in words. */
const subjectOf = ({ item, kind, params }: Transcript.RecordedRequest["request"]): string => {
  if (kind === "command") return [params.command ?? "", params.reason ?? ""].filter((part) => part !== "").join("\n")
  if (kind === "fileChange" && item?.type === "fileChange") return item.changes.map(({ path }) => path).join("\n")
  return JSON.stringify(params, undefined, 2)
}

/** The same in short, without what differs from run to run. */
const shortSubjectOf = (request: Transcript.RecordedRequest["request"]): string => {
  if (request.kind === "command") return request.params.command ?? ""
  if (request.kind === "fileChange" && request.item?.type === "fileChange") return subjectOf(request)
  const fields = Object.entries(request.params).filter(([name]) => !/(?:Id|AtMs)$/.test(name))
  return JSON.stringify(Object.fromEntries(fields))
}
