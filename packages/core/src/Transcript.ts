/**
 * Recordings of connections: a file of all messages between a program and codex, to read, to replay in tests, and to try
 * policies on.
 *
 * The option `record` of `Codex.layer` makes a recording. `Redaction` removes the secrets that it recognizes while the file is
 * written; others stay. This module does not render recordings and does not evaluate policies.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { InvalidConfig } from "./CodexError.ts"
import { DecisionObserver } from "./DecisionObserver.ts"
import * as Options from "./internal/options.ts"
import { type Decided, type Entry, type Header, isMessage } from "./internal/transcript/entry.ts"
import { makeHolding } from "./internal/transcript/held.ts"
import * as Normal from "./internal/transcript/normal.ts"
import * as Parts from "./internal/transcript/parts.ts"
import { type Deviation, makePlayer } from "./internal/transcript/player.ts"
import { makeRecorder, type RecordOptions } from "./internal/transcript/recorder.ts"
import * as Requests from "./internal/transcript/requests.ts"
import { openRollout } from "./internal/transcript/rolloutFile.ts"
import * as Trim from "./internal/transcript/trim.ts"
import * as Redaction from "./Redaction.ts"
import { Transport } from "./Transport.ts"

export type {
  /** A decision on a request of the server. */
  Decided,
  /** The end of the connection. */
  Ended,
  /** One line of a transcript. */
  Entry,
  /** The first line of a file. */
  Header,
  /** A message of the server. */
  Received,
  /** A message to the server. */
  Sent,
  /** The number of lines of a rollout that have no entry. */
  Skipped,
  /** The end of a recording whose connection continued. */
  Stopped
} from "./internal/transcript/entry.ts"
export type {
  /** The messages of a recording without the parts that differ from run to run. */
  Normal
} from "./internal/transcript/normal.ts"
export type {
  /** The file of a recording, and its size limits. */
  RecordOptions
} from "./internal/transcript/recorder.ts"
export type {
  /** A request for a decision, and its outcome. */
  RecordedRequest,
  /** Finds requests in a sequence of entries. */
  RequestFinder
} from "./internal/transcript/requests.ts"

/**
 * The file is not a transcript, or is damaged.
 *
 * @category errors
 * @since 0.1.0
 */
export class TranscriptInvalid extends Schema.TaggedError<TranscriptInvalid>()("TranscriptInvalid", {
  path: Schema.String,
  /** Counted from 1. */
  line: Schema.Int,
  description: Schema.String,
  /** Whether the file is a rollout of codex, which `fromRollout` reads. */
  isRollout: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message(): string {
    return `${this.path}:${this.line}: ${this.description}`
  }
}

/**
 * A difference between a recorded message and the message that the program sent.
 *
 * @category errors
 * @since 0.1.0
 */
export const FieldDifference = Schema.Struct({
  /** The path in the message, such as `params.input[0].text`; empty for the whole message. */
  path: Schema.String,
  /** The recorded value, as JSON. Absent if there is none. */
  recorded: Schema.optional(Schema.String),
  /** The value that the program sent, as JSON. Absent if there is none. */
  sent: Schema.optional(Schema.String)
})

/**
 * The program did not send the messages that it sent when it was recorded.
 *
 * @category errors
 * @since 0.1.0
 */
export class TranscriptMismatch extends Schema.TaggedError<TranscriptMismatch>()("TranscriptMismatch", {
  file: Schema.String,
  /** The number of the message in the recording, its `n`. */
  n: Schema.Int,
  /** Its method, or `answer`. */
  method: Schema.String,
  differences: Schema.Array(FieldDifference)
}) {
  override get message(): string {
    const lines = this.differences.map(({ path, recorded, sent }) => {
      const where = path === "" ? "" : `${path}: `
      return `\n  ${where}recorded ${recorded ?? "nothing"}, sent ${sent ?? "nothing"}`
    })
    return `The program deviated from the recording ${this.file} at message ${this.n} (${this.method}):${lines.join("")}`
  }
}

/**
 * An open transcript.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  /** The header of the newest file. */
  readonly header: Header
  /** The number of older files of the recording that are missing. A recording without its beginning cannot be played. */
  readonly missing: number
  /**
   * The entries of all its files, in the order in which they were written. An incomplete last line, such as that of a killed
   * process, is left out.
   */
  readonly entries: Stream.Stream<Entry, TranscriptInvalid | PlatformError.PlatformError>
}

