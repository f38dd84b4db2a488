/**
 * A scripted model: an HTTP server on 127.0.0.1 that implements the Responses API, so that the real codex binary runs in a test
 * without an account or a network.
 *
 * The script lists the model's replies, in order or by request. The requests are recorded, and a test can wait for them. A
 * request that the script does not cover gets an error at once, because a turn that waits for a reply would hide the mistake
 * behind a timeout. This module does not start or configure codex; `CodexHome` does.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import * as ModelReply from "./ModelReply.ts"
import * as ModelRequest from "./ModelRequest.ts"

export {
  customToolCall,
  delay,
  disconnect,
  error,
  event,
  expect,
  failed,
  functionCall,
  gate,
  item,
  malformed,
  reasoning,
  reply,
  commentary,
  finalAnswer,
  text,
  usage
} from "./ModelReply.ts"
export type { Check, Control, Gate, Part, Reply, Usage } from "./ModelReply.ts"
export {
  addFile,
  applyPatch,
  execCommand,
  mcpCall,
  requestPermissions,
  requestUserInput,
  spawnAgent,
  toolCall,
  waitAgent,
  writeStdin
} from "./ModelToolCalls.ts"
export type { Question } from "./ModelToolCalls.ts"
export type { InputItem, ModelRequest, ToolOutput } from "./ModelRequest.ts"

type ModelRequest = ModelRequest.ModelRequest
type Reply = ModelReply.Reply

/**
 * How the answer to a request ended.
 *
 * - `completed`: the whole answer was written.
 * - `left`: codex closed the connection before that, as it does when a turn is interrupted.
 * - `disconnected`: the script cut the connection.
 * - `closed`: the server was closed.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "completed" | "left" | "disconnected" | "closed"

/**
 * A request for anything other than a model response.
 *
 * @category models
 * @since 0.1.0
 */
export interface OtherRequest {
  readonly method: string
  readonly path: string
  readonly body: string
}

/**
 * The requests differ from the script. The message lists each request with its answer, the expected requests, and the unused
 * replies.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScriptMismatch extends Schema.TaggedError<ScriptMismatch>()("ScriptMismatch", {
  /** One line for each difference. */
  differences: Schema.Array(Schema.String),
  /** One line for each request, with its content and its reply. */
  requests: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const list = (lines: ReadonlyArray<string>) => lines.map((line) => `\n  ${line}`).join("")
    return (
      `The requests to the model differ from the script:${list(this.differences)}` +
      `\nRequests, in order:${this.requests.length === 0 ? " none" : list(this.requests)}`
    )
  }
}

/**
 * The running scripted model.
 *
 * @category services
 * @since 0.1.0
 */
export class MockModel extends Context.Service<
  MockModel,
  {
    /** The base URL, for instance `http://127.0.0.1:41234/v1`. */
    readonly url: string
    /** The requests so far, oldest first, including those that the script does not cover. */
    readonly requests: Effect.Effect<ReadonlyArray<ModelRequest>>
    /** Waits for the request with this index, counted from 0. */
    readonly request: (index: number) => Effect.Effect<ModelRequest>
    /** Waits until the answer to the request with this index has ended, and returns how it ended. */
    readonly ended: (index: number) => Effect.Effect<Outcome>
    /** The requests without a reply in the script, and those whose check failed. */
    readonly unexpected: Effect.Effect<ReadonlyArray<ModelRequest>>
    /** Requests for anything else, such as the list of models. They never count as unexpected. */
    readonly others: Effect.Effect<ReadonlyArray<OtherRequest>>
    /** Fails if a request was unexpected or a reply is unused. */
    readonly verify: Effect.Effect<void, ScriptMismatch>
  }
>()("@effect-codex/core/testing/MockModel") {}

/**
 * A reply, or a function that makes the reply from the request when it is the next to be used.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer = Reply | ((request: ModelRequest) => Reply)

/**
 * Replies for the requests that match, used one after the other. Made with {@link when}.
 *
 * @category models
 * @since 0.1.0
 */
