import * as Transcript from "@effect-codex/core/Transcript"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { folder, read, temporaryFile } from "./recording.ts"
import { secrets } from "./secrets.ts"

const fixture = (version: string) =>
  path.join(import.meta.dirname, "..", "..", "..", "durable", "test", "fixtures", `rollout-${version}.jsonl`)

const threadId = "01a21bfc-8d67-7933-b11d-35e0601ff28c"

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 27, 9, 0, seconds)).toISOString()
const line = (seconds: number, type: string, payload: object) =>
  JSON.stringify({ timestamp: at(seconds), type, payload })
const meta = line(0, "session_meta", { id: threadId, cwd: "/srv/app", cli_version: "0.64.0", originator: "cli" })
const event = (seconds: number, type: string, payload: object = {}) => line(seconds, "event_msg", { type, ...payload })
const response = (seconds: number, type: string, payload: object) =>
  line(seconds, "response_item", { type, ...payload })
const completed = (seconds: number, item: object) =>
  event(seconds, "item_completed", { thread_id: threadId, turn_id: "t-1", item })

const rolloutOf = (lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const file = yield* temporaryFile
    writeFileSync(file, [meta, ...lines].map((line) => `${line}\n`).join(""))
    return yield* contentOf(file)
  })

const contentOf = (file: string) =>
  Effect.gen(function* () {
    const rollout = yield* Transcript.fromRollout(file)
    const entries = yield* Stream.runCollect(rollout.entries)
    return { ...rollout, file, entries, messages: entries.flatMap((entry) => ("in" in entry ? [entry.in] : [])) }
  }).pipe(Effect.provide(NodeServices.layer))

type Content = Effect.Success<ReturnType<typeof contentOf>>

const paramsOf = ({ messages }: Pick<Content, "messages">, method: string) =>
  messages.flatMap((message) => {
    const { params, method: its } = Object(message) as { readonly method?: string; readonly params?: unknown }
    return its === method ? [params] : []
  })

const itemsOf = (content: Content) =>
  paramsOf(content, "item/completed").map((params) => (params as { readonly item: object }).item)

