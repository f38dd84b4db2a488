/**
 * An audit trail: each decision, what became of it, and what ran without anybody being asked.
 *
 * A record is handed over before the answer is sent, and written down behind that, so that a slow disk delays nobody. What
 * can't be kept is itself a record. This module decides nothing, and nothing that goes wrong in it changes a decision.
 *
 * @since 0.1.0
 */
import type * as Notification from "@effect-codex/core/Notification"
import * as Redaction from "@effect-codex/core/Redaction"
import { type Answered, Witness } from "@effect-codex/core/Witness"
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
import * as AuditFile from "./internal/audit/file.ts"
import { makeItems } from "./internal/audit/items.ts"
import { makeTrail } from "./internal/audit/trail.ts"
import { sealOf } from "./internal/audit/seal.ts"

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
  /** How many records may wait to be written. More are dropped, and that is recorded. Default: 4096. */
  readonly maxUnwritten?: number | undefined
}

/**
 * What is recorded, and how large the files may become.
 *
 * @category options
 * @since 0.1.0
 */
export interface FileOptions extends Options {
  /** The size in bytes from which on a new file is begun. Default: 16,777,216 (16 MiB). */
  readonly maxBytes?: number | undefined
  /** How many older files are kept, as `PATH.1` (the newest) and so on. Default: 5. */
  readonly keep?: number | undefined
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
  }
>()("@effect-codex/policy/Audit") {}

const provide = (
  options: Options | undefined,
  write: AuditFile.Write | undefined,
  start: AuditFile.Start
): Effect.Effect<Context.Context<Audit>, never, Digest.Digest | Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => new Date(clock.currentTimeMillisUnsafe()).toISOString()
    const maxUnwritten = options?.maxUnwritten ?? 4096
    const published = yield* PubSub.sliding<AuditRecord>(maxUnwritten)
    const trail = yield* makeTrail({
      maxUnwritten,
      start,
      write,
      seal: sealOf(yield* Digest.Digest),
      now,
      publish: (record) => PubSub.publish(published, record)
    })
    const includeParams = options?.includeParams === true
    const items = makeItems({ add: trail.add, now, includeParams })

    const answered = (answered: Answered) => {
      const { by, decision, itemId, kind, millis, reason, request, threadId, turnId } = answered
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
      items.decided(answered)
    }
    const notified = (notification: Notification.Notification) => items.follow(notification)

    const audit = Audit.of({ records: Stream.fromPubSub(published), flush: trail.flush })
    const context = Context.make(Audit, audit)
    return options?.enabled === false ? context : Context.add(context, Witness, { answered, notified })
  })

/**
 * A trail that is kept nowhere but in its stream.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Audit> =>
  Layer.effectContext(
    Effect.provide(provide(options, undefined, { seq: 0, hash: null, torn: false }), Digest.layerWebCrypto)
  )

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
 * One process may write to a file. A link, or anything but a regular file, is refused.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  path: string,
  options?: FileOptions
): Layer.Layer<Audit, AuditFailed | PlatformError.PlatformError, FileSystem.FileSystem> =>
  options?.enabled === false
    ? layer(options)
    : Layer.effectContext(
        Effect.gen(function* () {
          const { start, write } = yield* AuditFile.open(path, {
            maxBytes: options?.maxBytes ?? 16_777_216,
            keep: options?.keep ?? 5
          })
          return yield* provide(options, write, start)
        }).pipe(
          Effect.catchTag("NoTrail", ({ description }) => Effect.fail(new AuditFailed({ path, description }))),
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
  /** The hash before the first record: of the last one of the file before, or `null`. */
  readonly prev: string | null
  /** The hash of the last record. Kept elsewhere, it shows that the end has not been cut off. */
  readonly hash: string | null
}

/**
 * Checks that a file is a trail without changes: each hash, each link to the record before, and that no number is missing.
 *
 * @category utils
 * @since 0.1.0
 */
export const verify = (
  path: string
): Effect.Effect<Verified, AuditBroken | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const seal = sealOf(yield* Digest.Digest)
    return yield* AuditFile.verify(fs.stream(path), seal)
  }).pipe(
    Effect.catchTag("Broken", ({ description, line }) => Effect.fail(new AuditBroken({ path, line, description }))),
    Effect.provide(Digest.layerWebCrypto)
  )