export interface When {
  readonly _tag: "When"
  readonly label: string
  readonly matches: (request: ModelRequest) => boolean
  readonly answers: ReadonlyArray<Answer>
}

/**
 * The model's replies: a list, or a function that is called for each request and returns `undefined` for an unexpected one.
 *
 * **Details**
 *
 * In a list, a {@link when} that matches and has an unused reply takes precedence, regardless of its position. All other
 * requests get the plain replies in order.
 *
 * @category models
 * @since 0.1.0
 */
export type Script =
  | ReadonlyArray<Answer | When>
  | ((request: ModelRequest) => Reply | undefined | Effect.Effect<Reply | undefined>)

/**
 * Answers matching requests with these replies, one after the other. A string matches every request whose last user message
 * contains it. That holds for all requests of a turn with that prompt, so each of several concurrent turns gets its own
 * replies.
 *
 * @category replies
 * @since 0.1.0
 */
export const when = (
  match: string | ((request: ModelRequest) => boolean),
  ...answers: ReadonlyArray<Answer>
): When => ({
  _tag: "When",
  label: typeof match === "string" ? `when ${JSON.stringify(match)}: ` : "when it matches: ",
  matches: typeof match === "string" ? (request) => request.lastUserText.includes(match) : match,
  answers
})

/**
 * The strictness of the scripted model.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Whether closing the scope after a success runs `verify`, with a `ScriptMismatch` as a defect. Default: true.
   */
  readonly verifyOnClose?: boolean | undefined
}

