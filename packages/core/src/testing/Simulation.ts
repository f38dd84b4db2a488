/**
 * Simulates a program, its connection and its app-server in virtual time, with faults that follow from one seed.
 *
 * The program, this package's client down to the bytes, `MockAppServer` and the faults between them run under one scheduler
 * and one clock, step by step. After each step the laws of the client are checked, and then the program's own. A violation
 * ends the run, names its step, and is shrunk. This module does not model the server: `MockAppServer` does, and a conformance
 * suite compares it with the real one.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as AppServer from "../AppServer.ts"
import * as Codex from "../Codex.ts"
import { DecisionObserver } from "../DecisionObserver.ts"
import { tables } from "../internal/thread/threads.ts"
import * as PolicyEngine from "../PolicyEngine.ts"
import * as Transport from "../Transport.ts"
import * as MockAppServer from "./MockAppServer.ts"
import * as SimulatedProcess from "./SimulatedProcess.ts"
import { pick, plan, type Step } from "./SimulationStep.ts"
import * as Watch from "./SimulationWatch.ts"
import { makeClock, makeNumbers, makeScheduler, type Numbers } from "./VirtualTime.ts"

export {
  /** The steps that follow from a seed. */
  plan
} from "./SimulationStep.ts"
export type { Step } from "./SimulationStep.ts"
export type { SimulatedApproval, SimulatedTurn } from "./SimulationWatch.ts"

/**
 * The services of the simulation for the simulated program.
 *
 * @category services
 * @since 0.1.0
 */
export class Simulated extends Context.Service<
  Simulated,
  {
    /** Random numbers from the seed, at least 0 and below 1, for a program's random choices. */
    readonly numbers: Numbers
    /** Reports the violation of one of the program's laws. */
    readonly violate: (law: string, text: string) => Effect.Effect<void>
    /**
     * Wraps an engine and records its accepts, for the law that the client accepts nothing that no engine has accepted. With a
     * prompt, the engine must decide only for turns with that prompt. The engine of `policy` is wrapped already.
     */
    readonly witness: (engine: PolicyEngine.Engine, prompt?: string) => PolicyEngine.Engine
  }
>()("@effect-codex/core/testing/Simulation/Simulated") {}

/**
 * The services that a simulated program may use.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = Codex.Codex | PolicyEngine.PolicyEngine | Simulated

/**
 * A simulated program. It may fail with any tagged error.
 *
 * @category models
 * @since 0.1.0
 */
export type Program = Effect.Effect<unknown, { readonly _tag: string }, Services>

/**
 * The facts of the run so far, oldest first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen {
  readonly turns: ReadonlyArray<Watch.SimulatedTurn>
  readonly approvals: ReadonlyArray<Watch.SimulatedApproval>
  /** Whether the client has logged that this turn may keep running although it was stopped. */
  readonly isGivenUp: (turn: Watch.SimulatedTurn) => boolean
}

/**
 * A law of the program. It is checked after each step, and returns a description of the violation, or `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Law {
  readonly name: string
  readonly check: (seen: Seen) => string | undefined
}

/**
 * The program to simulate, and its surroundings.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Runs once for each connection, from its start. It may fail, but a defect violates a law. Default: does nothing. */
  readonly program?: Program | undefined
  /**
   * Further actions of the program, by name. Each `Act` step starts one with the step's salt. Every action must end by itself
   * after the last step.
   */
  readonly actions?: Readonly<Record<string, (salt: number) => Program>> | undefined
  /** The engine of the program. Default: `PolicyEngine.declineAll`. */
  readonly policy?: PolicyEngine.Engine | undefined
  /** The steps of a turn, by its prompt. Default: messages, commands, waits and failures, by the prompt and the seed. */
  readonly turns?: ((prompt: string) => ReadonlyArray<MockAppServer.Step>) | undefined
  /** The commands that the agent requests approval for. Default: `["ls", "rm -rf /"]`. */
  readonly commands?: ReadonlyArray<string> | undefined
  /** The laws of the program. The laws of the client are always checked. */
  readonly laws?: ReadonlyArray<Law> | undefined
  /** Makes programs, actions and laws with shared state, once for each run. */
  readonly perRun?: (() => Pick<Options, "actions" | "laws" | "policy" | "program">) | undefined
  /** Options of the connection. */
  readonly connection?: AppServer.ConnectionOptions | undefined
  /** Defaults of the client. */
  readonly defaults?: Codex.Defaults | undefined
}

