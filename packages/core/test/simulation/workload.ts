/**
 * A program that does all that this package offers for turns, at any moment and in any order, for the simulation of the client
 * itself: for its tests and for `npm run sim`.
 */
import * as Codex from "@effect-codex/core/Codex"
import { type CodexError, PolicyFailed } from "@effect-codex/core/CodexError"
import * as Notification from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { Thread } from "@effect-codex/core/Thread"
import * as Simulation from "@effect-codex/core/testing/Simulation"
import { addDelivered } from "@effect-codex/core/testing/SimulationWatch"
import { makeNumbers, type Numbers } from "@effect-codex/core/testing/VirtualTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** What the agent asks for, by the decision that it gets. */
const commands = [
  "accepted",
  "accepted",
  "accepted later",
  "declined",
  "cancelled",
  "abstained from",
  "never decided",
  "a defect",
  "a failure",
  "illegal"
]

const verdict = (decision: "accept" | "decline" | "cancel") => Effect.succeed({ decision, by: "workload" })

const decide = (command: string) => {
  switch (command) {
    case "accepted":
      return verdict("accept")
    case "accepted later":
      return Effect.delay(verdict("accept"), "3 seconds")
    case "declined":
      return verdict("decline")
    case "cancelled":
      return verdict("cancel")
    case "never decided":
      return Effect.never
    case "a defect":
      return Effect.die(new Error("a defect"))
    case "a failure":
      return Effect.fail(new PolicyFailed({ description: "a failure" }))
    default:
      return Effect.succeed(undefined)
  }
}

const engine: PolicyEngine.Engine = PolicyEngine.make({
  command: ({ params }) => {
    const command = params.command ?? ""
    return command === "illegal"
      ? Effect.succeed({ decision: "acceptForSession" as const, by: "workload" })
      : decide(command)
  },
  fileChange: ({ params }) => decide(commands[params.itemId.length % commands.length] ?? "")
})

interface View {
  readonly turnId: string
  readonly seen: Array<{ readonly of: string; text: string }>
  isWhole: boolean
}

interface State {
  threads: Array<Thread>
  readonly leaves: Array<Deferred.Deferred<void>>
  readonly over: Set<string>
  readonly views: Array<View>
}

type Failure = CodexError | { readonly _tag: "Left" }

