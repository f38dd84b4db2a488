/**
 * JSON-RPC over a transport: ids, correlation, dispatch and withdrawal, in both directions.
 *
 * Replies are matched and notifications delivered inside the reader's own call, without an effect or a fiber for each message,
 * so the cost stays close to that of parsing, and a receiver cannot delay a reply. Requests from the peer run in their own
 * fibers.
 *
 * The room knows ids, correlation, deadlines, and the fibers of handlers. It must not know methods.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { ConnectionFailed } from "../../CodexError.ts"
import * as Display from "../../Display.ts"
import { makeDeadlines } from "./deadlines.ts"
import { encode } from "./encode.ts"
import { makeHandlerScope } from "./handlers.ts"
import * as Redaction from "../../Redaction.ts"
import { malformedLines } from "../../Telemetry.ts"
import type { Transport } from "../../Transport.ts"

/**
 * A JSON-RPC error, as on the wire.
 *
 * @category errors
 * @since 0.1.0
 */
export class RpcError extends Schema.TaggedError<RpcError>()("RpcError", {
  code: Schema.Finite,
  description: Schema.String,
  data: Schema.optionalKey(Schema.Unknown)
}) {
  override get message(): string {
    return this.description
  }
}

/**
 * No response came within the deadline.
 *
 * @category errors
 * @since 0.1.0
 */
export class RpcTimedOut extends Schema.TaggedError<RpcTimedOut>()("RpcTimedOut", { millis: Schema.Finite }) {
  override get message(): string {
    return `no response within ${this.millis} ms`
  }
}

/**
 * The id of a request, which its response repeats.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestId = string | number

/**
 * A notification as received, not yet validated.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireNotification {
  readonly method: string
  readonly params?: unknown
  readonly [K: string]: unknown
}

/**
 * A request of the peer as received, not yet validated.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireRequest {
  readonly id: RequestId
  readonly method: string
  readonly params: unknown
}

/**
 * Handles the incoming messages for the owner of the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receiver {
  /**
   * Called with each notification, in order with the responses around it, and its length on the wire in UTF-16 code units. Runs
   * in the reader: must not block.
   */
  readonly onNotification: (notification: WireNotification, length: number) => void
  /** Called after `onNotification` has thrown, before the next message. Returns whether it has handled the cause. */
  readonly onThrow?: ((cause: unknown) => boolean) | undefined
  /** Answers a request, in its own fiber. A defect is answered as an internal error. */
  readonly onRequest: (request: WireRequest) => Effect.Effect<unknown, RpcError>
  /** Called once when the peer is gone, after all of its messages were delivered. Must not block. */
  readonly onEnd: (error: ConnectionFailed) => void
}

/**
 * A JSON-RPC connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonRpc {
  /**
   * Sends a request, with the W3C trace context of the current span, and waits for its response, for at most `deadline`
   * milliseconds. After that, and after interruption, a late response goes to `onLate`, if given, and is ignored otherwise. The
   * `onLate` of a request is dropped once 1,024 later requests wait for late responses.
   */
  readonly request: (
    method: string,
    params: unknown,
    options?: {
      readonly deadline?: number | undefined
      readonly onLate?: ((result: unknown) => void) | undefined
    }
  ) => Effect.Effect<unknown, RpcError | RpcTimedOut | ConnectionFailed>
  readonly notify: (method: string, params?: unknown) => Effect.Effect<void, ConnectionFailed>
  /** Interrupts the fiber that answers a request of the peer. No reply is sent. */
  readonly withdraw: (id: RequestId) => void
  /** The number of lines that were skipped so far because they were not messages. */
  readonly malformed: Effect.Effect<number>
  /** The first of these lines, shortened, with secrets redacted and invisible characters escaped. */
  readonly firstMalformed: Effect.Effect<string | undefined>
  /** Fails when the connection has ended. */
  readonly closed: Effect.Effect<never, ConnectionFailed>
  /** The number of entries in each table. */
  readonly sizes: () => Readonly<Record<string, number>>
}

/** How many requests may wait for late responses. Beyond that, the oldest is given up. */
const maxLate = 1024

const isRequestId = (u: unknown): u is RequestId => typeof u === "string" || Number.isInteger(u)

const isNotification = (message: { readonly [K: string]: unknown }): message is WireNotification =>
  typeof message["method"] === "string" && !("id" in message)

// Cut before redaction, because the line may be very long, but far behind the shown part, so that no part of a secret is shown.
const preview = (line: string): string => Display.line(Redaction.text(line.slice(0, 4000)), { max: 200 })

