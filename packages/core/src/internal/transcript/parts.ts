/**
 * The files of a transcript: the newest at its path, older ones as `PATH.1` and so on.
 *
 * It knows files, their sizes and their order, but not the content of an entry. Each file belongs to one recording, and no other
 * recording writes to it: an existing file is renamed and keeps its content.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { longestString } from "../options.ts"
import { makeLineSplitter } from "../transport/lines.ts"
import { type Entry, formatVersion, type Header, parse, textIn, toEntry, toHeader } from "./entry.ts"

/** A file is not of the expected kind, or cannot be written. */
export class Unusable extends Data.TaggedError("Unusable")<{
  readonly path: string
  /** Counted from 1; 0 for the whole file. */
  readonly line: number
  readonly description: string
  /** Whether it is a rollout of codex. */
  readonly isRollout?: true
}> {}

/** The files of a recording in progress. */
export interface Parts {
  /** Appends lines, continuing in the next file when one is full. Only a file with a single line may exceed the limit. */
  readonly append: (lines: ReadonlyArray<string>) => Effect.Effect<void, Unusable | PlatformError.PlatformError>
}

const ownerOnly = 0o600
const encoder = new TextEncoder()

const infoOf = (fs: FileSystem.FileSystem, path: string) =>
  fs.lstat(path).pipe(
    Effect.map(Option.some),
    Effect.catch((error) =>
      error.reason._tag === "NotFound" ? Effect.succeed(Option.none<FileSystem.File.Info>()) : Effect.fail(error)
    )
  )

// Renames the file at the path and the older ones, so that the path is free.
const moveOn = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string, keep: number) {
  if (keep === 0) return yield* fs.remove(path)
  let oldest = 0
  while (oldest < keep && (yield* fs.exists(`${path}.${oldest + 1}`))) oldest++
  if (oldest === keep) yield* fs.remove(`${path}.${oldest--}`)
  for (let age = oldest; age > 0; age--) yield* fs.rename(`${path}.${age}`, `${path}.${age + 1}`)
  yield* fs.rename(path, `${path}.1`)
})

/** Begins a recording. `header` returns the first line of each file. */
export const begin = Effect.fnUntraced(function* (
  path: string,
  options: { readonly maxBytes: number; readonly keep: number; readonly header: (part: number) => Header }
): Effect.fn.Return<Parts, Unusable | PlatformError.PlatformError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  // Files that are opened later are closed together with this scope, and no sooner.
  const scope = yield* Scope.fork(yield* Effect.scope)

  const create = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    const file = yield* Scope.provide(fs.open(path, { flag: "wx", mode: ownerOnly }), own).pipe(
      Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
    )
    const { dev, ino } = yield* file.stat
    return { file, dev, ino: Option.getOrUndefined(ino), close: Scope.close(own, Exit.void) }
  })

  const claim = Effect.gen(function* () {
    const found = Option.getOrUndefined(yield* infoOf(fs, path))
    if (found !== undefined) {
      if (found.type !== "File") {
        return yield* new Unusable({ path, line: 0, description: "it is a link, or not a regular file" })
      }
      yield* moveOn(fs, path, options.keep)
    }
    return yield* create
  })
  // Another program may claim it at the same time.
  let current = yield* Effect.retry(claim, {
    times: 8,
    while: (error) =>
      error._tag === "PlatformError" && (error.reason._tag === "AlreadyExists" || error.reason._tag === "NotFound")
  })
  let part = 1
  let size = 0
  let hasLines = false

  const turnOver = Effect.gen(function* () {
    const info = Option.getOrUndefined(yield* infoOf(fs, path))
    if (info === undefined || info.dev !== current.dev || Option.getOrUndefined(info.ino) !== current.ino) {
      return yield* new Unusable({
        path,
        line: 0,
        description: "it was moved away, or another recording has begun there"
      })
    }
    yield* current.close
    yield* moveOn(fs, path, options.keep)
    current = yield* create
    part++
    size = 0
    hasLines = false
  })

  const write = Effect.fnUntraced(function* (lines: string) {
    const bytes = encoder.encode(lines)
    yield* current.file.writeAll(bytes)
    size += bytes.length
  })
  const head = Effect.suspend(() => write(`${JSON.stringify(options.header(part))}\n`))

  const append: Parts["append"] = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
    let fitting = ""
    let length = 0
    for (const line of lines) {
      if (size === 0) yield* head
      const bytes = encoder.encode(line).length
      if (hasLines && size + length + bytes > options.maxBytes) {
        if (fitting !== "") yield* write(fitting)
        yield* turnOver
        yield* head
        fitting = ""
        length = 0
      }
      fitting += line
      length += bytes
      hasLines = true
    }
    if (fitting !== "") yield* write(fitting)
  })
  return { append }
})

