import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Experimental from "../../src/protocol/generated/Experimental.ts"
import * as Methods from "../../src/protocol/generated/Methods.ts"
import type { Lazy } from "../../src/protocol/Lazy.ts"
import * as Stable from "../../src/protocol/generated/Stable.ts"
import * as Protocol from "../../src/protocol/Protocol.ts"

const completed = (item: unknown) => ({ threadId: "t", turnId: "u", startedAtMs: 1, completedAtMs: 2, item })

const message = { type: "agentMessage", id: "i", text: "hello" }

const command = (commandActions: ReadonlyArray<unknown>) => ({
  type: "commandExecution",
  id: "i",
  command: "ls",
  cwd: "/",
  status: "completed",
  source: "agent",
  commandActions
})

const failed = (codexErrorInfo: unknown) => ({
  threadId: "t",
  turnId: "u",
  willRetry: false,
  error: { message: "no", codexErrorInfo }
})

describe("what is known", () => {
  it("passes on the very object that came, with the keys that are not known", () => {
    const params = { ...completed({ ...message, mood: "good" }), weather: "rain" }
    const decoded = Protocol.decodeNotification("item/completed", params)
    expect(Result.getOrThrow(decoded).params).toBe(params)
  })

  it("knows the type of the parameters by the method", () => {
    const notification = Result.getOrThrow(Protocol.decodeNotification("item/completed", completed(message)))
    expect(notification.method).toBe("item/completed")
    if (notification.method !== "item/completed") return
    const { item } = notification.params
    expect(item.type).toBe("agentMessage")
    if (item.type !== "agentMessage") return
    const text: string = item.text
    expect(text).toBe("hello")
  })

  it("decodes responses and server requests by their method", () => {
    const response = Protocol.decodeResponse("turn/interrupt", {})
    expect(Result.isSuccess(response)).toBe(true)
    const request = Protocol.decodeServerRequest("item/fileChange/requestApproval", {
      threadId: "t",
      turnId: "u",
      itemId: "i",
      startedAtMs: 1
    })
    const threadId: string = Result.getOrThrow(request).params.threadId
    expect(threadId).toBe("t")
  })
})