/**
 * Starts the scripted model on a free port. Closing the scope closes it at once, with all connections and open streams.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (script: Script, options?: Options) => Effect.Effect<MockModel["Service"], never, Scope.Scope> =
  Effect.fn("MockModel.make")(function* (script: Script, options?: Options) {
    const play = typeof script === "function" ? fromFunction(script) : fromList(script)
    const log = makeLog()
    const others: Array<OtherRequest> = []
    let closing = false

    const counters = new Map<string, number>()
    const nextId = (kind: string) => {
      const n = (counters.get(kind) ?? 0) + 1
      counters.set(kind, n)
      return `${kind}_${n}`
    }

    const verify = () => {
      const differences = [...log.exchanges.flatMap((exchange) => exchange.difference ?? []), ...play.unused()]
      return differences.length === 0
        ? Effect.void
        : Effect.fail(new ScriptMismatch({ differences, requests: log.exchanges.map(describeExchange) }))
    }
    if (options?.verifyOnClose !== false) {
      // After a failure, the mismatch would replace it with a defect. The error of the failed turn already contains it.
      yield* Effect.addFinalizer((exit) => (Exit.isSuccess(exit) ? Effect.orDie(Effect.suspend(verify)) : Effect.void))
    }

    const answer = Effect.fnUntraced(function* (exchange: Exchange) {
      const request = exchange.request
      const differs = (how: string) => {
        exchange.difference = `request ${request.index}: ${how}; came ${ModelRequest.describe(request)}`
        return unforeseen(exchange.difference)
      }
      const { reply, threw } = yield* play.next(request).pipe(
        Effect.map((reply) => ({ reply, threw: undefined })),
        Effect.catchDefect((defect) => Effect.succeed({ reply: undefined, threw: describeThrown(defect) }))
      )
      if (reply === undefined)
        return differs(threw === undefined ? `expected ${play.expected()}` : `the script threw: ${threw}`)
      exchange.answer = ModelReply.describe(reply)
      for (const check of reply.checks) {
        const failed = describeFailure(check, request)
        if (failed !== undefined) {
          exchange.answer += " (refused)"
          return differs(failed)
        }
      }
      return reply
    })

    const respond = Effect.fnUntraced(function* (http: HttpServerRequest.HttpServerRequest, path: string) {
      const body = yield* Effect.orDie(http.text)
      const exchange = log.add((index) => ModelRequest.parse({ index, path, headers: http.headers, body }))
      // The scope belongs to the request, and closes when its answer has ended.
      yield* Effect.addFinalizer((exit) =>
        Effect.sync(() => {
          exchange.end(Exit.isSuccess(exit) ? "completed" : (exchange.cut ?? (closing ? "closed" : "left")))
        })
      )
      const reply = yield* answer(exchange)
      if (reply._tag === "HttpError") {
        return HttpServerResponse.text(reply.body, {
          status: reply.status,
          headers: reply.headers,
          contentType: "application/json"
        })
      }
      const run = Effect.fnUntraced(function* (frame: ModelReply.Frame) {
        switch (frame._tag) {
          case "Write":
            return frame.text
          case "Wait":
            yield* frame.wait
            return ""
          case "Disconnect":
            exchange.cut = "disconnected"
            // The written bytes leave the process in the next turn of the event loop, and are lost if the socket closes first.
            yield* Effect.yieldNow
            return yield* Effect.die("The script cuts the connection")
        }
      })
      return HttpServerResponse.stream(
        Stream.fromIterable(ModelReply.frames(reply.parts, nextId)).pipe(
          Stream.mapEffect(run),
          Stream.filter((text) => text !== ""),
          Stream.encodeText
        ),
        { contentType: "text/event-stream" }
      )
    })

    const app = Effect.gen(function* () {
      const http = yield* HttpServerRequest.HttpServerRequest
      const path = http.url.split("?")[0] ?? http.url
      if (http.method === "POST" && path.endsWith("/responses")) return yield* respond(http, path)
      others.push({ method: http.method, path: http.url, body: yield* Effect.orDie(http.text) })
      return http.method === "GET" && path.endsWith("/models")
        ? HttpServerResponse.jsonUnsafe({ object: "list", data: [], models: [] })
        : HttpServerResponse.jsonUnsafe(
            { error: { message: `The stand-in for the model has no ${http.method} ${path}` } },
            { status: 404 }
          )
    }).pipe(Effect.interruptible)

    // Closing an idle connection while a request is on its way would fail the turn, so idle connections stay open to the end.
    const node = createServer({ keepAliveTimeout: 0, requestTimeout: 0 })
    const server = yield* Effect.orDie(NodeHttpServer.make(() => node, { host: "127.0.0.1", port: 0 }))
    yield* server.serve(app)
    yield* Effect.addFinalizer(() =>
      Effect.callback<void>((resume) => {
        closing = true
        node.close(() => resume(Effect.void))
        node.closeAllConnections()
      })
    )

    return MockModel.of({
      url: `${HttpServer.formatAddress(server.address)}/v1`,
      requests: Effect.sync(() => log.exchanges.map((exchange) => exchange.request)),
      request: (index) => Effect.suspend(() => Deferred.await(log.slot(index).arrived)),
      ended: (index) => Effect.suspend(() => Deferred.await(log.slot(index).ended)),
      unexpected: Effect.sync(() =>
        log.exchanges.filter((exchange) => exchange.difference !== undefined).map((exchange) => exchange.request)
      ),
      others: Effect.sync(() => others.slice()),
      verify: Effect.suspend(verify)
    })
  })

/**
 * {@link make} as a layer. The service has the `url` at which it listens.
 *
 * **Example** (A turn with a tool call)
 *
 * ```ts
 * import { MockModel } from "@effect-codex/core/testing"
 *
 * export const model = MockModel.layer([
 *   MockModel.reply(MockModel.execCommand({ cmd: "ls" })),
 *   MockModel.reply(MockModel.text("The folder is empty."))
 * ])
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (script: Script, options?: Options): Layer.Layer<MockModel> =>
  Layer.effect(MockModel, make(script, options))

/** One request with the state of its answer. */
interface Exchange {
  readonly request: ModelRequest
  readonly end: (outcome: Outcome) => void
  answer: string | undefined
  difference: string | undefined
  cut: Outcome | undefined
  outcome: Outcome | undefined
}

