/**
 * What a person may fill in, and which consent may last: field by field, and program by program.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Field, Value } from "../src/HumanQuestion.ts"
import { collect, fieldOfQuestion, fieldsOfForm, problemOf, read } from "../src/internal/human/form.ts"
import { bounds } from "../src/internal/human/lasting.ts"

const field = (type: Field["type"], more: Partial<Field> = {}): Field => ({
  id: "f",
  label: "F",
  description: "",
  type,
  options: [],
  isOpen: true,
  isSecret: false,
  isRequired: false,
  minimum: undefined,
  maximum: undefined,
  ...more
})
const options = (...values: ReadonlyArray<string>) => values.map((value) => ({ value, label: value, description: "" }))

describe("a value of a field", () => {
  const between = { minimum: 2, maximum: 3 }
  const closed = { options: options("a", "b", "c", "d"), isOpen: false }

  it.each([
    ["yes", field("boolean"), true, undefined],
    ["no", field("boolean"), false, undefined],
    ["a word for yes", field("boolean"), "yes", "Type yes or no"],
    ["a number", field("number"), 1.5, undefined],
    ["a text for a number", field("number"), "1", "Type a number"],
    ["no number", field("number"), Number.NaN, "Type a number"],
    ["a number without end", field("number"), Number.POSITIVE_INFINITY, "Type a number"],
    ["a whole number", field("integer"), 1, undefined],
    ["a broken number for a whole one", field("integer"), 1.5, "Type a whole number"],
    ["a text for a whole number", field("integer"), "1", "Type a number"],
    ["the least number", field("number", between), 2, undefined],
    ["the greatest number", field("integer", between), 3, undefined],
    ["too small a number", field("number", between), 1.9, "Not less than 2"],
    ["too great a number", field("integer", between), 4, "Not more than 3"],
    ["choices", field("choices", closed), ["a", "d"], undefined],
    ["no choice", field("choices", closed), [], undefined],
    [
      "a choice that is none",
      field("choices", closed),
      ["a", "x"],
      "Type the numbers of options, with commas between them"
    ],
    [
      "a choice that is no text",
      field("choices", closed),
      [1],
      "Type the numbers of options, with commas between them"
    ],
    ["one text for choices", field("choices", closed), "a", "Type the numbers of options, with commas between them"],
    ["too few choices", field("choices", { ...closed, ...between }), ["a"], "Not less than 2 options"],
    ["too many choices", field("choices", { ...closed, ...between }), ["a", "b", "c", "d"], "Not more than 3 options"],
    ["enough choices", field("choices", { ...closed, ...between }), ["a", "b"], undefined],
    ["a text", field("text"), "x", undefined],
    ["a number for a text", field("text"), 1, "Type some text"],
    ["a list for a text", field("text"), ["x"], "Type some text"],
    ["the shortest text", field("text", between), "ab", undefined],
    ["too short a text, in letters", field("text", between), "\u{1f600}", "Not less than 2 characters"],
    ["too long a text", field("text", between), "abcd", "Not more than 3 characters"],
    ["an option", field("text", closed), "b", undefined],
    ["no option", field("text", closed), "x", "Type the number of one of the options"],
    ["no option where others are taken", field("text", { ...closed, isOpen: true }), "x", undefined],
    ["an option, however long", field("text", { ...closed, ...between }), "a", undefined],
    ["nothing", field("text"), undefined, "Type some text"],
    ["nothing for a yes", field("boolean"), null, "Type yes or no"]
  ] as ReadonlyArray<readonly [string, Field, unknown, string | undefined]>)("%s", (_, field, value, problem) =>
    expect(problemOf(field, value)).toBe(problem)
  )
})

describe("what is typed into a field", () => {
  const colors = options("Red", "1", "Blue")

  it.each([
    ["boolean", {}, " y ", true],
    ["boolean", {}, "YES", true],
    ["boolean", {}, "true", true],
    ["boolean", {}, "n", false],
    ["boolean", {}, "No", false],
    ["boolean", {}, "false", false],
    ["number", {}, "-1.50", -1.5],
    ["number", {}, "+2e3", 2000],
    ["number", {}, "1E-2", 0.01],
    ["integer", {}, "42", 42],
    ["text", {}, "  a b ", "a b"],
    ["text", { isSecret: true }, " a b ", " a b "],
    ["text", { options: colors, isOpen: false }, "2", "1"],
    ["text", { options: colors, isOpen: false }, "1", "Red"],
    ["text", { options: colors, isOpen: false }, "Blue", "Blue"],
    ["text", { options: colors, isOpen: true }, "Green", "Green"],
    ["text", { options: colors, isOpen: true }, "9", "9"],
    ["text", { options: colors, isOpen: true }, "1st", "1st"],
    ["choices", { options: colors, isOpen: false }, "1, 3", ["Red", "Blue"]],
    ["choices", { options: colors, isOpen: false }, " Blue ,2", ["Blue", "1"]],
    ["text", {}, "", undefined],
    ["boolean", {}, "   ", undefined]
  ] as ReadonlyArray<readonly [Field["type"], Partial<Field>, string, Value | undefined]>)(
    "%s %j: %j",
    (type, more, typed, value) => expect(read(field(type, more), typed)).toEqual(Result.succeed(value))
  )

  it.each([
    ["boolean", {}, "yes!", "Type yes or no"],
    ["boolean", {}, "nay", "Type yes or no"],
    ["boolean", {}, "a y", "Type yes or no"],
    ["number", {}, "0x10", "Type a number"],
    ["number", {}, "1.", "Type a number"],
    ["number", {}, "a1", "Type a number"],
    ["number", {}, "1 2", "Type a number"],
    ["number", {}, "1e999", "Type a number"],
    ["integer", {}, "Infinity", "Type a number"],
    ["text", { options: options("a"), isOpen: false }, "2", "Type the number of one of the options"],
    ["text", { options: options("a"), isOpen: false }, "0", "Type the number of one of the options"],
    [
      "choices",
      { options: options("a"), isOpen: false },
      "1,,1",
      "Type the numbers of options, with commas between them"
    ],
    ["text", { isRequired: true }, " ", "This one needs an answer"]
  ] as ReadonlyArray<readonly [Field["type"], Partial<Field>, string, string]>)(
    "%s %j: %j is refused",
    (type, more, typed, problem) => expect(read(field(type, more), typed)).toEqual(Result.fail(problem))
  )
})

describe("the values of fields", () => {
  const fields = [field("text", { id: "a", isRequired: true }), field("integer", { id: "b" })]

  it("are those of the fields, in the open", () => {
    const collected = collect(fields, { b: 1, a: Redacted.make("secret") })
    expect(Result.map(collected, (values) => Array.from(values))).toEqual(
      Result.succeed([
        ["a", "secret"],
        ["b", 1]
      ])
    )
    expect(Result.map(collect(fields, { a: "x" }), (values) => Array.from(values))).toEqual(
      Result.succeed([["a", "x"]])
    )
    expect(Result.map(collect([], undefined), (values) => values.size)).toEqual(Result.succeed(0))
  })

  it.each([
    ["one that is needed", { b: 1 }, "field 1 has no value"],
    ["all", undefined, "field 1 has no value"],
    ["the form of one", { a: "x", b: "1" }, "field 2 does not take that value"],
    ["the form of a secret one", { a: Redacted.make(1) }, "field 1 does not take that value"],
    ["the field of one", { a: "x", c: 1 }, "there is a value for a field that was not asked for"]
  ] as ReadonlyArray<readonly [string, { readonly [id: string]: Value } | undefined, string]>)(
    "are refused without %s",
    (_, values, problem) => expect(collect(fields, values)).toEqual(Result.fail(problem))
  )
})

describe("the field of a question of the agent", () => {
  it("takes a text, one of the options if there are some", () => {
    const question = { id: "q", header: "H\u202e", question: "a\nb", isOther: false, isSecret: true, options: null }
    const expected: Field = {
      id: "q",
      label: "H\\u{202e}",
      description: "a\nb",
      type: "text",
      options: [],
      isOpen: true,
      isSecret: true,
      isRequired: false,
      minimum: undefined,
      maximum: undefined
    }
    expect(fieldOfQuestion(question)).toEqual(expected)
    const offered = { ...question, isSecret: false, options: [{ label: "A\u202e", description: "d\nd" }] }
    const closed = {
      ...expected,
      isSecret: false,
      isOpen: false,
      options: [{ value: "A\u202e", label: "A\\u{202e}", description: "d\\u{a}d" }]
    }
    expect(fieldOfQuestion(offered)).toEqual(closed)
    expect(fieldOfQuestion({ ...offered, isOther: true })).toEqual({ ...closed, isOpen: true })
    expect(fieldOfQuestion({ ...offered, options: [] }).isOpen).toBe(true)
  })
})

describe("the fields of a form", () => {
  type Form = Parameters<typeof fieldsOfForm>[0]
  const of = (properties: object, required?: ReadonlyArray<string>) =>
    fieldsOfForm({ type: "object", properties, ...(required === undefined ? {} : { required }) } as unknown as Form)
  const one = (schema: object) => of({ f: schema })?.[0]

  it("have their names, texts, and whether they are needed", () => {
    const fields = of({ a: { type: "string", title: "T\u202e", description: "d\nd\u202e" }, b: { type: "boolean" } }, [
      "b"
    ])
    expect(fields).toEqual([
      field("text", { id: "a", label: "T\\u{202e}", description: "d\nd\\u{202e}" }),
      field("boolean", { id: "b", label: "b", isRequired: true })
    ])
    expect(of({ a: { type: "string" } })?.[0]?.isRequired).toBe(false)
  })

  it("have the bounds of their kind and no other", () => {
    const text = { minLength: 1, maxLength: 2, minimum: 3, maximum: 4, minItems: 5, maxItems: 6 }
    expect(one({ type: "string", ...text })).toMatchObject({ type: "text", minimum: 1, maximum: 2, isOpen: true })
    expect(one({ type: "integer", ...text })).toMatchObject({ type: "integer", minimum: 3, maximum: 4 })
    expect(one({ type: "number", minimum: null })).toEqual(field("number", { label: "f" }))
    expect(one({ type: "string", maxLength: null })).toEqual(field("text", { label: "f" }))
    expect(one({ type: "boolean", ...text })).toEqual(field("boolean", { label: "f" }))
    expect(one({ type: "array", items: { type: "string", enum: ["a"] }, ...text })).toEqual(
      field("choices", { label: "f", options: options("a"), isOpen: false, minimum: 5, maximum: 6 })
    )
  })

  it("offer options by their titles, and what is sent where that differs", () => {
    const titled = [
      { const: "a", title: "Alpha" },
      { const: "b", title: "b" }
    ]
    const shown = [
      { value: "a", label: "Alpha", description: "a" },
      { value: "b", label: "b", description: "" }
    ]
    expect(one({ type: "string", oneOf: titled })).toEqual(field("text", { label: "f", options: shown, isOpen: false }))
    expect(one({ type: "array", items: { anyOf: titled } })).toMatchObject({ type: "choices", options: shown })
    expect(one({ type: "string", enum: ["a", "b"], enumNames: ["Alpha"] })?.options).toEqual([
      { value: "a", label: "Alpha", description: "" },
      { value: "b", label: "b", description: "" }
    ])
    expect(one({ type: "string", enum: ["a"], enumNames: null })).toEqual(
      field("text", { label: "f", options: options("a"), isOpen: false })
    )
  })

  it("are none where one is not known", () => {
    expect(of({ a: { type: "string" }, b: { type: "picture" } })).toBeUndefined()
    expect(of({})).toEqual([])
  })

  it.each([
    ["password", true],
    ["passphrase", true],
    ["secretName", true],
    ["accessToken", true],
    ["credentials", true],
    ["apiKey", true],
    ["api_key", true],
    ["private-key", true],
    ["PIN", true],
    ["spinner", false],
    ["name", false]
  ])("hide what is typed into %s: %j", (id, isSecret) => {
    expect(of({ [id]: { type: "string" } })?.[0]?.isSecret).toBe(isSecret)
    expect(of({ f: { type: "string", title: id } })?.[0]?.isSecret).toBe(isSecret)
  })
})

describe("a consent that lasts", () => {
  it.each([
    "git add",
    "git stash",
    "npm test",
    "npm run build",
    "npm audit",
    "pnpm lint",
    "pnpm run x",
    "yarn list",
    "cargo clippy",
    "go vet",
    "tool check",
    "tool 7",
    "/opt/x/tool check",
    "C:\\x\\NPM.CMD test",
    "GIT.EXE status"
  ])("may be given to %s", (line) => expect(bounds(line.split(" "))).toBe(true))

  it.each([
    "",
    "tool",
    "tool -x",
    "tool --check",
    "tool ./x",
    "git push",
    "git",
    "git run",
    "npm run",
    "npm run-script",
    "npm run --x",
    "npm install",
    "pnpm exec x",
    "yarn add x",
    "bun test",
    "cargo run x",
    "go run x",
    "go generate",
    "rm x",
    "scp x y",
    "curl x",
    "helm x",
    "gcloud x",
    "pulumi x",
    "umount x",
    "brew install",
    "scoop install",
    "redis-cli x",
    "explorer x",
    "robocopy a b",
    "rundll32 x",
    "forfiles x",
    "/usr/bin/RM x",
    "C:\\x\\curl.exe x",
    "del.bat x",
    "format.com x",
    "net.ps1 x",
    "bash x",
    "node x",
    "sudo x",
    "env x"
  ])("may not be given to %j", (line) => expect(bounds(line.split(" "))).toBe(false))

  it("may not be given to nothing", () => expect(bounds([])).toBe(false))
})
