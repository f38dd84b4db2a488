/**
 * An owner: the leased store, app-servers, the registries by name, and limits. Types alone.
 */
import type { Engine } from "@effect-codex/core/PolicyEngine"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Live } from "../../Live.ts"
import type { Session } from "../../Session.ts"
import type { SessionStore } from "../../SessionStore.ts"
import type { Tools } from "./attach.ts"
import type { Blocked } from "../blocked.ts"
import type { At, Point } from "./hooks.ts"
import type { Servers } from "./servers.ts"

export interface Owner {
  readonly store: SessionStore["Service"]
  readonly epoch: number
  /** Whether other owners run sessions of the store too: a session may come from another codex home, and go to one. */
  readonly isShared: boolean
  /** Sessions of which the store has everything that the codex home has. */
  readonly left: Set<string>
  readonly servers: Servers
  /** Gets the deltas of turns, if it is there. */
  readonly live: Live["Service"] | undefined
  readonly hook: (point: Point, at: At) => Effect.Effect<void>
  readonly policy: (session: Session) => Effect.Effect<Engine, Blocked>
  readonly tools: (session: Session) => Effect.Effect<Tools, Blocked>
  readonly workspace: (session: Session) => Effect.Effect<{ readonly cwd: string }, Blocked, Scope.Scope>
  readonly grantTtl: Duration.Duration
  /** `undefined`: open approvals keep their turn. */
  readonly parkAfter: Duration.Duration | undefined
  /** How long after it was stored a prompt may be sent. Later the lease may be another owner's, who sends it too. */
  readonly sendWithin: Duration.Duration
  /** How much may wait for a store that is down, in bytes of JSON. */
  readonly spillBytes: number
  /** How long a request for people may wait for a store that is down. */
  readonly storeTimeout: Duration.Duration
}
