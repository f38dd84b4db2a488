/**
 * Kills an owner, its app-server, or both at pinned points, or freezes the owner, starts an owner again, and checks what the model was asked and what the
 * store has.
 */
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import { CodexHome, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Job } from "../../src/Job.ts"
import * as Sessions from "../../src/Sessions.ts"
import { SessionStore } from "../../src/SessionStore.ts"
import { newSchema } from "../postgres.ts"
import { rollouts, strike } from "./kill.ts"
import { canStrike, needsPerson, type Order, type Point, points, type Victim, victims } from "./points.ts"
import { layerStore } from "./store.ts"

export interface Run {
  readonly point: Point
  readonly victim: Victim
  readonly seed: number
}

export interface Report extends Run {
  /** Empty if everything holds. */
  readonly faults: ReadonlyArray<string>
  /** How the attempts at the job ended. */
  readonly ends: ReadonlyArray<string>
  /** Whether the row says that the history may hold the prompt twice. */
  readonly isPromptUncertain: boolean
}

/** Every point with every victim. */
export const places = (seeds: number): ReadonlyArray<Run> =>
  points.flatMap((point) =>
    victims
      .filter((victim) => canStrike(point, victim))
      .flatMap((victim) => Array.from({ length: seeds }, (_, seed): Run => ({ point, victim, seed })))
  )

const killed = victims.filter((victim) => victim !== "frozen")

/** Every point with one victim, in turn, and an owner that is frozen before it sends a prompt, and before it answers. */
export const quick: ReadonlyArray<Run> = [
  ...points.map((point, index) => ({
    point,
    victim: killed[index % killed.length] ?? ("both" as const),
    seed: index % 3
  })),
  { point: "promptSent", victim: "frozen", seed: 0 },
  { point: "verdictUsed", victim: "frozen", seed: 1 }
]

const session = "s"
// Longer than any machine takes: a run that waits for longer has lost something.
const patience = "10 minutes"

// Each run starts owners, of the same modules.
const compiled = join(import.meta.dirname, "..", "..", "..", "..", "node_modules", ".cache", "killmatrix")

