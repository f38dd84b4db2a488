import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import * as Transcript from "@effect-codex/core/Transcript"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { runFile } from "../../../../scripts/run-command.ts"
import * as Parts from "../../src/internal/transcript/parts.ts"
import { folder, layerRecorded, linesOf, read, temporaryFile } from "./recording.ts"
import { password, privateKey, secrets } from "./secrets.ts"

const turn = (prompt = "Go on") =>
  Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt })).pipe(
    Effect.provide(PolicyEngine.layerAcceptAll)
  )

const frame = (method: string, params: object) => JSON.stringify({ method, params })

// What the server says outside of any turn, recorded.
const recordingOf = (lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    yield* Effect.scoped(
      Effect.gen(function* () {
        const server = yield* MockAppServer.MockAppServer
        for (const line of lines) yield* server.send(line)
      }).pipe(Effect.provide(layerRecorded(file)))
    )
    return { file, text: readFileSync(file, "utf8"), ...(yield* read(file)) }
  })

const inThree = (text: string): ReadonlyArray<string> => {
  const third = Math.ceil(text.length / 3)
  return [text.slice(0, third), text.slice(third, 2 * third), text.slice(2 * third)]
}

const item = (id: string, text: string) => ({ type: "agentMessage", id, text })

describe("recording a connection", () => {
  it.live("writes a header, every message of both directions and who decided, for its owner alone", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      yield* Effect.provide(turn(), layerRecorded(file, { turns: [[{ command: "ls" }, { say: ["Do", "ne"] }]] }))
      const { entries, header, missing } = yield* read(file)
      expect(header).toMatchObject({ transcript: 1, part: 1, cwd: "/work" })
      expect(header.codex).toMatch(/^\d+\.\d+\.\d+$/)
      expect(missing).toBe(0)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const numbers = entries.flatMap((entry) => ("n" in entry ? [entry.n] : [])).toSorted((a, b) => a - b)
      expect(numbers[0]).toBe(1)
      const merged = entries.flatMap((entry) => ("in" in entry && entry.merged !== undefined ? [entry] : []))
      expect(merged).toMatchObject([
        { merged: 2, in: { method: "item/agentMessage/delta", params: { delta: "Done" } } }
      ])
      expect(entries.filter((entry) => "decision" in entry)).toMatchObject([
        { decision: { decision: "accept", by: "acceptAll" } }
      ])
      expect(entries.at(-1)).toMatchObject({ end: "closed" })
    }).pipe(Effect.scoped)
  )

  it.live("tells the end of a connection that the program did not close", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* MockAppServer.MockAppServer
          yield* server.die({ _tag: "Exited", signal: "SIGKILL" }, ["a last word"])
        }).pipe(Effect.provide(layerRecorded(file)))
      )
      const { entries } = yield* read(file)
      expect(entries.at(-1)).toMatchObject({
        end: { reason: { _tag: "Exited", signal: "SIGKILL" }, stderr: ["a last word"] }
      })
    }).pipe(Effect.scoped)
  )
})

