/**
 * The files of an audit trail: finds them, appends to them, and starts a new one when the current one is full or was moved.
 *
 * It knows files, their sizes and their order. It reads the content of lines only to resume an existing trail.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AuditRecord } from "../../AuditRecord.ts"
import type { Place } from "./chain.ts"
import * as Lock from "./lock.ts"

/** The position at which a trail resumes. */
export interface Start extends Place {
  /** Whether the last line was cut off. */
  readonly torn: boolean
  /** The number of the oldest record that the trail must still contain. */
  readonly first: number
}

/** The storage for the lines of a trail. Its effects fail with the reason why nothing can be written at the moment. */
export interface Files {
  readonly start: Start
  /** Whether the current file has room for this number of bytes. */
  readonly hasRoomFor: (bytes: number) => boolean
  /** Makes sure that the open file is still the one at the path. Returns `true` if a new file was started. */
  readonly settle: Effect.Effect<boolean, PlatformError.PlatformError>
  /** Appends all the bytes or none. */
  readonly append: (bytes: Uint8Array) => Effect.Effect<void, PlatformError.PlatformError>
  /** The number of the oldest record that is kept once the next file starts with the record `next`. */
  readonly firstKept: (next: number) => Effect.Effect<number, PlatformError.PlatformError>
  /** Starts the next file. */
  readonly turnOver: Effect.Effect<void, PlatformError.PlatformError>
}

/** The file is not an audit trail. */
export class NoTrail extends Data.TaggedError("NoTrail")<{ readonly description: string }> {}

const ownerOnly = 0o600

// No line of a trail is longer than this.
const maxLineLength = 4_194_304

// The maximum length of the line that ends a full file.
const endLength = 400

/** Reads a line as a record. */
export const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AuditRecord))

/** The existing files of a trail, oldest first. */
export const inOrder = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<ReadonlyArray<string>, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const files = [path]
  for (let age = 1; yield* fs.exists(`${path}.${age}`); age++) files.unshift(`${path}.${age}`)
  return files
})

// On platforms that cannot refuse links when a file is opened, the checks of `lstat` refuse them.
const openNoFollow = (fs: FileSystem.FileSystem, path: string, flag: "a" | "ax") =>
  fs
    .open(path, { flag, mode: ownerOnly, noFollow: true })
    .pipe(
      Effect.catch((error) =>
        error.reason._tag === "BadArgument" ? fs.open(path, { flag, mode: ownerOnly }) : Effect.fail(error)
      )
    )

const infoOf = (fs: FileSystem.FileSystem, path: string) =>
  fs.lstat(path).pipe(
    Effect.map(Option.some),
    Effect.catch((error) =>
      error.reason._tag === "NotFound" ? Effect.succeed(Option.none<FileSystem.File.Info>()) : Effect.fail(error)
    )
  )

const lineBreak = new TextEncoder().encode("\n")

