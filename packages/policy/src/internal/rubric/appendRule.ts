/**
 * The text of a rubric with one more rule for commands, so that everything else in it stays as a person wrote it.
 *
 * It makes candidates, best first, and promises nothing: the caller reads a candidate again and compares.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Yaml from "yaml"
import type { CommandRule } from "../../Rule.ts"

const endLine = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`)

// The lines of the rule as an entry of a list whose dashes stand below each other.
const entryOf = (rule: CommandRule, column: number): string => {
  const lines = Yaml.stringify(rule, { lineWidth: 0 }).trimEnd().split("\n")
  return lines.map((line, index) => `${" ".repeat(column)}${index === 0 ? "- " : "  "}${line}\n`).join("")
}

// Below the last rule of a list, without touching a line that is there; or as a list of its own at the end.
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

// With the library's own layout: its comments and its order stay, its spaces may not.
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

/** The texts that may be the rubric with the rule at the end of its rules for commands. */
export const candidates = (
  text: string,
  format: "json" | "yaml" | "toml",
  rule: CommandRule
): ReadonlyArray<string> => {
  // Written with line feeds alone, and then as the file has its lines.
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
