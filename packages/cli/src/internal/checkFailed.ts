/**
 * The failure of a command that checks something. The command has already printed its findings.
 */
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { codes } from "../ExitCode.ts"

/** Something is not as it should be; already reported. */
export class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", {
  description: Schema.String,
  /** Default: that of a failure. */
  exitCode: Schema.optionalKey(Schema.Int)
}) {
  override readonly [Runtime.errorExitCode] = this.exitCode ?? codes.failed
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.description
  }
}
