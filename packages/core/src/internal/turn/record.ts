/**
 * The record of a turn so far: collected into its response, counted, handed to its consumers, and watched for progress.
 *
 * Called by the reader for each notification, so nothing here waits and nothing makes an effect. It does not know whether the
 * turn runs, or is stopped: that is in `life.ts`.
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
  /** Takes what the server says on the turn's thread. What is about another turn is left out. */
  readonly add: (notification: Notification.Notification, turnId: string) => void
  /** Takes what the server says on a thread that the turn has spawned. */
  readonly addOfSubAgent: (notification: Notification.Notification) => void
  /** Keeps what comes before the turn has a name. Tells how many bytes that is if it is more than is kept. */
  readonly keepEarly: (notification: Notification.Notification) => number | undefined
  /** Takes what was kept. */
  readonly addEarly: (turnId: string) => void
  readonly dropEarly: () => void
  readonly response: () => AgentResponse
  /** The items under way, by thread and id. */
  readonly items: ItemsInProgress
  /** A request of the server is being answered, or no more. */
  readonly answering: (change: 1 | -1) => void
  readonly watched: Watched
  /** The method of the last notification about the turn, and the last error that the server tries to get over. */
  readonly last: () => { readonly event: string | undefined; readonly error: string }
}

export interface RecordOptions {
  readonly threadId: string
  readonly place: Place
  readonly spans: TurnSpans
  readonly buffer: Buffer<Notification.Notification, TurnStreamError> | undefined
  readonly includeEvents: boolean
  readonly maxTextLength: number
  /** The bytes that are kept before the turn has a name. */
  readonly maxEarlyBytes: number
  readonly now: () => number
  readonly lastReceivedAt: () => number
  readonly turnId: () => string | undefined
  /** Whether nothing is expected of the turn for a reason of its own. */
  readonly isWaiting: () => boolean
  /** Called when the agent has written more than is kept. */
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
