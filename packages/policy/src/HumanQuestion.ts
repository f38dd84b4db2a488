/**
 * What a person is asked, and what comes back: the data between `Human` and whatever shows it.
 *
 * The texts of a question are safe to show in a terminal (see `Display` of `@effect-codex/core`); of what others
 * wrote, titles and choices have names and the beginnings of commands, and the details have the rest.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Redacted from "effect/Redacted"
import * as Page from "./internal/human/page.ts"
import type { CommandRule } from "./Rule.ts"

/**
 * Something that a person should know before choosing. Both are safe to show; the text may have several lines.
 *
 * @category models
 * @since 0.1.0
 */
export interface Detail {
  readonly label: string
  readonly text: string
}

/**
 * One way to answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Choice {
  /** What the person types, and what an {@link Answer} names: `y`, `n`, `cancel`, `session`, `always`, `allow`, `deny`. */
  readonly key: string
  /** What will happen, in words. */
  readonly meaning: string
}

/**
 * One of the answers that a field offers.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldOption {
  /** As it is sent: not safe to show. */
  readonly value: string
  readonly label: string
  readonly description: string
}

/**
 * Something to fill in with the choice `y`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field {
  /** The name under which its value is given: not safe to show. */
  readonly id: string
  readonly label: string
  readonly description: string
  /** `choices` takes any number of the options, the others one value. */
  readonly type: "text" | "integer" | "number" | "boolean" | "choices"
  readonly options: ReadonlyArray<FieldOption>
  /** Whether a text that is none of the options is an answer too. */
  readonly isOpen: boolean
  /** Whether what is typed must not be seen. */
  readonly isSecret: boolean
  readonly isRequired: boolean
  /** Of a number its value, of a text its length in code points, of choices how many. */
  readonly minimum: number | undefined
  readonly maximum: number | undefined
}

/**
 * What a person is asked. All texts are safe to show, but for the ids and values of fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly kind: PolicyEngine.Kind
  readonly threadId: string
  readonly turnId: string | undefined
  readonly title: string
  readonly details: ReadonlyArray<Detail>
  /** The legal ones, at least `n`. */
  readonly choices: ReadonlyArray<Choice>
  readonly fields: ReadonlyArray<Field>
  /**
   * The rule that would accept this command from now on: the same program with the same arguments, in the same folder. Only for a
   * command whose words determine what runs. No choice stands for it: a program that keeps a rubric can offer to write it there,
   * and then answer `y`. Not safe to show.
   */
  readonly rule?: CommandRule | undefined
}

/**
 * The value of a field; a secret should come as `Redacted`.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = string | number | boolean | ReadonlyArray<string> | Redacted.Redacted

/**
 * What a person has said.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  /** The key of one of the choices. Any other declines. */
  readonly choice: string
  /** Values of fields by their ids. Values that the fields do not allow decline. */
  readonly values?: { readonly [fieldId: string]: Value } | undefined
}

/**
 * A question as plain text of several lines, for a terminal with so many columns. What the agent wrote stands behind a bar, so
 * that it can't pass for a line of the question.
 *
 * @category conversions
 * @since 0.1.0
 */
export const text: (question: Question, columns?: number) => string = Page.text
