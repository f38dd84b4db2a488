/**
 * The engine of a session's turn: the session's policy first, and people for what it leaves open.
 *
 * A request for people is stored first, with everything that they need. A verdict is taken from the store in a
 * transaction that checks the epoch, and only then does an accept go out. The policy is asked again at that moment, since
 * its refusals come before anybody's consent. A grant is a verdict on an equal subject
 * whose request was over by then.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Human from "@effect-codex/policy/Human"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import { type Approval, type ApprovalText, type Subject, subjectKey } from "../../Approval.ts"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { Change, Committed, SessionStore } from "../../SessionStore.ts"
import { subjectOf } from "../subject.ts"
import type { At } from "./hooks.ts"
import type { Point } from "./hooks.ts"
import type { Mailbox } from "./mailbox.ts"

type CommitError = CommitRefused | StaleOwner | StoreFailed

export interface Options {
  readonly base: PolicyEngine.Engine
  readonly at: At
  readonly epoch: number
  readonly store: Pick<SessionStore["Service"], "approvals">
  readonly mailbox: Mailbox
  /** One try. */
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<Committed, CommitError>
  /** Tries for a while, if the store is down. */
  readonly commitForPeople: (changes: ReadonlyArray<Change>) => Effect.Effect<Committed, CommitError>
  /** Stores the rollout up to now. */
  readonly catchUp: Effect.Effect<void, { readonly message: string }>
  readonly hook: (point: Point, at: At) => Effect.Effect<void>
  /** The folder that the agent works in. */
  readonly cwd: string
  readonly grantTtl: Duration.Duration
  readonly parkAfter: Duration.Duration | undefined
  /** Somebody has let a question wait for as long as `parkAfter`. */
  readonly onPark: Effect.Effect<void>
  /** The server has withdrawn the question, or the turn is over. */
  readonly onLeft: (approval: string) => void
  /** The policy has ended the turn. */
  readonly onCancel: (by: string, reason: string | undefined) => void
}

type Kind = PolicyEngine.Kind
type Verdict<K extends Kind> = PolicyEngine.Verdict<K>

/** A verdict of a person, and how it was used. */
interface Taken {
  readonly decision: "accept" | "decline"
  readonly by: string
  readonly reason: string | undefined
}

