/**
 * The hash chain of an audit trail. Each entry becomes a line with its number, the hash of the previous line and, at the end,
 * a hash of everything before it.
 *
 * It knows records and their lines. It does not know files, nor when something is written.
 */
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import type { Entry } from "../../AuditRecord.ts"

/** A position in a chain: the number and the hash of its last record. */
export interface Place {
  readonly seq: number
  /** `null` if there is no record yet. */
  readonly hash: string | null
}

/** The SHA-256 of a text, in hexadecimal. */
export type Seal = (text: string) => Effect.Effect<string>

export const sealOf =
  (digest: Digest.Digest["Service"]): Seal =>
  (text) =>
    digest.digestHex(Digest.sha256, encoder.encode(text))

const encoder = new TextEncoder()

/** A record as it is written, and the position of the chain after it. */
export interface Link {
  readonly line: string
  /** The line with its line break. */
  readonly bytes: Uint8Array
  readonly place: Place
}

// A longer line could not be found again at the end of a file. Only the text of a request or an item can get this long.
const maxBodyLength = 1_048_576

/**
 * Appends an entry after a position. The record contains the hash of `params`. A `dropped` entry takes up the numbers of the
 * records that it stands for, and gets the number that follows them.
 */
export const link = Effect.fnUntraced(function* (
  seal: Seal,
  { hash: prev, seq: last }: Place,
  entry: Entry,
  params?: string
): Effect.fn.Return<Link> {
  const seq = entry.type === "dropped" ? entry.from + entry.count : last + 1
  const paramsHash = params === undefined ? {} : { paramsHash: yield* seal(params) }
  const whole = bodyOf({ seq, ...entry, ...paramsHash, prev })
  const body =
    whole.length <= maxBodyLength
      ? whole
      : bodyOf({ seq, ...entry, ...paramsHash, params: tooLong, what: tooLong, prev })
  const hash = yield* seal(body)
  const line = lineOf(body, hash)
  return { line, bytes: encoder.encode(`${line}\n`), place: { seq, hash } }
})

const tooLong = "[too long to be kept]"

// Characters that a terminal acts on or does not show. Escaped, they are still valid JSON, so a trail is safe to view with any
// program. `JSON.stringify` already escapes the first 32 control characters.
const unseen =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g

const escape = (text: string): string =>
  Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`).join(
    ""
  )

const bodyOf = (record: object): string => JSON.stringify(record).replace(unseen, escape)

const lineOf = (body: string, hash: string): string => `${body.slice(0, -1)},"hash":"${hash}"}`

/** The two parts of a line; `undefined` if it does not end in a hash. */
export const partsOf = (line: string): { readonly body: string; readonly hash: string } | undefined => {
  const ending = /,"hash":"([0-9a-f]{64})"\}$/.exec(line)
  return ending?.[1] === undefined ? undefined : { body: `${line.slice(0, ending.index)}}`, hash: ending[1] }
}
