/**
 * Merges defaults with the options of a call.
 */
import * as Struct from "effect/Struct"

/** Merges key by key. The request takes precedence; `undefined` counts as a missing key, `null` as a value. */
export const merge = <A extends object>(defaults: A | undefined, request: A | undefined): Partial<A> => {
  const merged: Partial<A> = { ...defaults, ...request }
  if (defaults === undefined || request === undefined) return merged
  for (const key of Struct.keys(request)) {
    if (request[key] === undefined) merged[key] = defaults[key]
  }
  return merged
}
