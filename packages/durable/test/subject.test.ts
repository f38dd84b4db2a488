import type { Kind, Params, Request } from "@effect-codex/core/PolicyEngine"
import { expect, it } from "@effect/vitest"
import { subjectKey } from "../src/Approval.ts"
import { subjectOf } from "../src/internal/subject.ts"

const ids = { threadId: "thread", turnId: "turn", itemId: "item" }

const request = <K extends Kind>(kind: K, params: Params[K], item?: Request<K>["item"]): Request<K> => ({
  kind,
  params,
  threadId: "thread",
  turnId: "turn",
  item,
  availableDecisions: undefined
})

const command = (changes: Partial<Params["command"]> = {}) =>
  request("command", { ...ids, startedAtMs: 0, command: "/bin/bash -lc 'rm x'", cwd: "/srv", ...changes })

const change = (path: string, diff = "") => ({ path, kind: { type: "add" as const }, diff })
const fileChange = (changes: ReadonlyArray<ReturnType<typeof change>>, params: Partial<Params["fileChange"]> = {}) =>
  request(
    "fileChange",
    { ...ids, startedAtMs: 0, ...params },
    { type: "fileChange", id: "item", status: "inProgress", changes }
  )

const toolCall = (args: unknown) =>
  request("toolCall", { threadId: "thread", turnId: "turn", callId: "call", tool: "deploy", arguments: args })

const keyOf = (asked: Request<Kind>) => subjectKey(subjectOf(asked).subject)

it("a verdict on a command holds for the same bytes in the same folder and environment", () => {
  expect(subjectOf(command()).isGrantable).toBe(true)
  expect(keyOf(command())).toBe(keyOf(command({ reason: "another reason" })))
  const others = [
    command({ command: "/bin/bash -lc 'rm  x'" }),
    command({ command: "/bin/sh -c 'rm x'" }),
    command({ cwd: "/srv/other" }),
    command({ environmentId: "elsewhere" })
  ]
  for (const other of others) expect(keyOf(other)).not.toBe(keyOf(command()))
})

it.each([
  ["typing into a terminal", command({ kind: "writeStdin" })],
  ["a command for a person alone", command({ kind: "humanCommand" })],
  ["network access", command({ networkApprovalContext: { host: "example.com", protocol: "https" } })],
  ["a command with more permissions", command({ additionalPermissions: {} })],
  ["a command that is not named", command({ command: null })],
  ["a command without a folder", command({ cwd: null })],
  ["changes of files that are not known", request("fileChange", { ...ids, startedAtMs: 0 })],
  ["no changes of files", fileChange([])],
  ["changes that ask for a folder", fileChange([change("/srv/a")], { grantRoot: "/srv" })],
  [
    "wider permissions",
    request("permissions", { ...ids, startedAtMs: 0, cwd: "/srv", permissions: {}, environmentId: null })
  ],
  ["a question", request("userInput", { ...ids, isBlocking: true, questions: [] })]
] as const)("%s is never granted", (_, asked) => {
  expect(subjectOf(asked).isGrantable).toBe(false)
})

it("a verdict on changes of files holds for the same changes in any order", () => {
  const asked = fileChange([change("/a", "1"), change("/b", "2")])
  expect(subjectOf(asked).isGrantable).toBe(true)
  expect(keyOf(asked)).toBe(keyOf(fileChange([change("/b", "2"), change("/a", "1")])))
  expect(keyOf(asked)).not.toBe(keyOf(fileChange([change("/a", "1"), change("/b", "3")])))
  expect(keyOf(asked)).not.toBe(keyOf(fileChange([change("/a", "1")])))
})

it("a verdict on a call holds for the same arguments, whatever the order of their names", () => {
  expect(keyOf(toolCall({ a: 1, b: { c: 2, d: 3 } }))).toBe(keyOf(toolCall({ b: { d: 3, c: 2 }, a: 1 })))
  expect(keyOf(toolCall({ a: 1 }))).not.toBe(keyOf(toolCall({ a: "1" })))
  expect(keyOf(toolCall([1, 2]))).not.toBe(keyOf(toolCall([2, 1])))
})