/**
 * The options of one run.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunOptions extends Options {
  readonly seed: number
  /** The number of steps to make from the seed, or the steps themselves. Default: 60. */
  readonly steps?: number | ReadonlyArray<Step> | undefined
  /** Whether the report contains the trace. Default: false. */
  readonly trace?: boolean | undefined
}

/**
 * A violated law, and the step that violated it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly law: string
  readonly text: string
  /** The index of the step that revealed the violation; equal to the number of steps if it came after the last one. */
  readonly step: number
}

/**
 * The outcome of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
  readonly violation: Violation | undefined
  /** The number of steps that ran. */
  readonly ran: number
  /** The virtual duration of the run, in milliseconds. */
  readonly virtualMillis: number
  readonly turns: number
  readonly approvals: number
  readonly calls: number
  /** The number of delivered messages, in both directions. */
  readonly messages: number
  /** Every step, message, call and log line. Random ids are numbered in order of appearance. */
  readonly trace: ReadonlyArray<string>
}

const defaultSteps = 60
const defaultCommands = ["ls", "rm -rf /"]

/** More tasks than any fiber needs before it waits; a run that exceeds it is in an endless loop. */
const maxTasks = 50_000

/** The number of sleeps that may end in one step. */
const maxWakes = 200

/** The number of sleeps that may end before all calls must have ended. */
const maxLastWakes = 4000

const hashOf = (text: string): number => {
  let hash = 2_166_136_261
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619)
  return hash >>> 0
}

// Returns to the event loop once, so that all microtasks have run by then.
const nextTask = Effect.callback<void>((resume) => {
  globalThis.setImmediate(() => resume(Effect.void))
})

interface Call {
  readonly name: string
  readonly fiber: Fiber.Fiber<unknown, unknown>
  isOver: boolean
}

interface Connection {
  readonly scope: Scope.Closeable
  readonly process: SimulatedProcess.SimulatedProcess
  readonly server: MockAppServer.MockAppServer["Service"]
  readonly serverScope: Scope.Closeable
  /** The lines that were written but not delivered in full, each with the position of its end. */
  readonly lines: Array<{ readonly end: number; readonly line: string }>
  said: number
  handedOver: number
  isMute: boolean
  /** Whether the program has moved to another connection, so that this one's server ends. */
  isLeft: boolean
  codex: Codex.Codex["Service"] | undefined
  /** The sizes of the client's tables right after the handshake. */
  atRest: Readonly<Record<string, number>> | undefined
}

/**
 * Runs one simulation.
 *
 * @category running
 * @since 0.1.0
 */
