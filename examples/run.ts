/**
 * Runs an example: `npm run example -- NAME [--offline]`.
 *
 * An example is the file that a user would write, and knows nothing of being offline. Offline, this runner gives it an
 * environment in which codex finds a throwaway home whose model is a stand-in on the loopback.
 */
import * as CodexHome from "@effect-codex/core/testing/CodexHome"
import * as MockModel from "@effect-codex/core/testing/MockModel"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { postgres } from "../packages/durable/test/postgres.ts"
import * as Client from "./stand-ins/client.ts"
import * as Collector from "./stand-ins/collector.ts"

const { execCommand, reply, requestUserInput, text } = MockModel

// The stand-in as agent and as judge: the commands of the agent one after the other, and a judge that declines some words.
const withJudge =
  (commands: ReadonlyArray<string>, declined: RegExp): MockModel.Script =>
  ({ lastUserText, toolOutputs }) => {
    const requestHash = /requestHash is ([0-9a-f]+)/.exec(lastUserText)?.[1]
    if (requestHash === undefined) {
      const cmd = commands[toolOutputs.length]
      return reply(cmd === undefined ? text("Done.") : execCommand({ cmd, escalate: true }))
    }
    const answer = declined.test(lastUserText)
      ? { requestHash, decision: "decline", reason: "It deletes files." }
      : { requestHash, decision: "accept", reason: "It only reads." }
    return reply(text(JSON.stringify(answer)))
  }

// The answers of the stand-in to each example, in order.
const scripts = {
  chat: ({ lastUserText }) => reply(text(`You said: ${lastUserText}`)),
  cluster: ({ lastUserText }) =>
    lastUserText.includes("was cut off")
      ? reply(text("It was interrupted, and is still there."))
      : reply(text("It is ", MockModel.delay("3 seconds"), "there.")),
  durable: ({ lastUserText }) =>
    lastUserText.includes("was cut off")
      ? reply(text("There are none."))
      : reply(text("Let me ", "see.", MockModel.delay("1 hour"))),
  errors: [
    MockModel.error(503, "The model is overloaded"),
    reply(text("Yes.")),
    reply(text(MockModel.failed("context_length_exceeded", "Too long")))
  ],
  // The first turn may ask once more before it is stopped.
  guards: ({ lastUserText, toolOutputs }) =>
    lastUserText.startsWith("Read") && toolOutputs.length === 0
      ? reply(execCommand({ cmd: "cat *" }), MockModel.usage({ input: 1200, output: 30 }))
      : reply(text("Hm.", MockModel.delay("1 hour"))),
  otlp: [
    reply(execCommand({ cmd: "ls", escalate: "May I look around?" }), MockModel.usage({ input: 90, output: 10 })),
    reply(text("I may not look."), MockModel.usage({ input: 120, output: 5 }))
  ],
  "parallel-threads": ({ lastUserText }) =>
    reply(text(`${/module (\w+)/.exec(lastUserText)?.[1]} is small.`), MockModel.usage({ input: 90, output: 10 })),
  "policy-composed": withJudge(["echo hello", "git push", "date", "rm notes.txt"], /never/),
  "policy-judge": withJudge(["ls", "rm -rf ."], /rm -rf/),
  "policy-human": [
    reply(execCommand({ cmd: "echo hello", escalate: true })),
    reply(execCommand({ cmd: "date", escalate: "You want to know the time." })),
    reply(execCommand({ cmd: "rm notes.txt", escalate: "It is not needed any more." })),
    reply(
      requestUserInput([
        {
          id: "color",
          header: "Color",
          question: "Which color do you like?",
          options: [
            { label: "Red", description: "warm" },
            { label: "Blue", description: "cold" }
          ]
        }
      ])
    ),
    ({ lastToolOutput }) => reply(text(`Your answer: ${lastToolOutput?.output ?? ""}`))
  ],
  "policy-rules": [
    ...["ls -l | wc -l", "mkdir -p build/out && touch build/out/a", "touch build/../b", "echo $(curl example.com)"].map(
      (cmd) => reply(execCommand({ cmd, escalate: true }))
    ),
    reply(text("I did only what the policy allowed."))
  ],
  promises: [reply(text("Yes.")), reply(text("one ", "two ", "three")), reply(text("Hm.", MockModel.delay("1 hour")))],
  "queue-worker": [
    MockModel.error(503, "busy", { code: "server_is_overloaded" }),
    ...[1, 2, 3].map(() => reply(text("Done."), MockModel.usage({ input: 90, output: 10 })))
  ],
  quickstart: [reply(text("READY"))],
  report: [
    reply(MockModel.mcpCall("effect", "owner", { module: "billing" })),
    reply(text('{"risks":[{"module":"billing","owner":"Ada","text":"Amounts are floating-point numbers."}]}'))
  ],
  resume: [reply(text("42, noted.")), reply(text("It was 42.")), reply(text("84."))],
  review: [reply(text("No mistakes found."))],
  "language-model": [
    reply(text("Types hold the shape still")),
    reply(text('{"audience":"developers","highlights":["typed errors"]}')),
    reply(text("It is "), MockModel.toolCall("stock", { article: "chair" })),
    reply(text("Seven chairs"))
  ],
  // The message that is added may get to the model before the turn is stopped, or not.
  simulation: [],
  "steer-and-interrupt": ({ lastUserText }) =>
    reply(lastUserText === "Never mind." ? text("As you like.") : text("Once ", "upon ", MockModel.delay("1 hour"))),
  sse: ({ lastUserText }) => reply(text("You said: ", lastUserText)),
  streaming: [
    reply(execCommand({ cmd: "ls", escalate: "May I look around?" })),
    reply(text("There are no files here."))
  ],
  "structured-output": [
    reply(text('{"verdict":"maybe"}')),
    reply(text('{"verdict":"change","confidence":0.8,"findings":[{"file":"a.ts","line":3,"text":"divides by zero"}]}'))
  ],
  tools: [
    reply(
      MockModel.mcpCall("effect", "stock", { article: "chair" }),
      MockModel.mcpCall("effect", "stock", { article: "table" })
    ),
    reply(text("Seven chairs, and no tables."))
  ]
} satisfies Record<string, MockModel.Script>

