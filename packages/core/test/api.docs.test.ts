import { readFileSync } from "node:fs"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Methods from "@effect-codex/core/protocol/generated/Methods"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { until } from "./waiting.ts"

const root = path.join(import.meta.dirname, "..", "..", "..")

interface Row {
  readonly method: string
  /** What is written as code in the column of functions. */
  readonly functions: ReadonlyArray<string>
  readonly python: ReadonlyArray<string>
}

const codeIn = (cell = "") => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = ""]) => code)

const rowsOf = (document: string): ReadonlyArray<Row> =>
  readFileSync(path.join(root, document), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [, method, functions, python] = line.split("|")
      return { method: codeIn(method)[0] ?? "", functions: codeIn(functions), python: codeIn(python) }
    })

const rows = rowsOf("docs/api.md")
const stable = Object.keys(Methods.clientRequests)
const experimental = Object.keys(Methods.experimentalClientRequests).filter((method) => !stable.includes(method))

/** `thread/name/set` as `thread.nameSet`: the rule of the names. */
const groups = ["account", "app", "command", "config", "fs", "mcpServer", "model", "review", "skills", "thread", "turn"]
const named = (method: string) => {
  const name = method.replace(/[/_](\w)/g, (_, letter: string) => letter.toUpperCase())
  const group = groups.find((group) => name.startsWith(group) && /[A-Z]/.test(name.charAt(group.length)))
  return group === undefined
    ? name
    : `${group}.${name.charAt(group.length).toLowerCase()}${name.slice(group.length + 1)}`
}

/** Methods behind handles and streams, whose functions can't go by the rule. */
const ofHandles: { readonly [K in string]: string } = {
  initialize: "Codex.layer",
  "account/login/start": "account.login",
  "account/login/cancel": "account.login().cancel",
  "command/exec/resize": "command.start().resize",
  "command/exec/terminate": "command.start().terminate",
  "command/exec/write": "command.start().write",
  "fs/unwatch": "fs.watch",
  "fuzzyFileSearch/sessionStart": "fuzzyFileSearchSession",
  "fuzzyFileSearch/sessionStop": "fuzzyFileSearchSession",
  "fuzzyFileSearch/sessionUpdate": "fuzzyFileSearchSession().update",
  "turn/start": "responses.create"
}

type Service = Codex.Codex["Service"]
interface Failure {
  readonly _tag: string
}
type Call = (
  codex: Service,
  threadId: string
) =>
  | Effect.Effect<unknown, Failure, ExperimentalApi | PolicyEngine.PolicyEngine | Scope.Scope>
  | Stream.Stream<unknown, Failure, ExperimentalApi>

const input = [{ type: "text", text: "x", text_elements: [] }] as const
const login = (codex: Service) => codex.account.login({ type: "chatgpt" })
const running = (codex: Service) => codex.command.start({ command: ["x"] })
const searching = (codex: Service) => codex.fuzzyFileSearchSession({ roots: ["/x"] })

