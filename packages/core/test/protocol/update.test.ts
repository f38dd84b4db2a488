import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Bundle } from "../../scripts/codegen/Bundle.ts"
import { type JsonSchema, read } from "../../scripts/codegen/Node.ts"
import * as Methods from "../../src/protocol/generated/Methods.ts"
import { compareEditions } from "../../scripts/update/changes.ts"
import * as Documents from "../../scripts/update/documents.ts"
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
        name: "Client requests",
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

describe("what it writes into the documents", () => {
  it("is the version where it is the pinned one, and not where a fact was seen", () => {
    const text =
      "| 0.1 | codex 1.0.0 | … |\nConnected to codex 1.0.0.\nSeen on codex 1.0.0, once.\n由 codex 1.0.0 生成。"
    expect(Documents.repin(text, "1.0.0", "1.1.0")).toBe(
      "| 0.1 | codex 1.1.0 | … |\nConnected to codex 1.1.0.\nSeen on codex 1.0.0, once.\n由 codex 1.1.0 生成。"
    )
    expect(Documents.repin('"@openai/codex": "1.0.0",', "1.0.0", "1.1.0")).toBe('"@openai/codex": "1.1.0",')
  })

  it("is a row for each method, where its table has it", () => {
    const text = "# A\n| x |\n|---|\n| `a` | `g.a` | `py` |\n| `c` | `request` |  |\n\n# B\n|---|\n| `d` | `g.d` |  |\n"
    expect(Documents.reconcile(text, ["b", "a"], ["a", "b", "d", "e"])).toBe(
      "# A\n| x |\n|---|\n| `a` | `g.a` | `py` |\n| `b` | `request` |  |\n\n# B\n|---|\n| `d` | `g.d` |  |\n| `e` | `requestExperimental` |  |\n"
    )
    // Those that are here have all rows, so that nothing moves without a change.
    for (const file of ["../../../../docs/api.md", "../../../../docs/zh/api.md"]) {
      const document = readFileSync(fileURLToPath(new URL(file, import.meta.url)), "utf8")
      const [stable, experimental] = [Methods.clientRequests, Methods.experimentalClientRequests].map(Object.keys)
      expect(Documents.reconcile(document, stable ?? [], experimental ?? [])).toBe(document)
    }
  })

  it("is the new transcript between the same words, unless it has other lines", () => {
    const text = 'First\n> {"a":1}\nthen\n< {"b":1}\n'
    expect(Documents.rerecord(text, ['> {"a":2}', '< {"b":2}'])).toBe('First\n> {"a":2}\nthen\n< {"b":2}\n')
    expect(Documents.rerecord(text, ['> {"a":2}'])).toBeUndefined()
  })

  it("is an entry for the changelog that names methods", () => {
    const text = Documents.changeset("1.0.0", "1.1.0", compared)
    expect(text).toContain("The protocol is that of codex 1.1.0; it was that of 1.0.0.")
    expect(text).toContain("New methods: `fs/move`. Removed methods: `fs/remove`.")
  })
})

describe("what it leaves to a person", () => {
  it("is said for methods, for requests of the server, and for members that the code names", () => {
    expect(Documents.decisions(compared)).toEqual(["Give fs/move a function in api/, or leave it to `request`"])
    const now = {
      ...after,
      definitions: new Map([
        ...after.definitions,
        ["CodexErrorInfo", { description: undefined, node: read({ enum: ["a", "b"] }, "CodexErrorInfo") }] as const
      ]),
      serverRequests: [{ method: "item/ask", params: "FsCopyParams", optional: false }]
    }
    const old = {
      ...after,
      definitions: new Map([
        ...after.definitions,
        ["CodexErrorInfo", { description: undefined, node: read({ enum: ["a"] }, "CodexErrorInfo") }] as const
      ])
    }
    expect(Documents.decisions(compareEditions(editions("1.0.0", old), editions("1.1.0", now)))).toEqual([
      "Say who decides on item/ask: FsCopyParams and how it is declined, in internal/approval/answer.ts",
      'Name the reason "b" of a failed turn, in CodexError.ts, wireErrors.ts and docs/errors.md'
    ])
  })
})
