/** What tests of stores share: a spec, names, and the usual way of a job. */
import type { Change, Commit, NewApproval, SessionStore } from "@effect-codex/durable/SessionStore"
import type { AttemptEnd } from "@effect-codex/durable/Job"
import type { SessionSpec } from "@effect-codex/durable/Session"
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

export type Store = SessionStore["Service"]

export const spec: SessionSpec = {
  tenant: "acme",
  policy: "careful",
  tools: ["weather"],
  workspace: "repo",
  thread: { sandbox: "workspace-write", approvalPolicy: "on-request" },
  onCrash: "continue",
  maxAttempts: 3
}

export const thread = "thread-1"
export const rolloutPath = "2026/11/27/rollout-1.jsonl"

/** A folder that is gone with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-codex-store-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** A SQLite store in a folder of its own. */
export const sqlite = Effect.flatMap(folder, (folder) => SqliteStore.make({ file: path.join(folder, "sessions.db") }))

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (pieces: ReadonlyArray<Uint8Array>): string => Buffer.concat([...pieces]).toString("utf8")

export const rollout = (offset: number, text: string, ends: ReadonlyArray<string> = [], version = 1): Change => ({
  type: "rolloutAppended",
  threadId: thread,
  path: rolloutPath,
  version,
  offset,
  bytes: bytesOf(text),
  ends
})

export const message = (id: string, text: string) => ({ type: "agentMessage", id, text }) as const

export const item = (key: string, attempt: number, turnId: string, id: string, text = "hello"): Change => ({
  type: "itemCompleted",
  key,
  attempt,
  threadId: thread,
  turnId,
  item: message(id, text)
})

/** From the start of an attempt to its turn. */
export const admit = (key: string, attempt: number, turnId: string): ReadonlyArray<Change> => [
  { type: "attemptStarted", key, attempt },
  { type: "promptSent", key, attempt, threadId: thread, messageId: `${key}#${attempt}` },
  { type: "turnAdmitted", key, attempt, turnId }
]

export const end = (key: string, attempt: number, end: AttemptEnd): Change => ({
  type: "attemptEnded",
  key,
  attempt,
  end
})

export const completed = (key: string, turnId: string, text = "done"): Change => ({
  type: "jobSettled",
  key,
  outcome: { type: "completed", turnId, text }
})

export const approval = (id: string, key: string, attempt: number, more: Partial<NewApproval> = {}): Change => ({
  type: "approvalOpened",
  approval: {
    id,
    key,
    attempt,
    threadId: thread,
    turnId: `turn-${attempt}`,
    subject: { kind: "command", command: "npm publish", folder: "/work" },
    text: { title: "Run npm publish?", details: [{ label: "Folder", text: "/work" }] },
    isGrantable: true,
    expiresAt: 86_400_000,
    ...more
  }
})

/** Commits at once. */
export const committing =
  (store: Store, epoch: number, session = "s") =>
  (...changes: ReadonlyArray<Change>) => {
    const commit: Commit = { epoch, session, changes, isUrgent: true }
    return store.commit(commit)
  }

/** A store with a session, a job and an owner. */
export const begin = Effect.fnUntraced(function* (store: Store) {
  yield* store.openSession("s", spec)
  yield* store.addJob({ session: "s", key: "k", prompt: "Do it." })
  const lease = yield* store.lease()
  return { lease, commit: committing(store, lease.epoch) }
})

/** The clock of a process that is an hour ahead: for everybody else no time has passed. */
export const later = Effect.map(Clock.Clock, (clock): Clock.Clock => {
  const later = clock.currentTimeMillisUnsafe() + 3_600_000
  return {
    currentTimeMillisUnsafe: () => later,
    currentTimeMillis: Effect.succeed(later),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    currentTimeNanos: clock.currentTimeNanos,
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
})
