/**
 * Moves a session into a codex home and out of it: its rollouts are what moves, with those of its sub-agents.
 *
 * A server that has a thread loaded writes to the file that it opened, so a rollout is replaced only while no server of the home has its
 * thread loaded. A home that was left has nothing that the store has not. Names and goals of threads stay behind. A home is known
 * by a file in it: a new folder at the same place is another home.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { CodexError } from "@effect-codex/core/CodexError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { Session } from "../../Session.ts"
import type { Change, Rollout, SessionStore } from "../../SessionStore.ts"
import * as Restore from "../rollout/restore.ts"
import { Blocked } from "../blocked.ts"

const idFile = "effect-codex-home"

/** How long a thread may take to be unloaded. */
const unloadWait = "10 seconds"

/** The id of a codex home. The first who asks makes it up. */
export const idOf = (home: string): Effect.Effect<string, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${home}/${idFile}`
    const read = fs.readFileString(file)
    const make = fs.writeFileString(file, globalThis.crypto.randomUUID(), { flag: "wx", mode: 0o600 })
    const id = yield* Effect.catch(read, () => Effect.andThen(Effect.ignore(make), read))
    // Somebody else has made the file and not written it yet.
    return id === "" ? yield* Effect.delay(read, "100 millis") : id
  })

const loaded = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  return new Set((yield* codex.request("thread/loaded/list", {})).data)
})

/** Has the server let go of threads. Tells whether it did. */
export const unload = Effect.fnUntraced(function* (
  threads: ReadonlyArray<string>
): Effect.fn.Return<boolean, CodexError, Codex.Codex> {
  const codex = yield* Codex.Codex
  const there = Effect.map(loaded, (ids) => threads.filter((id) => ids.has(id)))
  const before = yield* there
  yield* Effect.forEach(before, (threadId) => Effect.ignore(codex.request("thread/unsubscribe", { threadId })), {
    discard: true
  })
  if (before.length === 0) return true
  const after = yield* there.pipe(
    Effect.repeat({
      until: (ids) => ids.length === 0,
      schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: unloadWait }))
    })
  )
  return typeof after === "object" ? after.length === 0 : (yield* there).length === 0
})

interface Options {
  readonly store: SessionStore["Service"]
  readonly session: Session
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<unknown, CommitRefused | StaleOwner | StoreFailed>
  /** Ends the server, which has not let go of a thread. */
  readonly endServer: Effect.Effect<void>
}

/** The newest version of each rollout of a session. */
const newest = (rollouts: ReadonlyArray<Rollout>): ReadonlyArray<Rollout> =>
  Array.from(new Map(rollouts.map((rollout) => [rollout.threadId, rollout])).values())

/** Has the home of the server have the rollouts as the store has them, unless it is the home that they are in anyway. */
export const moveIn = Effect.fnUntraced(function* ({ commit, endServer, session, store }: Options) {
  const codex = yield* Codex.Codex
  const { codexHome } = codex.serverInfo
  const home = yield* idOf(codexHome)
  if (session.home === home) return
  const rollouts = newest(yield* store.rollouts(session.id)).filter(({ length }) => length > 0)
  if (!(yield* unload(rollouts.map(({ threadId }) => threadId)))) {
    yield* endServer
    return yield* new Blocked({
      tag: "ThreadLoaded",
      description: "an app-server did not let go of its thread and was ended. It is tried again"
    })
  }
  yield* Effect.forEach(rollouts, (rollout) => write(store, session.id, codexHome, rollout), { discard: true })
  yield* commit([{ type: "movedIn", home }])
})

const write = Effect.fnUntraced(function* (
  store: SessionStore["Service"],
  session: string,
  codexHome: string,
  { path, threadId, version }: Rollout
) {
  const { join } = yield* Path.Path
  const parts = path.split("/")
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return yield* new Blocked({
      tag: "RolloutMisplaced",
      description: `the store has a rollout at ${JSON.stringify(path)}`
    })
  }
  yield* Restore.write(join(codexHome, "sessions", ...parts), store.rolloutBytes({ session, threadId, version }))
})
