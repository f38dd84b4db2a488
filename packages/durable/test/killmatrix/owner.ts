/** An owner of a store in a process of its own, which may be told where to die. */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as CoreTools from "@effect-codex/core/Tools"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { existsSync, readFileSync } from "node:fs"
import { flushCompileCache } from "node:module"
import * as Durable from "../../src/Durable.ts"
import { Hooks } from "../../src/internal/owner/hooks.ts"
import { strike } from "./kill.ts"
import { isHook, isOnWire, type Order } from "./points.ts"
import { layerStore } from "./store.ts"

const order: Order = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))

const toolkit = Toolkit.make(
  Tool.make("deploy", { description: "Deploys.", parameters: Schema.Struct({}), success: Schema.String })
)
const handlers = toolkit.toLayer({
  deploy: () =>
    Effect.suspend(() => {
      const isStruck = order.point === "toolRunning" && strike(order, process.pid)
      return isStruck ? Effect.never : Effect.succeed("deployed")
    })
})

const hooks = Layer.succeed(Hooks)((point, { key }) =>
  Effect.sync(() => {
    const place = order.point === "promptWithoutId" ? "turnReplied" : order.point
    if (key === "a" && point === place && (isHook(order.point) || order.point === "promptWithoutId")) {
      strike(order, process.pid)
    }
  })
)

const owner = Layer.unwrap(
  Effect.map(CoreTools.bind(toolkit), (deploy) =>
    Durable.layer({
      policies: { ask: PolicyEngine.make({ toolCall: () => Effect.succeed({ decision: "accept", by: "test" }) }) },
      tools: { deploy },
      workspace: () => Effect.succeed({ cwd: order.cwd }),
      codex: { cwd: order.cwd, env: order.env, binary: isOnWire(order.point) ? order.proxy : order.binary },
      parkAfter: "never",
      // The lease of an owner that is stopped has to end.
      ...(order.victim === "frozen" && !existsSync(order.marker) ? { lease: { duration: "4 seconds" } } : {})
    })
  )
).pipe(Layer.provide(Layer.mergeAll(handlers, hooks, layerStore(order), NodeServices.layer)))

// Whoever is killed writes no cache when it exits.
flushCompileCache()

Effect.flatMap(Durable.Durable, ({ lost }) => lost).pipe(Effect.provide(owner), NodeRuntime.runMain)
