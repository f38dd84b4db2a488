/**
 * Follows the rollouts of sub-agents together with that of the thread that they work for.
 *
 * The rollout of a thread names the threads of the agents that it has spawned, and theirs name further ones. They are stored
 * together: a look at the thread is also one at its agents. This module does not know where rollouts are.
 */
import * as Effect from "effect/Effect"
import type { Digest } from "./digest.ts"
import type { FollowError, Follower } from "./follow.ts"

export interface Tree<out E> {
  /** Of the thread itself. */
  readonly digest: () => Digest
  readonly exists: () => boolean
  /** Reads and stores what was added to the thread's rollout, and then to those of its agents. */
  readonly catchUp: Effect.Effect<void, E | FollowError>
}

/** `follow` gives `undefined` for a thread that has no rollout yet. */
export const withAgents = Effect.fnUntraced(function* <E, R>(
  threadId: string,
  { catchUp, digest, exists }: Follower,
  follow: (threadId: string) => Effect.Effect<Follower | undefined, E, R>
) {
  const context = yield* Effect.context<R>()
  const agents = new Map<string, Follower>()

  const catchUpAgents = Effect.gen(function* () {
    yield* Effect.forEach(Array.from(agents.values()), (agent) => agent.catchUp, { discard: true })
    const found = [...digest().agents]
    for (const id of found) {
      if (id === threadId) continue
      const agent = agents.get(id) ?? (yield* follow(id))
      if (agent === undefined) continue
      agents.set(id, agent)
      // Those that it has spawned are visited too.
      found.push(...agent.digest().agents.filter((thread) => !found.includes(thread)))
    }
  }).pipe(Effect.provideContext(context))

  yield* catchUpAgents
  const tree: Tree<E> = { digest, exists, catchUp: Effect.andThen(catchUp, catchUpAgents) }
  return tree
})
