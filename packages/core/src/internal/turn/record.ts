/**
 * The record of a turn so far: collects its response, counts its tokens, delivers its notifications to consumers, and tracks its
 * progress.
 *
 * The reader calls it for each notification, so nothing here waits or creates an effect. It does not know whether the turn runs
 * or is stopped: `life.ts` does.
 */
import type { AgentResponse } from "../../AgentResponse.ts"
import type { TurnStreamError } from "../../CodexError.ts"
import * as Notification from "../../Notification.ts"
import * as ResponseEvent from "../../ResponseEvent.ts"
import { followItem, type ItemsInProgress, makeItemsInProgress } from "../approval/items.ts"
import type { Buffer } from "../delivery/buffer.ts"
import { makeCollector } from "./collector.ts"
import type { Place } from "./place.ts"
import type { TurnSpans } from "./spans.ts"
import type { Watched } from "./watchdog.ts"

export interface TurnRecord {
  /** Adds a notification of the turn's thread. Those about another turn are left out. */
  readonly add: (notification: Notification.Notification, turnId: string) => void
  /** Adds a notification of a thread that the turn has spawned. */
  readonly addOfSubAgent: (notification: Notification.Notification) => void
  /** Keeps a notification until the turn has an id. Returns the number of bytes if that exceeds the limit. */
  readonly keepEarly: (notification: Notification.Notification) => number | undefined
  /** Adds the notifications that were kept. */
  readonly addEarly: (turnId: string) => void
  readonly dropEarly: () => void
  readonly response: () => AgentResponse
  /** The items in progress, by thread and id. */
  readonly items: ItemsInProgress
  /** Call it with 1 when the answering of a server request starts, and with -1 when it ends. */
  readonly answering: (change: 1 | -1) => void
  readonly watched: Watched
  /** The method of the last notification about the turn, and the last error after which the server tries again. */
  readonly last: () => { readonly event: string | undefined; readonly error: string }
}

export interface RecordOptions {
  readonly threadId: string
  readonly place: Place
  readonly spans: TurnSpans
  readonly buffer: Buffer<Notification.Notification, TurnStreamError> | undefined
  readonly includeEvents: boolean
  readonly maxTextLength: number
  /** The limit for notifications that are kept until the turn has an id, in bytes. */
  readonly maxEarlyBytes: number
  readonly now: () => number
  readonly lastReceivedAt: () => number
  readonly turnId: () => string | undefined
  /** Whether the turn still waits to be started, so that no progress is expected. */
  readonly isWaiting: () => boolean
  /** Called when the agent has written more text than the limit. */
  readonly onTooLong: () => void
}

export const makeRecord = (options: RecordOptions): TurnRecord => {
  const { buffer, lastReceivedAt, now, place, spans, threadId } = options
  const collector = makeCollector(threadId, options.maxTextLength, place.tokens)
  const items = makeItemsInProgress()
  const toEvent = ResponseEvent.makeFromNotification(threadId)
  const events = options.includeEvents ? [ResponseEvent.threadReady(threadId)] : undefined
  let early: Array<Notification.Notification> = []
  let earlyBytes = 0
  let answering = 0
  let lastEvent: string | undefined
  let lastError = ""

  const emit = (notification: Notification.Notification) => {
    events?.push(toEvent(notification))
    buffer?.offer(notification)
  }

  const watched: Watched = {
    movedAt: now(),
    retryingSince: undefined,
    isWaiting: options.isWaiting,
    isBusy: () => items.working() > 0 || answering > 0,
    isAsked: () => answering > 0,
    onSilent: (silentMs) => emit(Notification.silent({ threadId, turnId: options.turnId() ?? "", silentMs })),
    wake: undefined
  }

  const followProgress = (notification: Notification.Notification) => {
    if (notification.method === "error" && notification.params.willRetry) {
      lastError = notification.params.error.message
      if (watched.retryingSince !== undefined) return
      watched.retryingSince = now()
      watched.wake?.()
      return
    }
    watched.retryingSince = undefined
    watched.movedAt = lastReceivedAt()
  }

  const add: TurnRecord["add"] = (notification, turnId) => {
    const about = Notification.turnIdOf(notification)
    if (about !== undefined && about !== turnId) return
    collector.add(notification)
    if (collector.isTooLong()) options.onTooLong()
    followItem(notification, items, spans)
    if (about !== undefined) {
      lastEvent = notification.method
      followProgress(notification)
    }
    emit(notification)
    if (notification.method === "thread/tokenUsage/updated") place.checkTokens()
  }

  const dropEarly = () => {
    early = []
    earlyBytes = 0
  }

  return {
    add,
    addOfSubAgent: (notification) => {
      followItem(notification, items, spans)
      watched.movedAt = lastReceivedAt()
      if (notification.method !== "thread/tokenUsage/updated") return
      place.tokens.addSubAgent(notification.params.threadId, notification.params.tokenUsage)
      place.checkTokens()
    },
    keepEarly: (notification) => {
      earlyBytes += notification.length
      if (earlyBytes <= options.maxEarlyBytes) {
        early.push(notification)
        return undefined
      }
      early = []
      return earlyBytes
    },
    addEarly: (turnId) => {
      for (const notification of early) add(notification, turnId)
      early = []
    },
    dropEarly,
    response: () => {
      const response = collector.response(events)
      return { ...response, turnId: response.turnId ?? options.turnId() }
    },
    items,
    answering: (change) => {
      answering += change
      if (change < 0) watched.movedAt = now()
    },
    watched,
    last: () => ({ event: lastEvent, error: lastError })
  }
}
