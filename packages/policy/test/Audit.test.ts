import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import type * as Notification from "@effect-codex/core/Notification"
import { type ObservedDecision, DecisionObserver } from "@effect-codex/core/DecisionObserver"
import * as Audit from "@effect-codex/policy/Audit"
import type { AuditRecord } from "@effect-codex/policy/AuditRecord"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"

const about = { threadId: "thread", turnId: "turn" } as const

const answered = (
  itemId: string,
  more?: Partial<ObservedDecision> & { readonly command?: string }
): ObservedDecision => ({
  kind: "command",
  request: {
    id: 7,
    method: "item/commandExecution/requestApproval",
    params: { ...about, itemId, startedAtMs: 0, command: more?.command ?? "ls" }
  },
  ...about,
  itemId,
  decision: "accept",
  by: "rules",
  reason: undefined,
  millis: 1.23456,
  ...more
})

const completed = (id: string, status: "completed" | "declined" = "completed", command = "ls") =>
  ({
    method: "item/completed",
    length: 0,
    raw: {},
    params: {
      ...about,
      completedAtMs: 0,
      item: { type: "commandExecution", id, command, cwd: "/", status, exitCode: 0, commandActions: [] }
    }
  }) as unknown as Notification.Notification

const turnCompleted = {
  method: "turn/completed",
  length: 0,
  raw: {},
  params: { threadId: "thread", turn: { id: "turn", items: [], status: "completed" } }
} as unknown as Notification.Notification

const observer = Effect.flatMap(DecisionObserver, (observer) =>
  observer === undefined ? Effect.die("there is no observer") : Effect.succeed(observer)
)

// What a trail says when its first so many records are asked for.
const recorded = (count: number, record: Effect.Effect<void, never, Audit.Audit>, options?: Audit.Options) =>
  Effect.gen(function* () {
    const audit = yield* Audit.Audit
    const records = yield* Effect.forkChild(Stream.runCollect(Stream.take(audit.records, count)), {
      startImmediately: true
    })
    yield* record
    return yield* Fiber.join(records)
  }).pipe(Effect.provide(Audit.layer(options)))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-codex-audit-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const inFile = <A, E>(file: string, effect: Effect.Effect<A, E, Audit.Audit>, options?: Audit.FileOptions) =>
  effect.pipe(Effect.provide(Audit.layerFile(file, options).pipe(Layer.provide(NodeServices.layer))))

const add = (...ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const audit = yield* Audit.Audit
    const { onDecision: decide } = yield* observer
    for (const id of ids) decide(answered(id))
    yield* audit.flush
  })

const capture = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    lines.push(String(message))
  })
  return { lines, layer: Logger.layer([logger]) }
}

const linesOf = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n")
const verify = (file: string) => Effect.provide(Audit.verify(file), NodeServices.layer)

