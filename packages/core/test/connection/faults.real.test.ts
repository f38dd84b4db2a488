import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeWS from "@effect/platform-node/NodeWS"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { rolldown } from "rolldown"
import { runFile } from "../../../../scripts/run-command.ts"
import { isAlive } from "../support.ts"

const services = Layer.merge(NodeServices.layer, NodeWS.layerWebSocketConstructor)
const fixture = (name: string) => path.join(import.meta.dirname, "..", "fixtures", name)

const failureOf = <E>(layer: Layer.Layer<Codex.Codex, E>) => Effect.flip(Effect.provide(Codex.Codex, layer))

// A real codex, started with these options.
const starting = (options: Codex.Options) =>
  Effect.flatMap(CodexTest.Home, ({ cwd, env }) =>
    failureOf(Codex.layer({ cwd, env, ...options }).pipe(Layer.provide(services)))
  )

// A program in the place of codex.
const program = (script: string) =>
  Effect.map(CodexTest.Home, ({ cwd }) => {
    const binary = path.join(cwd, "fake.sh")
    writeFileSync(binary, `#!/bin/sh\n${script}\n`)
    chmodSync(binary, 0o755)
    return binary
  })
const over = (script: string, options?: Codex.Options) =>
  Effect.map(program(script), (binary) =>
    Codex.layer({ binary, shutdownGrace: "100 millis", ...options }).pipe(Layer.provide(services))
  )
const greeting = `read -r _; echo '{"id":1,"result":{"userAgent":"x/0.0.0","codexHome":"/","platformFamily":"unix","platformOs":"linux"}}'`

const inHome = Effect.provide(CodexTest.layerHome([]))

describe("a process that can't be started", () => {
  it.live("in a folder that does not exist, or is a file, is InvalidConfig with the option", () =>
    Effect.gen(function* () {
      const { cwd } = yield* CodexTest.Home
      const file = path.join(cwd, "file")
      writeFileSync(file, "")
      const missing = path.join(cwd, "missing")
      expect(yield* starting({ cwd: missing })).toMatchObject({ _tag: "InvalidConfig", path: "cwd" })
      const failure = yield* starting({ cwd: file })
      expect(failure).toMatchObject({ _tag: "InvalidConfig", path: "cwd" })
      expect(failure.message).toContain("is not a folder")
      const socketPath = path.join(cwd, "s")
      expect(yield* failureOf(Codex.layerUnix({ cwd: file, socketPath }).pipe(Layer.provide(services)))).toMatchObject({
        _tag: "InvalidConfig",
        path: "cwd"
      })
    }).pipe(inHome)
  )

  it.live("with arguments that are too long says so, by the system's name for it", () =>
    Effect.gen(function* () {
      const failure = yield* starting({ config: { model: "x".repeat(300_000) } })
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Spawn", errno: "E2BIG" } })
      expect(failure.message).toContain("too long")
      expect(failure.message.length).toBeLessThan(500)
    }).pipe(inHome)
  )

  it.live("because our working directory has been deleted is InvalidConfig", () =>
    Effect.gen(function* () {
      const binary = yield* program("exit 3")
      const { stdout } = yield* runFile(fixture("layer-in-trouble.ts"), ["deleted", binary])
      expect(JSON.parse(stdout)).toMatchObject({ _tag: "InvalidConfig", path: "cwd" })
      expect(stdout).toContain("has been deleted")
    }).pipe(inHome)
  )

  it.live("because there is no file descriptor left says so, by the system's name for it", () =>
    Effect.gen(function* () {
      const binary = yield* program("exit 3")
      const script = 'ulimit -n 300; exec "$0" "$@"'
      const args = ["-c", script, process.execPath, fixture("layer-in-trouble.ts"), "files", binary]
      const handle = yield* ChildProcess.make("/bin/sh", args)
      const stdout = yield* Stream.mkString(Stream.decodeText(handle.stdout))
      expect(JSON.parse(stdout)).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Spawn", errno: "EMFILE" } })
      expect(stdout).toContain("too many open files")
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(CodexTest.layerHome([]), services)))
  )
})