describe("the future is data", () => {
  it("takes any string where an enum is expected", () => {
    const params = completed({ ...message, phase: "encore" })
    expect(Result.getOrThrow(Protocol.decodeNotification("item/completed", params)).params).toBe(params)
  })

  it("turns a member of an unknown type into an unknown one with the value as it came", () => {
    const hologram = { type: "hologram", id: "i", depth: 3 }
    const params = { ...completed(hologram), weather: "rain" }
    expect(Result.getOrThrow(Protocol.decodeNotification("item/completed", params)).params).toStrictEqual({
      ...params,
      item: { type: "unknown", raw: hologram }
    })
  })

  it("does so wherever it is nested, and leaves the rest as it was", () => {
    const dance = { type: "dance", steps: 3 }
    const known = { type: "unknown", command: "ls" }
    const item = { ...command([known, dance]), mood: "good" }
    expect(Result.getOrThrow(Protocol.decodeNotification("item/completed", completed(item))).params).toStrictEqual(
      completed({ ...item, commandActions: [known, { type: "unknown", raw: dance }] })
    )
  })

  it("decodes what it has decoded to the same", () => {
    const once = Result.getOrThrow(Stable.ThreadItem.decode({ type: "hologram" }))
    expect(Result.getOrThrow(Stable.ThreadItem.decode(once))).toBe(once)
    const inAnother = Result.getOrThrow(
      Stable.ThreadItem.decode(command([{ type: "unknown", raw: 1 }, { type: "dance" }]))
    )
    expect(inAnother).toMatchObject({
      commandActions: [
        { type: "unknown", raw: 1 },
        { type: "unknown", raw: { type: "dance" } }
      ]
    })
  })

  it("takes arguments that are nested without end beside a member that is not known", () => {
    const nested: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)
    const call = {
      type: "dynamicToolCall",
      id: "c",
      tool: "add",
      arguments: nested,
      status: "completed",
      contentItems: [{ type: "hologram" }]
    }
    const { item } = Result.getOrThrow(Protocol.decodeNotification("item/completed", completed(call))).params as {
      readonly item: { readonly arguments: unknown; readonly contentItems: unknown }
    }
    expect(item.arguments === nested).toBe(true)
    expect(item.contentItems).toStrictEqual([{ type: "unknown", raw: { type: "hologram" } }])
  })

  it("gives back on encoding what came", () => {
    const hologram = { type: "hologram", id: "i" }
    const decoded = Schema.decodeSync(Stable.ThreadItem())(hologram)
    expect(Schema.encodeSync(Stable.ThreadItem())(decoded)).toStrictEqual(hologram)
  })

  it("fails on parameters without what they are about, and says where, without the value", () => {
    const { turnId: _, ...without } = completed(message)
    expect(Protocol.decodeNotification("item/completed", without)).toStrictEqual(Result.fail("Missing key at turnId"))
    expect(Protocol.decodeNotification("item/completed", { ...without, turnId: ["secret"] })).toStrictEqual(
      Result.fail("Expected string at turnId, got array")
    )
    expect(Result.isFailure(Stable.ThreadItem.decode({ ...message, text: 1 }))).toBe(true)
  })

  it("takes unknown members of unions that are told apart by a key of their own", () => {
    expect(Protocol.decodeNotification("error", failed("brandNew"))).toMatchObject({
      success: { params: failed("brandNew") }
    })
    expect(Protocol.decodeNotification("error", failed({ meteorStrike: { size: 3 } }))).toMatchObject({
      success: { params: failed({ type: "unknown", raw: { meteorStrike: { size: 3 } } }) }
    })
  })

  it("keeps the fields that all members have, and names the tag as the union does", () => {
    const params = { threadId: "t", serverName: "s", mode: "telepathy", message: "think" }
    const decoded = Result.getOrThrow(Protocol.decodeServerRequest("mcpServer/elicitation/request", params))
    const threadId: string = decoded.params.threadId
    expect(threadId).toBe("t")
    expect(decoded.params).toStrictEqual({ threadId: "t", serverName: "s", mode: "unknown", raw: params })
    const { threadId: _, ...without } = params
    expect(Protocol.decodeServerRequest("mcpServer/elicitation/request", without)).toStrictEqual(
      Result.fail("Missing key at threadId")
    )
  })

  it("does not know a method that only an object's prototype has", () => {
    for (const method of ["toString", "__proto__", "constructor", "thread/teleported"]) {
      expect(Protocol.decodeNotification(method, {})).toStrictEqual(Result.fail(`Unknown notification ${method}`))
      expect(Protocol.isServerRequest(method)).toBe(false)
      expect(Protocol.isClientRequest(method)).toBe(false)
    }
  })

  it("takes integers of 64 bits as far as a number holds them", () => {
    const readAt = (id: unknown) => Result.isSuccess(Stable.RequestId.decode(id))
    expect([1, -1, Number.MAX_SAFE_INTEGER, "1"].every(readAt)).toBe(true)
    expect([1.5, Number.MAX_SAFE_INTEGER + 1, null].some(readAt)).toBe(false)
  })

  it("puts a key called __proto__ back as a key", () => {
    const params = JSON.parse(`{"__proto__":{"polluted":true},"type":"commandExecution"}`)
    const item = { ...command([{ type: "dance" }]), ...params }
    Object.defineProperty(item, "__proto__", { value: { polluted: true }, enumerable: true })
    const decoded = Result.getOrThrow(Stable.ThreadItem.decode(item))
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
    expect(Object.hasOwn(decoded, "__proto__")).toBe(true)
  })
})

