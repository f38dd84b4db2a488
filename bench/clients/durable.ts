/**
 * Turns of durable sessions next to turns without one, so that what a session costs is the difference of two neighbours.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Durable from "@effect-codex/durable/Durable"
import * as Sessions from "@effect-codex/durable/Sessions"
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { begin, median, readWorkload, tell } from "./workload.ts"

const workload = readWorkload()
if (workload.kind !== "durable") throw new Error("this client has durable sessions alone")
const { pairs, server, session } = workload

const prompt = "Reply with exactly: READY"
/** Pairs that come before those that count. */
const warmUp = 10

const measured = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const sessions = yield* Sessions.Sessions
  const thread = yield* codex.thread.start()
  const plain = session === "new" ? codex.responses.create({ prompt }) : thread.run(prompt)
  const open = (id: string) =>
    sessions.open(id, {
      tenant: "bench",
      policy: "all",
      tools: [],
      workspace: "work",
      thread: { sandbox: "read-only", approvalPolicy: "never" },
      onCrash: "continue",
      maxAttempts: 3
    })
  const kept = Effect.fnUntraced(function* (index: number) {
    const id = session === "new" ? `session-${index}` : "session"
    if (session === "new") yield* open(id)
    yield* sessions.send({ session: id, key: String(index), prompt })
    return yield* sessions.result(id, String(index))
  })
  if (session === "same") yield* open("session")
  const took = {
    plain: [] as Array<number>,
    kept: [] as Array<number>,
    extra: [] as Array<number>,
    cpu: [] as Array<number>
  }
  for (let index = 0; index < pairs + warmUp; index++) {
    const endPlain = begin()
    yield* plain
    const first = endPlain()
    const endKept = begin()
    yield* kept(index)
    const second = endKept()
    if (index < warmUp) continue
    took.plain.push(first.wall)
    took.kept.push(second.wall)
    took.extra.push(second.wall - first.wall)
    took.cpu.push(second.cpu - first.cpu)
  }
  return { plain: median(took.plain), kept: median(took.kept), extra: median(took.extra), cpu: median(took.cpu) }
})

const folder = mkdtempSync(join(tmpdir(), "effect-codex-bench-"))
const { args, command, cwd = folder, env } = server
const options: Codex.Options = { binary: command, args, cwd, env }
const Store = Sessions.layer.pipe(Layer.provideMerge(SqliteStore.layer({ file: join(folder, "sessions.db") })))
const Main = Layer.mergeAll(
  Codex.layer(options),
  PolicyEngine.layerAcceptAll,
  Durable.layer({
    policies: { all: PolicyEngine.acceptAll },
    workspace: () => Effect.succeed({ cwd }),
    codex: options
  }).pipe(Layer.provideMerge(Store))
).pipe(Layer.provide(NodeServices.layer))

measured.pipe(
  Effect.flatMap((sample) => Effect.sync(() => tell(sample))),
  Effect.scoped,
  Effect.provide(Main),
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  Effect.ensuring(Effect.sync(() => rmSync(folder, { recursive: true, force: true }))),
  NodeRuntime.runMain
)
