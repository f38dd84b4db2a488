/**
 * Keeps the values of one producer for its consumers: for one ({@link makeBuffer}), for any number that all start with the
 * first value ({@link makeReplay}), or for the current listeners ({@link makeHub}).
 *
 * A producer never waits. Values that a consumer has not read are kept. Over the high-water mark, adjacent values are merged
 * where possible, without a loss for readers of text. Over the byte budget, the stream of that consumer fails; others are not
 * affected.
 *
 * The room knows values, their size, and how two of them merge. It must not know notifications, turns, or the readers.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface KeepOptions<A> {
  /** The number of unread values above which adjacent ones are merged. */
  readonly highWater: number
  readonly bytes: (value: A) => number
  /** Merges two adjacent values, or returns `undefined` if they cannot be merged. */
  readonly merge: (last: A, next: A) => A | undefined
}

/** Values in order, with adjacent ones merged over the high-water mark, and their total size. */
export interface Kept<A> {
  /** Allocated with its first value: a long-lived empty array is promoted to the old generation, and keeps its values alive. */
  values: Array<A> | undefined
  bytes: number
}

/** Whether the value was merged into the last one. */
export const keep = <A>(kept: Kept<A>, value: A, options: KeepOptions<A>): boolean => {
  const { values } = kept
  if (values === undefined) {
    // Not a literal: if the values of many turns are queued at once, V8 starts to allocate its arrays in the old generation.
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
  /** The number of unread bytes above which the stream fails. */
  readonly maxBytes: number
  readonly overflow: (bytes: number) => E
  /**
   * Called when a consumer takes values and when the unread bytes have doubled, if they exceed their previous maximum or values
   * were merged since the last call: with the unread bytes and the number of merged values.
   */
  readonly observe?: ((bytes: number, merged: number) => void) | undefined
}

/** The unread bytes from which on offers report them. */
const firstReport = 65_536

export interface Buffer<A, E> {
  readonly offer: (value: A) => void
  /** Ends the stream after the values that were already offered. Later values are dropped. */
  readonly end: () => void
  /** Like `end`, but the stream then fails. */
  readonly fail: (error: E) => void
  /** The offered values, each once, in chunks. For one consumer. */
  readonly stream: Stream.Stream<A, E>
}

const dispatchers = new WeakMap<Scheduler.Scheduler, Scheduler.SchedulerDispatcher>()

// One dispatcher for all readers, so that readers that are woken together resume in one task instead of one for each fiber.
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
  // The waiting reader, and how to wake it. Waiting allocates nothing: the objects of many waiting turns would be promoted to
  // the old generation and burden the garbage collector.
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

  // The reader resumes when the scheduler runs it: after all chunks that are readable by then, so that their values arrive
  // together, and outside the call stack of the producer.
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

/** Delivers values to the current listeners, each with its own buffer. */
export interface Hub<A, E> {
  readonly offer: (value: A) => void
  readonly hasListeners: () => boolean
  /** Fails the streams of all current and later listeners. */
  readonly end: (error: E) => void
  /** Subscribes at once, until the scope closes. The stream has all values since then, and can be run once. */
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
