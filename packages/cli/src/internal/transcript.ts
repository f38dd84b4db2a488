/**
 * Turns the events of turns into the lines of a transcript.
 *
 * `page` places and sanitizes the lines, `outputLines` selects the lines of a tool's output. There are thousands of deltas, so
 * they are read from the event itself; other events are decoded.
 */
import * as Display from "@effect-codex/core/Display"
import * as Notification from "@effect-codex/core/Notification"
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Stable"
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import * as Predicate from "effect/Predicate"
import type { Paint, Tone } from "../Tone.ts"
import { diffLines, headline } from "./diffLines.ts"
import { type Limits, makeOutputLines, type OutputLines } from "./outputLines.ts"
import { approvalDecided, runSettings, runStopping, runWarning } from "./ourEvents.ts"
import * as Markdown from "./markdown.ts"
import { makePage } from "./page.ts"
import { makePieces } from "./sanitizeForTerminal.ts"

export interface Settings {
  readonly paint: Paint
  readonly showReasoning: boolean
  readonly showSystem: boolean
  readonly showToolOutput: boolean
  readonly showTurnSummary: boolean
  readonly limits: Limits
  /** The width of the terminal; `undefined` if no terminal shows the transcript. */
  readonly columns: (() => number) | undefined
  /** How messages are laid out as Markdown; `undefined`: they are printed as they are written. */
  readonly layout: (() => Markdown.Layout) | undefined
  /** Whether a line shows the activity, so that attempts to reconnect need no lines of their own. */
  readonly isLive: boolean
}

/** The current activity of the agent. */
export type Activity =
  | { readonly _tag: "Thinking" }
  | { readonly _tag: "Writing" }
  | { readonly _tag: "Running"; readonly what: string }
  | { readonly _tag: "Reconnecting"; readonly what: string }
  | { readonly _tag: "Waiting"; readonly for: "approval" | "answer" }
  | { readonly _tag: "Over" }

export interface Transcript {
  /** The text that an event adds. */
  readonly render: (event: ResponseEvent) => string
  /** Ends a line that is begun. */
  readonly close: () => string
  readonly atLineStart: () => boolean
  readonly activity: () => Activity
}

interface Tool {
  readonly label: string
  readonly what: string
  readonly output: OutputLines
}

const assistant = "Assistant:"

type Item = Exclude<ThreadItem, { readonly type: "unknown" }>

