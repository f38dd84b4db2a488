/**
 * A handler whose code is loaded when its command is run, so that `--help` and `--version` do not wait for it.
 */
import * as Effect from "effect/Effect"

export const lazily =
  <Input, A, E, R>(load: () => Promise<(input: Input) => Effect.Effect<A, E, R>>) =>
  (input: Input): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.promise(load), (run) => run(input))
