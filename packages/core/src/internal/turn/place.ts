/**
 * A turn's place: the first position in its thread's queue, and an entry in the layer's budget. An answer that is asked for
 * again keeps its place over all attempts, so that no other turn runs between them, and they share one budget.
 *
 * It knows budgets and usage. It must not know what a turn does.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { BudgetExceeded, InvalidParams } from "../../CodexError.ts"
import { monotonicMillis } from "../monotonic.ts"
import type { BudgetLimits } from "../options.ts"
import { makeCollector } from "./collector.ts"
import { makeTokenCount, type TokenCount } from "./tokens.ts"
import type { Entry, Exceeded, Ledger } from "./ledger.ts"

/**
 * Enters the queue of a thread's turns until the scope closes. Returns how to wait for the first position, or `undefined` if it
 * was free: then it is taken.
 */
export type Queue = Effect.Effect<Effect.Effect<void, never, Scope.Scope> | undefined, never, Scope.Scope>

/** The queues of all threads. A queue exists as long as a turn is in it, even if its thread is left and bound again. */
export interface Queues {
  readonly of: (threadId: string) => Queue
  readonly size: () => number
}

export const makeQueues = (): Queues => {
  const queues = new Map<string, { readonly semaphore: Semaphore.Semaphore; users: number }>()
  return {
    of: (threadId) =>
      Effect.acquireRelease(
        // In one step, so that no other turn comes between the look at the queue and the entry.
        Effect.sync(() => {
          const known = queues.get(threadId)
          // The first turn has the permit from the start.
          const queue = known ?? { semaphore: Semaphore.makeUnsafe(0), users: 0 }
          queues.set(threadId, queue)
          queue.users++
          return { queue, isFirst: known === undefined }
        }),
        ({ isFirst, queue }) =>
          Effect.andThen(
            isFirst ? queue.semaphore.release(1) : Effect.void,
            Effect.sync(() => {
              queue.users--
              if (queue.users === 0) queues.delete(threadId)
            })
          )
      ).pipe(Effect.map(({ isFirst, queue }) => (isFirst ? undefined : queue.semaphore.takeScoped(1)))),
    size: () => queues.size
  }
}

export interface Options {
  readonly threadId: string
  /** Held until the place is given up, because the server adds the input of a second turn to the running one. */
  readonly queue: Queue
  readonly ledger: Ledger
  readonly budget: BudgetLimits
}

export interface Place {
  readonly threadId: string
  /** Waits until a budget is used up. */
  readonly exceeded: Effect.Effect<Exceeded>
  /** The tokens that all attempts and their sub-agents have used so far. */
  readonly tokens: TokenCount
  /** Call it when the request that starts a turn is sent: time counts from the first call. */
  readonly sent: () => void
  /** Checks `tokens` against the budgets. */
  readonly checkTokens: () => void
  /** Watches the time of the turn's budget and of the layer's. `undefined` if neither limits it. */
  readonly watchTime: Effect.Effect<never> | undefined
  /** The context for everything that runs for the turn. */
  readonly context: Context.Context<never>
}

// The threads whose turns wait for the effect that runs with this reference.
const WaitingThreads = Context.Reference<ReadonlySet<string>>("@effect-codex/core/internal/turn/WaitingThreads", {
  defaultValue: () => new Set()
})

/**
 * Waits for a place, and holds it until the scope closes. In a handler that the thread's own turn waits for, it fails at once
 * with `InvalidParams`: the turn would wait for itself.
 */
export const take = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Place, InvalidParams | BudgetExceeded, Scope.Scope> {
  const { budget, ledger, queue, threadId } = options
  const waiting = yield* WaitingThreads
  if (waiting.has(threadId)) {
    return yield* new InvalidParams({
      method: "turn/start",
      description: `the running turn of thread ${threadId} waits for this handler, so another turn can't begin before it returns`
    })
  }
  const clock = yield* Clock.Clock
  const now = () => monotonicMillis(clock)
  const exceeded = Deferred.makeUnsafe<Exceeded>()
  const exceed = (why: Exceeded) => Deferred.doneUnsafe(exceeded, Effect.succeed(why))
  const entry: Entry = { startedAt: undefined, stop: exceed }
  const refuse = (why: Exceeded) => new BudgetExceeded({ ...why, response: makeCollector(threadId).response() })

  // First, because the fiber may be interrupted between two steps. It does nothing for a turn that has not entered.
  yield* Effect.addFinalizer(() => Effect.sync(() => ledger.leave(entry, now())))
  const refused = ledger.enter(entry, now())
  if (refused !== undefined) return yield* refuse(refused)
  const wait = yield* queue
  if (wait !== undefined) {
    // The layer's budget may be used up in the meantime.
    yield* Effect.raceFirst(
      Effect.as(wait, undefined),
      Effect.flatMap(Deferred.await(exceeded), (why) => Effect.fail(refuse(why)))
    )
  }

  const tokens = makeTokenCount()
  const started = Deferred.makeUnsafe<void>()
  let spent = 0

  // The time of a waiting turn does not count.
  const watchTime = Effect.gen(function* () {
    yield* Deferred.await(started)
    while (true) {
      const { startedAt } = entry
      const used = startedAt === undefined ? 0 : now() - startedAt
      if (startedAt !== undefined && used >= budget.duration) {
        exceed({ limit: "duration", scope: "turn", allowed: budget.duration, used })
        return yield* Effect.never
      }
      ledger.checkTime(now())
      const left = Math.min(budget.duration - used, ledger.timeLeft(now()))
      yield* Effect.sleep(Math.max(1, Math.ceil(left)))
    }
  })

  return {
    threadId,
    exceeded: Deferred.await(exceeded),
    tokens,
    sent: () => {
      entry.startedAt ??= now()
      Deferred.doneUnsafe(started, Effect.void)
    },
    checkTokens: () => {
      const used = tokens.total()
      ledger.spend(used - spent)
      spent = used
      if (used >= budget.tokens) exceed({ limit: "tokens", scope: "turn", allowed: budget.tokens, used })
    },
    watchTime: ledger.isTimed || Number.isFinite(budget.duration) ? watchTime : undefined,
    context: Context.add(yield* Effect.context(), WaitingThreads, new Set([...waiting, threadId]))
  }
})
