// What programs do with codex, one of each kind, for tests that record and play it.
import * as Codex from "@effect-codex/core/Codex"
import type { CodexError } from "@effect-codex/core/CodexError"
import type * as ExperimentalApi from "@effect-codex/core/ExperimentalApi"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { type CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as path from "node:path"

const {
  addFile,
  applyPatch,
  commentary,
  disconnect,
  error,
  execCommand,
  failed,
  finalAnswer,
  malformed,
  mcpCall,
  reasoning,
  reply,
  requestPermissions,
  requestUserInput,
  spawnAgent,
  text,
  toolCall,
  usage,
  when
} = MockModel

type Program = Effect.Effect<
  unknown,
  CodexError | Schema.SchemaError,
  Codex.Codex | ExperimentalApi.ExperimentalApi | PolicyEngine.PolicyEngine | Scope.Scope
>

export interface Scenario {
  readonly script: MockModel.Script
  readonly home?: Omit<CodexTest.Options, "codex">
  readonly engine?: PolicyEngine.Engine
  readonly program?: Program
}

const ask = (prompt = "Go on", options?: Omit<Codex.ResponseOptions, "prompt">) =>
  Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt, ...options })).pipe(
    Effect.map(({ items, text }) => ({ text, items: items.map(({ type }) => type) }))
  )

const onThread = <A, E, R>(
  use: (thread: Effect.Success<ReturnType<Codex.Threads["start"]>>) => Effect.Effect<A, E, R>
) => Effect.flatMap(Codex.Codex, (codex) => Effect.flatMap(codex.thread.start(), use))

const done = reply(text("done"))
const saying = (...chunks: ReadonlyArray<string>): Scenario => ({ script: [reply(text(...chunks))] })
const calling = (call: MockModel.Part, engine = PolicyEngine.acceptAll): Scenario => ({
  script: [reply(call), done],
  engine
})
const failing = (answer: MockModel.Reply): Scenario => ({ script: [answer] })
const deciding = (engine: Parameters<typeof PolicyEngine.make>[0]) => PolicyEngine.make(engine)

const update = (file: string, before: string, after: string) =>
  applyPatch(`*** Begin Patch\n*** Update File: ${file}\n@@\n-${before}\n+${after}\n*** End Patch`)

const escalated = execCommand({ cmd: "touch made.txt", escalate: "May I?" })
const permissions = requestPermissions({ reason: "to write", write: ["/var/tmp/effect-codex"] })
const question = requestUserInput([
  {
    id: "color",
    header: "Color",
    question: "Which color?",
    options: [
      { label: "Red", description: "warm" },
      { label: "Blue", description: "cold" }
    ]
  }
])
const mcpServer = path.join(import.meta.dirname, "..", "fixtures", "mcp-server.mjs")
const withMcp = {
  config: `[mcp_servers.probe]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(mcpServer)}]\n`
}
const withPermissions = { features: { request_permissions_tool: true } }
const withQuestions = { features: { default_mode_request_user_input: true } }

const dynamicTools = [
  {
    type: "function" as const,
    name: "get_weather",
    description: "Tells the weather",
    inputSchema: { type: "object", properties: { city: { type: "string" } } }
  }
]
const asksTool = (
  onToolCall: NonNullable<Codex.ResponseOptions["onToolCall"]>,
  decision: "accept" | "decline"
): Scenario => ({
  script: [reply(toolCall("get_weather", { city: "Rome" })), done],
  engine: deciding({ toolCall: () => Effect.succeed({ decision, by: "test" }) }),
  program: Effect.flatMap(Codex.Codex, (codex) =>
    Effect.flatMap(codex.thread.start({ dynamicTools, onToolCall }), (thread) =>
      Effect.map(thread.run("Go on"), ({ text }) => text)
    )
  )
})

const sunny: NonNullable<Codex.ResponseOptions["onToolCall"]> = () =>
  Effect.succeed({ success: true, contentItems: [{ type: "inputText", text: "sunny" }] })

