/** The files of a trail on a real disk: where it resumes, what is appended, and what becomes of a file that is full or moved. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PlatformError from "effect/PlatformError"
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import * as path from "node:path"
import { inOrder, open } from "../src/internal/audit/files.ts"
import { makeFolder } from "./folders.ts"

const newFile = () => path.join(makeFolder("audit-files"), "audit.jsonl")
const hashOf = (seq: number) => `${seq}`.repeat(64).slice(0, 64)
const chained = (seq: number) => ({ prev: null, hash: hashOf(seq) })

const opened = (seq: number, first: number) =>
  JSON.stringify({ seq, at: "t", type: "opened", torn: false, first, ...chained(seq) })
const rotated = (seq: number, first: number) =>
  JSON.stringify({ seq, at: "t", type: "rotated", first, ...chained(seq) })
const dropped = (seq: number) =>
  JSON.stringify({ seq, at: "t", type: "dropped", count: 1, from: seq - 1, reason: "r", ...chained(seq) })

const write = (file: string, ...lines: ReadonlyArray<string>) =>
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""))
const read = (file: string) => readFileSync(file, "utf8")
const bytes = (text: string) => new TextEncoder().encode(text)

const opening = (file: string, options: { readonly maxBytes?: number; readonly keep?: number } = {}) =>
  open(file, { maxBytes: 1000, keep: 2, ...options })

const startOf = (file: string) => Effect.map(Effect.scoped(opening(file)), ({ start }) => start)

const capture = () => {
  const lines: Array<string> = []
  return {
    lines,
    layer: Logger.layer([Logger.make(({ message }) => lines.push(String(message).replace(/.*[/]/, "")))])
  }
}

const onDisk = Effect.provide(NodeFileSystem.layer)

/** The real disk with some of its operations replaced. */
const layerDisk = (change: (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({ ...fs, ...change(fs) }))
  ).pipe(Layer.provide(NodeFileSystem.layer))

const failure = (tag: "PermissionDenied" | "WriteZero") =>
  PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "test" })