describe("a record", () => {
  it.effect("says who decided what about which request, and what became of it", () =>
    Effect.gen(function* () {
      const records = yield* recorded(
        3,
        Effect.gen(function* () {
          const { onDecision: decide, onNotification } = yield* observer
          decide(answered("a", { reason: "TOKEN=abcdefgh is known" }))
          decide(answered("b", { decision: "decline", by: undefined, reason: "nobody decided" }))
          onNotification(completed("a"))
        })
      )
      expect(records).toMatchObject([
        {
          seq: 1,
          at: "1970-01-01T00:00:00.000Z",
          type: "decision",
          ...about,
          itemId: "a",
          requestId: 7,
          kind: "command",
          decision: "accept",
          by: "rules",
          reason: "TOKEN=[redacted] is known",
          millis: 1.235,
          prev: null
        },
        { seq: 2, type: "decision", decision: "decline", by: null, reason: "nobody decided" },
        { seq: 3, type: "outcome", itemId: "a", item: "commandExecution", status: "completed", exitCode: 0 }
      ])
      expect(records[1]?.prev).toBe(records[0]?.hash)
      expect(records[0]).not.toHaveProperty("params")
    })
  )

  it.effect("tells of what ran without anybody being asked, and of what never came to an end", () =>
    Effect.gen(function* () {
      const records = yield* recorded(
        3,
        Effect.gen(function* () {
          const { onDecision: decide, onNotification } = yield* observer
          decide(answered("a"))
          onNotification(completed("b"))
          onNotification(turnCompleted)
          onNotification(turnCompleted)
        })
      )
      expect(records).toMatchObject([
        { type: "decision", itemId: "a" },
        { type: "unasked", itemId: "b", item: "commandExecution", status: "completed" },
        { type: "outcome", itemId: "a", status: "abandoned" }
      ])
      expect(records[1]).not.toHaveProperty("what")
    })
  )

  it.effect("holds parameters where that is allowed, without secrets, and their hash in any case", () =>
    Effect.gen(function* () {
      const command = "curl -H 'Authorization: Bearer abcdefghijkl' x"
      const one = Effect.gen(function* () {
        const { onDecision: decide, onNotification } = yield* observer
        decide(answered("a", { command }))
        onNotification(completed("b", "completed", command))
      })
      const [bare] = yield* recorded(1, one)
      const [full, unasked] = yield* recorded(2, one, { includeParams: true })
      expect(JSON.stringify(full)).toContain("[redacted]")
      expect(JSON.stringify(unasked)).toContain("[redacted]")
      expect(JSON.stringify([bare, full, unasked])).not.toContain("abcdefghijkl")
      const hashOf = (record: AuditRecord | undefined) => (record?.type === "decision" ? record.paramsHash : "")
      expect(hashOf(full)).toMatch(/^[0-9a-f]{64}$/)
      expect(hashOf(bare)).toBe(hashOf(full))
    })
  )

  it.effect("is not made when the trail is switched off", () =>
    Effect.gen(function* () {
      expect(yield* DecisionObserver).toBeUndefined()
    }).pipe(Effect.provide(Audit.layer({ enabled: false })))
  )
})

