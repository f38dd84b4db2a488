/**
 * The end of a login. The server reports it in a notification, which may arrive before the reply that names the login.
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
  /** Sets which completions belong to this login, and checks the earlier ones. */
  readonly expect: (isOurs: (completion: A) => boolean) => void
  readonly isOver: () => boolean
  /** Ends the login for its waiters. */
  readonly giveUp: Effect.Effect<unknown>
  readonly wait: Effect.Effect<void, LoginFailed | ConnectionFailed>
}

/** `target` names the target of the login in the error. */
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
