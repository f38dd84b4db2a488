/**
 * Three runners and Postgres, sessions with jobs, and faults in an order that a seed says: runners are killed, stopped for longer than
 * their lease, and ended in order; Postgres crashes. In the end everything has to have happened once.
 */
import { PgClient } from "@effect/sql-pg"
import { CodexHome, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { SessionStore } from "../../src/SessionStore.ts"
import * as PostgresStore from "../../src/PostgresStore.ts"
import * as Sessions from "../../src/Sessions.ts"
import { configOf, newSchema, type Postgres } from "../postgres.ts"
import { owns, type RunnerConfig } from "./config.ts"

export const faults = ["kill", "stop", "postgres", "drain"] as const
export type Fault = (typeof faults)[number]

export interface Options {
  readonly sessions: number
  readonly jobs: number
  readonly seed: number
  /** In order. */
  readonly faults: ReadonlyArray<Fault>
  /** Between two of them, in milliseconds. */
  readonly pause: number
  readonly log?: ((line: string) => void) | undefined
}

export interface Report {
  /** Empty if everything holds. */
  readonly faults: ReadonlyArray<string>
  readonly settled: Readonly<Record<string, number>>
  readonly attempts: number
  /** Attempts that count against `maxAttempts`, besides the first of each job. */
  readonly spent: number
  readonly homes: number
  readonly millis: number
}

/** A sequence of numbers from 0 to 1 that a seed says. */
export const random = (seed: number) => {
  let state = seed + 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Who ends in order gives its lease back. A busy machine must not take it before. */
const leaseFor = (faults: ReadonlyArray<Fault>): number =>
  faults.every((fault) => fault === "drain") ? 120_000 : 15_000

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** All processes below these. */
const below = (pids: ReadonlyArray<number>): ReadonlyArray<number> => {
  const all = execFileSync("ps", ["-o", "pid=,ppid=,stat=", "-A"], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , stat]) => stat?.startsWith("Z") === false)
    .map(([pid, parent]) => [Number(pid), Number(parent)] as const)
  const found = new Set(pids)
  for (let size = 0; size !== found.size;) {
    size = found.size
    for (const [pid, parent] of all) if (found.has(parent)) found.add(pid)
  }
  return all.map(([pid]) => pid).filter((pid) => found.has(pid))
}

const script: MockModel.Script = ({ input, lastUserText }) => {
  const job = /^task (\S+)$/.exec(lastUserText)?.[1]
  const isAfterCommand = input.at(-1)?.type.endsWith("_output") === true
  if (job === undefined) return MockModel.reply(MockModel.finalAnswer("continued"))
  // The third job of a session asks a person, and all take a moment, so that faults meet them.
  if (!isAfterCommand && job.endsWith("2")) {
    return MockModel.reply(MockModel.execCommand({ cmd: "true", escalate: true }))
  }
  return MockModel.reply(MockModel.finalAnswer("done ", MockModel.delay("300 millis"), job))
}

