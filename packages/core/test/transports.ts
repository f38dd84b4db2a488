import { createHash } from "node:crypto"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import type { CodexError } from "@effect-codex/core/CodexError"
import { CodexTest } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/** What a server on a WebSocket asks for. */
export const token = "a token that nobody guesses"

export const services = Layer.merge(NodeServices.layer, NodeWS.layerWebSocketConstructor)

/** A codex that listens on a port of the loopback and lets in who has the token. */
export const listening = Effect.gen(function* () {
  const { cwd, env } = yield* CodexTest.Home
  const digest = createHash("sha256").update(token).digest("hex")
  const handle = yield* ChildProcess.make(
    yield* CodexBinary.resolve(),
    ["app-server", "--listen", "ws://127.0.0.1:0", "--ws-auth", "capability-token", "--ws-token-sha256", digest],
    { cwd, env, forceKillAfter: "2 seconds" }
  )
  const line = yield* handle.all.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.filter((line) => line.includes("listening on: ws://")),
    Stream.take(1),
    Stream.mkString
  )
  return { url: line.replace(/^.*(ws:\S+).*$/, "$1"), pid: handle.pid }
})

export const socketPath = Effect.map(CodexTest.Home, ({ home }) => path.join(path.dirname(home), "socket"))

export type TransportLayer = Layer.Layer<Codex.Codex, CodexError | PlatformError.PlatformError, CodexTest.Home>

/** The same codex over each of its transports. */
export const transports = {
  "standard input and output": CodexTest.layerCodex(),

  "a WebSocket": Layer.unwrap(
    Effect.map(listening, ({ url }) => Codex.layerWebSocket({ url, token: Redacted.make(token) }))
  ).pipe(Layer.provide(services)),

  "a Unix socket": Layer.unwrap(
    Effect.gen(function* () {
      const { cwd, env } = yield* CodexTest.Home
      return Codex.layerUnix({ cwd, env, socketPath: yield* socketPath })
    })
  ).pipe(Layer.provide(services))
} satisfies Record<string, TransportLayer>
