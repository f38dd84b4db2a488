import { describe, expect, it } from "@effect/vitest"
import { type Bundle, checkFields, checkMethods, flatten, readBundle } from "../../scripts/codegen/Bundle.ts"
import { direct, directionsOf } from "../../scripts/codegen/directions.ts"
import { checkAdditive, experimentalFieldsOf, leftovers } from "../../scripts/codegen/generate.ts"
import {
  deadlineOf,
  pairResponses,
  readEnvelopes,
  unusedDeadlines,
  unusedResponses
} from "../../scripts/codegen/methods.ts"
import { type JsonSchema, read } from "../../scripts/codegen/Node.ts"
import { closures, comment, printDefinition } from "../../scripts/codegen/print.ts"
import { correct, rename } from "../../scripts/codegen/supplement.ts"

const request = (method: string, params: string | undefined = undefined) => ({ method, params, optional: false })

const object = (properties: Readonly<Record<string, JsonSchema>>, ...required: ReadonlyArray<string>): JsonSchema => ({
  type: "object",
  properties,
  required
})

describe("pairing a method with its response", () => {
  const defined =
    (...names: ReadonlyArray<string>) =>
    (name: string) =>
      names.includes(name)

  it("goes by the name of the parameters, else by hand", () => {
    const pairs = pairResponses([request("a/b", "AbParams"), request("c/d")], defined("AbResponse", "Cd"), {
      "c/d": "Cd"
    })
    expect([...pairs]).toStrictEqual([
      ["a/b", "AbResponse"],
      ["c/d", "Cd"]
    ])
  })

  it("fails on a method whose response is not known", () => {
    expect(() => pairResponses([request("a/b", "AbParams")], defined(), {})).toThrow(
      "The response of a/b is not known: AbResponse. See `responses` in packages/core/scripts/codegen/methods.ts."
    )
    expect(() => pairResponses([request("a/b")], defined("AbResponse"), {})).toThrow("The response of a/b is not known")
  })

  it("fails on an override that is not needed, or leads nowhere, and passes over one of a method that is gone", () => {
    const all = defined("AbResponse", "Other")
    expect(() => pairResponses([request("a/b", "AbParams")], all, { "a/b": "Other" })).toThrow("The override of a/b")
    expect([...pairResponses([request("a/b", "AbParams")], all, { gone: "Other" }).keys()]).toEqual(["a/b"])
    expect(unusedResponses([request("a/b")], { gone: "Other", "a/b": "Other" })).toEqual(["gone"])
    expect(() => pairResponses([request("a/b")], all, { "a/b": "Nothing" })).toThrow("Nothing, which does not exist")
  })
})

describe("deadline classes", () => {
  const table = { "a/": "control", "a/b/": "open", "a/b": "own" } as const

  it("go by the exact name, then by the longest prefix", () => {
    expect(["a/x", "a/b", "a/b/x"].map((method) => deadlineOf(method, table))).toStrictEqual(["control", "own", "open"])
  })

  it("must be given to every method", () => {
    for (const method of ["b/x", "ab", "toString"]) {
      expect(() => deadlineOf(method, table)).toThrow(
        `The method ${method} has no deadline class. Add it, or a prefix that covers it, to \`deadlines\``
      )
    }
  })

  it("must be used", () => {
    expect(unusedDeadlines(["a/x", "a/b"], table)).toStrictEqual(["a/b/"])
  })
})