/** Opens or creates the files of a trail, with a lock against other writers. The scope closes them. */
export const open = Effect.fnUntraced(function* (
  path: string,
  options: { readonly maxBytes: number; readonly keep: number }
): Effect.fn.Return<Files, NoTrail | Lock.Locked | PlatformError.PlatformError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const found = yield* infoOf(fs, path)
  if (Option.isSome(found) && found.value.type !== "File") {
    return yield* new NoTrail({ description: "it is a link, or not a regular file" })
  }
  const held = yield* Lock.acquire(`${path}.lock`)
  const { lacksLineBreak, size: sizeAtStart, start } = yield* startOf(fs, path)
  if (Option.isSome(found)) yield* fs.chmod(path, ownerOnly)

  const openFile = Effect.fnUntraced(function* (flag: "a" | "ax") {
    const scopeOfFile = yield* Scope.fork(scope)
    const file = yield* Scope.provide(openNoFollow(fs, path, flag), scopeOfFile).pipe(
      Effect.onError((cause) => Scope.close(scopeOfFile, Exit.failCause(cause)))
    )
    const { dev, ino } = yield* file.stat
    return { file, dev, ino: Option.getOrUndefined(ino), close: Scope.close(scopeOfFile, Exit.void) }
  })
  let current = yield* openFile("a")
  let size = sizeAtStart
  // Whether an incomplete write may have left bytes after `size`.
  let isDirty = false

  const failed = (description: string) =>
    PlatformError.systemError({
      _tag: "Unknown",
      module: "Audit",
      method: "append",
      pathOrDescriptor: path,
      description
    })

  const begin = Effect.gen(function* () {
    const next = yield* openFile("ax")
    yield* current.close
    current = next
    size = 0
    isDirty = false
  })

  const append = (bytes: Uint8Array) =>
    Effect.gen(function* () {
      if (isDirty) yield* current.file.truncate(size)
      isDirty = true
      yield* current.file.writeAll(bytes)
      size += bytes.length
      isDirty = false
    }).pipe(
      // The rest of an incomplete line would corrupt the next one.
      Effect.tapError(() =>
        Effect.ignore(
          Effect.tap(current.file.truncate(size), () =>
            Effect.sync(() => {
              isDirty = false
            })
          )
        )
      )
    )

  const settle = Effect.gen(function* () {
    const info = Option.getOrUndefined(yield* infoOf(fs, path))
    const isSame = info !== undefined && info.dev === current.dev && Option.getOrUndefined(info.ino) === current.ino
    if (!isSame) {
      yield* Effect.logError(`The audit trail ${path} was moved away or removed while it was written to`)
      // Another program may have put the new file there, so it is not opened.
      yield* begin
      return true
    }
    const found = Number(info.size)
    if (found === size || isDirty) return false
    if (!(yield* held)) return yield* failed("another process has taken the trail over")
    yield* Effect.logError(`The audit trail ${path} was changed while it was written to`)
    size = found
    if (size > 0) yield* append(lineBreak)
    return false
  })

  const kept = Math.max(0, options.keep)
  const turnOver = Effect.gen(function* () {
    if (kept === 0) yield* fs.remove(path)
    else {
      for (let age = kept; yield* fs.exists(`${path}.${age}`); age++) yield* fs.remove(`${path}.${age}`)
      for (let age = kept - 1; age > 0; age--) {
        if (yield* fs.exists(`${path}.${age}`)) yield* fs.rename(`${path}.${age}`, `${path}.${age + 1}`)
      }
      yield* fs.rename(path, `${path}.1`)
    }
    yield* begin
  })
  const firstKept = Effect.fnUntraced(function* (next: number) {
    if (kept === 0) return next
    if (!(yield* fs.exists(`${path}.${kept}`))) return start.first
    return yield* firstOf(fs, kept === 1 ? path : `${path}.${kept - 1}`)
  })

  if (lacksLineBreak) yield* append(lineBreak)
  return {
    start,
    hasRoomFor: (bytes) => size + bytes + endLength <= options.maxBytes,
    settle,
    append,
    firstKept,
    turnOver
  }
})

const headLength = 4096

const headOf = (fs: FileSystem.FileSystem, path: string) =>
  Effect.map(
    fs.stream(path, { bytesToRead: headLength }).pipe(Stream.decodeText, Stream.mkString),
    (head) => head.split("\n")[0] ?? ""
  )

// The number of the first record of a file.
const firstOf = (fs: FileSystem.FileSystem, path: string) =>
  Effect.map(headOf(fs, path), (head) => Number(/^\{"seq":(\d+),/.exec(head)?.[1] ?? 1))

// The last complete record of a file, and the text after it. An empty file has neither.
const endOf = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: string,
  size: number
): Effect.fn.Return<
  { readonly last: AuditRecord | undefined; readonly rest: string; readonly isUnterminated: boolean },
  NoTrail | PlatformError.PlatformError
> {
  if (size === 0) return { last: undefined, rest: "", isUnterminated: false }
  const tail = yield* fs
    .stream(path, { offset: Math.max(0, size - maxLineLength) })
    .pipe(Stream.decodeText, Stream.mkString)
  const lines = tail.split("\n")
  // The text after the last line break: empty, a truncated line, or a complete line that lacks only its line break.
  const rest = lines.pop() ?? ""
  const unterminated = Option.getOrUndefined(decode(rest))
  if (unterminated !== undefined) return { last: unterminated, rest: "", isUnterminated: true }
  const last = Option.getOrUndefined(decode(lines.at(-1) ?? ""))
  if (last === undefined && (lines.length > 0 || !isBeginning(rest))) {
    return yield* new NoTrail({ description: "it does not end in a record: move it away, or name another file" })
  }
  return { last, rest, isUnterminated: false }
})

// Whether a truncated line may have been a record.
const isBeginning = (rest: string): boolean => /^\{"seq":\d+/.test(rest) || '{"seq":'.startsWith(rest)

// A trail resumes after the last record of its file, or of the previous file if a process exited between the two.
const startOf = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string) {
  const sizeOf = (path: string) =>
    Effect.map(infoOf(fs, path), (info) => Option.match(info, { onNone: () => 0, onSome: ({ size }) => Number(size) }))
  const size = yield* sizeOf(path)
  const own = yield* endOf(fs, path, size)
  const before = yield* endOf(fs, `${path}.1`, yield* sizeOf(`${path}.1`))
  const head = size === 0 ? undefined : Option.getOrUndefined(decode(yield* headOf(fs, path)))
  const stated = head?.type === "opened" ? head : before.last
  const last = own.last ?? before.last
  const torn = own.rest !== ""
  const start: Start = {
    seq: last?.seq ?? 0,
    hash: last?.hash ?? null,
    torn,
    first: stated?.type === "opened" || stated?.type === "rotated" ? stated.first : 1
  }
  return { start, size, lacksLineBreak: torn || own.isUnterminated }
})
