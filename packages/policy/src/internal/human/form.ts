/**
 * The fields that a person fills in: the values that each accepts, and how they are parsed from the input.
 *
 * It knows the agent's questions and the forms of MCP servers. It does not know how an answer is used.
 */
import * as Display from "@effect-codex/core/Display"
import type { Params } from "@effect-codex/core/PolicyEngine"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Field, FieldOption, Value } from "../../HumanQuestion.ts"
import type { Question } from "../../UserInput.ts"

const isSecretName = /passw|passphrase|secret|token|credential|api.?key|private.?key|\bpin\b/i

/** The reason why a value is invalid; `undefined` if it is valid. Never contains the value. */
export const problemOf = (field: Field, value: unknown): string | undefined => {
  const { isOpen, options, type } = field
  const fits = (size: number, what: string): string | undefined => {
    if (field.minimum !== undefined && size < field.minimum) return `Not less than ${field.minimum}${what}`
    return field.maximum !== undefined && size > field.maximum ? `Not more than ${field.maximum}${what}` : undefined
  }
  const isOption = (text: string): boolean => options.some(({ value }) => value === text)
  if (type === "boolean") return typeof value === "boolean" ? undefined : "Type yes or no"
  if (type === "integer" || type === "number") {
    if (typeof value !== "number" || !Number.isFinite(value)) return "Type a number"
    return type === "integer" && !Number.isInteger(value) ? "Type a whole number" : fits(value, "")
  }
  if (type === "choices") {
    if (!Array.isArray(value) || !value.every((text) => typeof text === "string" && isOption(text))) {
      return "Type the numbers of options, with commas between them"
    }
    return fits(value.length, " options")
  }
  if (typeof value !== "string") return "Type some text"
  if (options.length > 0 && !isOpen && !isOption(value)) return "Type the number of one of the options"
  return options.length > 0 ? undefined : fits(Array.from(value).length, " characters")
}

/** Parses a value from the input; an empty line means no value. */
export const read = (field: Field, typed: string): Result.Result<Value | undefined, string> => {
  const trimmed = typed.trim()
  if (trimmed === "") return field.isRequired ? Result.fail("This one needs an answer") : Result.succeed(undefined)
  const value = parse(field, field.isSecret ? typed : trimmed)
  const problem = problemOf(field, value)
  return problem === undefined ? Result.succeed(value) : Result.fail(problem)
}

const parse = ({ options, type }: Field, text: string): Exclude<Value, Redacted.Redacted> => {
  // A number selects by position first, since another option may be called `1`.
  const pick = (text: string): string => (/^\d+$/.test(text) ? options[Number(text) - 1]?.value : undefined) ?? text
  switch (type) {
    case "boolean":
      return /^(?:y|yes|true)$/i.test(text) ? true : /^(?:n|no|false)$/i.test(text) ? false : text
    case "integer":
    case "number":
      return /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : text
    case "choices":
      return text.split(",").map((part) => pick(part.trim()))
    case "text":
      return pick(text)
  }
}

/** The checked values of all fields that have one, with secrets unwrapped. */
export const collect = (
  fields: ReadonlyArray<Field>,
  values: { readonly [id: string]: Value } | undefined
): Result.Result<ReadonlyMap<string, Exclude<Value, Redacted.Redacted>>, string> => {
  const given = new Map(Object.entries(values ?? {}))
  const collected = new Map<string, Exclude<Value, Redacted.Redacted>>()
  for (const [index, field] of fields.entries()) {
    const value = given.get(field.id)
    given.delete(field.id)
    if (value === undefined) {
      if (field.isRequired) return Result.fail(`field ${index + 1} has no value`)
      continue
    }
    const open = Redacted.isRedacted(value) ? Redacted.value(value) : value
    if (problemOf(field, open) !== undefined) return Result.fail(`field ${index + 1} does not take that value`)
    collected.set(field.id, open)
  }
  return given.size === 0
    ? Result.succeed(collected)
    : Result.fail("there is a value for a field that was not asked for")
}

const shownOption = (value: string, label: string, description: string): FieldOption => ({
  value,
  label: Display.line(label),
  description: Display.line(description)
})

/** The field for a question of the agent. */
export const fieldOfQuestion = ({ header, id, isOther, isSecret, options, question }: Question): Field => ({
  id,
  label: Display.line(header),
  description: Display.block(question),
  type: "text",
  options: (options ?? []).map(({ description, label }) => shownOption(label, label, description)),
  isOpen: isOther === true || (options ?? []).length === 0,
  isSecret: isSecret === true,
  isRequired: false,
  minimum: undefined,
  maximum: undefined
})

type Form = Extract<Params["elicitation"], { readonly mode: "form" }>["requestedSchema"]

/** The fields of an MCP server's form; `undefined` if one of them is of an unknown kind. */
export const fieldsOfForm = ({ properties, required }: Form): ReadonlyArray<Field> | undefined => {
  const fields = Object.entries(properties).map(([id, schema]) =>
    fieldOfProperty(id, schema, required?.includes(id) === true)
  )
  return fields.every(Predicate.isNotUndefined) ? fields : undefined
}

const fieldOfProperty = (id: string, schema: Form["properties"][string], isRequired: boolean): Field | undefined => {
  const common = {
    id,
    label: Display.line(schema.title ?? id),
    description: Display.block(schema.description ?? ""),
    isSecret: isSecretName.test(`${id} ${schema.title ?? ""}`),
    isRequired
  }
  const closed = (
    type: "text" | "choices",
    options: ReadonlyArray<FieldOption>,
    minimum?: number | null,
    maximum?: number | null
  ): Field => ({
    ...common,
    type,
    options,
    isOpen: false,
    minimum: minimum ?? undefined,
    maximum: maximum ?? undefined
  })
  const titled = (options: ReadonlyArray<{ readonly const: string; readonly title: string }>) =>
    options.map(({ const: value, title }) => shownOption(value, title, title === value ? "" : value))
  const untitled = (values: ReadonlyArray<string>, names?: ReadonlyArray<string> | null) =>
    values.map((value, index) => shownOption(value, names?.[index] ?? value, ""))

  if ("items" in schema) {
    const options = "anyOf" in schema.items ? titled(schema.items.anyOf) : untitled(schema.items.enum)
    return closed("choices", options, schema.minItems, schema.maxItems)
  }
  if ("oneOf" in schema) return closed("text", titled(schema.oneOf))
  if ("enum" in schema)
    return closed("text", untitled(schema.enum, "enumNames" in schema ? schema.enumNames : undefined))
  const open = (type: "text" | "integer" | "number" | "boolean", minimum?: number | null, maximum?: number | null) => ({
    ...closed("text", [], minimum, maximum),
    type,
    isOpen: true
  })
  switch (schema.type) {
    case "boolean":
      return open("boolean")
    case "integer":
    case "number":
      return open(
        schema.type === "integer" ? "integer" : "number",
        "minimum" in schema ? schema.minimum : undefined,
        "maximum" in schema ? schema.maximum : undefined
      )
    case "string":
      return open(
        "text",
        "minLength" in schema ? schema.minLength : undefined,
        "maxLength" in schema ? schema.maxLength : undefined
      )
    default:
      return undefined
  }
}