describe("a trail in a file", () => {
  it.live("can be read by its owner alone, goes on in a new process, and proves itself", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add("a", "b"))
      expect(statSync(file).mode & 0o777).toBe(0o600)
      chmodSync(file, 0o644)
      yield* inFile(file, add("c"))
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const records = linesOf(file).map((line): AuditRecord => JSON.parse(line))
      expect(records.map(({ seq, type }) => [seq, type])).toEqual([
        [1, "opened"],
        [2, "decision"],
        [3, "decision"],
        [4, "opened"],
        [5, "decision"]
      ])
      const anchor = { count: 5, hash: records.at(-1)?.hash }
      expect(yield* verify(file)).toEqual({ records: 5, dropped: 0, first: 1, anchor })
      expect(existsSync(`${file}.lock`)).toBe(false)
    })
  )

  it.live("shows every change", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add("a", "b", "c"))
      const lines = linesOf(file)
      const [first = "", second = "", third = "", fourth = ""] = lines
      const changes: ReadonlyArray<readonly [ReadonlyArray<string>, number, string]> = [
        [[first, second.replace("accept", "decline"), third, fourth], 2, "it has been changed"],
        [[first, third, fourth], 2, "it does not follow from the line before"],
        [[first, second, fourth, third], 3, "it does not follow from the line before"],
        [[first, second, second, third], 3, "it does not follow from the line before"],
        [[first, "{}", third, fourth], 2, "it is not a record"]
      ]
      for (const [changed, line, description] of changes) {
        writeFileSync(file, `${changed.join("\n")}\n`)
        expect(yield* Effect.flip(verify(file))).toMatchObject({ _tag: "AuditBroken", line, description })
      }
      // The beginning, or all of it.
      writeFileSync(file, `${second}\n${third}\n${fourth}\n`)
      const description = "its beginning is missing: it should begin with record 1, but begins with 2"
      expect(yield* Effect.flip(verify(file))).toMatchObject({ _tag: "AuditBroken", line: 1, description })
      writeFileSync(file, "")
      expect(yield* Effect.flip(verify(file))).toMatchObject({ path: file, description: "there is no record in it" })
      rmSync(file)
      expect(yield* Effect.flip(verify(file))).toMatchObject({ _tag: "PlatformError" })
    })
  )

  it.live("shows by its anchor that its end is cut off, or that it was written anew", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const anchor = yield* inFile(
        file,
        Effect.andThen(
          add("a", "b"),
          Effect.flatMap(Audit.Audit, ({ anchor }) => anchor)
        )
      )
      const lines = linesOf(file)
      expect(anchor).toEqual({ count: 3, hash: (JSON.parse(lines[2] ?? "") as AuditRecord).hash })
      const check = () => Effect.provide(Audit.verify(file, { anchor }), NodeServices.layer)
      yield* inFile(file, add("c"))
      expect(yield* check()).toMatchObject({ records: 5 })
      // Without the anchor, this passes.
      writeFileSync(file, `${lines.slice(0, 2).join("\n")}\n`)
      expect(yield* verify(file)).toMatchObject({ records: 2 })
      const description = "its end is missing: the anchor names record 3, and the last one is 2"
      expect(yield* Effect.flip(check())).toMatchObject({ _tag: "AuditBroken", description })
      rmSync(file)
      yield* inFile(file, add("x", "y"))
      expect(yield* verify(file)).toMatchObject({ records: 3 })
      expect(yield* Effect.flip(check())).toMatchObject({
        line: 3,
        description: "it is not the record that the anchor names"
      })
    })
  )

  it.live("goes on behind a line that was cut off, and says so", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add("a"))
      writeFileSync(file, `${readFileSync(file, "utf8")}{"seq":3,"at"`)
      expect(yield* Effect.flip(verify(file))).toMatchObject({ line: 3 })
      yield* inFile(file, add("b"))
      expect(linesOf(file)[3]).toContain('"torn":true')
      expect(yield* verify(file)).toMatchObject({ records: 4 })
    })
  )

  it.live("goes on behind a record that lacks its line break alone, and keeps it", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add("a", "b"))
      writeFileSync(file, readFileSync(file, "utf8").trimEnd())
      expect(yield* verify(file)).toMatchObject({ records: 3 })
      yield* inFile(file, add("c"))
      expect(linesOf(file)[3]).toContain('"torn":false')
      expect(yield* verify(file)).toMatchObject({ records: 5, dropped: 0 })
    })
  )

  it.live("goes on behind a first line that was cut off", () =>
    Effect.gen(function* () {
      for (const rest of ["{", '{"seq":1,"at":"20', '{"seq":12']) {
        const file = path.join(yield* folder, "audit.jsonl")
        writeFileSync(file, rest)
        yield* inFile(file, add("a"))
        expect(linesOf(file)[1]).toContain('"torn":true')
        expect(yield* verify(file)).toMatchObject({ records: 2 })
      }
    })
  )

  it.live("is no other file, and no link", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const other = path.join(directory, "notes.txt")
      const link = path.join(directory, "link")
      writeFileSync(other, "my notes\n")
      symlinkSync(path.join(directory, "elsewhere"), link)
      for (const file of [other, link, directory]) {
        expect(yield* Effect.flip(inFile(file, add("a")))).toMatchObject({ _tag: "AuditFailed", path: file })
      }
      expect(readFileSync(other, "utf8")).toBe("my notes\n")
      expect(existsSync(path.join(directory, "elsewhere"))).toBe(false)
    })
  )

  it.live("is begun anew when it is full, chained to the older ones, of which some are kept", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const write = (id: string) => inFile(file, add(`${id}1`, `${id}2`), { maxBytes: 2000, keep: 2 })
      const first = yield* inFile(
        file,
        Effect.flatMap(Audit.Audit, ({ anchor }) => anchor)
      )
      for (const id of ["a", "b"]) yield* write(id)
      expect(yield* verify(file)).toMatchObject({ first: 1, dropped: 0 })
      for (const id of ["c", "d", "e", "f", "g", "h"]) yield* write(id)
      const files = [file, `${file}.1`, `${file}.2`, `${file}.3`]
      expect(files.map((name) => existsSync(name))).toEqual([true, true, true, false])
      const verified = yield* verify(file)
      expect(verified.first).toBeGreaterThan(1)
      expect(verified.records).toBe(verified.anchor.count - verified.first + 1)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const gone = yield* Effect.flip(Effect.provide(Audit.verify(file, { anchor: first }), NodeServices.layer))
      expect(gone).toMatchObject({ description: "record 1, which the anchor names, is not kept" })
      // An older file that is taken away shows, and so does its beginning.
      const oldest = readFileSync(`${file}.2`, "utf8")
      writeFileSync(`${file}.2`, oldest.slice(oldest.indexOf("\n") + 1))
      expect(yield* Effect.flip(verify(file))).toMatchObject({ path: `${file}.2`, line: 1 })
      rmSync(`${file}.2`)
      expect(yield* Effect.flip(verify(file))).toMatchObject({
        path: `${file}.1`,
        description: expect.stringMatching(/^its beginning is missing/)
      })
    })
  )

  it.live("shows each line that is taken out, put in, moved or changed, in whichever of its files", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add(..."abcdefgh"), { maxBytes: 2000, keep: 100 })
      yield* inFile(file, add("i"), { maxBytes: 2000, keep: 100 })
      const files = readdirSync(path.dirname(file)).map((name) => path.join(path.dirname(file), name))
      expect(files.length).toBeGreaterThan(3)
      for (const changed of files) {
        const text = readFileSync(changed, "utf8")
        const lines = text.trimEnd().split("\n")
        const edits = lines.flatMap((line, index) => [
          lines.toSpliced(index, 1),
          lines.slice(index + 1),
          lines.slice(0, index),
          lines.toSpliced(index, 0, line),
          lines.toSpliced(index, 1, line.replace("thread", "threat")),
          lines.toSpliced(index, 1, line.replace(/.("}\n?)$/, "x$1")),
          lines.toSpliced(index, 2, lines[index + 1] ?? "", line)
        ])
        for (const edit of edits) {
          const edited = edit.map((line) => `${line}\n`).join("")
          // What is left out at the very end is for an anchor to show.
          if (text === edited || (changed === file && text.startsWith(edited))) continue
          writeFileSync(changed, edited)
          expect(yield* Effect.flip(verify(file))).toMatchObject({ _tag: "AuditBroken" })
        }
        writeFileSync(changed, text)
        renameSync(changed, `${changed}.away`)
        expect(yield* Effect.flip(verify(file))).toBeDefined()
        renameSync(`${changed}.away`, changed)
      }
      expect(yield* verify(file)).toMatchObject({ first: 1, dropped: 0 })
    })
  )

  it.live("keeps no older file if it is to keep none", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add(..."abcdefghij"), { maxBytes: 2000, keep: 0 })
      expect(existsSync(`${file}.1`)).toBe(false)
      const { anchor, first, records } = yield* verify(file)
      expect(first).toBeGreaterThan(1)
      expect(records).toBe(anchor.count - first + 1)
    })
  )

  it.live("has no file larger than it may be, however many decisions come at once", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const ids = Array.from({ length: 300 }, (_, index) => `item_${index}`)
      yield* inFile(file, add(...ids), { maxBytes: 10_000, keep: 1000 })
      const files = readdirSync(path.dirname(file))
      expect(files.length).toBeGreaterThan(10)
      for (const name of files) expect(statSync(path.join(path.dirname(file), name)).size).toBeLessThanOrEqual(10_000)
      const records = yield* Audit.read(file).pipe(Stream.runCollect, Effect.provide(NodeServices.layer))
      expect(records.flatMap((record) => (record.type === "decision" ? [record.itemId] : []))).toEqual(ids)
    })
  )

  it.live("is taken up again behind the older file when a process ended between the two", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(file, add("a", "b"))
      renameSync(file, `${file}.1`)
      yield* inFile(file, add("c"))
      expect(yield* verify(file)).toMatchObject({ records: 5, first: 1 })
    })
  )

  it.live("that is moved away while it is written to goes on in a new file, and nothing is lost", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const { layer, lines } = capture()
      yield* inFile(
        file,
        Effect.gen(function* () {
          yield* add("a")
          renameSync(file, `${file}.1`)
          yield* add("b")
          expect(yield* verify(file)).toMatchObject({ records: 4, dropped: 0 })
          rmSync(file)
          yield* add("c")
        })
      ).pipe(Effect.provide(layer))
      expect(lines.filter((line) => line.includes("moved away"))).toHaveLength(2)
      // What was removed is missed.
      expect(yield* Effect.flip(verify(file))).toMatchObject({ path: file, line: 1 })
      expect(readFileSync(file, "utf8")).toContain('"itemId":"c"')
    })
  )

  it.live("does not write into what somebody puts in its place", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const elsewhere = path.join(path.dirname(file), "notes.txt")
      writeFileSync(elsewhere, "my notes\n")
      const { layer } = capture()
      yield* inFile(
        file,
        Effect.gen(function* () {
          yield* add("a")
          renameSync(file, `${file}.1`)
          symlinkSync(elsewhere, file)
          yield* add("b")
          rmSync(file)
          yield* add("c")
        })
      ).pipe(Effect.provide(layer))
      expect(readFileSync(elsewhere, "utf8")).toBe("my notes\n")
      expect(yield* verify(file)).toMatchObject({ dropped: 1 })
    })
  )

  it.live("that is cut off while it is written to shows that", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const { layer, lines } = capture()
      yield* inFile(
        file,
        Effect.gen(function* () {
          yield* add("a", "b")
          writeFileSync(file, `${linesOf(file)[0]}\n`)
          yield* add("c")
        })
      ).pipe(Effect.provide(layer))
      expect(lines.join("\n")).toContain("was changed while it was written to")
      expect(yield* Effect.flip(verify(file))).toMatchObject({ _tag: "AuditBroken" })
    })
  )

  it.live("has one writer", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      yield* inFile(
        file,
        Effect.gen(function* () {
          yield* add("a")
          expect(yield* Effect.flip(inFile(file, add("b")))).toMatchObject({
            _tag: "AuditFailed",
            description: expect.stringContaining(`${file}.lock`)
          })
          yield* add("c")
        })
      )
      yield* inFile(file, add("d"))
      expect(yield* verify(file)).toMatchObject({ records: 5 })
    })
  )

  it.live("is taken over from a process that was killed, and that one writes no more if it comes back", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const { layer, lines } = capture()
      yield* inFile(
        file,
        Effect.gen(function* () {
          yield* add("a")
          // As if it had been stopped for a while; again, should it touch its lock just then.
          const takenOver = Effect.suspend(() => {
            utimesSync(`${file}.lock`, new Date(0), new Date(0))
            return inFile(file, add("b"))
          })
          yield* Effect.retry(takenOver, { times: 5 })
          yield* add("c")
        })
      ).pipe(Effect.provide(layer))
      expect(lines.join("\n")).toContain("could not be written")
      expect(yield* verify(file)).toMatchObject({ records: 4 })
      expect(readdirSync(path.dirname(file))).toEqual(["audit.jsonl"])
    })
  )

  it.live("has nothing in it that a terminal obeys or hides", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const nasty = "a\u001b[2J\u009b31m\u202eb\u200bc\u{e0041}\r\nd"
      const decide = Effect.gen(function* () {
        const audit = yield* Audit.Audit
        const { onDecision } = yield* observer
        onDecision(answered(nasty, { by: nasty, reason: nasty, command: nasty }))
        yield* audit.flush
      })
      yield* inFile(file, decide, { includeParams: true })
      expect(readFileSync(file, "utf8")).toMatch(/^[\n\x20-\x7e]*$/)
      expect(JSON.parse(linesOf(file)[1] ?? "")).toMatchObject({ itemId: nasty, by: nasty, params: { command: nasty } })
      expect(yield* verify(file)).toMatchObject({ records: 2 })
    })
  )
})

