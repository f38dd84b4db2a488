/**
 * The order of a trail: takes entries at any time without waiting, numbers and chains them, and has them written one batch
 * after the other.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { AuditRecord, type Entry } from "../../AuditRecord.ts"
import type { Start, Write } from "./file.ts"
import { bodyOf, lineOf, type Seal } from "./seal.ts"

export interface Trail {
  /** Never waits, and never fails. `params` is what the entry shall have the hash of. */
  readonly add: (entry: Entry, params?: string) => void
  readonly flush: Effect.Effect<void>
}

interface Numbered {
  readonly seq: number
  readonly entry: Entry
  readonly params: string | undefined
}

/** How long closing waits for what is not written yet. */
const closeGrace = Duration.seconds(5)

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(AuditRecord))

export const makeTrail = Effect.fnUntraced(function* (options: {
  readonly maxUnwritten: number
  readonly start: Start
  readonly write: Write | undefined
  readonly seal: Seal
  readonly now: () => string
  readonly publish: (record: AuditRecord) => Effect.Effect<unknown>
}): Effect.fn.Return<Trail, never, Scope.Scope> {
  const { publish, seal, start, write } = options
  const changed = Latch.makeUnsafe(false)
  const idle = Latch.makeUnsafe(true)
  let waiting: Array<Numbered> = []
  let seq = start.seq
  let prev = start.hash
  // What could not be kept, since the last record that was.
  let lost: { count: number; readonly from: number; readonly reason: string } | undefined

  const wake = () => {
    idle.closeUnsafe()
    changed.openUnsafe()
  }

  const lose = (count: number, from: number, reason: string) => {
    if (lost === undefined) lost = { count, from, reason }
    else lost.count += count
  }

  const add: Trail["add"] = (entry, params) => {
    seq++
    if (waiting.length >= options.maxUnwritten) lose(1, seq, "too many at once")
    else waiting.push({ seq, entry, params })
    wake()
  }

  // The line of an entry, and its hash, behind a given one.
  const chain = Effect.fnUntraced(function* ({ entry, params, seq }: Numbered, prev: string | null) {
    const paramsHash = params === undefined ? {} : { paramsHash: yield* seal(params) }
    const body = bodyOf({ seq, ...entry, ...paramsHash, prev })
    const hash = yield* seal(body)
    return { line: lineOf(body, hash), hash }
  })

  const writeBatch = Effect.fnUntraced(function* (batch: ReadonlyArray<Numbered>) {
    const lines: Array<string> = []
    let last = prev
    for (const entry of batch) {
      const { hash, line } = yield* chain(entry, last)
      lines.push(line)
      last = hash
    }
    const written = write === undefined ? Effect.void : write(lines)
    const failure = yield* Effect.match(written, { onFailure: (error) => error, onSuccess: () => undefined })
    if (failure === undefined) {
      prev = last
      for (const line of lines) yield* publish(yield* Effect.orDie(decode(line)))
      return
    }
    // What these would have told of is lost with them.
    const told = batch.flatMap(({ entry }) => (entry.type === "dropped" ? [entry] : []))
    const from = Math.min(...batch.map(({ seq }) => seq), ...told.map(({ from }) => from))
    lose(
      told.reduce((sum, { count }) => sum + count, batch.length),
      from,
      "they could not be written"
    )
    yield* Effect.logError(`${batch.length} records of the audit trail could not be written`, failure)
  })

  // What is missing is told behind what was there before it.
  const takeBatch = (): ReadonlyArray<Numbered> => {
    const batch = waiting
    waiting = []
    if (lost === undefined || batch.length === 0) return batch
    const entry: Entry = { at: options.now(), type: "dropped", ...lost }
    lost = undefined
    seq++
    return [...batch, { seq, entry, params: undefined }]
  }

  const writer = Effect.gen(function* () {
    while (true) {
      changed.closeUnsafe()
      const batch = takeBatch()
      if (batch.length > 0) yield* writeBatch(batch)
      else {
        idle.openUnsafe()
        yield* changed.await
      }
    }
  })

  yield* writer.pipe(Effect.forkScoped)
  if (write !== undefined) add({ at: options.now(), type: "opened", torn: start.torn })
  yield* Effect.addFinalizer(() =>
    Effect.timeoutOrElse(idle.await, {
      duration: closeGrace,
      orElse: () => Effect.logError("The audit trail was closed before all of it could be written")
    })
  )
  return { add, flush: idle.await }
})