describe("a recording has no secrets", () => {
  const planted = { ...secrets, "private key": privateKey }

  for (const [name, secret] of Object.entries(planted)) {
    it.live(`${name}: whole, split over deltas, in JSON, in Base64 and in bytes`, () =>
      Effect.gen(function* () {
        const encoded = Buffer.from(`before ${secret} after`).toString("base64")
        const about = { threadId: "t", turnId: "u" }
        const deltas = (method: string, itemId: string, texts: ReadonlyArray<string>) => [
          ...texts.map((delta) => frame(method, { ...about, itemId, delta })),
          frame("item/completed", { ...about, item: item(itemId, texts.join("")) })
        ]
        const bytes = Buffer.from(`before ${secret} after`)
        const { text } = yield* recordingOf([
          frame("item/completed", { ...about, item: item("whole", `it is ${secret}`) }),
          ...deltas("item/agentMessage/delta", "split", inThree(`it is ${secret}.`)),
          ...deltas("item/commandExecution/outputDelta", "output", inThree(`it is ${secret}\n`)),
          ...deltas("item/agentMessage/delta", "encoded", inThree(encoded)),
          frame("item/completed", { ...about, item: item("nested", JSON.stringify({ note: secret })) }),
          ...[bytes.subarray(0, 9), bytes.subarray(9, 20), bytes.subarray(20)].map((piece) =>
            frame("command/exec/outputDelta", {
              processId: "p",
              stream: "stdout",
              capReached: false,
              deltaBase64: piece.toString("base64")
            })
          )
        ])
        const decoded = text.replaceAll(/[A-Za-z0-9+/]{16,}=*/g, (run) => Buffer.from(run, "base64").toString("latin1"))
        for (const part of secret.split("\n").filter((line) => !line.startsWith("-----"))) {
          expect(text).not.toContain(part)
          expect(decoded).not.toContain(part)
        }
        expect(text).not.toContain(encoded)
        expect(text).toContain("it is [redacted]")
      }).pipe(Effect.scoped)
    )
  }

  it.live("a password: by its name, in settings, JSON, JSON in JSON, Python and an environment", () =>
    Effect.gen(function* () {
      const about = { threadId: "t", turnId: "u" }
      const said = [
        `DB_PASSWORD=${password}`,
        `password: ${password}`,
        JSON.stringify({ password }),
        JSON.stringify({ text: JSON.stringify({ "db-password": password }) }),
        `{'password': '${password}'}`,
        `https://me:${password}@example.org`,
        Buffer.from(`export DB_PASSWORD=${password}\nexport HOME=/root\n`).toString("base64"),
        Buffer.from(`${"x".repeat(100)}\npassword: ${password}\n`)
          .toString("base64")
          .replaceAll(/(.{76})/g, "$1\n")
      ]
      const { text } = yield* recordingOf([
        ...said.map((said, index) => frame("item/completed", { ...about, item: item(`i${index}`, said) })),
        frame("item/completed", { ...about, item: { type: "mcpToolCall", id: "m", arguments: { env: { password } } } })
      ])
      expect(text).not.toContain(password)
      for (const [run] of text.matchAll(/[A-Za-z0-9+/]{16,}=*/g)) {
        expect(Buffer.from(run, "base64").toString("latin1")).not.toContain(password)
      }
    }).pipe(Effect.scoped)
  )

  it.live("a prompt of the program", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const secret = secrets["GitHub"] ?? ""
      yield* Effect.provide(turn(`Use ${secret}`), layerRecorded(file, { turns: [[{ say: [secret] }]] }))
      expect(readFileSync(file, "utf8")).not.toContain(secret)
      expect(readFileSync(file, "utf8")).toContain("Use [redacted]")
    }).pipe(Effect.scoped)
  )

  it.live("a text of more than a mebibyte, at any place of it, and nothing else of it is lost", () =>
    Effect.gen(function* () {
      const secret = secrets["GitHub"] ?? ""
      const line = `${"a line of output ".repeat(6)}${secret} end\n`
      const whole = line.repeat(20_000)
      const pieces = whole.match(/[^]{1,9973}/g) ?? []
      const about = { threadId: "t", turnId: "u", itemId: "i" }
      const { entries, text } = yield* recordingOf([
        ...pieces.map((delta) => frame("item/commandExecution/outputDelta", { ...about, delta })),
        frame("turn/completed", { threadId: "t", turn: { id: "u" } })
      ])
      expect(text).not.toContain(secret.slice(0, 20))
      const deltas = entries.flatMap((entry) =>
        "in" in entry && JSON.stringify(entry.in).includes("outputDelta") ? [JSON.stringify(entry.in)] : []
      )
      expect(deltas.length).toBeGreaterThan(1)
      expect(text.split("[redacted]").length - 1).toBe(20_000)
    }).pipe(Effect.scoped)
  )

  it.live("half a character at the edge of a piece of bytes is not lost", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from("grüße 👋 ende")
      const { entries } = yield* recordingOf(
        Array.from(bytes, (byte) =>
          frame("command/exec/outputDelta", {
            processId: "p",
            stream: "stdout",
            capReached: false,
            deltaBase64: Buffer.from([byte]).toString("base64")
          })
        )
      )
      const [delta] = entries.flatMap((entry) => ("in" in entry && entry.merged !== undefined ? [entry.in] : []))
      expect(delta).toMatchObject({ params: { deltaBase64: bytes.toString("base64") } })
    }).pipe(Effect.scoped)
  )
})

