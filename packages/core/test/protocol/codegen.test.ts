import { describe, expect, it } from "@effect/vitest"
import { type Bundle, checkFields, checkMethods, flatten, readBundle } from "../../scripts/codegen/Bundle.ts"
import { checkAdditive, experimentalFieldsOf, generate } from "../../scripts/codegen/generate.ts"
import { deadlineOf, pairResponses, readEnvelopes, unusedDeadlines } from "../../scripts/codegen/methods.ts"
import { type JsonSchema, read } from "../../scripts/codegen/Node.ts"
import { closures, comment, printDefinition } from "../../scripts/codegen/print.ts"
import { correct } from "../../scripts/codegen/supplement.ts"

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

  it("fails on an override that is not needed, or leads nowhere", () => {
    const all = defined("AbResponse", "Other")
    expect(() => pairResponses([request("a/b", "AbParams")], all, { "a/b": "Other" })).toThrow("The override of a/b")
    expect(() => pairResponses([request("a/b", "AbParams")], all, { gone: "Other" })).toThrow("The override of gone")
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
      { type: "string", pattern: "a" },
      { type: ["string", "number"] },
      { allOf: [{ type: "string" }, { type: "number" }] },
      { type: "object", properties: { a: {} }, additionalProperties: { type: "string" } },
      { type: "tuple" },
      { properties: {} },
      { enum: [1] },
      false
    ]) {
      expect(() => read(schema as JsonSchema, "Thing"), JSON.stringify(schema)).toThrow(/^Thing.*Teach/)
    }
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
    expect(correct("ThreadRealtimeItem", entry("item_id", "turn_id", "type"))).toStrictEqual(
      entry("itemId", "turnId", "type")
    )
    expect(() => correct("ThreadRealtimeItem", entry("itemId", "turn_id"))).toThrow(
      "ThreadRealtimeItem has no item_id any more."
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

  it("without the methods that the tables are about are refused", () => {
    const empty = bundle({})
    expect(() => generate({ version: "1.0.0", stable: empty, experimental: empty })).toThrow("The override of")
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
      isRecursive: (name) => reached.get(name)?.has("Tree") === true
    })
  expect(text).toContain("leaf: Schema.optional(Leaf())")
  expect(text).toContain("branches: Schema.optional(Schema.Array(Schema.suspend(Tree)))")
  expect(text).toContain("readonly branches?: ReadonlyArray<Tree> | undefined")
})
