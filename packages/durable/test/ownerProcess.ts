/** Owners in processes of their own, over the real codex and a scripted model. */
import { CodexTest } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import type { OwnerOptions } from "./fixtures/owner.ts"

// They load the same modules each time.
const compiled = join(import.meta.dirname, "..", "..", "..", "node_modules", ".cache", "owners")

const script = join(import.meta.dirname, "fixtures", "owner.ts")

/** The file of the store of a test. */
export const storeFile = Effect.map(CodexTest.Home, ({ cwd }) => join(dirname(cwd), "sessions.db"))

/** Starts an owner; it is killed with the scope. */
export const startOwner = (
  name: string,
  changes?: Partial<OwnerOptions>,
  { isMeasured = false }: { readonly isMeasured?: boolean } = {}
) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* CodexTest.Home
    const store = yield* storeFile
    const options: OwnerOptions = { store, cwd, env, lease: 15_000, parkAfter: "never", ...changes }
    const file = join(dirname(cwd), `${name}.json`)
    writeFileSync(file, JSON.stringify(options))
    return yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, [...(isMeasured ? ["--expose-gc"] : []), script, file], {
          stdio: ["pipe", "pipe", "inherit"],
          env: { ...process.env, NODE_COMPILE_CACHE: compiled }
        })
        const exited = new Promise<void>((resolve) => void child.on("close", () => resolve()))
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
        /** What it says next that has this field. */
        const said = (field: string) =>
          Effect.promise(async () => {
            for (;;) {
              const { done, value } = await lines.next()
              if (done === true) throw new Error(`the owner ${name} ended without a word of ${field}`)
              // Its log is there too.
              const line: Readonly<Record<string, unknown>> = value.startsWith("{") ? JSON.parse(value) : {}
              if (field in line) return line[field]
            }
          })
        return {
          pid: child.pid ?? 0,
          said,
          signal: (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal)),
          /** The most memory that it has held so far, in MB. */
          memory: Effect.suspend(() => {
            child.stdin.write("\n")
            return Effect.map(said("held"), Number)
          }),
          exited: Effect.promise(() => exited)
        }
      }),
      ({ exited, signal }) => Effect.andThen(signal("SIGKILL"), exited)
    )
  })
