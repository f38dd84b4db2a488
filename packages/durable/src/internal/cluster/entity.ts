/**
 * A session as an entity of a cluster: awake on the machine that its shard is on, and running there for as long as it has something to do.
 *
 * The tables of the store are the truth, and messages are no more than nudges: they are not stored, they can be lost and repeated. Which
 * machine has which shard is for `effect/cluster` to say. This module knows no turn.
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import * as EntityId from "effect/cluster/EntityId"
import * as Sharding from "effect/cluster/Sharding"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { needsChoice } from "../../Session.ts"
import type { Runner } from "../owner/sharing.ts"

// A sender that goes away takes nothing back, and a machine that gives up a shard does not wait for what only waits.

/** Has the session run what it has to do. Answers when there is nothing left. */
const Wake = Rpc.make("wake")
  .annotate(ClusterSchema.Uninterruptible, "client")
  .annotate(ClusterSchema.InterruptOnTermination, true)

/** Asks for an interruption, where the session runs. Asking again changes nothing. */
const Interrupt = Rpc.make("interrupt", {
  payload: { key: Schema.String, by: Schema.String, reason: Schema.optionalKey(Schema.String) }
}).annotate(ClusterSchema.Uninterruptible, "client")

export const SessionEntity = Entity.make("CodexSession", [Wake, Interrupt])

/** Registers the sessions of a runner with the cluster, and wakes those whose shards it has. */
export const register = Effect.fnUntraced(function* (
  runner: Runner,
  options: { readonly sweepInterval: number; readonly blockedInterval: number }
): Effect.fn.Return<void, never, Scope.Scope | Sharding.Sharding> {
  const { hold, look, store } = runner
  const sharding = yield* Sharding.Sharding

  const behavior = Effect.gen(function* () {
    const { entityId: session } = yield* Entity.CurrentAddress
    // The turn belongs to the entity: a handler that ends, or is interrupted, stops nothing.
    const scope = yield* Effect.scope
    let holding: Fiber.Fiber<void> | undefined
    const held = Effect.suspend(() => {
      if (holding !== undefined && holding.pollUnsafe() === undefined) return Effect.succeed(holding)
      return hold(session).pipe(
        // The owner hears of it by itself.
        Effect.ignore,
        Effect.forkIn(scope),
        Effect.tap((fiber) =>
          Effect.sync(() => {
            holding = fiber
          })
        )
      )
    })
    return SessionEntity.of({
      wake: () => Effect.asVoid(Effect.flatMap(held, Fiber.await)),
      interrupt: ({ payload: { by, key, reason } }) =>
        store.requestInterrupt({ session, key, by, ...(reason === undefined ? {} : { reason }) }).pipe(
          // There is nothing to interrupt, or the store is down and the sender has it from there.
          Effect.ignore,
          Effect.andThen(look)
        )
    })
  })
  yield* sharding.registerEntity(SessionEntity, behavior, { concurrency: "unbounded" })

  const clientOf = yield* SessionEntity.client
  const isHere = (session: string) => {
    const id = EntityId.make(session)
    return sharding.hasShardId(sharding.getShardId(id, SessionEntity.getShardGroup(id)))
  }
  const sweep = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (let after: string | undefined; ;) {
      const page = yield* store.work({ after, limit: 100, claim: "none" })
      for (const { session } of page) {
        const { block, id, isRemoved } = session
        const isTried = block === undefined || block.choice !== undefined || block.at + options.blockedInterval <= now
        const isDue = isRemoved || (isTried && !needsChoice(block))
        if (isDue && isHere(id))
          yield* Effect.forkDetach(Effect.ignore(clientOf(id).wake(undefined, { discard: true })))
      }
      const last = page.at(-1)
      if (last === undefined || page.length < 100) return
      after = last.session.id
    }
  })
  yield* Stream.merge(store.changes, Stream.tick(options.sweepInterval)).pipe(
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() => Effect.catch(sweep, (error) => Effect.logWarning("Can't look for sessions", error))),
    Effect.catch((error) => Effect.logWarning("Can't watch the store", error)),
    Effect.andThen(Effect.sleep("1 second")),
    Effect.forever,
    Effect.forkScoped
  )
})
