/**
 * Describes in words why a file or folder cannot be read or written.
 */
import type { PlatformError } from "effect/PlatformError"

/** The reason of a failed file operation, as the end of a sentence. */
export const fileProblem = ({ reason }: PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "it does not exist"
    case "PermissionDenied":
      return "permission denied"
    case "BadResource":
      return "it is a folder"
    default:
      return reason._tag
  }
}