describe("reading", () => {
  it("refuses what it does not understand", () => {
    for (const schema of [
      { not: { type: "string" } },
      { $ref: "#/definitions/Other", properties: {} },
      { allOf: [{ type: "string" }, { type: "number" }] },
      { type: "object", properties: { a: {} }, additionalProperties: { type: "string" } },
      { type: "tuple" },
      { enum: [{}] },
      { enum: [null] },
      { oneOf: [{ type: "object", properties: {} }, { enum: [[]] }] },
      false
    ]) {
      expect(() => read(schema as JsonSchema, "Thing"), JSON.stringify(schema)).toThrow(/^Thing.*Teach/)
    }
  })

  it("reads enums of strings, of numbers, of both, and with null among them", () => {
    const values = (...known: ReadonlyArray<unknown>) => ({ _tag: "Enum", values: known })
    expect(read({ enum: [1, 2] }, "Thing")).toStrictEqual(values(1, 2))
    expect(read({ enum: ["a", 1, true] }, "Thing")).toStrictEqual(values("a", 1, true))
    expect(read({ const: 1 }, "Thing")).toStrictEqual(values(1))
    expect(read({ enum: ["a", null] }, "Thing")).toStrictEqual({ _tag: "Nullable", node: values("a") })
    expect(read({ oneOf: [{ enum: ["a"] }, { const: 2 }, { enum: [null] }] }, "Thing")).toStrictEqual({
      _tag: "Nullable",
      node: values("a", 2)
    })
  })

  it("reads several types, tuples, and shapes without a type, and leaves bounds aside", () => {
    const string = { _tag: "String" }
    const number = { _tag: "Number", safeInteger: false }
    expect(read({ type: ["string", "number"] }, "Thing")).toStrictEqual({ _tag: "Union", members: [string, number] })
    expect(read({ type: ["string", "number", "null"] }, "Thing")).toStrictEqual({
      _tag: "Nullable",
      node: { _tag: "Union", members: [string, number] }
    })
    expect(read({ type: "array", items: [{ type: "string" }, { type: "number" }] }, "Thing")).toStrictEqual({
      _tag: "Array",
      item: { _tag: "Union", members: [string, number] }
    })
    expect(read({ properties: { a: { type: "string" } } }, "Thing")).toMatchObject({ _tag: "Struct" })
    expect(read({ items: { type: "string" } }, "Thing")).toStrictEqual({ _tag: "Array", item: string })
    expect(read({ type: "string", pattern: "^a" }, "Thing")).toStrictEqual(string)
  })

  it("tells members apart by a string that each has alone, and by nothing else", () => {
    const member = (mode: string) =>
      object({ version: { enum: [1] }, kind: { enum: ["x"] }, mode: { enum: [mode] } }, "version", "kind", "mode")
    expect(read({ oneOf: [member("show"), member("hide")] }, "Thing")).toMatchObject({ _tag: "Tagged", tag: "mode" })
    const numbered = (version: number) => object({ version: { enum: [version] } }, "version")
    expect(read({ oneOf: [numbered(1), numbered(2)] }, "Thing")).toMatchObject({ _tag: "Union" })
  })

  it("gives properties beside a union to each member", () => {
    const node = read(
      {
        ...object({ id: { type: "string" } }, "id"),
        oneOf: [object({ type: { type: "string", enum: ["a"] } }, "type")]
      },
      "Thing"
    )
    expect(node).toMatchObject({
      _tag: "Tagged",
      tag: "type",
      members: [{ fields: [{ name: "type" }, { name: "id", optional: false }] }],
      shared: [{ name: "id" }]
    })
  })

  it("fails on a request whose parameters have no name", () => {
    const envelope = object({ method: { type: "string", enum: ["a"] }, params: object({}) }, "method", "params")
    expect(() => readEnvelopes({ oneOf: [envelope] }, "ClientRequest")).toThrow(
      "the parameters of a are not a reference"
    )
  })

  it("fails on a name with two meanings, and on one that the generated modules need", () => {
    const v2 = { A: { type: "string" } }
    expect(flatten({ A: { type: "string" }, v2 } as never)).toStrictEqual(v2)
    expect(() => flatten({ A: { type: "number" }, v2 } as never)).toThrow("A is defined twice, and differently")
    const none = { clientRequests: [], serverRequests: [], notifications: [], declarationOf: () => undefined }
    expect(() => readBundle({ Schema: { type: "string" } }, none)).toThrow("A definition cannot be called Schema")
  })

  it("fails when the two sources differ in their methods", () => {
    expect(() => checkMethods("notifications", [request("a")], ["a", "b"])).toThrow("notifications missing: b")
    expect(() => checkMethods("notifications", [request("a"), request("b")], ["a"])).toThrow("notifications surplus: b")
    expect(() => checkMethods("notifications", [request("a"), request("a")], ["a"])).toThrow("notifications twice: a")
  })
})

describe("what the JSON Schema has wrong", () => {
  const declarationOf = () => `export type Thing = {
/** foo: not a field */
"turnId": string, item?: number, }`

  it("is found by comparing the names of fields with the binary's TypeScript", () => {
    const string: JsonSchema = { type: "string" }
    expect(() => checkFields("Thing", object({ turnId: string, item: string }), { declarationOf })).not.toThrow()
    expect(() => checkFields("Thing", object({ turn_id: string }), { declarationOf })).toThrow(
      "Thing has no turn_id in"
    )
    expect(() => checkFields("Thing", { oneOf: [object({ foo: string })] }, { declarationOf })).toThrow("has no foo in")
  })

  it("is corrected, and a correction that is not needed fails", () => {
    const entry = (...names: ReadonlyArray<string>): JsonSchema => ({
      oneOf: [object(Object.fromEntries(names.map((name) => [name, { type: "string" }])), ...names)]
    })
    expect(rename(entry("item_id", "turn_id", "type"), new Set(["itemId", "turn_id"]))).toStrictEqual(
      entry("itemId", "turn_id", "type")
    )
    expect(() => correct("AppsConfig", { type: "object", additionalProperties: true })).toThrow("is right now")
    expect(correct("Other", entry("item_id"))).toStrictEqual(entry("item_id"))
  })
})