export const make = (options: Options): Effect.Effect<PolicyEngine.Engine, never, FileSystem.FileSystem | Path.Path> =>
  Effect.map(Effect.context<FileSystem.FileSystem | Path.Path>(), (context) => {
    const { at, base, commit, epoch, store } = options

    // Verdicts of this job that no request waits for. Consent to one task does not cover the next.
    const usable = Effect.fnUntraced(function* (kind: Kind) {
      const now = yield* Clock.currentTimeMillis
      const decided = yield* store.approvals({ session: at.session, states: ["decided"] })
      return decided.filter(
        ({ expiresAt, isGrantable, key, subject, waitingEpoch }) =>
          key === at.key && subject.kind === kind && isGrantable && expiresAt > now && waitingEpoch !== epoch
      )
    })

    const take = (approval: string, use: "delivered" | "granted") =>
      Effect.gen(function* () {
        // The steps up to the request are stored before the answer can have an effect.
        yield* options.catchUp
        const { verdicts } = yield* commit([{ type: "verdictUsed", approval, use }])
        yield* options.hook("verdictUsed", at)
        return verdicts[0]
      })

    const openAndWait = Effect.fnUntraced(function* (
      request: PolicyEngine.Request<Kind>,
      about: { readonly subject: Subject; readonly isGrantable: boolean },
      text: ApprovalText,
      previous: Approval | undefined
    ) {
      const id = globalThis.crypto.randomUUID()
      const now = yield* Clock.currentTimeMillis
      yield* options.catchUp
      yield* options.commitForPeople([
        {
          type: "approvalOpened",
          approval: {
            id,
            key: at.key,
            attempt: at.attempt,
            threadId: request.threadId,
            turnId: request.turnId,
            itemId: itemIdOf(request),
            ...about,
            text: previous === undefined ? text : withPrevious(text, previous),
            previous: previous?.id,
            expiresAt: now + Duration.toMillis(options.grantTtl)
          }
        }
      ])
      yield* options.hook("approvalOpened", at)
      const park =
        options.parkAfter === undefined
          ? Effect.never
          : Effect.sleep(options.parkAfter).pipe(Effect.andThen(options.onPark), Effect.andThen(Effect.never))
      yield* Effect.raceFirst(options.mailbox.decided(id), park).pipe(
        Effect.onInterrupt(() => Effect.sync(() => options.onLeft(id)))
      )
      yield* options.hook("verdictReceived", at)
      return id
    })

    const decide = <K extends Kind>(kind: K): PolicyEngine.Decide<K> => {
      const ofPolicy = (request: PolicyEngine.Request<K>) =>
        Effect.tap(base[kind](request), (verdict) =>
          Effect.sync(() => {
            if (verdict?.decision === "cancel") options.onCancel(verdict.by, verdict.reason)
          })
        )
      const declined = (reason: string): Verdict<K> => ({
        decision: PolicyEngine.refusals[kind],
        by: "durable",
        reason
      })

      return (request) =>
        Effect.gen(function* () {
          const first = yield* ofPolicy(request)
          if (first !== undefined) return first
          const about = subjectOf(request)
          const grants = yield* usable(kind)
          const equal = about.isGrantable
            ? grants.findLast(({ subject }) => subjectKey(subject) === subjectKey(about.subject))
            : undefined
          const previous = grants.at(-1)
          let taken: Taken | undefined
          let again: Verdict<K> | undefined
          let failure: string | undefined
          const human = yield* Human.make(
            ({ details, title }) =>
              Effect.gen(function* () {
                const approval =
                  equal === undefined ? yield* openAndWait(request, about, { title, details }, previous) : equal.id
                // A refusal of the policy comes before the consent of a person.
                again = yield* ofPolicy(request)
                if (again !== undefined) {
                  const reason = `${again.by} decides this now`
                  yield* commit([{ type: "approvalWithdrawn", approval, reason }])
                  return undefined
                }
                const verdict = yield* take(approval, equal === undefined ? "delivered" : "granted")
                if (verdict === undefined) return undefined
                taken = { decision: verdict.decision, by: verdict.by, reason: verdict.reason }
                return { choice: verdict.decision === "accept" ? "y" : "n" }
              }).pipe(
                Effect.tapError((error) =>
                  Effect.sync(() => {
                    failure = error.message
                  })
                )
              ),
            { name: "person", deadline: Duration.infinity, maxOpen: 1000, concurrency: "unbounded", cwd: options.cwd }
          ).pipe(Effect.orDie)
          const verdict = yield* human.decide(request)
          if (again !== undefined) return again
          if (taken === undefined) return declined(failure ?? verdict.reason ?? "no engine decided")
          return { ...verdict, by: taken.by, ...(taken.reason === undefined ? {} : { reason: taken.reason }) }
        }).pipe(
          Effect.provideContext(context),
          Effect.catchTag("StoreFailed", (error) =>
            Effect.as(Effect.logError("Declined a request that could not be stored", error), declined("StoreFailed"))
          )
        )
    }

    return {
      command: decide("command"),
      fileChange: decide("fileChange"),
      permissions: decide("permissions"),
      userInput: decide("userInput"),
      elicitation: decide("elicitation"),
      toolCall: decide("toolCall")
    }
  })

const itemIdOf = ({ params }: PolicyEngine.Request<Kind>): string | undefined => {
  if ("itemId" in params) return params.itemId
  return "callId" in params ? params.callId : undefined
}

// A person who is asked again sees what was decided about something similar.
const withPrevious = ({ details, title }: ApprovalText, { text, verdict }: Approval): ApprovalText => ({
  title,
  details: [
    ...details,
    {
      label: "Earlier",
      text: `${verdict?.by} chose ${verdict?.decision} for a similar request, which this one differs from: ${text.title}`
    }
  ]
})
