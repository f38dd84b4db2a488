/**
 * The files of an audit trail: found again, written to, begun anew when they are full, and checked.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AuditRecord } from "../../AuditRecord.ts"
import { partsOf, type Seal } from "./seal.ts"

/** Where a trail goes on. */
export interface Start {
  readonly seq: number
  readonly hash: string | null
  /** Whether the last line was cut off. */
  readonly torn: boolean
}

/** Writes lines, one after the other. */
export type Write = (lines: ReadonlyArray<string>) => Effect.Effect<void, PlatformError.PlatformError>

/** The file can't be the file of a trail. */
export class NoTrail extends Data.TaggedError("NoTrail")<{ readonly description: string }> {}

/** A trail has been changed. */
export class Broken extends Data.TaggedError("Broken")<{ readonly line: number; readonly description: string }> {}

const ownerOnly = 0o600

// Longer is no line of a trail.
const maxLineLength = 4_194_304

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AuditRecord))

// Where links can't be refused when a file is opened, they are when it is looked at.
const openToAppend = (fs: FileSystem.FileSystem, path: string) =>
  fs
    .open(path, { flag: "a", mode: ownerOnly, noFollow: true })
    .pipe(
      Effect.catch((error) =>
        error.reason._tag === "BadArgument" ? fs.open(path, { flag: "a", mode: ownerOnly }) : Effect.fail(error)
      )
    )

/** Opens a file of a trail, or begins one. It is closed with the scope. */
export const open = Effect.fnUntraced(function* (
  path: string,
  options: { readonly maxBytes: number; readonly keep: number }
): Effect.fn.Return<
  { readonly start: Start; readonly write: Write },
  NoTrail | PlatformError.PlatformError,
  FileSystem.FileSystem | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const found = yield* fs.lstat(path).pipe(
    Effect.map(Option.some),
    Effect.catch((error) =>
      error.reason._tag === "NotFound" ? Effect.succeed(Option.none<FileSystem.File.Info>()) : Effect.fail(error)
    )
  )
  if (Option.isSome(found) && found.value.type !== "File") {
    return yield* new NoTrail({ description: "it is a link, or no regular file" })
  }
  let size = Option.match(found, { onNone: () => 0, onSome: (info) => Number(info.size) })
  const start: Start = size === 0 ? { seq: 0, hash: null, torn: false } : yield* endOf(fs, path, size)
  if (Option.isSome(found)) yield* fs.chmod(path, ownerOnly)

  const encoder = new TextEncoder()
  const begin = Effect.gen(function* () {
    const scopeOfFile = yield* Scope.fork(scope)
    return {
      file: yield* Scope.provide(openToAppend(fs, path), scopeOfFile),
      close: Scope.close(scopeOfFile, Exit.void)
    }
  })
  let current = yield* begin

  const append = (bytes: Uint8Array) =>
    Effect.tap(current.file.writeAll(bytes), () =>
      Effect.sync(() => {
        size += bytes.length
      })
    )

  const turnOver = Effect.gen(function* () {
    yield* current.close
    if (options.keep <= 0) yield* fs.remove(path)
    else {
      for (let age = options.keep; age > 0; age--) {
        const younger = age === 1 ? path : `${path}.${age - 1}`
        if (yield* fs.exists(younger)) yield* fs.rename(younger, `${path}.${age}`)
      }
    }
    size = 0
    current = yield* begin
  })

  if (start.torn) yield* append(encoder.encode("\n"))
  return {
    start,
    write: Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
      const bytes = encoder.encode(`${lines.join("\n")}\n`)
      if (size > 0 && size + bytes.length > options.maxBytes) yield* turnOver
      yield* append(bytes)
    })
  }
})

// The last whole record of a file, and whether something unfinished comes after it.
const endOf = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: string,
  size: number
): Effect.fn.Return<Start, NoTrail | PlatformError.PlatformError> {
  const tail = yield* fs
    .stream(path, { offset: Math.max(0, size - maxLineLength) })
    .pipe(Stream.decodeText(), Stream.mkString)
  const lines = tail.split("\n")
  // What stands behind the last line break.
  const rest = lines.pop() ?? ""
  const last = lines.at(-1) ?? ""
  const record = Option.getOrUndefined(decode(last))
  if (record === undefined) {
    return yield* new NoTrail({ description: "it does not end in a record: move it away, or name another file" })
  }
  return { seq: record.seq, hash: record.hash, torn: rest !== "" }
})

/** Checks the lines of a file. */
export const verify = Effect.fnUntraced(function* <E>(bytes: Stream.Stream<Uint8Array, E>, seal: Seal) {
  let line = 0
  let records = 0
  let missing = 0
  let dropped = 0
  let first: string | null = null
  let last: { readonly seq: number; readonly hash: string } | undefined
  // A line that is no record; the one after it has to say that it knows.
  let torn: Broken | undefined

  const check = Effect.fnUntraced(function* (text: string): Effect.fn.Return<void, Broken> {
    line++
    const broken = (description: string) => new Broken({ line, description })
    if (torn !== undefined && text === "") return
    const parts = partsOf(text)
    const record = Option.getOrUndefined(decode(text))
    if (parts === undefined || record === undefined) {
      if (torn !== undefined) return yield* torn
      torn = broken("it is no record")
      return
    }
    if (torn !== undefined && !(record.type === "opened" && record.torn)) return yield* torn
    torn = undefined
    if ((yield* seal(parts.body)) !== parts.hash) return yield* broken("it has been changed")
    if (last === undefined) first = record.prev
    else {
      if (record.prev !== last.hash) return yield* broken("it does not follow from the line before")
      if (record.seq <= last.seq) return yield* broken("its number is not above the one before")
      missing += record.seq - last.seq - 1
    }
    if (record.type === "dropped") dropped += record.count
    last = { seq: record.seq, hash: record.hash }
    records++
  })

  yield* bytes.pipe(Stream.decodeText(), Stream.splitLines, Stream.runForEach(check))
  if (torn !== undefined) return yield* torn
  if (missing !== dropped) {
    const description = `${missing} numbers are missing, and ${dropped} are told to be`
    return yield* new Broken({ line, description })
  }
  return { records, dropped, prev: first, hash: last?.hash ?? null }
})
