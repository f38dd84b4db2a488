/**
 * Keeps the public API of each package as text, `packages/NAME/api.txt`, so that a change of it is read in a diff:
 * `npm run api:check` compares, `npm run api:update` writes.
 *
 * The text is made of the declarations that the compiler writes, without comments, by module and name. Modules that are
 * internal are left out, and so is the generated protocol, whose changes `npm run protocol:update` tells.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import ts from "typescript5"
import { folderOf, installed, packages, publicFiles, root } from "./packages.ts"

const printer = ts.createPrinter({ removeComments: true })

const nameOf = (statement: ts.Statement): string => {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText()).join(", ")
  }
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isModuleDeclaration(statement)
  ) {
    return statement.name?.getText() ?? ""
  }
  return statement.getText()
}

const surfaceOf = (file: string, text: string): string => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  return source.statements
    .filter((statement) => !ts.isImportDeclaration(statement) && statement.getText() !== "export {};")
    .map((statement) => ({ name: nameOf(statement), text: statement }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ text }) => printer.printNode(ts.EmitHint.Unspecified, text, source))
    .join("\n")
}

const build = spawnSync(installed("tsc"), ["-b", ...packages.map(folderOf)], { cwd: root, encoding: "utf8" })
if (build.status !== 0) {
  process.stdout.write(`${build.stdout}${build.stderr}`)
  process.exit(1)
}

const update = process.argv.includes("--update")
const scratch = mkdtempSync(path.join(tmpdir(), "effect-codex-api-"))
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }))

let changed = 0
for (const name of packages) {
  // Only what a source file stands behind: the compiler leaves the output of deleted ones.
  const modules = publicFiles(path.join(folderOf(name), "src"), ".ts").map((file) => file.replace(/\.ts$/, ""))
  const text = modules
    .map((module) => {
      const file = path.join(folderOf(name), "dist", `${module}.d.ts`)
      return `## ${module}\n\n${surfaceOf(file, readFileSync(file, "utf8"))}\n`
    })
    .join("\n")
  const kept = path.join(folderOf(name), "api.txt")
  if (existsSync(kept) && readFileSync(kept, "utf8") === text) continue
  changed++
  if (update) writeFileSync(kept, text)
  else {
    const now = path.join(scratch, `${name}.txt`)
    writeFileSync(now, text)
    const before = existsSync(kept) ? kept : "/dev/null"
    const { stdout } = spawnSync("git", ["--no-pager", "diff", "--no-index", before, now], { encoding: "utf8" })
    process.stdout.write(stdout)
  }
}

if (changed === 0) process.stdout.write("The public API is as it was.\n")
else if (update) process.stdout.write("Written. Read the diff before you commit it.\n")
else {
  process.stdout.write("The public API has changed. If that is meant, run `npm run api:update` and commit the diff.\n")
  process.exitCode = 1
}
