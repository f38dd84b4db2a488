/**
 * A handler whose code is loaded when its command is run, so that `--help` and `--version` do not wait for it.
 */
import * as Effect from "effect/Effect"

/** What a command can fail with, as whoever reports it and chooses the exit code has to know it. */
export interface Failure {
  readonly _tag: string
  readonly message: string
}

export const lazily =
  <Input, A, E extends Failure, R>(load: () => Promise<(input: Input) => Effect.Effect<A, E, R>>) =>
  (input: Input): Effect.Effect<A, Failure, R> =>
    Effect.flatMap(Effect.promise(load), (run): Effect.Effect<A, Failure, R> => run(input))
