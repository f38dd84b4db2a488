import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockModel } from "@effect-codex/core/testing"

const { reply, text } = MockModel

const ids = { threadId: "thread", turnId: "turn" }
let items = 0

/** A request to run a command, under another item id each time. */
export const command = (
  text: string,
  params?: Partial<PolicyEngine.Params["command"]>
): PolicyEngine.Request<"command"> => ({
  kind: "command",
  params: {
    ...ids,
    itemId: `item_${++items}`,
    startedAtMs: items,
    kind: "command",
    command: text,
    cwd: "/repo",
    ...params
  },
  ...ids,
  item: undefined,
  availableDecisions: undefined
})

/** A request to change one file. */
export const fileChange = (path: string, diff = "+text"): PolicyEngine.Request<"fileChange"> => ({
  kind: "fileChange",
  params: { ...ids, itemId: "item", startedAtMs: 0 },
  ...ids,
  item: { type: "fileChange", id: "item", changes: [{ path, diff, kind: { type: "add" } }], status: "inProgress" },
  availableDecisions: undefined
})

/** A call of one of the program's own tools. */
export const toolCall = (
  tool: string,
  args: unknown = {},
  namespace: string | null = null
): PolicyEngine.Request<"toolCall"> => ({
  kind: "toolCall",
  params: { ...ids, callId: "call", tool, arguments: args, namespace },
  ...ids,
  item: undefined,
  availableDecisions: undefined
})

/** Questions to the user. */
export const userInput = (
  ...questions: PolicyEngine.Params["userInput"]["questions"]
): PolicyEngine.Request<"userInput"> => ({
  kind: "userInput",
  params: { ...ids, itemId: "item", questions, isBlocking: true },
  ...ids,
  item: undefined,
  availableDecisions: undefined
})

/** A question with options. */
export const question = (
  id: string,
  labels: ReadonlyArray<string> = [],
  more?: { readonly isOther?: boolean; readonly isSecret?: boolean }
): PolicyEngine.Params["userInput"]["questions"][number] => ({
  id,
  header: id,
  question: `Which ${id}?`,
  options: labels.map((label) => ({ label, description: label })),
  ...more
})

/** The hash that the judge has to repeat, and the data that it is shown. */
export const readQuestion = (prompt: string): { readonly hash: string; readonly data: string } => ({
  hash: /requestHash is ([0-9a-f]{16})\./.exec(prompt)?.[1] ?? "no hash",
  data: /^----- request .* -----\n(.*)\n----- end of request/m.exec(prompt)?.[1] ?? "no data"
})

/** An answer as a judge should give it. */
export const ruling = (prompt: string, decision: unknown = "accept", reason = "because"): string =>
  JSON.stringify({ requestHash: readQuestion(prompt).hash, decision, reason })

type ModelRequest = Parameters<Extract<MockModel.Script, (request: never) => unknown>>[0]

/** Whether a request to the model is a question to the judge. */
export const isQuestion = ({ lastUserText }: ModelRequest): boolean =>
  lastUserText.startsWith("Decide on this request.")

/** The model as agent and judge: the agent makes its calls one after the other, the judge answers. */
export const agentAndJudge =
  (calls: ReadonlyArray<MockModel.Part>, judge: (prompt: string) => string): MockModel.Script =>
  (request) =>
    reply(isQuestion(request) ? text(judge(request.lastUserText)) : (calls[request.toolOutputs.length] ?? text("done")))
