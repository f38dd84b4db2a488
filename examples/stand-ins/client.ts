/**
 * A stand-in for the client of an example that is a server: starts the example, asks it once, prints the answer and ends it.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Stream from "effect/Stream"

const addressIn = (line: string): string | undefined => /Listening on (http:\/\/\S+?)["\s]*$/.exec(line)?.[1]

export const ask = Effect.fnUntraced(function* (
  file: string,
  options: { readonly cwd: string; readonly env: Record<string, string | undefined> }
) {
  const server = yield* ChildProcess.make(process.execPath, [file], {
    cwd: options.cwd,
    env: { ...options.env, PORT: "0", NO_COLOR: "1" },
    stdin: "ignore",
    stderr: "inherit",
    forceKillAfter: "10 seconds"
  })
  yield* server.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.map(addressIn),
    Stream.filter((address) => address !== undefined),
    Stream.take(1),
    Stream.mapEffect((address) =>
      Effect.promise((signal) => fetch(`${address}/ask?prompt=hello`, { signal }).then((response) => response.text()))
    ),
    Stream.runForEach((events) => Console.log(events))
  )
})
