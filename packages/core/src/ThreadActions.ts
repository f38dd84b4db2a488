/**
 * What can be done with one thread, beside turns: the functions of `codex.thread` as its handle has them, without the id.
 *
 * @since 0.1.0
 */
import type { ThreadGroup } from "./Groups.ts"

type Actions =
  | "archive"
  | "backgroundTerminalsClean"
  | "backgroundTerminalsList"
  | "backgroundTerminalsTerminate"
  | "compactStart"
  | "goalClear"
  | "goalGet"
  | "goalSet"
  | "itemsList"
  | "nameSet"
  | "queueAdd"
  | "queueDelete"
  | "queueList"
  | "queueReorder"
  | "queueStart"
  | "queueUpdate"
  | "read"
  | "revert"
  | "rollback"
  | "turnsList"

/**
 * The functions of a thread's handle that are those of `codex.thread`.
 *
 * @category models
 * @since 0.1.0
 */
export type ThreadActions = {
  readonly [K in Actions]: ThreadGroup[K] extends (threadId: string, ...rest: infer Rest) => infer Result
    ? (...rest: Rest) => Result
    : never
}

/**
 * The functions of one thread, from those that take its id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (group: ThreadGroup, threadId: string): ThreadActions => ({
  archive: () => group.archive(threadId),
  backgroundTerminalsClean: () => group.backgroundTerminalsClean(threadId),
  backgroundTerminalsList: (params) => group.backgroundTerminalsList(threadId, params),
  backgroundTerminalsTerminate: (params) => group.backgroundTerminalsTerminate(threadId, params),
  compactStart: () => group.compactStart(threadId),
  goalClear: () => group.goalClear(threadId),
  goalGet: () => group.goalGet(threadId),
  goalSet: (params) => group.goalSet(threadId, params),
  itemsList: (params) => group.itemsList(threadId, params),
  nameSet: (params) => group.nameSet(threadId, params),
  queueAdd: (params) => group.queueAdd(threadId, params),
  queueDelete: (params) => group.queueDelete(threadId, params),
  queueList: (params) => group.queueList(threadId, params),
  queueReorder: (params) => group.queueReorder(threadId, params),
  queueStart: (params) => group.queueStart(threadId, params),
  queueUpdate: (params) => group.queueUpdate(threadId, params),
  read: (params) => group.read(threadId, params),
  revert: (params) => group.revert(threadId, params),
  rollback: (params) => group.rollback(threadId, params),
  turnsList: (params) => group.turnsList(threadId, params)
})
