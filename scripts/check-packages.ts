/**
 * Installs the packages as a stranger would: `npm run pack:check`.
 *
 * Builds and packs them, installs the tarballs with npm into an empty project in a temporary folder, imports every module
 * that they export, type-checks a program against them with `skipLibCheck` off, and runs the command.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

const root = path.dirname(import.meta.dirname)
const project = mkdtempSync(path.join(tmpdir(), "effect-codex-pack-"))
process.on("exit", () => rmSync(project, { recursive: true, force: true }))

const run = (what: string, command: string, args: ReadonlyArray<string>, cwd: string): string => {
  process.stdout.write(`${what}\n`)
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (status === 0) return stdout
  process.stdout.write(`${stdout}${stderr}failed: ${what}\n`)
  process.exit(1)
}

const manifest = (file: string): { readonly [K in string]?: unknown } => JSON.parse(readFileSync(file, "utf8"))
const { devDependencies, packageManager } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
const pinned = (name: string) => `${name}@${devDependencies[name]}`

run("building", "npm", ["run", "--silent", "build"], root)
const names = ["core", "policy", "cli"]
for (const name of names) {
  run(
    `packing ${name}`,
    "npx",
    ["-y", packageManager, "pack", "--pack-destination", project],
    path.join(root, "packages", name)
  )
}
const tarballs = readdirSync(project).filter((file) => file.endsWith(".tgz"))

writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }))
run(
  "installing into an empty project",
  "npm",
  [
    "install",
    "--no-audit",
    "--no-fund",
    ...tarballs.map((file) => `./${file}`),
    ...["effect", "@effect/platform-node", "@openai/codex", "typescript", "@types/node"].map(pinned)
  ],
  project
)

// Every module that an `exports` pattern of a package reaches.
const modules = names.flatMap((name) => {
  const directory = path.join(project, "node_modules", "@effect-codex", name)
  const { exports } = manifest(path.join(directory, "package.json"))
  const files = readdirSync(path.join(directory, "dist"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".js") && !file.startsWith("internal") && path.basename(file) !== "main.js")
    .map((file) => `@effect-codex/${name}/${file.replace(/\.js$/, "")}`)
  return typeof exports === "object" && exports !== null && "." in exports ? [`@effect-codex/${name}`, ...files] : files
})

writeFileSync(
  path.join(project, "import.mjs"),
  modules.map((name) => `await import(${JSON.stringify(name)})\n`).join("")
)
run(`importing ${modules.length} modules`, process.execPath, ["import.mjs"], project)

writeFileSync(
  path.join(project, "main.ts"),
  modules.map((name, index) => `import * as m${index} from ${JSON.stringify(name)}\n`).join("") +
    `export const all = [${modules.map((_, index) => `m${index}`).join(", ")}]\n`
)
writeFileSync(
  path.join(project, "tsconfig.json"),
  JSON.stringify({
    compilerOptions: {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      module: "nodenext",
      target: "es2022",
      types: ["node"]
    },
    include: ["main.ts"]
  })
)
run("type-checking against their declarations", path.join(project, "node_modules", ".bin", "tsc"), [], project)

const internal = spawnSync(process.execPath, ["-e", 'import("@effect-codex/core/internal/buffer")'], { cwd: project })
if (internal.status === 0) {
  process.stdout.write("failed: what is internal can be imported\n")
  process.exit(1)
}

const demo = run(
  "running its command",
  path.join(project, "node_modules", ".bin", "effect-codex"),
  ["demo", "--offline"],
  project
)
process.stdout.write(`${demo.trimEnd().split("\n").at(-1)}\n`)
