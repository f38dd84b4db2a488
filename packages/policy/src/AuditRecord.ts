/**
 * What an audit trail is made of: records, each of which holds the hash of the one before it.
 *
 * A record is one line of JSON. Its last field is the SHA-256 of the line without that field, and as the line has the hash of
 * the line before in it, nothing can be changed, taken out or put in without all that follows showing it.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Hash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))

const common = {
  /** Counted from 1. Only a `dropped` record leaves a gap before it, as wide as it says. */
  seq: Schema.Int,
  /** When it happened, in ISO 8601 with milliseconds. */
  at: Schema.String
}

const chained = {
  /** The hash of the record before, in this file or the one before it; `null` at the beginning. */
  prev: Schema.NullOr(Hash),
  hash: Hash
}

const about = {
  threadId: Schema.String,
  turnId: Schema.NullOr(Schema.String),
  itemId: Schema.NullOr(Schema.String)
}

const fields = {
  /** A trail begins, or goes on in a new process or file. */
  opened: {
    type: Schema.Literal("opened"),
    /** Whether the line before was cut off. */
    torn: Schema.Boolean,
    /** The number of the first record that is kept: 1 until older files are removed. */
    first: Schema.Int
  },
  /** A file is full, and the trail goes on in the next one. */
  rotated: {
    type: Schema.Literal("rotated"),
    /** The number of the first record that is kept from then on. */
    first: Schema.Int
  },
  /** A request of the server, and what was decided. */
  decision: {
    type: Schema.Literal("decision"),
    ...about,
    requestId: Schema.Union([Schema.String, Schema.Finite]),
    kind: Schema.Literals(["command", "fileChange", "permissions", "userInput", "elicitation", "toolCall"]),
    decision: Schema.String,
    /** Who decided; `null`: nobody, so it was declined. */
    by: Schema.NullOr(Schema.String),
    reason: Schema.NullOr(Schema.String),
    /** From the request to the answer, in milliseconds. */
    millis: Schema.Finite,
    /** SHA-256 of the parameters as JSON. */
    paramsHash: Hash,
    /** The parameters, where that is allowed, without what looks like a secret. */
    params: Schema.optionalKey(Schema.Unknown)
  },
  /** What became of an item that was decided on; `abandoned`: its turn ended without it. */
  outcome: {
    type: Schema.Literal("outcome"),
    ...about,
    item: Schema.String,
    status: Schema.String,
    exitCode: Schema.NullOr(Schema.Int)
  },
  /** An item that did something without anybody being asked. */
  unasked: {
    type: Schema.Literal("unasked"),
    ...about,
    item: Schema.String,
    status: Schema.String,
    exitCode: Schema.NullOr(Schema.Int),
    /** What it did, where that is allowed. */
    what: Schema.optionalKey(Schema.String)
  },
  /** Records that are missing, because there were too many at once or they could not be written. */
  dropped: {
    type: Schema.Literal("dropped"),
    count: Schema.Int,
    /** The sequence number of the first of them. */
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
 * A record before it has its place in the trail.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = Unchained<AuditRecord>
