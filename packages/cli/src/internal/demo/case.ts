/**
 * A case of the demo: its outcomes and its prompts.
 */
import type * as Codex from "@effect-codex/core/Codex"
import type { PolicyEngine } from "@effect-codex/core/PolicyEngine"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Terminal from "effect/Terminal"
import * as Print from "../print.ts"

export interface Prompts {
  readonly create: string
  readonly events: string
  readonly stream: string
}

/** The default prompts. The answers to these are checked too. */
export const defaultPrompts: Prompts = {
  create: "Reply with exactly: READY",
  events: "List three files in current directory.",
  stream: "Reply with exactly: STREAM_OK"
}

export const fixedPrompts = {
  approval: "Create an empty file with exactly this shell command: touch demo.txt",
  interrupt: "Count from 1 to 10000, one number a line, without a tool.",
  review: "Say what each of the files in this directory is for."
}

export const modes = ["smoke", "demo", "full"] as const

export type Mode = (typeof modes)[number]

/** A difference that a case found. */
export class Unexpected extends Schema.TaggedError<Unexpected>()("Unexpected", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

/** The case cannot run here. These are the only reasons to skip a case; every other error is a failure. */
export class Skipped extends Schema.TaggedError<Skipped>()("Skipped", {
  reason: Schema.Literals([
    "there is no account whose limits could be read",
    "the protocol has no skills/remote any more"
  ])
}) {
  override get message(): string {
    return this.reason
  }
}

export interface Case {
  readonly name: string
  /** The first mode that includes the case; the modes after it include it too. */
  readonly since: Mode
  readonly run: Effect.Effect<
    void,
    { readonly _tag: string; readonly message: string },
    Codex.Codex | FileSystem.FileSystem | Path.Path | PolicyEngine | Scope.Scope | Terminal.Terminal
  >
}

export const expect = (holds: boolean, description: string): Effect.Effect<void, Unexpected> =>
  holds ? Effect.void : Effect.fail(new Unexpected({ description }))

export const say = (text: string): Effect.Effect<void> => Console.log(`  ${Print.indented(text)}`)

/** Checks the answer to a prompt: the default prompt expects its word, any other prompt a non-empty answer. */
export const answered = (given: string, prompt: string, usual: string, word: string) =>
  prompt === usual
    ? expect(given.includes(word), `expected ${word} and got ${JSON.stringify(given)}`)
    : expect(given.trim() !== "", "expected an answer, and there was none")
