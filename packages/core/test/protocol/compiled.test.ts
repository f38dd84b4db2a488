/** A definition that is used often is compiled, which changes nothing but its speed. */
import { expect, it, vi } from "vitest"
import * as Experimental from "../../src/protocol/generated/Experimental.ts"
import * as Stable from "../../src/protocol/generated/Stable.ts"
import type { Lazy } from "../../src/protocol/Lazy.ts"
import { makeSample, randomOf, replace, spoils } from "./leaves.ts"

const compiled = vi.hoisted(() => ({ asts: new Set<unknown>() }))

vi.mock("effect/schema/SchemaJITCompiler", async (importOriginal) => {
  const original = await importOriginal<typeof import("effect/schema/SchemaJITCompiler")>()
  return {
    ...original,
    enable: (ast: Parameters<typeof original.enable>[0]) => {
      original.enable(ast)
      compiled.asts.add(ast)
    }
  }
})

const definitions: ReadonlyArray<Lazy<unknown>> = [
  ...new Set(
    [...Object.values(Stable), ...Object.values(Experimental)].flatMap((one) =>
      typeof one === "function" && "salvage" in one ? [one] : []
    )
  )
]

const read = (definition: Lazy<unknown>, value: unknown) => ({
  is: definition.is(value),
  decoded: definition.decode(value),
  salvaged: definition.salvage(value, (path) => path.endsWith("changes"))
})

it("every definition reads the same values alike before and after it is compiled", async () => {
  const random = randomOf(1)
  const before = definitions.map((definition) => {
    const { places, value } = makeSample(definition().ast, random)
    const spoiled = places
      .filter(() => random() < 4 / places.length)
      .map(({ path }) => replace(value, path, spoils[Math.floor(random() * spoils.length)]))
    const values = [value, ...spoiled]
    return { definition, values, results: values.map((one) => read(definition, one)) }
  })
  const isInterpreted = definitions.filter((definition) => !compiled.asts.has(definition().ast))
  expect(isInterpreted.length).toBeGreaterThan(500)
  for (const { definition, values } of before) for (let use = 0; use < 256; use++) definition.is(values[0])
  await vi.waitFor(() => expect(definitions.every((definition) => compiled.asts.has(definition().ast))).toBe(true), {
    timeout: 150_000
  })
  for (const { definition, results, values } of before) {
    expect(values.map((one) => read(definition, one))).toStrictEqual(results)
  }
  // It computes all the time, and a busy machine has little of that.
}, 180_000)