describe("an address that can't be one", () => {
  const joining = (options: Codex.WebSocketOptions) =>
    failureOf(Codex.layerWebSocket(options).pipe(Layer.provide(services)))

  for (const url of [
    "nonsense",
    "",
    "http://127.0.0.1:9",
    "ws://",
    "ws://127.0.0.1:9/#part",
    `ws+unix:///${"x".repeat(110)}:/`
  ]) {
    it.live(`${JSON.stringify(url.slice(0, 40))} is InvalidConfig`, () =>
      Effect.gen(function* () {
        expect(yield* joining({ url })).toMatchObject({ _tag: "InvalidConfig", path: "url" })
      })
    )
  }

  for (const socketPath of [
    `/tmp/${"x".repeat(103)}`,
    `/tmp/${"é".repeat(60)}`,
    "relative",
    "/tmp/with space",
    "/tmp/a:b",
    ""
  ]) {
    it.live(
      `of a socket, ${JSON.stringify(socketPath.slice(0, 20))}, is InvalidConfig at once, and nothing is started`,
      () =>
        Effect.gen(function* () {
          // Would be told apart: it ends at once.
          const binary = yield* program("exit 3")
          const layer = Codex.layerUnix({ binary, socketPath }).pipe(Layer.provide(services))
          expect(yield* failureOf(layer)).toMatchObject({ _tag: "InvalidConfig", path: "socketPath" })
        }).pipe(inHome)
    )
  }

  it.live("is told from one that nobody listens at, and from one that turns us away", () =>
    Effect.gen(function* () {
      const url = "ws://user:hunter2@127.0.0.1:9/?token=hunter2"
      const nobody = yield* joining({ url })
      expect(nobody).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Connect", errno: "ECONNREFUSED" } })
      expect(nobody.message).not.toContain("hunter2")
      for (const status of [401, 403, 503]) {
        const refusing = yield* Effect.acquireRelease(
          Effect.callback<ReturnType<typeof createServer>>((resume) => {
            const server = createServer()
            server.on("upgrade", (_, socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`))
            server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
          }),
          (server) => Effect.sync(() => server.close())
        )
        const { port } = refusing.address() as AddressInfo
        const refused = yield* joining({ url: `ws://127.0.0.1:${port}`, token: Redacted.make("hunter2") })
        expect(refused).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Connect", status } })
        expect(refused.message).toContain(`HTTP status ${status}`)
        expect(refused.message.includes("check `token`")).toBe(status !== 503)
      }
    }).pipe(Effect.scoped)
  )

  it.live("and a token that no header can hold is an error that does not say it", () =>
    Effect.gen(function* () {
      const failure = yield* joining({ url: "ws://127.0.0.1:9", token: Redacted.make("hunter2\nX: y") })
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Connect" } })
      expect(JSON.stringify(failure) + failure.message).not.toContain("hunter2")
    })
  )
})

describe("what a process has written to its standard error", () => {
  const secret = `sk-${"a1B2".repeat(10)}`

  it.live("is kept to its last line, also without a line break, without secrets and what a terminal obeys", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(
        yield* over(
          `printf '\\033[31mERROR\\033[0m \\033]0;title\\007key ${secret} API_KEY=hunter2hunter2\\n' >&2; printf 'fatal: no luck' >&2; exit 7`
        )
      )
      expect(failure).toMatchObject({
        _tag: "ConnectionFailed",
        reason: { _tag: "Exited", code: 7 },
        stderr: ["ERROR key [redacted] API_KEY=[redacted]", "fatal: no luck"]
      })
      expect(failure.message).toContain("(fatal: no luck)")
    }).pipe(inHome)
  )

  it.live("is quoted without warnings and old errors that do not say why", () =>
    Effect.gen(function* () {
      const warning = "2026-11-27T02:00:00.000000Z \\033[33m WARN\\033[0m codex_core: an error of long ago was retried"
      const failure = yield* failureOf(
        yield* over(`printf '${warning}\\n' >&2; echo 'something went wrong' >&2; printf '${warning}\\n' >&2; exit 7`)
      )
      expect(failure.message).toContain("(something went wrong)")
      const killed = yield* failureOf(yield* over(`echo 'ERROR of another thing' >&2; kill -9 $$`))
      expect(killed.message).toBe(
        "Connection failed: the app-server was ended by SIGKILL. Build the layer again to reconnect."
      )
      expect(killed).toMatchObject({ stderr: ["ERROR of another thing"] })
    }).pipe(inHome)
  )
})

describe("a server that is no server", () => {
  it.live("is named by what it wrote in place of a reply", () =>
    Effect.gen(function* () {
      const options = { handshakeTimeout: "300 millis" } as const
      const failure = yield* failureOf(yield* over("printf '\\357\\273\\277Welcome\\n'; exec sleep 60", options))
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Handshake" } })
      expect(failure.message).toContain("\\u{feff}Welcome")
    }).pipe(inHome)
  )
})

describe("a process that dies", () => {
  it.live("while another one holds its pipes has exited, by its signal, and did not just break a pipe", () =>
    Effect.gen(function* () {
      const layer = yield* over(`${greeting}; read -r _; sleep 60 & read -r _; kill -9 $$`)
      const failure = yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* Effect.forkChild(
          Effect.ignore(codex.request("account/read", {})).pipe(Effect.repeat(Schedule.spaced("20 millis")))
        )
        yield* Effect.forkChild(
          Effect.forever(Effect.delay(Effect.forkChild(Effect.ignore(codex.request("account/read", {}))), "20 millis"))
        )
        return yield* Effect.flip(codex.closed)
      }).pipe(Effect.provide(layer))
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Exited", signal: "SIGKILL" } })
    }).pipe(inHome)
  )

  it.live("and leaves behind one that holds its pipes keeps our program from ending no longer than it closes", () =>
    Effect.gen(function* () {
      const { cwd } = yield* CodexTest.Home
      // In a session of its own, so that it is not ended with the rest.
      const binary = yield* program(
        `setsid sh -c 'echo $$ > ${cwd}/holder; exec sleep 120' & ${greeting}; read -r _; wait`
      )
      const { code, stdout } = yield* runFile(fixture("pipe-holder.ts"), [binary])
      const holder = Number(readFileSync(path.join(cwd, "holder"), "utf8"))
      const wasThere = isAlive(holder)
      if (wasThere) process.kill(holder, "SIGKILL")
      expect({ code, stdout }).toEqual({ code: 0, stdout: "closed\n" })
      expect(wasThere).toBe(true)
    }).pipe(inHome)
  )
})

describe("a bundle of CommonJS", () => {
  it.live("has no URL to look for codex from, and looks elsewhere", () =>
    Effect.gen(function* () {
      const { cwd } = yield* CodexTest.Home
      const file = path.join(cwd, "bundle.cjs")
      yield* Effect.promise(() =>
        rolldown({
          input: fixture("find-codex.ts"),
          platform: "node",
          logLevel: "silent",
          // As other bundlers do it.
          transform: { define: { "import.meta.url": "undefined" } }
        }).then((bundle) => bundle.write({ file, format: "cjs" }))
      )
      mkdirSync(path.join(cwd, "empty"))
      const { stderr, stdout } = yield* runFile(file, [], {
        env: { PATH: path.join(cwd, "empty"), CODEX_BINARY: undefined }
      })
      expect(stderr).toBe("")
      expect(stdout).toContain("CodexNotFound")
    }).pipe(inHome)
  )
})
