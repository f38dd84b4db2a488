/** Owners of a store in memory, over the real codex and a scripted model. */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { execFileSync } from "node:child_process"
import * as Durable from "../src/Durable.ts"
import * as MemoryStore from "../src/MemoryStore.ts"
import type { SessionSpec } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"

export const spec = (changes?: Partial<SessionSpec>): SessionSpec => ({
  tenant: "test",
  policy: "all",
  tools: [],
  workspace: "work",
  thread: { sandbox: "workspace-write", approvalPolicy: "on-request" },
  onCrash: "continue",
  maxAttempts: 3,
  ...changes
})

export const layerStore = Sessions.layer.pipe(Layer.provideMerge(MemoryStore.layer))

export const layerOwner = (options?: Partial<Durable.Options>) =>
  Layer.unwrap(
    Effect.map(CodexTest.Home, ({ cwd, env }) =>
      Durable.layer({
        policies: { all: PolicyEngine.acceptAll, none: PolicyEngine.declineAll },
        workspace: () => Effect.succeed({ cwd }),
        codex: { cwd, env },
        ...options
      })
    )
  ).pipe(Layer.provide(NodeServices.layer))

/** Runs an effect while there is an owner. */
export const owning = <A, E, R>(effect: Effect.Effect<A, E, R>, options?: Partial<Durable.Options>) =>
  Effect.provide(effect, layerOwner(options))

/** The app-servers that this process has started. */
export const serversOf = (): ReadonlyArray<number> =>
  execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("app-server"))
    .map((line) => Number(line.trim().split(" ")[0]))

/** Kills the app-servers of this process, with SIGKILL. */
export const killServer = Effect.sync(() => {
  const found = serversOf()
  if (found.length === 0) throw new Error("no app-server runs")
  for (const pid of found) process.kill(pid, "SIGKILL")
})

/** Waits until no app-server of this process runs. */
export const noServer = Effect.repeat(Effect.sync(serversOf), {
  until: (pids) => pids.length === 0,
  schedule: Schedule.spaced("20 millis")
})
