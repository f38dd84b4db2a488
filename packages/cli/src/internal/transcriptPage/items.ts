/**
 * An item of a turn as a headline and what is below it.
 */
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Stable"
import * as Predicate from "effect/Predicate"
import { escape, escapeLine } from "./html.ts"

/** One text below a headline. */
export interface Block {
  readonly style: "text" | "output" | "diff"
  readonly text: string
}

/** An item in words. */
export interface Shown {
  /** The lane of the time line, and the colour. */
  readonly group: "message" | "command" | "change" | "tool" | "thought" | "other"
  readonly label: string
  readonly headline: string
  readonly status: string | undefined
  readonly isFailure: boolean
  readonly blocks: ReadonlyArray<Block>
}

const json = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? "")

const shortText = 200

const firstLine = (text: string): string => text.trimStart().split("\n", 1)[0] ?? ""

const diffOf = ({ diff, kind, path }: Extract<ThreadItem, { type: "fileChange" }>["changes"][number]): string => {
  const sign = kind.type === "add" ? "+" : kind.type === "delete" ? "-" : ""
  const body = sign === "" ? diff : diff.replace(/\n$/, "").replaceAll(/^/gm, sign)
  return `=== ${kind.type} ${path}\n${body}`
}

const failed = (status: string): boolean => ["failed", "declined", "error"].includes(status)

const userText = (content: Extract<ThreadItem, { type: "userMessage" }>["content"]): string =>
  content.map((part) => ("text" in part && typeof part.text === "string" ? part.text : `[${part.type}]`)).join("\n")

/** Puts an item into words. */
export const show = (item: ThreadItem): Shown => {
  switch (item.type) {
    case "userMessage": {
      const text = userText(item.content)
      return message("prompt", text)
    }
    case "agentMessage":
      return message(item.phase === "commentary" ? "commentary" : "answer", item.text)
    case "plan":
      return message("plan", item.text)
    case "reasoning": {
      const text = [...(item.summary ?? []), ...(item.content ?? [])].join("\n\n")
      return { ...message("thought", text), group: "thought" }
    }
    case "commandExecution": {
      const code = item.exitCode == null ? "" : `, exit code ${item.exitCode}`
      const isFailure = failed(item.status) || (item.exitCode ?? 0) !== 0
      return {
        group: "command",
        label: "command",
        headline: item.command,
        status: `${item.status}${code}`,
        isFailure,
        blocks: [
          { style: "text", text: `in ${item.cwd}` },
          ...(item.aggregatedOutput == null ? [] : [{ style: "output" as const, text: item.aggregatedOutput }])
        ]
      }
    }
    case "fileChange":
      return {
        group: "change",
        label: "files",
        headline: item.changes.map(({ kind, path }) => `${kind.type} ${path}`).join(", "),
        status: item.status,
        isFailure: failed(item.status),
        blocks: item.changes.map((change) => ({ style: "diff", text: diffOf(change) }))
      }
    case "mcpToolCall": {
      const result = item.error?.message ?? (item.result == null ? undefined : json(item.result.content))
      return tool(`${item.server}.${item.tool}`, item.status, item.arguments, result)
    }
    case "dynamicToolCall": {
      const name = item.namespace == null ? item.tool : `${item.namespace}.${item.tool}`
      return tool(name, item.status, item.arguments, item.contentItems == null ? undefined : json(item.contentItems))
    }
    case "webSearch":
      return tool("web search", undefined, item.query, undefined)
    case "unknown":
      return other("unknown item", item.raw)
    default:
      return other(item.type, item)
  }
}

const message = (label: string, text: string): Shown => ({
  group: "message",
  label,
  headline: firstLine(text),
  status: undefined,
  isFailure: false,
  // The headline may have all of it.
  blocks: text.length < shortText && !text.trim().includes("\n") ? [] : [{ style: "text", text }]
})

const tool = (name: string, status: string | undefined, args: unknown, result: string | undefined): Shown => ({
  group: "tool",
  label: "tool",
  headline: name,
  status,
  isFailure: status !== undefined && failed(status),
  blocks: [
    { style: "text", text: json(args) },
    ...(result === undefined ? [] : [{ style: "output" as const, text: result }])
  ]
})

const other = (name: string, value: unknown): Shown => ({
  group: "other",
  label: name,
  headline: "",
  status: Predicate.isReadonlyObject(value) && typeof value["status"] === "string" ? value["status"] : undefined,
  isFailure: false,
  blocks: [{ style: "text", text: json(value) }]
})

const toneOf = (line: string): string | undefined => {
  if (line.startsWith("=== ") || line.startsWith("@@")) return "hunk"
  if (line.startsWith("+++ ") || line.startsWith("--- ")) return undefined
  return line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : undefined
}

/** A diff in colours. */
export const diffHtml = (diff: string): string =>
  diff
    .split("\n")
    .map((line) => {
      const tone = toneOf(line)
      return tone === undefined ? escape(line) : `<span class="${tone}">${escapeLine(line)}</span>`
    })
    .join("\n")
