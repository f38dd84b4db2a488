/**
 * Reads a configuration file: its settings, and the mistakes in it. Loaded only if there is such a file.
 */
import * as Result from "effect/Result"
import * as Yaml from "yaml"
import { nearest } from "./editDistance.ts"

export interface Mistake {
  readonly line: number | undefined
  readonly path: string
  readonly description: string
  readonly didYouMean?: string | undefined
}

type Value = string | number | boolean | ReadonlyArray<string>

export interface Settings {
  readonly [name: string]: Value
}

/** How the value of a setting looks. */
type Kind = "switch" | "count" | "text" | "folder" | "folders" | "program" | ReadonlyArray<string>

interface Known {
  readonly [name: string]: { readonly kind: Kind }
}

const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== ""

const check = (value: unknown, kind: Kind): Result.Result<Value, Omit<Mistake, "line" | "path">> => {
  if (kind === "switch") {
    return typeof value === "boolean" ? Result.succeed(value) : Result.fail({ description: "must be true or false" })
  }
  if (kind === "count") {
    return Number.isSafeInteger(value) && typeof value === "number" && value > 0
      ? Result.succeed(value)
      : Result.fail({ description: "must be a whole number above zero" })
  }
  if (kind === "folders") {
    const all: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
    return all.every(isText) ? Result.succeed(all) : Result.fail({ description: "must be a list of folders" })
  }
  if (typeof kind !== "string") {
    if (isText(value) && kind.includes(value)) return Result.succeed(value)
    const didYouMean = isText(value) ? nearest(value, kind) : undefined
    return Result.fail({ description: `must be one of ${kind.join(", ")}`, didYouMean })
  }
  // YAML reads `90` as a number.
  const text = typeof value === "number" && kind === "text" ? String(value) : value
  return isText(text) ? Result.succeed(text) : Result.fail({ description: "must be a text" })
}

interface Read {
  /** The settings at the top of the file. */
  readonly top: Settings
  /** Those of the profile. */
  readonly chosen: Settings
  readonly mistakes: ReadonlyArray<Mistake>
}

/** Reads the whole file, and chooses a profile. */
export const read = (text: string, profile: string | undefined, known: Known): Read => {
  const mistakes: Array<Mistake> = []
  const lines = new Yaml.LineCounter()
  const parsed = Result.try(() =>
    Yaml.parseDocument(text.replace(/^\uFEFF/, ""), {
      lineCounter: lines,
      logLevel: "error",
      prettyErrors: false,
      schema: "core",
      stringKeys: true,
      uniqueKeys: true
    })
  )
  if (Result.isFailure(parsed)) {
    return { top: {}, chosen: {}, mistakes: [{ line: undefined, path: "", description: "it cannot be read as YAML" }] }
  }
  const document = parsed.success
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    mistakes.push({ line: lines.linePos(pos[0]).line, path: "", description: message })
  }
  if (mistakes.length > 0) return { top: {}, chosen: {}, mistakes }

  const lineOf = (node: unknown): number | undefined =>
    Yaml.isNode(node) && node.range != null ? lines.linePos(node.range[0]).line : undefined
  const entriesOf = (node: unknown, path: string): ReadonlyArray<readonly [string, unknown, number | undefined]> => {
    if (node == null || (Yaml.isScalar(node) && node.value === null)) return []
    if (!Yaml.isMap(node)) {
      const description = path === "" ? "a configuration has settings such as model: NAME" : "must be a map"
      mistakes.push({ line: lineOf(node), path, description })
      return []
    }
    return node.items.map(({ key, value }) => [Yaml.isScalar(key) ? String(key.value) : "", value, lineOf(key)])
  }
  const valueOf = (node: unknown): unknown => (Yaml.isNode(node) ? node.toJS(document) : undefined)

  const settingsOf = (node: unknown, path: string, others: ReadonlyArray<string>): Settings => {
    const settings: Record<string, Value> = {}
    for (const [name, value, line] of entriesOf(node, path)) {
      if (others.includes(name)) continue
      const place = path === "" ? name : `${path}.${name}`
      const setting = Object.entries(known).find(([key]) => key === name)?.[1]
      if (setting === undefined) {
        const didYouMean = nearest(name, [...Object.keys(known), ...others])
        mistakes.push({ line, path: place, description: "there is no such setting", didYouMean })
        continue
      }
      const checked = check(valueOf(value), setting.kind)
      if (Result.isFailure(checked)) mistakes.push({ line, path: place, ...checked.failure })
      else settings[name] = checked.success
    }
    return settings
  }

  const { contents } = document
  const top = settingsOf(contents, "", ["profiles"])
  const profiles = entriesOf(Yaml.isMap(contents) ? contents.get("profiles", true) : undefined, "profiles")
  // Checks all profiles, not only the chosen one.
  const all = new Map(profiles.map(([name, node]) => [name, settingsOf(node, `profiles.${name}`, [])]))
  const chosen = profile === undefined ? {} : all.get(profile)
  if (chosen === undefined && mistakes.length === 0) {
    const names = all.size === 0 ? "The file has no profiles" : `The file has ${[...all.keys()].join(", ")}`
    const description = `there is no profile ${JSON.stringify(profile)}. ${names}`
    mistakes.push({ line: undefined, path: "", description, didYouMean: nearest(profile ?? "", all.keys()) })
  }
  return { top, chosen: chosen ?? {}, mistakes }
}
