/**
 * Installs the packages as strangers would: `npm run pack:check`.
 *
 * Builds and packs them, and looks the tarballs over. Installs them into empty projects in a temporary folder, with npm and
 * with pnpm, imports every module that they export, type-checks a program against them with `skipLibCheck` off under two
 * major versions of TypeScript, and runs the command. Copies the starter, gives it the tarballs, and runs what its README
 * names. Last it tells what the packages cost, and fails if that is over `budget.json`, which `-- --update-budget` writes.
 */
import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { build, pack, type Packed } from "./pack.ts"
import * as Cost from "./package-cost.ts"
import { folderOf, publicFiles, root } from "./packages.ts"

const temporary = mkdtempSync(path.join(tmpdir(), "effect-codex-pack-"))
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }))

const findings: Array<string> = []
const say = (line: string) => process.stdout.write(`${line}\n`)

/** Runs a program and returns what it prints; a failure is a finding. */
const run = (what: string, command: string, args: ReadonlyArray<string>, cwd: string, env = process.env) =>
  new Promise<{ readonly stdout: string; readonly stderr: string }>((resolve) => {
    const begin = performance.now()
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
    const output = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (output.stdout += piece))
    child.stderr.setEncoding("utf8").on("data", (piece: string) => (output.stderr += piece))
    child.on("error", (error) => (output.stderr += String(error)))
    child.on("close", (code) => {
      say(`${code === 0 ? "" : "FAILED "}${what} (${((performance.now() - begin) / 1000).toFixed(1)} s)`)
      if (code !== 0) findings.push(`${what}\n${output.stdout}${output.stderr}`)
      resolve(output)
    })
  })

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | null>>
  readonly license?: string
  readonly packageManager: string
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const read = (file: string): Manifest => JSON.parse(readFileSync(file, "utf8"))
const write = (file: string, value: unknown) => writeFileSync(file, JSON.stringify(value, null, 2))
const { devDependencies, packageManager } = read(path.join(root, "package.json"))
const versions = (...names: ReadonlyArray<string>) =>
  Object.fromEntries(names.map((name) => [name, devDependencies[name]]))

/** Every module that can be imported from a package, by its specifier. */
const modulesOf = ({ fullName, name }: Packed): ReadonlyArray<string> => {
  const { exports = {} } = read(path.join(folderOf(name), "package.json"))
  const sources = path.join(folderOf(name), "src")
  const generated = path.join(sources, "protocol", "generated")
  const files = [
    ...publicFiles(sources, ".ts"),
    ...(existsSync(generated) ? readdirSync(generated).map((file) => `protocol/generated/${file}`) : [])
  ]
  return [
    ...(exports["."] === undefined ? [] : [fullName]),
    // The program itself is run and not imported. The matcher needs vitest, an optional peer; its test runs it in one.
    ...files
      .filter((file) => !["main.ts", "testing/TranscriptMatcher.ts"].includes(file))
      .map((file) => `${fullName}/${file.replace(/\.ts$/, "")}`)
  ]
}

/** Checks a single tarball: its files, its manifest and its types. */
const inspect = async (packed: Packed): Promise<Cost.Costs> => {
  const { file, fullName, name } = packed
  const tarball = readFileSync(path.join(temporary, file))
  const contents = createPackageFromTarballData(new Uint8Array(tarball))
  const prefix = `/node_modules/${fullName}/`
  const files = contents.listFiles().map((file) => file.slice(prefix.length))
  const finding = (text: string) => findings.push(`${file}: ${text}`)

  for (const wanted of ["LICENSE", "README.md"]) if (!files.includes(wanted)) finding(`has no ${wanted}`)
  if (!["policy", "ai", "durable"].includes(name) && !files.includes("THIRD_PARTY_NOTICES.md"))
    finding("has no notice of the protocol's licence")
  if (files.some((file) => file.startsWith("bin/")) && !files.includes("bin/LICENSES.txt")) {
    finding("has no licences of the bundled code")
  }
  for (const script of files.filter((file) => file.startsWith("dist/") && file.endsWith(".js"))) {
    const source = script.replace(/^dist\/(.*)\.js$/, "src/$1.ts")
    const others = [source, `${script}.map`, script.replace(/\.js$/, ".d.ts"), script.replace(/\.js$/, ".d.ts.map")]
    for (const other of others) if (!files.includes(other)) finding(`${script} is without ${other}`)
  }
  const surplus = files.filter((file) => /(^|\/)(test|node_modules|scripts)\/|\.tsbuildinfo$|api\.txt$/.test(file))
  if (surplus.length > 0) finding(`holds files that no user needs: ${surplus.join(", ")}`)

  const { messages, pkg } = await publint({
    pack: { tarball: new Uint8Array(tarball).buffer },
    strict: true
  })
  for (const message of messages) finding(formatMessage(message, pkg) ?? message.code)

  // The packages are ES modules, so `require` from CommonJS without Node's own support is not looked at, nor is a resolution
  // that knows no `exports`.
  const entrypoints = modulesOf(packed).map((module) => module.replace(fullName, "."))
  if (entrypoints.length > 0) {
    const analysis = await checkPackage(contents, { entrypoints: [...entrypoints] })
    const ofEsm = new Set(["node16-esm", "bundler"])
    for (const problem of analysis.types === false ? [] : analysis.problems) {
      if ("resolutionKind" in problem && !ofEsm.has(problem.resolutionKind)) continue
      finding(`${problem.kind} ${JSON.stringify(problem)}`)
    }
    if (analysis.types === false) finding("has no types")
  }
  return Cost.sizesOf(
    fullName,
    path.join(temporary, file),
    files.map((file) => ({ size: Buffer.byteLength(contents.readFile(prefix + file)) }))
  )
}

