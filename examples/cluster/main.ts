/**
 * Shows: three machines that share sessions over Postgres. One is killed in the middle of its turns, and its sessions go on elsewhere.
 *
 * Run it with three codex homes and a database:   CODEX_HOMES=a,b,c DATABASE_URL=… npm run example -- cluster
 * Run it without any of them:                     npm run example -- cluster --offline
 */
import * as PostgresStore from "@effect-codex/durable/PostgresStore"
import * as Sessions from "@effect-codex/durable/Sessions"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import * as path from "node:path"

const homes = (process.env["CODEX_HOMES"] ?? "").split(",")
// Of this process alone, and below those that the system hands out: another run may be under way on this machine.
const firstPort = 10_000 + (process.pid % 7_000) * 3

// A process for each machine. They end with this one.
const machine = (home: string, index: number) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [path.join(import.meta.dirname, "runner.ts"), String(firstPort + index)], {
        env: { ...process.env, CODEX_HOME: home },
        stdio: ["ignore", "ignore", "inherit"]
      })
    ),
    (child) => Effect.sync(() => void child.kill("SIGTERM"))
  )

const Client = Sessions.layer.pipe(
  Layer.provide(PostgresStore.layer()),
  Layer.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
)

const ids = ["ant", "bee", "cat", "dog", "eel", "fox"]

const promptOf = (session: string) => `Write a sentence about the ${session}.`

const program = Effect.gen(function* () {
  const sessions = yield* Sessions.Sessions
  yield* Effect.forEach(homes, machine)
  for (const session of ids) {
    yield* sessions.open(session, {
      tenant: "me",
      policy: "careful",
      tools: [],
      workspace: "here",
      thread: { sandbox: "read-only", approvalPolicy: "on-request" },
      onCrash: "continue",
      maxAttempts: 5
    })
    yield* sessions.send({ session, key: "name-1", prompt: promptOf(session) })
  }

  // The first item is the prompt: from here on the model has it.
  const [first = ""] = ids
  yield* sessions.events(first).pipe(
    Stream.takeUntil(({ happening }) => happening.type === "itemCompleted"),
    Stream.runDrain
  )
  const { owner } = yield* sessions.status(first)
  const pid = Number(/process (\d+)/.exec(owner ?? "")?.[1])
  yield* Console.log(`${first} runs. Its machine is killed.`)
  process.kill(pid, "SIGKILL")

  yield* Effect.forEach(
    ids,
    (session) =>
      sessions.result(session, "name-1").pipe(
        // The machine may have died before it could store that the model has the prompt. Nothing is sent twice, but by you.
        Effect.catchIf(
          (error) => error._tag === "JobFailed" && error.failure.tag === "PromptUncertain",
          () =>
            sessions
              .send({ session, key: "name-2", prompt: promptOf(session) })
              .pipe(Effect.andThen(sessions.result(session, "name-2")))
        ),
        Effect.flatMap(({ attempts, text }) =>
          Console.log(`${session}: ${text} (${attempts === 1 ? "at once" : "continued"})`)
        )
      ),
    { concurrency: "unbounded", discard: true }
  )
  yield* Console.log("All sessions have their answers.")
})

program.pipe(Effect.scoped, Effect.provide(Client), NodeRuntime.runMain)