describe("a disk", () => {
  const info = { type: "File", dev: 1n, ino: Option.some(1n) }
  const notFound = PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "lstat" })
  const full = PlatformError.systemError({ _tag: "WriteZero", module: "FileSystem", method: "write" })

  // A disk that has nothing on it but what was written last, and never more than that.
  const layerDisk = (writeAll: (text: string) => Effect.Effect<void, PlatformError.PlatformError>) =>
    Layer.effect(FileSystem.FileSystem)(
      Effect.sync(() => {
        let size = 0
        let isThere = false
        const stat = Effect.sync(() => ({ ...info, size: BigInt(size) }) as unknown as FileSystem.File.Info)
        return FileSystem.makeNoop({
          exists: () => Effect.succeed(false),
          lstat: () => Effect.suspend(() => (isThere ? stat : Effect.fail(notFound))),
          writeFileString: () => Effect.void,
          readFileString: () => Effect.fail(notFound),
          open: () =>
            Effect.sync(() => {
              isThere = true
              return {
                stat,
                truncate: () => Effect.void,
                writeAll: (bytes: Uint8Array) =>
                  Effect.tap(writeAll(new TextDecoder().decode(bytes)), () =>
                    Effect.sync(() => {
                      size += bytes.length
                    })
                  )
              } as unknown as FileSystem.File
            })
        })
      })
    )

  it.effect("that is slow holds up no decision; what there is no room for is told of", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const stuck = yield* Latch.make()
      const isWriting = yield* Latch.make()
      const layer = Audit.layerFile("audit.jsonl", { maxUnwritten: 2 }).pipe(
        Layer.provide(
          layerDisk((text) =>
            isWriting.open.pipe(
              Effect.andThen(stuck.await),
              Effect.andThen(Effect.sync(() => written.push(...text.trimEnd().split("\n"))))
            )
          )
        )
      )
      yield* Effect.gen(function* () {
        const audit = yield* Audit.Audit
        const { onDecision: decide } = yield* observer
        // The writer has taken the first record, and is stuck with it.
        yield* isWriting.await
        for (const id of ["a", "b", "c", "d", "e"]) decide(answered(id))
        expect(written).toEqual([])
        yield* stuck.open
        yield* audit.flush
      }).pipe(Effect.provide(layer))
      const records = written.map((line): AuditRecord => JSON.parse(line))
      expect(records.map(({ seq, type }) => [seq, type])).toEqual([
        [1, "opened"],
        [2, "decision"],
        [3, "decision"],
        [7, "dropped"]
      ])
      expect(records.at(-1)).toMatchObject({ count: 3, from: 4, reason: "too many at once" })
    })
  )

  it.effect("that fails is told of by the next record that can be written", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      let failing = false
      const layer = Audit.layerFile("audit.jsonl").pipe(
        Layer.provide(
          layerDisk((text) =>
            failing ? Effect.fail(full) : Effect.sync(() => written.push(...text.trimEnd().split("\n")))
          )
        )
      )
      yield* Effect.gen(function* () {
        yield* (yield* Audit.Audit).flush
        failing = true
        yield* add("a")
        yield* add("b")
        failing = false
        yield* add("c")
      }).pipe(Effect.provide(layer))
      const records = written.map((line): AuditRecord => JSON.parse(line))
      expect(records.map(({ seq, type }) => [seq, type])).toEqual([
        [1, "opened"],
        [4, "dropped"],
        [5, "decision"]
      ])
      expect(records[1]).toMatchObject({ count: 2, from: 2, reason: "they could not be written" })
      expect(records[1]?.prev).toBe(records[0]?.hash)
    })
  )
})
