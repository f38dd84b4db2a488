/**
 * Converts rubrics of the Python SDK to rubrics of this package.
 *
 * The conversion is as lenient as the Python SDK, and warns about everything that it tolerates or that has a different meaning
 * here. It refuses conditions that it does not know and regular expressions without an exact counterpart. This module does not
 * judge the quality of the rules: `RubricWarning` does.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as PythonRegex from "./internal/rubric/pythonRegex.ts"
import { decode, InvalidRubric, type PolicyRubric } from "./Rubric.ts"
import type { RubricWarning } from "./RubricWarning.ts"

/**
 * A converted rubric, and the warnings about differences.
 *
 * @category models
 * @since 0.1.0
 */
export interface FromPython {
  readonly rubric: PolicyRubric
  readonly warnings: ReadonlyArray<RubricWarning>
}

/**
 * Converts a rubric for `build_policy_engine_from_rubric` of the Python SDK, with keys in snake_case or in camelCase. A key in
 * both spellings is an error.
 *
 * **Details**
 *
 * Without a `mode` the rubric is `permissive`, as in the Python SDK, with a warning.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPython: (value: unknown) => Effect.Effect<FromPython, InvalidRubric> = Effect.fn(
  "RubricFromPython.fromPython"
)(function* (value: unknown) {
  const conversion = makeConversion()
  const candidate = conversion.rubric(value)
  const [first, ...others] = conversion.problems
  if (first !== undefined) return yield* new InvalidRubric({ problems: [first, ...others] })
  return { rubric: yield* decode(candidate), warnings: conversion.warnings }
})

type Fields = { readonly [K in string]?: unknown }

const isFields = (value: unknown): value is Fields => Predicate.isReadonlyObject(value) && !Array.isArray(value)

const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const regexes = ["commandRegex", "reasonRegex", "threadIdRegex", "turnIdRegex", "questionIdRegex"]
const common = [...regexes.slice(0, 4), "cwdPrefix", "hasProposedExecpolicy"]

interface Kind {
  readonly key: "commandRules" | "fileChangeRules" | "toolInputRules"
  readonly default: "command" | "fileChange" | "toolInput"
  readonly conditions: ReadonlyArray<string>
  /** Conditions on fields that these requests do not have. */
  readonly empty: ReadonlyArray<string>
}

const kinds: ReadonlyArray<Kind> = [
  { key: "commandRules", default: "command", conditions: common, empty: [] },
  {
    key: "fileChangeRules",
    default: "fileChange",
    conditions: [...common, "grantRootPresent"],
    empty: ["commandRegex", "cwdPrefix", "hasProposedExecpolicy"]
  },
  {
    key: "toolInputRules",
    default: "toolInput",
    conditions: [...common, "questionIdRegex"],
    empty: ["commandRegex", "cwdPrefix", "hasProposedExecpolicy", "reasonRegex"]
  }
]

