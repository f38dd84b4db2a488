import { expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Salvage from "../../src/protocol/Salvage.ts"
import { fuzzLeaves } from "./leaves.ts"

it("law 16: no spoiled leaf costs an item, the end of a turn or an approval, or has one accepted that should not be", () => {
  const counts = fuzzLeaves({ seed: 1, count: 20_000 })
  expect(counts.leaves).toBeGreaterThanOrEqual(20_000)
  expect(counts.items).toBeGreaterThan(0)
  expect(counts.declined).toBeGreaterThan(0)
  // It computes all the time, and a busy machine has little of that.
}, 180_000)

it("nothing is thrown, however many leaves of a message can't be read", () => {
  const Wide = Schema.Struct({ items: Schema.Array(Schema.Struct({ a: Schema.optional(Schema.String) })) })
  const count = 200_000
  const salvaged = Salvage.salvage(Wide.ast, { items: Array.from({ length: count }, () => ({ a: 1 })) }, () => false)
  expect(salvaged?.unreadable).toHaveLength(count)
  expect(salvaged?.unreadable.at(-1)).toBe(`items[${count - 1}].a`)
})