export const makeTranscript = (settings: Settings): Transcript => {
  const { limits, paint, showReasoning, showSystem, showToolOutput } = settings
  const page = makePage(paint, settings.columns)
  const tools = new Map<string, Tool>()
  const streamed = new Set<string>()
  const warned = new Set<string>()
  let activity: Activity = { _tag: "Thinking" }
  let waiting: Activity | undefined
  let retrying: { readonly attempts: number; readonly what: string } | undefined
  let toolCount = 0
  let errorCount = 0
  let tokens: { readonly before: number; readonly total: number } | undefined

  // Messages that come, by the item.
  const messages = new Map<string, { readonly add: (piece: string) => string; readonly end: () => string }>()
  const messageOf = (id: string, layout: () => Markdown.Layout) => {
    const known = messages.get(id)
    if (known !== undefined) return known
    const pieces = makePieces()
    const markdown = Markdown.make(layout, assistant.length + 1)
    const message = {
      add: (piece: string) => markdown.add(pieces.add(piece)),
      end: () => markdown.add(pieces.end()) + markdown.end()
    }
    messages.set(id, message)
    return message
  }
  const say = (id: string, text: string) => {
    if (settings.layout === undefined) page.write(id, "assistant", assistant, text)
    else page.whole(id, "assistant", assistant, messageOf(id, settings.layout).add(text))
  }
  const endMessage = (id: string) => {
    const message = messages.get(id)
    messages.delete(id)
    if (message !== undefined) page.whole(id, "assistant", assistant, message.end())
  }

  const system = (label: string, text?: string, tone: Tone = "system") => {
    if (showSystem) page.line(tone, label, text)
  }

  // Each once, however it is punctuated. One that says nothing is not shown.
  const warn = (text: string | undefined) => {
    const key = text?.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "") ?? ""
    if (key === "" || warned.has(key)) return
    warned.add(key)
    page.sentence("warning", "[warning]", text ?? "")
  }

  const outputOf = (id: string, tool: Tool | undefined, lines: ReadonlyArray<string>) => {
    if (showToolOutput)
      page.lines(`output ${id}`, "toolOutput", `[tool.output:${Display.line(tool?.label ?? "tool")}]`, lines)
  }

  const begin = (id: string, tone: Tone, label: string, text: string, output: string) => {
    toolCount++
    tools.set(id, { label: output, what: text, output: makeOutputLines(limits) })
    page.line(tone, label, text)
  }

  const changed = (item: Extract<Item, { readonly type: "fileChange" }>) => {
    toolCount++
    tools.set(item.id, { label: "patch", what: "file changes", output: makeOutputLines(limits) })
    if (item.changes.length === 0) page.line("tool", "[tool.patch]", "applying file changes")
    for (const change of item.changes) {
      page.line("tool", "[tool.patch]", headline(change))
      if (!showToolOutput) continue
      for (const line of diffLines(paint, change, limits.first + limits.last)) page.plain(`  ${line}`)
    }
  }

  const started = (item: Item) => {
    page.close()
    switch (item.type) {
      case "commandExecution":
        return begin(item.id, "tool", "[tool.exec]", item.command, "exec")
      case "mcpToolCall": {
        const name = `${item.server}/${item.tool}`
        return begin(item.id, "tool", "[tool.mcp]", name, `mcp:${name}`)
      }
      case "dynamicToolCall": {
        const name = item.namespace == null ? item.tool : `${item.namespace}/${item.tool}`
        return begin(item.id, "tool", "[tool.call]", name, `call:${name}`)
      }
      case "webSearch":
        return begin(item.id, "tool", "[tool.web]", item.query === "" ? "searching" : item.query, "web")
      case "fileChange":
        return changed(item)
      case "plan":
        return system("[plan]", "started", "plan")
      case "reasoning":
        return showReasoning ? system("[thinking]", "started", "thinking") : undefined
      case "agentMessage":
        return undefined
      default:
        return system("[item]", `${item.type} started`)
    }
  }

  const done = (id: string, label: string, ...parts: ReadonlyArray<string | undefined>) => {
    const isBad = parts[0] === "failed" || parts[0] === "declined"
    page.sentence(isBad ? "error" : "tool", label, parts.filter(Predicate.isNotUndefined).join(", "))
    tools.delete(id)
  }
  const millis = (duration: number | null | undefined) => (duration == null ? undefined : `${duration}ms`)

  const completed = (item: Item) => {
    const tool = tools.get(item.id)
    switch (item.type) {
      case "agentMessage":
        if (!streamed.delete(item.id)) say(item.id, item.text)
        endMessage(item.id)
        return page.close()
      case "reasoning":
        if (!streamed.delete(item.id) && showReasoning) {
          page.write(item.id, "thinking", "[thinking]", item.summary?.join("\n") ?? "")
        }
        return page.close()
      case "commandExecution":
        outputOf(item.id, tool, tool?.output.end(item.aggregatedOutput ?? undefined) ?? [])
        return done(
          item.id,
          "[tool.exec.done]",
          item.status,
          item.exitCode == null ? undefined : `exit=${item.exitCode}`,
          millis(item.durationMs)
        )
      case "fileChange":
        outputOf(item.id, tool, tool?.output.end(undefined) ?? [])
        return done(item.id, "[tool.patch.done]", item.status)
      case "mcpToolCall":
        return done(item.id, "[tool.mcp.done]", item.status, item.error?.message, millis(item.durationMs))
      case "dynamicToolCall":
        return done(item.id, "[tool.call.done]", item.status, millis(item.durationMs))
      case "webSearch":
        // The query may be known only at the end of the search.
        if (tool?.what === "searching" && item.query !== "") page.line("tool", "[tool.web]", item.query)
        tools.delete(item.id)
        return page.close()
      default:
        return system("[item]", `${item.type} completed`)
    }
  }

  const retry = (message: string) => {
    if (!settings.isLive) return page.sentence("warning", "[warning]", `${message} (trying again)`)
    page.close()
    retrying = { attempts: (retrying?.attempts ?? 0) + 1, what: message }
  }
  const endRetrying = (outcome: string) => {
    if (retrying === undefined) return
    const { attempts, what } = retrying
    retrying = undefined
    page.sentence(
      "warning",
      "[warning]",
      `${outcome} after ${attempts === 1 ? "1 attempt" : `${attempts} attempts`}: ${what}`
    )
  }

  const ended = (turn: Extract<Notification.Notification, { method: "turn/completed" }>["params"]["turn"]) => {
    for (const id of messages.keys()) endMessage(id)
    endRetrying(turn.status === "completed" ? "Reconnected" : "Not reconnected")
    page.close()
    // A failed turn may not have said why before.
    if (turn.status === "failed" && errorCount === 0) failed(turn.error?.message)
    page.plain("")
    if (settings.showTurnSummary) {
      const parts = [`status=${turn.status}`, `tools=${toolCount}`, `errors=${errorCount}`]
      if (turn.durationMs != null) parts.push(`elapsed=${seconds(turn.durationMs)}`)
      if (tokens !== undefined) parts.push(`tokens=${tokens.total - tokens.before}`)
      page.sentence(turn.status === "failed" ? "error" : "summary", "[summary]", parts.join(", "))
    }
    page.plain(paint("header", "== Turn Completed =="))
  }

  const failed = (message: string | undefined) => {
    errorCount++
    page.sentence("error", "[error]", message ?? "unknown error")
  }

  const reset = () => {
    tools.clear()
    streamed.clear()
    toolCount = 0
    errorCount = 0
    tokens = undefined
  }

  // Everything but text in pieces.
  const notice = (event: ResponseEvent, notification: Notification.Notification) => {
    switch (notification.method) {
      case "turn/started":
        reset()
        page.close()
        page.plain("")
        return page.plain(paint("header", "== Turn Started =="))
      case "turn/completed":
        return ended(notification.params.turn)
      case "item/started":
      case "item/completed": {
        const { item } = notification.params
        if (item.type === "unknown") return system("[item]", `unknown ${notification.method.slice(5)}`)
        return notification.method === "item/started" ? started(item) : completed(item)
      }
      case "item/reasoning/summaryPartAdded":
        return showReasoning && notification.params.summaryIndex > 0
          ? page.line("thinking", "[thinking]", event.messageText)
          : undefined
      case "item/commandExecution/terminalInteraction": {
        const text = notification.params.stdin.trimEnd()
        return text === "" ? system("[tool.stdin]", "input sent", "tool") : page.line("tool", "[tool.stdin]", text)
      }
      case "item/mcpToolCall/progress":
        return page.line("tool", "[tool.mcp.progress]", event.messageText)
      case "turn/plan/updated":
        return system("[turn.plan]", event.messageText, "plan")
      case "turn/diff/updated":
        return system("[turn.diff]", event.messageText)
      case "thread/tokenUsage/updated": {
        const { last, total } = notification.params.tokenUsage
        tokens = { before: tokens?.before ?? total.totalTokens - last.totalTokens, total: total.totalTokens }
        return system("[usage]", event.messageText)
      }
      case "thread/started":
        return system("[thread]", "started")
      case "thread/status/changed": {
        const { status } = notification.params
        const flags = status.type === "active" ? status.activeFlags : []
        waiting = waitingFor(flags)
        return system("[thread]", [status.type, ...flags].join(", "))
      }
      case "thread/name/updated":
        return system("[thread.name]", event.threadName ?? "(cleared)")
      case "thread/compacted":
        return system("[context]", "compacted")
      case "account/updated":
        return system("[account]", notification.params.planType ?? notification.params.authMode ?? "signed out")
      case "account/rateLimits/updated": {
        const used = notification.params.rateLimits.primary?.usedPercent
        return system("[account]", used === undefined ? "rate limits updated" : `rate limit ${used}% used`)
      }
      case "error":
        return notification.params.willRetry ? retry(notification.params.error.message) : failed(event.messageText)
      case "deprecationNotice":
        return warn(deprecation(notification.params))
      case "warning":
      case "guardianWarning":
      case "configWarning":
        return warn(event.messageText)
      case "windows/worldWritableWarning":
        return warn("some folders can be written by everybody, which weakens the sandbox")
      default:
        return system(
          "[event]",
          [event.type, event.messageText ?? event.textDelta].filter(Predicate.isNotUndefined).join(" ")
        )
    }
  }

  // Text in pieces. False if the event is something else.
  const piece = (event: ResponseEvent): boolean => {
    const { itemId, textDelta } = event
    if (itemId === undefined || textDelta === undefined) return false
    switch (event.type) {
      case "item/agentMessage/delta":
        activity = { _tag: "Writing" }
        streamed.add(itemId)
        say(itemId, textDelta)
        return true
      case "item/reasoning/textDelta":
      case "item/reasoning/summaryTextDelta":
        activity = { _tag: "Thinking" }
        streamed.add(itemId)
        if (showReasoning) page.write(itemId, "thinking", "[thinking]", textDelta)
        return true
      case "item/plan/delta":
        if (showSystem) page.write(itemId, "plan", "[plan]", textDelta)
        return true
      case "item/commandExecution/outputDelta":
      case "item/fileChange/outputDelta": {
        const tool = tools.get(itemId)
        if (tool !== undefined) outputOf(itemId, tool, tool.output.add(textDelta))
        return true
      }
      default:
        return false
    }
  }

  const current = (): Activity => {
    if (retrying !== undefined) return { _tag: "Reconnecting", what: retrying.what }
    if (waiting !== undefined) return waiting
    for (const { what } of tools.values()) return { _tag: "Running", what }
    return activity
  }

  return {
    render: (event) => {
      if (signsOfLife.has(event.type)) endRetrying("Reconnected")
      if (event.type === "thread/ready") {
        page.close()
        page.line("session", "Session:", event.threadId)
      } else if (event.type === runSettings) {
        for (const line of event.messageText?.split("\n") ?? []) {
          const [, label = "", text = ""] = /^(\w+:) (.*)$/s.exec(line) ?? []
          page.sentence("session", label, text)
        }
      } else if (event.type === approvalDecided) {
        page.sentence("tool", "[approval]", event.messageText ?? "")
      } else if (clientWarnings.has(event.type)) {
        page.sentence("warning", "[warning]", event.messageText ?? "")
      } else if (!piece(event)) {
        const notification = decode(event)
        if (notification.method === "turn/completed") activity = { _tag: "Over" }
        else if (notification.method === "item/completed") activity = { _tag: "Thinking" }
        notice(event, notification)
      }
      return page.take()
    },
    close: () => {
      endRetrying("Not reconnected")
      for (const id of messages.keys()) endMessage(id)
      page.close()
      return page.take()
    },
    atLineStart: page.atLineStart,
    activity: current
  }
}