export const run: (options: RunOptions) => Effect.Effect<Report> = Effect.fnUntraced(function* (given: RunOptions) {
  const options: RunOptions = { ...given, ...given.perRun?.() }
  const { seed } = options
  const actions = options.actions ?? {}
  const steps =
    typeof options.steps === "object" ? options.steps : plan(seed, options.steps ?? defaultSteps, Object.keys(actions))
  const commands = options.commands ?? defaultCommands
  const numbers = makeNumbers(seed + 1)
  const clock = makeClock()
  const scheduler = makeScheduler(16 * Math.ceil(128 ** numbers()))
  const isShared = numbers() < 0.4
  const home = MockAppServer.makeHome()

  const trace: Array<string> = []
  const tell = options.trace === true ? (line: string) => trace.push(line) : () => 0
  let violation: Violation | undefined
  let index = 0
  const violate = (law: string, text: string) => {
    violation ??= { law, text, step: index }
    tell(`! ${law}: ${text}`)
  }
  const acceptDelay = Duration.toMillis(Duration.fromInputUnsafe(options.connection?.acceptDelay ?? 50))
  const watch = Watch.make(violate, { now: () => clock.currentTimeMillisUnsafe(), acceptDelay })

  const calls: Array<Call> = []
  let callCount = 0
  let messages = 0
  let observerThrows = false
  let wire: Extract<Step, { readonly _tag: "Wire" }>["mode"] = "whole"
  let distortions: Array<Extract<Step, { readonly _tag: "Distort" }>> = []
  let delayed: Array<MockAppServer.Message> = []
  let refusals: Array<Extract<Step, { readonly _tag: "Refuse" }>> = []
  const ignored = new Set<string>()
  let gates: Array<Deferred.Deferred<void>> = []
  let asked: Array<Fiber.Fiber<unknown, unknown>> = []
  let isLast = false
  let current: Connection | undefined

  const logger = Logger.make(({ logLevel, message }) => {
    const text = Arr.ensure(message).map(String).join(" ")
    tell(`  log ${text}`)
    watch.onLogged(text)
    if (logLevel !== "Error" && logLevel !== "Fatal") return
    if (text.startsWith("The decision observer threw") && observerThrows) return
    if (text.startsWith("Cancelled two approvals")) return
    violate("nothing breaks", text)
  })
  const context = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(Clock.Clock, clock),
    Context.add(Random.Random, { nextDoubleUnsafe: numbers, nextIntUnsafe: () => Math.floor(numbers() * 2 ** 31) }),
    Context.add(Logger.CurrentLoggers, new Set([logger]))
  )
  const fork = Effect.runForkWith(context)

  const call = (
    name: string,
    effect: Effect.Effect<unknown, { readonly _tag: string }>
  ): Fiber.Fiber<unknown, unknown> => {
    const fiber = fork(effect)
    const one: Call = { name: `${name} #${++callCount}`, fiber, isOver: false }
    calls.push(one)
    tell(`  begins ${one.name}`)
    fiber.addObserver((exit) => {
      one.isOver = true
      tell(`  ends ${one.name}: ${exit._tag === "Success" ? "success" : nameOf(exit)}`)
      if (Exit.isSuccess(exit)) return
      if (Cause.hasDies(exit.cause)) violate("nothing breaks", `${name}: ${Cause.pretty(exit.cause)}`)
      if (Exit.hasInterrupts(exit)) violate("only the owner of a call interrupts it", name)
    })
    return fiber
  }

  // The server's own turns.
  const stepsOf = (prompt: string): ReadonlyArray<MockAppServer.Step> => {
    if (options.turns !== undefined) return options.turns(prompt)
    const own = makeNumbers(seed ^ hashOf(prompt))
    return Array.from({ length: Math.floor(own() * 5) }, (): MockAppServer.Step => {
      const chance = own()
      if (chance < 0.45) {
        return { say: Array.from({ length: Math.floor(own() * 4) }, (_, n) => `${prompt}/${n} `) }
      }
      if (chance < 0.75) return { command: pick(own, commands) ?? "ls" }
      if (chance < 0.9) {
        const gate = Deferred.makeUnsafe<void>()
        return {
          hang: Effect.suspend(() => {
            if (isLast) return Effect.void
            gates.push(gate)
            return Deferred.await(gate)
          })
        }
      }
      if (chance < 0.95) return { hang: Effect.sleep(Math.ceil(1_000_000 ** own())) }
      return { fail: { message: "no", codexErrorInfo: "other", additionalDetails: null } }
    })
  }

  const distort = (message: MockAppServer.Message): ReadonlyArray<MockAppServer.Message> => {
    if (distortions.length === 0) return [message]
    const sort = Watch.sortOf(message)
    const found = distortions.find(({ which }) => which === sort || which === "any")
    if (found === undefined) return [message]
    distortions = distortions.filter((one) => one !== found)
    watch.onDistorted(message, found.how === "repeat")
    tell(`  ${found.how}s ${JSON.stringify(message)}`)
    if (found.how === "repeat") return [message, message]
    if (found.how === "delay") delayed.push(message)
    return []
  }

  // The lines that were delivered in full, but that the client may not have read yet.
  let arrived: Array<MockAppServer.Message> = []
  const arrive = (connection: Connection): void => {
    while (true) {
      const first = connection.lines[0]
      if (first === undefined || first.end > connection.handedOver) return
      connection.lines.shift()
      messages++
      tell(`< ${first.line}`)
      const message = Watch.parse(first.line)
      if (message === undefined) continue
      watch.onArriving(message)
      arrived.push(message)
    }
  }

  const connectTo = Effect.fnUntraced(function* () {
    const scope = yield* Scope.make()
    const serverScope = yield* Scope.make()
    const server = yield* MockAppServer.make({
      home,
      turns: stepsOf,
      tap: (message) => {
        if (!connection.isLeft) watch.onSaid(message)
      },
      distort,
      activation: Effect.suspend(() => (numbers() < 0.3 ? Effect.sleep(Math.ceil(numbers() * 200)) : Effect.yieldNow))
    }).pipe(Scope.provide(serverScope))
    const process = SimulatedProcess.make({
      onLine: (line) => {
        const message = Watch.parse(line)
        if (message !== undefined && !answerBefore(connection, message)) server.transport.write(line)
      },
      onInputEnd: () => endServer({ code: 0 }),
      onSignal: (signal) => endServer({ signal })
    })
    const endServer = (how: { readonly code?: number; readonly signal?: string }) => {
      if (!connection.isLeft) watch.onServerGone()
      process.exit(how)
      fork(server.die())
    }
    const connection: Connection = {
      scope,
      serverScope,
      process,
      server,
      lines: [],
      said: 0,
      handedOver: 0,
      isMute: false,
      isLeft: false,
      codex: undefined,
      atRest: undefined
    }
    yield* server.transport.listen({
      onLines: (lines) => {
        if (connection.isMute) return
        for (const line of lines) say(connection, `${line}\n`)
      },
      onEnd: () => {}
    })
    return connection
  })

  const encoder = new TextEncoder()
  const say = (connection: Connection, text: string) => {
    const bytes = encoder.encode(text).length
    if (!connection.process.isRunning()) return
    connection.said += bytes
    if (text.endsWith("\n")) connection.lines.push({ end: connection.said, line: text.slice(0, -1) })
    connection.process.say(text)
  }

  // Applies the faults that answer a request before the server sees it.
  const answerBefore = (connection: Connection, message: MockAppServer.Message): boolean => {
    const { id, method } = message
    if (typeof method !== "string" || id === undefined) return false
    if (ignored.has(method)) return true
    const refusal = refusals.find((one) => one.method === method)
    if (refusal === undefined) return false
    refusals = refusals.filter((one) => one !== refusal)
    const error =
      refusal.how === "overloaded"
        ? { code: -32001, message: "Server overloaded; retry later." }
        : refusal.how === "busy"
          ? { code: -32600, message: "cannot steer: ActiveTurnNotSteerable" }
          : { code: -32603, message: "an internal error" }
    say(connection, `${JSON.stringify({ id, error })}\n`)
    return true
  }

  const connect = Effect.gen(function* () {
    const connection = yield* connectTo()
    current = connection
    const open = Effect.gen(function* () {
      const transport = yield* Transport.stdio({ command: "codex", args: ["app-server"], env: {} })
      const watched: Transport.Transport["Service"] = {
        ...transport,
        write: (line) => {
          messages++
          tell(`> ${line}`)
          const message = Watch.parse(line)
          if (message === undefined) violate("every written line is well-formed", line)
          else if (connection.process.isRunning()) watch.onWritten(message)
          transport.write(line)
        }
      }
      const server = yield* AppServer.make(watched, { ...options.connection, isShared })
      return yield* Effect.provideService(Codex.make(options.defaults), AppServer.AppServer, server)
    }).pipe(
      Effect.provideService(ChildProcessSpawner, connection.process.spawner),
      Effect.provideService(DecisionObserver, {
        onDecision: () => {
          if (observerThrows) throw new Error("ENOSPC: no space left on device, write")
        },
        onNotification: () => {}
      }),
      Scope.provide(connection.scope)
    )
    const program = Effect.gen(function* () {
      const codex = yield* open
      connection.codex = codex
      connection.atRest = codex[tables]()
      if (options.program !== undefined) call("program", provide(codex, options.program))
    })
    call("connect", program)
  })

  const witnessed = watch.witness(options.policy ?? PolicyEngine.declineAll, undefined)
  const simulated = Simulated.of({
    numbers,
    violate: (law, text) => Effect.sync(() => violate(law, text)),
    witness: watch.witness
  })
  const provide = (codex: Codex.Codex["Service"], effect: Program) =>
    Effect.provideContext(
      effect,
      Context.empty().pipe(
        Context.add(Codex.Codex, codex),
        Context.add(PolicyEngine.PolicyEngine, witnessed),
        Context.add(Simulated, simulated)
      )
    )

  // Runs all fibers until they wait for time. Bytes arrive only when every fiber waits.
  const settle = (chance: Numbers) =>
    Effect.gen(function* () {
      let idle = 0
      let tasks = 0
      while (idle < 2) {
        const ran = scheduler.run(maxTasks)
        tasks += ran
        if (tasks > maxTasks) return violate("nothing goes round in circles", `${tasks} tasks without time`)
        idle = ran === 0 ? idle + 1 : 0
        if (idle === 1 && deliver(chance)) idle = 0
        yield* nextTask
      }
    })

  const deliver = (chance: Numbers): boolean => {
    for (const message of arrived) watch.onTold(message)
    arrived = []
    const connection = current
    const unread = connection?.process.unread() ?? 0
    if (connection === undefined || unread === 0 || wire === "held") return false
    const bytes =
      wire === "whole"
        ? (connection.lines[0]?.end ?? connection.said) - connection.handedOver
        : wire === "merged"
          ? unread
          : Math.ceil(unread * chance() ** 2)
    connection.handedOver += bytes
    arrive(connection)
    connection.process.handOver(bytes)
    return true
  }

  const advance = Effect.fnUntraced(function* (millis: number, chance: Numbers) {
    const end = clock.currentTimeMillisUnsafe() + millis
    for (let wakes = 0; wakes < maxWakes; wakes++) {
      const next = clock.next()
      if (next === undefined || next > end) {
        clock.moveTo(end)
        return
      }
      clock.moveTo(next)
      yield* settle(chance)
      if (violation !== undefined) return
    }
  })

  const close = (connection: Connection) => {
    for (const fiber of asked) fiber.interruptUnsafe()
    call(
      "close",
      Effect.andThen(Scope.close(connection.scope, Exit.void), Scope.close(connection.serverScope, Exit.void))
    )
  }

  const activeTurns = () => Array.from(watch.turns.values()).filter(({ isRunning }) => isRunning)

  const act = (step: Step): void => {
    const connection = current
    switch (step._tag) {
      case "Act": {
        const action = actions[step.name]
        const codex = connection?.codex
        if (action !== undefined && codex !== undefined) call(step.name, provide(codex, action(step.salt)))
        return
      }
      case "Advance":
        return
      case "Wire":
        wire = step.mode
        return
      case "Distort":
        distortions.push(step)
        return
      case "Release": {
        const released = delayed
        delayed = []
        if (connection !== undefined) {
          for (const message of released) say(connection, `${JSON.stringify(message)}\n`)
        }
        return
      }
      case "Noise":
        if (connection !== undefined) say(connection, noise[step.what])
        return
      case "Refuse":
        refusals.push(step)
        return
      case "Ignore":
        ignored.add(step.method)
        return
      case "Heed":
        ignored.clear()
        return
      case "Reading":
        connection?.process.setReading(step.isOn)
        return
      case "Other":
        return actAsOther(step)
      case "Ask":
        return ask(step)
      case "Withdraw": {
        const fiber = asked[step.salt % Math.max(1, asked.length)]
        asked = asked.filter((one) => one !== fiber)
        fiber?.interruptUnsafe()
        return
      }
      case "Open": {
        const gate = gates[step.salt % Math.max(1, gates.length)]
        gates = gates.filter((one) => one !== gate)
        if (gate !== undefined) Deferred.doneUnsafe(gate, Effect.void)
        return
      }
      case "Die":
        if (connection !== undefined) die(connection, step.how)
        return
      case "Restart":
        restart()
        return
      case "Observer":
        observerThrows = step.throws
        return
    }
  }

  const die = (connection: Connection, how: "killed" | "exited" | "mute") => {
    if (how === "mute") {
      connection.isMute = true
      return
    }
    watch.onServerGone()
    connection.process.exit(how === "killed" ? { signal: "SIGKILL" } : { code: 1 }, how === "killed")
    fork(connection.server.die())
  }

  const forget = () => {
    watch.onDisconnected()
    delayed = []
    distortions = []
    refusals = []
    ignored.clear()
    gates = []
    asked = []
    wire = "whole"
  }

  const restart = () => {
    const connection = current
    if (connection !== undefined) {
      if (connection.codex === undefined && connection.process.isRunning()) return
      connection.isLeft = true
      close(connection)
      forget()
    }
    fork(connect)
  }

  const actAsOther = ({ salt, what }: Extract<Step, { readonly _tag: "Other" }>) => {
    const server = current?.server
    if (server === undefined) return
    const running = activeTurns()
    const turn = running[salt % Math.max(1, running.length)]
    const request = (method: string, params: unknown) => fork(Effect.ignore(server.requestAsOther(method, params)))
    const input = [{ type: "text", text: `other ${salt}`, text_elements: [] }]
    if (what === "start") {
      const threads = Array.from(new Set(Array.from(watch.turns.values(), ({ threadId }) => threadId)))
      const threadId = threads[salt % Math.max(1, threads.length)]
      if (threadId !== undefined) request("turn/start", { threadId, input, clientUserMessageId: `other-${salt}` })
    } else if (turn !== undefined) {
      const { id, threadId } = turn
      if (what === "steer") request("turn/steer", { threadId, expectedTurnId: id, input })
      else request("turn/interrupt", { threadId, turnId: id })
    }
  }

  const ask = ({ item, kind, salt }: Extract<Step, { readonly _tag: "Ask" }>) => {
    const server = current?.server
    const running = activeTurns()
    const turn = running[salt % Math.max(1, running.length)]
    if (server === undefined || turn === undefined) return
    const itemId = item === "same" ? `call_${turn.id}` : `item_${salt}`
    askUnder(server, turn, itemId, kind, salt)
    if (item === "twin") askUnder(server, turn, itemId, kind, salt + 1, salt % 50)
  }

  const askUnder = (
    server: MockAppServer.MockAppServer["Service"],
    { id: turnId, threadId }: Watch.SimulatedTurn,
    itemId: string,
    kind: "command" | "fileChange",
    salt: number,
    after?: number
  ) => {
    // Sometimes the second request takes a long time to arrive.
    const stall = Effect.sync(() => {
      if (salt % 3 === 0) wire = "held"
    })
    const about = { threadId, turnId }
    const command = commands[salt % commands.length] ?? "ls"
    const started =
      kind === "command"
        ? { type: "commandExecution", id: itemId, command, commandActions: [], cwd: "/", status: "inProgress" }
        : { type: "fileChange", id: itemId, changes: [], status: "inProgress" }
    const asks =
      kind === "command"
        ? server.ask("item/commandExecution/requestApproval", {
            ...about,
            itemId,
            kind: "command",
            command,
            cwd: "/",
            startedAtMs: 0,
            availableDecisions: ["accept", "cancel"]
          })
        : server.ask("item/fileChange/requestApproval", { ...about, itemId, startedAtMs: 0 })
    const asking = server
      .notify("item/started", { ...about, item: started, startedAtMs: 0 })
      .pipe(
        Effect.andThen(Effect.ignore(asks)),
        Effect.andThen(
          server.notify("item/completed", { ...about, item: { ...started, status: "completed" }, completedAtMs: 0 })
        )
      )
    asked.push(
      fork(after === undefined ? asking : Effect.sleep(after).pipe(Effect.andThen(stall), Effect.andThen(asking)))
    )
  }

  const isAlive = (connection: Connection | undefined): connection is Connection =>
    connection?.codex !== undefined && connection.process.isRunning() && !connection.isMute

  const check = () => {
    const connection = current
    if (connection?.codex !== undefined) {
      const sizes = connection.codex[tables]()
      if (isAlive(connection) && connection.process.unread() === 0) watch.checkTables(sizes)
      const open = calls.filter(({ isOver }) => !isOver).length
      const { routes = 0 } = sizes
      if (routes > open) violate("nothing is left", `${routes} routes, and ${open} calls`)
    }
    if (options.laws === undefined) return
    const seen: Seen = {
      turns: Array.from(watch.turns.values()),
      approvals: Array.from(watch.approvals.values()),
      isGivenUp: watch.isGivenUp
    }
    for (const law of options.laws) {
      const wrong = law.check(seen)
      if (wrong !== undefined) violate(law.name, wrong)
    }
  }

  // Every call ends, whether the server works again, has gone silent, or has exited.
  const finish = Effect.fnUntraced(function* (chance: Numbers) {
    isLast = true
    const fate = chance()
    tell(`finally ${fate < 0.6 ? "well" : fate < 0.8 ? "mute" : "dead"}`)
    const connection = current
    if (fate < 0.6) {
      wire = chance() < 0.5 ? "whole" : "torn"
      distortions = []
      refusals = []
      ignored.clear()
      connection?.process.setReading(true)
      if (connection !== undefined) {
        for (const message of delayed) say(connection, `${JSON.stringify(message)}\n`)
      }
      delayed = []
      for (const gate of gates) Deferred.doneUnsafe(gate, Effect.void)
    } else if (connection !== undefined) {
      die(connection, fate < 0.8 ? "mute" : "killed")
    }
    yield* untilOver(chance)
    // Waits also for the turns of other clients, if they can end, and for late requests that no call waits for.
    const isWell = fate < 0.6
    const isBusy = () => isWell && (activeTurns().length > 0 || (connection?.codex?.[tables]()["pending"] ?? 0) > 0)
    for (let wakes = 0; isBusy(); wakes++) {
      if (wakes >= maxLastWakes) break
      const next = clock.next()
      if (next === undefined || violation !== undefined) break
      clock.moveTo(next)
      yield* settle(chance)
    }
    if (violation !== undefined || connection === undefined) return
    checkAtRest(connection, isWell)
    if (violation !== undefined) return
    close(connection)
    yield* untilOver(chance)
    if (violation !== undefined) return
    if (connection.process.isRunning()) violate("closing leaves nothing", "the process still runs")
    if (clock.sleeping() > 0) violate("closing leaves nothing", `${clock.sleeping()} fibers still sleep`)
  })

  const untilOver = Effect.fnUntraced(function* (chance: Numbers) {
    yield* settle(chance)
    for (let wakes = 0; calls.some(({ isOver }) => !isOver); wakes++) {
      if (violation !== undefined) return
      const next = clock.next()
      if (next === undefined || wakes > maxLastWakes) {
        const open = calls.filter(({ isOver }) => !isOver).map(({ name }) => name)
        return violate("every call ends", `${open.join(", ")} did not within ${wakes} sleeps`)
      }
      // Other clients interrupt their turns. Otherwise the program could wait for them forever.
      if (wakes % 100 === 0) stopOthers()
      clock.moveTo(next)
      yield* settle(chance)
    }
  })

  const stopOthers = () => {
    const server = current?.server
    if (server === undefined) return
    for (const { clientId, id: turnId, threadId } of activeTurns()) {
      if (clientId === null || clientId?.startsWith("other-") === true) {
        fork(Effect.ignore(server.requestAsOther("turn/interrupt", { threadId, turnId })))
      }
    }
  }

  // A table may keep the entries that it had after the handshake, and those that it exists to remember.
  const checkAtRest = (connection: Connection, isWell: boolean) => {
    const { atRest, codex } = connection
    if (codex === undefined || atRest === undefined || !isWell || !isAlive(connection)) return
    const sizes = codex[tables]()
    for (const name of ["pending", "deadlines", "routes", "idleWaiters", "listeners", "leaving"]) {
      const [is = 0, was = 0] = [sizes[name], atRest[name]]
      if (is > was) violate("nothing is left", `${is} in the table ${name}, ${was} at first`)
    }
  }

  yield* Effect.sync(() => fork(connect))
  yield* settle(makeNumbers(seed + 2))
  const isViolated = () => violation !== undefined
  for (const step of steps) {
    if (isViolated()) break
    const chance = makeNumbers(seed ^ step.salt)
    tell(`${index} ${JSON.stringify(step)}`)
    act(step)
    yield* settle(chance)
    if (step._tag === "Advance") yield* advance(step.millis, chance)
    check()
    index++
  }
  const ran = index
  if (violation === undefined) yield* finish(makeNumbers(seed + 3))
  if (violation === undefined) check()
  // After a violation, calls may still be open.
  for (const { fiber } of calls) fiber.interruptUnsafe()
  return {
    seed,
    steps,
    violation,
    ran,
    virtualMillis: clock.currentTimeMillisUnsafe(),
    turns: watch.turns.size,
    approvals: watch.approvals.size,
    calls: callCount,
    messages,
    trace: named(trace)
  }
})

