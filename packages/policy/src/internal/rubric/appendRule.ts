/**
 * Adds a rule for commands to the text of a rubric, and leaves the rest of the text as its author wrote it.
 *
 * It returns candidates, best first, without a guarantee: the caller must parse a candidate and compare the result.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Yaml from "yaml"
import type { CommandRule } from "../../Rule.ts"

const endLine = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`)

// The lines of the rule as an entry of a list whose dashes stand at this column.
const entryOf = (rule: CommandRule, column: number): string => {
  const lines = Yaml.stringify(rule, { lineWidth: 0 }).trimEnd().split("\n")
  return lines.map((line, index) => `${" ".repeat(column)}${index === 0 ? "- " : "  "}${line}\n`).join("")
}

// Inserts the rule after the last one of the list without touching an existing line, or adds a new list at the end.
const insertInYaml = (text: string, document: Yaml.Document.Parsed, rule: CommandRule): string | undefined => {
  const rules: unknown = document.get("commandRules", true)
  if (rules === undefined) return `${endLine(text)}commandRules:\n${entryOf(rule, 2)}`
  if (!Yaml.isSeq(rules) || rules.flow === true || rules.range == null) return undefined
  const last: unknown = rules.items.at(-1)
  if (!Yaml.isNode(last) || last.range == null) return undefined
  const [start] = rules.range
  const end = text.slice(0, last.range[1]).trimEnd().length
  const lineEnd = text.indexOf("\n", end)
  const [before, after] = lineEnd === -1 ? [`${text}\n`, ""] : [text.slice(0, lineEnd + 1), text.slice(lineEnd + 1)]
  return `${before}${entryOf(rule, start - (text.lastIndexOf("\n", start - 1) + 1))}${after}`
}

// Uses the layout of the YAML library: comments and order stay, spacing may change.
const rewriteYaml = (document: Yaml.Document.Parsed, rule: CommandRule): string => {
  document.addIn(["commandRules"], document.createNode(rule))
  return document.toString({ lineWidth: 0 })
}

const candidatesOfYaml = (text: string, rule: CommandRule): ReadonlyArray<string> => {
  const parse = () => Yaml.parseDocument(text, { merge: false })
  const inserted = Result.try(() => insertInYaml(text, parse(), rule))
  const rewritten = Result.try(() => rewriteYaml(parse(), rule))
  return [inserted, rewritten].flatMap((candidate) =>
    Result.isSuccess(candidate) && candidate.success !== undefined ? [candidate.success] : []
  )
}

const candidatesOfJson = (text: string, rule: CommandRule): ReadonlyArray<string> => {
  const value = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(value) || !Predicate.isReadonlyObject(value.success)) return []
  const rules: unknown = value.success["commandRules"]
  const all: ReadonlyArray<unknown> = Array.isArray(rules) ? [...rules, rule] : [rule]
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? "  "
  const json = JSON.stringify({ ...value.success, commandRules: all }, undefined, indent)
  return [text.endsWith("\n") ? `${json}\n` : json]
}

const tomlValue = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`
  if (!Predicate.isReadonlyObject(value)) return JSON.stringify(value)
  return `{ ${Object.entries(value)
    .map(([key, field]) => `${key} = ${tomlValue(field)}`)
    .join(", ")} }`
}

const candidatesOfToml = (text: string, rule: CommandRule): ReadonlyArray<string> => {
  const fields = Object.entries(rule).map(([key, value]) => `${key} = ${tomlValue(value)}\n`)
  return [`${endLine(text)}${text === "" ? "" : "\n"}[[commandRules]]\n${fields.join("")}`]
}

/** Candidates for the text of the rubric with the rule at the end of its rules for commands. */
export const candidates = (
  text: string,
  format: "json" | "yaml" | "toml",
  rule: CommandRule
): ReadonlyArray<string> => {
  // Edit with line feeds only, then restore the line endings of the file.
  const normal = text.replaceAll("\r\n", "\n")
  const restore = (candidate: string) => (normal === text ? candidate : candidate.replaceAll("\n", "\r\n"))
  switch (format) {
    case "json":
      return candidatesOfJson(normal, rule).map(restore)
    case "yaml":
      return candidatesOfYaml(normal, rule).map(restore)
    case "toml":
      return candidatesOfToml(normal, rule).map(restore)
  }
}
