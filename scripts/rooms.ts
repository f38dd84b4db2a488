/**
 * Draws the rooms of the packages and the imports between them: `npm run rooms`.
 *
 * The picture is `docs/rooms.svg`, or what `--out` names: an `.svg`, or a `.dot` for Graphviz. `--check` compares instead of
 * writing, and fails if the imports have changed since, or if rooms of the core are in a circle.
 */
import { instance } from "@viz-js/viz"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { packages, root } from "./packages.ts"
import { circlesOf, Cruised, dotOf, roomsOf } from "./rooms/graph.ts"

const usage = "Usage: npm run rooms [-- --out FILE.svg|FILE.dot] [-- --check]"

const fail = (message: string, code = 1): never => {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

const parse = () => {
  try {
    return parseArgs({ options: { out: { type: "string" }, check: { type: "boolean" } } }).values
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${usage}`, 2)
  }
}

const { check = false, out } = parse()
const file =
  out === undefined ? path.join(root, "docs", "rooms.svg") : path.resolve(process.env["INIT_CWD"] ?? ".", out)
if (!/\.(svg|dot)$/.test(file)) fail(`--out ${out}: name a file that ends in .svg or .dot.\n${usage}`, 2)
if (!existsSync(path.dirname(file))) fail(`--out ${out}: there is no folder ${path.dirname(file)}.`, 2)

const cruise = path.join(root, "node_modules", "dependency-cruiser", "bin", "dependency-cruiser.mjs")
const folders = packages.map((name) => `packages/${name}/src`)
const { error, status, stderr, stdout } = spawnSync(process.execPath, [cruise, "--output-type", "json", ...folders], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 2 ** 28
})
if (status !== 0) fail(`dependency-cruiser failed: ${error?.message ?? stderr}`)

const rooms = roomsOf(Schema.decodeUnknownSync(Schema.fromJsonString(Cruised))(stdout))
const dot = dotOf(rooms)
const drawn = file.endsWith(".dot") ? dot : (await instance()).renderString(dot, { format: "svg" })

// The rooms of the core stand above each other.
const circles = [...circlesOf(rooms)]
const ofCore = circles.filter((arrow) => arrow.startsWith("core/"))
if (check && ofCore.length > 0) fail(`Rooms of the core import each other in a circle:\n${ofCore.join("\n")}`)

if (check) {
  const before = existsSync(file) ? readFileSync(file, "utf8") : ""
  if (before !== drawn)
    fail(`${path.relative(root, file)} is out of date: npm run rooms writes it. Look at it before you commit it.`)
} else writeFileSync(file, drawn)
process.stdout.write(`${rooms.rooms.size} rooms, ${rooms.arrows.length} arrows, ${circles.length} of them in circles\n`)
