import { describe, expect, it } from "@effect/vitest"
import { judge, type Sample } from "./measure.ts"

const at = (done: number, differs: Partial<Sample> = {}): Sample => ({
  fibers: 18,
  handles: 14,
  files: 30,
  processes: 2,
  folders: 1,
  entries: 3,
  tables: { joined: 3 },
  remembered: 0,
  done,
  seconds: 0,
  heap: 30,
  rss: 130,
  server: 100,
  failed: 0,
  ...differs
})
const limits = { heap: 0.3, rss: 2 }
const wrong = (...rows: ReadonlyArray<Sample>) => judge("turns", rows, limits).wrong

describe("the judge of a soak", () => {
  it("finds nothing wrong with what stays, shrinks, or goes up and down", () => {
    expect(wrong(at(0), at(1000, { fibers: 17 }), at(2000, { heap: 34, rss: 150 }), at(3000), at(4000))).toEqual([])
  })

  it("finds one fiber, handle, file, process, folder or entry too many, and names the table", () => {
    for (const key of ["fibers", "handles", "files", "processes", "folders"] as const)
      expect(wrong(at(0), at(10, { [key]: at(0)[key] + 1 }))).toEqual([
        `${key} grew from ${at(0)[key]} to ${at(0)[key] + 1} after 10 turns`
      ])
    expect(wrong(at(0), at(10, { entries: 4, tables: { joined: 3, routes: 1 } }))).toEqual([
      "entries grew from 3 to 4 after 10 turns: routes 1"
    ])
  })

  it("finds a heap that grows steadily after its first third, and an outlier does not hide it", () => {
    const rows = Array.from({ length: 12 }, (_, index) => at(index * 1000, { heap: 30 + index * 0.5 }))
    expect(wrong(...rows)).toEqual(["heap grows by 0.500 MB for each 1,000 turns; the limit is 0.3"])
    expect(wrong(...rows.with(11, at(11_000, { heap: 10 })))).toHaveLength(1)
    expect(wrong(...rows.map((row) => ({ ...row, remembered: row.done })))).toEqual([])
    expect(judge("turns", rows, undefined)).toEqual({ lines: [], wrong: [] })
  })
})
