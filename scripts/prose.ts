/**
 * Looks for turns of phrase that read as translated, in the documents and in the comments and texts of the code:
 * `npm run prose`, or `npm run prose -- FILE …` for some files.
 */
import { globSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { find, readTurns } from "./prose/check.ts"

const root = path.dirname(import.meta.dirname)
const turns = readTurns(readFileSync(path.join(import.meta.dirname, "prose", "turns.yaml"), "utf8"))

const usage = "Usage: npm run prose [-- FILE …]"

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({ allowPositionals: true })
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}

const { positionals } = parse()

// A release writes changelogs from changesets.
const included = [
  "*.md",
  ".changeset/*.md",
  "docs/*.md",
  "packages/*/*.md",
  "{packages/*/src,packages/*/scripts,examples,bench,scripts,website}/**/*.ts"
]
const excluded = /(^|\/)(node_modules|dist|generated|test)\/|\.zh-CN\.md$|CHANGELOG\.md$|THIRD_PARTY/

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

let findings = 0
for (const file of files) {
  for (const { line, sentence, turn } of await find(file, read(file), turns)) {
    findings++
    process.stdout.write(`${file}:${line}: ${turn.name}: ${sentence}\n    ${turn.instead}\n`)
  }
}

process.stdout.write(`${files.length} files, ${findings} findings\n`)
process.exitCode = findings === 0 ? 0 : 1