describe("a rollout", () => {
  for (const version of ["0.169.0", "0.171.0"]) {
    it.effect(`of codex ${version} has its turns, items, tokens and times`, () =>
      Effect.gen(function* () {
        const content = yield* contentOf(fixture(version))
        const { entries, header, lacks, missing } = content
        expect(header).toMatchObject({ codex: version, source: "rollout", part: 1, cwd: "/srv/agent/work" })
        expect(missing).toBe(0)
        expect(lacks.join("\n")).toContain("approvals")
        expect(paramsOf(content, "turn/started").length).toBe(8)
        const statuses = paramsOf(content, "turn/completed").map((params) => Object(params).turn.status)
        expect(statuses).toContain("interrupted")
        expect(statuses).toContain("completed")
        const items = itemsOf(content)
        expect(items).toContainEqual(
          expect.objectContaining({
            type: "commandExecution",
            command: "/bin/bash -lc 'echo hello'",
            cwd: "/srv/agent/work",
            exitCode: 0,
            status: "completed"
          })
        )
        expect(items).toContainEqual(
          expect.objectContaining({
            type: "fileChange",
            changes: [{ path: "/srv/agent/work/a.txt", kind: { type: "add" }, diff: "hi\n" }]
          })
        )
        expect(items).toContainEqual(expect.objectContaining({ type: "dynamicToolCall", tool: "weather" }))
        expect(items).toContainEqual(expect.objectContaining({ type: "reasoning", summary: ["thinking"] }))
        expect(paramsOf(content, "thread/tokenUsage/updated").length).toBeGreaterThan(5)
        expect(entries.at(-1)).toMatchObject({ skipped: { unreadable: 0, tooLong: 0, unknown: 0, kinds: {} } })
        expect(entries.every(({ ms }) => ms >= 0)).toBe(true)
      })
    )
  }

  it.effect("of a codex without items is made of events and calls", () =>
    Effect.gen(function* () {
      const content = yield* rolloutOf([
        line(1, "turn_context", { cwd: "/srv/app", model: "m" }),
        event(1, "user_message", { message: "Go on", images: [] }),
        response(2, "message", { role: "user", content: [{ type: "input_text", text: "Go on" }] }),
        event(2, "agent_reasoning", { text: "**Looking**" }),
        response(3, "function_call", {
          name: "shell",
          call_id: "c1",
          arguments: JSON.stringify({ command: ["bash", "-lc", "exit 3"], workdir: "/srv/app" })
        }),
        response(5, "function_call_output", {
          call_id: "c1",
          output: JSON.stringify({ output: "no\n", metadata: { exit_code: 3, duration_seconds: 2 } })
        }),
        response(6, "function_call", {
          name: "update_plan",
          call_id: "c2",
          arguments: JSON.stringify({ plan: [{ step: "Look", status: "in_progress" }] })
        }),
        response(6, "function_call_output", { call_id: "c2", output: "Plan updated" }),
        response(7, "custom_tool_call", { name: "apply_patch", call_id: "c3", input: "*** Begin Patch" }),
        response(7, "custom_tool_call_output", { call_id: "c3", output: "Exit code: 0\nDone" }),
        event(8, "agent_message", { message: "Done." }),
        event(9, "token_count", { info: { total_token_usage: { total_tokens: 70 }, last_token_usage: {} } }),
        event(9, "token_count", { info: { total_token_usage: { total_tokens: 70 }, last_token_usage: {} } }),
        event(20, "user_message", { message: "And now?" })
      ])
      expect(itemsOf(content)).toMatchObject([
        { type: "userMessage", content: [{ text: "Go on" }] },
        { type: "reasoning", summary: ["**Looking**"] },
        {
          type: "commandExecution",
          command: "bash -lc 'exit 3'",
          exitCode: 3,
          status: "failed",
          aggregatedOutput: "no\n"
        },
        { type: "dynamicToolCall", tool: "apply_patch", arguments: "*** Begin Patch" },
        { type: "agentMessage", text: "Done." },
        { type: "userMessage", content: [{ text: "And now?" }] }
      ])
      expect(paramsOf(content, "turn/started")).toMatchObject([{ turn: { id: "turn 1" } }, { turn: { id: "turn 2" } }])
      expect(paramsOf(content, "turn/plan/updated")).toMatchObject([{ plan: [{ step: "Look", status: "inProgress" }] }])
      expect(paramsOf(content, "thread/tokenUsage/updated").length).toBe(1)
      expect(content.entries.at(-1)).toMatchObject({ ms: 20_000, skipped: { unreadable: 0, unknown: 0 } })
    }).pipe(Effect.scoped)
  )

  it.effect("tells a call that has no item, such as one that was declined, and each of the others once", () =>
    Effect.gen(function* () {
      const content = yield* rolloutOf([
        event(1, "task_started", { turn_id: "t-1" }),
        completed(1, { type: "UserMessage", id: "u", content: [{ type: "text", text: "Go on" }] }),
        response(2, "function_call", { name: "exec_command", call_id: "c1", arguments: '{"cmd":"rm -r x"}' }),
        response(3, "function_call_output", { call_id: "c1", output: "rejected by user" }),
        response(4, "function_call", { name: "exec_command", call_id: "c2", arguments: '{"cmd":"sleep 9"}' }),
        response(5, "function_call_output", { call_id: "c2", output: "still running" }),
        completed(7, {
          type: "CommandExecution",
          id: "c2",
          command: ["sleep", "9"],
          status: "completed",
          exit_code: 0
        }),
        response(8, "function_call", { name: "exec_command", call_id: "c3", arguments: '{"cmd":"yes"}' }),
        event(9, "turn_aborted", { turn_id: "t-1", reason: "interrupted" })
      ])
      expect(itemsOf(content)).toMatchObject([
        { type: "userMessage" },
        { command: "sleep 9", status: "completed" },
        { command: "rm -r x", status: "unknown", aggregatedOutput: "rejected by user" },
        { command: "yes", status: "unknown", aggregatedOutput: null }
      ])
      const rejected = content.entries.flatMap((entry) =>
        "in" in entry && JSON.stringify(entry.in).includes("rm -r x") ? [entry.ms] : []
      )
      expect(rejected).toEqual([2000, 3000])
    }).pipe(Effect.scoped)
  )

  it.effect("may have lines of any kind: those that are unknown, cut off or too long are counted", () =>
    Effect.gen(function* () {
      const content = yield* rolloutOf([
        event(1, "task_started", { turn_id: "t-1" }),
        "",
        "not JSON",
        "7",
        '{"type":"event_msg"}',
        line(2, "new_line", { type: "x" }),
        ...Array.from({ length: 60 }, (_, index) => event(2, `new_event_${index}`)),
        event(2, "item_completed", { item: { type: "x y" } }),
        event(2, "item_completed", { item: null }),
        event(2, `long${"x".repeat(500)}`),
        event(2, "agent_message", { message: "x".repeat(17_000_000) }),
        completed(3, { type: "SomethingNew", id: "n", some_field: 7 }),
        event(3, "task_complete", { turn_id: "t-1" }),
        '{"timestamp":"2026-11-27T09:'
      ])
      const [last] = content.entries.slice(-1)
      expect(last).toMatchObject({ skipped: { unreadable: 4, tooLong: 1, unknown: 64 } })
      const kinds = last !== undefined && "skipped" in last ? Object.keys(last.skipped.kinds) : []
      expect(kinds.length).toBe(20)
      expect(kinds.every((kind) => kind.length <= 80)).toBe(true)
      expect(itemsOf(content)).toMatchObject([{ type: "somethingNew", someField: 7 }])
      expect(paramsOf(content, "turn/completed").length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.effect("gives no secret away, in whatever field it is", () =>
    Effect.gen(function* () {
      for (const secret of Object.values(secrets)) {
        const content = yield* rolloutOf([
          event(1, "task_started", { turn_id: "t-1" }),
          completed(1, { type: "UserMessage", id: "u", content: [{ type: "text", text: `it is ${secret}` }] }),
          completed(2, {
            type: "CommandExecution",
            id: "c",
            command: ["curl", "-H", `x: ${secret}`],
            aggregated_output: `it is ${secret}\n`
          }),
          completed(2, { type: "McpToolCall", id: "m", arguments: { note: secret }, result: { content: [secret] } }),
          response(3, "function_call", { name: "other", call_id: "o", arguments: JSON.stringify({ note: secret }) }),
          response(3, "function_call_output", { call_id: "o", output: secret }),
          event(4, `kind ${secret}`),
          event(4, "task_complete", { turn_id: "t-1", error: { message: secret } })
        ])
        expect(JSON.stringify([content.header, content.entries])).not.toContain(secret)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("holds back no more calls than it has room for", () =>
    Effect.gen(function* () {
      const text = "some words ".repeat(90_000)
      const content = yield* rolloutOf([
        event(1, "task_started", { turn_id: "t-1" }),
        ...Array.from({ length: 20 }, (_, index) =>
          response(2, "function_call", { name: "other", call_id: `c${index}`, arguments: text })
        )
      ])
      expect(itemsOf(content).map((item) => Object(item).id)).toEqual(Array.from({ length: 20 }, (_, n) => `c${n}`))
    }).pipe(Effect.scoped)
  )

  it.effect("has times that can be shown, whatever a line says", () =>
    Effect.gen(function* () {
      const content = yield* rolloutOf(
        ["9999999-01-01", "-1", "", "1969-01-01T00:00:00Z"].map((timestamp) =>
          JSON.stringify({ timestamp, type: "event_msg", payload: { type: "task_started", turn_id: timestamp } })
        )
      )
      expect(content.entries.every(({ ms }) => Number.isSafeInteger(ms) && ms >= 0)).toBe(true)
    }).pipe(Effect.scoped)
  )
})

describe("what is no recording", () => {
  const build = (file: string) =>
    Effect.flip(Effect.scoped(Layer.build(Transcript.layer(file)))).pipe(Effect.provide(NodeServices.layer))

  it.effect("a rollout is not played, and the error says why", () =>
    Effect.gen(function* () {
      const rollout = fixture("0.171.0")
      const refused = yield* build(rollout)
      expect(refused).toMatchObject({ _tag: "TranscriptInvalid", isRollout: true })
      expect(refused.message).toContain("neither the messages of a program nor who decided, so it can't be played")
      // A transcript that was made of it can be read, and not played either.
      const file = yield* temporaryFile
      const { entries, header } = yield* Transcript.fromRollout(rollout).pipe(Effect.provide(NodeServices.layer))
      yield* Transcript.write(file, header, entries).pipe(Effect.provide(NodeServices.layer))
      expect((yield* read(file)).entries).toEqual((yield* contentOf(rollout)).entries)
      expect(yield* build(file)).toMatchObject({
        _tag: "TranscriptInvalid",
        description: expect.stringContaining("rollout")
      })
    }).pipe(Effect.scoped)
  )

  it.effect("a folder, a pipe, an empty, a binary and a compressed file are told", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const file = (name: string, content: string | Uint8Array) => {
        writeFileSync(path.join(directory, name), content)
        return path.join(directory, name)
      }
      mkdirSync(path.join(directory, "folder"))
      const wrong: Array<readonly [file: string, says: string]> = [
        [path.join(directory, "folder"), "it is a folder"],
        [file("empty", ""), "it is empty"],
        [
          file(
            "binary",
            Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 256)
          ),
          "not a transcript"
        ],
        [file("a.jsonl.zst", Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 4, 0])), "zstd -d"]
      ]
      if (process.platform !== "win32") {
        execFileSync("mkfifo", [path.join(directory, "pipe")])
        wrong.push([path.join(directory, "pipe"), "not a regular file"])
      }
      for (const [file, says] of wrong) {
        const opened = yield* Effect.flip(Transcript.open(file)).pipe(Effect.provide(NodeServices.layer))
        expect(opened._tag).toBe("TranscriptInvalid")
        expect(opened.message).toContain(says)
        expect(yield* Effect.flip(contentOf(file))).toMatchObject({ _tag: "TranscriptInvalid" })
      }
      const recording = file("run.jsonl", '{"transcript":1,"recording":"r","part":1}\n')
      expect((yield* Effect.flip(contentOf(recording))).message).toContain("not a rollout")
      const link = path.join(directory, "link.jsonl")
      symlinkSync(fixture("0.171.0"), link)
      expect((yield* contentOf(link)).header.codex).toBe("0.171.0")
    }).pipe(Effect.scoped)
  )

  it.effect("a rollout that ends in half a line has the rest", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      writeFileSync(file, readFileSync(fixture("0.171.0")).subarray(0, -200))
      const { entries } = yield* contentOf(file)
      expect(entries.at(-1)).toMatchObject({ skipped: { unreadable: 1 } })
      expect(entries.length).toBeGreaterThan(50)
    }).pipe(Effect.scoped)
  )
})