/** Runs one place of the matrix, over SQLite or over the Postgres whose folder is given. */
export const run = Effect.fnUntraced(
  function* ({ point, seed, victim }: Run, host?: string) {
    const prompt = `task a${seed}${seed % 3 === 1 ? " grüße 漢字 😀" : ""}`
    const gate = yield* MockModel.gate
    const cut: Cut = { file: "", early: 0 }
    const model = yield* MockModel.make(script({ point, seed, prompt, gate, cut }), { verifyOnClose: false })
    const { cwd, env, home } = yield* CodexHome.make({ url: model.url })
    const root = dirname(cwd)
    cut.file = join(root, "cut")
    const order: Order = {
      point,
      victim,
      prompt,
      home,
      cwd,
      env,
      store: join(root, "store.sqlite"),
      postgres: host === undefined ? undefined : { host, schema: yield* Effect.orDie(newSchema(host)) },
      marker: join(root, "struck"),
      cut: cut.file,
      binary: yield* CodexBinary.resolve(),
      proxy: join(root, "codex-proxy")
    }
    const orderFile = join(root, "order.json")
    writeFileSync(orderFile, JSON.stringify(order))
    const proxy = join(import.meta.dirname, "proxy.ts")
    writeFileSync(order.proxy, `#!/bin/sh\nexec "${process.execPath}" "${proxy}" "${orderFile}" "$@"\n`)
    chmodSync(order.proxy, 0o755)

    const store = Context.get(yield* Layer.build(layerStore(order)), SessionStore)
    const sessions = Sessions.make(store)
    yield* sessions.open(session, {
      tenant: "test",
      policy: "ask",
      tools: ["deploy"],
      workspace: "work",
      thread: { sandbox: "workspace-write", approvalPolicy: "on-request" },
      onCrash: "continue",
      maxAttempts: 4
    })
    // Some threads have a past.
    const keys = seed % 2 === 1 ? ["w", "a", "b"] : ["a", "b"]
    const prompts = new Map(keys.map((key) => [key, key === "a" ? prompt : `task ${key}`]))
    for (const [key, prompt] of prompts) yield* sessions.send({ session, key, prompt })

    let current: ChildProcess | undefined
    let output = ""
    const ownOnce = Effect.callback<void>((resume) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "owner.ts"), orderFile], {
        stdio: "pipe",
        env: { ...process.env, NODE_COMPILE_CACHE: compiled }
      })
      current = child
      const collect = (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-20_000)
      }
      child.stdout.on("data", collect)
      child.stderr.on("data", collect)
      child.on("exit", () => resume(Effect.void))
      return Effect.sync(() => child.kill("SIGKILL"))
    })
    yield* Effect.forkScoped(
      Effect.forever(
        // A frozen owner is followed by another one that waits for the lease, below.
        Effect.suspend(() => (victim === "frozen" && existsSync(order.marker) ? Effect.never : ownOnce))
      )
    )

    const isStruck = Effect.sync(() => existsSync(order.marker)).pipe(
      Effect.repeat({ until: (struck) => struck, schedule: Schedule.spaced("20 millis") })
    )
    const strikeNow = Effect.sync(() => strike(order, current?.pid ?? 0))
    if (point === "midStream" || point === "answerWithoutEnd") {
      yield* Effect.forkScoped(Effect.andThen(gate.reached, strikeNow))
    }
    if (point === "commandRunning") {
      const hasBegun = Effect.sync(() => existsSync(join(cwd, "begun"))).pipe(
        Effect.repeat({ until: (begun) => begun, schedule: Schedule.spaced("20 millis") })
      )
      yield* Effect.forkScoped(Effect.andThen(hasBegun, strikeNow))
    }
    // The owner goes on once another one has its lease, and has to see that by itself.
    const thaw = Effect.gen(function* () {
      yield* isStruck
      const frozen = current
      const before = (yield* store.owner)?.epoch ?? 0
      yield* Effect.forkScoped(Effect.forever(ownOnce))
      yield* Effect.repeat(store.owner, {
        until: (owner) => (owner?.epoch ?? 0) > before,
        schedule: Schedule.spaced("50 millis")
      })
      // Some wake up when the job is done, unless their app-server keeps the next one from it.
      if (seed % 2 === 0) yield* Effect.raceFirst(Effect.exit(sessions.result(session, "a")), Effect.sleep("8 seconds"))
      frozen?.kill("SIGCONT")
      yield* Effect.repeat(
        Effect.sync(() => frozen?.exitCode),
        { until: (code) => code !== null, schedule: Schedule.spaced("50 millis") }
      )
    })
    const thawed = victim === "frozen" ? yield* Effect.forkScoped(thaw) : undefined
    // A person who accepts everything, in this process.
    const decideAll = Effect.gen(function* () {
      for (const { id } of yield* sessions.approvals({ session })) {
        yield* Effect.ignore(sessions.decide(id, { decision: "accept" }, "ada"))
      }
    })
    if (needsPerson(point)) {
      const before = point === "approvalOpened" ? Effect.asVoid(isStruck) : Effect.void
      yield* before.pipe(
        Effect.andThen(Effect.repeat(decideAll, Schedule.spaced("100 millis"))),
        Effect.ignore,
        Effect.forkScoped
      )
    }

    const faults: Array<string> = []
    const check = (holds: boolean, fault: string) => {
      if (!holds) faults.push(fault)
    }
    const settled = yield* Effect.forEach(keys, (key) => sessions.result(session, key)).pipe(
      Effect.map((results) => results.map(({ text }) => text)),
      Effect.timeout(patience),
      Effect.catch((error) => Effect.succeed(`${error._tag}: ${error.message}`))
    )
    writeFileSync(join(cwd, "stop"), "")
    const expected = keys.map((key) => `done ${key}`)
    check(JSON.stringify(settled) === JSON.stringify(expected), `settled ${JSON.stringify(settled)}`)
    check(existsSync(order.marker), "nobody was killed")
    if (thawed !== undefined) {
      const ended = yield* Effect.timeoutOption(Fiber.join(thawed), patience)
      check(ended._tag === "Some", "the owner that was frozen did not end by itself")
    }

    const requests = yield* model.requests
    const jobs: ReadonlyArray<Job> = yield* store.jobs(session)
    const job = jobs.find(({ key }) => key === "a")
    const isPromptUncertain = job?.attempts.some((attempt) => attempt.isPromptUncertain === true) === true
    for (const [key, prompt] of prompts) {
      const asked = requests.filter(({ input }) => input.at(-1)?.role === "user" && input.at(-1)?.text === prompt)
      const times = asked.length - (key === "a" ? cut.early : 0)
      check(times <= 1, `the prompt of ${key} reached the model ${times} times`)
      const last = requests.at(-1)?.userTexts.filter((text) => text === prompt).length ?? 0
      const isShown = key === "a" && isPromptUncertain
      check(last === 1 || (isShown && last === 2), `the history has the prompt of ${key} ${last} times`)
    }
    check((yield* model.unexpected).length === 0, "the model was asked something else")

    const events = yield* Stream.runCollect(sessions.events(session, { isFinite: true }))
    check(
      events.every(({ offset }, index) => offset === index + 1),
      "the offsets of events have a gap"
    )
    for (const key of keys) {
      const ends = events.filter(({ happening }) => happening.type === "jobSettled" && happening.key === key)
      check(ends.length === 1, `job ${key} settled ${ends.length} times`)
    }
    const items = events.flatMap(({ happening }) =>
      happening.type === "itemCompleted" && "id" in happening.item
        ? [`${happening.turnId} ${happening.item.type} ${happening.item.id}`]
        : []
    )
    check(new Set(items).size === items.length, "an item is in the events twice")
    const answers = events.filter(
      ({ happening }) => happening.type === "itemCompleted" && happening.item.type === "userMessage"
    )
    check(answers.length >= keys.length, "an item is not in the events")

    // Each verdict that was used let the command run once at most.
    const approvals = yield* store.approvals({ session, states: ["open", "decided", "used", "gone"] })
    const used = approvals.filter(({ state }) => state === "used").length
    const ran = existsSync(join(cwd, "ran")) ? readFileSync(join(cwd, "ran"), "utf8").split("\n").length - 1 : 0
    check(ran <= used, `${used} verdicts let the command run ${ran} times`)
    check(!needsPerson(point) || ran >= 1, "the command that was accepted never ran")

    // The stored rollout is the file's beginning, and has the end of every turn that settled a job.
    for (const { threadId, version } of yield* store.rollouts(session)) {
      const file = rollouts(home).find((path) => path.includes(threadId))
      const stored = Buffer.concat(yield* Stream.runCollect(store.rolloutBytes({ session, threadId, version })))
      const bytes = file === undefined ? Buffer.alloc(0) : readFileSync(file)
      check(bytes.subarray(0, stored.length).equals(stored), "the stored rollout is not the beginning of the file")
    }
    if (faults.length > 0) faults.push(`the owners said: ${output.slice(-3000)}`)
    const ends = job?.attempts.map(({ end, phase }) => end ?? phase) ?? []
    const report: Report = { point, victim, seed, faults, ends, isPromptUncertain }
    return report
  },
  Effect.scoped,
  Effect.provide(NodeServices.layer)
)

