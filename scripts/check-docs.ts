/**
 * Checks the documents as a reader would meet them: `npm run docs:check`.
 *
 * - Every `ts` block of a document, and every example in a docstring, is a complete module and type-checks, with Effect's
 *   diagnostics, against the packages as a user imports them. Blocks that a reader saves as files may import each other.
 * - A block that shows a file of `examples` has its text.
 * - An English document and its Chinese one have the same headings, by level, and the same code blocks, and a document of an
 *   index ends with a link to the next one.
 * - Every relative link leads to a file, and every `npm run NAME` is a script of `package.json`.
 *
 * Prints one line per finding; exits with 1 if there are any.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { type Block, blocksOf as blocksIn, fileNameOf } from "./documents.ts"
import { root } from "./packages.ts"

const findings: Array<string> = []

const filesBelow = (directory: string, extension: string): ReadonlyArray<string> =>
  existsSync(path.join(root, directory))
    ? readdirSync(path.join(root, directory), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(extension) && !file.includes("node_modules"))
        .map((file) => path.join(directory, file))
        .toSorted()
    : []

const documents = [
  ...readdirSync(root).filter((file) => file.endsWith(".md")),
  ...filesBelow("docs", ".md"),
  ...readdirSync(path.join(root, "packages"))
    .map((name) => path.join("packages", name, "README.md"))
    .filter((file) => existsSync(path.join(root, file)))
]
const sources = readdirSync(path.join(root, "packages"))
  .flatMap((name) => filesBelow(path.join("packages", name, "src"), ".ts"))
  .filter((file) => !file.includes(`${path.sep}generated${path.sep}`))

const read = (file: string) => readFileSync(path.join(root, file), "utf8")
const blocksOf = (file: string) => blocksIn(root, file)

const checkCode = (blocks: ReadonlyArray<Block>) => {
  // Inside the workspace, so that packages resolve as if they were installed.
  const scratch = path.join(root, "node_modules", ".cache", "docs")
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  const places = new Map<string, Block>()
  blocks.forEach((block, index) => {
    // The files of a document import each other; of one that is saved twice the last is checked.
    const file = fileNameOf(block)
    const name = file === undefined ? `block-${index}.ts` : path.join(block.file.replaceAll(/\W/g, "-"), file)
    places.set(name, block)
    mkdirSync(path.dirname(path.join(scratch, name)), { recursive: true })
    writeFileSync(path.join(scratch, name), `${block.code}\nexport {}\n`)
  })
  writeFileSync(
    path.join(scratch, "tsconfig.json"),
    JSON.stringify({
      extends: path.relative(scratch, path.join(root, "tsconfig.base.json")),
      include: ["**/*.ts"],
      compilerOptions: { noEmit: true, composite: false, incremental: false, types: ["node"], noUnusedLocals: false }
    })
  )
  const tsc = path.join(root, "node_modules", ".bin", "tsc")
  const { status, stdout, stderr } = spawnSync(tsc, ["-p", scratch, "--pretty", "false"], {
    cwd: scratch,
    encoding: "utf8"
  })
  for (const line of stdout.split("\n")) {
    const found = /([^\s(]+\.ts)\((\d+),\d+\): error (.*)$/.exec(line)
    const block = places.get(path.normalize(found?.[1] ?? ""))
    if (found !== null && block !== undefined) {
      findings.push(`${block.file}:${block.line + Number(found[2]) - 1}: ${found[3]}`)
    }
  }
  if (status !== 0 && findings.length === 0) findings.push(`tsc failed: ${stdout}${stderr}`)
  rmSync(scratch, { recursive: true, force: true })
}

const chineseOf = (file: string): string | undefined => {
  if (file === "README.md") return "README.zh-CN.md"
  if (path.dirname(file) === "docs") return path.join("docs", "zh", path.basename(file))
  return undefined
}

// The structure that a translation must keep: headings by level, and code without its comments.
const structureOf = (file: string): ReadonlyArray<string> => {
  const withoutCode = read(file).replace(/^```[\s\S]*?^```$/gm, "")
  const headings = Array.from(withoutCode.matchAll(/^(#+) /gm), ([, level]) => `heading ${level}`)
  const code = blocksOf(file).map(
    ({ code, language }) =>
      `block ${language}: ${code.replace(/^\s*(\/\/|#).*$/gm, "").replace(/ +(\/\/|#) .*$/gm, "")}`
  )
  return [...headings, ...code]
}

const checkTranslation = (file: string) => {
  const chinese = chineseOf(file)
  if (chinese === undefined) return
  if (!existsSync(path.join(root, chinese))) {
    findings.push(`${file}: has no Chinese version (${chinese})`)
    return
  }
  const [ours, theirs] = [structureOf(file), structureOf(chinese)]
  const difference = Math.max(ours.length, theirs.length)
  for (let index = 0; index < difference; index++) {
    if (ours[index] !== theirs[index]) {
      const shorten = (text: string | undefined) => JSON.stringify(text?.slice(0, 80) ?? "nothing")
      findings.push(`${chinese}: differs from ${file}: ${shorten(ours[index])} there, ${shorten(theirs[index])} here`)
      return
    }
  }
}

// Of this repository, and of the project that newcomers copy.
const scripts = new Set(
  ["package.json", "examples/starter/package.json"].flatMap((file) => Object.keys(JSON.parse(read(file)).scripts))
)

const checkExample = (block: Block) => {
  const file = fileNameOf(block)
  if (file?.startsWith("examples/") === true && read(file).trimEnd() !== block.code) {
    findings.push(`${block.file}:${block.line}: is not the text of ${file}`)
  }
}

// The documents of an index in their order, and how each of them names the next.
const checkOrder = (index: string, words: string) => {
  const folder = path.dirname(index)
  const order = Array.from(read(index).matchAll(/^- \[([^\]]+)\]\(([^)]+)\)/gm), ([, title, link = ""]) => ({
    title,
    link
  }))
  order.forEach(({ link }, at) => {
    const next = order[at + 1]
    const file = path.join(folder, link)
    // The bench writes one of them.
    if (next === undefined || path.basename(file) === "benchmarks.md") return
    const line = `${words}[${next.title}](${next.link})`
    if (!read(file).trimEnd().endsWith(line)) findings.push(`${file}: does not end with "${line}"`)
  })
}

const checkReferences = (file: string) => {
  const text = read(file)
  text.split("\n").forEach((line, index) => {
    for (const [, target = ""] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(target)) continue
      const linked = path.join(root, path.dirname(file), target.replace(/#.*$/, ""))
      if (!existsSync(linked)) findings.push(`${file}:${index + 1}: leads to ${target}, which is not there`)
    }
    for (const [, name = ""] of line.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
      if (!scripts.has(name)) findings.push(`${file}:${index + 1}: npm run ${name} is not a script of package.json`)
    }
  })
}

const blocks = [...documents, ...sources].flatMap(blocksOf).filter(({ language }) => language === "ts")
checkCode(blocks)
blocks.forEach(checkExample)
checkOrder("docs/README.md", "Next: ")
checkOrder("docs/zh/README.md", "下一篇：")
for (const file of documents) {
  checkTranslation(file)
  checkReferences(file)
}

for (const finding of findings) process.stdout.write(`${finding}\n`)
process.stdout.write(
  `${documents.length} documents, ${blocks.length} code blocks, ${findings.length} ${findings.length === 1 ? "finding" : "findings"}\n`
)
process.exitCode = findings.length === 0 ? 0 : 1
