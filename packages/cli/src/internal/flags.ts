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

/** A switch that is off. */
export const toggle = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

/** Whether the output is one JSON document. */
export const json: Flag.Flag<boolean> = toggle("json", "Print one JSON document")
