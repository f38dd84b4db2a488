/**
 * Questions to a person and their answers: the data between `Human` and a user interface.
 *
 * The texts of a question are safe to show in a terminal (see `Display` of `@effect-codex/core`). Of untrusted text, titles and
 * choices contain only names and the beginnings of commands; the details contain the rest.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Redacted from "effect/Redacted"
import * as Page from "./internal/human/page.ts"
import type { CommandRule } from "./Rule.ts"

/**
 * Information for the person before choosing. Label and text are safe to show; the text may have several lines.
 *
 * @category models
 * @since 0.1.0
 */
export interface Detail {
  readonly label: string
  readonly text: string
}

/**
 * One choice of a question.
 *
 * @category models
 * @since 0.1.0
 */
export interface Choice {
  /** The key that the person types and an {@link Answer} contains: `y`, `n`, `cancel`, `session`, `always`, `allow`, `deny`. */
  readonly key: string
  /** The effect of the choice, in words. */
  readonly meaning: string
}

/**
 * One of the options of a field.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldOption {
  /** The value that is sent. Not safe to show. */
  readonly value: string
  readonly label: string
  readonly description: string
}

/**
 * A field to fill in with the choice `y`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field {
  /** The key of its value in an {@link Answer}. Not safe to show. */
  readonly id: string
  readonly label: string
  readonly description: string
  /** The type of the value: `choices` takes any number of the options, the others a single value. */
  readonly type: "text" | "integer" | "number" | "boolean" | "choices"
  readonly options: ReadonlyArray<FieldOption>
  /** Whether the answer may be a text that is not one of the options. */
  readonly isOpen: boolean
  /** Whether the input must be masked. */
  readonly isSecret: boolean
  readonly isRequired: boolean
  /** The limits of a number's value, of a text's length in code points, or of the number of choices. */
  readonly minimum: number | undefined
  readonly maximum: number | undefined
}

/**
 * A question to a person. All texts are safe to show, except the ids and values of fields.
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
  /** The choices that the request allows, always including `n`. */
  readonly choices: ReadonlyArray<Choice>
  readonly fields: ReadonlyArray<Field>
  /**
   * The rule that would accept this command from now on: the same program with the same arguments, in the same folder. Only for
   * a command whose words determine what runs. It has no choice of its own: a program that manages a rubric can offer to add the
   * rule there, and then answer `y`. Not safe to show.
   */
  readonly rule?: CommandRule | undefined
}

/**
 * The value of a field. A secret should be `Redacted`.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = string | number | boolean | ReadonlyArray<string> | Redacted.Redacted

/**
 * A person's answer to a question.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  /** The key of one of the choices. Any other key declines. */
  readonly choice: string
  /** The values of the fields, by their ids. Invalid values decline. */
  readonly values?: { readonly [fieldId: string]: Value } | undefined
}

/**
 * Formats a question as plain text of several lines, for a terminal of the given width. A bar precedes every line that the agent
 * wrote, so that it cannot pass for a line of the question.
 *
 * @category conversions
 * @since 0.1.0
 */
export const text: (question: Question, columns?: number) => string = Page.text
