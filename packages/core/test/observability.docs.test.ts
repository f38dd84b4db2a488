import { readFileSync } from "node:fs"
import * as path from "node:path"
import * as Telemetry from "@effect-codex/core/Telemetry"
import { describe, expect, it } from "@effect/vitest"
import * as Metric from "effect/Metric"

const root = path.join(import.meta.dirname, "..", "..", "..")
const read = (file: string) => readFileSync(path.join(root, file), "utf8")

const metrics = Object.values(Telemetry).flatMap((value) => (Metric.isMetric(value) ? [value] : []))

// The name that Prometheus has for a metric, without the unit and the suffixes that depend on who converts it.
const prometheusName = (id: string) => id.replaceAll(".", "_")

describe.each(["docs/observability.md", "docs/zh/observability.md"])("the table in %s", (document) => {
  it("has every metric", () => {
    const rows = Array.from(read(document).matchAll(/^\| `((?:codex|gen_ai|rpc)\.[a-z_.]+)` \|/gm), ([, name]) => name)
    expect(rows.filter((name) => name !== "codex.connect").toSorted()).toEqual(metrics.map(({ id }) => id).toSorted())
  })
})

describe("the dashboard", () => {
  const dashboard: { readonly panels: ReadonlyArray<{ readonly targets: ReadonlyArray<{ readonly expr: string }> }> } =
    JSON.parse(read("docs/observability/grafana-dashboard.json"))
  const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  const selectors = queries.flatMap((query) =>
    Array.from(query.matchAll(/__name__=~"([^"]+)"/g), ([, pattern]) => new RegExp(`^${pattern}$`))
  )
  // As Effect serves them, and as a collector converts them.
  const namesOf = ({ attributes, id, type }: (typeof metrics)[number]) => {
    const unit = { s: "_seconds", By: "_bytes" }[attributes?.["unit"] ?? ""] ?? ""
    const suffixes = type === "Histogram" ? ["_bucket", "_count", "_sum"] : ["", "_total"]
    return ["", unit].flatMap((unit) => suffixes.map((suffix) => `${prometheusName(id)}${unit}${suffix}`))
  }

  it("shows every metric", () => {
    for (const metric of metrics) {
      const names = namesOf(metric)
      expect(
        selectors.some((selector) => names.some((name) => selector.test(name))),
        metric.id
      ).toBe(true)
    }
  })

  it("asks for no metric that there is not", () => {
    const names = metrics.flatMap(namesOf)
    for (const selector of selectors)
      expect(
        names.some((name) => selector.test(name)),
        String(selector)
      ).toBe(true)
  })
})
