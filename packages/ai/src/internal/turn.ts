/**
 * One running turn as `effect/ai` sees it: read in pieces, each of which is a response, and held in between while the caller
 * runs the tools that were called.
 *
 * The room knows one turn. It must not know conversations, prompts or the parts of a response.
 */
import type { AgentResponse } from "@effect-codex/core/AgentResponse"
import type { TurnStartError, TurnStreamError } from "@effect-codex/core/CodexError"
import type * as Input from "@effect-codex/core/Input"
import type { Notification } from "@effect-codex/core/Notification"
import { type Engine, make as makeEngine, PolicyEngine } from "@effect-codex/core/PolicyEngine"
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
  /** A tool of the caller is called, and the turn waits. Everything that codex said before is there. */
  | { readonly _tag: "Called"; readonly call: DynamicToolCallParams }
  | { readonly _tag: "Ended"; readonly exit: Exit.Exit<AgentResponse, TurnStreamError> }

/** A turn that runs. */
export interface RunningTurn {
  readonly id: string
  readonly events: Queue.Dequeue<Event>
  /** Answers a call. Tells whether it still waits. */
  readonly answer: (callId: string, response: DynamicToolCallResponse) => boolean
  /** Has another engine decide from now on. */
  readonly decideWith: (engine: Engine) => void
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
      const calls = makeCalls((call) => Queue.offerUnsafe(events, { _tag: "Called", call }))
      let current = policy
      const engine = makeEngine({
        command: (request) => current.command(request),
        fileChange: (request) => current.fileChange(request),
        permissions: (request) => current.permissions(request),
        userInput: (request) => current.userInput(request),
        elicitation: (request) => current.elicitation(request),
        toolCall: (request) => current.toolCall(request)
      })
      const turn = yield* restore(thread.turn({ ...input, onToolCall: calls.wait })).pipe(
        Effect.provideService(PolicyEngine, engine),
        Scope.provide(scope),
        Effect.onError(() => close)
      )
      yield* turn.notifications.pipe(
        Stream.runForEach((notification) =>
          Effect.sync(() => {
            Queue.offerUnsafe(events, { _tag: "Said", notification })
            calls.hear(notification)
          })
        ),
        Effect.andThen(turn.result),
        Effect.exit,
        Effect.flatMap((exit) => Queue.offer(events, { _tag: "Ended", exit })),
        Effect.forkIn(scope)
      )
      const running: RunningTurn = {
        id: turn.id,
        events,
        answer: calls.answer,
        decideWith: (next) => {
          current = next
        },
        steer: (prompt) => Effect.match(turn.steer(prompt), { onFailure: () => false, onSuccess: () => true }),
        close
      }
      onStart(running)
      return running
    })
  )

interface Calls {
  readonly wait: (call: DynamicToolCallParams) => Effect.Effect<DynamicToolCallResponse>
  readonly hear: (notification: Notification) => void
  readonly answer: RunningTurn["answer"]
}

/**
 * The calls that wait. Codex announces a call in a notification, and sends a request for it. The caller hears of it when both
 * have come: otherwise the call could overtake the text before it. Calls with one id have one answer.
 */
const makeCalls = (tell: (call: DynamicToolCallParams) => void): Calls => {
  const announced = new Set<string>()
  const early = new Map<string, DynamicToolCallParams>()
  const waiting = new Map<string, Deferred.Deferred<DynamicToolCallResponse>>()
  return {
    wait: (call) =>
      Effect.suspend(() => {
        const { callId } = call
        const known = waiting.get(callId)
        if (known !== undefined) return Deferred.await(known)
        const answered = Deferred.makeUnsafe<DynamicToolCallResponse>()
        waiting.set(callId, answered)
        if (announced.delete(callId)) tell(call)
        else early.set(callId, call)
        return Effect.ensuring(
          Deferred.await(answered),
          Effect.sync(() => {
            waiting.delete(callId)
            early.delete(callId)
          })
        )
      }),
    hear: (notification) => {
      if (notification.method !== "item/started") return
      const { item } = notification.params
      if (item.type !== "dynamicToolCall") return
      const call = early.get(item.id)
      if (call === undefined) announced.add(item.id)
      else tell(call)
      early.delete(item.id)
    },
    answer: (callId, response) => {
      const answered = waiting.get(callId)
      if (answered === undefined) return false
      Deferred.doneUnsafe(answered, Effect.succeed(response))
      return true
    }
  }
}
