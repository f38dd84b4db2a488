/**
 * The owner of a store: runs its sessions on app-servers, and after a crash continues from the stored evidence.
 *
 * A prompt reaches the model once. A turn that was cut off is continued by a new turn that says so, and its requests are decided
 * again. Approvals wait for people, and outlive the process. The rules are pure functions in internal modules; this module leases
 * the store, keeps the registries, and ends the app-servers before its lease ends.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import type * as Codex from "@effect-codex/core/Codex"
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import type { Engine } from "@effect-codex/core/PolicyEngine"
import * as CoreTools from "@effect-codex/core/Tools"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { StaleOwner, StoreBusy, StoreFailed } from "./DurableError.ts"
import { Blocked } from "./internal/blocked.ts"
import { Hooks } from "./internal/owner/hooks.ts"
import * as Holding from "./internal/owner/holding.ts"
import * as Leave from "./internal/owner/leave.ts"
import type { Owner } from "./internal/owner/owner.ts"
import * as Scheduler from "./internal/owner/scheduler.ts"
import * as Servers from "./internal/owner/servers.ts"
import { Sharing } from "./internal/owner/sharing.ts"
import { checkDuration as checkLease } from "./internal/store/lease.ts"
import type { Session } from "./Session.ts"
import { Live } from "./Live.ts"
import { type LeaseOptions, SessionStore } from "./SessionStore.ts"

/**
 * The folder of a session does not exist. The session is blocked until someone resumes it or another owner starts.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkspaceMissing extends Schema.TaggedError<WorkspaceMissing>()("WorkspaceMissing", {
  workspace: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The workspace ${JSON.stringify(this.workspace)} is missing: ${this.description}. Provide it, and resume the session.`
  }
}

/**
 * How an owner runs sessions.
 *
 * **Details**
 *
 * `policies`, `tools` and `workspace` resolve the names in a `SessionSpec`. A missing name blocks the session with
 * `PolicyMissing`, `ToolsMissing` or `WorkspaceMissing`; there is no fallback.
 *
 * An invalid time or number is `InvalidConfig` with its name, before the store is leased.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Engines by name. Requests on which an engine abstains wait for a person. */
  readonly policies: { readonly [name: string]: Engine }
  /** Toolkits by name, bound with `Tools.bind` of `@effect-codex/core`. Default: none. */
  readonly tools?: { readonly [name: string]: CoreTools.Bound } | undefined
  /** Prepares the folder of a session until the scope closes. `cwd` is an absolute path without links. */
  readonly workspace: (session: Session) => Effect.Effect<{ readonly cwd: string }, WorkspaceMissing, Scope.Scope>
  /** The app-server, or a function that returns it for an account. Default: that of `Codex.layer`. */
  readonly codex?: Codex.Options | ((account: string | undefined) => Codex.Options) | undefined
  /** How the store is leased. */
  readonly lease?: LeaseOptions | undefined
  /** How many sessions may run at the same time. Default: 16. */
  readonly concurrency?: number | undefined
  /** How long to keep an app-server that no session uses. Default: 30 seconds. */
  readonly serverIdleTimeout?: Duration.Input | undefined
  /** How long an approval may wait before its turn is stopped; the verdict is then kept for later. Default: 10 minutes. */
  readonly parkAfter?: Duration.Input | "never" | undefined
  /** How long an approval accepts a verdict, and how long its grant is valid. Default: 7 days. */
  readonly approvalTimeout?: Duration.Input | undefined
  /** How much may queue up while the store is down before the turn is interrupted, in bytes of JSON. Default: 8 Mi. */
  readonly spillBytes?: number | undefined
  /** How long a request for a person may wait while the store is down before it is declined. Default: 30 seconds. */
  readonly storeTimeout?: Duration.Input | undefined
}

/**
 * A running owner.
 *
 * @category services
 * @since 0.1.0
 */
export class Durable extends Context.Service<
  Durable,
  {
    /** The number of this owner: greater than that of every owner before. */
    readonly epoch: number
    /**
     * Never succeeds. Fails when this owner has lost the store. Its app-servers have ended by then; build the layer again to
     * continue.
     */
    readonly lost: Effect.Effect<never, StaleOwner | StoreFailed>
  }
>()("@effect-codex/durable/Durable") {}

// The app-servers have to be gone within the last third of the lease. Ending one takes two steps of this.
const shutdownGrace = (lease: Duration.Duration): Duration.Duration =>
  Duration.min(Duration.seconds(1), Duration.millis(Duration.toMillis(lease) / 9))

