import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as LayerMap from "effect/LayerMap"
import * as LayerRef from "effect/LayerRef"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { isAlive, layerRecording } from "./support.ts"

const { execCommand, reply, text } = MockModel

const ask = Effect.flatMap(Codex.Codex, (codex) => codex.request("account/read", {}))

const kill = (pid: number | undefined) => Effect.sync(() => process.kill(pid ?? 0, "SIGKILL"))

describe("law 13: a dead layer stays dead", () => {
  it.live("so a retry below it never recovers", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const failure = yield* Effect.gen(function* () {
        yield* kill(pids[0])
        yield* Effect.flatMap(Codex.Codex, (codex) => Effect.flip(codex.closed))
        return yield* Effect.flip(ask.pipe(Effect.retry({ times: 5 })))
      }).pipe(Effect.provide(layerRecording(pids)))
      expect(failure._tag).toBe("ConnectionFailed")
      expect(pids.length).toBe(1)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )

  it.live("and providing it inside of what is retried makes a new one", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const account = yield* Effect.gen(function* () {
        // The first process dies before it is asked.
        if (pids.length === 1) yield* kill(pids[0])
        return yield* ask
      }).pipe(Effect.provide(layerRecording(pids)), Effect.retry({ times: 1 }))
      expect(account.requiresOpenaiAuth).toBe(false)
      expect(pids.length).toBe(2)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )

  // Uses in scopes of their own, one after the other, whatever becomes of those before.
  const use = <E, R>(recovering: Effect.Effect<unknown, E, R>) => Effect.scoped(recovering)

  it.live("and a shared LayerRef is invalidated by the failure and hands out a new one, again and again", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      // Layer.fresh: without it the same build, dead as it is, would be handed out again.
      const ref = yield* LayerRef.make(Layer.fresh(layerRecording(pids)), { idleTimeToLive: "1 minute" })
      const replaced = ask.pipe(
        Effect.provide(ref.get),
        Effect.tapErrorTag("ConnectionFailed", () => ref.invalidate),
        Effect.retry({ times: 3 })
      )
      yield* use(replaced)
      yield* use(replaced)
      expect(pids.length).toBe(1)
      for (const servers of [2, 3]) {
        yield* kill(pids.at(-1))
        yield* use(replaced)
        yield* use(replaced)
        expect(pids.length).toBe(servers)
      }
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layerHome([])))
  )

  it.live("and a LayerMap keeps one server for each key, and replaces the one that has died", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const pool = yield* LayerMap.make((_name: string) => Layer.fresh(layerRecording(pids)), {
        idleTimeToLive: "1 minute"
      })
      const pooled = (key: string) =>
        ask.pipe(
          Effect.provide(pool.get(key)),
          Effect.tapErrorTag("ConnectionFailed", () => pool.invalidate(key)),
          Effect.retry({ times: 3 })
        )
      yield* use(pooled("a"))
      yield* use(pooled("a"))
      yield* use(pooled("b"))
      expect(pids.length).toBe(2)
      yield* kill(pids[0])
      yield* use(pooled("a"))
      yield* use(pooled("b"))
      expect(pids.length).toBe(3)
      expect(isAlive(pids[1] ?? 0)).toBe(true)
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layerHome([])))
  )
})

describe("many keyed layers", () => {
  it.live("add no listeners that Node warns of, if they share the platform's services", () =>
    Effect.gen(function* () {
      const { cwd, env } = yield* CodexTest.Home
      const warnings: Array<string> = []
      const onWarning = ({ message }: Error) => warnings.push(message)
      process.on("warning", onWarning)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("warning", onWarning)))
      const pool = yield* LayerMap.make((_name: string) => Layer.fresh(Codex.layer({ cwd, env })), {
        idleTimeToLive: "1 minute"
      }).pipe(Effect.provide(NodeServices.layer))
      for (let key = 0; key < 12; key++) yield* Effect.provide(ask, pool.get(String(key)))
      // Warnings are told in a later tick.
      yield* Effect.yieldNow
      expect(warnings).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layerHome([])))
  )
})

