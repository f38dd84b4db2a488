/**
 * Converts the items of a rollout to the form of the protocol.
 *
 * A rollout has items in codex's internal form. Older ones have events instead, and some calls only have the text of the model.
 * Missing fields are left out.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { fieldIn, parse, textIn } from "./entry.ts"

type Json = { readonly [K: string]: unknown }

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

const camelKeys = (value: Json): Json =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [camel(name), field]))

/** A numeric field, such as a number of milliseconds. */
export const millisIn = (value: unknown, name: string): number | undefined => {
  const found = fieldIn(value, name)
  return typeof found === "number" && Number.isSafeInteger(found) ? found : undefined
}

const listIn = (value: unknown, name: string): ReadonlyArray<unknown> => {
  const found = fieldIn(value, name)
  return Array.isArray(found) ? found : []
}

const textsIn = (value: unknown, name: string): ReadonlyArray<string> => listIn(value, name).filter(Predicate.isString)

/** A duration as codex writes it: seconds and nanoseconds. */
const durationIn = (value: unknown): number | undefined => {
  const duration = fieldIn(value, "duration")
  const seconds = fieldIn(duration, "secs")
  const nanos = fieldIn(duration, "nanos")
  if (typeof seconds !== "number" || typeof nanos !== "number") return undefined
  const millis = Math.round(seconds * 1000 + nanos / 1e6)
  return Number.isSafeInteger(millis) ? millis : undefined
}

