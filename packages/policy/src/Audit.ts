/**
 * An audit trail: a record of each decision, of its outcome, and of each action that needed no approval.
 *
 * A record is queued before the answer is sent and written in the background, so that a slow disk delays no turn. If records
 * are lost, a further record says how many. This module makes no decisions, and its failures never change one.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import type * as Notification from "@effect-codex/core/Notification"
import * as Redaction from "@effect-codex/core/Redaction"
import { type ObservedDecision, DecisionObserver } from "@effect-codex/core/DecisionObserver"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AuditRecord, Entry } from "./AuditRecord.ts"
import { sealOf } from "./internal/audit/chain.ts"
import * as AuditFiles from "./internal/audit/files.ts"
import { makeItems } from "./internal/audit/items.ts"
import * as AuditReader from "./internal/audit/reader.ts"
import { makeTrail } from "./internal/audit/trail.ts"

/**
 * The trail could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class AuditFailed extends Schema.TaggedError<AuditFailed>()("AuditFailed", {
  path: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The audit trail ${this.path}: ${this.description}`
  }
}

/**
 * The trail was altered, or the file is not a trail.
 *
 * @category errors
 * @since 0.1.0
 */
export class AuditBroken extends Schema.TaggedError<AuditBroken>()("AuditBroken", {
  path: Schema.String,
  /** Counted from 1. */
  line: Schema.Int,
  description: Schema.String
}) {
  override get message(): string {
    return `${this.path}:${this.line}: ${this.description}`
  }
}

/**
 * The options of a trail. `enabled` and `includeParams` are also the fields of a rubric's `audit`, which can be passed directly.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Whether anything is recorded. Default: true. */
  readonly enabled?: boolean | undefined
  /** Whether records contain the parameters of requests, with apparent secrets redacted. Default: false. */
  readonly includeParams?: boolean | undefined
  /** The number of records that may wait to be written, at least 1. More are dropped, which is recorded. Default: 4096. */
  readonly maxUnwritten?: number | undefined
}

/**
 * The options of a trail in files.
 *
 * @category options
 * @since 0.1.0
 */
export interface FileOptions extends Options {
  /**
   * The maximum size of a file in bytes, at least 1024, after which the trail continues in a new file. Only a single record that
   * is larger by itself exceeds it. Default: 16,777,216 (16 MiB).
   */
  readonly maxBytes?: number | undefined
  /** The number of older files to keep, as `PATH.1` (the newest) and so on. Default: 5. */
  readonly keep?: number | undefined
}

/**
 * A position in a trail: the sequence number and the hash of a record. Store it out of reach of everyone who can write the
 * trail; it later proves that the trail up to there was neither truncated nor rewritten. See {@link verify}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Anchor {
  /** The `seq` of the record. */
  readonly count: number
  /** The `hash` of the record. */
  readonly hash: string
}

/**
 * The audit trail of all connections that are built with it in their context.
 *
 * @category services
 * @since 0.1.0
 */
export class Audit extends Context.Service<
  Audit,
  {
    /**
     * The records from the moment that the stream starts. A consumer that falls behind by more than `maxUnwritten` misses the
     * oldest ones, which shows as a gap in the sequence numbers.
     */
    readonly records: Stream.Stream<AuditRecord>
    /** Waits until all records so far are written. */
    readonly flush: Effect.Effect<void>
    /** Waits until all records so far are written, and returns the position of the last; `undefined` if there is none. */
    readonly anchor: Effect.Effect<Anchor | undefined>
  }
>()("@effect-codex/policy/Audit") {}

const provide = <E, R>(
  options: Options | undefined,
  open: Effect.Effect<AuditFiles.Files | undefined, E, R>
): Effect.Effect<Context.Context<Audit>, E | InvalidConfig, Digest.Digest | R | Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => new Date(clock.currentTimeMillisUnsafe()).toISOString()
    const maxUnwritten = yield* CheckedOption.count("maxUnwritten", options?.maxUnwritten ?? 4096, 1)
    const files = yield* open
    const published = yield* PubSub.sliding<AuditRecord>(maxUnwritten)
    const trail = yield* makeTrail({
      maxUnwritten,
      files,
      seal: sealOf(yield* Digest.Digest),
      now,
      publish: (record) => PubSub.publish(published, record)
    })
    const includeParams = options?.includeParams === true
    const items = makeItems({ add: trail.add, now, includeParams })

    const onDecision = (observed: ObservedDecision) => {
      const { by, decision, itemId, kind, millis, reason, request, threadId, turnId } = observed
      const entry: Entry = {
        at: now(),
        type: "decision",
        threadId,
        turnId: turnId ?? null,
        itemId: itemId ?? null,
        requestId: request.id,
        kind,
        decision,
        by: by ?? null,
        reason: reason === undefined ? null : Redaction.text(reason),
        millis: Math.round(millis * 1000) / 1000,
        paramsHash: "",
        ...(includeParams ? { params: Redaction.value(request.params) } : {})
      }
      trail.add(entry, JSON.stringify(request.params))
      items.decided(observed)
    }
    const onNotification = (notification: Notification.Notification) => items.follow(notification)

    const anchor = Effect.map(trail.flush, (): Anchor | undefined => {
      const { hash, seq } = trail.place()
      return hash === null ? undefined : { count: seq, hash }
    })
    const audit = Audit.of({ records: Stream.fromPubSub(published), flush: trail.flush, anchor })
    const context = Context.make(Audit, audit)
    return options?.enabled === false ? context : Context.add(context, DecisionObserver, { onDecision, onNotification })
  })

