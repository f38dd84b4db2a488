/**
 * Calls of the tools that codex offers to the model, so that a test can script a command, a patch, a question or an approval
 * request.
 *
 * Each function documents the server request that its call causes, and the settings that this needs. The calls have the format
 * of codex 0.169.0 for a model that it does not know; it offers other tools to the models that it knows. This module only
 * builds parts of a reply.
 *
 * @stability stable
 * @since 0.1.0
 */
import { functionCall, type Part } from "./ModelReply.ts"

/**
 * Runs a shell command. With `escalate` it asks to run outside of the sandbox, which causes
 * `item/commandExecution/requestApproval`.
 *
 * **Details**
 *
 * The approval request needs the `approvalPolicy` `on-request` or `untrusted`; under `never` the call is refused. `escalate` is
 * the question to the user. `prefixRule` is the rule that the approval request proposes. A command that still runs after
 * `yieldTimeMs` (default 10,000, at least 250) continues in the background, where {@link writeStdin} reaches it.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const execCommand = (options: {
  readonly cmd: string
  readonly escalate?: string | boolean | undefined
  readonly prefixRule?: ReadonlyArray<string> | undefined
  readonly workdir?: string | undefined
  readonly shell?: string | undefined
  readonly login?: boolean | undefined
  readonly tty?: boolean | undefined
  readonly yieldTimeMs?: number | undefined
  readonly callId?: string | undefined
}): Part =>
  functionCall(
    "exec_command",
    {
      cmd: options.cmd,
      ...(options.escalate === undefined || options.escalate === false
        ? {}
        : {
            sandbox_permissions: "require_escalated",
            justification: options.escalate === true ? "May I run this outside of the sandbox?" : options.escalate
          }),
      prefix_rule: options.prefixRule,
      workdir: options.workdir,
      shell: options.shell,
      login: options.login,
      tty: options.tty,
      yield_time_ms: options.yieldTimeMs
    },
    options
  )

/**
 * Writes to the input of a running command. `sessionId` is the number in that command's output. Empty `chars` only read new
 * output.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const writeStdin = (options: {
  readonly sessionId: number
  readonly chars?: string | undefined
  readonly yieldTimeMs?: number | undefined
  readonly callId?: string | undefined
}): Part =>
  functionCall(
    "write_stdin",
    { session_id: options.sessionId, chars: options.chars, yield_time_ms: options.yieldTimeMs },
    options
  )

/**
 * Changes files with a patch in codex's own format (`*** Begin Patch` … `*** End Patch`).
 *
 * **Details**
 *
 * The call causes `item/fileChange/requestApproval` if the sandbox does not allow the write (`read-only`, or a path outside of
 * the workspace) and the `approvalPolicy` is `on-request` or `untrusted`. It is sent as the shell command that codex recognizes
 * as a patch, because codex offers a patch tool only to some models.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const applyPatch = (patch: string, options?: { readonly callId?: string | undefined }): Part =>
  functionCall("exec_command", { cmd: `apply_patch <<'END_OF_PATCH'\n${patch.trimEnd()}\nEND_OF_PATCH\n` }, options)

/**
 * The patch that adds one file, for {@link applyPatch}.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const addFile = (path: string, content: string, options?: { readonly callId?: string | undefined }): Part => {
  const lines = content.replace(/\n$/, "").split("\n")
  return applyPatch(
    `*** Begin Patch\n*** Add File: ${path}\n${lines.map((line) => `+${line}`).join("\n")}\n*** End Patch`,
    options
  )
}

/**
 * A question of the model to the user. Codex requires two or three `options`, and adds the free-text answer itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly id: string
  /** At most 12 characters. */
  readonly header: string
  readonly question: string
  readonly options: ReadonlyArray<{ readonly label: string; readonly description: string }>
}

/**
 * Asks the user one to three questions, which causes `item/tool/requestUserInput`. Needs the feature
 * `default_mode_request_user_input`.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const requestUserInput = (
  questions: ReadonlyArray<Question>,
  options?: { readonly callId?: string | undefined }
): Part => functionCall("request_user_input", { questions }, options)

/**
 * Asks for more permissions, which causes `item/permissions/requestApproval`. Needs the feature `request_permissions_tool`.
 * Paths must be absolute, or relative to the thread's working directory.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const requestPermissions = (options: {
  readonly reason?: string | undefined
  readonly read?: ReadonlyArray<string> | undefined
  readonly write?: ReadonlyArray<string> | undefined
  readonly network?: boolean | undefined
  readonly callId?: string | undefined
}): Part =>
  functionCall(
    "request_permissions",
    {
      reason: options.reason,
      permissions: {
        ...(options.read === undefined && options.write === undefined
          ? {}
          : { file_system: { read: options.read, write: options.write } }),
        ...(options.network === undefined ? {} : { network: { enabled: options.network } })
      }
    },
    options
  )

/**
 * Calls a tool that the client declared in `thread/start`'s `dynamicTools`, which causes `item/tool/call`.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const toolCall = (
  name: string,
  args: unknown,
  options?: { readonly callId?: string | undefined; readonly namespace?: string | undefined }
): Part => functionCall(name, args, options)

/**
 * Calls a tool of a configured MCP server. If the server asks the user a question, or codex asks whether the tool may run, the
 * question arrives as `mcpServer/elicitation/request`.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const mcpCall = (
  server: string,
  tool: string,
  args: unknown,
  options?: { readonly callId?: string | undefined }
): Part => functionCall(tool, args, { namespace: `mcp__${server}`, callId: options?.callId })

/**
 * Starts a sub-agent: a thread of its own, whose requests have `message` as their `lastUserText`.
 *
 * @category tool calls
 * @since 0.1.0
 */
export const spawnAgent = (message: string, options?: { readonly callId?: string | undefined }): Part =>
  functionCall("spawn_agent", { message }, { namespace: "multi_agent_v1", callId: options?.callId })

/**
 * Waits for sub-agents, by the ids from the outputs of {@link spawnAgent}, for at most `timeoutMs` (default 10,000).
 *
 * @category tool calls
 * @since 0.1.0
 */
export const waitAgent = (
  agentIds: ReadonlyArray<string>,
  options?: { readonly timeoutMs?: number | undefined; readonly callId?: string | undefined }
): Part =>
  functionCall(
    "wait_agent",
    { targets: agentIds, timeout_ms: options?.timeoutMs ?? 10_000 },
    { namespace: "multi_agent_v1", callId: options?.callId }
  )
