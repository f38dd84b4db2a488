/**
 * A toolkit that asks a service: one tool that works, one that dies and one that takes its time.
 */
import { MockModel } from "@effect-codex/core/testing"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

export class Stock extends Context.Service<Stock, { readonly of: (sku: string) => Effect.Effect<number, string> }>()(
  "Stock"
) {}

const Lookup = Tool.make("lookup", {
  description: "How many pieces of an article are in stock",
  parameters: Schema.Struct({ sku: Schema.String, atLeast: Schema.optionalKey(Schema.FiniteFromString) }),
  success: Schema.Struct({ pieces: Schema.Finite, enough: Schema.Boolean }),
  failure: Schema.String,
  dependencies: [Stock]
})
const Broken = Tool.make("broken", { description: "Never works", success: Schema.String })
const Slow = Tool.make("slow", { description: "Takes its time", success: Schema.String })

export const toolkit = Toolkit.make(Lookup, Broken, Slow)

/** The handlers; `slow` never ends by itself. */
export const handlers = (slow: Effect.Effect<string> = Effect.never) =>
  toolkit.toLayer({
    lookup: Effect.fnUntraced(function* ({ atLeast, sku }) {
      const stock = yield* Stock
      const pieces = yield* stock.of(sku)
      return { pieces, enough: pieces >= (atLeast ?? 1) }
    }),
    broken: () => Effect.die(new Error("the secret is 42")),
    slow: () => slow
  })

/** Seven pieces of each article, but of `none`. */
export const stock = Layer.succeed(Stock)({
  of: (sku) => (sku === "none" ? Effect.fail("no such article") : Effect.succeed(7))
})

/** What the model got back for its last call, in the nth request. */
export const output = (index: number) =>
  Effect.flatMap(MockModel.MockModel, (model) =>
    Effect.map(model.request(index), ({ lastToolOutput }) => lastToolOutput?.output ?? "")
  )