/** The times and numbers of the options, checked before the store is leased. */
const check = (options: Options) =>
  Effect.all({
    lease: checkLease("lease.duration", options.lease?.duration),
    concurrency: CheckedOption.count("concurrency", options.concurrency ?? 16, 1),
    serverIdleTimeout: CheckedOption.duration("serverIdleTimeout", options.serverIdleTimeout ?? Duration.seconds(30)),
    parkAfter:
      options.parkAfter === "never"
        ? Effect.undefined
        : CheckedOption.duration("parkAfter", options.parkAfter ?? Duration.minutes(10)),
    approvalTimeout: CheckedOption.timeout("approvalTimeout", options.approvalTimeout ?? Duration.days(7)),
    spillBytes: CheckedOption.count("spillBytes", options.spillBytes ?? 8_388_608),
    storeTimeout: CheckedOption.duration("storeTimeout", options.storeTimeout ?? Duration.seconds(30))
  })

const missing = (tag: string, name: string) =>
  new Blocked({ tag, description: `this owner has nothing by the name ${JSON.stringify(name)}` })

const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<
  Durable["Service"],
  InvalidConfig | StoreBusy | StoreFailed,
  ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Scope.Scope | SessionStore
> {
  const limits = yield* check(options)
  const store = yield* SessionStore
  const sharing = yield* Sharing
  const isShared = sharing !== undefined
  const lease = yield* store.lease({ ...options.lease, duration: limits.lease, ...(isShared ? { isShared } : {}) })
  const { codex } = options
  // Of their own, so that they can be ended before anything else.
  const serverScope = yield* Effect.flatMap(Effect.scope, Scope.fork)
  const servers = yield* Scope.provide(
    Servers.make({
      codex: (account) => (typeof codex === "function" ? codex(account) : (codex ?? {})),
      idleTimeToLive: limits.serverIdleTimeout,
      shutdownGrace: shutdownGrace(limits.lease)
    }),
    serverScope
  )
  const owner: Owner = {
    store,
    epoch: lease.epoch,
    isShared,
    left: new Set(),
    servers,
    live: Option.getOrUndefined(yield* Effect.serviceOption(Live)),
    hook: yield* Hooks,
    policy: ({ spec }) => {
      const engine = Object.hasOwn(options.policies, spec.policy) ? options.policies[spec.policy] : undefined
      return engine === undefined ? Effect.fail(missing("PolicyMissing", spec.policy)) : Effect.succeed(engine)
    },
    tools: ({ spec }) => bindTools(options.tools ?? {}, spec.tools),
    workspace: (session) =>
      Effect.mapError(
        options.workspace(session),
        ({ description, workspace }) =>
          new Blocked({
            tag: "WorkspaceMissing",
            description: `the workspace ${JSON.stringify(workspace)} is missing: ${description}`
          })
      ),
    grantTtl: limits.approvalTimeout,
    parkAfter: limits.parkAfter,
    // A commit succeeds with a third of the lease left, or more.
    sendWithin: Duration.divideUnsafe(limits.lease, 3),
    spillBytes: limits.spillBytes,
    storeTimeout: limits.storeTimeout
  }
  const endServers = Scope.close(serverScope, Exit.void)
  const holding = sharing === undefined ? undefined : Holding.make(store, lease.epoch)
  const run = Effect.gen(function* () {
    const scheduler = yield* Scheduler.make(owner, { concurrency: limits.concurrency, holding })
    if (sharing !== undefined && holding !== undefined) {
      const { look } = scheduler
      const leave = (session: string) => Effect.andThen(scheduler.leave(session), Leave.moveOut(owner, session))
      yield* sharing({ store, look, hold: (session) => holding.hold(session, { look, leave }) })
    }
    return yield* scheduler.stale
  })
  const running = Effect.raceFirst(
    Effect.scoped(run),
    Effect.tapError(lease.lost, () => endServers)
  )
  const fiber = yield* Effect.forkScoped(Effect.tapError(running, () => endServers))
  return Durable.of({ epoch: lease.epoch, lost: Fiber.join(fiber) })
})

const bindTools = (tools: { readonly [name: string]: CoreTools.Bound }, names: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(names, (name) => {
      const bound = Object.hasOwn(tools, name) ? tools[name] : undefined
      return bound === undefined ? Effect.fail(missing("ToolsMissing", name)) : Effect.succeed(bound)
    }),
    (all) => ({
      specs: all.flatMap(({ specs }) => specs),
      onToolCall: (params: Parameters<CoreTools.Bound["onToolCall"]>[0]) => {
        const bound = all.find(({ has }) => has(params.tool))
        return bound === undefined
          ? Effect.succeed({
              success: false,
              contentItems: [{ type: "inputText" as const, text: `There is no tool ${params.tool}.` }]
            })
          : bound.onToolCall(params)
      }
    })
  )

/**
 * Leases the store in the context and runs its sessions until the scope closes. Running sessions are then handed over: their
 * turns are stopped, and the next owner continues them. If the context has a `Live`, the deltas of turns are published there.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  Durable,
  InvalidConfig | StoreBusy | StoreFailed,
  ChildProcessSpawner | FileSystem.FileSystem | Path.Path | SessionStore
> => Layer.effect(Durable)(make(options))
