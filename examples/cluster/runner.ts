/** One machine of the cluster: it runs the sessions of its shards, on a codex home of its own. */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Cluster from "@effect-codex/durable/Cluster"
import * as Durable from "@effect-codex/durable/Durable"
import * as PostgresStore from "@effect-codex/durable/PostgresStore"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

const Database = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })

const Machines = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", Number(process.argv[2]))),
    // Shorter than the defaults, so that sessions move soon.
    shardLockExpiration: "6 seconds",
    refreshAssignmentsInterval: "1 second",
    runnerHealthCheckInterval: "2 seconds"
  }
})

const Owner = Cluster.layer({
  policies: { careful: PolicyEngine.declineAll },
  workspace: () => Effect.succeed({ cwd: process.cwd() })
}).pipe(Layer.provide(Layer.mergeAll(Machines, PostgresStore.layer(), NodeServices.layer)), Layer.provide(Database))

Effect.flatMap(Durable.Durable, ({ lost }) => lost).pipe(Effect.provide(Owner), NodeRuntime.runMain)