describe("the files of a recording", () => {
  it.live("a file that is full is kept as FILE.1, and is read with the others", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const say = Array.from({ length: 4 }, () => [{ say: ["x".repeat(50_000)] }])
      yield* Effect.gen(function* () {
        for (let index = 0; index < say.length; index++) yield* turn()
      }).pipe(Effect.provide(layerRecorded({ file, maxBytes: 65_536, keep: 20 }, { turns: say })))
      const { entries, header, missing } = yield* read(file)
      expect(header.part).toBeGreaterThan(2)
      expect(missing).toBe(0)
      const numbers = entries.flatMap((entry) => ("n" in entry ? [entry.n] : [])).toSorted((a, b) => a - b)
      expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    }).pipe(Effect.scoped)
  )

  it.live("no file is larger than allowed, however many lines are written at once, unless a line alone is", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const maxBytes = 65_536
      const header = (part: number) => ({ transcript: 1, recording: "r", part, at: 0, codex: "0.171.0" }) as const
      const parts = yield* Effect.provide(Parts.begin(file, { maxBytes, keep: 20, header }), NodeServices.layer)
      const lines = Array.from({ length: 300 }, (_, n) => `{"n":${n + 1},"is":"${"é".repeat(500)}"}\n`)
      const long = `{"n":301,"is":"${"x".repeat(2 * maxBytes)}"}\n`
      const last = `{"n":302}\n`
      yield* parts.append([...lines, long, last])
      const texts = [file, ...Array.from({ length: 20 }, (_, n) => `${file}.${n + 1}`)].flatMap((name) =>
        existsSync(name) ? [readFileSync(name, "utf8")] : []
      )
      const sizes = texts.map((text) => Buffer.byteLength(text))
      expect(sizes.filter((size) => size > maxBytes).length).toBe(1)
      expect(sizes[1]).toBe(JSON.stringify(header(texts.length - 1)).length + 1 + long.length)
      expect(texts.length).toBeGreaterThan(5)
      const written = texts.toReversed().flatMap((text, part) => {
        const [head = "", ...rest] = text.trimEnd().split("\n")
        expect(JSON.parse(head)).toMatchObject({ part: part + 1 })
        return rest.map((line) => `${line}\n`)
      })
      expect(written).toEqual([...lines, long, last])
    }).pipe(Effect.scoped)
  )

  it.live("of a recording whose beginning is not kept, what is missing is told, and it is not played", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const say = Array.from({ length: 6 }, () => [{ say: ["x".repeat(50_000)] }])
      yield* Effect.gen(function* () {
        for (let index = 0; index < say.length; index++) yield* turn()
      }).pipe(Effect.provide(layerRecorded({ file, maxBytes: 65_536, keep: 1 }, { turns: say })))
      const { header, missing } = yield* read(file)
      expect(missing).toBe(header.part - 2)
      expect(existsSync(`${file}.2`)).toBe(false)
      const played = yield* Effect.flip(
        Effect.scoped(Layer.build(Transcript.layer(file))).pipe(Effect.provide(NodeServices.layer))
      )
      expect(played).toMatchObject({ _tag: "TranscriptInvalid" })
    }).pipe(Effect.scoped)
  )

  it.live("two programs that name one file have two recordings, and neither is mixed with the other", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const both = (prompt: string) =>
        turn(prompt).pipe(Effect.provide(layerRecorded(file, { turns: [[{ say: [prompt] }]] })))
      yield* Effect.all([both("one"), both("two")], { concurrency: 2 })
      const texts = [readFileSync(file, "utf8"), readFileSync(`${file}.1`, "utf8")]
      for (const text of texts) {
        expect(text.includes('"one"')).not.toBe(text.includes('"two"'))
        expect(text.trimEnd().split("\n").at(-1)).toContain('"end":"closed"')
      }
      const [own, other] = [yield* read(file), yield* read(`${file}.1`)]
      expect(own.missing).toBe(0)
      expect(own.header.recording).not.toBe(other.header.recording)
    }).pipe(Effect.scoped)
  )

  it.live("a link is not followed, and what can't be opened is a mistake of the option", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const target = path.join(directory, "target")
      writeFileSync(target, "mine")
      symlinkSync(target, path.join(directory, "link"))
      for (const file of [path.join(directory, "link"), directory, path.join(directory, "missing", "file")]) {
        const failed = yield* Effect.flip(Effect.provide(turn(), layerRecorded(file)))
        expect(failed).toMatchObject({ _tag: "InvalidConfig", path: "record" })
      }
      expect(readFileSync(target, "utf8")).toBe("mine")
    }).pipe(Effect.scoped)
  )

  it.live("a full disk ends the recording and not the turn", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const full = Layer.effect(FileSystem.FileSystem)(
        Effect.map(FileSystem.FileSystem, (fs) => ({
          ...fs,
          open: () => fs.open("/dev/full", { flag: "w" })
        }))
      ).pipe(Layer.provideMerge(NodeServices.layer))
      const recorded = Effect.gen(function* () {
        const { transport } = yield* MockAppServer.make({ turns: [[{ say: ["still there"] }]] })
        const recorder = yield* Transcript.recorder(file)
        return yield* recorder.record(transport)
      })
      const layer = Codex.layerAppServer().pipe(
        Layer.provide(
          Layer.effect(AppServer.AppServer)(Effect.flatMap(recorded, (transport) => AppServer.make(transport)))
        ),
        Layer.provide(full)
      )
      const { text } = yield* Effect.provide(turn(), layer)
      expect(text).toBe("still there")
    }).pipe(Effect.scoped)
  )

  it.live("a last line that was cut off is left out, and a damaged one before it is told", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      yield* Effect.provide(turn(), layerRecorded(file))
      const lines = linesOf(file)
      writeFileSync(file, lines.join("\n").slice(0, -7))
      expect((yield* read(file)).entries.length).toBe(lines.length - 2)
      writeFileSync(file, [...lines.slice(0, 3), '{"ms":', ...lines.slice(3)].join("\n"))
      expect(yield* Effect.flip(read(file))).toMatchObject({ _tag: "TranscriptInvalid", line: 4 })
      writeFileSync(file, "something else\n")
      expect(yield* Effect.flip(read(file))).toMatchObject({ _tag: "TranscriptInvalid", line: 1 })
      writeFileSync(file, '{"transcript":2,"recording":"r","part":1}\n')
      expect((yield* Effect.flip(read(file))).message).toContain("version 2")
    }).pipe(Effect.scoped)
  )

  it.live(
    "a process that is killed while it writes leaves a recording that can be read",
    () =>
      Effect.gen(function* () {
        const file = yield* temporaryFile
        const died = yield* runFile(path.join(import.meta.dirname, "..", "fixtures", "recording-forever.ts"), [file], {
          onStdout: (_, pid) => {
            process.kill(pid, "SIGKILL")
          }
        })
        expect(died.signal).toBe("SIGKILL")
        const { entries } = yield* read(file)
        expect(entries.length).toBeGreaterThan(100)
        expect(entries.some((entry) => "end" in entry)).toBe(false)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("a second pass redacts what an older version has left, split over deltas too", () =>
    Effect.gen(function* () {
      const secret = secrets["GitHub"] ?? ""
      const about = { threadId: "t", turnId: "u", itemId: "i" }
      const entries: ReadonlyArray<Transcript.Entry> = inThree(secret).map((delta, index) => ({
        n: index + 1,
        ms: index,
        in: { method: "item/agentMessage/delta", params: { ...about, delta } }
      }))
      const redacted = yield* Stream.runCollect(Transcript.redact(Stream.fromIterable(entries)))
      expect(redacted).toMatchObject([{ n: 1, merged: 3, in: { params: { delta: "[redacted]" } } }])
    })
  )
})
