import * as AppServer from "@effect-codex/core/AppServer"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as TestClock from "effect/testing/TestClock"
import { historyOf, printHistory } from "../../scripts/codegen/history.ts"
import { codexVersion } from "../../src/protocol/generated/Methods.ts"
import { RpcError } from "../../src/internal/rpc/jsonRpc.ts"
import * as Versions from "../../src/protocol/Versions.ts"

describe("versions", () => {
  it("are compared by their numbers, and what can't be read is a current one", () => {
    expect(Versions.isOlder("0.9.0", "0.10.0")).toBe(true)
    expect(Versions.isOlder("0.160.1", "0.160.0")).toBe(false)
    expect(Versions.isOlder("1.0.0", "0.171.0")).toBe(false)
    expect(Versions.isOlder("unknown", "0.171.0")).toBe(false)
    expect(Versions.has("unknown", { since: "0.167.0", until: "0.171.0" })).toBe(true)
    expect(Versions.minorOf("0.162.1")).toBe("0.162.0")
  })

  it("before a release are older than it, and newer than the one before", () => {
    expect(Versions.isOlder("0.171.0-alpha.1", "0.171.0")).toBe(true)
    expect(Versions.isOlder("0.171.0-alpha.9", "0.171.0-alpha.10")).toBe(true)
    expect(Versions.isOlder("0.171.0-alpha.1", "0.169.0")).toBe(false)
    expect(Versions.isOlder("0.171.0", "0.171.0-alpha.1")).toBe(false)
    expect(Versions.isOlder("0.171.0+build.7", "0.171.0")).toBe(false)
    expect(Versions.has("0.171.0-alpha.1", { since: "0.171.0" })).toBe(false)
  })

  it.each([
    "0.0.0",
    "0.0.0-dev",
    "unknown",
    "",
    "0.169",
    "0.169.0garbage",
    "v0.169.0",
    "0.169.0.1",
    "999999999999999999.0.0"
  ])("that were never published, such as %j, are taken for current ones", (version) => {
    expect(Versions.isPublished(version)).toBe(false)
    expect(Versions.isOlder(version, "0.160.0")).toBe(false)
    expect(Versions.has(version, { since: "0.171.0" })).toBe(true)
    expect(Versions.has(version, { until: "0.161.0" })).toBe(true)
    expect(Versions.missingField(version, "model/list", { modelProvider: "x" })).toBeUndefined()
  })

  it.each(["0.17", "0.169.0garbage", "v0.169.0", "0.169.0; rm -rf /"])("are not %j", (text) => {
    expect(Versions.isVersion(text)).toBe(false)
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

  it("tells in words how a version differs from the newest", () => {
    const lines = Versions.describe("0.160.1")
    const lineOf = (start: string) => lines.filter((line) => line.startsWith(start))
    expect(lineOf("missing (added in 0.169.0): methods ")).toEqual([
      expect.stringMatching(/ modelProvider\/list, .*; fields .*model\/list\.modelProvider, /)
    ])
    expect(lineOf("missing (added in 0.161.0): methods ")).toHaveLength(1)
    expect(lines.at(-1)).toBe("still there (removed in 0.171.0): requests of the server currentTime/read")
    expect(lineOf("missing (added in 0.167.0): An administrator can reserve")).toHaveLength(1)
    // So many are shown by `doctor`.
    for (const version of Versions.protocol.versions) expect(Versions.describe(version).length).toBeLessThanOrEqual(20)
    const newest = Versions.protocol.versions.at(-1) ?? ""
    expect(Versions.describe(newest)).toEqual([])
    expect(Versions.describe("99.0.0")).toEqual([])
  })
})

const withUserAgent = (message: MockAppServer.Message, userAgent: string): MockAppServer.Message =>
  Predicate.hasProperty(message["result"], "userAgent")
    ? { ...message, result: { ...message["result"], userAgent } }
    : message

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

  it.effect("that claims to be newer than it is fails with words that do not ask for what it claims to be", () =>
    Effect.gen(function* () {
      const { requestRaw } = yield* AppServer.AppServer
      const mock = yield* MockAppServer.MockAppServer
      yield* mock.on("modelProvider/list", () =>
        Effect.fail(
          new RpcError({ code: -32600, description: "Invalid request: unknown variant `modelProvider/list`, expected" })
        )
      )
      const failure = yield* Effect.flip(Effect.asVoid(requestRaw("modelProvider/list", {})))
      expect(failure).toMatchObject({
        _tag: "UnsupportedMethod",
        since: "0.169.0",
        message:
          "The app-server (0.171.0) does not know modelProvider/list. Codex has it since 0.169.0: check which codex the server is."
      })
    }).pipe(server("0.171.0"))
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

  it.effect.each([
    { version: "0.167.0-alpha.2", said: "codex 0.167.0-alpha.2, and minVersion is 0.167.0" },
    { version: "0.0.0", said: "codex 0.0.0, built from source, and minVersion is 0.167.0" },
    { version: "nightly", said: "does not say which codex it is, and minVersion is 0.167.0" },
    { version: "0.171.0garbage", said: "does not say which codex it is, and minVersion is 0.167.0" }
  ])("is refused in the handshake if it calls itself $version and there is a minVersion", ({ said, version }) =>
    Effect.gen(function* () {
      const connect = Effect.asVoid(AppServer.AppServer)
      const failure = yield* Effect.flip(connect.pipe(server(version, { minVersion: "0.167.0" })))
      expect(failure).toMatchObject({ reason: { _tag: "Handshake", description: expect.stringContaining(said) } })
      yield* connect.pipe(server(version))
    })
  )

  it.effect.each([
    // As a server that another client has introduced itself to.
    { userAgent: "ide/0.169.0 (Debian 12.0.0; x86_64) xterm/370.1.2 (ide; 3.2.1)", version: "0.169.0" },
    { userAgent: "effect-codex/0.169.0 (Debian 12.0.0; x86_64)", version: "0.169.0" },
    { userAgent: "effect-codex-fork/0.169.0", version: "0.169.0" },
    { userAgent: "effect-codex/0.172.0-alpha.4 (Debian)", version: "0.172.0-alpha.4" },
    { userAgent: "effect-codex/1 (Debian 12.0.0)", version: "unknown" },
    { userAgent: "", version: "unknown" }
  ])("is known by its user agent: $userAgent", ({ userAgent, version }) =>
    Effect.gen(function* () {
      const { serverInfo } = yield* AppServer.AppServer
      expect(serverInfo).toMatchObject({ userAgent, version })
    }).pipe(Effect.provide(MockAppServer.layer({ distort: (message) => [withUserAgent(message, userAgent)] })))
  )
})
