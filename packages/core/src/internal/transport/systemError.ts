/**
 * Extracts the operating system's error from the errors that wrap it, because the platform's own messages leave it out.
 */
import * as Predicate from "effect/Predicate"
import * as Redaction from "../../Redaction.ts"

export interface SystemError {
  /** One line, secrets redacted. */
  readonly description: string
  /** The name of the error, such as `ENOENT`, if the system has one for it. */
  readonly errno?: string
}

const meanings: { readonly [K in string]?: string } = {
  E2BIG: "the arguments and the environment are too long",
  EACCES: "permission denied",
  EMFILE: "this process has too many open files",
  ENFILE: "this machine has too many open files",
  ENOENT: "there is no such file",
  ENOEXEC: "it is not a program for this machine",
  ENOMEM: "there is not enough memory"
}

export const describeSystemError = (error: unknown): SystemError => {
  let innermost: unknown = error
  let errno: string | undefined
  let message = ""
  // Errors are nested a few levels deep at most; the limit stops at circular ones.
  for (let depth = 0; depth < 8 && Predicate.isObject(innermost); depth++) {
    if (Predicate.hasProperty(innermost, "code") && typeof innermost.code === "string")
      errno ??= errnoIn(innermost.code)
    if (Predicate.hasProperty(innermost, "message") && typeof innermost.message === "string") {
      message = innermost.message === "" ? message : innermost.message
    }
    innermost = innerOf(innermost)
  }
  const said = Redaction.text(message === "" ? String(error) : message).split("\n")[0] ?? ""
  const meaning = errno === undefined ? undefined : meanings[errno]
  return {
    description: meaning === undefined ? said : `${meaning} (${said})`,
    ...(errno === undefined ? {} : { errno })
  }
}

const errnoIn = (code: string): string | undefined => (/^E[A-Z0-9]+$/.test(code) ? code : undefined)

const innerOf = (error: object): unknown => {
  for (const name of ["cause", "reason", "error"]) {
    const inner = Predicate.hasProperty(error, name) ? error[name] : undefined
    if (Predicate.isObject(inner)) return inner
  }
  return Predicate.hasProperty(error, "errors") && Array.isArray(error.errors) ? error.errors[0] : undefined
}