describe("law 3: a process that dies", () => {
  it.live("tells what it wrote to its standard error", () =>
    Effect.gen(function* () {
      const { cwd } = yield* CodexTest.Home
      const binary = path.join(cwd, "noisy.sh")
      writeFileSync(
        binary,
        '#!/bin/sh\nfor i in $(seq 1 2000); do echo "line $i" >&2; done\necho "fatal error: out of luck" >&2\nexit 7\n'
      )
      chmodSync(binary, 0o755)
      const failure = yield* Effect.flip(
        Effect.provide(Codex.Codex, Codex.layer({ binary }).pipe(Layer.provide(NodeServices.layer)))
      )
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Exited", code: 7 } })
      expect(failure.message).toContain("fatal error: out of luck")
      expect("stderr" in failure && failure.stderr.length).toBe(500)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )
})

describe("law 5: closing", () => {
  it.live("in the middle of an approval ends the process, the turn and the handler", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const asked = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const policy = PolicyEngine.make({
        command: () =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.ensuring(Deferred.succeed(ended, undefined))
          )
      })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layerRecording(pids), scope)
      const fiber = yield* Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Run it" })).pipe(
        Effect.provideService(PolicyEngine.PolicyEngine, policy),
        Effect.provideContext(context),
        Effect.forkChild
      )
      yield* Deferred.await(asked)
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(ended)
      expect((yield* Effect.flip(Fiber.join(fiber)))._tag).toBe("ConnectionFailed")
      expect(isAlive(pids[0] ?? 0)).toBe(false)
      // Once more changes nothing.
      yield* Scope.close(scope, Exit.void)
    }).pipe(
      Effect.provide(
        CodexTest.layerHome([reply(execCommand({ cmd: "true", escalate: true }))], { verifyOnClose: false })
      )
    )
  )

  it.live("during the handshake leaves no process", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const { cwd } = yield* CodexTest.Home
      // Says nothing, and does not end when its input does.
      const binary = path.join(cwd, "silent.sh")
      writeFileSync(binary, "#!/bin/sh\ntrap '' TERM\nwhile true; do sleep 0.1; done\n")
      chmodSync(binary, 0o755)
      const fiber = yield* Effect.forkChild(
        Effect.provide(Codex.Codex, layerRecording(pids, { binary, shutdownGrace: "100 millis" }))
      )
      yield* Effect.sync(() => pids.length).pipe(
        Effect.repeat({ until: (count) => count === 1, schedule: Schedule.spaced("5 millis") })
      )
      yield* Fiber.interrupt(fiber)
      expect(isAlive(pids[0] ?? 0)).toBe(false)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )

  it.live("ends what the process has started", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      let child = 0
      yield* Effect.gen(function* () {
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { cwd } = yield* CodexTest.Home
          yield* codex.responses.create({ prompt: "Run it", thread: { sandbox: "danger-full-access" } })
          child = Number(
            yield* codex
              .request("fs/readFile", { path: path.join(cwd, "pid") })
              .pipe(Effect.map(({ dataBase64 }) => Buffer.from(dataBase64, "base64").toString()))
          )
          expect(isAlive(child)).toBe(true)
        }).pipe(Effect.provide(Layer.merge(layerRecording(pids), PolicyEngine.layerAcceptAll)))
        expect(isAlive(pids[0] ?? 0)).toBe(false)
        yield* Effect.sync(() => isAlive(child)).pipe(
          Effect.repeat({ until: (alive) => !alive, schedule: Schedule.spaced("20 millis") })
        )
      }).pipe(
        Effect.provide(
          CodexTest.layerHome([
            reply(execCommand({ cmd: "echo $$ > pid; exec sleep 60", yieldTimeMs: 250, escalate: true })),
            reply(text("done"))
          ])
        )
      )
    })
  )

  it.live("ends also what has gone into a session of its own", () =>
    Effect.gen(function* () {
      const { cwd } = yield* CodexTest.Home
      const daemon = () => Number(readFileSync(path.join(cwd, "pid"), "utf8"))
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* codex.responses.create({ prompt: "Run it", thread: { sandbox: "danger-full-access" } })
        expect(isAlive(daemon())).toBe(true)
      }).pipe(Effect.provide(Layer.merge(layerRecording([]), PolicyEngine.layerAcceptAll)))
      yield* Effect.sync(() => isAlive(daemon())).pipe(
        Effect.repeat({ until: (alive) => !alive, schedule: Schedule.spaced("20 millis") })
      )
    }).pipe(
      Effect.provide(
        CodexTest.layerHome([
          reply(
            execCommand({
              cmd: "setsid nohup sh -c 'echo $$ > pid; exec sleep 120' >/dev/null 2>&1 & while [ ! -s pid ]; do sleep 0.02; done",
              escalate: true
            })
          ),
          reply(text("done"))
        ])
      )
    )
  )

  it.live("25 times in a row leaves neither processes nor handles", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const once = Effect.provide(ask, layerRecording(pids))
      yield* once
      const handles = process.getActiveResourcesInfo().length
      yield* once.pipe(Effect.repeat({ times: 23 }))
      expect(pids.filter(isAlive)).toEqual([])
      expect(pids.length).toBe(25)
      expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(handles + 2)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )
})
