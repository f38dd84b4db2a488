/**
 * An audit trail: each decision, what became of it, and what ran without anybody being asked.
 *
 * A record is handed over before the answer is sent, and written down behind that, so that a slow disk delays nobody. What
 * can't be kept is itself a record. This module decides nothing, and nothing that goes wrong in it changes a decision.
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
 * A trail could not be begun.
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
 * A trail has been changed, or has never been one.
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
 * What is recorded. A rubric's `audit` has the first two, so it can be given as it is.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Whether anything is. Default: true. */
  readonly enabled?: boolean | undefined
  /** Whether records hold the parameters of requests, without what looks like a secret. Default: false. */
  readonly includeParams?: boolean | undefined
  /** How many records may wait to be written, at least 1. More are dropped, and that is recorded. Default: 4096. */
  readonly maxUnwritten?: number | undefined
}

/**
 * What is recorded, and how large the files may become.
 *
 * @category options
 * @since 0.1.0
 */
export interface FileOptions extends Options {
  /**
   * How large a file becomes, in bytes; then the next one is begun. Only a record that is larger by itself makes a larger file.
   * At least 1024. Default: 16,777,216 (16 MiB).
   */
  readonly maxBytes?: number | undefined
  /** How many older files are kept, as `PATH.1` (the newest) and so on. Default: 5. */
  readonly keep?: number | undefined
}

/**
 * How far a trail has come: how many records it has counted, and the hash of the last one. Kept where whoever can write the
 * trail can't, it shows later that nothing up to there was cut off or written anew; see {@link verify}.
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
 * The audit trail of the connections that are built where it is provided.
 *
 * @category services
 * @since 0.1.0
 */
export class Audit extends Context.Service<
  Audit,
  {
    /**
     * The records from the moment that the stream is run. A consumer that falls behind by more than `maxUnwritten` misses the
     * oldest, which the sequence numbers show.
     */
    readonly records: Stream.Stream<AuditRecord>
    /** Waits until all records so far are written. */
    readonly flush: Effect.Effect<void>
    /** How far the trail has come, once all records so far are written. `undefined`: there is none yet. */
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
 * A trail that is kept nowhere but in its stream.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Audit, InvalidConfig> =>
  Layer.effectContext(Effect.provide(provide(options, Effect.undefined), Digest.layerWebCrypto))

/**
 * A trail in a file of JSON Lines, which only its owner can read. It goes on where the file ends, also in a new process.
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
 *   // Below the connection: what is built beside it, it does not see.
 *   Layer.provideMerge(Audit.layerFile("audit.jsonl")),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * **Gotchas**
 *
 * One process may write to a file: another one fails with `AuditFailed`. The file `PATH.lock` says that somebody does. What a
 * process that was killed has left of it is taken over after six seconds at most, for which the layer waits.
 *
 * A link, or anything but a regular file, is refused.
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
 * What a whole trail says of itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verified {
  readonly records: number
  /** How many records are missing, as the trail itself says. */
  readonly dropped: number
  /** The number of the first record: 1, or a later one if older files were removed as `keep` wants it. */
  readonly first: number
  /** The last record, to be kept elsewhere. */
  readonly anchor: Anchor
}

/**
 * The records of a trail, from the oldest file that is kept (`PATH.5`, say) to `PATH` itself.
 *
 * **Details**
 *
 * The stream fails with `AuditBroken` where the trail is not whole: where a record was changed, taken out or put in, and at the
 * end if the beginning is missing, there is no record at all, or the anchor's record is not in it. Records before that place
 * have been emitted.
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
 * Checks that a trail is whole, as {@link read} does.
 *
 * **Details**
 *
 * A trail can't show by itself that its end was cut off, or that all of it was written anew. An `anchor` that was kept elsewhere
 * does: its record has to be in the trail as it was.
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