describe("the editions", () => {
  const bundle = (definitions: Readonly<Record<string, JsonSchema>>): Bundle => ({
    definitions: new Map(
      Object.entries(definitions).map(([name, schema]) => [name, { description: undefined, node: read(schema, name) }])
    ),
    clientRequests: [],
    serverRequests: [],
    notifications: [],
    clientNotifications: []
  })

  it("leave a step for each decision that is about nothing any more", () => {
    const steps = leftovers({ experimental: bundle({}) })
    expect(steps).toContain(
      "Remove the response of config/value/write from codegen/methods.ts: there is no such method"
    )
    expect(steps).toContain("Remove the deadline class of turn/start from codegen/methods.ts: no method has it")
    expect(steps).toContain(
      "Remove the correction of AppsConfig from codegen/supplement.ts: there is no such definition"
    )
  })

  it("must not require more in experimental than in stable", () => {
    const stable = bundle({ A: object({ a: { type: "string" } }, "a") })
    const optional = bundle({ A: object({ a: { type: "string" }, b: { type: "string" } }, "a") })
    const required = bundle({ A: object({ a: { type: "string" }, b: { type: "string" } }, "a", "b") })
    expect(() => checkAdditive({ stable, experimental: optional })).not.toThrow()
    expect(() => checkAdditive({ stable, experimental: required })).toThrow("requires A.b")
  })

  it("differ in fields of parameters, by which the experimental ones are known", () => {
    const stable = bundle({ A: object({ a: { type: "string" } }), B: { type: "string" } })
    const experimental = bundle({
      A: object({ a: { type: "string" }, b: { type: "string" } }),
      B: { type: "string" },
      C: object({ c: { type: "string" } })
    })
    expect(experimentalFieldsOf("A", { stable, experimental })).toEqual(["b"])
    expect(experimentalFieldsOf("A", { stable, experimental: stable })).toEqual([])
    for (const other of ["B", "C", undefined]) expect(experimentalFieldsOf(other, { stable, experimental })).toEqual([])
  })
})

it("a description cannot end its comment", () => {
  expect(comment("glob **/*.ts */ x")).toBe("/** glob **\\/*.ts *\\/ x */\n")
})

it("a definition that leads back to itself is suspended", () => {
  const definitions = new Map(
    Object.entries({
      Tree: object({
        leaf: { $ref: "#/definitions/Leaf" },
        branches: { type: "array", items: { $ref: "#/definitions/Tree" } }
      }),
      Leaf: { type: "string" } as const
    }).map(([name, schema]) => [name, { description: undefined, node: read(schema, name) }])
  )
  const tree = definitions.get("Tree")
  const reached = closures(definitions)
  const text =
    tree &&
    printDefinition("Tree", tree, {
      open: false,
      nameOf: (name) => name,
      isSuspended: (name) => reached.get(name)?.has("Tree") === true
    })
  expect(text).toContain("leaf: Schema.optional(Leaf())")
  expect(text).toContain("branches: Schema.optional(Schema.Array(Schema.suspend(Tree)))")
  expect(text).toContain("readonly branches?: ReadonlyArray<Tree> | undefined")
})

describe("what a definition is for", () => {
  const schemas: Readonly<Record<string, JsonSchema>> = {
    Mode: { enum: ["fast", "slow", 3] },
    Kept: { type: "string" },
    AskParams: object({ mode: { $ref: "#/definitions/Mode" }, kept: { $ref: "#/definitions/Kept" } }, "mode"),
    AskResponse: object({ mode: { $ref: "#/definitions/Mode" } }, "mode"),
    Order: { enum: ["up", "down"] },
    ListParams: object({ order: { $ref: "#/definitions/Order" } }),
    ListResponse: object({ count: { type: "number" } })
  }
  const bundle: Bundle = {
    definitions: new Map(
      Object.entries(schemas).map(([name, schema]) => [name, { description: undefined, node: read(schema, name) }])
    ),
    clientRequests: [request("a/ask", "AskParams"), request("a/list", "ListParams")],
    serverRequests: [],
    notifications: [],
    clientNotifications: []
  }
  const responses = new Map([
    ["a/ask", "AskResponse"],
    ["a/list", "ListResponse"]
  ])
  const directed = direct(bundle.definitions, directionsOf(bundle, responses))
  const print = (name: string) => {
    const definition = directed.get(name)
    if (definition === undefined) return undefined
    return printDefinition(name, definition, { open: definition.open, nameOf: (ref) => ref, isSuspended: () => false })
  }

  it("opens what the server says and closes what a client sends", () => {
    expect(print("Mode")).toContain(`export type Mode = "fast" | "slow" | 3 | (string & {}) | (number & {})`)
    expect(print("Mode")).toContain("Schema.Union([Schema.String, Schema.Finite])")
    expect(print("Order")).toContain(`export type Order = "up" | "down"\n`)
    expect(print("Order")).toContain(`Schema.Literals(["up", "down"])`)
  })

  it("prints what is for both twice, if it differs", () => {
    expect(print("KnownMode")).toContain(`export type KnownMode = "fast" | "slow" | 3\n`)
    expect(print("AskParams")).toContain("readonly mode: KnownMode")
    expect(print("AskParams")).toContain("readonly kept?: Kept")
    expect(print("AskResponse")).toContain("readonly mode: Mode")
    expect(directed.has("KnownKept")).toBe(false)
  })

  it("fails on a name that is taken", () => {
    const taken = new Map([...bundle.definitions, ["KnownMode", { description: undefined, node: read({}, "x") }]])
    expect(() => direct(taken, directionsOf(bundle, responses))).toThrow("two definitions called KnownMode")
  })
})
