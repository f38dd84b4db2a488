import { existsSync, readdirSync } from "node:fs"
import * as path from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { root } from "../packages.ts"
import { runFile } from "../run-command.ts"

// No registry listens there, and no earlier run has left anything.
const run = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const cache = yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-npm-" })
    const env = { npm_config_registry: "http://127.0.0.1:1/", npm_config_cache: cache }
    return yield* runFile(path.join(root, "scripts", "test-codex.ts"), args, { env })
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const leftovers = () => {
  const cache = path.join(root, "node_modules", ".cache", "codex")
  return existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith("0.99.99")) : []
}

it.live("a codex that can't be downloaded is told of, and is no failure where it is optional", () =>
  Effect.gen(function* () {
    const optional = yield* run("0.99.99", "--essential", "--optional")
    expect(optional).toMatchObject({ code: 0, stdout: expect.stringContaining("codex 0.99.99 is NOT TESTED") })
    expect(yield* run("0.99.99", "--essential")).toMatchObject({ code: 1 })
    expect(yield* run("../../evil", "--optional")).toMatchObject({ code: 1 })
    expect(leftovers()).toEqual([])
  })
)
