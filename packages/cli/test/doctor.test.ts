import { describe, expect, it } from "@effect/vitest"
import { known, type Outline } from "../src/Compatibility.ts"
import { judge, undescribed } from "../src/internal/doctor/binary.ts"

const other = (changes: Partial<Outline>): Outline => ({ ...known, version: "9.0.0", ...changes })

const withoutMethod = (name: string) =>
  Object.fromEntries(Object.entries(known.methods).filter(([method]) => method !== name))

describe("doctor, of a codex with another protocol", () => {
  it("finds nothing wrong with the same protocol, whatever the version is", () => {
    expect(judge(other({}))).toEqual({
      check: "protocol",
      status: "ok",
      summary: "codex 9.0.0 speaks the expected protocol"
    })
  })

  it("is content with a protocol that only has more, and lists it", () => {
    const finding = judge(other({ methods: { ...known.methods, "thread/dream": "request ThreadDreamParams" } }))
    expect(finding.status).toBe("ok")
    expect(finding.summary).toContain("1 new method,")
    expect(finding.details).toEqual(["+ method thread/dream"])
  })

  it("warns of a method that is gone and of a field that has changed", () => {
    const finding = judge(
      other({
        methods: withoutMethod("thread/archive"),
        shapes: { ...known.shapes, ThreadArchiveParams: [".id: string"] }
      })
    )
    expect(finding.status).toBe("warn")
    expect(finding.details).toEqual([
      "- method thread/archive",
      "- ThreadArchiveParams.threadId: string",
      "+ ThreadArchiveParams.id: string"
    ])
    expect(finding.advice).toContain(known.version)
  })

  it("fails where no turn could run", () => {
    expect(judge(other({ methods: withoutMethod("turn/start") })).status).toBe("fail")
  })
})

it("the rows of the table of versions that apply to a codex come first", () => {
  const finding = judge({ ...known, version: "0.160.1", methods: withoutMethod("modelProvider/list") })
  expect(finding).toMatchObject({
    status: "warn",
    advice: expect.stringContaining("The oldest codex that is expected")
  })
  expect(finding.details?.[0]).toMatch(/^missing \(added in /)
  expect(finding.details).toContainEqual(
    expect.stringMatching(/^missing \(added in 0\.169\.0\): .* modelProvider\/list, /)
  )
  expect(finding.details).toContain("still there (removed in 0.171.0): requests of the server currentTime/read")
  expect(finding.details).toContain("- method modelProvider/list")
})

it("the rows of the table of versions apply to a codex of the same protocol too", () => {
  const finding = judge({ ...known, version: "0.169.0" })
  expect(finding.status).toBe("ok")
  expect(finding.details).toContainEqual(
    expect.stringMatching(/^missing \(added in 0\.171\.0\): Some models are offered/)
  )
})

it("the rows of the table of versions apply to a codex that does not describe its protocol", () => {
  expect(undescribed("0.166.0").details).toContainEqual(
    expect.stringMatching(/^missing \(added in 0\.169\.0\): .* modelProvider\/list, /)
  )
  expect(undescribed("9.0.0").details).toBeUndefined()
})
