/**
 * Errors of a command line.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/**
 * The command line is invalid. Nothing was started.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidUsage extends Schema.TaggedError<InvalidUsage>()("InvalidUsage", { description: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return this.description
  }
}
