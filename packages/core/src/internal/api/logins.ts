/**
 * The end of a login. The server tells of it in a notification, which may come before the reply that names the login.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { AppServer } from "../../AppServer.ts"
import { type ConnectionFailed, LoginFailed } from "../../CodexError.ts"

interface Completion {
  readonly success: boolean
  readonly error?: string | null | undefined
}

export interface LoginEnd<A> {
  readonly completed: (completion: A) => void
  /** Which completions are those of this login. The earlier ones are looked at now. */
  readonly expect: (isOurs: (completion: A) => boolean) => void
  readonly isOver: () => boolean
  /** Ends the login for those who wait for it. */
  readonly giveUp: Effect.Effect<unknown>
  readonly wait: Effect.Effect<void, LoginFailed | ConnectionFailed>
}

/** `target` names what is logged in to, in the error. */
export const makeLoginEnd = <A extends Completion>(server: AppServer["Service"], target: string): LoginEnd<A> => {
  const over = Deferred.makeUnsafe<Completion>()
  const early: Array<A> = []
  let isOurs: ((completion: A) => boolean) | undefined
  const completed = (completion: A) => {
    if (isOurs === undefined) early.push(completion)
    else if (isOurs(completion)) Deferred.doneUnsafe(over, Effect.succeed(completion))
  }
  const ended = Effect.flatMap(Deferred.await(over), ({ error, success }) =>
    success ? Effect.void : Effect.fail(new LoginFailed({ target, description: error ?? "the server gave no reason" }))
  )
  return {
    completed,
    expect: (expected) => {
      isOurs = expected
      for (const completion of early) completed(completion)
    },
    isOver: () => Deferred.isDoneUnsafe(over),
    giveUp: Deferred.succeed(over, { success: false, error: "its scope was closed" }),
    wait: Effect.raceFirst(ended, server.closed)
  }
}
