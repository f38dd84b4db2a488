/**
 * Kills an owner and its app-servers at random moments, while two clients send, decide and interrupt at random, and checks what the model
 * was asked and what the store has. Everything that is chosen comes from a seed; what it meets does not.
 */
import { CodexHome, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Sessions from "../../src/Sessions.ts"
import * as SqliteStore from "../../src/SqliteStore.ts"
import type { OwnerOptions } from "../fixtures/owner.ts"
import { killServers, rollouts } from "./kill.ts"

export interface Report {
  readonly seed: number
  readonly faults: ReadonlyArray<string>
  /** How the jobs settled, and how often. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly kills: number
  readonly attempts: number
}

/** Numbers from 0 to 1, from a seed. */
const random = (seed: number): (() => number) => {
  let state = seed + 0x6d2b79f5
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const names = ["s", "t"] as const
const removed = "r"
const keys = ["a", "b", "c", "d"] as const
const kinds = ["answer", "stream", "command", "approval"] as const
const patience = "10 minutes"
const maxLog = 20_000
const compiled = join(import.meta.dirname, "..", "..", "..", "..", "node_modules", ".cache", "killmatrix")
const script = join(import.meta.dirname, "..", "fixtures", "owner.ts")

/** Runs one round. */
export const run = Effect.fnUntraced(
  function* (seed: number) {
    const next = random(seed)
    const below = (count: number) => Math.floor(next() * count)
    const pick = <A>(of: ReadonlyArray<A>, fallback: A): A => of[below(of.length)] ?? fallback
    const jobs = names.flatMap((session) => keys.map((key) => ({ session, key, prompt: `task ${session}${key}` })))
    const kindOf = new Map(jobs.map(({ prompt }) => [prompt, pick(kinds, "answer")]))

    const model = yield* MockModel.make(
      ({ input, lastUserText, userTexts }) => {
        const done = MockModel.reply(MockModel.finalAnswer(`done ${userTexts.findLast((text) => kindOf.has(text))}`))
        if (input.at(-1)?.type.endsWith("_output") === true) return done
        const name = lastUserText.slice("task ".length)
        switch (kindOf.get(lastUserText)) {
          case "stream":
            return MockModel.reply(
              MockModel.finalAnswer(
                "some ",
                MockModel.delay(150),
                "words ",
                MockModel.delay(150),
                `done ${lastUserText}`
              )
            )
          case "command":
            return MockModel.reply(MockModel.execCommand({ cmd: `sleep 0.2; echo ${name} >> sandboxed` }))
          case "approval":
            return MockModel.reply(MockModel.execCommand({ cmd: `echo ${name} >> ran`, escalate: true }))
          default:
            return done
        }
      },
      { verifyOnClose: false }
    )
    const { cwd, env, home } = yield* CodexHome.make({ url: model.url })
    const root = dirname(cwd)
    const file = join(root, "sessions.db")
    const options: OwnerOptions = { store: file, cwd, env, lease: 15_000, parkAfter: pick(["never", 300], "never") }
    const optionsFile = join(root, "owner.json")
    writeFileSync(optionsFile, JSON.stringify(options))

    let current: ChildProcess | undefined
    let log = ""
    const ownOnce = Effect.callback<void>((resume) => {
      const child = spawn(process.execPath, [script, optionsFile], {
        stdio: "pipe",
        env: { ...process.env, NODE_COMPILE_CACHE: compiled }
      })
      current = child
      const collect = (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-maxLog)
      }
      child.stdout.on("data", collect)
      child.stderr.on("data", collect)
      child.on("exit", () => resume(Effect.void))
      return Effect.sync(() => child.kill("SIGKILL"))
    })
    yield* Effect.forkScoped(Effect.forever(ownOnce))

    const faults: Array<string> = []
    const check = (holds: boolean, fault: string) => {
      if (!holds) faults.push(fault)
    }

    // Two clients, each with a connection of its own.
    const store = yield* SqliteStore.make({ file })
    const clients = [Sessions.make(store), Sessions.make(yield* SqliteStore.make({ file }))]
    const [sessions = Sessions.make(store)] = clients
    for (const id of [...names, removed]) {
      yield* sessions.open(id, {
        tenant: "test",
        policy: "ask",
        tools: [],
        workspace: "work",
        thread: { sandbox: "workspace-write", approvalPolicy: "on-request" },
        onCrash: "continue",
        maxAttempts: 50
      })
    }
    // One session is removed in the middle of it all.
    for (const key of keys) yield* sessions.send({ session: removed, key, prompt: `task ${removed}${key}` })
    for (const key of keys) kindOf.set(`task ${removed}${key}`, pick(kinds, "answer"))
    const removeOne = Effect.andThen(Effect.sleep(below(15_000)), sessions.remove(removed))
    const interrupted = new Set<string>()
    const decided = new Map<string, number>()
    const decideOne = (client: Sessions.Sessions["Service"], id: string, decision: "accept" | "decline") =>
      Effect.forkScoped(
        client.decide(id, { decision }, "ada").pipe(
          // A verdict that was taken by nobody else counts, whatever became of its request.
          Effect.tap(() => Effect.sync(() => decided.set(id, (decided.get(id) ?? 0) + 1))),
          Effect.ignore
        )
      )
    const act = (client: Sessions.Sessions["Service"]) =>
      Effect.gen(function* () {
        const { key, prompt, session } = jobs[below(jobs.length)] ?? { session: "s", key: "a", prompt: "task sa" }
        const choice = below(10)
        if (choice < 6) {
          // Both may send the same at the same time.
          const receipts = yield* Effect.all(
            clients.map((each) => each.send({ session, key, prompt })),
            { concurrency: "unbounded" }
          )
          check(new Set(receipts.map(({ number }) => number)).size === 1, `${session}${key} became two jobs`)
        } else if (choice < 9) {
          for (const { id } of yield* client.approvals()) {
            const decision = below(3) === 0 ? "decline" : "accept"
            yield* decideOne(client, id, decision)
            if (below(2) === 0) yield* Effect.forEach(clients, (other) => decideOne(other, id, "accept"))
          }
        } else {
          yield* Effect.ignore(
            Effect.tap(client.interrupt({ session, key, by: "bob" }), () =>
              Effect.sync(() => interrupted.add(session + key))
            )
          )
        }
        yield* Effect.sleep(below(800))
      })
    let kills = 0
    const killSome = Effect.gen(function* () {
      yield* Effect.sleep(300 + below(5000))
      const victim = pick(["owner", "server", "both"], "both")
      const pid = current?.pid
      if (pid === undefined) return
      kills++
      if (victim !== "owner") killServers(pid)
      if (victim !== "server") current?.kill("SIGKILL")
    })
    yield* Effect.all(
      [
        Effect.repeat(
          Effect.suspend(() => act(pick(clients, sessions))),
          { times: 40 }
        ),
        Effect.repeat(killSome, { times: 7 }),
        removeOne
      ],
      { concurrency: "unbounded", discard: true }
    )

    // The rest is sent, and everything that is asked is accepted.
    for (const job of jobs) yield* sessions.send(job)
    yield* sessions.approvals().pipe(
      Effect.flatMap((open) => Effect.forEach(open, ({ id }) => decideOne(sessions, id, "accept"))),
      Effect.ignore,
      Effect.repeat(Schedule.spaced("100 millis")),
      Effect.forkScoped
    )
    const isOver = yield* Effect.forEach(jobs, ({ key, session }) => Effect.exit(sessions.result(session, key))).pipe(
      Effect.timeoutOption(patience)
    )
    check(isOver._tag === "Some", "some jobs did not settle")
    const isRemoved = yield* store
      .work()
      .pipe(
        Effect.repeat({ until: (work) => work.length === 0, schedule: Schedule.spaced("100 millis") }),
        Effect.timeoutOption(patience)
      )
    check(isRemoved._tag === "Some", "the removed session is still there")
    check((yield* store.rollouts(removed)).length === 0, "the removed session has rollouts in the store")
    const kept = yield* Effect.forEach(names, (name) => store.session(name))
    for (const path of rollouts(home)) {
      check(
        kept.some(({ threadId }) => path.includes(threadId ?? "none")),
        `${path} is of no session`
      )
    }

    const requests = yield* model.requests
    const outcomes: Record<string, number> = {}
    let attempts = 0
    let uncertain = 0
    for (const { key, prompt, session } of jobs) {
      const job = yield* store.job(session, key)
      attempts += job.attempts.length
      const { outcome } = job
      const name = session + key
      const isUncertain = job.attempts.some((attempt) => attempt.isPromptUncertain === true)
      if (isUncertain) uncertain++
      const how = outcome?.type === "failed" ? `failed ${outcome.failure.tag}` : (outcome?.type ?? "open")
      outcomes[how] = (outcomes[how] ?? 0) + 1
      const asked = requests.filter(({ input }) => input.at(-1)?.role === "user" && input.at(-1)?.text === prompt)
      check(asked.length <= 1, `the prompt of ${name} reached the model ${asked.length} times`)
      // A turn that was cut off right before the model was asked is continued with another prompt.
      const isRead = requests.some(({ userTexts }) => userTexts.includes(prompt))
      check(outcome?.type !== "completed" || isRead, `${name} completed, and the model never had its prompt`)
      check(
        outcome?.type !== "completed" || outcome.text.endsWith(`done ${prompt}`),
        `${name}: ${how} ${JSON.stringify(outcome)}`
      )
      check(outcome?.type !== "interrupted" || interrupted.has(name), `${name} is interrupted, and nobody asked for it`)
      check(outcome?.type !== "failed", `${name}: ${JSON.stringify(outcome)}`)
      const history = requests.map(({ userTexts }) => userTexts.filter((text) => text === prompt).length)
      check(
        Math.max(0, ...history) <= (isUncertain ? 2 : 1),
        `the history has the prompt of ${name} ${Math.max(...history)} times`
      )
    }
    if (uncertain > 0) outcomes["(twice in the history)"] = uncertain

    for (const session of names) {
      const events = yield* Stream.runCollect(sessions.events(session, { isFinite: true }))
      check(
        events.every(({ offset }, index) => offset === index + 1),
        `the offsets of ${session} have a gap`
      )
      const settled = events.flatMap(({ happening }) => (happening.type === "jobSettled" ? [happening.key] : []))
      check(settled.length === keys.length && new Set(settled).size === keys.length, `${session} settled ${settled}`)
      const items = events.flatMap(({ happening }) =>
        happening.type === "itemCompleted" && "id" in happening.item
          ? [`${happening.turnId} ${happening.item.type} ${happening.item.id}`]
          : []
      )
      check(new Set(items).size === items.length, `an item of ${session} is in the events twice`)
    }
    const approvals = yield* Effect.forEach(names, (session) =>
      store.approvals({ session, states: ["open", "decided", "used", "gone"], limit: 1000 })
    ).pipe(Effect.map((all) => all.flat()))
    const ran = existsSync(join(cwd, "ran")) ? readFileSync(join(cwd, "ran"), "utf8").trimEnd().split("\n") : []
    for (const { key, session } of jobs) {
      const accepts = approvals.filter(
        (one) =>
          one.session === session && one.key === key && one.state === "used" && one.verdict?.decision === "accept"
      )
      const times = ran.filter((line) => line === session + key).length
      check(times <= accepts.length, `${accepts.length} accepts let the command of ${session}${key} run ${times} times`)
    }
    for (const [id, count] of decided) check(count === 1, `approval ${id} was decided ${count} times`)
    for (const session of names) {
      for (const { threadId, version } of yield* store.rollouts(session)) {
        const path = rollouts(home).find((path) => path.includes(threadId))
        const stored = Buffer.concat(yield* Stream.runCollect(store.rolloutBytes({ session, threadId, version })))
        const bytes = path === undefined ? Buffer.alloc(0) : readFileSync(path)
        check(
          bytes.subarray(0, stored.length).equals(stored),
          `the stored rollout of ${session} is not the file's beginning`
        )
      }
    }
    if (faults.length > 0) faults.push(`the owners said: ${log.slice(-4000)}`)
    const report: Report = { seed, faults, outcomes, kills, attempts }
    return report
  },
  Effect.scoped,
  Effect.provide(NodeServices.layer)
)
