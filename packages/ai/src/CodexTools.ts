/**
 * Codex's own work as tools of `effect/ai`: the commands, file changes and searches of an answer.
 *
 * Codex runs these tools itself, in its sandbox and under the policy, so they have no handlers. Pass the toolkit, or some of its
 * tools, to see the calls as parts of a response; the parts omit calls of tools that you do not pass.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Schema from "effect/Schema"

/**
 * A command that codex ran. Its output combines both streams, as far as codex kept it.
 *
 * @category tools
 * @since 0.1.0
 */
export const CodexCommand = Tool.providerDefined({
  id: "codex.command",
  customName: "CodexCommand",
  providerName: "command",
  parameters: Schema.Struct({ command: Schema.String, cwd: Schema.String }),
  success: Schema.Struct({
    status: Schema.String,
    output: Schema.String,
    exitCode: Schema.NullOr(Schema.Finite)
  })
})(undefined)

/**
 * Files that codex changed, with a unified diff of each.
 *
 * @category tools
 * @since 0.1.0
 */
export const CodexFileChange = Tool.providerDefined({
  id: "codex.file_change",
  customName: "CodexFileChange",
  providerName: "file_change",
  parameters: Schema.Struct({
    changes: Schema.Array(Schema.Struct({ path: Schema.String, diff: Schema.String }))
  }),
  success: Schema.Struct({ status: Schema.String })
})(undefined)

/**
 * A search of the web.
 *
 * @category tools
 * @since 0.1.0
 */
export const CodexWebSearch = Tool.providerDefined({
  id: "codex.web_search",
  customName: "CodexWebSearch",
  providerName: "web_search",
  parameters: Schema.Struct({ query: Schema.String }),
  success: Schema.Struct({})
})(undefined)

/**
 * The toolkit with all of these tools.
 *
 * @category toolkits
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(CodexCommand, CodexFileChange, CodexWebSearch)