const makeConversion = () => {
  const problems: Array<{ readonly path: string; readonly description: string }> = []
  const warnings: Array<RubricWarning> = []
  const problem = (path: string, description: string) => void problems.push({ path, description })
  const warn = (code: RubricWarning["code"], path: string, description: string) =>
    void warnings.push({ code, path, description })

  // The fields by their names in camelCase.
  const fieldsOf = (value: Fields, path: string): Fields => {
    const fields = new Map<string, unknown>()
    for (const [key, field] of Object.entries(value)) {
      const name = camelCase(key)
      if (fields.has(name)) problem(`${path}${key}`, `it stands there in another spelling, ${name}, too`)
      fields.set(name, field)
    }
    return Object.fromEntries(fields)
  }

  const ignore = (fields: Fields, known: ReadonlyArray<string>, path: string) => {
    for (const key of Object.keys(fields)) {
      if (!known.includes(key)) warn("ignored", `${path}${key}`, "this field is unknown and is ignored")
    }
  }

  const rubric = (value: unknown): unknown => {
    if (!isFields(value)) {
      problem("", "a rubric is an object")
      return undefined
    }
    const fields = fieldsOf(value, "")
    const sections = kinds.map(({ key }) => key)
    ignore(fields, ["systemRubric", "mode", "useLlmJudge", "defaults", "audit", ...sections], "")
    if (fields.mode === undefined) {
      warn(
        "permissive",
        "mode",
        "no mode: everything that no rule declines is accepted. Set mode to balanced or strict"
      )
    } else {
      warn("meansMore", "mode", "here the mode decides if no rule matches and there is no default")
    }
    if (fields.useLlmJudge === true) {
      warn("meansMore", "useLlmJudge", "here rules decide before the judge; the Python SDK ignores them")
    }
    if (fields.audit !== undefined) warn("meansMore", "audit", "these settings take effect here")
    const defaults = defaultsOf(fields.defaults)
    return {
      ...pick(fields, "systemRubric", "useLlmJudge"),
      mode: fields.mode ?? "permissive",
      ...(isFields(fields.audit) ? { audit: fieldsOf(fields.audit, "audit.") } : pick(fields, "audit")),
      ...(defaults === undefined ? {} : { defaults }),
      ...Object.fromEntries(
        kinds.flatMap((kind) => {
          const found = rules(fields[kind.key], kind)
          return found === undefined ? [] : [[kind.key, found]]
        })
      )
    }
  }

  const defaultsOf = (value: unknown): unknown => {
    if (!isFields(value)) return value
    const fields = fieldsOf(value, "defaults.")
    ignore(fields, ["command", "fileChange", "toolInput"], "defaults.")
    return Object.fromEntries(
      kinds.flatMap((kind) => {
        const given = fields[kind.default]
        const { decision } = given === undefined ? {} : decisionOf(given, kind, `defaults.${kind.default}`)
        return decision === undefined ? [] : [[kind.default, decision]]
      })
    )
  }

  const rules = (value: unknown, kind: Kind): unknown => {
    if (!Array.isArray(value)) return value
    return value.flatMap((given: unknown, index): ReadonlyArray<unknown> => {
      const path = `${kind.key}[${index}]`
      if (isFields(given)) return [rule(fieldsOf(given, `${path}.`), kind, path)]
      warn("ignored", path, "this rule is not an object and is ignored")
      return []
    })
  }

  const rule = (fields: Fields, kind: Kind, path: string): unknown => {
    ignore(fields, ["name", "priority", "when", "decision", "reason"], `${path}.`)
    const told = fields.decision === undefined ? {} : decisionOf(fields.decision, kind, `${path}.decision`)
    return {
      ...pick(fields, "name", "priority", "reason"),
      ...told,
      ...bounded(
        fields.when === undefined ? undefined : whenOf(fields.when, kind, `${path}.when`, accepts(told.decision)),
        kind,
        path,
        told.decision !== undefined && accepts(told.decision)
      )
    }
  }

  // In the Python SDK, a rule matches commands in any folder by default. Here, it must say so.
  const bounded = (when: unknown, kind: Kind, path: string, isAccept: boolean): { readonly when?: unknown } => {
    const needsBounds = kind.key === "commandRules" && isAccept && (when === undefined || isFields(when))
    if (!needsBounds || (isFields(when) && when.cwdWithin !== undefined)) return when === undefined ? {} : { when }
    warn(
      "meansMore",
      path,
      "this rule accepts commands in any folder, and the model chooses the folder. Give it a cwd_prefix"
    )
    return { when: { ...(isFields(when) ? when : {}), anywhere: true } }
  }

  const whenOf = (value: unknown, kind: Kind, path: string, sure: boolean): unknown => {
    if (!isFields(value)) return value
    return Object.fromEntries(
      Object.entries(fieldsOf(value, `${path}.`)).map(([key, field]) => {
        const place = `${path}.${key}`
        if (!kind.conditions.includes(key)) problem(place, "this condition is unknown for rules of this kind")
        if (kind.empty.includes(key))
          warn("neverMatches", place, "such requests do not have the field of this condition")
        if (key !== "cwdPrefix") return [key, regexes.includes(key) ? regex(field, place, sure) : field]
        warn("meansMore", place, "here this is a folder, not the beginning of a name: /repo-evil is not in /repo")
        return ["cwdWithin", field]
      })
    )
  }

  const regex = (value: unknown, path: string, sure: boolean): unknown => {
    if (typeof value !== "string") return value
    return Result.match(PythonRegex.translate(value), {
      onFailure: (construct) => {
        problem(path, `${construct} has no exact counterpart here`)
        return undefined
      },
      onSuccess: ({ asciiBoundary, pattern }) => {
        if (asciiBoundary) warn("regex", path, "\\b knows only ASCII letters and may match more")
        if (sure) {
          warn(
            "regex",
            path,
            path.endsWith("commandRegex")
              ? "a rule that accepts must match all of each part of the command, without the shell around it, and spell out its options"
              : "a rule that accepts must match all of it"
          )
        }
        return pattern
      }
    })
  }

  const decisionOf = (
    value: unknown,
    kind: Kind,
    path: string
  ): { readonly decision?: unknown; readonly reason?: unknown } => {
    if (isFields(value) && value.decision !== undefined) {
      return { ...decisionOf(value.decision, kind, path), ...pick(value, "reason") }
    }
    if (kind.default === "toolInput")
      return isFields(value) ? { decision: { answers: answersOf(value.answers, path) } } : { decision: value }
    if (value === "auto_empty") {
      warn("meansMore", path, "auto_empty is not a decision of this kind, so the default applies")
      return {}
    }
    if (!isFields(value)) return { decision: value }
    const { acceptWithExecpolicyAmendment: amendment, applyNetworkPolicyAmendment: network } = fieldsOf(
      value,
      `${path}.`
    )
    if (isFields(amendment)) return { decision: { acceptWithExecpolicyAmendment: amendment.execpolicy_amendment } }
    if (isFields(network)) return { decision: { applyNetworkPolicyAmendment: network.network_policy_amendment } }
    return { decision: value }
  }

  const answersOf = (value: unknown, path: string): unknown => {
    const entries: ReadonlyArray<readonly [string, unknown]> = Array.isArray(value)
      ? value.flatMap((answer: unknown) =>
          isFields(answer) && typeof answer.id === "string" ? [[answer.id, answer.answers] as const] : []
        )
      : isFields(value)
        ? Object.entries(value).map(([id, answer]) => [id, isFields(answer) ? answer.answers : answer] as const)
        : []
    return Object.fromEntries(
      entries.map(([id, texts]) => {
        const list: ReadonlyArray<unknown> = Array.isArray(texts) ? texts : [texts]
        const kept = list.filter(Predicate.isString)
        if (kept.length < list.length)
          warn("ignored", `${path}.answers.${id}`, "answers that are not strings are omitted")
        return [id, { answers: kept }]
      })
    )
  }

  return { rubric, problems, warnings }
}

const accepts = (decision: unknown): boolean =>
  decision === undefined || (decision !== "decline" && decision !== "cancel")

const pick = (fields: Fields, ...keys: ReadonlyArray<string>): Fields =>
  Object.fromEntries(keys.flatMap((key) => (fields[key] === undefined ? [] : [[key, fields[key]]])))
