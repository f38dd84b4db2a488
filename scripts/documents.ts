/** Code blocks of the documents, with their lines and the names of those that a reader saves as files. */
import { readFileSync } from "node:fs"
import * as path from "node:path"

export interface Block {
  readonly language: string
  readonly code: string
  readonly file: string
  /** Line of the file that the block's first line is on, from 1. */
  readonly line: number
  /** The paragraph right before the block on one line, or an empty text. */
  readonly introduction: string
}

/** The fenced blocks of a document, or those behind the ` * ` of docstrings. */
export const blocksOf = (root: string, file: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let open: { language: string; line: number; introduction: string; lines: Array<string> } | undefined
  let introduction = ""
  let isOver = false
  readFileSync(path.join(root, file), "utf8")
    .split("\n")
    .forEach((text, index) => {
      const line = file.endsWith(".ts") ? text.replace(/^ \* ?/, "") : text
      const fence = /^```(\w*)\s*$/.exec(line)
      if (open !== undefined && fence !== null) {
        const { lines, ...block } = open
        blocks.push({ ...block, code: lines.join("\n"), file })
        open = undefined
        introduction = ""
      } else if (open !== undefined) open.lines.push(line)
      else if (fence !== null) open = { language: fence[1] ?? "", line: index + 2, introduction, lines: [] }
      else if (line.trim() === "") isOver = true
      else {
        introduction = isOver ? line.trim() : `${introduction} ${line.trim()}`.trim()
        isOver = false
      }
    })
  if (open !== undefined) throw new Error(`${file}:${open.line}: a code block is not closed`)
  return blocks
}

/** The file that a reader saves a block as: the introduction ends with its name and a colon. */
export const fileNameOf = ({ introduction }: Block): string | undefined =>
  /`([\w./-]+\.(?:ts|json|yaml))`[:：]$/.exec(introduction)?.[1]
