/** One writer for a trail: who holds the lock, for how long, and who takes it over, on a clock and a disk of the test. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Clock from "effect/Clock"
import { acquire } from "../src/internal/audit/lock.ts"

interface Stored {
  text: string
  touched: number
  mode: number | undefined
}

const problem = (tag: "NotFound" | "AlreadyExists" | "PermissionDenied") =>
  PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "x", pathOrDescriptor: "x" })

const disk = (more: Partial<FileSystem.FileSystem> = {}) => {
  const files = new Map<string, Stored>()
  const found = (path: string) =>
    Effect.suspend(() => {
      const file = files.get(path)
      return file === undefined ? Effect.fail(problem("NotFound")) : Effect.succeed(file)
    })
  const fs: Partial<FileSystem.FileSystem> = {
    writeFileString: (path, text, options) =>
      Effect.flatMap(Clock.currentTimeMillis, (touched) =>
        files.has(path) && options?.flag === "wx"
          ? Effect.fail(problem("AlreadyExists"))
          : Effect.sync(() => void files.set(path, { text, touched, mode: options?.mode }))
      ),
    readFileString: (path) => Effect.map(found(path), ({ text }) => text),
    stat: (path) =>
      Effect.map(found(path), ({ touched }) => ({ mtime: Option.some(new Date(touched)) }) as FileSystem.File.Info),
    rename: (from, to) =>
      Effect.map(found(from), (file) => {
        files.delete(from)
        files.set(to, file)
      }),
    remove: (path) => Effect.sync(() => void files.delete(path)),
    utimes: (path, _, mtime) =>
      Effect.map(found(path), (file) => {
        file.touched = new Date(mtime).getTime()
      }),
    ...more
  }
  return { files, layer: FileSystem.layerNoop(fs) }
}

const lock = "/trail.lock"

/** Acquires the lock in a scope of its own. */
const acquiring = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const fiber = yield* Effect.forkChild(Scope.provide(acquire(lock), scope), { startImmediately: true })
  const failure = Effect.flip(Effect.asVoid(Fiber.join(fiber)))
  return { fiber, failure, got: Effect.asVoid(Fiber.join(fiber)), release: Scope.close(scope, Exit.void) }
})

