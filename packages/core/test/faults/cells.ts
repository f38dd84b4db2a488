/**
 * The matrix of faults: what a process in the place of codex does, at which moment, and what the client then has to say.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import type { CodexError } from "@effect-codex/core/CodexError"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { makeFiberCount } from "../soak/measure.ts"
import { processesOf } from "../support.ts"
import { type Observed, program, scriptedServer } from "./program.ts"

/** When it happens. */
export const moments = [
  "before the first byte",
  "in the handshake",
  "after the handshake",
  "before turn/started",
  "with an approval open",
  "between deltas",
  "at the turn's end",
  "at close"
] as const
export type Moment = (typeof moments)[number]

/** How the program has to end: with the text of the turn, or with one of these failures and its message. */
export type Expected = "the text" | ReadonlyArray<Failure>
interface Failure {
  readonly tag: string
  readonly reason?: string
  readonly message: RegExp
  /** Whether a guard of the client has to act. */
  readonly isGuard?: true
}

const exited = (how: string): Failure => ({
  tag: "ConnectionFailed",
  reason: "Exited",
  message: new RegExp(`^Connection failed: the app-server ${how}\\. Build the layer again to reconnect\\.$`)
})

const closed: Failure = {
  tag: "ConnectionFailed",
  reason: "Closed",
  message: /^Connection failed: the app-server closed its output\. /
}

const unwritable: Failure = {
  tag: "ConnectionFailed",
  reason: "Write",
  message: /^Connection failed: could not write to the app-server: /
}

const opening: ReadonlyArray<Moment> = ["before the first byte", "in the handshake"]

// Where nothing comes any more, a guard acts.
const silent = (moment: Moment): Failure => ({ ...guardOf(moment), isGuard: true })
const guardOf = (moment: Moment): Failure => {
  if (opening.includes(moment)) {
    const message = /did not complete the handshake: no answer to initialize\. /
    return { tag: "ConnectionFailed", reason: "Handshake", message }
  }
  // A command may take long in silence: that is for a budget.
  if (moment === "with an approval open")
    return { tag: "BudgetExceeded", message: /^The turn may use 700 ms and has used \d+\. The turn was interrupted/ }
  return moment === "after the handshake"
    ? { tag: "RequestTimedOut", message: /^account\/read was not answered within 700 ms\. / }
    : { tag: "TurnStalled", message: /^The turn stalled: it said nothing for 1 s\. It was interrupted/ }
}

const dies = (how: string) => (): Expected => [exited(how)]
const goesOn = (): Expected => "the text"

/** What happens, and how the program ends if that is before the end of the turn. */
export const kinds = {
  exit: dies("exited with code 3"),
  kill: dies("was ended by SIGKILL"),
  "closed output": () => [closed],
  // Where the client has nothing more to write, it does not matter. Nobody tells whether what it has written was read.
  "closed input": (moment) =>
    moment === "between deltas" || moment === "at the turn's end" ? "the text" : [unwritable, silent(moment)],
  "closed pipes": () => [closed, unwritable],
  "half a line": dies("exited with code 4"),
  "a last line without its end": (moment) =>
    moment === "at the turn's end" ? "the text" : [exited("exited with code 0")],
  garbage: goesOn,
  "an endless line": () => [
    {
      tag: "ConnectionFailed",
      reason: "Closed",
      message: /^Connection failed: the app-server sent a line of more than 67108864 characters\. /
    }
  ],
  flood: goesOn,
  drips: goesOn,
  "odd ids": goesOn,
  silence: (moment) => [silent(moment)],
  stopped: (moment) => [silent(moment)],
  "a grandchild with the pipes": dies("exited with code 5"),
  "a flood of stderr": goesOn,
  "a clock set forward": goesOn,
  "a clock set back": goesOn
} satisfies Record<string, (moment: Moment) => Expected>
export type Kind = keyof typeof kinds

// Whatever happens at the close, the program has what it wanted.
const expectedOf = (kind: Kind, moment: Moment): Expected => (moment === "at close" ? "the text" : kinds[kind](moment))

/** What a cell has come to. */
export interface Result {
  readonly moment: Moment
  readonly kind: Kind
  readonly seed: number
  readonly millis: number
  /** What is not as it has to be. */
  readonly wrong: ReadonlyArray<string>
}

/** A line of a recording that codex has said in {@link program}. */
export const recording = path.join(import.meta.dirname, "..", "fixtures", "recording.json")

const text = "one two three four five"

// Guards are short only where one has to act: a busy machine is no fault.
const guards = (kind: Kind, moment: Moment) => {
  const expected = expectedOf(kind, moment)
  const long = { handshakeTimeout: "10 minutes", requestTimeout: "10 minutes" } as const
  if (expected === "the text" || !expected.some(({ isGuard }) => isGuard)) return long
  const short = "700 millis" as const
  if (opening.includes(moment)) return { ...long, handshakeTimeout: short }
  if (moment === "after the handshake") return { ...long, requestTimeout: short }
  const stopTimeout = "300 millis" as const
  return moment === "with an approval open"
    ? { ...long, turnBudget: { duration: short }, stopTimeout }
    : { ...long, watchdog: { stallTimeout: short }, stopTimeout }
}

