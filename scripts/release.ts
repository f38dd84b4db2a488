/**
 * Makes a release: `npm run release -- --help`.
 *
 * Publishing is a step of its own, which needs a flag. It publishes files with checksums, which may have been built earlier on
 * another machine and reviewed in between.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { build, must, pack } from "./pack.ts"
import { root } from "./packages.ts"
import {
  type Artefacts,
  checks,
  type Options,
  publishing,
  read,
  refusals,
  type State,
  tagOf,
  usage
} from "./release/plan.ts"
import { stated } from "./version.ts"

const say = (line: string) => process.stdout.write(`${line}\n`)

const fail = (line: string): never => {
  say(line)
  process.exit(1)
}

const checksum = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex")

/** The artefacts of a folder, if they are what its checksums say. */
const existing = (folder: string): Artefacts | undefined => {
  const file = path.join(folder, "release.json")
  if (!existsSync(file)) return undefined
  for (const line of readFileSync(path.join(folder, "SHA256SUMS"), "utf8").trim().split("\n")) {
    const [sum = "", name = ""] = line.split("  ")
    if (!existsSync(path.join(folder, name))) fail(`${name} is missing in ${folder}`)
    if (checksum(path.join(folder, name)) !== sum) fail(`${name} in ${folder} is not what SHA256SUMS says`)
  }
  return JSON.parse(readFileSync(file, "utf8"))
}

const git = (...args: ReadonlyArray<string>) => must("git", args).trim()

const stateOf = (options: Options, folder: string): State => ({
  branch: git("rev-parse", "--abbrev-ref", "HEAD"),
  dirty: git("status", "--porcelain") !== "",
  pendingChangesets: readdirSync(path.join(root, ".changeset")).filter((file) => /^(?!README).*\.md$/.test(file)),
  stated: stated(),
  artefacts: options.existing ? existing(folder) : undefined
})

const makeArtefacts = (folder: string, state: State): Artefacts => {
  say("building and packing")
  mkdirSync(folder, { recursive: true })
  const before = readdirSync(folder)
  const foreign = before.filter((file) => !/^(release\.json|SHA256SUMS|.*\.tgz)$/.test(file))
  if (foreign.length > 0) fail(`${folder} holds what is no artefact: ${foreign.join(", ")}`)
  for (const file of before) rmSync(path.join(folder, file))
  build()
  const packages = pack(folder).map(({ file, fullName, version }) => ({ fullName, version, file }))
  const artefacts = { commit: git("rev-parse", "HEAD"), dirty: state.dirty, packages }
  writeFileSync(path.join(folder, "release.json"), `${JSON.stringify(artefacts, null, 2)}\n`)
  const files = ["release.json", ...packages.map(({ file }) => file)]
  writeFileSync(
    path.join(folder, "SHA256SUMS"),
    files.map((file) => `${checksum(path.join(folder, file))}  ${file}\n`).join("")
  )
  return artefacts
}

const publish = (options: Options, folder: string, artefacts: Artefacts) => {
  const registry = options.registry === undefined ? [] : ["--registry", options.registry]
  publishing(options, artefacts).forEach((command, index) => {
    const { fullName = "", version = "" } = artefacts.packages[index] ?? {}
    // Resumes an interrupted release.
    const { stdout } = spawnSync("npm", ["view", `${fullName}@${version}`, "version", ...registry], {
      encoding: "utf8"
    })
    if (stdout.trim() === version) {
      say(`${fullName} ${version} is already published`)
      return
    }
    say(`npm ${command.join(" ")}`)
    const { status } = spawnSync("npm", command, { cwd: folder, stdio: "inherit" })
    if (status !== 0)
      fail(
        `${fullName} ${version} was not published. Run the command again: it skips packages that are already published.`
      )
  })
}

const request = read(process.argv.slice(2))
if ("help" in request) {
  process.stdout.write(usage)
  process.exit(0)
}
if ("problem" in request) fail(`${request.problem}\nnpm run release -- --help lists the flags.`)
else {
  const { options } = request
  const folder = path.resolve(root, options.folder)
  const state = stateOf(options, folder)

  // A dry run also shows the reasons that would stop publishing.
  const reasons = refusals({ ...options, publish: options.publish || options.dryRun }, state)
  for (const reason of reasons) say(`${options.dryRun ? "would be refused" : "refused"}: ${reason}`)
  if (reasons.length > 0 && !options.dryRun) process.exit(1)

  for (const check of options.checks) {
    say(`checking ${check}: npm run ${checks[check]}`)
    const { status } = spawnSync("npm", ["run", "--silent", checks[check]], { cwd: root, stdio: "inherit" })
    if (status !== 0) fail(`npm run ${checks[check]} failed: nothing was built`)
  }

  const artefacts = state.artefacts ?? makeArtefacts(folder, state)
  for (const { file } of artefacts.packages) say(`${checksum(path.join(folder, file))}  ${file}`)

  if (options.publish && !options.dryRun) {
    publish(options, folder, artefacts)
    const [first] = artefacts.packages
    say(`Published under ${tagOf(options, first?.version ?? "")}. Now: git tag v${first?.version} ${artefacts.commit}`)
  } else {
    if (options.dryRun) for (const command of publishing(options, artefacts)) say(`would run: npm ${command.join(" ")}`)
    say(`Nothing was published. The artefacts are in ${path.relative(root, folder) || folder}.`)
  }
}
