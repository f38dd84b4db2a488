/**
 * The app-servers of an owner: one for each account, started when a session needs it, and ended when none has needed it for a
 * while.
 *
 * A server that has died, or did not start, is forgotten, so that the next session gets a new one. Closing the scope ends all of them. This module
 * knows no session.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { CodexNotFound, ConnectionFailed, InvalidConfig } from "@effect-codex/core/CodexError"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"

/** The services of an app-server. */
export type Server = Context.Context<Codex.Codex | ExperimentalApi>

export interface Servers {
  /** A server that the scope holds. */
  readonly get: (
    account: string | undefined
  ) => Effect.Effect<Server, CodexNotFound | ConnectionFailed | InvalidConfig, Scope.Scope>
  /** Ends the server of an account, even if sessions use it. */
  readonly end: (account: string | undefined) => Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (options: {
  readonly codex: (account: string | undefined) => Codex.Options
  readonly idleTimeToLive: Duration.Input
  readonly shutdownGrace: Duration.Input
}): Effect.fn.Return<Servers, never, ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const scope = yield* Effect.scope
  const running = new Map<string | undefined, Scope.Closeable>()
  const lookup = (account: string | undefined) =>
    Effect.gen(function* () {
      const own = yield* Effect.flatMap(Effect.scope, Scope.fork)
      running.set(account, own)
      const server = yield* Layer.build(
        Codex.layer({
          shutdownGrace: options.shutdownGrace,
          ...options.codex(account),
          // A person may take hours.
          answerTimeout: "none",
          experimentalApi: true
        })
      ).pipe(Scope.provide(own))
      // Ends with the server's own scope, so it never forgets the next server.
      yield* Context.get(server, Codex.Codex).closed.pipe(
        Effect.catch(() => Effect.forkIn(forget(account), scope)),
        Effect.forkScoped
      )
      return server
    }).pipe(
      // The map keeps failures as well.
      Effect.onError(() => Effect.forkIn(forget(account), scope))
    )
  const forget = (account: string | undefined) => RcMap.invalidate(servers, account)
  const servers: RcMap.RcMap<string | undefined, Server, CodexNotFound | ConnectionFailed | InvalidConfig> =
    yield* RcMap.make({ lookup, idleTimeToLive: options.idleTimeToLive })
  return {
    get: (account) => RcMap.get(servers, account),
    end: (account) =>
      Effect.suspend(() => {
        const own = running.get(account)
        return Effect.andThen(
          RcMap.invalidate(servers, account),
          own === undefined ? Effect.void : Scope.close(own, Exit.void)
        )
      })
  }
})