/**
 * A trail without a file, available only as a stream.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Audit, InvalidConfig> =>
  Layer.effectContext(Effect.provide(provide(options, Effect.undefined), Digest.layerWebCrypto))

/**
 * A trail in a JSON Lines file that only its owner can read. A new process appends to the existing file.
 *
 * **Example** (Each decision of a program in one file)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as Audit from "@effect-codex/policy/Audit"
 * import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Layer from "effect/Layer"
 *
 * export const Main = Layer.merge(Codex.layer(), RuleBasedPolicy.layer({ mode: "strict" })).pipe(
 *   // Provided to the connection: the trail records only connections that are built with it.
 *   Layer.provideMerge(Audit.layerFile("audit.jsonl")),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * **Gotchas**
 *
 * Only one process at a time may write to a trail; a second one fails with `AuditFailed`. The file `PATH.lock` marks the trail
 * as in use. The layer takes over the lock of a killed process, after waiting for at most six seconds.
 *
 * The path must be a regular file; a symbolic link is refused.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  path: string,
  options?: FileOptions
): Layer.Layer<Audit, AuditFailed | InvalidConfig | PlatformError.PlatformError, FileSystem.FileSystem> =>
  options?.enabled === false
    ? layer(options)
    : Layer.effectContext(
        Effect.gen(function* () {
          const limits = yield* Effect.all({
            maxBytes: CheckedOption.count("maxBytes", options?.maxBytes ?? 16_777_216, 1024),
            keep: CheckedOption.count("keep", options?.keep ?? 5)
          })
          return yield* provide(options, AuditFiles.open(path, limits))
        }).pipe(
          Effect.catchTags({
            NoTrail: ({ description }) => Effect.fail(new AuditFailed({ path, description })),
            Locked: ({ lock }) =>
              Effect.fail(
                new AuditFailed({ path, description: `another process writes to it, which keeps ${lock} up to date` })
              )
          }),
          Effect.provide(Digest.layerWebCrypto)
        )
      )

/**
 * The summary of an intact trail.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verified {
  readonly records: number
  /** The number of records that the trail reports as dropped. */
  readonly dropped: number
  /** The sequence number of the first record: 1, or a later one if older files were removed according to `keep`. */
  readonly first: number
  /** The position of the last record, to be stored elsewhere. */
  readonly anchor: Anchor
}

/**
 * The records of a trail, from the oldest remaining file (such as `PATH.5`) to `PATH` itself.
 *
 * **Details**
 *
 * The stream fails with `AuditBroken` at the first record that was changed, removed or inserted, after emitting the records
 * before it. It fails at the end if the beginning is missing, there are no records, or the anchor's record is missing.
 *
 * @category utils
 * @since 0.1.0
 */
export const read = (
  path: string,
  options?: { readonly anchor?: Anchor | undefined }
): Stream.Stream<AuditRecord, AuditBroken | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(Digest.Digest, (digest) => AuditReader.read(path, sealOf(digest), options?.anchor))).pipe(
    Stream.catchTag("Broken", ({ description, file, line }) =>
      Stream.fail(new AuditBroken({ path: file, line, description }))
    ),
    Stream.provide(Digest.layerWebCrypto)
  )

/**
 * Checks that a trail is intact, with the same checks as {@link read}.
 *
 * **Details**
 *
 * A trail alone cannot reveal that its end was cut off, or that all of it was rewritten. An `anchor` that was stored elsewhere
 * can: the trail must contain its record, unchanged.
 *
 * **Example** (Check against an anchor)
 *
 * ```ts
 * import * as Audit from "@effect-codex/policy/Audit"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Effect from "effect/Effect"
 *
 * export const check = (anchor: Audit.Anchor) =>
 *   Audit.verify("audit.jsonl", { anchor }).pipe(Effect.provide(NodeServices.layer))
 * ```
 *
 * @category utils
 * @since 0.1.0
 */
export const verify = (
  path: string,
  options?: { readonly anchor?: Anchor | undefined }
): Effect.Effect<Verified, AuditBroken | PlatformError.PlatformError, FileSystem.FileSystem> =>
  read(path, options).pipe(
    Stream.runFold(
      () => ({ records: 0, dropped: 0, first: 1, anchor: { count: 0, hash: "" } }),
      ({ dropped, first, records }: Verified, record): Verified => ({
        records: records + 1,
        dropped: record.type === "dropped" ? dropped + record.count : dropped,
        first: records > 0 ? first : record.type === "dropped" ? record.from : record.seq,
        anchor: { count: record.seq, hash: record.hash }
      })
    )
  )