describe("the files of a trail", () => {
  it.live("are read from the oldest on, up to the first that is missing", () =>
    Effect.gen(function* () {
      const file = newFile()
      expect(yield* inOrder(file)).toEqual([file])
      for (const age of [1, 2, 4]) write(`${file}.${age}`)
      expect(yield* inOrder(file)).toEqual([`${file}.2`, `${file}.1`, file])
    }).pipe(onDisk)
  )

  it.live("are created for their owner alone, and locked until the scope closes", () =>
    Effect.gen(function* () {
      const file = newFile()
      yield* Effect.gen(function* () {
        const { start } = yield* opening(file)
        expect(start).toEqual({ seq: 0, hash: null, torn: false, first: 1 })
        expect(readdirSync(path.dirname(file)).toSorted()).toEqual(["audit.jsonl", "audit.jsonl.lock"])
        expect(statSync(file).mode & 0o777).toBe(0o600)
      }).pipe(Effect.scoped)
      expect(readdirSync(path.dirname(file))).toEqual(["audit.jsonl"])
      chmodSync(file, 0o644)
      yield* startOf(file)
      expect(statSync(file).mode & 0o777).toBe(0o600)
    }).pipe(onDisk)
  )

  it.live("have room for what leaves enough for the line that ends them", () =>
    Effect.gen(function* () {
      const { append, hasRoomFor } = yield* opening(newFile(), { maxBytes: 1000 })
      expect([600, 601].map(hasRoomFor)).toEqual([true, false])
      yield* append(bytes("x".repeat(99)))
      yield* append(bytes("\n"))
      expect([500, 501].map(hasRoomFor)).toEqual([true, false])
    }).pipe(Effect.scoped, onDisk)
  )

  it.live("resume behind their last record, and know the first that they must contain", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<
        readonly [current: ReadonlyArray<string> | undefined, before: ReadonlyArray<string> | undefined, number, number]
      > = [
        [[opened(5, 3), dropped(6)], undefined, 6, 3],
        [[opened(5, 3), dropped(6)], [rotated(4, 2)], 6, 3],
        [undefined, [opened(1, 1), rotated(4, 2)], 4, 2],
        [[], [rotated(4, 2)], 4, 2],
        [undefined, [opened(4, 3)], 4, 3],
        [undefined, [dropped(4)], 4, 1],
        // A file that does not say it follows the one before.
        [[dropped(6)], [rotated(4, 2)], 6, 2],
        [[dropped(6)], undefined, 6, 1],
        [[rotated(6, 5)], undefined, 6, 1],
        [undefined, undefined, 0, 1],
        [[], [], 0, 1]
      ]
      for (const [current, before, seq, first] of cases) {
        const file = newFile()
        if (current !== undefined) write(file, ...current)
        if (before !== undefined) write(`${file}.1`, ...before)
        const hash = seq === 0 ? null : hashOf(seq)
        expect([current, before, yield* startOf(file)]).toEqual([current, before, { seq, hash, torn: false, first }])
        expect(read(file)).toBe((current ?? []).map((line) => `${line}\n`).join(""))
      }
    }).pipe(onDisk)
  )

  it.live("resume behind a line that was cut off, on a line of their own", () =>
    Effect.gen(function* () {
      for (const rest of ["{", '{"s', '{"seq":', '{"seq":2', '{"seq":21,"at":"']) {
        for (const lines of [[], [opened(1, 1)]]) {
          const file = newFile()
          write(file, ...lines)
          appendFileSync(file, rest)
          const text = read(file)
          const seq = lines.length
          expect([rest, yield* startOf(file)]).toEqual([
            rest,
            { seq, hash: seq === 0 ? null : hashOf(1), torn: true, first: 1 }
          ])
          expect(read(file)).toBe(`${text}\n`)
        }
      }
      // Only its line break is missing.
      const file = newFile()
      writeFileSync(file, opened(1, 1))
      expect(yield* startOf(file)).toEqual({ seq: 1, hash: hashOf(1), torn: false, first: 1 })
      expect(read(file)).toBe(`${opened(1, 1)}\n`)
    }).pipe(onDisk)
  )

  it.live("count the bytes that they have when they resume", () =>
    Effect.gen(function* () {
      const file = newFile()
      write(file, opened(1, 1))
      const size = statSync(file).size
      const { hasRoomFor } = yield* opening(file, { maxBytes: 1000 })
      expect([600 - size, 601 - size].map(hasRoomFor)).toEqual([true, false])
    }).pipe(Effect.scoped, onDisk)
  )

  it.live("may be very long", () =>
    Effect.gen(function* () {
      const file = newFile()
      write(file, opened(1, 1), "x".repeat(5_000_000), dropped(7))
      expect(yield* startOf(file)).toMatchObject({ seq: 7, first: 1 })
    }).pipe(onDisk)
  )

  it.live("are no other files, and stay as they are", () =>
    Effect.gen(function* () {
      for (const text of ["notes\n", "notes", `${opened(1, 1)}\nnotes\n`, 'x{"seq":1', '{"seq":x', "{}\n", "\n"]) {
        for (const name of ["audit.jsonl", "audit.jsonl.1"]) {
          const file = newFile()
          const there = path.join(path.dirname(file), name)
          writeFileSync(there, text)
          chmodSync(there, 0o644)
          expect([text, yield* Effect.flip(startOf(file))]).toEqual([
            text,
            expect.objectContaining({
              _tag: "NoTrail",
              description: "it does not end in a record: move it away, or name another file"
            })
          ])
          expect([readdirSync(path.dirname(file)), read(there)]).toEqual([[name], text])
          expect(statSync(there).mode & 0o777).toBe(0o644)
        }
      }
      const link = newFile()
      symlinkSync("elsewhere", link)
      const folder = newFile()
      mkdirSync(folder)
      for (const file of [link, folder]) {
        expect(yield* Effect.flip(startOf(file))).toMatchObject({
          _tag: "NoTrail",
          description: "it is a link, or not a regular file"
        })
        expect(readdirSync(path.dirname(file))).toEqual(["audit.jsonl"])
      }
    }).pipe(onDisk)
  )
})