const describeExchange = (exchange: Exchange): string =>
  `${exchange.request.index}: ${ModelRequest.describe(exchange.request)} -> ${exchange.answer ?? "no reply"}` +
  (exchange.outcome === undefined || exchange.outcome === "completed" ? "" : ` (${exchange.outcome})`)

/** Keeps the exchanges in order of arrival, and lets callers wait for any index, including future ones. */
const makeLog = () => {
  const exchanges: Array<Exchange> = []
  const slots = new Map<number, { arrived: Deferred.Deferred<ModelRequest>; ended: Deferred.Deferred<Outcome> }>()
  const slot = (index: number) => {
    const existing = slots.get(index)
    if (existing !== undefined) return existing
    const made = { arrived: Deferred.makeUnsafe<ModelRequest>(), ended: Deferred.makeUnsafe<Outcome>() }
    slots.set(index, made)
    return made
  }
  const add = (makeRequest: (index: number) => ModelRequest): Exchange => {
    const request = makeRequest(exchanges.length)
    const { arrived, ended } = slot(request.index)
    const exchange: Exchange = {
      request,
      answer: undefined,
      difference: undefined,
      cut: undefined,
      outcome: undefined,
      end: (outcome) => {
        exchange.outcome = outcome
        Deferred.doneUnsafe(ended, Exit.succeed(outcome))
      }
    }
    exchanges.push(exchange)
    Deferred.doneUnsafe(arrived, Exit.succeed(request))
    return exchange
  }
  return { exchanges, slot, add }
}

/** A script in use. */
interface Play {
  readonly next: (request: ModelRequest) => Effect.Effect<Reply | undefined>
  /** The requests that the script expects next, for a report. */
  readonly expected: () => string
  readonly unused: () => ReadonlyArray<string>
}

const fromFunction = (script: Extract<Script, (request: ModelRequest) => unknown>): Play => ({
  next: (request) =>
    Effect.suspend(() => {
      const reply = script(request)
      return Effect.isEffect(reply) ? reply : Effect.succeed(reply)
    }),
  expected: () => "a request that the script's function has a reply for",
  unused: () => []
})

const fromList = (script: ReadonlyArray<Answer | When>): Play => {
  const plain: Array<Answer> = []
  const whens: Array<{ readonly when: When; readonly answers: Array<Answer> }> = []
  for (const step of script) {
    if (typeof step === "object" && step._tag === "When") whens.push({ when: step, answers: [...step.answers] })
    else plain.push(step)
  }
  const left = () => [
    ...plain.map(describeAnswer),
    ...whens.flatMap(({ answers, when }) => answers.map((answer) => `${when.label}${describeAnswer(answer)}`))
  ]
  return {
    next: (request) =>
      Effect.sync(() => {
        const matching = whens.find(({ answers, when }) => answers.length > 0 && when.matches(request))
        const answer = (matching?.answers ?? plain).shift()
        return typeof answer === "function" ? answer(request) : answer
      }),
    expected: () => {
      const all = left()
      return all.length === 0 ? "no more requests" : `a request for: ${all.join(" | ")}`
    },
    unused: () => left().map((answer) => `unused: ${answer}`)
  }
}

const describeAnswer = (answer: Answer): string =>
  typeof answer === "function" ? "a reply made from the request" : ModelReply.describe(answer)

const describeFailure = (check: ModelReply.Check, request: ModelRequest): string | undefined =>
  Result.match(
    Result.try(() => check.holds(request)),
    {
      onSuccess: (holds) => (holds ? undefined : `expected that it ${check.message}`),
      onFailure: (thrown) => `expected that it ${check.message} (${describeThrown(thrown)})`
    }
  )

const describeThrown = (thrown: unknown): string => (Predicate.isError(thrown) ? thrown.message : String(thrown))

/** 501, because no client mistakes it for a busy or failing server. */
const unforeseen = (difference: string): Reply =>
  ModelReply.error(501, `Not in the script of the stand-in for the model: ${difference}`)
