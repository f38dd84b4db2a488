/**
 * Looks for turns of phrase that read as translated, in the documents and in the comments and texts of the code:
 * `npm run prose`.
 *
 * Sentences that had one when their rule was added are listed in `scripts/prose/known.txt` and pass as long as they stay as they
 * are, in whichever file. A sentence that is new or changed has to be free of them. `-- --update` removes sentences from the list
 * that are gone, and adds none; `-- --accept` adds today's, for a new rule.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { find, readTurns } from "./prose/check.ts"

const root = path.dirname(import.meta.dirname)
const knownFile = path.join(import.meta.dirname, "prose", "known.txt")
const turns = readTurns(readFileSync(path.join(import.meta.dirname, "prose", "turns.yaml"), "utf8"))

const usage = "Usage: npm run prose [-- --update | --accept | FILE …]"

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: { update: { type: "boolean" }, accept: { type: "boolean" } },
      allowPositionals: true
    })
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}

const {
  positionals,
  values: { accept = false, update = false }
} = parse()
if (Number(accept) + Number(update) + Number(positionals.length > 0) > 1) fail(`Give one of these.\n${usage}`)

// The bench writes docs/benchmarks.md from its own texts, and a release writes changelogs from changesets.
const included = [
  "*.md",
  ".changeset/*.md",
  "docs/*.md",
  "packages/*/*.md",
  "{packages/*/src,examples}/**/*.ts",
  "{packages/*/scripts,bench,scripts,scripts/*,website}/*.ts"
]
const excluded =
  /(^|\/)(node_modules|dist|generated|test)\/|\.zh-CN\.md$|CHANGELOG\.md$|THIRD_PARTY|^docs\/benchmarks\.md$/

const isExcluded = (file: string) => excluded.test(file.replaceAll("\\", "/"))
const files =
  positionals.length > 0
    ? positionals.map((file) => path.relative(root, path.resolve(process.env["INIT_CWD"] ?? ".", file)))
    : globSync(included, { cwd: root, exclude: isExcluded })
        .filter((file) => !isExcluded(file))
        .sort()

const read = (file: string): string => {
  try {
    return readFileSync(path.join(root, file), "utf8")
  } catch (error) {
    return fail(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "")
const known = new Set(existsSync(knownFile) ? linesOf(readFileSync(knownFile, "utf8")) : [])
const found = new Set<string>()
let fresh = 0
let old = 0
for (const file of files) {
  for (const { line, sentence, turn } of await find(file, read(file), turns)) {
    const entry = `${turn.name}: ${sentence}`
    found.add(entry)
    if (known.has(entry) || accept) {
      old++
      continue
    }
    fresh++
    process.stdout.write(`${file}:${line}: ${turn.name}: ${sentence}\n    ${turn.instead}\n`)
  }
}

const gone = positionals.length > 0 ? [] : [...known].filter((entry) => !found.has(entry))
if (accept || update) {
  const kept = accept ? [...found] : [...known].filter((entry) => found.has(entry))
  writeFileSync(
    knownFile,
    kept
      .sort()
      .map((entry) => `${entry}\n`)
      .join("")
  )
}
process.stdout.write(
  `${files.length} files: ${fresh} new, ${old} known` +
    (gone.length === 0 || accept || update
      ? "\n"
      : `, and ${gone.length} fixed: npm run prose -- --update drops them\n`)
)
process.exitCode = fresh === 0 ? 0 : 1
