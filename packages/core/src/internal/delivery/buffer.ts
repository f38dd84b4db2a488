/**
 * Keeps the values of one producer for its consumers: for one ({@link makeBuffer}), for any number that each begin at the
 * beginning ({@link makeReplay}), or for those that listen at the moment ({@link makeHub}).
 *
 * A producer never waits. What a consumer has not read is kept; over the high-water mark adjacent values are merged where they
 * can be, which loses nothing that a reader of text would miss; over the byte budget the consumer's own stream fails, and
 * nobody else notices.
 *
 * The room knows values, their size, and how two of them merge. It must not know notifications, turns, or who reads.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface KeepOptions<A> {
  /** The number of values from which on adjacent ones are merged. */
  readonly highWater: number
  readonly bytes: (value: A) => number
  /** One value that stands for two adjacent ones, or `undefined` if there is none. */
  readonly merge: (last: A, next: A) => A | undefined
}

/** Values in order, with adjacent ones merged over the high-water mark, and what they amount to. */
export interface Kept<A> {
  /** Made with its first value: an empty array that waits for one grows old, and keeps alive what is put into it. */
  values: Array<A> | undefined
  bytes: number
}

/** Whether the value was merged into the last one. */
export const keep = <A>(kept: Kept<A>, value: A, options: KeepOptions<A>): boolean => {
  const { values } = kept
  if (values === undefined) {
    // No literal: where the values of many turns wait at once, V8 would put all that a literal makes among what is old.
    kept.values = Array.of(value)
    kept.bytes = options.bytes(value)
    return false
  }
  const last = values.length >= options.highWater ? values.at(-1) : undefined
  const merged = last === undefined ? undefined : options.merge(last, value)
  if (last === undefined || merged === undefined) {
    values.push(value)
    kept.bytes += options.bytes(value)
    return false
  }
  values[values.length - 1] = merged
  kept.bytes += options.bytes(merged) - options.bytes(last)
  return true
}

export interface BufferOptions<A, E> extends KeepOptions<A> {
  /** The unread bytes from which on the stream fails. */
  readonly maxBytes: number
  readonly overflow: (bytes: number) => E
  /** Told, at takes and doublings, of more unread bytes than before, and of how many values were merged since it was told last. */
  readonly observe?: ((bytes: number, merged: number) => void) | undefined
}

/** What is unread is worth telling from here on, in bytes. */
const firstReport = 65_536

export interface Buffer<A, E> {
  readonly offer: (value: A) => void
  /** What was offered before is still delivered; values offered later are dropped. */
  readonly end: () => void
  /** Like `end`, and then the stream fails. */
  readonly fail: (error: E) => void
  /** What was offered, once, in chunks. For one consumer. */
  readonly stream: Stream.Stream<A, E>
}

const dispatchers = new WeakMap<Scheduler.Scheduler, Scheduler.SchedulerDispatcher>()

// One for all readers, so that those who are called together go on in one task, and not in one each as their fibers would.
const dispatcherOf = (scheduler: Scheduler.Scheduler): Scheduler.SchedulerDispatcher => {
  const known = dispatchers.get(scheduler)
  if (known !== undefined) return known
  const made = scheduler.makeDispatcher()
  dispatchers.set(scheduler, made)
  return made
}

