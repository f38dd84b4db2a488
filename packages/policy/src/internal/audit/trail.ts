/**
 * The order of a trail: takes entries at any time without waiting, and has them numbered, chained and written a few at a time.
 *
 * The next record that can be written tells of those that could not. This module knows entries and their order.
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
  /** Never waits, and never fails. `params` is what the entry shall have the hash of. */
  readonly add: (entry: Entry, params?: string) => void
  readonly flush: Effect.Effect<void>
  /** The last record that was written. */
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

/** How long closing waits for what is not written yet. */
const closeGrace = Duration.seconds(5)

// So many records are lost at most with a process that is killed while it writes.
const chunkSize = 32

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(AuditRecord))

export const makeTrail = Effect.fnUntraced(function* (options: {
  readonly maxUnwritten: number
  /** Where it is kept; `undefined`: nowhere. */
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
  // Whether the end of the full file is written, and the next one could not be begun.
  let isEnded = false
  // What could not be written. It comes before what waits.
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

  // Writes what waits, and says of each how many are done: some may be when another one fails.
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
