/**
 * Owners on several machines that share a store. Each machine runs the sessions of its shards.
 *
 * `effect/cluster` assigns shards to machines, and moves them when machines join or leave. The store, in Postgres, is the source
 * of truth about sessions and keeps two owners from running the same session. This module connects the two.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import { Sharding } from "effect/cluster/Sharding"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Durable from "./Durable.ts"
import type { StoreBusy, StoreFailed } from "./DurableError.ts"
import * as Entity from "./internal/cluster/entity.ts"
import { Sharing } from "./internal/owner/sharing.ts"
import type { SessionStore } from "./SessionStore.ts"

/**
 * How an owner runs its share of the sessions.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Durable.Options {
  /**
   * How often to look for unclaimed sessions, in addition to changes of the store. This finds sessions of owners that have
   * crashed. Default: 5 seconds.
   */
  readonly sweepInterval?: Duration.Input | undefined
  /** How long after a block a session is tried again. Default: 1 minute. */
  readonly blockedInterval?: Duration.Input | undefined
}

/**
 * Leases the store together with other owners, and runs the sessions of this machine's shards until the scope closes. Running
 * sessions are then handed over.
 *
 * **Details**
 *
 * Each machine has its own codex homes. A session that moves takes its rollouts along: its thread is unloaded and stored, and the
 * next owner writes the files into its own home, with the permissions 0600, before it resumes the thread. Fails with `StoreBusy`
 * if the store has an owner that does not share it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  Durable.Durable,
  InvalidConfig | StoreBusy | StoreFailed,
  ChildProcessSpawner | FileSystem.FileSystem | Path.Path | SessionStore | Sharding
> =>
  Durable.layer(options).pipe(
    Layer.provide(
      Layer.effect(Sharing)(
        Effect.gen(function* (): Effect.fn.Return<Sharing, InvalidConfig, Sharding> {
          const sharding = yield* Sharding
          const { blockedInterval = "1 minute", sweepInterval = "5 seconds" } = options
          const intervals = {
            sweepInterval: Duration.toMillis(yield* CheckedOption.timeout("sweepInterval", sweepInterval)),
            blockedInterval: Duration.toMillis(yield* CheckedOption.timeout("blockedInterval", blockedInterval))
          }
          return (runner) => Effect.provideService(Entity.register(runner, intervals), Sharding, sharding)
        })
      )
    )
  )

/**
 * Nudges to one session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Nudges {
  /** Tells the session to look for work. Sessions also notice work by themselves, but later. */
  readonly wake: Effect.Effect<void>
  /** Asks to interrupt a job, on the machine that runs it. A nudge can be lost, so call `Sessions.interrupt` too. */
  readonly interrupt: (interrupt: {
    readonly key: string
    readonly by: string
    readonly reason?: string | undefined
  }) => Effect.Effect<void>
}

/**
 * Sends nudges through the cluster. They are not stored, may be lost, and may be repeated.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nudges: Effect.Effect<(session: string) => Nudges, never, Sharding> = Effect.map(
  Entity.SessionEntity.client,
  (clientOf) => (session) => {
    const client = clientOf(session)
    return {
      wake: Effect.ignore(client.wake(undefined, { discard: true })),
      interrupt: ({ by, key, reason }) =>
        Effect.ignore(client.interrupt({ key, by, ...(reason === undefined ? {} : { reason }) }, { discard: true }))
    }
  }
)