describe("a lock", () => {
  it.effect("is a file that its owner alone can read, and goes with the scope", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      const { fiber, release } = yield* acquiring
      const held = yield* Fiber.join(fiber)
      expect([...files.keys()]).toEqual([lock])
      expect(files.get(lock)).toMatchObject({ text: expect.stringMatching(/^[0-9a-f-]{36}$/), mode: 0o600 })
      expect(yield* held).toBe(true)
      yield* release
      expect([...files.keys()]).toEqual([])
      expect(yield* held).toBe(false)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is touched every two seconds, and that is how others know", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      const { got, release } = yield* acquiring
      yield* got
      yield* TestClock.adjust("1999 millis")
      expect(files.get(lock)?.touched).toBe(0)
      yield* TestClock.adjust("1 millis")
      expect(files.get(lock)?.touched).toBe(2000)
      yield* TestClock.adjust("2 seconds")
      expect(files.get(lock)?.touched).toBe(4000)
      yield* release
    }).pipe(Effect.provide(layer))
  })

  it.effect("that somebody touches is not taken", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      const first = yield* acquiring
      yield* first.got
      const token = files.get(lock)?.text
      const second = yield* acquiring
      yield* TestClock.adjust("3 seconds")
      expect(yield* second.failure).toMatchObject({ _tag: "Locked", lock })
      yield* second.release
      expect(files.get(lock)?.text).toBe(token)
      yield* first.release
    }).pipe(Effect.provide(layer))
  })

  it.effect("is had at once when its owner has let go of it meanwhile", () => {
    const { layer } = disk()
    return Effect.gen(function* () {
      const first = yield* acquiring
      yield* first.got
      const second = yield* acquiring
      yield* first.release
      expect(second.fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("500 millis")
      expect(yield* yield* Fiber.join(second.fiber)).toBe(true)
      yield* second.release
    }).pipe(Effect.provide(layer))
  })

  it.effect("that nobody has touched for six seconds is taken over, and the wait for that is no longer", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      files.set(lock, { text: "dead", touched: 0, mode: 0o600 })
      const { fiber, release } = yield* acquiring
      yield* TestClock.adjust("6 seconds")
      expect(files.get(lock)?.text).toBe("dead")
      yield* TestClock.adjust("500 millis")
      expect(files.get(lock)?.text).not.toBe("dead")
      expect(fiber.pollUnsafe()).toBeUndefined()
      // For somebody who has found the same.
      yield* TestClock.adjust("250 millis")
      expect(yield* yield* Fiber.join(fiber)).toBe(true)
      expect([...files.keys()]).toEqual([lock])
      yield* release
    }).pipe(Effect.provide(layer))
  })

  it.effect("that is touched again, or by somebody else, has an owner", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      for (const change of [
        () => files.set(lock, { text: "old", touched: 1, mode: 0o600 }),
        () => files.set(lock, { text: "other", touched: 0, mode: 0o600 })
      ]) {
        yield* TestClock.setTime(0)
        files.set(lock, { text: "old", touched: 0, mode: 0o600 })
        const { failure, fiber, release } = yield* acquiring
        yield* TestClock.adjust("1 second")
        expect(fiber.pollUnsafe()).toBeUndefined()
        change()
        yield* TestClock.adjust("500 millis")
        expect(yield* failure).toMatchObject({ _tag: "Locked" })
        yield* release
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("that two take over at once has one of them", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      files.set(lock, { text: "dead", touched: -10_000, mode: 0o600 })
      const { failure, release } = yield* acquiring
      // Somebody else has found it dead as well, and puts its own in the place of the new one.
      files.set(lock, { text: "other", touched: 0, mode: 0o600 })
      yield* TestClock.adjust("250 millis")
      expect(yield* failure).toMatchObject({ _tag: "Locked" })
      yield* release
      expect(files.get(lock)?.text).toBe("other")
    }).pipe(Effect.provide(layer))
  })

  it.effect("that was gone when it was taken over is had all the same, and one that came back is not", () =>
    Effect.gen(function* () {
      for (const comesBack of [false, true]) {
        const { files, layer } = disk({
          rename: () =>
            Effect.suspend(() => {
              if (comesBack) files.set(lock, { text: "other", touched: 0, mode: 0o600 })
              else files.delete(lock)
              return Effect.fail(problem("NotFound"))
            })
        })
        files.set(lock, { text: "dead", touched: -10_000, mode: 0o600 })
        yield* Effect.gen(function* () {
          const { fiber, release } = yield* acquiring
          yield* TestClock.adjust("250 millis")
          const exit = yield* Fiber.await(fiber)
          expect(Exit.isSuccess(exit)).toBe(!comesBack)
          yield* release
        }).pipe(Effect.provide(layer))
      }
    })
  )

  it.effect("of somebody else is neither touched nor removed", () => {
    const { files, layer } = disk()
    return Effect.gen(function* () {
      const { fiber, release } = yield* acquiring
      const held = yield* Fiber.join(fiber)
      files.set(lock, { text: "other", touched: 1, mode: 0o600 })
      expect(yield* held).toBe(false)
      yield* TestClock.adjust("10 seconds")
      expect(files.get(lock)).toMatchObject({ text: "other", touched: 1 })
      yield* release
      expect(files.get(lock)?.text).toBe("other")
    }).pipe(Effect.provide(layer))
  })

  it.effect("that can't be made or read fails with why", () =>
    Effect.gen(function* () {
      const denied = Effect.fail(problem("PermissionDenied"))
      const unmade = disk({ writeFileString: () => denied })
      const unread = disk({ readFileString: () => denied })
      unread.files.set(lock, { text: "dead", touched: -10_000, mode: 0o600 })
      for (const { layer } of [unmade, unread]) {
        const found = yield* Effect.flip(Effect.asVoid(Effect.scoped(acquire(lock)))).pipe(Effect.provide(layer))
        expect(found).toMatchObject({ _tag: "PlatformError", reason: { _tag: "PermissionDenied" } })
      }
      // By then, it is not ours as far as anybody knows.
      let isReadable = true
      const fs = disk({
        readFileString: (path) =>
          Effect.suspend(() => (isReadable ? Effect.succeed(fs.files.get(path)?.text ?? "") : denied))
      })
      yield* Effect.gen(function* () {
        const held = yield* acquire(lock)
        expect(yield* held).toBe(true)
        isReadable = false
        expect(yield* held).toBe(false)
      }).pipe(Effect.scoped, Effect.provide(fs.layer))
    })
  )

  it.effect("on a disk that does not tell when it was touched counts as not touched", () => {
    const { files, layer } = disk({ stat: () => Effect.succeed({ mtime: Option.none() } as FileSystem.File.Info) })
    return Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      files.set(lock, { text: "dead", touched: 1_000_000, mode: 0o600 })
      const { fiber, release } = yield* acquiring
      yield* TestClock.adjust("250 millis")
      expect(yield* yield* Fiber.join(fiber)).toBe(true)
      yield* release
    }).pipe(Effect.provide(layer))
  })
})