const make = (): Pick<Simulation.Options, "actions" | "laws"> => {
  const state: State = { threads: [], leaves: [], over: new Set(), views: [] }

  const threadOf = (salt: number) => state.threads[salt % Math.max(1, state.threads.length)]

  // What a call may come to, and that it may be left at any time.
  const owned = (prompt: string, call: Effect.Effect<unknown, CodexError, Simulation.Services>) =>
    Effect.gen(function* () {
      const simulated = yield* Simulation.Simulated
      const leave = Deferred.makeUnsafe<void>()
      state.leaves.push(leave)
      return yield* call.pipe(
        Effect.provideService(PolicyEngine.PolicyEngine, simulated.witness(engine, prompt)),
        Effect.raceFirst(Deferred.await(leave)),
        Effect.ensuring(Effect.sync(() => state.over.add(prompt)))
      )
    })

  const checkText = (prompt: string, text: string) =>
    Effect.flatMap(Simulation.Simulated, ({ violate }) =>
      text.split(" ").every((word) => word === "" || word.startsWith(`${prompt}/`))
        ? Effect.void
        : violate("no text of another turn", `the turn of ${prompt} said ${JSON.stringify(text)}`)
    )

  const limitsOf = (chance: Numbers) => {
    const limit = chance()
    if (limit < 0.2) return { budget: { duration: Math.ceil(100_000 ** chance()) } }
    if (limit < 0.3) return { budget: { tokens: 200 } }
    if (limit < 0.4) return { watchdog: { stallTimeout: 1000 + Math.ceil(100_000 ** chance()) } }
    if (limit < 0.5) return { whenBusy: "fail" as const }
    return {}
  }

  const look = (turnId: string, chance: Numbers) => {
    const view: View = { turnId, seen: [], isWhole: false }
    state.views.push(view)
    const takes = chance() < 0.5 ? Number.POSITIVE_INFINITY : Math.floor(chance() * 12)
    const pause = chance() < 0.7 ? 0 : Math.ceil(10_000 ** chance())
    return (notifications: Stream.Stream<Notification.Notification, CodexError>) =>
      notifications.pipe(
        Stream.take(takes),
        Stream.runForEach((notification) =>
          Effect.suspend(() => {
            if (notification.method !== "turn/silent" && Notification.turnIdOf(notification) === turnId) {
              addDelivered(view.seen, notification.method, notification.method === "unknown" ? {} : notification.params)
            }
            return pause === 0 ? Effect.void : Effect.sleep(pause)
          })
        ),
        Effect.andThen(
          Effect.sync(() => {
            view.isWhole = takes === Number.POSITIVE_INFINITY
          })
        )
      )
  }

  const actions = {
    start: () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const policy = (yield* Simulation.Simulated).witness(engine)
        state.threads.push(yield* codex.thread.start({ policy }))
      }),
    startPlain: () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        state.threads.push(yield* codex.thread.start())
      }),
    create: (salt: number) => {
      const prompt = `create-${salt}`
      const chance = makeNumbers(salt)
      return owned(
        prompt,
        Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const { text } = yield* codex.responses.create({ prompt, ...limitsOf(chance) })
          yield* checkText(prompt, text)
        })
      )
    },
    run: (salt: number) => {
      const prompt = `run-${salt}`
      const thread = threadOf(salt)
      if (thread === undefined) return Effect.void
      const chance = makeNumbers(salt)
      const call = Effect.flatMap(thread.run({ prompt, ...limitsOf(chance) }), ({ text }) => checkText(prompt, text))
      const timeout = Math.ceil(1_000_000 ** chance())
      return owned(prompt, chance() < 0.3 ? Effect.timeoutOption(call, timeout) : call)
    },
    events: (salt: number) => {
      const prompt = `events-${salt}`
      const chance = makeNumbers(salt)
      return owned(
        prompt,
        Effect.flatMap(Codex.Codex, ({ responses }) => {
          const events = responses.events({ prompt, ...limitsOf(chance) })
          return Stream.runDrain(Stream.take(events, Math.floor(20 * chance())))
        })
      )
    },
    turn: (salt: number) => {
      const prompt = `turn-${salt}`
      const thread = threadOf(salt)
      if (thread === undefined) return Effect.void
      const chance = makeNumbers(salt)
      const call = Effect.gen(function* () {
        const turn = yield* thread.turn({ prompt, ...limitsOf(chance) })
        const views = Array.from({ length: Math.floor(chance() * 3) }, () => look(turn.id, chance)(turn.notifications))
        for (const view of views) yield* Effect.forkScoped(Effect.ignore(view))
        if (chance() < 0.3) yield* Effect.sleep(Math.ceil(100_000 ** chance()))
        if (chance() < 0.3) yield* Effect.ignore(turn.steer(`steered ${salt}`))
        if (chance() < 0.3) yield* turn.interrupt
        if (chance() < 0.7) {
          const { text } = yield* turn.result
          yield* checkText(prompt, text)
          if (chance() < 0.5) yield* look(turn.id, () => 0.1)(turn.notifications)
        }
      }).pipe(Effect.scoped)
      return owned(prompt, call)
    },
    leave: (salt: number) =>
      Effect.sync(() => {
        const [leave] = state.leaves.splice(salt % Math.max(1, state.leaves.length), 1)
        if (leave !== undefined) Deferred.doneUnsafe(leave, Effect.void)
      }),
    read: (salt: number) => {
      const thread = threadOf(salt)
      if (thread === undefined) return Effect.void
      return Effect.flatMap(Codex.Codex, (codex) =>
        codex.request("thread/read", { threadId: thread.id }, salt % 2 === 0 ? {} : { timeout: 1 + (salt % 1000) })
      )
    },
    unsubscribe: (salt: number) => {
      const thread = threadOf(salt)
      if (thread === undefined) return Effect.void
      return Effect.flatMap(Codex.Codex, (codex) => codex.thread.unsubscribe(thread.id))
    },
    resume: (salt: number) => {
      const thread = threadOf(salt)
      if (thread === undefined) return Effect.void
      return Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const resumed = yield* codex.thread.resume(thread.id)
        state.threads = state.threads.map((one) => (one.id === resumed.id ? resumed : one))
      })
    },
    watch: (salt: number) =>
      Effect.flatMap(Codex.Codex, ({ frames, notifications, serverRequests }) => {
        const streams = [notifications, serverRequests, frames]
        const stream: Stream.Stream<unknown, CodexError> = streams[salt % 3] ?? notifications
        const slowly = Stream.runForEach(Stream.take(stream, salt % 20), () => Effect.sleep(salt % 1000))
        return Effect.timeoutOption(slowly, 60_000)
      })
  } satisfies Record<string, (salt: number) => Effect.Effect<unknown, Failure, Simulation.Services>>

  const laws: ReadonlyArray<Simulation.Law> = [
    {
      name: "the owner of a turn stops it",
      check: ({ isGivenUp, turns }) => {
        const left = turns.find(
          (turn) =>
            turn.isRunning &&
            turn.prompt !== undefined &&
            state.over.has(turn.prompt) &&
            !turn.isPromptDistorted &&
            !isGivenUp(turn)
        )
        return left === undefined ? undefined : `the call of ${left.prompt} is over, and turn ${left.id} runs`
      }
    },
    {
      name: "nothing is lost, and nothing is of another turn",
      check: ({ turns }) => {
        for (const { isWhole, seen, turnId } of state.views) {
          const told = turns.find(({ id }) => id === turnId)?.delivered ?? []
          const isPart = seen.every(({ of, text }, index) => {
            const other = told[index]
            if (other === undefined || other.of !== of) return false
            return index === seen.length - 1 ? other.text.startsWith(text) : other.text === text
          })
          if (isPart && (!isWhole || seen.length === told.length)) continue
          return `turn ${turnId} got ${JSON.stringify(told)}, and its consumer saw ${JSON.stringify(seen)}`
        }
        return undefined
      }
    }
  ]

  return { actions, laws }
}

/** The workload, for `Simulation.run` and `Simulation.explore`. */
export const workload: Simulation.Options = {
  perRun: make,
  commands,
  policy: engine,
  connection: { bufferBytes: 1_000_000 },
  defaults: { bufferBytes: 1_000_000 }
}
