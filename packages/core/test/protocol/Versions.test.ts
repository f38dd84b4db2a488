import * as AppServer from "@effect-codex/core/AppServer"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { historyOf, printHistory } from "../../scripts/codegen/history.ts"
import { codexVersion } from "../../src/protocol/generated/Methods.ts"
import * as Versions from "../../src/protocol/Versions.ts"

describe("versions", () => {
  it("are compared by their numbers, and what can't be read is a current one", () => {
    expect(Versions.isOlder("0.9.0", "0.10.0")).toBe(true)
    expect(Versions.isOlder("0.160.1", "0.160.0")).toBe(false)
    expect(Versions.isOlder("1.0.0", "0.171.0")).toBe(false)
    expect(Versions.isOlder("0.171.0-alpha.1", "0.171.0")).toBe(false)
    expect(Versions.isOlder("unknown", "0.171.0")).toBe(false)
    expect(Versions.has("unknown", { since: "0.167.0", until: "0.171.0" })).toBe(true)
    expect(Versions.isVersion("0.17")).toBe(false)
    expect(Versions.minorOf("0.162.1")).toBe("0.162.0")
  })

  it("have a span from the first that has something to the last", () => {
    expect(Versions.has("0.166.0", { since: "0.167.0" })).toBe(false)
    expect(Versions.has("0.167.0", { since: "0.167.0" })).toBe(true)
    expect(Versions.has("0.170.0", { until: "0.171.0" })).toBe(true)
    expect(Versions.has("0.171.0", { until: "0.171.0" })).toBe(false)
  })
})

describe("the table of versions", () => {
  const outline = (version: string, methods: Readonly<Record<string, string>>, fields: ReadonlyArray<string>) => ({
    version,
    methods,
    shapes: { AParams: fields.map((field) => `.${field}?: string`) }
  })
  const history = historyOf([
    outline("0.1.0", { "a/b": "request AParams", "t/read": "server request" }, ["old"]),
    outline("0.2.3", { "a/b": "request AParams", "a/c": "request AParams", "t/read": "server request" }, [
      "old",
      "new"
    ]),
    outline("0.3.0", { "a/b": "request AParams", "a/c": "request AParams", "a/said": "notification" }, ["old", "new"])
  ])

  it("is made of what came and went, and has no field of a method that was not there", () => {
    expect(history).toStrictEqual({
      versions: ["0.1.0", "0.2.3", "0.3.0"],
      requests: { "a/c": { since: "0.2.0" } },
      serverRequests: { "t/read": { until: "0.3.0" } },
      notifications: { "a/said": { since: "0.3.0" } },
      fields: { "a/b.new": { since: "0.2.0" } }
    })
    expect(printHistory(history)).toContain(`"a/b.new": {"since":"0.2.0"}`)
  })

  it("knows the pinned version and what it has", () => {
    expect(Versions.protocol.versions).toContain(codexVersion)
    expect(Versions.sinceOf("modelProvider/list")).toBe("0.169.0")
    expect(Versions.sinceOf("thread/start")).toBeUndefined()
    expect(Versions.sinceOf("toString")).toBeUndefined()
    expect(Versions.protocol.serverRequests["currentTime/read"]).toEqual({ until: "0.171.0" })
  })

  it("tells in words what a version lacks", () => {
    const lines = Versions.describe("0.160.1")
    expect(lines).toContain("method modelProvider/list: since 0.169.0")
    expect(lines).toContain("field turn/start.rootTurnId: since 0.162.0")
    expect(lines.some((line) => line.startsWith("An administrator can leave commands"))).toBe(true)
    const newest = Versions.protocol.versions.at(-1) ?? ""
    expect(Versions.describe(newest)).toEqual(["request of the server currentTime/read: until 0.171.0"])
  })
})

describe("a server of another version", () => {
  const server = (version: string, connection?: AppServer.ConnectionOptions) =>
    Effect.provide(MockAppServer.layer({ version, connection }))

  it.effect("that is older fails on a field that it would ignore, and says since when there is one", () =>
    Effect.gen(function* () {
      const { request } = yield* AppServer.AppServer
      const failure = yield* Effect.flip(Effect.asVoid(request("model/list", { modelProvider: "x" })))
      expect(failure).toMatchObject({
        _tag: "UnsupportedMethod",
        method: "model/list.modelProvider",
        serverVersion: "0.166.0",
        since: "0.169.0",
        message: "The app-server (0.166.0) does not know model/list.modelProvider. Install codex 0.169.0 or newer."
      })
    }).pipe(server("0.166.0"))
  )

  it.effect("that is older and asks for the time is told it", () =>
    Effect.gen(function* () {
      yield* AppServer.AppServer
      const { ask } = yield* MockAppServer.MockAppServer
      yield* TestClock.setTime(61_500)
      expect(yield* ask("currentTime/read", { threadId: "t" })).toEqual({ currentTimeAt: 61 })
    }).pipe(server("0.170.0"))
  )

  it.effect("that is newer takes it", () =>
    Effect.gen(function* () {
      const { request } = yield* AppServer.AppServer
      const failure = yield* Effect.flip(Effect.asVoid(request("model/list", { modelProvider: "x" })))
      expect(failure).not.toMatchObject({ method: "model/list.modelProvider" })
    }).pipe(server("0.171.0"))
  )

  it.effect("is refused in the handshake if it is older than minVersion", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.asVoid(AppServer.AppServer).pipe(server("0.166.0", { minVersion: "0.167.0" }))
      )
      expect(failure).toMatchObject({
        _tag: "ConnectionFailed",
        reason: { _tag: "Handshake", description: expect.stringContaining("codex 0.166.0, and minVersion is 0.167.0") }
      })
      yield* Effect.asVoid(AppServer.AppServer).pipe(server("0.167.0", { minVersion: "0.167.0" }))
    })
  )
})