describe("a disk under the files of a trail", () => {
  it.live("need not know how to refuse links", () => {
    const asked: Array<unknown> = []
    const layer = layerDisk((fs) => ({
      open: (file, options) => {
        asked.push(options)
        return options?.noFollow === true
          ? Effect.fail(PlatformError.badArgument({ module: "FileSystem", method: "open" }))
          : fs.open(file, options)
      }
    }))
    return Effect.gen(function* () {
      const file = newFile()
      expect(yield* startOf(file)).toMatchObject({ seq: 0 })
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(asked).toEqual([
        { flag: "a", mode: 0o600, noFollow: true },
        { flag: "a", mode: 0o600 }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.live("fails the opening with its own error, and no link is followed after it", () =>
    Effect.gen(function* () {
      const fail = () => Effect.fail(failure("PermissionDenied"))
      for (const change of [
        (fs: FileSystem.FileSystem): Partial<FileSystem.FileSystem> => ({
          open: (file, options) => (options?.noFollow === true ? fail() : fs.open(file, options))
        }),
        () => ({ lstat: fail })
      ]) {
        const file = newFile()
        const error = yield* Effect.flip(startOf(file)).pipe(Effect.provide(layerDisk(change)))
        expect(error).toMatchObject({ reason: { _tag: "PermissionDenied" } })
        expect(readdirSync(path.dirname(file))).toEqual([])
      }
    })
  )

  it.live("that writes a part of a line has it taken back, at once or before the next one", () =>
    Effect.gen(function* () {
      for (const cuts of [true, false]) {
        const file = newFile()
        let isFull = false
        let openFiles = 0
        const layer = layerDisk((fs) => ({
          open: (name, options) =>
            Effect.gen(function* () {
              const real = yield* fs.open(name, options)
              yield* Effect.acquireRelease(
                Effect.sync(() => openFiles++),
                () => Effect.sync(() => openFiles--)
              )
              return {
                stat: real.stat,
                truncate: (size: number) => (isFull && !cuts ? Effect.fail(failure("WriteZero")) : real.truncate(size)),
                writeAll: (data: Uint8Array) =>
                  isFull
                    ? Effect.andThen(real.writeAll(data.subarray(0, 2)), Effect.fail(failure("WriteZero")))
                    : real.writeAll(data)
              } as unknown as FileSystem.File
            })
        }))
        const { layer: layerLog, lines } = capture()
        yield* Effect.gen(function* () {
          const { append, settle, turnOver } = yield* opening(file)
          yield* append(bytes("one\n"))
          isFull = true
          expect(yield* Effect.flip(append(bytes("two\n")))).toMatchObject({ reason: { _tag: "WriteZero" } })
          expect(read(file)).toBe(cuts ? "one\n" : "one\ntw")
          // Bytes of its own are no change by somebody else.
          expect(yield* settle).toBe(false)
          expect(lines).toEqual([])
          isFull = false
          yield* append(bytes("three\n"))
          expect(read(file)).toBe("one\nthree\n")
          // From then on, a change is one again.
          appendFileSync(file, "x")
          expect(yield* settle).toBe(false)
          expect(lines).toEqual(["audit.jsonl was changed while it was written to"])
          isFull = true
          yield* Effect.flip(append(bytes("four\n")))
          isFull = false
          appendFileSync(file, "y")
          yield* settle
          // What it could not take back may hide a change.
          expect(lines.length).toBe(cuts ? 2 : 1)
          yield* turnOver
          expect(openFiles).toBe(1)
          appendFileSync(file, "x")
          yield* settle
          expect(lines.length).toBe(cuts ? 3 : 2)
        }).pipe(Effect.scoped, Effect.provide([layer, layerLog]))
        expect(openFiles).toBe(0)
      }
    })
  )
})

describe("a file of a trail", () => {
  it.live("that was moved or removed is followed by a new one", () =>
    Effect.gen(function* () {
      const file = newFile()
      const { layer, lines } = capture()
      yield* Effect.gen(function* () {
        const { append, hasRoomFor, settle } = yield* opening(file)
        yield* append(bytes("one\n"))
        expect(yield* settle).toBe(false)
        renameSync(file, `${file}.moved`)
        expect(yield* settle).toBe(true)
        expect(hasRoomFor(600)).toBe(true)
        yield* append(bytes("two\n"))
        expect([read(`${file}.moved`), read(file)]).toEqual(["one\n", "two\n"])
        expect(yield* settle).toBe(false)
        rmSync(file)
        expect(yield* settle).toBe(true)
        yield* append(bytes("three\n"))
        expect(read(file)).toBe("three\n")
        expect(statSync(file).mode & 0o777).toBe(0o600)
        expect(lines).toEqual(
          Array.from({ length: 2 }, () => "audit.jsonl was moved away or removed while it was written to")
        )
      }).pipe(Effect.scoped, Effect.provide(layer))
    }).pipe(onDisk)
  )

  it.live("is not what somebody else has put in its place", () =>
    Effect.gen(function* () {
      const { layer } = capture()
      for (const put of [
        (file: string) => writeFileSync(file, "notes\n"),
        (file: string) => symlinkSync(`${file}.notes`, file)
      ]) {
        const file = newFile()
        writeFileSync(`${file}.notes`, "notes\n")
        yield* Effect.gen(function* () {
          const { append, settle } = yield* opening(file)
          yield* append(bytes("one\n"))
          renameSync(file, `${file}.moved`)
          put(file)
          expect(yield* Effect.flip(settle)).toMatchObject({ reason: { _tag: "AlreadyExists" } })
          expect([read(file), read(`${file}.notes`)]).toEqual(["notes\n", "notes\n"])
          rmSync(file)
          expect(yield* settle).toBe(true)
        }).pipe(Effect.scoped, Effect.provide(layer))
      }
    }).pipe(onDisk)
  )

  it.live("that somebody else has changed goes on behind the change, unless another process has the lock", () =>
    Effect.gen(function* () {
      const file = newFile()
      const { layer, lines } = capture()
      yield* Effect.gen(function* () {
        const { append, hasRoomFor, settle } = yield* opening(file)
        yield* append(bytes("one\n"))
        appendFileSync(file, "x".repeat(94))
        expect(yield* settle).toBe(false)
        expect(lines).toEqual(["audit.jsonl was changed while it was written to"])
        expect([501, 502].map(hasRoomFor)).toEqual([true, false])
        yield* append(bytes("two\n"))
        expect(read(file)).toBe(`one\n${"x".repeat(94)}\ntwo\n`)
        expect(yield* settle).toBe(false)
        writeFileSync(file, "")
        expect(yield* settle).toBe(false)
        expect(read(file)).toBe("")
        expect(lines.length).toBe(2)
        appendFileSync(file, "y")
        writeFileSync(`${file}.lock`, "another")
        expect(yield* Effect.flip(settle)).toMatchObject({
          reason: { _tag: "Unknown", module: "Audit", method: "append", pathOrDescriptor: file },
          message: expect.stringContaining("another process has taken the trail over")
        })
        expect([read(file), lines.length]).toEqual(["y", 2])
      }).pipe(Effect.scoped, Effect.provide(layer))
    }).pipe(onDisk)
  )

  it.live("that is full becomes the first of the older ones, of which so many are kept", () =>
    Effect.gen(function* () {
      for (const [keep, expected] of [
        [-1, ["5\n"]],
        [0, ["5\n"]],
        [1, ["5\n", "4\n"]],
        [3, ["5\n", "4\n", "3\n", "2\n"]],
        [10, ["5\n", "4\n", "3\n", "2\n", "1\n"]]
      ] as const) {
        const file = newFile()
        const { append, hasRoomFor, settle, turnOver } = yield* opening(file, { keep })
        for (let turn = 1; turn < 5; turn++) {
          yield* append(bytes(`${turn}\n`))
          yield* turnOver
          expect(hasRoomFor(600)).toBe(true)
          expect(yield* settle).toBe(false)
        }
        yield* append(bytes("5\n"))
        const texts = (yield* inOrder(file)).map(read).toReversed()
        expect([keep, texts]).toEqual([keep, expected])
      }
    }).pipe(Effect.scoped, onDisk)
  )

  it.live("takes the place of all that were kept by a trail with more of them, and of one that is missing", () =>
    Effect.gen(function* () {
      const file = newFile()
      write(`${file}.1`, opened(1, 1))
      for (const age of [2, 3, 4]) write(`${file}.${age}`, `${age}`)
      const { turnOver } = yield* opening(file, { keep: 2 })
      yield* turnOver
      expect(yield* inOrder(file)).toEqual([`${file}.2`, `${file}.1`, file])
      expect(read(`${file}.2`)).toBe(`${opened(1, 1)}\n`)
      rmSync(`${file}.1`)
      yield* turnOver
      expect(existsSync(`${file}.2`)).toBe(false)
      expect(existsSync(`${file}.1`)).toBe(true)
    }).pipe(Effect.scoped, onDisk)
  )

  it.live("tells which record is the oldest once it is full", () =>
    Effect.gen(function* () {
      const cases = [
        [0, {}, 9],
        [1, {}, 3],
        [1, { ".1": [dropped(2)] }, 5],
        [2, { ".1": [dropped(2)] }, 3],
        [2, { ".1": [dropped(20)], ".2": [dropped(2)] }, 20],
        [3, { ".1": [dropped(4)], ".2": [dropped(3)], ".3": [dropped(2)] }, 3],
        [2, { ".1": [` ${dropped(4)}`], ".2": [dropped(2)] }, 1]
      ] as const
      for (const [keep, older, first] of cases) {
        const file = newFile()
        write(file, opened(5, 3), dropped(6))
        for (const [age, lines] of Object.entries(older)) write(`${file}${age}`, ...lines)
        const { firstKept } = yield* opening(file, { keep })
        expect([keep, older, yield* firstKept(9)]).toEqual([keep, older, first])
      }
    }).pipe(Effect.scoped, onDisk)
  )
})
