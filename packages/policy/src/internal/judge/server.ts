/**
 * An app-server that serves only a judge. A new one replaces it after each question without an answer.
 *
 * It knows how a server is started and replaced. It does not know the questions, nor the meaning of an answer.
 */
import type * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import type {
  CodexNotFound,
  ConnectionFailed,
  InvalidConfig,
  PolicyFailed,
  TurnError
} from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Versions from "@effect-codex/core/protocol/Versions"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as RcRef from "effect/RcRef"
import * as Scope from "effect/Scope"
import * as JudgeCatalog from "./catalog.ts"
import * as JudgeHome from "./home.ts"
import * as JudgeThread from "./thread.ts"

export interface Server<E> {
  readonly ask: (question: JudgeThread.ThreadQuestion) => Effect.Effect<string, E>
  /** Completes when the server has exited. */
  readonly ended: Effect.Effect<void>
}

export interface Options extends Pick<
  AppServer.Options,
  "args" | "binary" | "config" | "env" | "extendEnv" | "shutdownGrace"
> {
  readonly codexHome?: string | undefined
  readonly settings: Omit<JudgeThread.Settings, "catalog" | "config" | "cwd">
}

/** Starts a server in its own home. */
export const start: (
  options: Options
) => Effect.Effect<
  Server<PolicyFailed | TurnError>,
  CodexNotFound | ConnectionFailed | InvalidConfig | PlatformError.PlatformError,
  ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Scope.Scope
> = Effect.fnUntraced(function* ({ args, binary, codexHome, config, env, extendEnv, settings, shutdownGrace }) {
  const path = yield* Path.Path
  const environment = { ...(env === undefined || extendEnv === true ? globalThis.process.env : {}), ...env }
  const { cwd, home, server, thread } = yield* JudgeHome.make(codexHome ?? JudgeHome.userHome(environment, path))
  const command = yield* CodexBinary.resolve({ binary })
  // Without these settings, the server would look up apps and plugins on the network at each start.
  const settled = { "features.apps": false, "features.plugins": false, ...server, ...config }
  const homed = { ...environment, CODEX_HOME: home }
  const file = path.join(path.dirname(home), "models.json")
  const catalog = yield* Effect.forkScoped(
    JudgeCatalog.write({ binary: command, env: homed, args: JudgeHome.toArgs(settled), file })
  )
  const launch = (more?: { readonly model_catalog_json: string }) =>
    Layer.build(
      Codex.layer({
        args,
        binary: command,
        config: { ...settled, ...more },
        cwd,
        env: homed,
        experimentalApi: true,
        shutdownGrace
      })
      // A judge asks for no approval, so the person who approves the agent's requests is not available to it.
    ).pipe(
      Effect.provideService(PolicyEngine.HumanApproval, undefined),
      Effect.map((context) => Context.get(context, Codex.Codex))
    )
  const scope = yield* Effect.flatMap(Effect.scope, Scope.fork)
  const first = yield* Scope.provide(launch(), scope)
  // An older server reads the catalog at its start. Its version is known only after the first start.
  const isCatalogOfThreads = Versions.has(first.serverInfo.version, Versions.behaviors.catalogOfThreads)
  const models = isCatalogOfThreads ? undefined : yield* Fiber.join(catalog)
  const codex =
    models === undefined
      ? first
      : yield* Effect.andThen(Scope.close(scope, Exit.void), launch({ model_catalog_json: models }))
  return {
    ask: JudgeThread.ask(codex, { ...settings, cwd, config: thread, catalog: Fiber.join(catalog) }),
    ended: Effect.ignore(codex.closed)
  }
})

/**
 * Keeps a server running until the scope closes. If the server exits or does not answer, for any reason, a new one replaces
 * it.
 */
export const renewing = Effect.fnUntraced(function* <E, E2, R>(
  start: Effect.Effect<Server<E>, E2, R>
): Effect.fn.Return<Server<E | E2>["ask"], E2, R | Scope.Scope> {
  const scope = yield* Effect.scope
  let newest: Server<E> | undefined
  const ref: RcRef.RcRef<Server<E>, E2> = yield* RcRef.make({
    acquire: Effect.tap(start, (server) => {
      newest = server
      return Effect.forkScoped(Effect.andThen(server.ended, Effect.forkIn(discard(server), scope)))
    }),
    idleTimeToLive: Duration.infinity
  })
  // Never discards the replacement, even if questions to the old server fail later.
  const discard = (server: Server<E>) => Effect.suspend(() => (newest === server ? RcRef.invalidate(ref) : Effect.void))
  yield* Effect.scoped(RcRef.get(ref))
  return (question) =>
    Effect.flatMap(Scope.fork(scope), (borrowed) =>
      Scope.provide(RcRef.get(ref), borrowed).pipe(
        Effect.flatMap((server) =>
          // The next question must not wait until this one has stopped, so the server is discarded first.
          Effect.acquireUseRelease(
            Effect.forkDetach(server.ask(question)),
            (asking) => Fiber.join(asking),
            (asking, exit) =>
              Exit.isSuccess(exit) ? Effect.void : Effect.andThen(discard(server), Fiber.interrupt(asking))
          )
        ),
        // A server that did not answer may be slow to exit, so it is closed in the background.
        Effect.onExit((exit) =>
          Exit.isSuccess(exit) ? Scope.close(borrowed, exit) : Effect.forkIn(Scope.close(borrowed, exit), scope)
        )
      )
    )
})
