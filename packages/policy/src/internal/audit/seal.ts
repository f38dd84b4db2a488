/**
 * Lines of an audit trail: how a record becomes one, with the hash of all of it at its end.
 */
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"

/** The SHA-256 of a text, in hexadecimal. */
export type Seal = (text: string) => Effect.Effect<string>

export const sealOf =
  (digest: Digest.Digest["Service"]): Seal =>
  (text) =>
    digest.digestHex(Digest.sha256, new TextEncoder().encode(text))

// What a terminal obeys, or does not show. JSON takes it in this form too, so that a trail can be looked at with anything.
// The first 32 are escaped in JSON in any case.
const unseen =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g

const escape = (text: string): string =>
  Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`).join(
    ""
  )

/** A record without its hash, as one line. */
export const bodyOf = (record: object): string => JSON.stringify(record).replace(unseen, escape)

/** The line that a record is written as. */
export const lineOf = (body: string, hash: string): string => `${body.slice(0, -1)},"hash":"${hash}"}`

/** The two parts of a line; `undefined` if it does not end in a hash. */
export const partsOf = (line: string): { readonly body: string; readonly hash: string } | undefined => {
  const ending = /,"hash":"([0-9a-f]{64})"\}$/.exec(line)
  return ending?.[1] === undefined ? undefined : { body: `${line.slice(0, ending.index)}}`, hash: ending[1] }
}
