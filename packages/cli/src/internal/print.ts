/**
 * What commands other than `run` print: one JSON document, or lines for people.
 */
import * as Display from "@effect-codex/core/Display"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Tone from "../Tone.ts"
import { harmless } from "./harmless.ts"

/** One JSON document. What a terminal would obey is escaped in it, as JSON lets one. */
export const json = (document: unknown): Effect.Effect<void> =>
  Console.log(
    JSON.stringify(document, undefined, 2).replaceAll(
      /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
    )
  )

/** Somebody else's text on one line. */
export const inline = (text: string): string => Display.line(harmless(text).trim().replaceAll(/\s+/g, " "))

/** The colours of standard output. */
export const paint: Effect.Effect<Tone.Paint, never, Stdio.Stdio> = Effect.map(
  Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) => stdoutIsTerminal),
  (isTerminal) => Tone.painter(Tone.resolve("auto", { env: process.env, isTerminal }))
)
