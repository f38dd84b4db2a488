/**
 * Records a running connection. It queues each line and writes it in the background, so that a slow disk does not delay the
 * connection. A failed write ends the recording, but not the connection.
 *
 * The room knows lines, JSON-RPC messages as data, and files. It must not know how a turn runs, and must not change the
 * messages.
 */
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { type ConnectionFailed, InvalidConfig } from "../../CodexError.ts"
import type { DecisionObserver } from "../../DecisionObserver.ts"
import * as Redaction from "../../Redaction.ts"
import type { Transport } from "../../Transport.ts"
import * as Options from "../options.ts"
import { describeSystemError } from "../transport/systemError.ts"
import { type Entry, fieldIn, formatVersion, type Header, parse, textIn } from "./entry.ts"
import { makeHolding, type WireLine } from "./held.ts"
import * as Parts from "./parts.ts"

/**
 * The file of a recording, and its size limits.
 *
 * @category options
 * @since 0.1.0
 */
export interface RecordOptions {
  /** The file, in JSON Lines, which only its owner can read. An existing recording is kept as `FILE.1`. */
  readonly file: string
  /** The maximum size of a file, in bytes, before the next one is begun. At least 65,536. Default: 67,108,864 (64 MiB). */
  readonly maxBytes?: number | undefined
  /** How many older files are kept, as `FILE.1` (the newest) and so on. Default: 3. */
  readonly keep?: number | undefined
}

/** Records one connection. */
export interface Recorder {
  /** A transport that records all messages until the scope closes. */
  readonly record: (transport: Transport["Service"]) => Effect.Effect<Transport["Service"], never, Scope.Scope>
  /** An observer that records each decision, and passes it on. */
  readonly observer: DecisionObserver
}

/** How much may be queued for writing, in UTF-16 code units. */
const maxWaiting = 67_108_864

/** The number of lines in one write. */
const linesOfWrite = 256

/** How long closing waits for queued lines to be written. */
const closeGrace = "5 seconds"

const redacted = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Redaction.text(text)

type Note = WireLine | Entry

const isWireLine = (note: Note): note is WireLine => "line" in note

/** Begins a recording. It ends with the scope, and must outlive the connection at both ends. */
export const makeRecorder = Effect.fnUntraced(function* (
  given: string | RecordOptions,
  about: Pick<Header, "binary" | "args" | "cwd">,
  observer: DecisionObserver | undefined
): Effect.fn.Return<Recorder, InvalidConfig, FileSystem.FileSystem | Scope.Scope> {
  const options = typeof given === "string" ? { file: given } : given
  const maxBytes = yield* Options.count("record.maxBytes", options.maxBytes ?? 67_108_864, 65_536)
  const keep = yield* Options.count("record.keep", options.keep ?? 3)
  const clock = yield* Clock.Clock
  const at = clock.currentTimeMillisUnsafe()
  const recording = yield* Effect.provide(
    Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4()),
    SecureRandom.layerWebCrypto
  )
  const args = about.args?.map(Redaction.text)
  let codex = "unknown"
  const parts = yield* Parts.begin(options.file, {
    maxBytes,
    keep,
    header: (part) => ({ transcript: formatVersion, recording, part, at, codex, ...about, args })
  }).pipe(
    Effect.mapError(
      (error) =>
        new InvalidConfig({
          path: "record",
          description: `${JSON.stringify(options.file)}: ${
            error._tag === "Unusable" ? error.description : describeSystemError(error).description
          }`
        })
    )
  )

  const changed = Latch.makeUnsafe(false)
  const idle = Latch.makeUnsafe(true)
  let waiting: Array<Note> = []
  let length = 0
  let count = 0
  let isClosing = false
  let isStopped = false

  const now = () => clock.currentTimeMillisUnsafe() - at
  const push = (note: Note) => {
    if (isStopped) return
    waiting.push(note)
    if (isWireLine(note)) length += note.line.length
    if (length > maxWaiting) {
      isStopped = true
      waiting.push({ ms: now(), stopped: `more than ${maxWaiting} characters waited to be written` })
    }
    idle.closeUnsafe()
    changed.openUnsafe()
  }
  const pushLines = (direction: WireLine["direction"], lines: ReadonlyArray<string>) => {
    const ms = now()
    for (const line of lines) push({ n: ++count, ms, direction, line })
  }

  let entries: Array<Entry> = []
  const holding = makeHolding((entry) => entries.push(entry))
  const take = (note: Note) => {
    if (isWireLine(note)) return holding.take(note)
    // After the end, no message can complete a text.
    if ("end" in note || "stopped" in note) holding.end()
    entries.push(note)
  }

  // The header contains the version of codex, which is in the first line of the server.
  const isSilent = (notes: ReadonlyArray<Note>) => !notes.some((note) => !isWireLine(note) || note.direction === "in")
  const hearVersion = (notes: ReadonlyArray<Note>) => {
    const first = notes.find((note) => isWireLine(note) && note.direction === "in")
    const result = first === undefined || !isWireLine(first) ? undefined : fieldIn(parse(first.line), "result")
    codex = /\/(\d+\.\d+\.\d+\S*)/.exec(textIn(result, "userAgent") ?? "")?.[1] ?? codex
  }

  const write = Effect.fnUntraced(function* (notes: ReadonlyArray<Note>) {
    for (let begin = 0; begin < notes.length; begin += linesOfWrite) {
      for (const note of notes.slice(begin, begin + linesOfWrite)) take(note)
      const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`)
      entries = []
      yield* parts.append(lines)
      yield* Effect.yieldNow
    }
  })

  const stop = (error: unknown) => {
    isStopped = true
    waiting = []
    return Effect.logError(`The recording ${options.file} ends here, because it could not be written`, error)
  }

  const writer = Effect.gen(function* () {
    let isKnown = false
    while (true) {
      changed.closeUnsafe()
      if (waiting.length === 0 || (!isKnown && isSilent(waiting))) {
        if (waiting.length === 0) idle.openUnsafe()
        yield* changed.await
        continue
      }
      const notes = waiting
      waiting = []
      length = 0
      if (!isKnown) hearVersion(notes)
      isKnown = true
      yield* Effect.catch(write(notes), stop)
    }
  })

  yield* Effect.forkScoped(writer)
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosing = true
      push({ ms: now(), end: "closed" })
      return Effect.timeoutOrElse(idle.await, {
        duration: closeGrace,
        orElse: () => Effect.logError(`The recording ${options.file} was closed before all of it could be written`)
      })
    })
  )

  const onEnd = ({ reason, stderr }: ConnectionFailed) => {
    // If this program closes the connection, the end is recorded after all messages.
    if (isClosing) return
    push({ ms: now(), end: { reason, stderr } })
    isStopped = true
  }

  const record: Recorder["record"] = Effect.fnUntraced(function* (transport) {
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosing = true
      })
    )
    return {
      ...transport,
      listen: (receiver) =>
        transport.listen({
          onLines: (lines) => {
            pushLines("in", lines)
            receiver.onLines(lines)
          },
          onEnd: (error) => {
            onEnd(error)
            receiver.onEnd(error)
          }
        }),
      write: (line) => {
        pushLines("out", [line])
        transport.write(line)
      }
    }
  })

  return {
    record,
    observer: {
      onDecision: (decided) => {
        const { by, decision, reason, request } = decided
        push({
          ms: now(),
          decision: {
            requestId: request.id,
            decision,
            by: redacted(by),
            reason: redacted(reason)
          }
        })
        observer?.onDecision(decided)
      },
      onNotification: (notification) => observer?.onNotification(notification)
    }
  }
})
