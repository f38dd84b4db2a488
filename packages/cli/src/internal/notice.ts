/**
 * Notices on standard error: failures and warnings of the command itself.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Prints one line on standard error, wrapped if that is a terminal. */
export const notice = (text: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { columns = 0, isTTY = false } = process.stderr
    if (!isTTY || columns === 0) return yield* Console.error(text)
    // Measuring text takes 6 ms to load, which most commands never need.
    const { wrap } = yield* Effect.promise(() => import("./wrap.ts"))
    yield* Console.error(wrap(text, columns).join("\n"))
  })
