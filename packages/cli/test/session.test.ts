// The built command as a client of durable sessions. No codex is needed for that.
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { runFile, type Options } from "../../../scripts/run-command.ts"
import { admit, approval, begin, completed, end, item, rollout } from "../../durable/test/storeSupport.ts"
import { build, mainOf } from "./built.ts"

const main = mainOf("session")
const files = mkdtempSync(path.join(tmpdir(), "effect-codex-session-"))
let count = 0

beforeAll(() => {
  const remove = build("session")
  return () => {
    remove()
    rmSync(files, { recursive: true })
  }
})

/** A store of its own, and the command on it. */
const place = () => {
  const file = path.join(files, `${count++}.db`)
  const session = (args: ReadonlyArray<string>, options?: Options) =>
    runFile(main, ["session", ...args, "--store", file], options)
  return { file, session }
}

// What another process writes is looked for this often.
const every = Schedule.spaced("50 millis")

const openArgs = ["open", "s", "--policy", "careful", "--workspace", "repo"]

describe("session", () => {
  it.live("opens, sends and lists, and sends the same key once", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      expect(yield* session(openArgs)).toMatchObject({ code: 0, stdout: "s is open.\n" })
      expect(yield* session(openArgs)).toMatchObject({ code: 0 })
      expect(yield* session([...openArgs, "--tool", "weather"])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("tools differ")
      })
      expect(yield* session(["send", "s", "Do it.", "--key", "k"])).toMatchObject({ code: 0, stdout: "k\n" })
      expect(yield* session(["send", "s", "--key", "k"], { stdin: "Do it.\n" })).toMatchObject({ code: 0 })
      expect(yield* session(["send", "s", "Do more.", "--key", "k"])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Use a new key")
      })
      const { stdout } = yield* session(["send", "s", "Do more."])
      expect(stdout).toMatch(/^[0-9a-f-]{36}\n$/)
      const listed = yield* session(["list"])
      expect(listed.stdout).toMatch(/^SESSION +STATE +JOBS +APPROVALS +TENANT\b.*\ns +queued +2 +0 +default/)
      const { stdout: json } = yield* session(["list", "--json"])
      expect(JSON.parse(json)).toMatchObject([
        { state: "queued", session: { id: "s", spec: { tools: [], maxAttempts: 3 } }, jobs: [{ key: "k" }, {}] }
      ])
      expect(existsSync(file)).toBe(true)
    })
  )

  it.live("says that the file it was given is not a store, and exits with 2", () =>
    Effect.gen(function* () {
      const list = (store: string) => runFile(main, ["session", "list", "--store", store])
      expect(yield* list(files)).toMatchObject({ code: 2, stderr: expect.stringContaining("is a folder") })
      const text = path.join(files, "text.db")
      writeFileSync(text, "not a database\n".repeat(100))
      expect(yield* list(text)).toMatchObject({ code: 2, stderr: expect.stringContaining("not a database") })
      const { code, stderr } = yield* runFile(main, ["session", ...openArgs, "--store", path.join(files, "no", "s.db")])
      expect(stderr).toBe(`effect-codex: --store: ${path.join(files, "no")} is not a folder.\n`)
      expect(code).toBe(2)
    })
  )

  it.live("makes no store but to open a session, and says what is unknown", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      expect(yield* session(["list"])).toMatchObject({
        code: 2,
        stdout: "",
        stderr: `effect-codex: There is no store ${file}. effect-codex session open creates it.\n`
      })
      expect(existsSync(file)).toBe(false)
      yield* session(openArgs)
      expect(yield* session(["send", "x", "Do it."])).toMatchObject({ code: 2, stderr: expect.stringContaining('"x"') })
      expect(yield* session(["watch", "x"])).toMatchObject({ code: 2 })
      expect(yield* session(["interrupt", "s", "k"])).toMatchObject({ code: 2 })
      expect(yield* session(["decide", "a", "accept"])).toMatchObject({ code: 1 })
      expect(yield* session(["decide", "a", "maybe"])).toMatchObject({ code: 2 })
      expect(yield* session(["approvals"])).toMatchObject({ code: 0, stdout: "" })
    })
  )

  it.live("watch stops and starts anywhere, while the owner goes on", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      const store = yield* SqliteStore.make({ file })
      const { commit } = yield* begin(store)
      yield* commit(...admit("k", 1, "t1"), item("k", 1, "t1", "m1", "one\u001b[2J\ntwo"))
      const first = yield* session(["watch", "s", "--once"])
      expect(first.stdout).toMatch(/^1 .* k: attempt 1 started\n2 .* agent: one\n  two\n$/)
      const seen = { stdout: "" }
      const watching = yield* Effect.forkChild(
        session(["watch", "s", "--after", "2", "--json"], {
          onStdout: (piece, pid) => {
            seen.stdout += piece
            if (seen.stdout.split("\n").length > 4) process.kill(pid, "SIGINT")
          }
        })
      )
      yield* commit(approval("a-1", "k", 1))
      yield* store.decide({ approval: "a-1", decision: "decline", by: "ann" })
      yield* commit(rollout(0, "x\n", ["t1"]), end("k", 1, "completed"), completed("k", "t1"))
      expect(yield* Fiber.join(watching)).toMatchObject({ code: 130 })
      const events = seen.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(events.map(({ happening, offset }) => [offset, happening.type])).toEqual([
        [3, "approvalOpened"],
        [4, "approvalDecided"],
        [5, "attemptEnded"],
        [6, "jobSettled"]
      ])
      const rest = yield* session(["watch", "s", "--after", "2", "--once"])
      expect(rest.stdout).toMatch(
        /^3 .* approval a-1: Run npm publish\?\n4 .* approval a-1: decline by ann\n5 .* k: attempt 1 ended, completed\n6 .* k: completed\n$/
      )
    })
  )

  it.live("shows approvals whole, and decides them once", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      const store = yield* SqliteStore.make({ file })
      const { commit } = yield* begin(store)
      const expiresAt = Date.now() + 3_600_000
      yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1, { expiresAt }), approval("b", "k", 1, { expiresAt }))
      yield* commit({ type: "approvalParked", approval: "a" })
      const shown = yield* session(["approvals", "s"])
      expect(shown.stdout).toMatch(
        /^Approval a of session s\n  Run npm publish\?\n  Folder: \/work\n  Opened .*\n\nApproval b/
      )
      expect(yield* session(["decide", "a", "accept", "--by", "ann", "--reason", "fine"])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("Granted")
      })
      expect(yield* session(["decide", "a", "decline"])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("ann chose accept")
      })
      // The owner, in this process, takes the verdict of another one.
      const taking = yield* Effect.forkChild(
        Effect.retry(commit({ type: "verdictUsed", approval: "b", use: "delivered" }), { schedule: every })
      )
      const delivered = yield* session(["decide", "b", "decline", "--json"])
      expect(JSON.parse(delivered.stdout)).toEqual({ approval: "b", decision: "decline", use: "delivered" })
      expect((yield* Fiber.join(taking)).verdicts).toMatchObject([{ decision: "decline", by: expect.any(String) }])
    })
  )

  it.live("waits for an answer, and asks for interruptions", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      const store = yield* SqliteStore.make({ file })
      const { commit } = yield* begin(store)
      const waiting = yield* Effect.forkChild(session(["send", "s", "Do it.", "--key", "k", "--wait"]))
      const failing = yield* Effect.forkChild(session(["send", "s", "More.", "--key", "l", "--wait"]))
      yield* Effect.retry(store.job("s", "l"), { schedule: every })
      expect(yield* session(["interrupt", "s", "l", "--by", "ann", "--reason", "late"])).toMatchObject({ code: 0 })
      const { interrupt } = yield* store.job("s", "l")
      expect(interrupt).toMatchObject({ by: "ann", reason: "late" })
      yield* commit(...admit("k", 1, "t1"), rollout(0, "x\n", ["t1"]), end("k", 1, "completed"))
      yield* commit(completed("k", "t1", "It is done.\u001b[2J"), {
        type: "jobSettled",
        key: "l",
        outcome: { type: "interrupted", by: "ann" }
      })
      expect(yield* Fiber.join(waiting)).toMatchObject({ code: 0, stdout: "It is done.\n" })
      expect(yield* Fiber.join(failing)).toMatchObject({
        code: 130,
        stderr: expect.stringContaining("ann interrupted")
      })
      expect(yield* session(["interrupt", "s", "l"])).toMatchObject({ code: 1 })
    })
  )

  it.live("lets a blocked session be tried again, with a choice if its rollout differs", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      const store = yield* SqliteStore.make({ file })
      const { commit } = yield* begin(store)
      yield* commit({ type: "blocked", block: { tag: "PolicyMissing", message: "No policy." } })
      expect(yield* session(["resume", "s"])).toMatchObject({ code: 0, stdout: "s will be resumed.\n" })
      expect(yield* store.session("s")).not.toHaveProperty("block")
      const rollout = { threadId: "t", version: 1, choices: ["file", "stored"] } as const
      yield* commit({ type: "blocked", block: { tag: "RolloutDiverged", message: "It differs.", rollout } })
      expect(yield* session(["resume", "s"])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("file or stored")
      })
      expect(yield* session(["resume", "s", "--rollout", "other"])).toMatchObject({ code: 2 })
      expect(yield* session(["resume", "s", "--rollout", "stored", "--by", "ann"])).toMatchObject({ code: 0 })
      expect((yield* store.session("s")).block?.choice).toMatchObject({ rollout: "stored", by: "ann" })
      expect(yield* session(["resume", "x"])).toMatchObject({ code: 2 })
    })
  )

  it.live("takes the beginning of an id that no other shares", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      const store = yield* SqliteStore.make({ file })
      const { commit } = yield* begin(store)
      const expiresAt = Date.now() + 3_600_000
      const [one, two, three] = ["0199b6f2-aaaa-7000", "0199b6f2-bbbb-7000", "0207c6f2-bbbb-7000"] as const
      yield* commit(
        ...admit("k", 1, "t1"),
        ...[one, two, three].flatMap((id) => [
          approval(id, "k", 1, { expiresAt }),
          { type: "approvalParked" as const, approval: id }
        ])
      )
      expect(yield* session(["decide", "0199b6f2", "accept"])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`Several approvals begin with 0199b6f2: ${one}, ${two}. Give more of the id.`)
      })
      const { stdout } = yield* session(["decide", "0199b6f2-a", "accept", "--json"])
      expect(JSON.parse(stdout)).toMatchObject({ approval: one, decision: "accept" })
      expect((yield* store.approval(one)).state).toBe("decided")
      // It waits no more, so the beginning has one meaning left.
      expect(yield* session(["decide", "0199", "decline"])).toMatchObject({ code: 0 })
      expect((yield* store.approval(two)).verdict).toMatchObject({ decision: "decline" })
      expect(yield* session(["decide", "03", "decline"])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("Approval 03 needs no verdict")
      })

      for (const id of ["ticket-10", "ticket-11", "report"]) yield* session(["open", id, ...openArgs.slice(2)])
      expect(yield* session(["send", "rep", "Do it.", "--key", "k"])).toMatchObject({ code: 0 })
      expect((yield* store.job("report", "k")).key).toBe("k")
      expect((yield* session(["interrupt", "rep", "k", "--by", "ann"])).code).toBe(0)
      expect((yield* session(["watch", "rep", "--once"])).code).toBe(0)
      expect((yield* session(["resume", "rep"])).stdout).toBe("report will be resumed.\n")
      expect((yield* session(["approvals", "rep"])).stderr).toContain("No approval waits")
      expect(yield* session(["send", "tick", "Do it."])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Several sessions begin with tick: ticket-10, ticket-11. Give more of the id.")
      })
      // A number is not the beginning of a longer one.
      yield* session(["remove", "ticket-11", "--yes"])
      expect(yield* session(["send", "ticket-1", "Do it."])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('No session "ticket-1" exists')
      })
      expect(yield* session(["remove", "tick", "--yes"])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("With --yes, give the whole id: ticket-10.")
      })
      // An id that is the beginning of others means itself.
      yield* session(["open", "tick", ...openArgs.slice(2)])
      expect(yield* session(["remove", "tick", "--yes"])).toMatchObject({ code: 0, stdout: "tick is removed.\n" })
      // A new session has the id that is given.
      expect((yield* session(["open", "rep", ...openArgs.slice(2)])).stdout).toBe("rep is open.\n")
    })
  )

  it.live("removes a session, but not unasked", () =>
    Effect.gen(function* () {
      const { file, session } = place()
      yield* session(openArgs)
      expect(yield* session(["remove", "s"])).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") })
      expect(yield* session(["remove", "s", "--yes"])).toMatchObject({ code: 0, stdout: "s is removed.\n" })
      expect(yield* session(["list"])).toMatchObject({ code: 0, stdout: "" })
      const store = yield* SqliteStore.make({ file })
      expect(yield* store.work()).toMatchObject([{ session: { id: "s", isRemoved: true } }])
    })
  )
})

it("the command without durable sessions loads none of their code", () => {
  const entry = readFileSync(path.join(path.dirname(main), "main.js"), "utf8")
  expect(entry).not.toContain("node:sqlite")
  expect(entry).not.toContain("codex_sessions")
})
