/**
 * Makes sure that a trail has only one writer, on any file system: the owner of a lock file touches it at intervals.
 *
 * A killed process leaves its lock behind. Another process takes it over once it has not been touched for a while. This module
 * knows one path, and nothing about trails.
 */
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** Another process holds the lock. */
export class Locked extends Data.TaggedError("Locked")<{ readonly lock: string }> {}

/** Whether this process still holds the lock. */
export type Held = Effect.Effect<boolean>

const touchEvery = Duration.seconds(2)
const staleAfter = Duration.seconds(6)
const lookEvery = Duration.millis(500)
/** For this long, two processes that found the same stale lock may not know of each other. */
const takeOverSettles = Duration.millis(250)

const ignoreNotFound = <A>(
  effect: Effect.Effect<A, PlatformError.PlatformError>
): Effect.Effect<A | undefined, PlatformError.PlatformError> =>
  Effect.catch(effect, (error) => (error.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(error)))

/** Holds `lock` until the scope closes. Waits a few seconds at most, in case an existing lock is stale. */
export const acquire = Effect.fnUntraced(function* (
  lock: string
): Effect.fn.Return<Held, Locked | PlatformError.PlatformError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const token = yield* Effect.provide(
    Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4()),
    SecureRandom.layerWebCrypto
  )

  const create = fs.writeFileString(lock, token, { flag: "wx", mode: 0o600 }).pipe(
    Effect.as(true),
    Effect.catchIf(
      (error) => error.reason._tag === "AlreadyExists",
      () => Effect.succeed(false)
    )
  )
  const holder = Effect.map(fs.readFileString(lock).pipe(ignoreNotFound), (found) => found ?? "")
  const touched = Effect.map(fs.stat(lock).pipe(ignoreNotFound), (info) =>
    info === undefined ? undefined : Option.getOrElse(info.mtime, () => new Date(0)).getTime()
  )
  const held: Held = Effect.orElseSucceed(
    Effect.map(holder, (holder) => holder === token),
    () => false
  )

  const takeOver = Effect.gen(function* () {
    yield* fs.rename(lock, `${lock}.${token}`).pipe(ignoreNotFound)
    yield* fs.remove(`${lock}.${token}`, { force: true })
    if (!(yield* create)) return false
    yield* Effect.sleep(takeOverSettles)
    return yield* held
  })

  const take = Effect.gen(function* () {
    const [before, by] = [yield* touched, yield* holder]
    while (true) {
      if (before === undefined) return yield* create
      const age = (yield* Clock.currentTimeMillis) - before
      if (age > Duration.toMillis(staleAfter)) return yield* takeOver
      yield* Effect.sleep(lookEvery)
      if ((yield* touched) !== before || (yield* holder) !== by) return yield* create
    }
  })

  yield* Effect.acquireRelease(
    Effect.gen(function* () {
      if (!(yield* create) && !(yield* take)) return yield* new Locked({ lock })
    }),
    () => Effect.ignore(Effect.flatMap(held, (ours) => (ours ? fs.remove(lock) : Effect.void))),
    { interruptible: true }
  )
  const touch = Effect.gen(function* () {
    const now = new Date(yield* Clock.currentTimeMillis)
    if (yield* held) yield* Effect.ignore(fs.utimes(lock, now, now))
  })
  yield* Effect.forkScoped(Effect.repeat(touch, Schedule.spaced(touchEvery)))
  return held
})
