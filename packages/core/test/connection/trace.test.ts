import * as JsonRpc from "../../src/internal/rpc/jsonRpc.ts"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

// A peer that keeps what it is sent and answers all of it.
const recording = Effect.gen(function* () {
  const sent: Array<{ readonly id: number; readonly trace?: { readonly traceparent: string } }> = []
  let answer: (line: string) => void = () => {}
  const rpc = yield* JsonRpc.make(
    {
      listen: ({ onLines }) =>
        Effect.sync(() => {
          answer = (line) => onLines([line])
        }),
      room: Effect.void,
      hasRoom: () => true,
      write: (line) => {
        const message = JSON.parse(line)
        sent.push(message)
        answer(JSON.stringify({ id: message.id, result: {} }))
      },
      diagnostics: Effect.succeed([])
    },
    { onNotification: () => {}, onRequest: () => Effect.undefined, onEnd: () => {} }
  )
  return { rpc, sent }
})

it.effect("a request carries the W3C trace context of the span that it is sent in", () =>
  Effect.gen(function* () {
    const { rpc, sent } = yield* recording
    const span = yield* Effect.gen(function* () {
      yield* rpc.request("thread/start", {})
      return yield* Effect.currentSpan
    }).pipe(Effect.withSpan("caller"))
    expect(sent[0]?.trace).toEqual({ traceparent: `00-${span.traceId}-${span.spanId}-01` })
    expect(sent[0]?.trace?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  })
)

it.effect("a request outside of any span carries none", () =>
  Effect.gen(function* () {
    const { rpc, sent } = yield* recording
    yield* rpc.request("thread/start", {})
    expect(sent[0]).not.toHaveProperty("trace")
  })
)
