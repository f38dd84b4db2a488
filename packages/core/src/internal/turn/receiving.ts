/**
 * Receives the notifications of a turn: tells the turn's life what happened, and gives them to its record. Those that arrive
 * before the turn has an id are kept until it is known which of them are about it.
 *
 * The reader calls it for each notification, so nothing here waits or creates an effect.
 */
import { ProtocolViolation } from "../../CodexError.ts"
import * as Notification from "../../Notification.ts"
import type { Life } from "./life.ts"
import type * as Machine from "./machine.ts"
import type { TurnRecord } from "./record.ts"

export interface ReceiverOptions {
  readonly threadId: string
  readonly life: Pick<Life, "apply" | "state">
  readonly record: Pick<TurnRecord, "add" | "addOfSubAgent" | "keepEarly">
  /** More than the limit arrived before the turn had an id. */
  readonly onTooMuchEarly: (error: ProtocolViolation) => void
}

export const makeReceiver = ({ life, onTooMuchEarly, record, threadId }: ReceiverOptions) => {
  const keep = (notification: Notification.Notification) => {
    const { phase, turnId } = life.state()
    if (phase === "running" && turnId !== undefined) record.add(notification, turnId)
    else if (phase === "starting") keepEarly(notification)
    else return
    if (isUnreadableEnd(notification) && Notification.turnIdOf(notification) === turnId) {
      const error = new ProtocolViolation({ method: "turn/completed", description: notification.reason })
      life.apply({ _tag: "Lost", error })
    }
  }

  const keepEarly = (notification: Notification.Notification) => {
    const bytes = record.keepEarly(notification)
    if (bytes === undefined) return
    const description = `the server sent ${bytes} bytes about the thread before it answered`
    onTooMuchEarly(new ProtocolViolation({ method: "turn/start", description }))
  }

  const onNotification = (notification: Notification.Notification): void => {
    if (Notification.threadIdOf(notification) !== threadId) return record.addOfSubAgent(notification)
    const message = messageOf(notification)
    if (message === undefined) return keep(notification)
    const { phase } = life.state()
    if (phase === "waiting" || phase === "over") return
    const isEnd = message._tag === "Completed" || message._tag === "Aborted"
    if (!isEnd) life.apply(message)
    keep(notification)
    if (isEnd) life.apply(message)
  }

  return onNotification
}

// The message for the state machine in a notification of the turn's thread, if it has one.
const messageOf = (notification: Notification.Notification): Machine.Message | undefined => {
  switch (notification.method) {
    case "turn/started": {
      const { id, rootTurnId } = notification.params.turn
      return { _tag: "Began", turnId: id, rootTurnId: rootTurnId ?? undefined }
    }
    case "turn/completed":
      return { _tag: "Completed", turn: notification.params.turn }
    case "error": {
      const { error, turnId, willRetry } = notification.params
      return willRetry ? undefined : { _tag: "Aborted", turnId, error }
    }
    case "item/started": {
      const { item, turnId } = notification.params
      if (item.type === "userMessage") return { _tag: "Prompted", turnId, clientId: item.clientId }
      const isShell = item.type === "commandExecution" && item.source === "userShell"
      return isShell ? { _tag: "Prompted", turnId, clientId: null } : undefined
    }
    default:
      return undefined
  }
}

const isUnreadableEnd = (notification: Notification.Notification): notification is Notification.UnknownNotification =>
  notification.method === "unknown" && notification.raw.method === "turn/completed"
