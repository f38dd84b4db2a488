/**
 * Bundles the command into a few files in `packages/cli/bin`, or in the folder that is named, so that it starts fast.
 *
 * Each command is a chunk that is loaded only when the command runs. The licences of the bundled code are written next to it. The
 * library exports in `dist` are not bundled.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { rolldown } from "rolldown"

const cli = path.dirname(import.meta.dirname)
const bin = path.resolve(process.argv[2] ?? path.join(cli, "bin"))
rmSync(bin, { recursive: true, force: true })

const bundle = await rolldown({ input: { main: path.join(cli, "src", "main.ts") }, platform: "node" })
// Without blanks and comments there is less to read at each start. Names stay, for stack traces.
const { output } = await bundle.write({
  dir: bin,
  format: "esm",
  chunkFileNames: "[name]-[hash].js",
  minify: { compress: false, mangle: false, codegen: true }
})
await bundle.close()

// The compile cache halves the time of the next start. An older Node could not even parse the program, so this file uses only
// syntax that it knows.
const { engines } = JSON.parse(readFileSync(path.join(cli, "package.json"), "utf8"))
const [leastMajor, leastMinor] = engines.node.match(/\d+/g)
const entry = path.join(bin, "effect-codex.js")
writeFileSync(
  entry,
  `#!/usr/bin/env node
import * as module from "node:module"
const [major, minor] = process.versions.node.split(".").map(Number)
if (major < ${leastMajor} || (major === ${leastMajor} && minor < ${leastMinor})) {
  process.stderr.write(
    "effect-codex: Node ${leastMajor}.${leastMinor} or newer is required, but this is " + process.versions.node +
      ". Install a newer one from https://nodejs.org, or in your project: npm install node@24\\n"
  )
  process.exitCode = 1
} else {
  module.enableCompileCache()
  await import("./main.js")
}
`
)
chmodSync(entry, 0o755)

// The package that a bundled file belongs to: the folder with the nearest package.json that has a name.
const packageOf = (file: string): string | undefined => {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json")
    if (existsSync(manifest) && "name" in JSON.parse(readFileSync(manifest, "utf8"))) return folder
  }
  return undefined
}

const files = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []))
const folders = new Set(
  files
    .filter((file) => file.includes(`${path.sep}node_modules${path.sep}`))
    .map(packageOf)
    .filter((folder) => folder !== undefined)
)
const licences = [...folders].map((folder) => {
  const { license, name, version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"))
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  const text = file === undefined ? "" : `\n${readFileSync(path.join(folder, file), "utf8").trim()}\n`
  return `${name} ${version} (${license})\n${text}`
})
writeFileSync(path.join(bin, "LICENSES.txt"), licences.sort().join(`\n${"-".repeat(80)}\n\n`))

process.stdout.write(
  `${output.length} files in ${path.relative(process.cwd(), bin)}, ${folders.size} packages in them\n`
)