export const makeBuffer = <A, E>(options: BufferOptions<A, E>): Buffer<A, E> => {
  const unread: Kept<A> = { values: undefined, bytes: 0 }
  let merged = 0
  let reported = 0
  let nextReport = firstReport
  let done: Effect.Effect<never, E | Cause.Done> | undefined
  // Who waits for a value, and how it is told. Nothing is made for a wait, since what many turns make while they wait grows
  // old and burdens the garbage collector.
  let parked: ((pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E>) => void) | undefined
  let dispatcher: Scheduler.SchedulerDispatcher | undefined
  let called = false

  const report = () => {
    if (unread.bytes <= reported && merged === 0) return
    reported = Math.max(reported, unread.bytes)
    options.observe?.(unread.bytes, merged)
    merged = 0
  }

  const resumeReader = () => {
    const resume = parked
    parked = undefined
    called = false
    resume?.(pull)
  }

  // It goes on when it is its turn with the scheduler: after all chunks that can be read by then, so that their values come
  // together, and off the reader's stack.
  const notify = () => {
    if (parked === undefined || called) return
    called = true
    dispatcher?.scheduleTask(resumeReader, 0)
  }

  const finish = (exit: Effect.Effect<never, E | Cause.Done>) => {
    done ??= exit
    notify()
  }

  const offer: Buffer<A, E>["offer"] = (value) => {
    if (done !== undefined) return
    if (keep(unread, value, options)) merged++
    if (unread.bytes >= nextReport) {
      nextReport = unread.bytes * 2
      report()
    }
    if (unread.bytes > options.maxBytes) finish(Effect.fail(options.overflow(unread.bytes)))
    else notify()
  }

  const take = (): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E> | undefined => {
    const chunk = unread.values
    if (chunk === undefined || !Arr.isArrayNonEmpty(chunk)) return done
    report()
    nextReport = firstReport
    unread.values = undefined
    unread.bytes = 0
    return Effect.succeed(chunk)
  }

  const park = Effect.callback<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done>((resume) => {
    parked = resume
  })

  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E> = Effect.suspend(() => take() ?? park)

  const begin = Effect.withFiber((fiber) => {
    dispatcher = dispatcherOf(fiber.getRef(Scheduler.Scheduler))
    return Effect.succeed(pull)
  })

  return {
    offer,
    end: () => finish(Cause.done()),
    fail: (error) => finish(Effect.fail(error)),
    stream: Stream.fromPull(begin)
  }
}

export const makeReplay = <A, E>(options: BufferOptions<A, E>): Buffer<A, E> => {
  const readers = new Set<Buffer<A, E>>()
  const past: Kept<A> = { values: undefined, bytes: 0 }
  let finish: ((reader: Buffer<A, E>) => void) | undefined

  const end = (how: (reader: Buffer<A, E>) => void) => {
    if (finish !== undefined) return
    finish = how
    for (const reader of readers) how(reader)
    readers.clear()
  }

  const join = Effect.sync(() => {
    const reader = makeBuffer<A, E>(options)
    if (past.bytes > options.maxBytes) reader.fail(options.overflow(past.bytes))
    for (const value of past.values ?? []) reader.offer(value)
    if (finish === undefined) readers.add(reader)
    else finish(reader)
    return reader
  })

  return {
    offer: (value) => {
      if (finish !== undefined) return
      if (past.bytes <= options.maxBytes) {
        keep(past, value, options)
        if (past.bytes > options.maxBytes) past.values = undefined
      }
      for (const reader of readers) reader.offer(value)
    },
    end: () => end((reader) => reader.end()),
    fail: (error) => end((reader) => reader.fail(error)),
    stream: Effect.acquireRelease(join, (reader) => Effect.sync(() => readers.delete(reader))).pipe(
      Effect.map((reader) => reader.stream),
      Stream.unwrap
    )
  }
}

/** Delivers values to those that listen at the moment, each with a buffer of its own. */
export interface Hub<A, E> {
  readonly offer: (value: A) => void
  readonly hasListeners: () => boolean
  /** Nothing more will come: those who listen, and those who come later, are told. */
  readonly end: (error: E) => void
  /** Listens from now on, until the scope closes; what comes is read by running the stream, once. */
  readonly subscribe: Effect.Effect<Stream.Stream<A, E>, never, Scope.Scope>
}

export const makeHub = <A, E>(options: BufferOptions<A, E>): Hub<A, E> => {
  const listeners = new Set<Buffer<A, E>>()
  let ended: { readonly error: E } | undefined

  const join = Effect.sync(() => {
    const buffer = makeBuffer<A, E>(options)
    if (ended === undefined) listeners.add(buffer)
    else buffer.fail(ended.error)
    return buffer
  })

  return {
    offer: (value) => {
      if (listeners.size === 0) return
      for (const listener of listeners) listener.offer(value)
    },
    hasListeners: () => listeners.size > 0,
    end: (error) => {
      ended ??= { error }
      for (const listener of listeners) listener.fail(error)
    },
    subscribe: Effect.map(
      Effect.acquireRelease(join, (buffer) => Effect.sync(() => listeners.delete(buffer))),
      (buffer) => buffer.stream
    )
  }
}
