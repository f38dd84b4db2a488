import { expect, it, vi } from "vitest"

const built = vi.hoisted(() => ({ count: 0 }))

// Every schema that a definition builds goes through one of these.
vi.mock("effect/Schema", async (importOriginal) => {
  const original = await importOriginal<typeof import("effect/Schema")>()
  const counted = <F extends (...args: Array<never>) => unknown>(make: F) =>
    new Proxy(make, {
      apply: (target, self, args) => {
        built.count++
        return Reflect.apply(target, self, args)
      }
    })
  return {
    ...original,
    Struct: counted(original.Struct),
    Union: counted(original.Union),
    Record: counted(original.Record),
    Array: counted(original.Array),
    optional: counted(original.optional),
    NullOr: counted(original.NullOr)
  }
})

// Of each of the four fields that all definitions share: an optional and a nullable schema.
const shared = 8

it("importing the protocol builds only shared fields, and a value builds the schemas that it needs, once", async () => {
  await import("../../src/protocol/Protocol.ts")
  const { TurnStartedNotification } = await import("../../src/protocol/generated/Stable.ts")
  expect(built.count).toBe(shared)
  const check = (...items: ReadonlyArray<unknown>) => {
    const turn = { id: "1", items, itemsView: "full", status: "inProgress" }
    expect(TurnStartedNotification.is({ threadId: "1", turn })).toBe(true)
    return built.count
  }
  const withoutItems = check()
  expect(withoutItems).toBeGreaterThan(shared)
  expect(check()).toBe(withoutItems)
  const withAnItem = check({ type: "contextCompaction", id: "1" })
  expect(withAnItem).toBeGreaterThan(withoutItems)
  expect(check({ type: "contextCompaction", id: "1" })).toBe(withAnItem)
})