const decode = (event: ResponseEvent): Notification.Notification => {
  const raw = Predicate.isReadonlyObject(event.raw) ? event.raw : {}
  return Notification.decode({ method: event.type, params: raw["params"], raw }, 0)
}

// Events that the model's answer brings.
const signsOfLife: ReadonlySet<string> = new Set([
  "item/started",
  "item/completed",
  "item/agentMessage/delta",
  "item/reasoning/textDelta",
  "item/reasoning/summaryTextDelta",
  "item/plan/delta"
])

const clientWarnings: ReadonlySet<string> = new Set(["turn/silent", runStopping, runWarning])

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)}s`

const waitingFor = (flags: ReadonlyArray<string>): Activity | undefined => {
  if (flags.includes("waitingOnApproval")) return { _tag: "Waiting", for: "approval" }
  return flags.includes("waitingOnUserInput") ? { _tag: "Waiting", for: "answer" } : undefined
}

// Says what to do where the notice does, and nothing where it says nothing.
const deprecation = (notice: { readonly summary: string; readonly details?: string | null | undefined }) => {
  const summary = notice.summary.trim()
  if (/^(deprecat\w*|deprecation ?notice)?\W*$/i.test(summary)) return notice.details?.trim()
  const details = notice.details?.trim() ?? ""
  return details === "" ? summary : `${summary.replace(/[.;:]$/, "")}; ${details}`
}