describe("a leaf that can't be read", () => {
  const read = (item: unknown) => {
    const { params, unreadable } = Result.getOrThrow(Protocol.decodeNotification("item/completed", completed(item)))
    return { item: "item" in params ? params.item : undefined, unreadable }
  }

  it("takes the nearest optional field with it, and nothing else", () => {
    const display = { mode: "show", version: "one" }
    const item = { ...message, phase: { not: "a string" }, mood: "good", moderation: { display } }
    expect(read(item)).toMatchObject({ item: { type: "agentMessage", text: "hello", mood: "good" } })
    expect(read(item).item).not.toHaveProperty("phase")
    expect(read(item).unreadable).toContain("item.phase")
    expect(read({ ...command([]), exitCode: "0" })).toStrictEqual({
      item: command([]),
      unreadable: ["item.exitCode"]
    })
  })

  it("becomes null where it may not be missing", () => {
    const usage = { totalTokens: 1, inputTokens: 1, cachedInputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0 }
    const lazy = Methods.experimentalNotifications["thread/tokenUsage/updated"]
    const params = { threadId: "t", turnId: "u", tokenUsage: { total: usage, last: usage, modelContextWindow: "big" } }
    expect(lazy.salvage(params, () => false)).toMatchObject({
      success: { value: { tokenUsage: { total: usage } }, unreadable: ["tokenUsage.modelContextWindow"] }
    })
  })

  it("makes the nearest member of an open union unknown, with the value as it came", () => {
    const action = { type: "read", command: "cat" }
    expect(read(command([action, { type: "unknown", command: "ls" }]))).toStrictEqual({
      item: command([
        { type: "unknown", raw: action },
        { type: "unknown", command: "ls" }
      ] as never),
      unreadable: ["item.commandActions[0].name"]
    })
  })

  it("makes the item unknown where nothing in it can do without", () => {
    const spoiled = { ...message, text: ["secret"] }
    expect(read(spoiled)).toStrictEqual({ item: { type: "unknown", raw: spoiled }, unreadable: ["item.text"] })
    for (const item of [{}, { type: 1 }, null, "hologram", []]) {
      expect(read(item)).toStrictEqual({ item: { type: "unknown", raw: item }, unreadable: ["item"] })
    }
  })

  it("is given back on encoding, as it came", () => {
    const schema = Stable.ThreadItem()
    const action = { type: "read", command: "cat" }
    for (const item of [{ ...message, text: 1 }, {}, { type: 1 }, null, "hologram", [], command([action as never])]) {
      const { value } = Result.getOrThrow(Stable.ThreadItem.salvage(item, () => false))
      expect(Schema.encodeUnknownSync(schema)(value)).toStrictEqual(item)
    }
  })

  it("makes a file change unknown as a whole if its changes can't be read", () => {
    const change = (kind: unknown) => ({ path: "/work/a", diff: "", kind })
    const item = (...changes: ReadonlyArray<unknown>) => ({
      type: "fileChange",
      id: "i",
      status: "inProgress",
      changes
    })
    const moved = item(change({ type: "update", move_path: ["/etc/passwd"] }), change({ type: "add" }))
    expect(read(moved)).toMatchObject({
      item: { type: "unknown", raw: moved },
      unreadable: ["item.changes[0].kind.move_path"]
    })
    const newer = item(change({ type: "teleport" }))
    expect(read(newer)).toMatchObject({ item: { type: "fileChange" }, unreadable: [] })
  })

  it("keeps the end of a turn, whatever its items are", () => {
    const turn = { id: "u", status: "completed", items: [{ ...message, text: 1 }, message], error: "none" }
    const decoded = Protocol.decodeNotification("turn/completed", { threadId: "t", turn })
    expect(decoded).toMatchObject({
      success: {
        params: { turn: { id: "u", status: "completed", items: [{ type: "unknown" }, message] } },
        unreadable: ["turn.error", "turn.items[0].text"]
      }
    })
  })

  it("of a response costs no more either", () => {
    const decoded = Protocol.decodeResponse("account/rateLimits/read", { rateLimits: { primary: "much" } })
    expect(Result.isSuccess(decoded)).toBe(true)
  })

  it("of an approval is no loss if it explains, and refuses the approval if a decision rests on it", () => {
    const params = { threadId: "t", turnId: "u", itemId: "i", startedAtMs: 1, command: "ls", cwd: "/" }
    const decode = (more: object) =>
      Protocol.decodeServerRequest("item/commandExecution/requestApproval", { ...params, ...more })
    expect(decode({ reason: 1, commandActions: "none" })).toMatchObject({
      success: { params, unreadable: ["commandActions", "reason"] }
    })
    for (const more of [{ command: 1 }, { cwd: [] }, { kind: 1 }, { approvalId: {} }, { environmentId: 1 }]) {
      expect(Result.isFailure(decode(more)), JSON.stringify(more)).toBe(true)
    }
    expect(Result.isFailure(decode({ networkApprovalContext: { host: 1 } }))).toBe(true)
    expect(Result.isFailure(decode({ additionalPermissions: { network: "all" } }))).toBe(true)
  })
})

