/**
 * The verdict of a rubric on requests that are not about commands: a change of files, and the call of a tool.
 *
 * The requests are as the server would send them, with nothing in them but what the command line names.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Effect from "effect/Effect"
import type { Loaded } from "./verdict.ts"

const ids = { threadId: "check", turnId: "check" }

const about = { ...ids, item: undefined, availableDecisions: undefined }

/** The kinds of changes. */
export const changes = ["add", "update", "delete"] as const

export type Asked =
  | { readonly kind: "fileChange"; readonly change: (typeof changes)[number]; readonly files: ReadonlyArray<string> }
  | { readonly kind: "toolCall"; readonly namespace: string | null; readonly tool: string; readonly arguments: unknown }
  | { readonly kind: "mcpTool"; readonly server: string; readonly tool: string; readonly arguments: unknown }

const fileChange = ({
  change,
  files
}: Extract<Asked, { readonly kind: "fileChange" }>): PolicyEngine.Request<"fileChange"> => ({
  ...about,
  kind: "fileChange",
  params: { ...ids, itemId: "check", startedAtMs: 0 },
  item: {
    type: "fileChange",
    id: "check",
    status: "inProgress",
    changes: files.map((path) => ({ path, diff: "", kind: { type: change } }))
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

/** The verdict; `abstain` if no rule decides, and the judge of the rubric would be asked. */
export const otherVerdict = Effect.fnUntraced(function* ({ baseDirectory, rubric }: Loaded, asked: Asked) {
  const engine = yield* RuleBasedPolicy.make(rubric, {
    baseDirectory,
    unmatched: rubric.useLlmJudge === true ? "abstain" : "decide"
  })
  const decide = (): ReturnType<PolicyEngine.Decide<PolicyEngine.Kind>> => {
    switch (asked.kind) {
      case "fileChange":
        return engine.fileChange(fileChange(asked))
      case "toolCall":
        return engine.toolCall(toolCall(asked))
      case "mcpTool":
        return engine.elicitation(mcpTool(asked))
    }
  }
  const found = yield* decide()
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
