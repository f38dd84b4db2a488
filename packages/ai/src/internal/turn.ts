/**
 * One running turn as `effect/ai` sees it: read in pieces, each of which is a response, and held in between while the caller
 * runs the tools that were called.
 *
 * The room knows one turn. It must not know conversations, prompts or the parts of a response.
 */
import type { AgentResponse } from "@effect-codex/core/AgentResponse"
import type { TurnError, TurnStartError } from "@effect-codex/core/CodexError"
import type * as Input from "@effect-codex/core/Input"
import type { Notification } from "@effect-codex/core/Notification"
import { type Engine, PolicyEngine } from "@effect-codex/core/PolicyEngine"
import type { DynamicToolCallParams, DynamicToolCallResponse } from "@effect-codex/core/protocol/generated/Stable"
import type { Thread, TurnInput } from "@effect-codex/core/Thread"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** An event of a turn. Events come in order. */
export type Event =
  | { readonly _tag: "Said"; readonly notification: Notification }
  /** A tool of the caller is called, and the turn waits. */
  | { readonly _tag: "Called"; readonly call: DynamicToolCallParams }
  | { readonly _tag: "Ended"; readonly exit: Exit.Exit<AgentResponse, TurnError> }

/** A turn that runs. */
export interface RunningTurn {
  readonly id: string
  readonly events: Queue.Dequeue<Event>
  /** Answers a call. Tells whether it still waits. */
  readonly answer: (callId: string, response: DynamicToolCallResponse) => boolean
  /** Adds a message of the user. */
  readonly steer: (input: ReadonlyArray<Input.Part>) => Effect.Effect<boolean>
  /** Stops the turn, if it is not over. */
  readonly close: Effect.Effect<void>
}

/** Starts a turn that lives as long as the scope, or until it is closed. `onStart` gets it before anything can interrupt. */
export const start = (
  thread: Thread,
  input: Omit<TurnInput, "onToolCall">,
  policy: Engine,
  parent: Scope.Scope,
  onStart: (turn: RunningTurn) => void
): Effect.Effect<RunningTurn, TurnStartError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(parent)
      const close = Scope.close(scope, Exit.void)
      const events = yield* Queue.unbounded<Event>()
      const waiting = new Map<string, Deferred.Deferred<DynamicToolCallResponse>>()
      const onToolCall = (call: DynamicToolCallParams) =>
        Effect.suspend(() => {
          const answered = Deferred.makeUnsafe<DynamicToolCallResponse>()
          waiting.set(call.callId, answered)
          Queue.offerUnsafe(events, { _tag: "Called", call })
          return Effect.ensuring(
            Deferred.await(answered),
            Effect.sync(() => waiting.delete(call.callId))
          )
        })
      const turn = yield* restore(thread.turn({ ...input, onToolCall })).pipe(
        Effect.provideService(PolicyEngine, policy),
        Scope.provide(scope),
        Effect.onError(() => close)
      )
      yield* turn.notifications.pipe(
        Stream.runForEach((notification) => Queue.offer(events, { _tag: "Said", notification })),
        Effect.ignore,
        Effect.andThen(Effect.exit(turn.result)),
        Effect.flatMap((exit) => Queue.offer(events, { _tag: "Ended", exit })),
        Effect.forkIn(scope)
      )
      const running: RunningTurn = {
        id: turn.id,
        events,
        answer: (callId, response) => {
          const answered = waiting.get(callId)
          if (answered === undefined) return false
          Deferred.doneUnsafe(answered, Effect.succeed(response))
          return true
        },
        steer: (prompt) => Effect.match(turn.steer(prompt), { onFailure: () => false, onSuccess: () => true }),
        close
      }
      onStart(running)
      return running
    })
  )
