/**
 * The thread that a command line names: by its id, or by the beginning of one that no other thread shares.
 */
import type * as Codex from "@effect-codex/core/Codex"
import type { RequestError } from "@effect-codex/core/CodexError"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../InvalidUsage.ts"
import * as Beginning from "./beginning.ts"

const fullLength = 36

// A shorter one is more likely a mistake.
const beginning = /^[0-9a-f][0-9a-f-]{3,}$/i

/** The full id. The server decides whether a thread has one that is given in full. */
export const resolve = Effect.fnUntraced(function* (
  { thread }: Codex.Codex["Service"],
  given: string
): Effect.fn.Return<string, RequestError | InvalidUsage> {
  if (given.length >= fullLength) return given
  if (!beginning.test(given)) return yield* unknown(given)
  const all = Stream.concat(thread.list({}), thread.list({ archived: true }))
  const ids = all.pipe(
    Stream.map(({ id }) => id),
    Stream.filter((id) => id.startsWith(given.toLowerCase()))
  )
  const id = yield* Beginning.resolve("threads", given, ids)
  return id.length < fullLength ? yield* unknown(given) : id
})

const unknown = (given: string) =>
  new InvalidUsage({
    description: `No thread has an id that begins with ${JSON.stringify(given)}. List the ids with effect-codex threads list.`
  })

/** The beginning of each id that tells it apart from the others, at least eight characters long. */
export const shorten = (ids: ReadonlyArray<string>): ReadonlyArray<string> =>
  ids.map((id) => {
    let length = 8
    while (length < id.length && ids.some((other) => other !== id && other.startsWith(id.slice(0, length)))) length++
    return id.slice(0, length)
  })