const invalid = ({ description, isRollout, line, path }: Parts.Unusable) =>
  new TranscriptInvalid({
    path,
    line: Math.max(1, line),
    description,
    ...(isRollout === undefined ? {} : { isRollout })
  })

/**
 * Opens the transcript whose newest file is at the path. Entries are read on demand.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open: (
  file: string
) => Effect.Effect<Recording, TranscriptInvalid | PlatformError.PlatformError, FileSystem.FileSystem> =
  Effect.fnUntraced(function* (file: string) {
    const fs = yield* FileSystem.FileSystem
    const { files, header } = yield* Effect.catchTag(Parts.find(file), "Unusable", (error) =>
      Effect.fail(invalid(error))
    )
    return {
      header,
      missing: header.part - files.length,
      entries: Stream.fromIterable(files).pipe(
        Stream.flatMap(Parts.entriesOf),
        Stream.catchTag("Unusable", (error) => Stream.fail(invalid(error))),
        Stream.provideService(FileSystem.FileSystem, fs)
      )
    }
  })

/**
 * Opens a rollout, the history that codex itself keeps of a thread: a file `rollout-*.jsonl` in `sessions` of its home. The
 * entries are the server notifications that a program would have received, for use in reports.
 *
 * **Details**
 *
 * The file is read line by line, and redacted like a recording. `lacks` names the parts of a recording that a rollout never
 * has. The last entry counts the lines that this version does not know. A rollout cannot be played: `layer` fails with
 * `TranscriptInvalid`, both for the file and for a transcript that was made from it.
 *
 * **Example** (Making a transcript from a rollout)
 *
 * ```ts
 * import * as Transcript from "@effect-codex/core/Transcript"
 * import * as Effect from "effect/Effect"
 *
 * export const keep = (rollout: string) =>
 *   Effect.flatMap(Transcript.fromRollout(rollout), ({ entries, header }) =>
 *     Transcript.write("thread.jsonl", header, entries)
 *   )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRollout: (file: string) => Effect.Effect<
  Recording & {
    /** The parts of a recording that a rollout lacks, in words. */
    readonly lacks: ReadonlyArray<string>
  },
  TranscriptInvalid | PlatformError.PlatformError,
  FileSystem.FileSystem
> = Effect.fnUntraced(function* (file: string) {
  const { entries, header } = yield* Effect.catchTag(openRollout(file), "Unusable", (error) =>
    Effect.fail(invalid(error))
  )
  return { header, missing: 0, entries, lacks }
})

const lacks: ReadonlyArray<string> = [
  "the messages of the program",
  "text as it came in pieces, and when",
  "approvals, with who decided and how long that took",
  "diffs of whole turns",
  "errors of the connection, and its end"
]

/**
 * Opens a transcript and reads all of it, for uses that need the complete transcript.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  file: string
): Effect.Effect<
  { readonly header: Header; readonly missing: number; readonly entries: ReadonlyArray<Entry> },
  TranscriptInvalid | PlatformError.PlatformError,
  FileSystem.FileSystem
> =>
  Effect.flatMap(open(file), ({ entries, header, missing }) =>
    Effect.map(Stream.runCollect(entries), (entries) => ({ header, missing, entries }))
  )

/**
 * Writes a transcript to one file, which only its owner can read. An existing file is replaced.
 *
 * @category writing
 * @since 0.1.0
 */
export const write = <E, R>(
  file: string,
  header: Header,
  entries: Stream.Stream<Entry, E, R>
): Effect.Effect<void, E | PlatformError.PlatformError, R | FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Stream.make(toLine({ ...header, part: 1 })).pipe(
      Stream.concat(Stream.map(entries, toLine)),
      Stream.encodeText,
      Stream.run(fs.sink(file, { flag: "w", mode: 0o600 }))
    )
  )

const toLine = (value: Header | Entry): string => `${JSON.stringify(value)}\n`

/**
 * Redacts a transcript again and merges its deltas: for transcripts of an older version of this package.
 *
 * @category conversions
 * @since 0.1.0
 */
