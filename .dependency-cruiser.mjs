// What may import what: `npm run layers`. Each rule names a room of the house and what it must not know.

/** Modules and rooms of the core, by path. */
const core = (...names) => `^packages/core/src/(${names.join("|")})`

const shared = "internal/(commentary|merge|monotonic|observing|options|platform)"
const transport = ["Transport[.]ts", "WebSocketTransport[.]ts"]
const wire = "internal/transport/"
const work = ["(Thread|Turn|Tools|Input)[.]ts", "internal/(turn|thread)/"]
const frontDoor = ["(Codex|index)[.]ts", "api/Groups[.]ts"]
const policies = "^packages/policy/src/"
const durable = "^packages/durable/src/"
const command = "^packages/cli/src/"

const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to })

export default {
  forbidden: [
    forbid("no-cycles", "Modules that need each other are one module. Types count.", {}, { circular: true }),
    forbid(
      "resolvable",
      "An import leads to a module that is there and that the package declares.",
      { path: "^packages/" },
      { couldNotResolve: true }
    ),
    forbid(
      "core-alone",
      "The core imports Effect and nothing else, so that it runs wherever Effect runs.",
      { path: "^packages/core/src/", pathNot: "/testing/" },
      { pathNot: ["^packages/core/src/", "(^|/)node_modules/effect/"] }
    ),
    forbid(
      "policy-below-cli",
      "Policies know the core, and neither the command nor the platform.",
      { path: policies },
      { path: [command, "(^|/)node_modules/@effect/platform-"] }
    ),
    forbid(
      "ai-over-core",
      "Codex as a language model knows the core alone, and neither the command nor the platform.",
      { path: "^packages/ai/src/" },
      { path: [policies, durable, command, "(^|/)node_modules/@effect/platform-"] }
    ),
    forbid(
      "ai-unknown-below",
      "Nothing below knows how it is used as a language model.",
      { path: ["^packages/core/src/", policies, durable] },
      { path: "^packages/ai/src/" }
    ),
    forbid(
      "durable-between",
      "Sessions that outlive their process know the core and policies. Neither knows them, and they know no command.",
      { path: ["^packages/core/src/", policies] },
      { path: durable }
    ),
    forbid(
      "durable-below-cli",
      "What keeps and runs sessions knows neither the command nor the platform.",
      { path: durable },
      { path: [command, "(^|/)node_modules/@effect/platform-"] }
    ),
    forbid(
      "sqlite-in-one-file",
      "One file knows the SQLite of Node, and one its process. Everything else of a durable session takes what it needs from the context.",
      { path: durable, pathNot: "^packages/durable/src/internal/(sqlite/node|process)[.]ts$" },
      { dependencyTypes: ["core"] }
    ),
    forbid(
      "postgres-is-optional",
      "Two files know the client of Postgres, so that whoever has no Postgres needs no client of it.",
      { path: durable, pathNot: "^packages/durable/src/(PostgresStore|internal/postgres/postgres)[.]ts$" },
      {
        path: [
          "(^|/)node_modules/@effect/sql-pg/",
          "^packages/durable/src/(PostgresStore|internal/postgres/postgres)[.]ts$"
        ]
      }
    ),
    forbid(
      "policy-without-node",
      "What a policy needs of the machine comes from the context.",
      { path: policies },
      {
        dependencyTypes: ["core"]
      }
    ),
    forbid(
      "testing-apart",
      "The test kit may use all of the core, and none of the core uses it.",
      { path: ["^packages/core/src/", policies], pathNot: "^packages/core/src/testing/" },
      { path: "^packages/core/src/testing/" }
    ),
    forbid(
      "internal-closed",
      "What is internal to a package is imported by that package alone.",
      { path: "^packages/([^/]+)/src/" },
      { path: "^packages/[^/]+/src/internal/", pathNot: "^packages/$1/" }
    ),
    forbid(
      "protocol-is-data",
      "The protocol is schemas and tables; it knows nothing that runs.",
      { path: "^packages/core/src/protocol/" },
      { path: "^packages/core/src/", pathNot: "^packages/core/src/protocol/" }
    ),
    forbid(
      "transport-moves-lines",
      "A transport carries lines and says why it ended. What is in a line is not its business.",
      { path: core(...transport, wire) },
      {
        path: "^packages/core/src/",
        pathNot: core(...transport, wire, shared, "(CodexError|Redaction|AgentResponse)[.]ts")
      }
    ),
    forbid(
      "rpc-knows-no-methods",
      "JSON-RPC correlates and dispatches. It knows no method of Codex.",
      { path: core("internal/rpc/") },
      {
        path: [
          "^packages/core/src/protocol/",
          core(
            "(AppServer|ServerRequest|Notification|PolicyEngine)[.]ts",
            "internal/(approval|connection|delivery)/",
            ...work,
            ...frontDoor
          )
        ]
      }
    ),
    forbid(
      "connection-below-turns",
      "The connection routes by thread and turn, and knows neither prompts nor policy rules.",
      { path: core("internal/(connection|approval|delivery)/", "(AppServer|ServerRequest|Notification)[.]ts") },
      { path: core(...work, ...frontDoor) }
    ),
    forbid(
      "delivery-alone",
      "A buffer knows values. What they are is not its business.",
      { path: core("internal/delivery/") },
      { path: "^packages/core/src/", pathNot: core("internal/delivery/", "CodexError[.]ts") }
    ),
    forbid(
      "contract-alone",
      "The contract of a policy is there for those who implement it, and needs no connection.",
      { path: core("PolicyEngine[.]ts") },
      { path: "^packages/core/src/", pathNot: ["^packages/core/src/protocol/", core("CodexError[.]ts")] }
    ),
    forbid(
      "turns-off-the-wire",
      "Threads and turns speak with the connection, never with the wire.",
      { path: core(...work, ...frontDoor), pathNot: core("index[.]ts") },
      { path: core(...transport, wire, "internal/rpc/") }
    ),
    forbid(
      "front-door-last",
      "Nothing below the front door needs it.",
      { path: "^packages/core/src/", pathNot: [core(...frontDoor), "/testing/"] },
      { path: core("(Codex|index)[.]ts") }
    )
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.dev.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^packages/[^/]+/(dist|bin)/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"]
    }
  }
}
