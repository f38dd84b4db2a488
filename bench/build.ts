/**
 * Builds everything that is measured into `bench/dist`: the native server, the clients as JavaScript, and our packages as they
 * are published, so that no sample includes the time that Node takes to strip types.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import * as vite from "vite"
import { commandsOfNames, worstCommands } from "../packages/policy/test/worstCommands.ts"

const root = path.dirname(import.meta.dirname)
const dist = path.join(import.meta.dirname, "dist")

/** The native server. */
export const server = path.join(dist, "server")

const modules = path.join(dist, "node_modules")
const scope = "@effect-codex/"

const installed = (name: string): string => path.join(modules, scope, name)

const clients = path.join(dist, "clients")

export const client = (name: string): string => path.join(clients, `${name}.js`)

/** The file that npm would link as the command `effect-codex`. */
export const commandLine = (): string => {
  const { bin } = JSON.parse(readFileSync(path.join(installed("cli"), "package.json"), "utf8"))
  return path.join(installed("cli"), bin["effect-codex"])
}

const run = (what: string, command: string, args: ReadonlyArray<string>, hint = "") => {
  process.stderr.write(`${what}\n`)
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8" })
  if (status === 0) return
  throw new Error(`${what} failed: ${error?.message ?? `${stdout}${stderr}`}${hint}`)
}

// Installs the package with its published exports. It is copied, not linked: through a link, Node would resolve our other
// packages by the workspace's exports, which are the sources.
const install = (name: string) => {
  const source = path.join(root, "packages", name)
  const { publishConfig, ...manifest } = JSON.parse(readFileSync(path.join(source, "package.json"), "utf8"))
  const target = installed(name)
  mkdirSync(target, { recursive: true })
  for (const folder of ["dist", "bin"]) {
    if (existsSync(path.join(source, folder))) {
      cpSync(path.join(source, folder), path.join(target, folder), { recursive: true })
    }
  }
  writeFileSync(path.join(target, "package.json"), JSON.stringify({ ...manifest, ...publishConfig }))
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    const link = path.join(modules, dependency)
    if (dependency.startsWith(scope) || existsSync(link)) continue
    mkdirSync(path.dirname(link), { recursive: true })
    symlinkSync(path.join(source, "node_modules", dependency), link)
  }
}

/** Builds everything. Throws an error that says what to do if a part fails. */
export const build = async (): Promise<void> => {
  mkdirSync(dist, { recursive: true })
  run(
    "compiling the server",
    "cc",
    ["-O2", "-std=gnu11", "-o", server, path.join(import.meta.dirname, "server.c")],
    "\nThe bench needs a C compiler called cc: install gcc or clang."
  )
  const projects = ["packages/core", "packages/policy", "packages/durable", "packages/cli", "bench"]
  run("compiling the packages and the clients", path.join(root, "node_modules", ".bin", "tsc"), ["-b", ...projects])
  run("bundling the command line", process.execPath, [path.join(root, "packages", "cli", "scripts", "bundle.ts")])
  rmSync(modules, { recursive: true, force: true })
  for (const name of ["core", "policy", "durable", "cli"]) install(name)
  // A few of each kind, and the ones that used to be the slowest.
  const worst = [
    ...worstCommands(1, 60).filter((_, index) => index % 10 === 2),
    ...commandsOfNames.filter((_, index) => index % 7 === 0 || index >= commandsOfNames.length - 4)
  ]
  writeFileSync(path.join(clients, "worst-commands.json"), JSON.stringify(worst))
  await vite.build({
    configFile: false,
    root: clients,
    logLevel: "error",
    ssr: { noExternal: true },
    build: {
      ssr: client("effectCodex"),
      outDir: clients,
      emptyOutDir: false,
      target: "node22",
      rolldownOptions: {
        output: {
          entryFileNames: "bundled.js",
          chunkFileNames: "bundled/[name].js",
          // The modules that the program shares with the parts it loads later are one file. V8 searches all imports of a file
          // for each name that a function uses, so imports from several files make the start slower.
          codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] }
        }
      }
    }
  })
}