/** A project that has the packages, and a program that uses all modules of them. */
const makeProject = (name: string, packed: ReadonlyArray<Packed>): string => {
  const project = path.join(temporary, name)
  mkdirSync(project)
  const tarballs = Object.fromEntries(packed.map(({ file, fullName }) => [fullName, `file:../${file}`]))
  write(path.join(project, "package.json"), {
    name: "stranger",
    private: true,
    type: "module",
    dependencies: {
      ...tarballs,
      ...versions("effect", "@effect/platform-node", "@effect/sql-pg", "@openai/codex", "typescript", "@types/node")
    },
    // Until they are published, what needs each other is found here. npm has them at the top anyway.
    pnpm: { overrides: tarballs }
  })
  const modules = packed.flatMap(modulesOf)
  writeFileSync(
    path.join(project, "import.mjs"),
    modules.map((name) => `await import(${JSON.stringify(name)})\n`).join("")
  )
  writeFileSync(
    path.join(project, "main.ts"),
    modules.map((name, index) => `import * as m${index} from ${JSON.stringify(name)}\n`).join("") +
      `export const all = [${modules.map((_, index) => `m${index}`).join(", ")}]\n`
  )
  write(path.join(project, "tsconfig.json"), {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
      module: "nodenext",
      target: "es2022",
      // Effect's own declarations name what the platform has on the web.
      lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
      types: ["node"]
    },
    include: ["main.ts"]
  })
  writeFileSync(
    path.join(project, "closed.mjs"),
    packed
      .map(({ fullName, name }) => ({
        fullName,
        internal: path.join(folderOf(name), "src", "internal")
      }))
      .filter(({ internal }) => existsSync(internal))
      .map(({ fullName, internal }) => `${fullName}/internal/${readdirSync(internal)[0]?.replace(/\.ts$/, "")}`)
      .map(
        (module) =>
          `await import(${JSON.stringify(module)}).then(
  () => { throw new Error("${module} can be imported") },
  (error) => { if (error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error }
)\n`
      )
      .join("")
  )
  return project
}

const bin = (project: string, name: string) => path.join(project, "node_modules", ".bin", name)
const npmInstall = ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]

const checkProject = async (manager: string, project: string, tsc: string, compiler: ReadonlyArray<string>) => {
  await run(`${manager}: importing every module`, process.execPath, ["import.mjs"], project)
  await run(`${manager}: checking that internal modules are not importable`, process.execPath, ["closed.mjs"], project)
  await run(`${manager}: type-checking against the declarations, ${tsc}`, process.execPath, compiler, project)
  const { stdout } = await run(
    `${manager}: running the command`,
    bin(project, "effect-codex"),
    ["demo", "--offline"],
    project
  )
  say(stdout.trimEnd().split("\n").at(-1) ?? "")
}