export const scenarios: Readonly<Record<string, Scenario>> = {
  "a word": saying("READY"),
  deltas: saying("one ", "two ", "three"),
  "many deltas": saying(...Array.from({ length: 200 }, (_, index) => `${index} `)),
  "text of any script": saying("grüße ", "你好 ", "👋🏽 ", "עברית"),
  "lines and JSON": saying('{"a":\n', "[1, 2]\n", "}"),
  "a long text": saying("x".repeat(20_000)),
  reasoning: { script: [reply(reasoning("Let me ", "think"), text("thought"))] },
  "commentary and an answer": { script: [reply(commentary("I look. "), finalAnswer("Found."))] },
  "two messages": { script: [reply(text("one"), text("two"))] },
  usage: { script: [reply(text("counted"), usage({ input: 1000, output: 200 }))] },
  "a command that only reads": calling(execCommand({ cmd: "ls" })),
  "a command that fails": calling(execCommand({ cmd: "exit 3" })),
  "a command with much output": calling(execCommand({ cmd: "seq 1 2000" })),
  "a command with output of any script": calling(execCommand({ cmd: "printf 'grüße 👋\\n'" })),
  "a command that writes errors": calling(execCommand({ cmd: "echo wrong >&2; exit 1" })),
  "a command that is not there": calling(execCommand({ cmd: "no-such-program" })),
  "a command elsewhere": calling(execCommand({ cmd: "pwd", workdir: "/" })),
  "three commands in a row": {
    script: [...["a", "b", "c"].map((word) => reply(execCommand({ cmd: `echo ${word}` }))), done]
  },
  "two commands at once": {
    script: [reply(execCommand({ cmd: "echo 1", callId: "x" }), execCommand({ cmd: "echo 2", callId: "y" })), done]
  },
  "an approval that is accepted": calling(escalated),
  "an approval that is declined": calling(escalated, PolicyEngine.declineAll),
  "an approval that is cancelled": calling(
    escalated,
    deciding({ command: () => Effect.succeed({ decision: "cancel", by: "test" }) })
  ),
  "an approval on which all abstain": calling(escalated, deciding({})),
  "an approval whose engine has a defect": calling(escalated, deciding({ command: () => Effect.die("broken") })),
  "an approval for the session": {
    script: [reply(escalated), reply(escalated), done],
    engine: deciding({ command: () => Effect.succeed({ decision: "acceptForSession", by: "test" }) })
  },
  "two approvals in a row": {
    script: [reply(escalated), reply(execCommand({ cmd: "touch other.txt", escalate: true })), done],
    engine: PolicyEngine.acceptAll
  },
  "a file that is added": calling(addFile("made.txt", "made\n")),
  "a file that is not added": calling(addFile("made.txt", "made\n"), PolicyEngine.declineAll),
  "a file change that is cancelled": calling(
    addFile("made.txt", "made\n"),
    deciding({ fileChange: () => Effect.succeed({ decision: "cancel", by: "test" }) })
  ),
  "a file that is changed": {
    ...calling(update("notes.txt", "old", "new")),
    home: { files: { "notes.txt": "old\n" } }
  },
  "a file that is deleted": {
    ...calling(applyPatch("*** Begin Patch\n*** Delete File: notes.txt\n*** End Patch")),
    home: { files: { "notes.txt": "old\n" } }
  },
  "a patch that does not fit": calling(update("missing.txt", "old", "new")),
  "permissions that are granted": { ...calling(permissions), home: withPermissions },
  "permissions that are not granted": { ...calling(permissions, PolicyEngine.declineAll), home: withPermissions },
  "a question that is answered": {
    ...calling(
      question,
      deciding({
        userInput: () => Effect.succeed({ decision: { answers: { color: { answers: ["Red"] } } }, by: "test" })
      })
    ),
    home: withQuestions
  },
  "a question that is not answered": { ...calling(question, PolicyEngine.declineAll), home: withQuestions },
  "an MCP tool": { ...calling(mcpCall("probe", "wipe", { target: "disk" })), home: withMcp },
  "an MCP tool that may not run": {
    ...calling(mcpCall("probe", "wipe", { target: "disk" }), PolicyEngine.declineAll),
    home: withMcp
  },
  "an MCP server's question": {
    ...calling(
      mcpCall("probe", "ask", {}),
      deciding({
        elicitation: () =>
          Effect.succeed({ decision: { action: "accept", content: { color: "Red" }, _meta: null }, by: "test" })
      })
    ),
    home: withMcp
  },
  "an MCP server's question that is declined": { ...calling(mcpCall("probe", "ask", {})), home: withMcp },
  "a tool of the program": asksTool(sunny, "accept"),
  "a tool that may not run": asksTool(sunny, "decline"),
  "a tool that fails": asksTool(() => Effect.die("broken"), "accept"),
  "a call of a tool that is not there": calling(toolCall("no_such_tool", {})),
  "an error of the model's server": failing(error(500, "overloaded")),
  "a key that is refused": failing(error(401, "no")),
  "an answer that fails": failing(reply(failed("context_length_exceeded", "too long"))),
  "an answer that is cut off": failing(reply(text("half", disconnect))),
  "an answer that can't be read": failing(reply(text("half", malformed()), text("rest"))),
  "a structured answer": {
    script: [reply(text('{"n":7}'))],
    program: Effect.flatMap(Codex.Codex, (codex) =>
      codex.responses.create({ prompt: "A number", output: Schema.Struct({ n: Schema.Finite }) })
    ).pipe(Effect.map(({ value }) => value))
  },
  "two turns on a thread": {
    script: [reply(text("one")), reply(text("two"))],
    program: onThread((thread) =>
      Effect.forEach(["1", "2"], (prompt) => Effect.map(thread.run(prompt), ({ text }) => text))
    )
  },
  "a thread that is resumed": {
    script: [reply(text("one")), reply(text("two"))],
    program: Effect.flatMap(Codex.Codex, (codex) =>
      Effect.flatMap(codex.responses.create({ prompt: "1" }), ({ threadId }) =>
        Effect.map(codex.responses.create({ prompt: "2", threadId }), ({ text }) => text)
      )
    )
  },
  "three turns at once": {
    script: ["a", "b", "c"].map((word) => when(`say ${word}`, reply(text(word)))),
    program: Effect.forEach(["a", "b", "c"], (word) => ask(`say ${word}`), { concurrency: 3 })
  },
  "a turn that is left at its first word": {
    script: (request) => (request.index === 0 ? reply(text("so ", MockModel.delay("1 minute"), "far")) : undefined),
    program: Effect.flatMap(Codex.Codex, (codex) =>
      codex.responses.streamText({ prompt: "Hang" }).pipe(Stream.take(1), Stream.runCollect)
    )
  },
  "a thread that is forked": {
    script: [reply(text("one")), reply(text("two"))],
    program: onThread((thread) =>
      Effect.gen(function* () {
        yield* thread.run("1")
        const fork = yield* thread.fork()
        return (yield* fork.run("2")).text
      })
    )
  },
  "a thread that is named, listed and archived": {
    script: [reply(text("one"))],
    program: onThread((thread) =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* thread.run("1")
        yield* codex.request("thread/name/set", { threadId: thread.id, name: "mine" })
        const { data } = yield* codex.thread.listPage({ limit: 5 })
        yield* codex.request("thread/archive", { threadId: thread.id })
        return data.length
      })
    )
  },
  "a command of the program": {
    script: [],
    program: Effect.flatMap(Codex.Codex, (codex) => codex.command.exec({ command: ["echo", "hello"] })).pipe(
      Effect.map(({ exitCode, stdout }) => ({ exitCode, stdout }))
    )
  },
  "a command of the program whose output is streamed": {
    script: [],
    program: Effect.flatMap(Codex.Codex, (codex) =>
      Effect.gen(function* () {
        const running = yield* codex.command.start({ command: ["sh", "-c", "echo hello; echo wrong >&2"] })
        const output = yield* Stream.mkString(Stream.decodeText(running.stdout))
        return { output, exitCode: yield* running.exitCode }
      })
    )
  },
  "models and the account": {
    script: [],
    program: Effect.flatMap(Codex.Codex, (codex) =>
      Effect.map(codex.request("model/list", {}), ({ data }) => data.length)
    )
  },
  "a request that is refused": {
    script: [],
    program: Effect.flatMap(Codex.Codex, (codex) => codex.thread.resume("00000000-0000-7000-8000-000000000000"))
  },
  "a sub-agent": {
    script: [
      when("spawn", reply(spawnAgent("the errand")), reply(text("sent"))),
      when("the errand", reply(text("run")))
    ],
    // The agent's turn may end after that of the thread.
    program: Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const ends = Stream.filter(yield* codex.subscribe, ({ method }) => method === "turn/completed")
      const { text } = yield* onThread((thread) => thread.run("spawn"))
      yield* Stream.runDrain(Stream.take(ends, 2))
      return text
    })
  }
}