/** How each function is called, by its name in the documents. What it takes is of no interest here. */
const calls: { readonly [K in string]: Call } = {
  "account.gatewayOAuthCancel": ({ account }) => account.gatewayOAuthCancel,
  "account.gatewayOAuthLogin": ({ account }) => account.gatewayOAuthLogin(),
  "account.gatewayOAuthRead": ({ account }) => account.gatewayOAuthRead(),
  "account.login": ({ account }) => account.login({ type: "apiKey", apiKey: Redacted.make("x") }),
  "account.login().cancel": (codex) => Effect.flatMap(login(codex), ({ cancel }) => cancel),
  "account.logout": ({ account }) => account.logout,
  "account.rateLimitResetCreditConsume": ({ account }) => account.rateLimitResetCreditConsume({ idempotencyKey: "x" }),
  "account.rateLimitsRead": ({ account }) => account.rateLimitsRead(),
  "account.read": ({ account }) => account.read(),
  "account.securitySetupRead": ({ account }) => account.securitySetupRead,
  "account.sendAddCreditsNudgeEmail": ({ account }) => account.sendAddCreditsNudgeEmail({ creditType: "credits" }),
  "account.usageRead": ({ account }) => account.usageRead(),
  "account.workspaceMessagesRead": ({ account }) => account.workspaceMessagesRead,
  "app.installed": ({ app }) => app.installed(),
  "app.list": ({ app }) => app.list(),
  "app.listPage": ({ app }) => app.listPage(),
  "app.read": ({ app }) => app.read({ appIds: ["x"] }),
  "command.exec": ({ command }) => Effect.timeoutOption(command.exec({ command: ["x"] }), 0),
  "command.start": (codex) => running(codex),
  "command.start().resize": (codex) => Effect.flatMap(running(codex), ({ resize }) => resize({ rows: 1, cols: 1 })),
  "command.start().terminate": (codex) => Effect.flatMap(running(codex), ({ terminate }) => terminate),
  "command.start().write": (codex) => Effect.flatMap(running(codex), ({ write }) => write("x")),
  "config.batchWrite": ({ config }) => config.batchWrite({ edits: [] }),
  "config.mcpServerReload": ({ config }) => config.mcpServerReload,
  "config.read": ({ config }) => config.read(),
  "config.requirementsRead": ({ config }) => config.requirementsRead,
  "config.valueWrite": ({ config }) => config.valueWrite({ keyPath: "x", value: 1 }),
  "fs.copy": ({ fs }) => fs.copy("/x", "/y"),
  "fs.createDirectory": ({ fs }) => fs.createDirectory("/x"),
  "fs.getMetadata": ({ fs }) => fs.getMetadata("/x"),
  "fs.readDirectory": ({ fs }) => fs.readDirectory("/x"),
  "fs.readFile": ({ fs }) => fs.readFile("/x"),
  "fs.remove": ({ fs }) => fs.remove("/x"),
  "fs.watch": ({ fs }) => Stream.interruptWhen(fs.watch("/x"), Effect.yieldNow),
  "fs.writeFile": ({ fs }) => fs.writeFile("/x", "x"),
  fuzzyFileSearch: ({ fuzzyFileSearch }) => fuzzyFileSearch({ query: "x", roots: ["/x"] }),
  fuzzyFileSearchSession: (codex) => searching(codex),
  "fuzzyFileSearchSession().update": (codex) => Effect.flatMap(searching(codex), ({ update }) => update("x")),
  "mcpServer.oauthLogin": ({ mcpServer }) => mcpServer.oauthLogin({ name: "x" }),
  "mcpServer.resourceRead": ({ mcpServer }) => mcpServer.resourceRead({ server: "x", uri: "x" }),
  "mcpServer.statusList": ({ mcpServer }) => mcpServer.statusList(),
  "mcpServer.statusListPage": ({ mcpServer }) => mcpServer.statusListPage(),
  "mcpServer.toolCall": ({ mcpServer }, threadId) => mcpServer.toolCall({ threadId, server: "x", tool: "x" }),
  "model.list": ({ model }) => model.list(),
  "model.listPage": ({ model }) => model.listPage(),
  "model.providerCapabilitiesRead": ({ model }) => model.providerCapabilitiesRead(),
  "model.providerConfigWrite": ({ model }) => model.providerConfigWrite({ settings: { type: "customGateway" } }),
  "model.providerDefaultSet": ({ model }) => model.providerDefaultSet({ providerId: "mock" }),
  "model.providerList": ({ model }) => model.providerList(),
  "responses.create": ({ responses }) => responses.create({ prompt: "x" }),
  "responses.events": ({ responses }) => Stream.runDrain(responses.events({ prompt: "x" })),
  "responses.streamText": ({ responses }) => Stream.runDrain(responses.streamText({ prompt: "x" })),
  "review.start": ({ review }, id) => review.start(id, { target: { type: "uncommittedChanges" } }),
  "skills.configWrite": ({ skills }) => skills.configWrite({ enabled: true }),
  "skills.extraRootsSet": ({ skills }) => skills.extraRootsSet({ extraRoots: [] }),
  "skills.list": ({ skills }) => skills.list(),
  "thread.approveGuardianDeniedAction": ({ thread }, id) => thread.approveGuardianDeniedAction(id, { event: {} }),
  "thread.archive": ({ thread }, id) => thread.archive(id),
  "thread.attachmentAdd": ({ thread }, id) => thread.attachmentAdd(id, { ...attachment, payload: 1 }),
  "thread.attachmentList": ({ thread }, id) => thread.attachmentList(id),
  "thread.attachmentListPage": ({ thread }, id) => thread.attachmentListPage(id),
  "thread.attachmentOwnerList": ({ thread }) => thread.attachmentOwnerList(attachment),
  "thread.attachmentOwnerListPage": ({ thread }) => thread.attachmentOwnerListPage(attachment),
  "thread.attachmentRemove": ({ thread }, id) => thread.attachmentRemove(id, attachment),
  "thread.backgroundTerminalsClean": ({ thread }, id) => thread.backgroundTerminalsClean(id),
  "thread.backgroundTerminalsList": ({ thread }, id) => thread.backgroundTerminalsList(id),
  "thread.backgroundTerminalsListPage": ({ thread }, id) => thread.backgroundTerminalsListPage(id),
  "thread.backgroundTerminalsTerminate": ({ thread }, id) =>
    thread.backgroundTerminalsTerminate(id, { processId: "x" }),
  "thread.compactStart": ({ thread }, id) => thread.compactStart(id),
  "thread.delete": ({ thread }, id) => thread.delete(id),
  "thread.fork": ({ thread }, id) => thread.fork(id),
  "thread.goalClear": ({ thread }, id) => thread.goalClear(id),
  "thread.goalGet": ({ thread }, id) => thread.goalGet(id),
  "thread.goalSet": ({ thread }, id) => thread.goalSet(id, { objective: "x" }),
  "thread.injectItems": ({ thread }, id) => thread.injectItems(id, { items: [] }),
  "thread.itemsList": ({ thread }, id) => thread.itemsList(id),
  "thread.itemsListPage": ({ thread }, id) => thread.itemsListPage(id),
  "thread.itemsRead": ({ thread }, id) => thread.itemsRead(id, { turnId: "x", itemIds: [] }),
  "thread.list": ({ thread }) => thread.list(),
  "thread.listPage": ({ thread }) => thread.listPage(),
  "thread.loadedList": ({ thread }) => thread.loadedList(),
  "thread.loadedListPage": ({ thread }) => thread.loadedListPage(),
  "thread.metadataUpdate": ({ thread }, id) => thread.metadataUpdate(id, {}),
  "thread.nameSet": ({ thread }, id) => thread.nameSet(id, { name: "x" }),
  "thread.queueAdd": ({ thread }, id) => thread.queueAdd(id, { clientUserMessageId: "x", input }),
  "thread.queueDelete": ({ thread }, id) => thread.queueDelete(id, { queuedSubmissionId: "x" }),
  "thread.queueList": ({ thread }, id) => thread.queueList(id),
  "thread.queueListPage": ({ thread }, id) => thread.queueListPage(id),
  "thread.queueReorder": ({ thread }, id) => thread.queueReorder(id, { queuedSubmissionIds: [] }),
  "thread.queueStart": ({ thread }, id) => thread.queueStart(id),
  "thread.queueUpdate": ({ thread }, id) => thread.queueUpdate(id, { queuedSubmissionId: "x", input }),
  "thread.read": ({ thread }, id) => thread.read(id),
  "thread.resume": ({ thread }) => thread.resume(nobody),
  "thread.revert": ({ thread }, id) => thread.revert(id, { beforeTurnId: "x" }),
  "thread.rollback": ({ thread }, id) => thread.rollback(id, { numTurns: 1 }),
  "thread.search": ({ thread }) => thread.search({ searchTerm: "x" }),
  "thread.searchOccurrences": ({ thread }, id) => thread.searchOccurrences(id, { searchTerm: "x" }),
  "thread.searchOccurrencesPage": ({ thread }, id) => thread.searchOccurrencesPage(id, { searchTerm: "x" }),
  "thread.searchPage": ({ thread }) => thread.searchPage({ searchTerm: "x" }),
  "thread.sectionCreate": ({ thread }) => thread.sectionCreate({ name: "x" }),
  "thread.sectionDelete": ({ thread }) => thread.sectionDelete({ sectionId: "x" }),
  "thread.sectionList": ({ thread }) => thread.sectionList(),
  "thread.sectionListPage": ({ thread }) => thread.sectionListPage(),
  "thread.sectionMove": ({ thread }, id) => thread.sectionMove(id, { sectionId: "x" }),
  "thread.sectionUpdate": ({ thread }) => thread.sectionUpdate({ sectionId: "x", name: "x" }),
  "thread.shellCommand": ({ thread }, id) => thread.shellCommand(id, { command: "x" }),
  "thread.start": ({ thread }) => thread.start(),
  "thread.timelineList": ({ thread }, id) => thread.timelineList(id),
  "thread.timelineListPage": ({ thread }, id) => thread.timelineListPage(id),
  "thread.turnsList": ({ thread }, id) => thread.turnsList(id),
  "thread.turnsListPage": ({ thread }, id) => thread.turnsListPage(id),
  "thread.unarchive": ({ thread }, id) => thread.unarchive(id),
  "thread.unsubscribe": ({ thread }, id) => thread.unsubscribe(id),
  "turn.interrupt": ({ turn }, id) => turn.interrupt(id, { turnId: "x" }),
  "turn.settingsUpdate": ({ turn }, id) => turn.settingsUpdate(id, { turnId: "x" }),
  "turn.steer": ({ turn }, id) => turn.steer(id, { expectedTurnId: "x", input })
}
const attachment = { attachmentType: "x", identityKey: "x" }
const nobody = "00000000-0000-7000-8000-00000000ffff"

