/**
 * The spans of one turn and its items, and the metrics of the turn.
 *
 * A turn's notifications are handled in the reader's own call, where no effect runs, so the spans of items are started and
 * ended by hand. Without a custom tracer there are none.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { AgentResponse, Usage } from "../../AgentResponse.ts"
import type { ThreadItem } from "../../protocol/generated/Experimental.ts"
import * as Telemetry from "../../Telemetry.ts"

export interface TurnSpans {
  readonly named: (turnId: string) => void
  readonly started: (threadId: string, item: ThreadItem) => void
  readonly completed: (threadId: string, item: ThreadItem) => void
  /** Ends open spans and records the metrics of the turn, including the usage of its sub-agents. */
  readonly end: (
    exit: Exit.Exit<unknown, unknown>,
    status: AgentResponse["status"],
    usage: Pick<Usage, "subAgents" | "withSubAgents"> | undefined
  ) => void
}

const durations = Telemetry.byAttributes(Telemetry.turnDuration)
const tokens = Telemetry.byAttributes(Telemetry.turnTokens)

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>) => {
  for (const key in attributes) if (attributes[key] != null) span.attribute(key, attributes[key])
}

/** `context` is that of the turn's owner, `span` the started span of the turn. */
export const makeTurnSpans = (context: Context.Context<never>, span: Tracer.Span): TurnSpans => {
  const tracer = Context.get(context, Tracer.Tracer)
  const clock = Context.get(context, Clock.Clock)
  const traced = tracer !== Tracer.nativeTracer && Context.get(context, References.TracerEnabled)
  const items = new Map<string, Tracer.Span>()
  let open = true
  const begun = clock.currentTimeNanosUnsafe()

  update(Telemetry.activeTurns, 1)

  return {
    named: (turnId) => span.attribute("codex.turn.id", turnId),
    started: (threadId, item) => {
      if (!traced || item.type === "unknown") return
      const { attributes, name } = describe(item)
      const started = tracer.span({
        name,
        parent: Option.some(span),
        annotations: Context.empty(),
        links: [],
        startTime: clock.currentTimeNanosUnsafe(),
        kind: "internal",
        root: false,
        sampled: span.sampled
      })
      annotate(started, { ...attributes, "gen_ai.conversation.id": threadId, "codex.item.type": item.type })
      items.set(`${threadId}/${item.id}`, started)
    },
    completed: (threadId, item) => {
      if (item.type === "unknown") return
      const key = `${threadId}/${item.id}`
      const started = items.get(key)
      if (started === undefined) return
      items.delete(key)
      annotate(started, outcomeOf(item))
      started.end(clock.currentTimeNanosUnsafe(), Exit.void)
    },
    end: (exit, status, used) => {
      if (!open) return
      open = false
      const now = clock.currentTimeNanosUnsafe()
      for (const item of items.values()) {
        item.attribute("codex.item.status", "abandoned")
        item.end(now, Exit.void)
      }
      items.clear()
      const outcome = Telemetry.outcomeOf(exit)
      const usage = used?.withSubAgents
      const subAgents = used !== undefined && used.subAgents.totalTokens > 0 ? used.subAgents : undefined
      annotate(span, {
        "codex.turn.status": status,
        "error.type": outcome === "ok" ? undefined : outcome,
        "gen_ai.usage.input_tokens": usage?.inputTokens,
        "gen_ai.usage.output_tokens": usage?.outputTokens,
        "codex.usage.sub_agents.input_tokens": subAgents?.inputTokens,
        "codex.usage.sub_agents.output_tokens": subAgents?.outputTokens
      })
      span.end(now, exit)
      update(Telemetry.activeTurns, -1)
      update(durations(["outcome", outcome]), Number(now - begun) / 1e9)
      if (usage === undefined) return
      update(tokens(["gen_ai.token.type", "input"]), usage.inputTokens)
      update(tokens(["gen_ai.token.type", "output"]), usage.outputTokens)
    }
  }

  function update(metric: Metric.Metric<number, unknown>, value: number) {
    metric.updateUnsafe(value, context)
  }
}

// Tools are named as in the conventions, other items by their type.
const describe = (
  item: Exclude<ThreadItem, { readonly type: "unknown" }>
): { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> } => {
  const tool = toolOf(item)
  return tool === undefined
    ? { name: `codex.item ${item.type}`, attributes: { "codex.item.id": item.id } }
    : {
        name: `execute_tool ${tool}`,
        attributes: {
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": tool,
          "gen_ai.tool.call.id": item.id,
          "codex.item.id": item.id
        }
      }
}

const toolOf = (item: ThreadItem): string | undefined => {
  switch (item.type) {
    case "commandExecution":
      return "exec_command"
    case "fileChange":
      return "apply_patch"
    case "webSearch":
      return "web_search"
    case "mcpToolCall":
      return `${item.server}/${item.tool}`
    case "dynamicToolCall":
      return item.tool
    default:
      return undefined
  }
}

const outcomeOf = (item: ThreadItem): Readonly<Record<string, unknown>> => {
  switch (item.type) {
    case "commandExecution":
      return { "codex.item.status": item.status, "process.exit.code": item.exitCode }
    case "fileChange":
    case "mcpToolCall":
    case "dynamicToolCall":
      return { "codex.item.status": item.status }
    default:
      return {}
  }
}
