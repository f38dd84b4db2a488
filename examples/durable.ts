/**
 * Shows: a session in a file, whose app-server is killed in the middle of a turn, and which goes on. Run it twice: the second
 * time, the result is in the file.
 *
 * Run it with your own codex and account:   npm run example -- durable
 * Run it without either:                    npm run example -- durable --offline
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Durable from "@effect-codex/durable/Durable"
import * as Sessions from "@effect-codex/durable/Sessions"
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"

// Remembers the app-server, to kill it.
let appServer: number | undefined
const Spawner = Layer.effect(ChildProcessSpawner)(
  Effect.map(ChildProcessSpawner, (spawner) => ({
    ...spawner,
    spawn: (command) =>
      Effect.tap(spawner.spawn(command), ({ pid }) =>
        Effect.sync(() => {
          appServer = pid
        })
      )
  }))
)

const Owner = Durable.layer({
  policies: { careful: PolicyEngine.declineAll },
  workspace: () => Effect.succeed({ cwd: process.cwd() })
}).pipe(Layer.provide(Spawner))

const Main = Layer.merge(Sessions.layer, Owner).pipe(
  Layer.provide(Layer.provideMerge(SqliteStore.layer({ file: "sessions.db" }), NodeServices.layer))
)

const session = "files"
const job = { session, key: "count-1", prompt: "How many files are here?" }

const program = Effect.gen(function* () {
  const sessions = yield* Sessions.Sessions
  yield* sessions.open(session, {
    tenant: "me",
    policy: "careful",
    tools: [],
    workspace: "here",
    thread: { sandbox: "read-only", approvalPolicy: "on-request" },
    onCrash: "continue",
    maxAttempts: 3
  })
  yield* sessions.send(job)

  // The first item is the prompt: from here on the model has it.
  yield* sessions.events(session).pipe(
    Stream.takeUntil(({ happening }) => happening.type === "itemCompleted"),
    Stream.runDrain
  )
  if (appServer !== undefined) process.kill(appServer, "SIGKILL")

  const { text } = yield* sessions.result(session, job.key)
  yield* Stream.runForEach(sessions.events(session, { isFinite: true }), ({ happening, offset }) =>
    Console.log(offset, happening.type, "end" in happening ? happening.end : "")
  )
  yield* Console.log(text)
})

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