/**
 * Serves JSON-RPC over a transport until the scope closes or the peer is gone.
 *
 * **Details**
 *
 * A line that is not a JSON-RPC message is logged (the first of a connection as a warning, later ones at debug level) and
 * skipped; the connection continues.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (transport: Transport["Service"], receiver: Receiver) => Effect.Effect<JsonRpc, never, Scope.Scope> =
  Effect.fnUntraced(function* (transport: Transport["Service"], receiver: Receiver) {
    const context = yield* Effect.context()
    const runFork = Effect.runForkWith(context)
    const answering = yield* Scope.provide(FiberMap.make<RequestId>(), yield* makeHandlerScope)
    const answer = yield* FiberMap.runtime(answering)<never>()

    type Response = ReturnType<JsonRpc["request"]>
    type Settle = (result: Effect.Effect<unknown, RpcError | RpcTimedOut | ConnectionFailed>) => void
    const deadlines = yield* makeDeadlines
    const pending = new Map<RequestId, Settle>()
    // The handlers of responses that arrive after the request was given up.
    const late = new Map<RequestId, (result: unknown) => void>()
    const closed = Deferred.makeUnsafe<never, ConnectionFailed>()
    let failure: ConnectionFailed | undefined
    let nextId = 1
    let malformed = 0
    let firstMalformed: string | undefined

    const end = (error: ConnectionFailed) => {
      if (failure !== undefined) return
      failure = error
      for (const settle of pending.values()) settle(Effect.fail(error))
      pending.clear()
      late.clear()
      const called = Result.try(() => receiver.onEnd(error))
      if (Result.isFailure(called)) runFork(Effect.logError("A receiver threw at the connection's end", called.failure))
      runFork(FiberMap.clear(answering))
      Deferred.doneUnsafe(closed, Effect.fail(error))
    }

    const skip = (line: string, why: string) => {
      malformed++
      malformedLines.updateUnsafe(1, context)
      const shown = preview(line)
      firstMalformed ??= shown
      const text = `Skipped a line that is not a JSON-RPC message (${why}): ${shown}`
      runFork(malformed === 1 ? Effect.logWarning(text) : Effect.logDebug(text))
    }

    const send = (line: string) =>
      transport.hasRoom()
        ? Effect.sync(() => transport.write(line))
        : Effect.map(transport.room, () => transport.write(line))

    const internalError = { code: -32603, message: "Internal error" }
    const reply = (id: RequestId, handler: Effect.Effect<unknown, RpcError>) =>
      Effect.matchCauseEffect(handler, {
        onSuccess: (result) => respond(id, { id, result: result ?? null }),
        onFailure: (cause) => {
          const error = Cause.findError(cause)
          if (Result.isSuccess(error)) {
            const { code, data, description } = error.success
            return respond(id, { id, error: { code, message: description, data } })
          }
          return Cause.hasInterrupts(cause) ? Effect.interrupt : respondBroken(id, cause)
        }
      })

    // A failure to send means that the peer is gone, so it is ignored.
    const respond = (id: RequestId, message: Parameters<typeof encode>[0]): Effect.Effect<void> => {
      const line = encode(message)
      return Result.isSuccess(line) ? Effect.ignore(send(line.success)) : respondBroken(id, line.failure)
    }

    // A defect, or an answer that cannot be encoded: without any answer the server would wait forever.
    const respondBroken = (id: RequestId, cause: unknown): Effect.Effect<void> =>
      Effect.andThen(
        Effect.logError("Answered a request of the server with an internal error", cause),
        Effect.suspend(() => Effect.ignore(send(JSON.stringify({ id, error: internalError }))))
      )

    const settle = (id: RequestId, result: Effect.Effect<unknown, RpcError>) => {
      const waiting = pending.get(id)
      if (waiting !== undefined) {
        pending.delete(id)
        return waiting(result)
      }
      const onLate = late.get(id)
      if (onLate === undefined) return runFork(Effect.logDebug(`Ignored a response to the unknown request ${id}`))
      late.delete(id)
      return runFork(Effect.ignore(Effect.map(result, onLate)))
    }

    const take = (line: string, message: unknown) => {
      if (message === notJson) return skip(line, "not JSON")
      if (!Predicate.isReadonlyObject(message)) return skip(line, "not an object")
      const { error, id, method } = message
      if (isNotification(message)) return receiver.onNotification(message, line.length)
      if (typeof method === "string") {
        if (!isRequestId(id)) return skip(line, "its id is neither a string nor an integer")
        return answer(id, reply(id, receiver.onRequest({ id, method, params: message["params"] })))
      }
      if (!isRequestId(id)) return skip(line, "neither a method nor an id")
      if (error !== undefined && error !== null) return settle(id, Effect.fail(toRpcError(error)))
      if ("result" in message) return settle(id, Effect.succeed(message["result"]))
      skip(line, "neither a result nor an error")
      // It is still the reply to its request: there will be no other one.
      return pending.has(id) ? settle(id, Effect.fail(emptyReply())) : undefined
    }

    const takeLines = (lines: ReadonlyArray<string>) => {
      const parsed = parseLines(lines)
      let next = 0
      const takeRest = () => {
        while (next < lines.length) {
          const index = next++
          take(lines[index] ?? "", parsed[index])
        }
      }
      // If the receiver of a message throws, the next messages are still delivered.
      while (next < lines.length) {
        const taken = Result.try(takeRest)
        if (Result.isSuccess(taken) || receiver.onThrow?.(taken.failure) === true) continue
        runFork(Effect.logError("A receiver of a message threw", taken.failure))
      }
      // An array in the old generation would keep the messages alive until it is collected.
      parsed.length = 0
    }

    // A receiver may cause more lines while it handles one. They wait, so that all recipients see messages in the same order.
    const unread: Array<() => void> = []
    const inOrder = (read: () => void) => {
      unread.push(read)
      if (unread.length > 1) return
      for (let next = unread[0]; next !== undefined; next = unread[0]) {
        const taken = Result.try(next)
        if (Result.isFailure(taken)) runFork(Effect.logError("The reader threw", taken.failure))
        unread.shift()
      }
    }
    const onLines = (lines: ReadonlyArray<string>) => inOrder(() => takeLines(lines))

    // Runs before the transport closes, so that pending requests fail at once, not after the process has exited.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() =>
        end(new ConnectionFailed({ reason: { _tag: "Closed", description: "the connection was closed" }, stderr: [] }))
      )
    )
    yield* transport.listen({ onLines, onEnd: (error) => inOrder(() => end(error)) })

    const request: JsonRpc["request"] = (method, params, options) => {
      const { deadline, onLate } = options ?? {}
      const sent: Response = Effect.callback((resume) => {
        if (failure !== undefined) return resume(Effect.fail(failure))
        if (!transport.hasRoom()) return resume(waitForRoom(sent, deadline))
        const id = nextId++
        const context = Fiber.getCurrent()?.context
        const trace = context && traceOf(Context.getOrUndefined(context, Tracer.ParentSpan))
        const line = encode({ id, method, params, trace })
        if (Result.isFailure(line)) {
          return resume(Effect.fail(new RpcError({ code: -32602, description: line.failure })))
        }
        const forget = () => {
          pending.delete(id)
          if (onLate === undefined || failure !== undefined) return
          late.set(id, onLate)
          const [oldest] = late.keys()
          if (late.size > maxLate && oldest !== undefined) late.delete(oldest)
        }
        const expire = () => {
          forget()
          resume(Effect.fail(new RpcTimedOut({ millis: deadline ?? 0 })))
        }
        const cancel = deadline === undefined ? undefined : deadlines.add(deadline, expire)
        pending.set(id, (result) => {
          cancel?.()
          resume(result)
        })
        transport.write(line.success)
        return Effect.sync(() => {
          cancel?.()
          forget()
        })
      })
      return sent
    }

    const waitForRoom = (sent: Response, deadline: number | undefined): Response => {
      const waiting = Effect.andThen(transport.room, sent)
      return deadline === undefined
        ? waiting
        : Effect.timeoutOrElse(waiting, {
            duration: deadline,
            orElse: () => Effect.fail(new RpcTimedOut({ millis: deadline }))
          })
    }

    const notify: JsonRpc["notify"] = (method, params) =>
      Effect.flatMap(Effect.orDie(Effect.fromResult(encode({ method, params }))), send)

    const withdraw: JsonRpc["withdraw"] = (id) => {
      // A fiber with the same key replaces the one that answers.
      answer(id, Effect.void)
    }

    return {
      request,
      notify,
      withdraw,
      malformed: Effect.sync(() => malformed),
      firstMalformed: Effect.sync(() => firstMalformed),
      closed: Deferred.await(closed),
      sizes: () => ({ pending: pending.size, late: late.size, ...deadlines.sizes() })
    }
  })

const notJson = Symbol("not JSON")

// Created on demand: the first error of a class costs milliseconds.
const emptyReply = () =>
  new RpcError({ code: -32603, description: "the server's reply has neither a result nor an error" })

// Guards the parsing once for each chunk, and again after each line that threw.
const parseLines = (lines: ReadonlyArray<string>): Array<unknown> => {
  const parsed: Array<unknown> = []
  const parseRest = () => {
    for (let index = parsed.length; index < lines.length; index++) parsed.push(JSON.parse(lines[index] ?? ""))
  }
  while (parsed.length < lines.length) {
    if (Result.isFailure(Result.try(parseRest))) parsed.push(notJson)
  }
  return parsed
}

// The W3C trace context that makes the server's spans children of the current one.
const traceOf = (span: Tracer.AnySpan | undefined) =>
  span === undefined
    ? undefined
    : { traceparent: `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}` }

// An error that does not have the form of JSON-RPC still has to fail the request.
const toRpcError = (error: unknown): RpcError => {
  const { code, data, message } = Predicate.isReadonlyObject(error) ? error : { message: error }
  return new RpcError({
    code: typeof code === "number" && Number.isFinite(code) ? code : -32603,
    description: typeof message === "string" ? message : JSON.stringify(error),
    ...(data === undefined ? {} : { data })
  })
}
