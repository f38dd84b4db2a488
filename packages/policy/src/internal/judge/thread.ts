/**
 * Asks a judge one question. Each question gets a new Codex thread with only our instructions and settings, and no tools.
 *
 * The room knows how a judge is started, asked and replaced. It must not know rules, and it never accepts by itself: `judgement`
 * interprets the answer.
 */
import type { AgentResponse } from "@effect-codex/core/AgentResponse"
import type * as Codex from "@effect-codex/core/Codex"
import { PolicyFailed, type TurnError } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as StructuredOutput from "@effect-codex/core/StructuredOutput"
import type * as Thread from "@effect-codex/core/Thread"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Form } from "./judgement.ts"

export interface Settings {
  /** An empty folder. */
  readonly cwd: string
  /** Configuration of the thread in addition to the settings that turn off tools: the model and its provider. */
  readonly config: { readonly [key: string]: unknown }
  /** The path of the catalog of models; `undefined` for the server's own catalog. */
  readonly catalog: Effect.Effect<string | undefined>
  readonly model: string | null
  readonly effort: NonNullable<Thread.TurnOptions["effort"]> | null
  readonly summary: NonNullable<Thread.TurnOptions["summary"]> | null
}

export interface ThreadQuestion {
  readonly instructions: string
  readonly prompt: string
  readonly answer: Form
}

// Features that would give the judge tools or foreign text. Found by inspecting what codex 0.169.0 sends to the model.
const offFeatures = [
  "apps",
  "artifact",
  "browser_use",
  "code_mode",
  "code_mode_only",
  "computer_use",
  "default_mode_request_user_input",
  "goals",
  "hooks",
  "image_generation",
  "memories",
  "multi_agent",
  "multi_agent_v2",
  "plugins",
  "remote_plugin",
  "request_permissions_tool",
  "send_message_to_user_async",
  "shell_snapshot",
  "shell_tool",
  "skill_search",
  "sleep_tool",
  "tool_suggest",
  "unified_exec",
  "view_image"
]

const bare = {
  "agents.enabled": false,
  developer_instructions: "",
  include_apps_instructions: false,
  include_collaboration_mode_instructions: false,
  include_environment_context: false,
  include_permissions_instructions: false,
  notify: [],
  project_doc_max_bytes: 0,
  "skills.bundled.enabled": false,
  "skills.include_instructions": false,
  "tools.experimental_request_user_input": { enabled: false },
  web_search: "disabled",
  ...Object.fromEntries(offFeatures.map((feature) => [`features.${feature}`, false]))
}

const decodeServers = Schema.decodeUnknownOption(
  Schema.Struct({ mcp_servers: Schema.Record(Schema.String, Schema.Unknown) })
)

const Started = Schema.Struct({ thread: Schema.Struct({ id: Schema.String }) })

// Declines every request of the judge.
const nothing = PolicyEngine.make({})

// Any other item is evidence that a tool was used.
const isHarmless = (type: string): boolean => type === "userMessage" || type === "reasoning" || type === "agentMessage"

// The models of a server that was not started here are unknown. Since 0.171 some have a tool that sends a message in the
// middle of a turn.
const isMessageOfTool = (item: AgentResponse["items"][number]): boolean =>
  item.type === "agentMessage" && item.delivery === "async"

/** Asks the judge and returns its last message unchanged. */
export const ask = (
  codex: Codex.Codex["Service"],
  { catalog, config, cwd, effort, model, summary }: Settings
): ((question: ThreadQuestion) => Effect.Effect<string, PolicyFailed | TurnError>) =>
  Effect.fnUntraced(function* (question) {
    const runFork = Effect.runForkWith(yield* Effect.context())
    const unsubscribe = (threadId: string) =>
      Effect.ignore(codex.request("thread/unsubscribe", { threadId }, { timeout: "5 seconds" }))

    // The app-server starts its configured MCP servers for each thread, except those that the thread disables by name.
    const known = decodeServers((yield* codex.request("config/read", {})).config)
    const servers = Object.keys(Option.match(known, { onNone: () => ({}), onSome: (config) => config.mcp_servers }))
    const models = yield* catalog
    const params = {
      // The approval policy with the most approval requests, all of which are declined.
      approvalPolicy: "untrusted",
      approvalsReviewer: "user",
      baseInstructions: question.instructions,
      config: {
        ...config,
        ...bare,
        ...(models === undefined ? {} : { model_catalog_json: models }),
        ...(servers.length === 0
          ? {}
          : { mcp_servers: Object.fromEntries(servers.map((name) => [name, { enabled: false }])) })
      },
      cwd,
      ephemeral: true,
      model,
      sandbox: "read-only"
    }
    const onLate = (late: unknown) => {
      if (Schema.is(Started)(late)) runFork(unsubscribe(late.thread.id))
    }
    // Without an environment, no tool has a place to run in. Only the experimental API has this field.
    const started = yield* codex.requestRaw("thread/start", { ...params, environments: [] }, { onLate }).pipe(
      Effect.catchTag("ExperimentalApiRequired", () => codex.requestRaw("thread/start", params, { onLate })),
      Effect.filterOrFail(Schema.is(Started), () => new PolicyFailed({ description: "the judge's thread has no id" }))
    )
    const threadId = started.thread.id
    return yield* Effect.gen(function* () {
      const response = yield* codex.responses.create({
        threadId,
        prompt: question.prompt,
        // A Codex service from outside may have defaults for turns: `null` keeps them from replacing the thread's settings.
        // The folder must not be repeated, since that would give the thread an environment.
        turn: {
          approvalPolicy: null,
          approvalsReviewer: null,
          cwd: null,
          effort,
          model: null,
          outputSchema: StructuredOutput.adapt(question.answer).jsonSchema,
          personality: null,
          sandboxPolicy: null,
          summary
        }
      })
      const tool = response.items.find((item) => !isHarmless(item.type) || isMessageOfTool(item))
      if (tool !== undefined) return yield* new PolicyFailed({ description: `the judge used a tool: ${tool.type}` })
      return response.text
    }).pipe(
      Effect.provideService(PolicyEngine.PolicyEngine, nothing),
      Effect.ensuring(Effect.forkDetach(unsubscribe(threadId)))
    )
  })
