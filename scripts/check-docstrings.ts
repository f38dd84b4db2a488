/**
 * Checks what the comments of the packages have to say: `npm run docstrings:check`.
 *
 * - Every module has a header that says why it exists. The header of a public module names its stability: `@stability stable` or
 *   `@stability experimental`.
 * - Every public item says what it is, in which category, and since when.
 * - A function that needs the experimental API is marked `@stability experimental`, or its module is.
 * - A function of `api/` names the protocol methods that it calls. Which ones these are is in the table of `docs/api.md`.
 *
 * Prints one line for each finding, and exits with 1 if there is one.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript5"
import { folderOf, packages, publicFiles, root } from "./packages.ts"

const findings: Array<string> = []
let items = 0

/** The text and the stability of a module's header. */
const headerOf = (text: string) => {
  const comment = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ""
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, ""))
  const stability = lines.flatMap((line) => /^@stability (stable|experimental)$/.exec(line)?.[1] ?? [])
  return {
    sentences: lines
      .filter((line) => !line.startsWith("@"))
      .join(" ")
      .trim(),
    stability
  }
}

// A file that a program wrote says so in its first line.
const isWritten = (text: string) => /^\/\/ (Generated|Written) by `/.test(text)

/** The methods that the functions of `api/` call, by the names of these functions in the table. */
const methods = new Map<string, Array<string>>()
for (const line of readFileSync(path.join(root, "docs", "api.md"), "utf8").split("\n")) {
  const [, method, functions] = /^\| `([^`]+)` \| ([^|]+) \|/.exec(line) ?? []
  if (method === undefined) continue
  for (const [, name = ""] of functions?.matchAll(/`([^`]+)`/g) ?? []) {
    methods.set(name, [...(methods.get(name) ?? []), method])
  }
}

// Functions in the table that are not in `api/`.
for (const name of ["request", "requestExperimental", "Codex.layer"]) methods.delete(name)
for (const name of ["create", "events", "streamText"]) methods.delete(`responses.${name}`)
for (const name of ["start", "resume", "fork"]) methods.delete(`thread.${name}`)

/** The function of the table that a member of an interface in a module of `api/` is. */
const functionOf = (module: string, member: string): string | undefined => {
  const own = module.charAt(0).toLowerCase() + module.slice(1)
  return Array.from(methods.keys()).find((name) => {
    const words = name.replaceAll("()", "").split(".")
    const [group = ""] = words
    // `thread` has four modules, `turn` has `TurnControl`, `config` has `CodexConfig`; a function without a group has its own.
    const isOfModule = own.startsWith(group) || own === `codex${group.charAt(0).toUpperCase()}${group.slice(1)}`
    return words.at(-1) === member && (isOfModule || group.startsWith(own))
  })
}

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

const hasTag = (docs: ts.JSDoc | undefined, name: string, text: string) =>
  docs?.tags?.some((tag) => tag.tagName.text === name && textOf(tag) === text) === true

// A function with several signatures needs it if all of them do.
const needsExperimental = (member: ts.TypeElement): boolean => {
  if (!ts.isPropertySignature(member) || member.type === undefined) return false
  const signatures = ts.isTypeLiteralNode(member.type) ? member.type.members : [member.type]
  return signatures.length > 0 && signatures.every((signature) => /\bExperimentalApi\b/.test(signature.getText()))
}

/** Functions of the table that were found in `api/`. */
const found = new Set<string>()

for (const pkg of packages) {
  const folder = path.join(folderOf(pkg), "src")
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue
    const text = readFileSync(path.join(folder, file), "utf8")
    if (isWritten(text) || headerOf(text).sentences !== "") continue
    findings.push(`packages/${pkg}/src/${file}:1: the header does not say why the module exists`)
  }
  for (const file of publicFiles(folder, ".ts")) {
    const text = readFileSync(path.join(folder, file), "utf8")
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    const place = (node: ts.Node) =>
      `packages/${pkg}/src/${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
    const [stability] = headerOf(text).stability
    if (stability === undefined) findings.push(`${place(source)}: the header lacks @stability stable or experimental`)
    const functions: Array<ts.TypeElement> = []
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) || !isExported(statement)) continue
      const members = statement.members.filter((member) => ts.isPropertySignature(member) && member.type !== undefined)
      const experimental = members.filter(needsExperimental)
      for (const member of members) {
        const docs = docsOf(member)
        const name = member.name?.getText() ?? ""
        if (stability === "stable" && experimental.includes(member) && !hasTag(docs, "stability", "experimental")) {
          findings.push(`${place(member)}: ${name} needs the experimental API and lacks @stability experimental`)
        }
        if (!file.startsWith("api/")) continue
        const comment = docs?.getText() ?? ""
        const entry = functionOf(path.basename(file, ".ts"), name)
        if (entry === undefined) continue
        found.add(entry)
        functions.push(member)
        for (const method of methods.get(entry) ?? []) {
          if (!comment.includes(`\`${method}\``)) findings.push(`${place(member)}: ${name} does not name ${method}`)
        }
      }
    }
    const isExperimental = functions.length > 0 && functions.every(needsExperimental)
    if (file.startsWith("api/") && isExperimental !== (stability === "experimental")) {
      findings.push(
        `${place(source)}: ${isExperimental ? "all" : "not all"} of its functions need the experimental API`
      )
    }
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

for (const name of methods.keys()) {
  if (!found.has(name)) findings.push(`docs/api.md: the table has ${name}, and \`api/\` does not`)
}

for (const finding of findings) process.stdout.write(`${finding}\n`)
process.stdout.write(`${items} public items, ${findings.length} findings\n`)
process.exitCode = findings.length === 0 ? 0 : 1
