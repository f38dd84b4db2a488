/**
 * The queue of an audit trail: takes entries at any time without waiting, then numbers, chains and writes them in batches.
 *
 * If records could not be written, the next one that can be written reports how many are missing. This module knows entries
 * and their order.
 *
 * The room knows records, their chain, and the files that hold them. It must not know policies, and nothing in it changes or
 * delays a decision.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { AuditRecord, type Entry } from "../../AuditRecord.ts"
import { type Link, link, type Place, type Seal } from "./chain.ts"
import type { Files } from "./files.ts"

export interface Trail {
  /** Never waits and never fails. The record contains the hash of `params`. */
  readonly add: (entry: Entry, params?: string) => void
  readonly flush: Effect.Effect<void>
  /** The position of the last record that was written. */
  readonly place: () => Place
}

interface Added {
  readonly entry: Entry
  readonly params: string | undefined
}

interface Lost {
  count: number
  readonly reason: string
}

type Waiting = Added | Lost

const isLost = (waiting: Waiting): waiting is Lost => "count" in waiting

const countOf = (waiting: Waiting): number => (isLost(waiting) ? waiting.count : 1)

/** How long closing waits for unwritten records. */
const closeGrace = Duration.seconds(5)

// The maximum number of records that are lost if the process is killed during a write.
const chunkSize = 32

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(AuditRecord))

export const makeTrail = Effect.fnUntraced(function* (options: {
  readonly maxUnwritten: number
  /** The files that store the trail; `undefined` if it is not stored. */
  readonly files: Files | undefined
  readonly seal: Seal
  readonly now: () => string
  readonly publish: (record: AuditRecord) => Effect.Effect<unknown>
}): Effect.fn.Return<Trail, never, Scope.Scope> {
  const { files, now, publish, seal } = options
  const changed = Latch.makeUnsafe(false)
  const idle = Latch.makeUnsafe(true)
  let waiting: Array<Waiting> = []
  let place: Place = files?.start ?? { seq: 0, hash: null }
  let first = files?.start.first ?? 1
  // Whether the last line of the full file is written, but the next file could not be started yet.
  let isEnded = false
  // The records that could not be written. They are reported before anything in the queue.
  let owed: Lost | undefined
  let isClosing = false

  const wake = () => {
    idle.closeUnsafe()
    changed.openUnsafe()
  }

  const add: Trail["add"] = (entry, params) => {
    const last = waiting.at(-1)
    if (waiting.length < options.maxUnwritten) waiting.push({ entry, params })
    else if (last !== undefined && isLost(last)) last.count++
    else waiting.push({ count: 1, reason: "too many at once" })
    wake()
  }

  const entryOf = (waiting: Waiting, { seq }: Place): Entry =>
    isLost(waiting) ? { at: now(), type: "dropped", from: seq + 1, ...waiting } : waiting.entry

  const write = Effect.fnUntraced(function* (links: ReadonlyArray<Link>) {
    const last = links.at(-1)
    if (last === undefined) return
    if (files !== undefined) yield* files.append(join(links.map(({ bytes }) => bytes)))
    place = last.place
    for (const { line } of links) yield* publish(yield* Effect.orDie(decode(line)))
  })

  const openedBehind = (place: Place) => link(seal, place, { at: now(), type: "opened", torn: false, first })

  const turnOver = Effect.fnUntraced(function* (files: Files) {
    if (!isEnded) {
      first = yield* files.firstKept(place.seq + 2)
      yield* write([yield* link(seal, place, { at: now(), type: "rotated", first })])
      isEnded = true
    }
    yield* files.turnOver
    isEnded = false
  })

  // Writes a chunk of the queue. `onWritten` counts the records that were written, since a later one may fail.
  const writeChunk = Effect.fnUntraced(function* (
    chunk: ReadonlyArray<Waiting>,
    onWritten: (count: number) => void
  ): Effect.fn.Return<void, PlatformError.PlatformError> {
    let links: Array<Link> = []
    let count = 0
    const writeLinks = Effect.gen(function* () {
      yield* write(links)
      onWritten(count)
      links = []
      count = 0
    })
    const append = (waiting: Waiting) =>
      Effect.suspend(() => {
        const behind = links.at(-1)?.place ?? place
        return link(seal, behind, entryOf(waiting, behind), isLost(waiting) ? undefined : waiting.params)
      })
    if (files !== undefined && (yield* files.settle)) links.push(yield* openedBehind(place))
    for (const one of chunk) {
      let next = yield* append(one)
      const length = links.reduce((sum, { bytes }) => sum + bytes.length, next.bytes.length)
      if (files !== undefined && (isEnded || !files.hasRoomFor(length))) {
        yield* writeLinks
        yield* turnOver(files)
        links.push(yield* openedBehind(place))
        next = yield* append(one)
      }
      links.push(next)
      count++
    }
    yield* writeLinks
  })

  const writeAll = Effect.fnUntraced(function* (batch: ReadonlyArray<Waiting>) {
    let rest = batch
    do {
      const chunk = [...(owed === undefined ? [] : [owed]), ...rest.slice(0, chunkSize)]
      rest = rest.slice(chunkSize)
      let written = 0
      const failure = yield* Effect.match(
        writeChunk(chunk, (count) => {
          written += count
        }),
        { onFailure: (error) => error, onSuccess: () => undefined }
      )
      owed = undefined
      if (failure === undefined) continue
      const count = chunk.slice(written).reduce((sum, waiting) => sum + countOf(waiting), 0)
      if (count > 0) owed = { count, reason: "they could not be written" }
      yield* Effect.logError(`${count} records of the audit trail could not be written`, failure)
    } while (rest.length > 0)
  })

  const writer = Effect.gen(function* () {
    while (true) {
      changed.closeUnsafe()
      const batch = waiting
      waiting = []
      const isLastTry = isClosing && owed !== undefined
      if (batch.length > 0 || isLastTry) {
        if (isLastTry) isClosing = false
        yield* writeAll(batch)
      } else {
        idle.openUnsafe()
        yield* changed.await
      }
    }
  })

  yield* writer.pipe(Effect.forkScoped)
  if (files !== undefined) add({ at: now(), type: "opened", torn: files.start.torn, first })
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosing = true
      wake()
      return Effect.timeoutOrElse(idle.await, {
        duration: closeGrace,
        orElse: () => Effect.logError("The audit trail was closed before all of it could be written")
      })
    })
  )
  return { add, flush: idle.await, place: () => place }
})

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
