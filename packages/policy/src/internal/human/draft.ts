/**
 * The parts of a question: the possible answers, and texts that are safe to show.
 *
 * A question shows the whole action, but shortens remarks about it. This module knows no kinds of requests.
 */
import * as Display from "@effect-codex/core/Display"
import type { Decisions, Kind } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Choice, Detail, Field, Value } from "../../HumanQuestion.ts"
import * as PathWithin from "../../PathWithin.ts"
import type { CommandRule } from "../../Rule.ts"
import * as Letters from "./letters.ts"

export type Values = ReadonlyMap<string, Exclude<Value, Redacted.Redacted>>

export interface Way<K extends Kind> extends Choice {
  readonly decide: (values: Values) => Result.Result<Decisions[K], string>
}

export interface Draft<K extends Kind> {
  readonly title: string
  readonly details: ReadonlyArray<Detail | undefined>
  readonly ways: ReadonlyArray<Way<K> | undefined>
  readonly fields?: ReadonlyArray<Field> | undefined
  readonly rule?: CommandRule | undefined
}

/** A draft, or a string with the reason why a person cannot answer the request here. */
export type Drafting<K extends Kind> = Effect.Effect<Draft<K> | string, never, FileSystem.FileSystem>

/** The key of the plain yes, and the only answer that includes the values of fields. */
export const yes = "y"

export const way = <K extends Kind>(key: string, meaning: string, decision: Decisions[K]): Way<K> => ({
  key,
  meaning,
  decide: () => Result.succeed(decision)
})

/** The action itself, shown whole. */
export const detail = (label: string, text: string | null | undefined): Detail | undefined =>
  text == null || text === "" ? undefined : { label, text: Letters.inOrder(Display.block(text)) }

/** A claim about the action, shortened; nothing is decided by it. */
export const remark = (label: string, text: string | null | undefined, max: number): Detail | undefined =>
  text == null || text === "" ? undefined : { label, text: Display.block(text, { max }) }

/** A detail of several lines, each already safe to show. */
export const list = (label: string, lines: ReadonlyArray<string>): Detail => ({ label, text: lines.join("\n") })

export const name = (text: string): string => Letters.inOrder(Display.line(text))

export const title = (text: string): string => Letters.inOrder(Display.line(text, { max: 400 }))

// JSON for values that have no better presentation.
export const json = (value: unknown): string => JSON.stringify(value, null, 2) ?? ""

export const careful = (...texts: ReadonlyArray<string | null | undefined>): Detail | undefined => {
  const words = new Set(texts.flatMap((text) => (text == null ? [] : Letters.deceptiveWords(text))))
  return words.size === 0
    ? undefined
    : list("Careful: letters that look Latin and are not, or that run from right to left", Array.from(words))
}

export const placeOf = (path: string, folder: string) =>
  Effect.map(PathWithin.isReallyWithin(path, [folder]), (isInside) => {
    if (isInside) return { isInside, place: "in the working folder" }
    return PathWithin.isWithin(path, folder)
      ? { isInside, place: "NOT surely in the working folder: by name, but a link leads away, or cannot be followed" }
      : { isInside, place: "NOT in the working folder" }
  })

export const folderDetail = (cwd: string, folder: string) =>
  Effect.map(placeOf(cwd, folder), ({ place }) => list("Folder", [name(cwd), place]))