describe("stable and experimental", () => {
  it("differ in methods and in fields", () => {
    const dynamicTools: NonNullable<Experimental.ThreadStartParams["dynamicTools"]> = []
    const experimental: Experimental.ThreadStartParams = { model: undefined, dynamicTools }
    // @ts-expect-error dynamicTools is experimental
    const stable: Stable.ThreadStartParams = { dynamicTools }
    // @ts-expect-error thread/search is experimental
    const method: keyof Methods.ClientRequests = "thread/search"
    const other: keyof Methods.ExperimentalClientRequests = method
    expect([experimental, stable, other]).toHaveLength(3)
    expect(Object.keys(Methods.clientRequests)).not.toContain("thread/search")
    expect(Methods.experimentalClientRequests["thread/search"].stability).toBe("experimental")
    expect(Methods.experimentalClientRequests["thread/start"].stability).toBe("stable")
  })

  it("share what is the same in both", () => {
    expect(Experimental.TurnError).toBe(Stable.TurnError)
    expect(Experimental.ThreadStartParams).not.toBe(Stable.ThreadStartParams)
    // Its own fields are the same, but those of the thread in it are not.
    expect(Experimental.ThreadStartedNotification).not.toBe(Stable.ThreadStartedNotification)
    expect(Methods.experimentalNotifications.error).toBe(Methods.notifications.error)
  })

  it("keep a client's own unions strict, and open those that the server can send", () => {
    // @ts-expect-error no such login
    const login: Stable.LoginAccountParams = { type: "unknown", raw: null }
    const item: Stable.ThreadItem = { type: "unknown", raw: null }
    expect(Schema.is(Stable.LoginAccountParams())(login)).toBe(false)
    expect(Result.isFailure(Stable.LoginAccountParams.decode({ type: "fax" }))).toBe(true)
    expect(Schema.is(Stable.ThreadItem())(item)).toBe(true)
  })

  it("can be assigned from experimental to stable where the server sends", () => {
    const response = (value: Methods.ExperimentalClientRequests["thread/start"]["response"]) => {
      const stable: Methods.ClientRequests["thread/start"]["response"] = value
      return stable
    }
    expect(response).toBeTypeOf("function")
  })
})

describe("the tables", () => {
  const lazies: Readonly<Record<string, Lazy<unknown>>> = { ...Stable, ...Experimental }

  it("hold every method of the protocol", () => {
    expect(Methods.codexVersion).toMatch(/^\d+\.\d+\.\d+/)
    const sizes = [
      Methods.clientRequests,
      Methods.experimentalClientRequests,
      Methods.serverRequests,
      Methods.experimentalServerRequests,
      Methods.notifications,
      Methods.experimentalNotifications
    ].map((table) => Object.keys(table).length)
    expect(sizes).toStrictEqual([113, 192, 10, 10, 89, 89])
  })

  it("give each client method a class, parameters and a response", () => {
    for (const [method, entry] of Object.entries(Methods.experimentalClientRequests)) {
      expect(["control", "open", "own"], method).toContain(entry.deadline)
      expect(Schema.isSchema(entry.params()), method).toBe(true)
      expect(Schema.isSchema(entry.response()), method).toBe(true)
    }
  })

  it("say which parameters may be missing", () => {
    expect(Methods.clientRequests["account/logout"].params.decode(undefined)).toStrictEqual(Result.succeed(undefined))
    for (const params of [undefined, null, {}]) {
      const decoded = Methods.clientRequests["account/rateLimits/read"].params.decode(params)
      expect(Result.isSuccess(decoded)).toBe(true)
    }
    expect(Result.isFailure(Methods.clientRequests["thread/start"].params.decode(undefined))).toBe(true)
    expect(Result.isSuccess(Methods.clientRequests["thread/start"].params.decode({ model: undefined }))).toBe(true)
  })

  it("build every schema, and a decoder that fails with a line on what is no JSON", () => {
    expect(Object.keys(lazies).length).toBeGreaterThan(900)
    for (const [name, definition] of Object.entries(lazies)) {
      expect(definition(), name).toBe(definition())
      const decoded = definition.decode(Symbol.iterator)
      if (Result.isFailure(decoded)) expect(decoded.failure).toMatch(/^\S[^\n]+$/)
    }
  })
})

describe("deadlines", () => {
  it("are open for what waits for a model or a person, and common for the rest", () => {
    expect(Protocol.deadlineOf("turn/start")).toBe("open")
    expect(Protocol.deadlineOf("account/login/start")).toBe("open")
    expect(Protocol.deadlineOf("command/exec")).toBe("own")
    expect(Protocol.deadlineOf("command/exec/write")).toBe("control")
    expect(Protocol.deadlineOf("thread/teleport")).toBe("control")
  })

  it("of calls that carry their own time are that time and half a minute", () => {
    expect(Protocol.ownDeadline({ timeoutMs: 1000 })).toStrictEqual(Duration.seconds(31))
    expect(Protocol.ownDeadline({ timeoutSecs: 60 })).toStrictEqual(Duration.seconds(90))
    expect(Protocol.ownDeadline({ timeoutMs: 1000, disableTimeout: true })).toBeUndefined()
    expect(Protocol.ownDeadline({ timeoutMs: null })).toBeUndefined()
    expect(Protocol.ownDeadline(undefined)).toBeUndefined()
  })
})
