/**
 * Follows the rollout of a thread: complete lines go to the store, at the offset where they stand, and into the digest.
 *
 * The first look compares the stored bytes with the file, piece by piece, and later looks read what was added. A look that
 * fails leaves everything as it was, so it can be repeated. Nothing is ever whole in memory but a line. This module starts no
 * turn.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { Change, SessionStore } from "../../SessionStore.ts"
import { Blocked } from "../owner/blocked.ts"
import { addLines, type Digest, empty, endsIn } from "./digest.ts"
import { decode, lengthOf, type Rest, split } from "./lines.ts"

export interface Follower {
  /** All complete lines that were read. */
  readonly digest: () => Digest
  /** Whether there is a file. */
  readonly exists: () => boolean
  /** Reads what was added, and stores it. */
  readonly catchUp: Effect.Effect<void, FollowError>
}

export type FollowError = Blocked | CommitRefused | PlatformError | StaleOwner | StoreFailed

export interface Options {
  readonly store: Pick<SessionStore["Service"], "rolloutBytes" | "rollouts">
  readonly session: string
  readonly threadId: string
  /** Of the file. */
  readonly path: string
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<unknown, CommitRefused | StaleOwner | StoreFailed>
}

/** The longest line that is read, in bytes: 64 Mi. */
const maxLine = 67_108_864

const chunkSize = 262_144

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Follower, FollowError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const { commit, path, session, store, threadId } = options
  const stored = (yield* store.rollouts(session)).findLast((rollout) => rollout.threadId === threadId)
  let version = stored?.version ?? 1
  let length = 0
  let digest = empty
  let exists = false

  const size = fs.stat(path).pipe(
    Effect.map((info) => Number(info.size)),
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.undefined
    )
  )

  const read = (offset: number, bytesToRead?: number) =>
    fs.stream(path, { offset, chunkSize, ...(bytesToRead === undefined ? {} : { bytesToRead }) })

  // The stored bytes are complete lines, and have to be the beginning of the file.
  const compare = Effect.gen(function* () {
    if (stored === undefined || stored.length === 0) return true
    if (((yield* size) ?? 0) < stored.length) return false
    let isPrefix = true
    let rest: Rest = []
    yield* store.rolloutBytes({ session, threadId, version: stored.version }).pipe(
      Stream.takeWhile(() => isPrefix),
      Stream.runForEach((piece) =>
        Effect.gen(function* () {
          let at = 0
          yield* Stream.runForEach(read(length, piece.length), (chunk) =>
            Effect.sync(() => {
              if (chunk.some((byte, index) => byte !== piece[at + index])) isPrefix = false
              at += chunk.length
            })
          )
          if (at !== piece.length) isPrefix = false
          if (!isPrefix) return
          length += piece.length
          const lines = split(rest, piece)
          rest = lines.rest
          digest = addLines(digest, decode(lines.bytes))
        })
      )
    )
    return isPrefix
  })

  const add = Effect.gen(function* () {
    const bytes = yield* size
    if (bytes === undefined) return
    exists = true
    if (bytes < length) return yield* diverged(threadId, path)
    let rest: Rest = []
    yield* Stream.runForEach(read(length), (chunk) =>
      Effect.gen(function* () {
        const next = split(rest, chunk)
        rest = next.rest
        if (lengthOf(rest) > maxLine) return yield* tooLong(threadId, path)
        if (next.bytes.length === 0) return
        const lines = decode(next.bytes)
        yield* commit([
          {
            type: "rolloutAppended",
            threadId,
            path: relative(path),
            version,
            offset: length,
            bytes: next.bytes,
            ends: endsIn(lines)
          }
        ])
        length += next.bytes.length
        digest = addLines(digest, lines)
      })
    )
  })

  const isPrefix = yield* compare
  if (!isPrefix) {
    // Both are kept: the file as a version of its own.
    version += 1
    length = 0
    digest = empty
    yield* add
    return yield* diverged(threadId, path)
  }
  const one = Semaphore.makeUnsafe(1)
  const catchUp = one.withPermits(1)(add)
  yield* catchUp
  return { catchUp, digest: () => digest, exists: () => exists }
})

const diverged = (threadId: string, path: string) =>
  new Blocked({
    tag: "RolloutDiverged",
    description: `the rollout of thread ${threadId} at ${path} does not begin with the stored bytes: somebody replaced it, or it lost its end. Both are kept. Restore the file, or open a new session.`
  })

const tooLong = (threadId: string, path: string) =>
  new Blocked({
    tag: "RolloutTooLong",
    description: `the rollout of thread ${threadId} at ${path} has a line of more than ${maxLine} bytes`
  })

// The folder below the codex home, which may move.
const relative = (path: string): string => {
  const parts = path.split(/[\\/]/)
  const at = parts.lastIndexOf("sessions")
  return parts.slice(at + 1).join("/")
}
