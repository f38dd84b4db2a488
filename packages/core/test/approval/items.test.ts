import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { makeItemsInProgress } from "../../src/internal/approval/items.ts"
import type { ThreadItem } from "../../src/protocol/generated/Experimental.ts"

const change = (path: string): ThreadItem => ({
  type: "fileChange",
  id: "same",
  changes: [{ path, kind: { type: "add" }, diff: "" }],
  status: "inProgress"
})
const safe = change("/safe")
const evil = change("/evil")

describe("law 6: an id that two items have at once", () => {
  it("is ambiguous until both are completed, as nothing says which of them is left", () => {
    const items = makeItemsInProgress()
    items.started("thread", safe)
    expect(items.get("thread", "same")).toBe(safe)
    items.started("thread", evil)
    expect(items.get("thread", "same")).toBe("ambiguous")
    items.completed("thread", safe)
    expect(items.get("thread", "same")).toBe("ambiguous")
    expect(items.working()).toBe(1)
    items.completed("thread", evil)
    expect(items.get("thread", "same")).toBeUndefined()
    expect(items.working()).toBe(0)
    items.started("thread", evil)
    expect(items.get("thread", "same")).toBe(evil)
  })

  it.prop(
    "never has an item, whatever the order",
    { steps: Schema.Array(Schema.Literals(["start", "complete"])) },
    ({ steps }) => {
      const items = makeItemsInProgress()
      let open = 0
      let most = 0
      for (const step of steps) {
        if (step === "start") {
          items.started("thread", safe)
          open++
          most = Math.max(most, open)
        } else {
          items.completed("thread", safe)
          open = Math.max(0, open - 1)
        }
        if (open === 0) most = 0
        expect(items.get("thread", "same")).toBe(open === 0 ? undefined : most > 1 ? "ambiguous" : safe)
        expect(items.working()).toBe(open === 0 ? 0 : 1)
      }
    }
  )
})
