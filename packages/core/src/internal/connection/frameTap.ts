/**
 * Every line of a connection, in both directions, for debugging the exchange between two programs.
 *
 * The lines are those of the wire, one message each, with likely secrets redacted (see `Redaction`). Without listeners there is
 * no cost; each listener costs a copy of every line.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Stream from "effect/Stream"
import { type ConnectionFailed, SlowConsumer } from "../../CodexError.ts"
import { makeHub } from "../delivery/buffer.ts"
import * as Redaction from "../../Redaction.ts"
import type { Transport } from "../../Transport.ts"

/**
 * One line of the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  /** `in` from the server, `out` to it. */
  readonly direction: "in" | "out"
  /** When it was read or queued for writing, in milliseconds since 1970. */
  readonly at: number
  /** The line without its line break, secrets redacted. */
  readonly text: string
}

/**
 * A transport with a stream of its lines.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tapped {
  readonly transport: Transport["Service"]
  /** The frames from the moment that the stream is run. */
  readonly frames: Stream.Stream<Frame, ConnectionFailed | SlowConsumer>
}

/**
 * Taps a transport. `maxBytes` is how much a listener may leave unread.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  transport: Transport["Service"],
  options: { readonly context: Context.Context<never>; readonly maxBytes: number }
): Tapped => {
  const clock = Context.get(options.context, Clock.Clock)
  const hub = makeHub<Frame, ConnectionFailed | SlowConsumer>({
    maxBytes: options.maxBytes,
    highWater: Number.POSITIVE_INFINITY,
    bytes: ({ text }) => 2 * text.length,
    overflow: (unread) => new SlowConsumer({ unread, unit: "bytes" }),
    merge: () => undefined
  })

  const emit = (direction: Frame["direction"], lines: ReadonlyArray<string>) => {
    if (!hub.hasListeners()) return
    const at = clock.currentTimeMillisUnsafe()
    for (const text of lines) hub.offer({ direction, at, text })
  }

  return {
    transport: {
      ...transport,
      listen: ({ onEnd, onLines }) =>
        transport.listen({
          onLines: (lines) => {
            emit("in", lines)
            onLines(lines)
          },
          onEnd: (error) => {
            hub.end(error)
            onEnd(error)
          }
        }),
      write: (line) => {
        emit("out", [line])
        transport.write(line)
      }
    },
    frames: Stream.map(Stream.unwrap(hub.subscribe), (frame) => ({ ...frame, text: Redaction.json(frame.text) }))
  }
}
