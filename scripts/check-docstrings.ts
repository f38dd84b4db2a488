/**
 * Every public item says what it is, in which category, and since when: `npm run docstrings:check`.
 *
 * One line a finding; exits with 1 if there is one.
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript5"
import { folderOf, packages, publicFiles } from "./packages.ts"

const findings: Array<string> = []
let items = 0

const docsOf = (node: ts.Node): ts.JSDoc | undefined => ts.getJSDocCommentsAndTags(node).findLast(ts.isJSDoc)

const textOf = (tag: ts.JSDocTag) => (ts.getTextOfJSDocComment(tag.comment) ?? "").trim()

const lackOf = (docs: ts.JSDoc | undefined): ReadonlyArray<string> => {
  if (docs === undefined) return ["a docstring"]
  const has = (name: string) => docs.tags?.some((tag) => tag.tagName.text === name && textOf(tag) !== "") === true
  return [
    ...((ts.getTextOfJSDocComment(docs.comment) ?? "").trim() === "" ? ["a sentence that says what it is"] : []),
    ...["category", "since"].filter((name) => !has(name)).map((name) => `@${name}`)
  ]
}

const isExported = (node: ts.Node) =>
  ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true

const namesOf = (statement: ts.Statement): ReadonlyArray<string> => {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.getText())
  const { name } = statement as ts.Statement & { readonly name?: ts.Identifier }
  return [name?.text ?? "default"]
}

for (const pkg of packages) {
  const folder = path.join(folderOf(pkg), "src")
  for (const file of publicFiles(folder, ".ts")) {
    const text = readFileSync(path.join(folder, file), "utf8")
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    const place = (node: ts.Node) =>
      `packages/${pkg}/src/${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
    if (!/^(#!.*\n)?\/(\*\*|\/ )/.test(text)) findings.push(`${place(source)}: the file does not say why it exists`)
    // Of a schema and its type, or of several signatures, which share a name, one says it.
    const documented = new Map<string, { node: ts.Node; lack: ReadonlyArray<string> }>()
    for (const statement of source.statements) {
      if (!isExported(statement)) continue
      const lack = lackOf(docsOf(statement))
      for (const name of namesOf(statement)) {
        const other = documented.get(name)
        if (other === undefined || lack.length < other.lack.length) documented.set(name, { node: statement, lack })
      }
    }
    for (const [name, { lack, node }] of documented) {
      items++
      if (lack.length > 0) findings.push(`${place(node)}: ${name} lacks ${lack.join(", ")}`)
    }
  }
}

for (const finding of findings) process.stdout.write(`${finding}\n`)
const documented = items - findings.length
process.stdout.write(`${items} public items, ${documented} documented (${((100 * documented) / items).toFixed(1)} %)\n`)
process.exitCode = findings.length === 0 ? 0 : 1