export const run = Effect.fnUntraced(
  function* (server: Postgres, options: Options) {
    const begun = yield* Clock.currentTimeMillis
    const say = options.log ?? (() => {})
    const next = random(options.seed)
    const lease = leaseFor(options.faults)
    const model = yield* MockModel.make(script, { verifyOnClose: false })
    const homes = yield* Effect.forEach([0, 1, 2], () => CodexHome.make({ url: model.url }))
    const schema = yield* Effect.orDie(newSchema(server.host))
    const [first] = homes
    if (first === undefined) return yield* Effect.die("no home")
    const { cwd } = first
    const log = join(dirname(cwd), "verdicts")
    writeFileSync(log, "")
    let output = ""

    // Runners, each with a home of its own, started again when they end.
    const children: Array<ChildProcess | undefined> = []
    const ready = new Set<number>()
    const started = new Set<number>()
    let isOver = false
    const files = yield* Effect.forEach(homes, ({ env }, index) =>
      Effect.map(freePort, (port) => {
        const config: RunnerConfig = { postgres: { host: server.host, schema }, port, cwd, env, lease, log }
        const file = join(dirname(cwd), `runner-${index}.json`)
        writeFileSync(file, JSON.stringify(config))
        return file
      })
    )
    const own = (index: number) =>
      Effect.callback<void>((resume) => {
        const child = spawn(process.execPath, [join(import.meta.dirname, "runner.ts"), files[index] ?? ""], {
          stdio: "pipe"
        })
        children[index] = child
        if (child.pid !== undefined) started.add(child.pid)
        const collect = (chunk: Buffer) => {
          if (chunk.toString().includes(owns)) ready.add(index)
          output = (output + `[${index}] ${chunk.toString()}`).slice(-40_000)
        }
        child.stdout.on("data", collect)
        child.stderr.on("data", collect)
        child.on("exit", (code, signal) => {
          say(`runner ${index} ended: ${code ?? signal}`)
          ready.delete(index)
          resume(Effect.void)
        })
      })
    yield* Effect.forEach(homes, (_, index) =>
      Effect.forkScoped(
        Effect.suspend(() => (isOver ? Effect.never : own(index))).pipe(
          Effect.andThen(Effect.sleep("200 millis")),
          Effect.forever
        )
      )
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const pid of below(Array.from(started))) {
          try {
            process.kill(pid, "SIGKILL")
          } catch {
            // It is gone.
          }
        }
      })
    )

    const context = yield* Layer.build(
      PostgresStore.layer().pipe(Layer.provide(PgClient.layer(configOf(server.host, schema))), Layer.orDie)
    )
    const store = Context.get(context, SessionStore)
    const sessions = Sessions.make(store)
    const patiently = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.retry(effect, { times: 600, schedule: Schedule.spaced("500 millis") })
    const ids = Array.from({ length: options.sessions }, (_, index) => `s${index}`)
    const keys = Array.from({ length: options.jobs }, (_, index) => `${index}`)
    for (const session of ids) {
      yield* patiently(
        sessions.open(session, {
          tenant: "test",
          policy: "ask",
          tools: [],
          workspace: "work",
          thread: { sandbox: "workspace-write", approvalPolicy: "on-request" },
          onCrash: "continue",
          maxAttempts: 50
        })
      )
      for (const key of keys) {
        yield* patiently(sessions.send({ session, key, prompt: `task ${session}-${key}` }))
      }
    }

    // A person who accepts everything.
    yield* Effect.gen(function* () {
      for (const { id } of yield* sessions.approvals({ limit: 1000 })) {
        yield* Effect.ignore(store.decide({ approval: id, decision: "accept", by: "ada" }))
      }
    }).pipe(Effect.ignore, Effect.andThen(Effect.sleep("200 millis")), Effect.forever, Effect.forkScoped)

    const open = Effect.map(
      Effect.forEach(ids, (id) => store.jobs(id, { isOpen: true, limit: 1000 }), { concurrency: 5 }),
      (all) => all.flat()
    )
    const signal = (index: number, name: NodeJS.Signals) => Effect.sync(() => void children[index]?.kill(name))
    for (const fault of options.faults) {
      yield* Effect.sleep(Math.round(options.pause * (0.5 + next())))
      const index = Math.floor(next() * homes.length)
      say(`${fault} ${fault === "postgres" ? "" : index}`)
      switch (fault) {
        case "kill":
          yield* signal(index, "SIGKILL")
          break
        case "stop":
          yield* signal(index, "SIGSTOP")
          yield* Effect.sleep(lease * 1.5)
          yield* signal(index, "SIGCONT")
          break
        case "postgres":
          yield* Effect.promise(() => server.restart("SIGQUIT"))
          break
        case "drain":
          // A runner that starts has nothing to hand over yet.
          yield* Effect.repeat(
            Effect.sync(() => ready.has(index)),
            { until: (isReady) => isReady, schedule: Schedule.spaced("50 millis") }
          )
          yield* Effect.sleep(Math.round(options.pause * next()))
          ready.delete(index)
          yield* signal(index, "SIGTERM")
      }
    }
    const left = yield* patiently(open).pipe(
      Effect.repeat({ until: (jobs) => jobs.length === 0, schedule: Schedule.spaced("500 millis") }),
      Effect.timeoutOption("20 minutes")
    )
    isOver = true
    for (const child of children) child?.kill("SIGTERM")
    const isEnded = Effect.sync(() => below(Array.from(started))).pipe(
      Effect.repeat({ until: (pids) => pids.length === 0, schedule: Schedule.spaced("200 millis") }),
      Effect.timeoutOption("1 minute")
    )
    const ended = yield* isEnded

    const found: Array<string> = []
    const check = (holds: boolean, fault: string) => {
      if (!holds) found.push(fault)
    }
    check(
      left._tag === "Some",
      `not settled: ${JSON.stringify((yield* open).map(({ key, session }) => [session, key]))}`
    )
    check(ended._tag === "Some", `processes are left: ${below(Array.from(started)).length}`)
    const settled: Record<string, number> = {}
    let attempts = 0
    let spent = 0
    const requests = yield* model.requests
    for (const session of ids) {
      const jobs = yield* store.jobs(session, { limit: 1000 })
      const events = yield* Stream.runCollect(sessions.events(session, { isFinite: true }))
      check(
        events.every(({ offset }, index) => offset === index + 1),
        `${session}: the offsets have a gap`
      )
      for (const job of jobs) {
        const { key, outcome } = job
        const end = outcome?.type === "failed" ? outcome.failure.tag : (outcome?.type ?? "open")
        settled[end] = (settled[end] ?? 0) + 1
        attempts += job.attempts.length
        const crashed = job.attempts.filter((attempt) => attempt.end === "crashed").length
        spent += crashed
        if (crashed > 0) say(`${session} ${key}: ${job.attempts.map((attempt) => attempt.end).join(", ")}`)
        const ends = events.filter(({ happening }) => happening.type === "jobSettled" && happening.key === key)
        check(ends.length === 1, `${session} ${key} settled ${ends.length} times`)
        check(end === "completed" || end === "PromptUncertain", `${session} ${key}: ${JSON.stringify(outcome)}`)
        const asked = requests.filter(
          ({ input }) => input.at(-1)?.role === "user" && input.at(-1)?.text === `task ${session}-${key}`
        )
        check(asked.length <= 1, `the prompt of ${session} ${key} reached the model ${asked.length} times`)
      }
    }
    const verdicts = readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line !== "")
    const used = yield* store.approvals({ states: ["used"], limit: 1000 })
    check(verdicts.length <= used.length, `${verdicts.length} verdicts let commands run, and ${used.length} were used`)
    if (found.length > 0) found.push(`the runners said: ${output.slice(-6000)}`)
    const homesUsed = new Set((yield* store.sessions({ limit: 1000 })).map(({ home }) => home)).size
    const report: Report = {
      faults: found,
      settled,
      attempts,
      spent,
      homes: homesUsed,
      millis: (yield* Clock.currentTimeMillis) - begun
    }
    return report
  },
  Effect.scoped,
  Effect.provide(NodeServices.layer)
)