const run = (
  folder: string,
  mark: string,
  script: { readonly kind?: Kind; readonly moment?: Moment; readonly seed?: number },
  observed: Observed
) => {
  const options = script.kind === undefined || script.moment === undefined ? {} : guards(script.kind, script.moment)
  const clock = path.join(folder, "clock")
  const env = {
    // The Node of the tests itself: the one in `node_modules/.bin` is a shell around it.
    PATH: `${path.dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
    FAULT_CELL: mark,
    SCRIPTED_SERVER: JSON.stringify({ ...script, recording, clock })
  }
  const layer = Codex.layer({ binary: scriptedServer, cwd: folder, env, shutdownGrace: "300 millis", ...options }).pipe(
    Layer.provide(NodeServices.layer)
  )
  const jump = script.kind === "a clock set back" ? -86_400_000 : 86_400_000
  const real = Clock.Clock.defaultValue()
  const now = () => real.currentTimeMillisUnsafe() + (existsSync(clock) ? jump : 0)
  const jumping: Clock.Clock = {
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: () => BigInt(now()) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(now()) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: real.monotonicTimeNanos,
    sleep: (duration) => real.sleep(duration)
  }
  return program(observed).pipe(Effect.provide(layer), Effect.provideService(Clock.Clock, jumping))
}

const compare = (exit: Exit.Exit<string, CodexError>, expected: Expected): ReadonlyArray<string> => {
  if (Exit.isSuccess(exit)) {
    if (expected === "the text") return exit.value === text ? [] : [`the text is ${JSON.stringify(exit.value)}`]
    return ["it succeeded, and a failure was expected"]
  }
  const odd = exit.cause.reasons.filter((reason) => reason._tag !== "Fail")
  if (odd.length > 0) return [`a defect or an interruption: ${Cause.pretty(exit.cause).slice(0, 500)}`]
  const failure = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (failure === undefined) return ["it failed with nothing"]
  const reason = failure._tag === "ConnectionFailed" ? failure.reason._tag : undefined
  const told = `${failure._tag}${reason === undefined ? "" : ` ${reason}`}: ${failure.message}`
  if (expected === "the text") return [`it failed: ${told}`]
  const isExpected = expected.some(
    (one) => failure._tag === one.tag && reason === one.reason && one.message.test(failure.message)
  )
  return isExpected ? [] : [`it failed otherwise: ${told}`]
}

// Fibers of the runtime itself may be on their way out.
const untilNone = (active: () => number) =>
  Effect.sync(active).pipe(Effect.repeat({ until: (count) => count === 0, schedule: undefined, times: 10_000 }))

/** Runs one cell: the fault, what is left of it, and the same program once more without. */
export const runCell = Effect.fnUntraced(
  function* (kind: Kind, moment: Moment, seed: number) {
    const began = performance.now()
    const folder = mkdtempSync(path.join(tmpdir(), "effect-codex-fault-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    const mark = globalThis.crypto.randomUUID()
    const fibers = makeFiberCount()
    const observed: Observed = { asked: 0, answered: 0, malformed: 0 }
    const wrong: Array<string> = []
    const expected = expectedOf(kind, moment)

    const fiber = yield* run(folder, mark, { kind, moment, seed }, observed).pipe(
      Effect.exit,
      Effect.timeoutOption("5 minutes"),
      Effect.provideService(Metric.FiberRuntimeMetrics, fibers.metrics),
      Effect.forkChild
    )
    const exit = yield* Fiber.join(fiber)
    wrong.push(...(Option.isNone(exit) ? ["it hangs"] : compare(exit.value, expected)))
    const left = process.platform === "linux" ? processesOf(`FAULT_CELL=${mark}`).length : 0
    if (left > 0) wrong.push(`${left} processes are left`)
    yield* untilNone(fibers.active)
    if (fibers.active() > 0) wrong.push(`${fibers.active()} fibers are left`)
    if (observed.asked !== observed.answered) wrong.push("a handler of an approval is left")
    const files = readdirSync(folder).filter((name) => name !== "clock")
    if (files.length > 0) wrong.push(`files are left: ${files.join(", ")}`)
    if (kind === "garbage" && moment !== "at close" && observed.malformed === 0)
      wrong.push("no malformed line was counted")

    const again = yield* Effect.exit(run(folder, mark, {}, { asked: 0, answered: 0, malformed: 0 }))
    wrong.push(...compare(again, "the text").map((what) => `the program does not go on: ${what}`))
    const result: Result = { moment, kind, seed, millis: performance.now() - began, wrong }
    return result
  },
  Effect.scoped,
  Effect.provideService(References.MinimumLogLevel, "None")
)

/** All cells, the slow ones first. */
export const cells: ReadonlyArray<{ readonly kind: Kind; readonly moment: Moment }> = (
  Object.keys(kinds) as Array<Kind>
).flatMap((kind) => moments.map((moment) => ({ kind, moment })))
