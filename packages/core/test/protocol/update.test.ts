import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Bundle } from "../../scripts/codegen/Bundle.ts"
import { type JsonSchema, read } from "../../scripts/codegen/Node.ts"
import { compareEditions } from "../../scripts/update/changes.ts"
import { readFunctions, report } from "../../scripts/update/report.ts"

const bundle = (
  schemas: Readonly<Record<string, JsonSchema>>,
  methods: Readonly<Record<string, string | undefined>>
): Bundle => ({
  definitions: new Map(
    Object.entries(schemas).map(([name, schema]) => [name, { description: undefined, node: read(schema, name) }])
  ),
  clientRequests: Object.entries(methods).map(([method, params]) => ({ method, params, optional: false })),
  serverRequests: [],
  notifications: [],
  clientNotifications: []
})

const text: JsonSchema = { type: "string" }
const object = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: ReadonlyArray<string> = []
): JsonSchema => ({
  type: "object",
  properties,
  required
})
const item = (...kinds: ReadonlyArray<JsonSchema>): JsonSchema => ({ oneOf: kinds })
const kind = (type: string, properties: Readonly<Record<string, JsonSchema>> = {}): JsonSchema =>
  object({ type: { type: "string", enum: [type] }, ...properties }, ["type"])

const before = bundle(
  {
    FsCopyParams: object({ from: text, to: text }, ["from"]),
    FsCopyResponse: object({}),
    FsRemoveParams: object({ path: text }),
    FsRemoveResponse: object({}),
    ThreadReadParams: object({}),
    ThreadReadResponse: object({ items: { type: "array", items: { $ref: "#/definitions/Item" } } }),
    Item: item(kind("text", { text }), kind("image"))
  },
  { "fs/copy": "FsCopyParams", "fs/remove": "FsRemoveParams", "thread/read": "ThreadReadParams" }
)
const after = bundle(
  {
    FsCopyParams: object({ from: text, to: { type: "boolean" }, force: { type: "boolean" } }, ["from"]),
    FsCopyResponse: object({}),
    FsMoveParams: object({}),
    FsMoveResponse: object({}),
    ThreadReadParams: object({}),
    ThreadReadResponse: object({ items: { type: "array", items: { $ref: "#/definitions/Item" } } }),
    Item: item(kind("text", { text }), kind("sound", { url: text }))
  },
  { "fs/copy": "FsCopyParams", "fs/move": "FsMoveParams", "thread/read": "ThreadReadParams" }
)

const editions = (version: string, stable: Bundle, experimental = stable) => ({ version, stable, experimental })
const compared = compareEditions(editions("1.0.0", before), editions("1.1.0", after))

describe("a comparison of two versions of the protocol", () => {
  it("finds nothing between a version and itself", () => {
    expect(compareEditions(editions("1.0.0", before), editions("1.0.0", before))).toEqual({
      methods: [],
      shapes: [],
      affected: []
    })
  })

  it("tells which methods were added and removed", () => {
    expect(compared.methods).toEqual([
      {
        name: "What a client asks",
        changes: [
          { sign: "-", text: "fs/remove: FsRemoveParams" },
          { sign: "+", text: "fs/move: FsMoveParams" }
        ]
      }
    ])
  })

  it("tells changed shapes by field and by member", () => {
    const changesOf = (name: string) => compared.shapes.find((shape) => shape.name === name)?.changes
    expect(changesOf("FsCopyParams")).toEqual([
      { sign: "~", text: "to: optional string → optional boolean" },
      { sign: "+", text: "force: optional boolean" }
    ])
    expect(changesOf("Item")).toEqual([
      { sign: "-", text: '"image"' },
      { sign: "+", text: '"sound"' }
    ])
    expect(changesOf("FsRemoveParams")).toEqual([{ sign: "-", text: "the whole" }])
    expect(changesOf("ThreadReadResponse")).toBeUndefined()
  })

  it("follows a changed shape to the methods that lead to it", () => {
    expect(compared.affected).toEqual([
      { method: "fs/copy", causes: ["FsCopyParams"] },
      { method: "fs/move", causes: ["added"] },
      { method: "fs/remove", causes: ["removed"] },
      { method: "thread/read", causes: ["Item"] }
    ])
  })

  it("says of a change in one edition which one it is", () => {
    const { methods, shapes } = compareEditions(editions("1.0.0", before), editions("1.1.0", before, after))
    expect(methods[0]?.changes).toContainEqual({ sign: "+", text: "fs/move: FsMoveParams (experimental)" })
    expect(shapes.find(({ name }) => name === "FsCopyParams")?.changes).toContainEqual({
      sign: "+",
      text: "force: optional boolean (experimental)"
    })
  })
})

describe("its report", () => {
  const functions = readFunctions(
    readFileSync(fileURLToPath(new URL("../../../../docs/api.md", import.meta.url)), "utf8")
  )
  const lines = report("1.0.0", "1.1.0", compared, functions).split("\n")

  it("names the functions by the table of the documents", () => {
    expect(lines).toContain("  - fs.remove")
    expect(lines).toContain("  ~ fs.copy: FsCopyParams")
    expect(lines).toContain("  ~ thread.read: Item")
    expect(lines).toContain("  + fs/move")
  })

  it("ends with the counts", () => {
    expect(lines.at(-1)).toBe("2 changes of methods, 6 changed shapes, 4 affected methods")
  })
})
