/**
 * A file change as lines in the colours of a diff.
 */
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Stable"
import type { Paint } from "../Tone.ts"
import { sanitizeForTerminal } from "./sanitizeForTerminal.ts"

export type FileChange = Extract<ThreadItem, { readonly type: "fileChange" }>["changes"][number]

// The server describes an added or deleted file by its contents, and other changes by a unified diff.
const diffOf = ({ diff, kind }: FileChange): ReadonlyArray<string> => {
  const lines = diff.replace(/\n$/, "").split("\n")
  if (kind.type === "add") return lines.map((line) => `+${line}`)
  if (kind.type === "delete") return lines.map((line) => `-${line}`)
  return lines
}

const toneOf = (line: string) => {
  if (line.startsWith("+")) return "added"
  if (line.startsWith("-")) return "removed"
  return line.startsWith("@@") ? "hunk" : undefined
}

// In a unified diff, two lines before the first hunk begin with signs but do not count.
const isHeader = (line: string): boolean => line.startsWith("+++ ") || line.startsWith("--- ")

/** The headline of a change: the kind of change, the file, and the numbers of added and removed lines. */
export const headline = (change: FileChange): string => {
  const { kind } = change
  const all = diffOf(change)
  const lines = kind.type === "update" ? all.filter((line) => !isHeader(line)) : all
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length
  const moved = kind.type === "update" && kind.move_path != null ? ` to ${kind.move_path}` : ""
  return `${kind.type === "unknown" ? "change" : kind.type} ${change.path}${moved}, +${count("+")} -${count("-")}`
}

/** The lines of a change, at most `limit`, and the number of omitted lines. */
export const diffLines = (paint: Paint, change: FileChange, limit: number): ReadonlyArray<string> => {
  const lines = diffOf(change)
  const shown = lines.slice(0, limit).map((line) => {
    const tone = toneOf(line)
    const text = sanitizeForTerminal(line)
    return tone === undefined ? text : paint(tone, text)
  })
  const more = lines.length - shown.length
  return more === 0 ? shown : [...shown, `… ${more} more ${more === 1 ? "line" : "lines"}`]
}
