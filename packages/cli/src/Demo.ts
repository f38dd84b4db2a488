/**
 * The demo runner: small cases that show that an installation works, each with its own verdict.
 *
 * The same cases run online and offline. Offline, a stand-in replaces the model, and a throwaway home keeps the real one
 * untouched. A demo runs unattended, so it accepts and prints approval requests, in a throwaway folder. It deletes the threads
 * that it starts.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Policy from "@effect-codex/policy/Policy"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type * as Connection from "./Connection.ts"
import { type Case, defaultPrompts, type Mode, modes, Skipped } from "./internal/demo/case.ts"
import { makeCases } from "./internal/demo/cases.ts"
import { script } from "./internal/demo/script.ts"
import * as Connect from "./internal/connect.ts"
import * as Print from "./internal/print.ts"

/**
 * At least one case failed. Each failure has already been printed, so this error is not printed again; the exit code is 1.
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

/**
 * The cases to run, and the codex to run them on.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The cases to run: `smoke`, `demo` (which includes `smoke`), or `full` (all of them). */
  readonly mode: Mode
  /** The codex to run. It works in a throwaway folder and ignores `cwd`. */
  readonly connection: Connection.Flags
  /** Whether the demo stops at the first failure. */
  readonly strict: boolean
  /** Whether the events of the case `events` are printed. */
  readonly showEvents: boolean
  readonly model?: string | undefined
  /** Prompts instead of the default ones. Any non-empty answer to them passes. */
  readonly prompts?: {
    readonly create?: string | undefined
    readonly events?: string | undefined
    readonly stream?: string | undefined
  }
}

// Accepts every request and prints it.
const policy: Layer.Layer<PolicyEngine.PolicyEngine> = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.map(PolicyEngine.PolicyEngine, (engine) =>
    Policy.tap(engine, (request, verdict) => {
      const subject = "command" in request.params ? ` ${Print.exact(JSON.stringify(request.params.command))}` : ""
      const decision = verdict === undefined ? "abstained" : JSON.stringify(verdict.decision)
      return Console.log(
        `  approval of a ${request.kind}${subject}: ${decision} (${verdict?.by ?? "no engine decided"})`
      )
    })
  )
).pipe(Layer.provide(PolicyEngine.layerAcceptAll))

interface Verdicts {
  readonly passed: Array<string>
  readonly failed: Array<string>
  readonly skipped: Array<string>
}

const runCase = Effect.fnUntraced(function* ({ name, run }: Case, verdicts: Verdicts) {
  yield* Console.log(`== ${name}`)
  const begin = yield* Clock.currentTimeMillis
  const exit = yield* Effect.exit(Effect.scoped(run))
  const millis = (yield* Clock.currentTimeMillis) - begin
  if (Exit.isSuccess(exit)) {
    verdicts.passed.push(name)
    return yield* Console.log(`[PASS] ${name} (${millis} ms)`)
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
  const error = Cause.squash(exit.cause)
  if (error instanceof Skipped) {
    verdicts.skipped.push(name)
    return yield* Console.log(`[SKIP] ${name}: ${error.reason}`)
  }
  verdicts.failed.push(name)
  const message = error instanceof Error ? error.message : String(error)
  yield* Console.log(`[FAIL] ${name} (${millis} ms): ${Print.inline(message)}`)
})

/**
 * Runs the cases of a mode one after the other and prints what they come to. Fails after the last if one failed.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fn("Demo.run")(function* (options: Options) {
  const { connection, mode, model, strict } = options
  yield* Console.log(
    `effect-codex demo, mode ${mode}: ${connection.offline ? "offline, a stand-in answers for the model" : "online"}.\n` +
      "No one is asked: approvals are accepted, in a throwaway folder."
  )
  const prompts = {
    create: options.prompts?.create ?? defaultPrompts.create,
    events: options.prompts?.events ?? defaultPrompts.events,
    stream: options.prompts?.stream ?? defaultPrompts.stream
  }
  const { cases, cleanUp } = makeCases({ prompts, showEvents: options.showEvents })
  const chosen = cases.filter(({ since }) => modes.indexOf(since) <= modes.indexOf(mode))
  const verdicts: Verdicts = { passed: [], failed: [], skipped: [] }

  const runCases = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { serverInfo } = yield* Codex.Codex
    yield* Console.log(`Connected to codex ${serverInfo.version}.`)
    if (serverInfo.cwd !== undefined) {
      for (const name of ["README.md", "index.html", "notes.txt"]) {
        yield* fs.writeFileString(path.join(serverInfo.cwd, name), `The file ${name} of a demo.\n`)
      }
    }
    for (const one of chosen) {
      yield* runCase(one, verdicts)
      if (strict && verdicts.failed.length > 0) break
    }
  }).pipe(Effect.ensuring(cleanUp))

  yield* Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    // Offline the throwaway home has a folder to work in.
    const cwd = connection.offline ? undefined : yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-demo-" })
    const codex = Connect.layer({ ...connection, cwd }, { script: script(prompts), thread: { model } })
    yield* runCases.pipe(Effect.provide(Layer.merge(codex, policy)))
  }).pipe(Effect.scoped)

  const { failed, passed, skipped } = verdicts
  const total = failed.length + passed.length + skipped.length
  yield* Console.log(
    `=== SUMMARY ===\nmode=${mode} total=${total} passed=${passed.length} failed=${failed.length} skipped=${skipped.length}` +
      (failed.length === 0 ? "" : `\nfailed: ${failed.join(", ")}`)
  )
  if (failed.length > 0) return yield* new DemoFailed({ cases: failed })
})
