/**
 * The reason why a session can't be run by this owner. It is stored with the session and shown to people.
 */
import * as Schema from "effect/Schema"

export class Blocked extends Schema.TaggedError<Blocked>()("Blocked", {
  tag: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The session can't be run: ${this.description}.`
  }
}
