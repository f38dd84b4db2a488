/**
 * Kinds of flags that more than one command has.
 */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"

/** A flag that may be left out. */
export const optional = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> =>
  Flag.map(Flag.optional(flag), Option.getOrUndefined)

/** A text that may be left out. */
export const text = (name: string, metavar: string, description: string): Flag.Flag<string | undefined> =>
  optional(Flag.String(name)).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

/** A whole number from a least to a greatest one. The message of a mistake names both. */
export const wholeNumber = (
  name: string,
  description: string,
  { greatest = Number.MAX_SAFE_INTEGER, least }: { readonly least: number; readonly greatest?: number }
): Flag.Flag<number> =>
  Flag.String(name).pipe(
    Flag.filterMap(
      (text) => {
        const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
        return value >= least && value <= greatest ? Option.some(value) : Option.none()
      },
      () =>
        greatest === Number.MAX_SAFE_INTEGER
          ? `a whole number of at least ${least}`
          : `a whole number from ${least} to ${greatest}`
    ),
    Flag.withMetavar("NUMBER"),
    Flag.withDescription(description)
  )

/** A switch that is off. */
export const toggle = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

/** Whether the output is one JSON document. */
export const json: Flag.Flag<boolean> = toggle("json", "Print one JSON document")