/** What the server answers where nothing would be sent after a refusal. */
const answers: { readonly [K in string]: unknown } = {
  "account/login/start": { type: "chatgpt", loginId: "x", authUrl: "x" },
  "fs/watch": { path: "/x" },
  "fuzzyFileSearch/sessionStart": {},
  "thread/turns/list": { data: [{ id: "x", items: [], itemsView: "notLoaded", status: "completed", rootTurnId: "x" }] }
}

describe.each([
  ["docs/api.md", rows],
  ["docs/zh/api.md", rowsOf("docs/zh/api.md")]
])("the table in %s", (_, rows) => {
  it("has every method once, the stable ones first", () => {
    expect(rows.map(({ method }) => method)).toEqual([...stable, ...experimental.toSorted()])
  })

  it("is that of the English document", () => {
    expect(rows.map(({ functions, python }) => [functions, python.toSorted()])).toEqual(
      rowsOf("docs/api.md").map(({ functions, python }) => [functions, python.toSorted()])
    )
  })
})

describe("the functions in the table", () => {
  it("have the names that the rule gives, unless they are in no group", () => {
    for (const { functions, method } of rows) {
      const [first] = functions
      if (first === "request") expect(stable).toContain(method)
      else if (first === "requestExperimental") expect(experimental).toContain(method)
      else expect(first).toBe(ofHandles[method] ?? named(method))
    }
  })

  it("are all functions of the groups, and the test has a call of each", () => {
    const listed = new Set(rows.flatMap(({ functions }) => functions))
    for (const other of ["request", "requestExperimental", "Codex.layer"]) listed.delete(other)
    expect(Object.keys(calls).toSorted()).toEqual([...listed].toSorted())
  })

  it.effect("are all there is in the groups", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const there = Object.entries(codex).flatMap(([group, functions]) =>
        groups.includes(group) ? Object.keys(functions).map((name) => `${group}.${name}`) : []
      )
      expect(there.toSorted()).toEqual(
        Object.keys(calls)
          .filter((name) => groups.includes(name.split(".")[0] ?? "") && !name.includes("()"))
          .toSorted()
      )
    }).pipe(Effect.provide(Codex.layerAppServer().pipe(Layer.provide(MockAppServer.layer()))))
  )

  const cases = rows.flatMap(({ functions, method }) =>
    functions.flatMap((name) => (calls[name] === undefined ? [] : [[name, method, calls[name]] as const]))
  )

  it.effect.each(cases)("%s sends %s", ([, method, call]) =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      for (const [method, answer] of Object.entries(answers)) yield* server.on(method, () => Effect.succeed(answer))
      yield* server.on("command/exec", () => Effect.never)
      yield* server.on("command/exec/terminate", () => Effect.never)
      const { id } = (yield* codex.request("thread/start", {})).thread
      const before = (yield* server.received).length
      const called = call(codex, id)
      const run = Stream.isStream(called) ? Stream.runDrain(called) : Effect.scoped(called)
      const fiber = yield* Effect.forkChild(run)
      const hasArrived = Effect.map(server.received, (messages) =>
        messages.slice(before).some((message) => message["method"] === method)
      )
      yield* until("it has said what it wants, or has ended", () =>
        fiber.pollUnsafe() === undefined ? hasArrived : true
      )
      fiber.interruptUnsafe()
      yield* until(`${method} has arrived`, () => hasArrived)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          Codex.layerAppServer().pipe(
            Layer.provideMerge(MockAppServer.layer({ connection: { experimentalApi: true } }))
          ),
          PolicyEngine.layerDeclineAll
        )
      )
    )
  )
})
