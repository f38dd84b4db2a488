/**
 * The reason why a session can't be run by this owner. It is stored with the session and shown to people.
 */
import * as Schema from "effect/Schema"
import { BlockedRollout } from "../Session.ts"

export class Blocked extends Schema.TaggedError<Blocked>()("Blocked", {
  tag: Schema.String,
  description: Schema.String,
  /** Present if somebody has to choose a rollout first. */
  rollout: Schema.optionalKey(BlockedRollout),
  /** Whether the session has the block already. */
  isStored: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    return `The session can't be run: ${this.description}.`
  }
}
