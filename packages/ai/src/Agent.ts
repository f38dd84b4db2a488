/**
 * A codex agent as a tool of another model: it takes a prompt and returns a value of a schema.
 *
 * @stability experimental
 * @since 0.1.0
 */
import { Codex } from "@effect-codex/core/Codex"
import { type Engine, PolicyEngine } from "@effect-codex/core/PolicyEngine"
import type { ThreadOptions, TurnOptions } from "@effect-codex/core/Thread"
import type { Budget } from "@effect-codex/core/Turn"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Tool from "effect/ai/Tool"

/**
 * The agent's task, its permissions and its limits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<A, E> {
  /** The description of the agent for the calling model. */
  readonly description: string
  /** The form of the answer; see `StructuredOutput`. */
  readonly output: Schema.Codec<A, E>
  /** Decides on the agent's requests. */
  readonly policy: Engine
  /** The limit of each call. */
  readonly budget: Budget
  /** Parameters of the agent's thread. Each call has a new one. Default for `ephemeral`: true. */
  readonly thread?: ThreadOptions | undefined
  /** Parameters of its turn. */
  readonly turn?: TurnOptions | undefined
  /** How often the agent is asked again if its answer does not match the schema. Default: 1. */
  readonly outputRetries?: number | undefined
}

const Parameters = Schema.Struct({
  prompt: Schema.String.annotate({ description: "The task, with everything that the agent has to know" })
})

/**
 * The tool, and the handler that runs the agent.
 *
 * **Details**
 *
 * Each call starts its own thread and runs one turn in it. Every error becomes a failure of the tool, as a sentence for the
 * calling model. Interrupting the handler stops the agent.
 *
 * **Example** (A reviewer that another model can ask)
 *
 * ```ts
 * import * as Agent from "@effect-codex/ai/Agent"
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Toolkit from "effect/ai/Toolkit"
 * import * as Schema from "effect/Schema"
 *
 * const reviewer = Agent.tool("review", {
 *   description: "Reviews the code in the working folder",
 *   output: Schema.Struct({ findings: Schema.Array(Schema.String) }),
 *   policy: PolicyEngine.declineAll,
 *   budget: { tokens: 100_000, duration: "5 minutes" }
 * })
 *
 * export const toolkit = Toolkit.make(reviewer.tool)
 * export const handlers = toolkit.toLayer({ review: reviewer.handler })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool = <const Name extends string, A, E>(name: Name, options: Options<A, E>) => {
  const { budget, description, output, outputRetries, policy, thread, turn } = options
  const handler = ({ prompt }: { readonly prompt: string }) =>
    Effect.gen(function* () {
      const codex = yield* Codex
      const { value } = yield* codex.responses.create({
        prompt,
        output,
        outputRetries,
        budget,
        thread: { ephemeral: true, ...thread },
        turn
      })
      return value
    }).pipe(
      Effect.provideService(PolicyEngine, policy),
      Effect.mapError((error) => `The agent ${name} failed: ${error.message}`)
    )
  return {
    tool: Tool.make(name, {
      description,
      parameters: Parameters,
      success: output,
      failure: Schema.String,
      dependencies: [Codex]
    }),
    handler
  }
}
