/** A runner of a cluster in a process of its own: `runner.ts CONFIG`, a file with a `RunnerConfig`. */
import { PgClient } from "@effect/sql-pg"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { appendFileSync, readFileSync } from "node:fs"
import * as Cluster from "../../src/Cluster.ts"
import { Durable } from "../../src/Durable.ts"
import { Hooks } from "../../src/internal/owner/hooks.ts"
import * as PostgresStore from "../../src/PostgresStore.ts"
import { configOf } from "../postgres.ts"
import { owns, type RunnerConfig } from "./config.ts"

const config: RunnerConfig = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))

const Database = PgClient.layer(configOf(config.postgres.host, config.postgres.schema))
const Sockets = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", config.port)),
    shardsPerGroup: 30,
    shardLockExpiration: "6 seconds",
    refreshAssignmentsInterval: "500 millis",
    runnerHealthCheckInterval: "2 seconds",
    entityMessagePollInterval: "1 second",
    entityTerminationTimeout: "2 seconds"
  }
})
const hooks = Layer.succeed(Hooks)((point, { attempt, key, session }) =>
  Effect.sync(() => {
    if (point === "verdictUsed") appendFileSync(config.log, `${session} ${key} ${attempt}\n`)
  })
)
const Owner = Cluster.layer({
  policies: { all: PolicyEngine.acceptAll, ask: PolicyEngine.make({}) },
  workspace: () => Effect.succeed({ cwd: config.cwd }),
  codex: { cwd: config.cwd, env: config.env },
  lease: { duration: config.lease },
  sweepInterval: "1 second",
  concurrency: 8
}).pipe(
  Layer.provide(Layer.mergeAll(Sockets, PostgresStore.layer(), NodeServices.layer, hooks)),
  Layer.provide(Database)
)

Effect.flatMap(Durable, ({ lost }) => Effect.andThen(Console.log(owns), lost)).pipe(
  Effect.provide(Owner),
  NodeRuntime.runMain
)