export const redact = <E, R>(entries: Stream.Stream<Entry, E, R>): Stream.Stream<Entry, E, R> =>
  Stream.suspend(() => {
    let redacted: Array<Entry> = []
    const holding = makeHolding((entry) => redacted.push(entry))
    const taken = () => {
      const all = redacted
      redacted = []
      return all
    }
    return Stream.mapAccumArray(
      entries,
      () => holding,
      (holding, chunk) => {
        for (const entry of chunk) {
          if (!isMessage(entry)) {
            if (!("decision" in entry)) holding.end()
            redacted.push("decision" in entry ? redactDecided(entry) : entry)
            continue
          }
          const [direction, message] = "in" in entry ? (["in", entry.in] as const) : (["out", entry.out] as const)
          holding.take({
            n: entry.n,
            ms: entry.ms,
            direction,
            line: typeof message === "string" ? message : JSON.stringify(message)
          })
        }
        return [holding, taken()]
      },
      {
        onHalt: (holding) => {
          holding.end()
          return taken()
        }
      }
    )
  })

const redactDecided = ({ decision, ms }: Decided): Decided => {
  const { by, reason } = decision
  return {
    ms,
    decision: {
      ...decision,
      by: by === undefined ? undefined : Redaction.text(by),
      reason: reason === undefined ? undefined : Redaction.text(reason)
    }
  }
}

/**
 * The ids of the turns in a transcript, in the order in which they began.
 *
 * @category getters
 * @since 0.1.0
 */
export const turnsOf: (entries: ReadonlyArray<Entry>) => ReadonlyArray<string> = Trim.turnsOf

/**
 * Reduces a transcript to the turns with these ids. Messages without a turn stay, so that a program that only starts these
 * turns can replay the result.
 *
 * @category conversions
 * @since 0.1.0
 */
export const trim = (entries: ReadonlyArray<Entry>, turnIds: ReadonlyArray<string>): ReadonlyArray<Entry> =>
  Trim.trim(entries, (turnId) => turnIds.includes(turnId))

/**
 * The messages of a transcript without the ids, times, paths and traces that differ from run to run. They are equal for a
 * recording and a recording of its replay.
 *
 * @category conversions
 * @since 0.1.0
 */
export const normalize = (recording: {
  readonly header: Pick<Header, "cwd">
  readonly entries: ReadonlyArray<Entry>
}): Normal.Normal => Normal.normalize(recording.header, recording.entries)

/**
 * Removes UUIDs, times, temporary paths and the working directory from a text, as in `normalize`, to compare texts of two runs.
 *
 * @category conversions
 * @since 0.1.0
 */
export const normalizeText = (header: Pick<Header, "cwd">, text: string): string =>
  Normal.scrub(text, Normal.placesOf(header, undefined), () => "<id>")

/**
 * Makes a finder of requests for a decision, which takes the entries one after the other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRequestFinder: () => Requests.RequestFinder = Requests.makeRequestFinder

/**
 * The requests for a decision in a transcript, each with its item and its outcome.
 *
 * @category getters
 * @since 0.1.0
 */
export const requests = <E, R>(entries: Stream.Stream<Entry, E, R>): Stream.Stream<Requests.RecordedRequest, E, R> =>
  Stream.suspend(() =>
    Stream.mapAccumArray(
      entries,
      makeRequestFinder,
      (finder, chunk) => [finder, chunk.flatMap((entry) => finder.take(entry) ?? [])],
      { onHalt: (finder) => finder.rest() }
    )
  )

/**
 * Records one connection, with a transport that records all messages and an observer that records the decisions.
 * `Codex.layer({ record })` does this already; use it for other transports.
 *
 * **Example** (Recording a connection over a WebSocket)
 *
 * ```ts
 * import * as AppServer from "@effect-codex/core/AppServer"
 * import * as DecisionObserver from "@effect-codex/core/DecisionObserver"
 * import * as Transcript from "@effect-codex/core/Transcript"
 * import * as WebSocketTransport from "@effect-codex/core/WebSocketTransport"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * export const layer = Layer.effect(AppServer.AppServer)(
 *   Effect.gen(function* () {
 *     const recorder = yield* Transcript.recorder("run.jsonl")
 *     const transport = yield* WebSocketTransport.connect({ url: "ws://127.0.0.1:4500" })
 *     return yield* AppServer.make(yield* recorder.record(transport), { isShared: true }).pipe(
 *       Effect.provideService(DecisionObserver.DecisionObserver, recorder.observer)
 *     )
 *   })
 * )
 * ```
 *
 * @category recording
 * @since 0.1.0
 */
