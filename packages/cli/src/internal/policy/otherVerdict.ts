/**
 * The verdict of a rubric on requests that are not about commands: a change of files, and the call of a tool.
 *
 * The requests have the form of the server's, but contain only the values that the command line names.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Effect from "effect/Effect"
import { ask, type Loaded } from "./verdict.ts"

const ids = { threadId: "check", turnId: "check" }

const about = { ...ids, item: undefined, availableDecisions: undefined }

/** The kinds of changes, as rubrics name them. */
export const changes = ["add", "update", "move", "delete"] as const

export type Asked =
  | { readonly kind: "fileChange"; readonly change: "add" | "update" | "delete"; readonly files: ReadonlyArray<string> }
  | {
      readonly kind: "fileChange"
      readonly change: "move"
      readonly files: ReadonlyArray<string>
      readonly moveTo: string
    }
  | { readonly kind: "toolCall"; readonly namespace: string | null; readonly tool: string; readonly arguments: unknown }
  | { readonly kind: "mcpTool"; readonly server: string; readonly tool: string; readonly arguments: unknown }

type FileChange = Extract<Asked, { readonly kind: "fileChange" }>

// A move is an update with another path.
const kindOf = (asked: FileChange) =>
  asked.change === "move" ? { type: "update" as const, move_path: asked.moveTo } : { type: asked.change }

const fileChange = (asked: FileChange): PolicyEngine.Request<"fileChange"> => ({
  ...about,
  kind: "fileChange",
  params: { ...ids, itemId: "check", startedAtMs: 0 },
  item: {
    type: "fileChange",
    id: "check",
    status: "inProgress",
    changes: asked.files.map((path) => ({ path, diff: "", kind: kindOf(asked) }))
  }
})

const toolCall = (asked: Extract<Asked, { readonly kind: "toolCall" }>): PolicyEngine.Request<"toolCall"> => ({
  ...about,
  kind: "toolCall",
  params: { ...ids, callId: "check", tool: asked.tool, namespace: asked.namespace, arguments: asked.arguments }
})

const mcpTool = (asked: Extract<Asked, { readonly kind: "mcpTool" }>): PolicyEngine.Request<"elicitation"> => ({
  ...about,
  kind: "elicitation",
  params: {
    ...ids,
    serverName: asked.server,
    mode: "form",
    message: "",
    requestedSchema: { type: "object", properties: {} },
    _meta: { codex_approval_kind: "mcp_tool_call", tool_name: asked.tool, tool_params: asked.arguments }
  }
})

const requestOf = (asked: Asked) => {
  switch (asked.kind) {
    case "fileChange":
      return fileChange(asked)
    case "toolCall":
      return toolCall(asked)
    case "mcpTool":
      return mcpTool(asked)
  }
}

/** The verdict; `abstain` if no rule decides, and the judge of the rubric would be asked. */
export const otherVerdict = Effect.fnUntraced(function* ({ baseDirectory, rubric }: Loaded, asked: Asked) {
  const engine = yield* RuleBasedPolicy.make(rubric, {
    baseDirectory,
    unmatched: rubric.useLlmJudge === true ? "abstain" : "decide"
  })
  const found = yield* ask(engine, requestOf(asked))
  const decision = found?.decision
  const isMap = typeof decision === "object"
  return {
    ...asked,
    verdict:
      decision === undefined
        ? "abstain"
        : isMap && "action" in decision
          ? decision.action
          : isMap
            ? "accept"
            : decision,
    decision: decision ?? null,
    by: found?.by ?? "",
    ...(found?.reason === undefined ? {} : { reason: found.reason })
  }
})
