import { expect, it } from "@effect/vitest"
import { fuzzLeaves } from "./leaves.ts"

it("law 16: no spoiled leaf costs an item, the end of a turn or an approval, or has one accepted that should not be", () => {
  const counts = fuzzLeaves({ seed: 1, count: 20_000 })
  expect(counts.leaves).toBeGreaterThanOrEqual(20_000)
  expect(counts.items).toBeGreaterThan(0)
  expect(counts.declined).toBeGreaterThan(0)
})