export const recorder = (
  options: string | RecordOptions,
  about?: Pick<Header, "binary" | "args" | "cwd">
): Effect.Effect<
  {
    readonly record: (transport: Transport["Service"]) => Effect.Effect<Transport["Service"], never, Scope.Scope>
    readonly observer: DecisionObserver
  },
  InvalidConfig,
  FileSystem.FileSystem | Scope.Scope
> => Effect.flatMap(DecisionObserver, (observer) => makeRecorder(options, about ?? {}, observer))

/**
 * Options for playing a recording.
 *
 * @category options
 * @since 0.1.0
 */
export interface PlayOptions {
  /**
   * `none`: each message of the server arrives as soon as the program has sent everything that precedes it. `recorded`: it also
   * waits for the recorded time, on the `Clock`, which may be a test clock. Default: `none`.
   */
  readonly time?: "none" | "recorded" | undefined
  /** The working directory of the program, which counts as equal to the recorded one. Default: the recorded one. */
  readonly cwd?: string | undefined
  /** How long to wait for the program's next recorded message. Default: 10 seconds. */
  readonly patience?: Duration.Input | undefined
  /**
   * Whether closing the scope after a success also verifies the replay, with a `TranscriptMismatch` as a defect. Default: true.
   */
  readonly verifyOnClose?: boolean | undefined
}

/**
 * The outcome of playing a recording.
 *
 * @category services
 * @since 0.1.0
 */
export class Replay extends Context.Service<
  Replay,
  {
    /** Fails if the program sent other messages than the recorded ones, or has not sent all of them. */
    readonly verify: Effect.Effect<void, TranscriptMismatch>
  }
>()("@effect-codex/core/Transcript/Replay") {}

/**
 * Plays the messages of the server to a program, and compares the messages of the program with the recorded ones.
 *
 * **Details**
 *
 * Both messages are redacted before the comparison. Ids may differ if each recorded id always corresponds to the same new one.
 * Times, traces and the client's introduction are not compared, and paths only below the working directory, the codex home and
 * temporary folders. At the first difference the connection ends with `ConnectionFailed`, and `Replay.verify` reports every
 * field that differs. Fails with `TranscriptInvalid` if the beginning of the recording is missing.
 *
 * **Example** (Running a program without codex)
 *
 * ```ts
 * import * as AppServer from "@effect-codex/core/AppServer"
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as Transcript from "@effect-codex/core/Transcript"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Layer from "effect/Layer"
 *
 * export const Replayed = Codex.layerAppServer().pipe(
 *   Layer.provide(AppServer.layerTransport()),
 *   Layer.provideMerge(Transcript.layer("test/tests-pass.jsonl")),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  file: string,
  options?: PlayOptions
): Layer.Layer<
  Transport | Replay,
  TranscriptInvalid | InvalidConfig | PlatformError.PlatformError,
  FileSystem.FileSystem
> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const patience = yield* Options.timeout("patience", options?.patience ?? Duration.seconds(10))
      const { entries, header, missing } = yield* Effect.mapError(read(file), (error) =>
        error._tag === "TranscriptInvalid" && error.isRollout === true
          ? new TranscriptInvalid({ ...error, description: `${error.description}, so it can't be played` })
          : error
      )
      if (missing > 0 || header.source !== undefined) {
        const description =
          missing > 0 ? "the beginning of the recording is not kept" : `it was made of a ${header.source}`
        return yield* new TranscriptInvalid({
          path: file,
          line: 1,
          description: `${description}, so it can't be played`
        })
      }
      const { deviation, transport } = yield* makePlayer(header, entries, {
        isTimed: options?.time === "recorded",
        cwd: options?.cwd ?? header.cwd,
        patience
      })
      const verify = Effect.suspend(() => {
        const found = deviation()
        return found === undefined ? Effect.void : Effect.fail(mismatch(file, found))
      })
      if (options?.verifyOnClose !== false) {
        yield* Effect.addFinalizer((exit) => (Exit.isSuccess(exit) ? Effect.orDie(verify) : Effect.void))
      }
      return Context.make(Transport, transport).pipe(Context.add(Replay, { verify }))
    })
  )

const mismatch = (file: string, { differences, method, n }: Deviation): TranscriptMismatch =>
  new TranscriptMismatch({ file, method, n, differences })