const noise = {
  garbage: "this is not JSON\n",
  notification: `${JSON.stringify({ method: "thread/somethingNew", params: { threadId: "x" } })}\n`,
  request: `${JSON.stringify({ id: "new", method: "item/somethingNew/request", params: {} })}\n`,
  reply: `${JSON.stringify({ id: 999_999, result: {} })}\n`,
  empty: "\n"
} as const

const nameOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const found = Exit.findErrorOption(exit)
  if (found._tag === "None") return "no error"
  const { value } = found
  return typeof value === "object" && value !== null && "_tag" in value ? String(value._tag) : String(value)
}

// Replaces random names with numbers, and removes spans.
const named = (trace: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = new Map<string, string>()
  return trace.map((line) =>
    line
      .replaceAll(/"trace":\{[^}]*\},?/g, "")
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uuid) => {
        const name = names.get(uuid) ?? `uuid-${names.size + 1}`
        names.set(uuid, name)
        return name
      })
  )
}

/**
 * Shrinks a run that violates a law until none of its steps can be omitted.
 *
 * @category running
 * @since 0.1.0
 */
export const shrink: (options: Options, report: Report) => Effect.Effect<Report> = Effect.fnUntraced(function* (
  options: Options,
  report: Report
) {
  const law = report.violation?.law
  if (law === undefined) return report
  let best = report
  const attempt = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>) {
    const next = yield* run({ ...options, seed: report.seed, steps })
    if (next.violation?.law !== law) return false
    // The steps after the violation had no part in it.
    best = { ...next, steps: steps.slice(0, next.violation.step + 1) }
    return true
  })
  yield* attempt(best.steps.slice(0, (best.violation?.step ?? best.steps.length) + 1))
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    let start = 0
    while (start < best.steps.length) {
      const without = [...best.steps.slice(0, start), ...best.steps.slice(start + size)]
      if (!(yield* attempt(without))) start += size
    }
  }
  return best
})

/**
 * Runs the simulations of many seeds, one after the other, up to the first that violates a law, and shrinks that one.
 *
 * @category running
 * @since 0.1.0
 */
export const explore: (
  options: Options & {
    /** The first seed. Default: 1. */
    readonly seed?: number | undefined
    readonly seeds: number
    readonly steps?: number | undefined
    /** Called with each report. */
    readonly onReport?: ((report: Report) => void) | undefined
  }
) => Effect.Effect<{ readonly runs: number; readonly failure: Report | undefined }> = Effect.fnUntraced(function* ({
  onReport,
  seed: first = 1,
  seeds,
  steps,
  ...options
}) {
  for (let seed = first; seed < first + seeds; seed++) {
    const report = yield* run({ ...options, seed, steps })
    onReport?.(report)
    if (report.violation !== undefined) {
      return { runs: seed - first + 1, failure: yield* shrink(options, report) }
    }
  }
  return { runs: seeds, failure: undefined }
})