/** Joins the words of a command, quoted for a shell. */
const commandLine = (words: ReadonlyArray<string>): string =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`)).join(" ")

const pathOf = (url: string): string =>
  url.startsWith("file:///")
    ? Result.getOrElse(
        Result.try(() => decodeURI(url.slice(7))),
        () => url
      )
    : url

const commandItem = (item: Json): Json => ({
  type: "commandExecution",
  id: textIn(item, "id") ?? "",
  command: textIn(item, "command") ?? commandLine(textsIn(item, "command")),
  commandActions: [],
  cwd: pathOf(textIn(item, "cwd") ?? ""),
  status: textIn(item, "status") ?? (fieldIn(item, "exit_code") === 0 ? "completed" : "failed"),
  aggregatedOutput: textIn(item, "aggregated_output") ?? null,
  exitCode: fieldIn(item, "exit_code"),
  durationMs: durationIn(item)
})

const changeOf = ([path, change]: readonly [string, unknown]): Json => {
  const type = textIn(change, "type") ?? "unknown"
  return {
    path,
    kind: type === "update" ? { type, move_path: textIn(change, "move_path") ?? null } : { type },
    diff: textIn(change, "unified_diff") ?? textIn(change, "content") ?? ""
  }
}

const fileItem = (item: Json): Json => {
  const { changes } = item
  return {
    type: "fileChange",
    id: textIn(item, "id") ?? "",
    status: textIn(item, "status") ?? (item["success"] === false ? "failed" : "completed"),
    changes: Predicate.isReadonlyObject(changes) ? Object.entries(changes).map(changeOf) : []
  }
}

const mcpItem = (item: Json): Json => {
  const called = fieldIn(item, "invocation") ?? item
  const result = fieldIn(item, "result")
  const ok = fieldIn(result, "Ok") ?? result
  const failure = textIn(result, "Err") ?? textIn(item["error"], "message")
  const content = listIn(ok, "content")
  return {
    type: "mcpToolCall",
    id: textIn(item, "id") ?? "",
    server: textIn(called, "server") ?? "",
    tool: textIn(called, "tool") ?? "",
    arguments: fieldIn(called, "arguments") ?? null,
    status: textIn(item, "status") ?? (failure === undefined ? "completed" : "failed"),
    result: failure === undefined && Predicate.isReadonlyObject(ok) ? { content } : null,
    error: failure === undefined ? null : { message: failure },
    durationMs: durationIn(item)
  }
}

const agentText = (item: Json): string =>
  textIn(item, "message") ??
  listIn(item, "content")
    .map((part) => textIn(part, "text") ?? "")
    .join("")

const userContent = (item: Json): ReadonlyArray<unknown> =>
  Array.isArray(item["content"]) ? item["content"] : [{ type: "text", text: textIn(item, "message") ?? "" }]

/** Converts an item, or an event that replaces one, by its type; `undefined` if it is neither. */
export const itemOf = (item: unknown): Json | undefined => {
  if (!Predicate.isReadonlyObject(item)) return undefined
  const id = textIn(item, "id") ?? ""
  const type = textIn(item, "type") ?? ""
  switch (type) {
    case "UserMessage":
    case "user_message":
      return { type: "userMessage", id, content: userContent(item) }
    case "AgentMessage":
    case "agent_message":
      return { type: "agentMessage", id, text: agentText(item), phase: textIn(item, "phase") ?? null }
    case "Reasoning":
      return { type: "reasoning", id, summary: textsIn(item, "summary_text"), content: textsIn(item, "raw_content") }
    case "agent_reasoning":
      return { type: "reasoning", id, summary: [textIn(item, "text") ?? ""], content: [] }
    case "CommandExecution":
    case "exec_command_end":
      return commandItem(item)
    case "FileChange":
    case "patch_apply_end":
      return fileItem(item)
    case "McpToolCall":
    case "mcp_tool_call_end":
      return mcpItem(item)
    case "DynamicToolCall":
      return { ...camelKeys(item), type: "dynamicToolCall", durationMs: durationIn(item), duration: undefined }
    case "WebSearch":
    case "web_search_end":
      return { type: "webSearch", id, query: textIn(item, "query") ?? "" }
  }
  // Any other kind of item is from a newer codex, or has the same fields in both forms.
  return /^[A-Z]\w*$/.test(type)
    ? { ...camelKeys(item), type: `${type.slice(0, 1).toLowerCase()}${type.slice(1)}` }
    : undefined
}

const shells: ReadonlySet<string> = new Set([
  "shell",
  "shell_command",
  "exec_command",
  "local_shell_call",
  "container.exec"
])

const outputText = (output: unknown): string | undefined => {
  if (output === undefined) return undefined
  if (typeof output !== "string") return textIn(output, "content") ?? JSON.stringify(output)
  return textIn(parse(output), "output") ?? output
}

const exitCodeIn = (output: unknown): number | undefined => {
  if (typeof output !== "string") return undefined
  const code = millisIn(fieldIn(parse(output), "metadata"), "exit_code")
  if (code !== undefined) return code
  const said = /^(?:Exit code: |Process exited with code )(-?\d{1,10})$/m.exec(output.slice(0, 400))?.[1]
  return said === undefined ? undefined : Number(said)
}

/** The item for a tool call without one: only the model's input and output are known. */
export const toolItem = (id: string, name: string, args: unknown, output: unknown): Json => {
  const given = typeof args === "string" ? (parse(args) ?? args) : args
  const text = outputText(output)
  if (shells.has(name)) {
    const exitCode = exitCodeIn(output)
    const words = textsIn(given, "command")
    return {
      type: "commandExecution",
      id,
      command: textIn(given, "cmd") ?? textIn(given, "command") ?? commandLine(words),
      commandActions: [],
      cwd: textIn(given, "workdir") ?? textIn(given, "working_directory") ?? "",
      status: exitCode === undefined ? "unknown" : exitCode === 0 ? "completed" : "failed",
      aggregatedOutput: text ?? null,
      exitCode
    }
  }
  return {
    type: "dynamicToolCall",
    id,
    tool: name,
    arguments: given ?? null,
    status: text === undefined ? "unknown" : "completed",
    contentItems: text === undefined ? null : [{ type: "inputText", text }],
    success: null
  }
}

/** The plan that the model has written; `undefined` if the arguments are not a plan. */
export const planOf = (args: unknown): Json | undefined => {
  const given = typeof args === "string" ? parse(args) : args
  const steps = fieldIn(given, "plan")
  if (!Array.isArray(steps)) return undefined
  const plan = steps.flatMap((step: unknown) => {
    const text = textIn(step, "step")
    return text === undefined ? [] : [{ step: text, status: camel(textIn(step, "status") ?? "pending") }]
  })
  return { explanation: textIn(given, "explanation") ?? null, plan }
}

const tokensOf = (usage: unknown) => ({
  totalTokens: millisIn(usage, "total_tokens") ?? 0,
  inputTokens: millisIn(usage, "input_tokens") ?? 0,
  cachedInputTokens: millisIn(usage, "cached_input_tokens") ?? 0,
  outputTokens: millisIn(usage, "output_tokens") ?? 0,
  reasoningOutputTokens: millisIn(usage, "reasoning_output_tokens") ?? 0
})

/** The tokens of a thread so far; `undefined` if they are unknown. */
export const usageOf = (info: unknown) => {
  const total = fieldIn(info, "total_token_usage")
  if (!Predicate.isReadonlyObject(total)) return undefined
  return {
    total: tokensOf(total),
    last: tokensOf(fieldIn(info, "last_token_usage")),
    modelContextWindow: millisIn(info, "model_context_window") ?? null
  }
}
