/**
 * Finds turns of phrase in documents and in the comments and texts of TypeScript files: textlint with one rule of our own,
 * whose patterns are data.
 */
import { TextlintKernel, type TextlintKernelOptions } from "@textlint/kernel"
import * as Yaml from "effect/encoding/Yaml"
import * as Schema from "effect/Schema"
import { createRequire } from "node:module"
import ts from "typescript5"

const Turn = Schema.Struct({
  name: Schema.NonEmptyString,
  pattern: Schema.NonEmptyString,
  instead: Schema.NonEmptyString,
  bad: Schema.NonEmptyString,
  good: Schema.NonEmptyString
})

/** A turn of phrase and what to write instead. */
export interface Turn extends Schema.Schema.Type<typeof Turn> {}

/** Reads the list of turns. Throws if it is not one. */
export const readTurns = (yaml: string): ReadonlyArray<Turn> =>
  Schema.decodeUnknownSync(Schema.Array(Turn))(Yaml.parse(yaml))

export interface Finding {
  readonly line: number
  readonly turn: Turn
  /** The sentence around it, on one line, which identifies a finding even after its file has moved. */
  readonly sentence: string
}

/** A text to look through, and the line of the file that each of its lines comes from. */
interface Prose {
  readonly text: string
  readonly lines: ReadonlyArray<number>
}

const ends = /[.!?:;](?=\s|$)|\n\s*\n/g

// The sentence around a match, on one line.
const sentenceOf = (text: string, start: number, end: number): string => {
  const before = [...text.slice(0, start).matchAll(ends)].at(-1)
  const after = text.slice(end).search(ends)
  const from = before === undefined ? 0 : before.index + before[0].length
  return text
    .slice(from, after === -1 ? undefined : end + after + 1)
    .replaceAll(/\s+/g, " ")
    .trim()
}

// A space of a pattern matches the end of a line and marks of emphasis too.
const regexOf = ({ pattern }: Turn) => new RegExp(pattern.replaceAll(" ", "[\\s*_]+"), "gi")

interface Hit {
  readonly index: number
  readonly turn: Turn
  readonly sentence: string
}

// Loaders differ in what the default import of a CommonJS module is; `require` does not.
const require = createRequire(import.meta.url)
const {
  default: markdown
}: {
  readonly default: NonNullable<TextlintKernelOptions["plugins"]>[number]["plugin"]
} = require("@textlint/textlint-plugin-markdown")

const kernel = new TextlintKernel()

const hitsIn = async (text: string, turns: ReadonlyArray<Turn>): Promise<ReadonlyArray<Hit>> => {
  const hits: Array<Hit> = []
  const patterns = turns.map((turn) => ({ turn, regex: regexOf(turn) }))
  const options: TextlintKernelOptions = {
    ext: ".md",
    plugins: [{ pluginId: "markdown", plugin: markdown }],
    rules: [
      {
        ruleId: "turns",
        rule: ({ Syntax, getSource }) => {
          // Code keeps its length, so that positions stay, and is never prose.
          const look = (node: Parameters<typeof getSource>[0]) => {
            if (node === undefined) return
            const prose = getSource(node)
              .replaceAll(/(`+)[^`](?:[\s\S]*?[^`])?\1(?!`)/g, (code) => `\`${"x".repeat(code.length - 2)}\``)
              .replaceAll(/\]\([^)]*\)/g, (link) => `]${" ".repeat(link.length - 1)}`)
            for (const { regex, turn } of patterns) {
              for (const match of prose.matchAll(regex)) {
                const sentence = sentenceOf(getSource(node), match.index, match.index + match[0].length)
                hits.push({ index: node.range[0] + match.index, turn, sentence })
              }
            }
          }
          return { [Syntax.Paragraph]: look, [Syntax.Header]: look, [Syntax.TableCell]: look }
        }
      }
    ]
  }
  await kernel.lintText(text, options)
  return hits
}

const findingsIn = async ({ lines, text }: Prose, turns: ReadonlyArray<Turn>): Promise<ReadonlyArray<Finding>> => {
  const hits = await hitsIn(text, turns)
  return hits.map(({ index, sentence, turn }) => {
    const line = text.slice(0, index).split("\n").length - 1
    return { line: lines[line] ?? lines.at(-1) ?? 1, turn, sentence }
  })
}

// Comments without their marks, and literals of more than one word, each a paragraph of its own.
const proseOf = (source: string): Prose => {
  const file = ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest, true)
  const lineAt = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1
  const pieces = new Map<number, { readonly text: string; readonly isLiteral: boolean }>()
  const comment = ({ end, pos }: ts.TextRange) => pieces.set(pos, { text: source.slice(pos, end), isLiteral: false })
  const literal = (node: ts.Node, text: string) => {
    if (/\S\s+\S/.test(text))
      pieces.set(node.getStart(file), { text: text.replaceAll(/^[ \t]+/gm, ""), isLiteral: true })
  }
  const visit = (node: ts.Node): void => {
    ts.getLeadingCommentRanges(source, node.getFullStart())?.forEach(comment)
    ts.getTrailingCommentRanges(source, node.end)?.forEach(comment)
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) literal(node, node.text)
    if (ts.isTemplateExpression(node)) {
      literal(node, [node.head.text, ...node.templateSpans.map((span) => `\`…\`${span.literal.text}`)].join(""))
    }
    // Tokens have comments too: the end of the file, a closing brace.
    for (const child of node.getChildren(file)) visit(child)
  }
  visit(file)
  const text: Array<string> = []
  const lines: Array<number> = []
  let last = -2
  for (const [position, { isLiteral, text: piece }] of [...pieces].toSorted(([a], [b]) => a - b)) {
    const first = lineAt(position)
    const isLine = !isLiteral && piece.startsWith("//")
    // Lines of comments below each other are one text.
    if (!isLine || first !== last + 1) {
      text.push("")
      lines.push(first)
    }
    piece.split("\n").forEach((line, index) => {
      text.push(isLiteral ? line : line.replace(/^\s*(?:\/\*\*?|\/\/\/?|\*(?!\/))? ?/, "").replace(/\s*\*\/\s*$/, ""))
      // A line feed of a literal may be an escape, so its first line stands for all.
      lines.push(isLiteral ? first : first + index)
    })
    if (!isLine) {
      text.push("")
      lines.push(first)
    }
    last = isLine ? first : -2
  }
  return { text: text.join("\n"), lines }
}

/** Looks through a file: its comments and texts if it is TypeScript, else all of it as Markdown. */
export const find = (name: string, source: string, turns: ReadonlyArray<Turn>): Promise<ReadonlyArray<Finding>> =>
  findingsIn(
    name.endsWith(".ts") ? proseOf(source) : { text: source, lines: source.split("\n").map((_, index) => index + 1) },
    turns
  )
