/**
 * Reads the files of a trail as one stream, and verifies that no record was changed, removed or inserted.
 *
 * It knows the form of an intact trail. It writes nothing, and does not know who wrote the records.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { AuditRecord } from "../../AuditRecord.ts"
import { partsOf, type Place, type Seal } from "./chain.ts"
import { decode, inOrder } from "./files.ts"

/** A trail has been changed, or the file is not a trail. */
export class Broken extends Data.TaggedError("Broken")<{
  readonly file: string
  readonly line: number
  readonly description: string
}> {}

/** An anchor that was kept outside the trail: the number of a record, and its hash. */
export interface Known {
  readonly count: number
  readonly hash: string
}

/** The records of a trail. Fails at the first record that is not intact. */
export const read = (
  path: string,
  seal: Seal,
  anchor: Known | undefined
): Stream.Stream<AuditRecord, Broken | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const files = yield* inOrder(path)
      const { check, end } = checker(path, seal, anchor)
      const lines = Stream.fromIterable(files).pipe(
        Stream.flatMap((file) => {
          let line = 0
          return fs.stream(file).pipe(
            Stream.decodeText,
            Stream.splitLines,
            Stream.mapEffect((text) => check({ file, line: ++line }, text))
          )
        }),
        Stream.filter((record) => record !== undefined)
      )
      return Stream.concat(lines, Stream.drain(Stream.fromEffect(Effect.suspend(end))))
    })
  )

interface At {
  readonly file: string
  readonly line: number
}

const checker = (path: string, seal: Seal, anchor: Known | undefined) => {
  let at: At = { file: path, line: 1 }
  let start: (At & { readonly seq: number }) | undefined
  let last: Place = { seq: 0, hash: null }
  // The oldest record that the trail must still contain, by its own statement.
  let first = 1
  // A line that is not a record. The next record must state that it follows a torn line.
  let torn: Broken | undefined
  let isAnchored = false

  const broken = (description: string, where: At = at) => new Broken({ ...where, description })

  const check = Effect.fnUntraced(function* (
    where: At,
    text: string
  ): Effect.fn.Return<AuditRecord | undefined, Broken> {
    at = where
    if (torn !== undefined && text === "") return undefined
    const parts = partsOf(text)
    const record = Option.getOrUndefined(decode(text))
    if (parts === undefined || record === undefined) {
      if (torn !== undefined) return yield* torn
      torn = broken("it is not a record")
      return undefined
    }
    if (torn !== undefined && !(record.type === "opened" && record.torn)) return yield* torn
    torn = undefined
    if ((yield* seal(parts.body)) !== parts.hash) return yield* broken("it has been changed")
    const next = record.type === "dropped" ? record.from : record.seq
    if (record.type === "dropped" && record.seq !== record.from + record.count) {
      return yield* broken("it does not count what is missing")
    }
    if (start === undefined) start = { ...at, seq: next }
    else {
      if (record.prev !== last.hash) return yield* broken("it does not follow from the line before")
      if (next !== last.seq + 1) return yield* broken("its number does not follow from the line before")
    }
    if (record.type === "opened" || record.type === "rotated") first = record.first
    last = { seq: record.seq, hash: record.hash }
    if (anchor?.count === record.seq) {
      if (anchor.hash !== record.hash) return yield* broken("it is not the record that the anchor names")
      isAnchored = true
    }
    return record
  })

  const end = Effect.fnUntraced(function* (): Effect.fn.Return<void, Broken> {
    if (torn !== undefined) return yield* torn
    if (start === undefined) return yield* broken("there is no record in it")
    if (start.seq > first) {
      const description = `its beginning is missing: it should begin with record ${first}, but begins with ${start.seq}`
      return yield* broken(description, start)
    }
    if (anchor === undefined || isAnchored) return
    return yield* broken(
      anchor.count > last.seq
        ? `its end is missing: the anchor names record ${anchor.count}, and the last one is ${last.seq}`
        : `record ${anchor.count}, which the anchor names, is not kept`
    )
  })
  return { check, end }
}
