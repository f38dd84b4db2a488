/**
 * The demo runner: small cases that show that an installation works, each with its verdict.
 *
 * Online and offline the same cases run; offline, a stand-in answers for the model, and a throwaway home keeps the real one
 * out of it. Nobody sits at a demo to approve things, so approvals are accepted, which is said, in a throwaway folder.
 *
 * @since 0.1.0
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as CodexTest from "@effect-codex/core/testing/CodexTest"
import * as MockModel from "@effect-codex/core/testing/MockModel"
import * as Policy from "@effect-codex/policy/Policy"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"

/**
 * At least one case failed. Each was reported when it did, so this is not reported again; the exit code is 1.
 *
 * @category errors
 * @since 0.1.0
 */
export class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", {
  cases: Schema.Array(Schema.String)
}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return `Failed: ${this.cases.join(", ")}`
  }
}

/** What a case found to be otherwise than it should. */
class Unexpected extends Schema.TaggedError<Unexpected>()("Unexpected", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

const prompts = {
  create: "Reply with exactly: READY",
  stream: "Reply with exactly: STREAM_OK",
  approval: "Create an empty file with exactly this shell command: touch demo.txt"
}

// What the stand-in answers. Matched by prompt, so that the cases do not depend on their order.
const script: MockModel.Script = [
  MockModel.when(prompts.create, MockModel.reply(MockModel.text("READY"))),
  MockModel.when(prompts.stream, MockModel.reply(MockModel.text("STREAM", "_OK"))),
  MockModel.when(
    prompts.approval,
    MockModel.reply(MockModel.execCommand({ cmd: "touch demo.txt", escalate: "May I create demo.txt?" })),
    MockModel.reply(MockModel.text("The file is there."))
  )
]

const expect = (holds: boolean, description: string): Effect.Effect<void, Unexpected> =>
  holds ? Effect.void : Effect.fail(new Unexpected({ description }))

const cases = {
  create: Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const { text, threadId } = yield* codex.responses.create({ prompt: prompts.create })
    yield* Console.log(`  thread ${threadId}\n  ${text}`)
    yield* expect(text.includes("READY"), `expected READY and got ${JSON.stringify(text)}`)
  }),

  stream: Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const terminal = yield* Terminal.Terminal
    yield* terminal.display("  ")
    const text = yield* codex.responses.streamText({ prompt: prompts.stream }).pipe(
      Stream.tap((delta) => terminal.display(delta)),
      Stream.mkString,
      Effect.ensuring(Effect.ignore(terminal.display("\n")))
    )
    yield* expect(text.includes("STREAM_OK"), `expected STREAM_OK and got ${JSON.stringify(text)}`)
  }),

  approval: Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const response = yield* codex.responses.create({
      prompt: prompts.approval,
      thread: { approvalPolicy: "untrusted", sandbox: "workspace-write" }
    })
    const command = response.items.find((item) => item.type === "commandExecution")
    yield* expect(command?.status === "completed", "expected a command that ran to its end, and there was none")
    yield* Console.log(`  the command exited with ${command?.exitCode ?? "no code"}: ${response.text}`)
  })
}

// Accepts, and says so.
const policy: Layer.Layer<PolicyEngine.PolicyEngine> = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.map(PolicyEngine.PolicyEngine, (engine) =>
    Policy.tap(engine, (request, verdict) => {
      const subject = "command" in request.params ? ` ${JSON.stringify(request.params.command)}` : ""
      const decision = verdict === undefined ? "abstained" : JSON.stringify(verdict.decision)
      return Console.log(`  approval of a ${request.kind}${subject}: ${decision} (${verdict?.by ?? "nobody decides"})`)
    })
  )
).pipe(Layer.provide(PolicyEngine.layerAcceptAll))

const online = Layer.unwrap(
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-codex-demo-" })),
    (cwd) => Codex.layer({ cwd })
  )
)

/**
 * Runs the cases of a mode one after the other and prints what they come to. Fails after the last if one failed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = Effect.fn("Demo.run")(function* (options: { readonly mode: "smoke"; readonly offline: boolean }) {
  yield* Console.log(
    `effect-codex demo, mode ${options.mode}: ${options.offline ? "offline, a stand-in answers for the model" : "online"}.\n` +
      "Nobody is asked: approvals are accepted, in a throwaway folder."
  )
  const failed: Array<string> = []

  const runCases = Effect.gen(function* () {
    const { serverInfo } = yield* Codex.Codex
    yield* Console.log(`Connected to codex ${serverInfo.version}.`)
    for (const [name, run] of Object.entries(cases)) {
      yield* Console.log(`== ${name}`)
      const begin = yield* Clock.currentTimeMillis
      const exit = yield* Effect.exit(run)
      const millis = (yield* Clock.currentTimeMillis) - begin
      if (Exit.isSuccess(exit)) yield* Console.log(`[PASS] ${name} (${millis} ms)`)
      else if (Cause.hasInterruptsOnly(exit.cause)) return yield* exit
      else {
        failed.push(name)
        yield* Console.log(`[FAIL] ${name} (${millis} ms): ${Cause.prettyErrors(exit.cause)[0]?.message ?? "unknown"}`)
      }
    }
  })

  const codex = options.offline ? CodexTest.layer(script, { verifyOnClose: false }) : online
  yield* runCases.pipe(Effect.provide(Layer.merge(codex, policy)))

  const total = Object.keys(cases).length
  yield* Console.log(
    `=== SUMMARY ===\nmode=${options.mode} total=${total} passed=${total - failed.length} failed=${failed.length}` +
      (failed.length === 0 ? "" : `\nfailed: ${failed.join(", ")}`)
  )
  if (failed.length > 0) return yield* new DemoFailed({ cases: failed })
})
