/**
 * Recordings of connections: every message between a program and codex, in a file that people read, tests play back and
 * policies are tried on.
 *
 * A recording is made with the option `record` of `Codex.layer`. It is redacted as it is written, as far as `Redaction`
 * knows the forms of secrets, and no further. This module shows nothing and decides nothing.
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
  /** How many lines of a rollout have no entry. */
  Skipped,
  /** Here the recording ends, though the connection did not. */
  Stopped
} from "./internal/transcript/entry.ts"
export type {
  /** The messages of a recording without what differs from run to run. */
  Normal
} from "./internal/transcript/normal.ts"
export type {
  /** The file of a recording, and how large it may become. */
  RecordOptions
} from "./internal/transcript/recorder.ts"
export type {
  /** A request for a decision, and what came of it. */
  RecordedRequest,
  /** Finds requests in the entries that it is given, one after the other. */
  RequestFinder
} from "./internal/transcript/requests.ts"

/**
 * A file is not a transcript, or is damaged.
 *
 * @category errors
 * @since 0.1.0
 */
export class TranscriptInvalid extends Schema.TaggedError<TranscriptInvalid>()("TranscriptInvalid", {
  path: Schema.String,
  /** Counted from 1. */
  line: Schema.Int,
  description: Schema.String,
  /** The file is a rollout of codex, which `fromRollout` reads. */
  isRollout: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message(): string {
    return `${this.path}:${this.line}: ${this.description}`
  }
}

/**
 * One difference between a message of a recording and the one that a program has sent.
 *
 * @category errors
 * @since 0.1.0
 */
export const FieldDifference = Schema.Struct({
  /** The place in the message, such as `params.input[0].text`; empty for the message as a whole. */
  path: Schema.String,
  /** The recorded value, as JSON. Absent: there is none. */
  recorded: Schema.optional(Schema.String),
  /** The value that the program has sent, as JSON. Absent: there is none. */
  sent: Schema.optional(Schema.String)
})

/**
 * A program has not done what it did when it was recorded.
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
    return `The program has left the recording ${this.file} at message ${this.n} (${this.method}):${lines.join("")}`
  }
}

/**
 * A transcript that can be read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  /** The header of the newest file. */
  readonly header: Header
  /** How many older files of the recording are not there any more. Without its beginning it can't be played. */
  readonly missing: number
  /**
   * The entries of all its files, in the order in which they were written. A last line that was cut off, as by a process that
   * was killed, is left out.
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
 * Opens the transcript whose newest file is at the path. Entries are read as they are asked for.
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
 * entries are the notifications of the server that a program would have received, for reports.
 *
 * **Details**
 *
 * It is read line by line, and redacted as a recording is. `lacks` names the parts of a recording that a rollout never has. Lines that this version does not
 * know are counted in the last entry. A rollout can't be played: `layer` fails with `TranscriptInvalid`, for the file as for a
 * transcript that was written of it.
 *
 * **Example** (A transcript of a rollout)
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
 * Opens a transcript and reads all of it, for what has to see it as a whole.
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
 * Writes a transcript of one file, which only its owner can read. A file that is there is replaced.
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
 * Redacts a transcript once more, with deltas merged: for those that an older version of this package has written.
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
 * Cuts a transcript down to the turns with these ids. Messages without a turn stay, so that a program that starts these turns
 * alone can play the rest.
 *
 * @category conversions
 * @since 0.1.0
 */
export const trim = (entries: ReadonlyArray<Entry>, turnIds: ReadonlyArray<string>): ReadonlyArray<Entry> =>
  Trim.trim(entries, (turnId) => turnIds.includes(turnId))

/**
 * The messages of a transcript without ids, times, paths and traces that differ from run to run: a recording and one of its
 * replay have the same.
 *
 * @category conversions
 * @since 0.1.0
 */
export const normalize = (recording: {
  readonly header: Pick<Header, "cwd">
  readonly entries: ReadonlyArray<Entry>
}): Normal.Normal => Normal.normalize(recording.header, recording.entries)

/**
 * A text without UUIDs, times, temporary paths and the working directory, as `normalize` has it, to compare texts of two runs.
 *
 * @category conversions
 * @since 0.1.0
 */
export const normalizeText = (header: Pick<Header, "cwd">, text: string): string =>
  Normal.scrub(text, Normal.placesOf(header, undefined), () => "<id>")

/**
 * Makes what finds the requests for a decision in entries that it is given one after the other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRequestFinder: () => Requests.RequestFinder = Requests.makeRequestFinder

/**
 * The requests for a decision in a transcript, each with the item that it is about and with what came of it.
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
 * Records one connection: a transport in which everything that passes is recorded, and an observer that records who decided.
 * `Codex.layer({ record })` does this; it is for transports that are made otherwise.
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
 * How a recording is played.
 *
 * @category options
 * @since 0.1.0
 */
export interface PlayOptions {
  /**
   * `none`: each message of the server comes as soon as everything has been sent that was sent before it. `recorded`: not
   * before as much time has passed as then, on the `Clock`, which may be a test's. Default: `none`.
   */
  readonly time?: "none" | "recorded" | undefined
  /** The working directory that the program names where the recording names that of codex. Default: the same. */
  readonly cwd?: string | undefined
  /** How long the program may leave out what the recording has next. Default: 10 seconds. */
  readonly patience?: Duration.Input | undefined
  /**
   * Whether closing the scope after a success does what `verify` does, with a `TranscriptMismatch` as a defect. Default: true.
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
    /** Fails if the program has sent something else than when it was recorded, or has not sent all of it. */
    readonly verify: Effect.Effect<void, TranscriptMismatch>
  }
>()("@effect-codex/core/Transcript/Replay") {}

/**
 * Plays the messages of the server to a program, and compares the messages of the program with the recorded ones.
 *
 * **Details**
 *
 * Both sides are redacted before they are compared. Ids may be others if each stands for the same one all along; times, traces
 * and how the client introduces itself are not compared, and paths only behind the working directory, the home of codex and
 * temporary folders. At the first difference the connection ends with `ConnectionFailed`, and `Replay.verify` tells each field
 * that differs. Fails with `TranscriptInvalid` if the beginning of the recording is not kept.
 *
 * **Example** (A program without a codex)
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