/**
 * The rollout of `promptWithoutId` is cut to what a crash leaves that comes before the model is asked. A server that asked before it
 * was killed gets no answer, and that request does not count: a server that left such a rollout has not made it.
 */
interface Cut {
  /** Is there once the rollout is cut. */
  file: string
  early: number
}

const script =
  (about: {
    readonly point: Point
    readonly seed: number
    readonly prompt: string
    readonly gate: MockModel.Gate
    readonly cut: Cut
  }): MockModel.Script =>
  ({ input, lastUserText }) => {
    const { cut, gate, point, prompt, seed } = about
    if (point === "promptWithoutId" && lastUserText === prompt && !existsSync(cut.file)) {
      cut.early++
      return MockModel.reply(MockModel.finalAnswer(gate))
    }
    const job = /^task ([bw])$/.exec(lastUserText)?.[1]
    if (job !== undefined) return MockModel.reply(MockModel.finalAnswer(`done ${job}`))
    const done = MockModel.reply(MockModel.finalAnswer("done a"))
    if (input.at(-1)?.type.endsWith("_output") === true) return done
    const isFirst = lastUserText === prompt
    if (needsPerson(point)) return MockModel.reply(MockModel.execCommand({ cmd: "echo run >> ran", escalate: true }))
    if (!isFirst) return done
    switch (point) {
      case "midStream":
        return MockModel.reply(MockModel.finalAnswer(...Array.from({ length: seed + 1 }, () => "half "), gate, "more"))
      case "answerWithoutEnd":
        return MockModel.reply(MockModel.finalAnswer("done a"), gate)
      case "commandRunning":
        return MockModel.reply(MockModel.execCommand({ cmd: "touch begun; while [ ! -e stop ]; do sleep 0.1; done" }))
      case "toolRunning":
        return MockModel.reply(MockModel.toolCall("deploy", {}))
      default:
        return done
    }
  }
