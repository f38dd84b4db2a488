import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { curves } from "../curves.ts"
import { filesOf, measuredFile } from "../document.ts"
import { read } from "../measured.ts"
import { sections } from "../sections.ts"

const docs = path.join(import.meta.dirname, "..", "..", "docs")
const onDisk = (name: string) => readFileSync(path.join(docs, name), "utf8")

describe("the documents", () => {
  const files = filesOf(read(onDisk(measuredFile), sections, curves))

  // If this fails: `npm run bench -- --docs`, or measure what is new.
  it("match what the bench generates from the stored numbers", () => {
    for (const [name, text] of files) expect(onDisk(name), name).toBe(text)
  })

  it("have every section, row and plot", () => {
    const rows = (text: string) => text.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    const text = files.get("benchmarks.md") ?? ""
    for (const { title } of [...sections, ...curves]) expect(text).toContain(`# ${title.en}\n`)
    const goals = sections.flatMap((section) => section.rows.filter(({ goal }) => goal !== undefined))
    const all = sections.flatMap((section) => [section.title, ...section.rows])
    expect(rows(text).length).toBeGreaterThan(goals.length + all.length)
    expect(rows(files.get("zh/benchmarks.md") ?? "")).toHaveLength(rows(text).length)
  })

  it("have a reason for every target that is missed", () => {
    const missed = /## Missed targets\n\n([\s\S]*?)\n\n## /.exec(files.get("benchmarks.md") ?? "")?.[1] ?? ""
    for (const line of missed.split("\n")) expect(line).toMatch(/^(- .+\): .+\.|None\.)$/)
  })

  it("show no NaN or infinity", () => {
    for (const [name, text] of files) expect(text, name).not.toContain("NaN")
  })
})
