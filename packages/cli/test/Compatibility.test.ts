import { describe, expect, it } from "@effect/vitest"
import * as Compatibility from "../src/Compatibility.ts"

const request = (method: string, params: string) => ({
  properties: { method: { enum: [method] }, params: { $ref: `#/definitions/v2/${params}` } }
})

const bundle = (listParams: object, requests: ReadonlyArray<object> = [request("list", "ListParams")]) => ({
  definitions: {
    ClientRequest: { oneOf: requests },
    ServerNotification: { oneOf: [request("changed", "ListParams")] },
    v2: { ListParams: listParams }
  }
})

const outline = (schemas: object) => {
  const outline = Compatibility.outline("1.0.0", schemas)
  if (outline === undefined) throw new Error("no outline")
  return outline
}

const before = outline(
  bundle({
    type: "object",
    required: ["limit"],
    properties: { limit: { type: "integer" }, cursor: { type: ["string", "null"] } }
  })
)

describe("Compatibility", () => {
  it("outlines methods with the shape of their parameters, and shapes by their fields", () => {
    expect(before.methods).toEqual({ changed: "notification ListParams", list: "request ListParams" })
    expect(before.shapes).toEqual({ ListParams: [".cursor?: null|string", ".limit: integer"] })
  })

  it("outlines lists, maps, enums and variants by what is in them", () => {
    const { shapes } = outline(
      bundle({
        oneOf: [
          { properties: { type: { enum: ["text"] }, text: { type: "string" } }, required: ["type", "text"] },
          {
            properties: { type: { enum: ["many"] }, parts: { type: "array", items: { $ref: "#/definitions/v2/Part" } } }
          },
          { enum: ["none"], type: "string" },
          { properties: { byName: { type: "object", additionalProperties: { type: "number" } } }, required: ["byName"] }
        ]
      })
    )
    expect(shapes["ListParams"]).toEqual(
      [
        " = none",
        "<byName>.byName{}: number",
        "<many>.parts?[]: Part",
        "<many>.type? = many",
        "<text>.text: string",
        "<text>.type = text"
      ].sort()
    )
  })

  it("finds no difference between a protocol and itself", () => {
    const difference = Compatibility.compare(Compatibility.known, Compatibility.known)
    expect(Object.values(difference.methods).flat()).toEqual([])
    expect(Object.values(difference.shapes).flat()).toEqual([])
    expect(Compatibility.isBreaking(difference)).toBe(false)
  })

  it("tells what is new, gone and different, and that a field which has to be there now is a break", () => {
    const after = outline(
      bundle(
        {
          type: "object",
          required: ["limit", "cursor"],
          properties: { limit: { type: "integer" }, cursor: { type: "string" } }
        },
        [request("list/all", "ListParams")]
      )
    )
    const difference = Compatibility.compare(before, after)
    expect(difference.methods).toEqual({ added: ["list/all"], removed: ["list"], changed: [] })
    expect(difference.shapes.changed).toEqual([
      { name: "ListParams", removed: [".cursor?: null|string"], added: [".cursor: string"] }
    ])
    expect(Compatibility.isBreaking(difference)).toBe(true)
  })

  it("does not take what is only new for a break", () => {
    const after: Compatibility.Outline = {
      ...before,
      methods: { ...before.methods, search: "request SearchParams" },
      shapes: { ListParams: [...(before.shapes["ListParams"] ?? []), ".sort?: string"], SearchParams: [": object"] }
    }
    const difference = Compatibility.compare(before, after)
    expect(difference.methods.added).toEqual(["search"])
    expect(difference.shapes.added).toEqual(["SearchParams"])
    expect(Compatibility.isBreaking(difference)).toBe(false)
  })

  it("takes a new field for a break if it has to be sent, and not if it is received or may be left out", () => {
    const shapes = { ListParams: [": object"], ListResponse: [".data[]: string"] }
    const breaks = (changed: Compatibility.Outline["shapes"]) =>
      Compatibility.isBreaking(
        Compatibility.compare({ ...before, shapes }, { ...before, shapes: { ...shapes, ...changed } })
      )
    expect(breaks({ ListParams: [".projectId: string"] })).toBe(true)
    expect(breaks({ ListParams: [".ids[]: string"] })).toBe(true)
    expect(breaks({ ListParams: [".projectId?: string"] })).toBe(false)
    expect(breaks({ ListParams: [".filter?.kind: string"] })).toBe(false)
    expect(breaks({ ListResponse: [".data[]: string", ".total: integer"] })).toBe(false)
    expect(breaks({ ListResponse: [".items[]: string"] })).toBe(true)
  })

  it("takes no other file for a protocol", () => {
    for (const other of [
      undefined,
      null,
      1,
      "text",
      [],
      {},
      { definitions: {} },
      { definitions: { ClientRequest: 1 } }
    ]) {
      expect(Compatibility.outline("1.0.0", other)).toBeUndefined()
    }
  })
})
