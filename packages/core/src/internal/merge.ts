/**
 * Defaults and what a call says itself.
 */
import * as Struct from "effect/Struct"

/** Request over default, key by key; `undefined` is a key that the caller left out, `null` is a value. */
export const merge = <A extends object>(defaults: A | undefined, request: A | undefined): Partial<A> => {
  const merged: Partial<A> = { ...defaults, ...request }
  if (defaults === undefined || request === undefined) return merged
  for (const key of Struct.keys(request)) {
    if (request[key] === undefined) merged[key] = defaults[key]
  }
  return merged
}
