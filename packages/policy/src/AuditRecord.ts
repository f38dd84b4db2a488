/**
 * The records of an audit trail, each with the hash of the previous one.
 *
 * A record is one line of JSON. Its last field is the SHA-256 of the line without that field. Since the line also contains the
 * hash of the previous line, a changed, removed or inserted record breaks the chain.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Hash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))

const common = {
  /** The sequence number, counted from 1. Only a `dropped` record follows a gap, whose size it states. */
  seq: Schema.Int,
  /** The time of the event, in ISO 8601 with milliseconds. */
  at: Schema.String
}

const chained = {
  /** The hash of the previous record, in this file or the previous one; `null` for the first record. */
  prev: Schema.NullOr(Hash),
  hash: Hash
}

const about = {
  threadId: Schema.String,
  turnId: Schema.NullOr(Schema.String),
  itemId: Schema.NullOr(Schema.String)
}

const fields = {
  /** A trail begins, or continues in a new process or file. */
  opened: {
    type: Schema.Literal("opened"),
    /** Whether the previous line was cut off. */
    torn: Schema.Boolean,
    /** The sequence number of the first remaining record: 1 until older files are removed. */
    first: Schema.Int
  },
  /** A file is full, and the trail continues in the next one. */
  rotated: {
    type: Schema.Literal("rotated"),
    /** The sequence number of the first record that remains after the rotation. */
    first: Schema.Int
  },
  /** A request of the server, and the decision. */
  decision: {
    type: Schema.Literal("decision"),
    ...about,
    requestId: Schema.Union([Schema.String, Schema.Finite]),
    kind: Schema.Literals(["command", "fileChange", "permissions", "userInput", "elicitation", "toolCall"]),
    decision: Schema.String,
    /** The engine, rule or person that decided; `null` if none did, so that the request was declined. */
    by: Schema.NullOr(Schema.String),
    reason: Schema.NullOr(Schema.String),
    /** The time from the request to the answer, in milliseconds. */
    millis: Schema.Finite,
    /** SHA-256 of the parameters as JSON. */
    paramsHash: Hash,
    /** The parameters, with apparent secrets redacted; only with `includeParams`. */
    params: Schema.optionalKey(Schema.Unknown)
  },
  /** The outcome of an item after a decision; `abandoned` if its turn ended first. */
  outcome: {
    type: Schema.Literal("outcome"),
    ...about,
    item: Schema.String,
    status: Schema.String,
    exitCode: Schema.NullOr(Schema.Int)
  },
  /** An item with an action that needed no approval. */
  unasked: {
    type: Schema.Literal("unasked"),
    ...about,
    item: Schema.String,
    status: Schema.String,
    exitCode: Schema.NullOr(Schema.Int),
    /** The command, paths or tool of the action; only with `includeParams`. */
    what: Schema.optionalKey(Schema.String)
  },
  /** A gap: records that were dropped because too many came at once, or that could not be written. */
  dropped: {
    type: Schema.Literal("dropped"),
    count: Schema.Int,
    /** The sequence number of the first missing record. */
    from: Schema.Int,
    reason: Schema.String
  }
}

/**
 * A record of an audit trail.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AuditRecord = Schema.Union([
  Schema.Struct({ ...common, ...fields.opened, ...chained }),
  Schema.Struct({ ...common, ...fields.rotated, ...chained }),
  Schema.Struct({ ...common, ...fields.decision, ...chained }),
  Schema.Struct({ ...common, ...fields.outcome, ...chained }),
  Schema.Struct({ ...common, ...fields.unasked, ...chained }),
  Schema.Struct({ ...common, ...fields.dropped, ...chained })
])

/**
 * @category models
 * @since 0.1.0
 */
export type AuditRecord = typeof AuditRecord.Type

type Unchained<R> = R extends AuditRecord ? Omit<R, "seq" | "prev" | "hash"> : never

/**
 * A record before it is chained: without sequence number and hashes.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = Unchained<AuditRecord>