const checkStarter = async (packed: ReadonlyArray<Packed>) => {
  const project = path.join(temporary, "starter")
  cpSync(path.join(root, "examples", "starter"), project, {
    recursive: true,
    filter: (file) => path.basename(file) !== "node_modules"
  })
  const manifest = read(path.join(project, "package.json"))
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).map(([name, version]) => {
      const ours = packed.find(({ fullName }) => fullName === name)
      return [name, ours === undefined ? version : `file:../${ours.file}`]
    })
  )
  write(path.join(project, "package.json"), { ...manifest, dependencies })
  await run("starter: installing", "npm", npmInstall, project)
  await run("starter: npm run check", "npm", ["run", "--silent", "check"], project)
  await run("starter: npm test", "npm", ["run", "--silent", "test"], project)
  const offline = await run("starter: npm run offline", "npm", ["run", "--silent", "offline"], project)
  if (!offline.stdout.includes("tides")) findings.push(`starter: npm run offline said ${JSON.stringify(offline)}`)
  // Without an account, as a newcomer has it.
  const home = path.join(temporary, "home")
  mkdirSync(home)
  const { OPENAI_API_KEY: _, ...env } = process.env
  const online = await run("starter: npm start, without an account", "npm", ["run", "--silent", "start"], project, {
    ...env,
    CODEX_HOME: home
  })
  if (!online.stderr.includes("codex login")) findings.push(`starter: npm start said ${JSON.stringify(online)}`)
}

const allowed = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "BlueOak-1.0.0"])

/** Licences of all that comes with the packages, in a project of npm, where everything is at some top. */
const checkLicences = (project: string, packed: ReadonlyArray<Packed>) => {
  const found = new Map<string, string>()
  const visit = (name: string, from: string) => {
    for (let folder = from; folder.startsWith(temporary); folder = path.dirname(folder)) {
      const place = path.join(folder, "node_modules", name)
      if (!existsSync(path.join(place, "package.json"))) continue
      if (found.has(place)) return
      const { dependencies, license = "none", peerDependencies } = read(path.join(place, "package.json"))
      found.set(place, license)
      const parts = license.replaceAll(/[()]/g, "").split(" AND ")
      if (!parts.every((part) => part.split(" OR ").some((choice) => allowed.has(choice)))) {
        findings.push(`${name} comes with the packages, under ${license}`)
      }
      for (const other of Object.keys({ ...dependencies, ...peerDependencies })) visit(other, place)
      return
    }
  }
  for (const { fullName } of packed) visit(fullName, project)
  const names = [...new Set(found.values())].toSorted()
  say(`${found.size} packages come with them, under ${names.join(", ")}`)
}

const begin = performance.now()
build()
const packed = pack(temporary)
say(`built and packed (${((performance.now() - begin) / 1000).toFixed(1)} s)`)

const npmProject = makeProject("npm", packed)
const pnpmProject = makeProject("pnpm", packed)
const inspected = Promise.all(packed.map(inspect))
await Promise.all([
  run("npm: installing", "npm", npmInstall, npmProject),
  run("pnpm: installing", "npx", ["-y", packageManager, "install", "--prefer-offline", "--silent"], pnpmProject)
])
const sizes = await inspected
say("tarballs looked over")
if (findings.length === 0) {
  const tsc = [path.join("node_modules", "typescript", "bin", "tsc")]
  const tsc5 = [path.join(root, "node_modules", "typescript5", "bin", "tsc")]
  await Promise.all([
    checkProject("npm", npmProject, `TypeScript ${devDependencies["typescript"]}`, tsc).then(() =>
      checkStarter(packed)
    ),
    checkProject("pnpm", pnpmProject, `TypeScript ${devDependencies["typescript5"]?.split("@").at(-1)}`, tsc5)
  ])
  checkLicences(npmProject, packed)
}

if (findings.length === 0) {
  const costs: Cost.Costs = Object.assign({}, ...sizes, Cost.modulesOf(npmProject))
  for (const [name, cost] of Object.entries(costs)) say(`${String(cost).padStart(7)}  ${name}`)
  for (const [name, ratio] of Cost.timesOf(npmProject)) {
    say(`${ratio.toFixed(1).padStart(7)}  ${name}: time to import, in starts of an empty Node`)
  }
  if (process.argv.includes("--update-budget")) Cost.rebudget(costs)
  findings.push(...Cost.compare(costs))
}

for (const finding of findings) say(finding)
say(
  `${findings.length} ${findings.length === 1 ? "finding" : "findings"}, ${((performance.now() - begin) / 1000).toFixed(0)} s`
)
process.exitCode = findings.length === 0 ? 0 : 1