type Name = keyof typeof scripts

// Examples that are a folder with tests of their own.
const tested = ["testing-your-agent"] as const

class ExampleFailed extends Schema.TaggedError<ExampleFailed>()("ExampleFailed", { code: Schema.Finite }) {
  override readonly [Runtime.errorReported] = false
  override get [Runtime.errorExitCode]() {
    return this.code
  }
}

const spawn = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  options?: Pick<ChildProcess.CommandOptions, "cwd" | "env">
) {
  const code = yield* ChildProcess.make(process.execPath, args, {
    ...options,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    detached: false,
    forceKillAfter: "10 seconds"
  }).pipe(Effect.flatMap((handle) => handle.exitCode))
  if (code !== 0) return yield* new ExampleFailed({ code })
}, Effect.scoped)

const run = Effect.fnUntraced(function* (options: {
  readonly name: Name | (typeof tested)[number]
  readonly offline: boolean
}) {
  const path = yield* Path.Path
  const { name } = options
  if (name === "testing-your-agent") {
    const vitest = path.join(import.meta.dirname, "..", "node_modules", "vitest", "vitest.mjs")
    return yield* spawn([vitest, "run", "--root", path.join(import.meta.dirname, ".."), `examples/${name}`])
  }
  const file = path.join(import.meta.dirname, name === "cluster" ? "cluster/main.ts" : `${name}.ts`)
  if (!options.offline) return yield* spawn([file])
  const model = yield* MockModel.make(scripts[name])
  const { cwd, env } = yield* CodexHome.make({ url: model.url })
  if (name === "cluster") {
    const homes = yield* Effect.forEach([1, 2, 3], () => CodexHome.make({ url: model.url }))
    const { host } = yield* postgres
    const CODEX_HOMES = homes.map(({ home }) => home).join(",")
    const DATABASE_URL = `postgres://postgres@localhost/postgres?sslmode=disable&host=${encodeURIComponent(host)}`
    return yield* spawn([file], { cwd, env: { ...env, CODEX_HOMES, DATABASE_URL } })
  }
  if (name === "sse") return yield* Client.ask(file, { cwd, env })
  if (name !== "otlp") return yield* spawn([file], { cwd, env })
  const collector = yield* Collector.make
  yield* spawn([file], { cwd, env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
  yield* Console.log(collector.report())
}, Effect.scoped)

const command = Command.make(
  "example",
  {
    name: Argument.Literals("name", [...Struct.keys(scripts), ...tested]),
    offline: Flag.Boolean("offline").pipe(
      Flag.withDescription("Let a stand-in answer for the model: needs neither an account nor a network"),
      Flag.withDefault(false)
    )
  },
  run
)

Command.run(command, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
