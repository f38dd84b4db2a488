import { readFileSync } from "node:fs"
import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { layerRecording } from "../support.ts"

const key = "sk-this-is-a-secret-of-forty-characters-0123"

describe("without an account", () => {
  it.live("there is none, and what needs one says so", () =>
    Effect.gen(function* () {
      const { account } = yield* Codex.Codex
      expect((yield* account.read()).account).toBeNull()
      const needing = [
        Effect.asVoid(account.rateLimitsRead()),
        Effect.asVoid(account.usageRead()),
        Effect.asVoid(account.workspaceMessagesRead)
      ]
      for (const each of needing) expect(yield* Effect.flip(each)).toMatchObject({ _tag: "NotAuthenticated" })
    }).pipe(Effect.provide(CodexTest.layer([])))
  )
})

describe("a login by an API key", () => {
  it.live("comes to its end, and a logout forgets it", () =>
    Effect.gen(function* () {
      const { account, serverInfo } = yield* Codex.Codex
      const login = yield* account.login({ type: "apiKey", apiKey: Redacted.make(key) })
      yield* login.wait
      yield* login.wait
      const file = `${serverInfo.codexHome}/auth.json`
      expect(readFileSync(file, "utf8")).toContain(key)
      // Not the account that limits are counted for.
      expect(yield* Effect.flip(account.rateLimitsRead())).toMatchObject({ _tag: "NotAuthenticated" })
      yield* login.cancel
      yield* account.logout
      expect(() => readFileSync(file, "utf8")).toThrow("ENOENT")
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layer([])))
  )

  it.live("law 11: leaves the key out of arguments, logs, frames and spans", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const kept: Array<string> = []
      const logger = Logger.make(({ cause, message }) => {
        kept.push(JSON.stringify(message), Cause.pretty(cause))
      })
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const spans: Array<Tracer.NativeSpan> = []
      const observed = Layer.mergeAll(
        Logger.layer([logger]),
        Layer.succeed(References.MinimumLogLevel)("Trace"),
        Layer.succeed(Tracer.Tracer)(tracer)
      )
      yield* Effect.gen(function* () {
        const { account, frames } = yield* Codex.Codex
        const told = yield* Effect.forkChild(
          frames.pipe(
            Stream.takeUntil(({ direction, text }) => direction === "in" && text.includes("account/updated")),
            Stream.runForEach(({ text }) => Effect.sync(() => kept.push(text)))
          ),
          { startImmediately: true }
        )
        yield* Effect.flatMap(account.login({ type: "apiKey", apiKey: Redacted.make(key) }), ({ wait }) => wait)
        yield* Fiber.join(told)
        for (const pid of pids) kept.push(readFileSync(`/proc/${pid}/cmdline`, "utf8"))
        yield* Effect.logTrace("at the end")
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(layerRecording(pids), observed)))
      for (const { attributes, events, name } of spans) kept.push(name, JSON.stringify([...attributes, events]))

      const all = kept.join("\n")
      for (const part of ["at the end", "account/login/start", "Codex.account.login", "app-server"]) {
        expect(all).toContain(part)
      }
      expect(all).not.toContain(key)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )
})

describe("a login in a browser", () => {
  const begin = Effect.flatMap(Codex.Codex, ({ account }) => account.login({ type: "chatgpt" }))

  it.live("says where to go, and is cancelled by its handle", () =>
    Effect.gen(function* () {
      const login = yield* begin
      expect(new URL(login.authUrl).searchParams.get("redirect_uri")).toContain("/auth/callback")
      const waiting = yield* Effect.forkChild(Effect.flip(login.wait), { startImmediately: true })
      yield* login.cancel
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "LoginFailed", target: "account" })
      yield* login.cancel
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layer([])))
  )

  it.live("is cancelled with its scope, and whoever waits is told", () =>
    Effect.gen(function* () {
      const { requestRaw } = yield* Codex.Codex
      const scope = yield* Scope.make()
      const { loginId, wait } = yield* Scope.provide(begin, scope)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(wait)).toMatchObject({ _tag: "LoginFailed" })
      expect(yield* requestRaw("account/login/cancel", { loginId })).toEqual({ status: "notFound" })
    }).pipe(Effect.provide(CodexTest.layer([])))
  )

  it.live("gives way to the next one", () =>
    Effect.gen(function* () {
      const first = yield* begin
      const second = yield* begin
      expect(second.loginId).not.toBe(first.loginId)
      expect(yield* Effect.flip(first.wait)).toMatchObject({ _tag: "LoginFailed" })
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layer([])))
  )
})

it.live("a login by a code that can't begin says why", () =>
  Effect.gen(function* () {
    const { account } = yield* Codex.Codex
    // Nobody answers here: the code would come from the internet.
    const failure = yield* Effect.flip(account.login({ type: "chatgptDeviceCode" }))
    expect(failure).toMatchObject({ _tag: "RequestFailed", method: "account/login/start" })
  }).pipe(Effect.scoped, Effect.provide(CodexTest.layer([])))
)

describe("a login with tokens of the program's own", () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const jwt = `${part({ alg: "none" })}.${part({
    email: "somebody@example.org",
    exp: 4_000_000_000,
    "https://api.openai.com/auth": { chatgpt_account_id: "account", chatgpt_plan_type: "pro" }
  })}.${part({})}`

  it.live("comes to its end", () =>
    Effect.gen(function* () {
      const { account } = yield* Codex.Codex
      const login = yield* account.login({
        type: "chatgptAuthTokens",
        accessToken: Redacted.make(jwt),
        chatgptAccountId: "account"
      })
      yield* login.wait
      yield* account.logout
      const refused = yield* Effect.flip(
        account.login({ type: "chatgptAuthTokens", accessToken: Redacted.make("none"), chatgptAccountId: "account" })
      )
      expect(JSON.stringify(refused)).not.toContain(jwt)
    }).pipe(Effect.scoped, Effect.provide(CodexTest.layer([], { codex: { experimentalApi: true } })))
  )
})
