/**
 * Records what the real codex says in the program of the faults: `npm run faults -- --record`.
 */
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { program, scriptedServer } from "./program.ts"

const { execCommand, reply, text } = MockModel

/** One message of a recording. */
export interface Entry {
  readonly from: "client" | "server"
  readonly message: { readonly id?: unknown; readonly method?: string }
}

/** What codex says now, without the folders of this machine. */
export const record: Effect.Effect<ReadonlyArray<Entry>> = Effect.gen(function* () {
  const { cwd, env, home } = yield* CodexTest.Home
  const root = path.dirname(home)
  const file = path.join(root, "recording.json")
  const codex = yield* Effect.provide(CodexBinary.resolve(), NodeServices.layer)
  const binary = path.join(root, "recorded")
  writeFileSync(binary, `#!/bin/sh\nexec ${process.execPath} ${scriptedServer} "$@"\n`)
  chmodSync(binary, 0o755)
  const script = JSON.stringify({ record: file, binary: codex })
  yield* program().pipe(
    Effect.provide(
      Codex.layer({ binary, cwd, env: { ...env, SCRIPTED_SERVER: script } }).pipe(Layer.provide(NodeServices.layer))
    )
  )
  const entries: ReadonlyArray<Entry> = JSON.parse(readFileSync(file, "utf8").replaceAll(root, "/tmp/test"))
  return entries
}).pipe(
  Effect.provide(
    CodexTest.layerHome([
      reply(execCommand({ cmd: "echo hello", escalate: true })),
      reply(text("one ", "two ", "three ", "four ", "five"))
    ])
  ),
  Effect.orDie
)