/** The files of a recording, oldest first, and the header of the newest. */
export interface Found {
  readonly header: Header
  readonly files: ReadonlyArray<string>
}

const headLength = 65_536

const headOf = (fs: FileSystem.FileSystem, path: string) =>
  Effect.map(fs.stream(path, { bytesToRead: headLength }).pipe(Stream.decodeText, Stream.mkString), (text) => ({
    text,
    header: toHeader(parse(text.split("\n")[0] ?? ""))
  }))

// The first line of a rollout, which may be longer than the head.
const rolloutHead = /^\{[^{}]{0,200}"type":"session_meta"/
// Codex compresses rollouts that have not been used for long.
const compressed = "(\ufffd/\ufffd"

const notTranscript = (head: string): { readonly description: string; readonly isRollout?: true } => {
  if (rolloutHead.test(head) || textIn(parse(head.split("\n")[0] ?? ""), "type") === "session_meta") {
    const description = "it is a rollout of codex, which has neither the messages of a program nor who decided"
    return { description, isRollout: true }
  }
  if (head === "") return { description: "it is empty" }
  return {
    description: head.startsWith(compressed)
      ? "it is compressed: decompress it with `zstd -d`"
      : "it is not a transcript"
  }
}

/** Fails if the path is not a regular file: only such a file can be read twice, and has an end. Links are followed. */
export const whenRegular = (fs: FileSystem.FileSystem, path: string) =>
  Effect.flatMap(fs.stat(path), ({ type }) => {
    const description = type === "Directory" ? "it is a folder" : "it is not a regular file"
    return type === "File" ? Effect.void : Effect.fail(new Unusable({ path, line: 0, description }))
  })

/** Finds the files that belong to the recording whose newest file is at the path. */
export const find = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<Found, Unusable | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  yield* whenRegular(fs, path)
  const head = yield* headOf(fs, path)
  const { header } = head
  if (header === undefined) return yield* new Unusable({ path, line: 1, ...notTranscript(head.text) })
  if (header.transcript !== formatVersion) {
    const description = `it has version ${header.transcript} of the format, and this program reads version ${formatVersion}`
    return yield* new Unusable({ path, line: 1, description })
  }
  const files = [path]
  for (let part = header.part - 1; part > 0; part--) {
    const older = `${path}.${files.length}`
    if (!(yield* fs.exists(older))) break
    const its = (yield* headOf(fs, older)).header
    if (its?.recording !== header.recording || its.part !== part) break
    files.unshift(older)
  }
  return { header, files }
})

interface Reading {
  line: number
  /** The first line that is not JSON. It may be the last one, left incomplete by a killed process. */
  damaged: number | undefined
}

/** The entries of one file. An incomplete last line is left out. */
export const entriesOf = (
  path: string
): Stream.Stream<Entry, Unusable | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Stream.suspend(() => {
    const lines: Array<string> = []
    const splitter = makeLineSplitter(longestString, (line) => lines.push(line))
    const state: Reading = { line: 0, damaged: undefined }
    const taken = (): ReadonlyArray<Entry> => {
      const entries: Array<Entry> = []
      for (const text of lines) {
        state.line++
        if (state.damaged !== undefined) break
        const value = parse(text)
        if (value === undefined) state.damaged = state.line
        const entry = toEntry(value)
        if (entry !== undefined) entries.push(entry)
      }
      lines.length = 0
      return entries
    }
    // More lines follow it, so it is not the last one.
    const isDamaged = () => state.damaged !== undefined && state.line > state.damaged
    return Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(path, { chunkSize: 1_048_576 }))).pipe(
      Stream.mapAccumArrayEffect(
        () => state,
        (state, chunks) =>
          Effect.suspend(() => {
            for (const chunk of chunks) splitter.push(chunk)
            const entries = taken()
            return isDamaged()
              ? Effect.fail(new Unusable({ path, line: state.damaged ?? 0, description: "it is not JSON" }))
              : Effect.succeed([state, entries] as const)
          }),
        {
          onHalt: () => {
            splitter.end()
            return taken()
          }
        }
      )
    )
  })
