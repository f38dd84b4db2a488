/**
 * A rubric as YAML with comments, for people to read and change.
 *
 * The text is read back as the same rubric for any values and comments: texts that are not plain words are in
 * quotes, and a comment is one line.
 */
import type { PolicyRubric } from "@effect-codex/policy/Rubric"
import * as Predicate from "effect/Predicate"
import { sanitizedJson } from "../jsonLine.ts"
import * as Print from "../print.ts"

// YAML of any version takes these for text.
const isPlain = (text: string): boolean =>
  /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)

/** A value on one line. */
export const flow = (value: unknown): string => {
  if (typeof value === "string") return isPlain(value) ? value : sanitizedJson(JSON.stringify(value))
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`
  if (!Predicate.isReadonlyObject(value)) return JSON.stringify(value)
  return `{ ${Object.entries(value)
    .map(([key, field]) => `${flow(key)}: ${flow(field)}`)
    .join(", ")} }`
}

/** Comments, each on a line of its own. */
export const comments = (lines: ReadonlyArray<string>, indent = ""): ReadonlyArray<string> =>
  lines.map((line) => `${indent}# ${Print.exact(line)}`.trimEnd())

const ruleOf = (rule: object, about: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...comments(about, "  "),
  ...Object.entries(rule).map(([key, value], index) => `  ${index === 0 ? "- " : "  "}${key}: ${flow(value)}`)
]

const isRules = (key: string, value: unknown): value is ReadonlyArray<object> =>
  key.endsWith("Rules") && Array.isArray(value) && value.every(Predicate.isObject)

/** The lines of the rubric. `about` are comments on its fields and rules by their path, for instance `commandRules[0]`. */
export const rubricText = (
  rubric: PolicyRubric,
  about: Readonly<Record<string, ReadonlyArray<string>>>
): ReadonlyArray<string> =>
  Object.entries(rubric).flatMap(([key, value]) => [
    ...comments(about[key] ?? []),
    ...(isRules(key, value)
      ? [`${key}:`, ...value.flatMap((rule, index) => ruleOf(rule, about[`${key}[${index}]`] ?? []))]
      : [`${key}: ${flow(value)}`])
  ])
