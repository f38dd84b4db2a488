/**
 * Follows the rollout of a thread: complete lines go to the store, at the offset where they stand, and into the digest.
 *
 * The first look compares the stored bytes with the file, piece by piece, and later looks read what was added. A look that
 * fails leaves everything as it was, so it can be repeated; but once the file has differed, nothing more of it is followed.
 * Nothing is ever whole in memory but a line. This module starts no turn.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { BlockedRollout } from "../../Session.ts"
import type { Change, SessionStore } from "../../SessionStore.ts"
import { Blocked } from "../blocked.ts"
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
  // Of what is stored, which was read up to here.
  let length = stored?.length ?? 0
  let digest = empty
  let exists = false
  let inode: bigint | undefined
  let failure: Blocked | undefined

  const info = fs.stat(path).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.undefined
    )
  )

  const read = (offset: number, bytesToRead?: number) =>
    fs.stream(path, { offset, chunkSize, ...(bytesToRead === undefined ? {} : { bytesToRead }) })

  // The stored bytes are complete lines, and have to be the beginning of the file.
  const isBeginning = Effect.gen(function* () {
    let at = 0
    let isSame = true
    let lines = empty
    let rest: Rest = []
    yield* store.rolloutBytes({ session, threadId, version }).pipe(
      Stream.takeWhile(() => isSame),
      Stream.runForEach((piece) =>
        Effect.gen(function* () {
          let compared = 0
          yield* Stream.runForEach(read(at, piece.length), (chunk) =>
            Effect.sync(() => {
              if (chunk.some((byte, index) => byte !== piece[compared + index])) isSame = false
              compared += chunk.length
            })
          )
          if (compared !== piece.length) isSame = false
          if (!isSame) return
          at += piece.length
          const complete = split(rest, piece)
          rest = complete.rest
          lines = addLines(lines, decode(complete.bytes))
        })
      )
    )
    if (isSame) digest = lines
    return isSame
  })

  const appended = (bytes: Uint8Array, ends: ReadonlyArray<string>): Change => ({
    type: "rolloutAppended",
    threadId,
    path: relative(path),
    version,
    offset: length,
    bytes,
    ends
  })

  const append = Effect.gen(function* () {
    let rest: Rest = []
    yield* Stream.runForEach(read(length), (chunk) =>
      Effect.gen(function* () {
        const next = split(rest, chunk)
        rest = next.rest
        if (lengthOf(rest) > maxLine) return yield* tooLong(threadId, path)
        if (next.bytes.length === 0) return
        const lines = decode(next.bytes)
        yield* commit([appended(next.bytes, endsIn(lines))])
        length += next.bytes.length
        digest = addLines(digest, lines)
      })
    )
  })

  // Both are kept: the file as a version of its own, which blocks the session from its first byte on.
  const diverge = Effect.gen(function* () {
    const rollout: BlockedRollout = { threadId, version, choices: ["file", "stored"] }
    const block = diverged(rollout, path)
    failure = block
    version += 1
    length = 0
    const { message, tag } = block
    yield* commit([{ type: "blocked", block: { tag, message, rollout } }, appended(new Uint8Array(), [])])
    yield* append
    return yield* block
  })

  const look = Effect.gen(function* () {
    if (failure !== undefined) return yield* failure
    const file = yield* info
    if (file === undefined) {
      if (length > 0) return yield* lost(threadId, version)
      return
    }
    const number = Option.getOrUndefined(file.ino)
    // The first look, or another file under the same name.
    if (!exists || number !== inode) {
      if (Number(file.size) < length || !(yield* isBeginning)) return yield* diverge
      exists = true
      inode = number
    }
    if (Number(file.size) < length) return yield* diverge
    yield* append
  })

  const one = Semaphore.makeUnsafe(1)
  const catchUp = one.withPermits(1)(look)
  yield* catchUp
  return { catchUp, digest: () => digest, exists: () => exists }
})

const diverged = (rollout: BlockedRollout, path: string) =>
  new Blocked({
    tag: "RolloutDiverged",
    description: `the rollout of thread ${rollout.threadId} at ${path} does not begin with the stored bytes: somebody replaced it, or it lost its end. Both are kept. Resume the session with the one to continue with`,
    rollout,
    isStored: true
  })

/** The error of a rollout that the store has and the codex home has not. */
export const lost = (threadId: string, version: number) =>
  new Blocked({
    tag: "RolloutLost",
    description: `the codex home has no rollout of thread ${threadId}, and the store has one. Restore the file, or resume the session with the stored one`,
    rollout: { threadId, version, choices: ["stored"] }
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
