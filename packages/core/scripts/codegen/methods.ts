/**
 * The facts about methods that are missing in the JSON Schema: the response of each request, and its kind of deadline.
 *
 * Names determine most of them; the tables here contain the others. The generator fails for a method that is not covered.
 */
import type { JsonSchema } from "./Node.ts"

/**
 * - `control`: the server answers by itself, within the common deadline;
 * - `open`: the request waits for a model, a person or a download, so it has no deadline;
 * - `own`: the parameters set the deadline.
 */
export type Deadline = "control" | "open" | "own"

/** Responses whose name cannot be derived from the name of the parameters. */
export const responses: Readonly<Record<string, string>> = {
  "account/gatewayOAuth/cancel": "GatewayOAuthCancelResponse",
  "account/logout": "LogoutAccountResponse",
  "account/securitySetup/read": "GetAccountSecuritySetupResponse",
  "account/workspaceMessages/read": "GetWorkspaceMessagesResponse",
  "accountSession/list": "AccountSessionsResponse",
  "config/batchWrite": "ConfigWriteResponse",
  "config/mcpServer/reload": "McpServerRefreshResponse",
  "config/value/write": "ConfigWriteResponse",
  "configRequirements/read": "ConfigRequirementsReadResponse",
  "externalAgentConfig/import/readHistories": "ExternalAgentConfigImportHistoriesReadResponse",
  "memory/reset": "MemoryResetResponse",
  "remoteControl/status/read": "RemoteControlStatusReadResponse",
  "modelProvider/default/set": "ConfigWriteResponse",
  "rollout/compress": "RolloutCompressResponse",
  "windowsSandbox/readiness": "WindowsSandboxReadinessResponse"
}

/** The kind of deadline by method, or by prefix (ending in a slash). A method takes precedence, then the longest prefix. */
export const deadlines: Readonly<Record<string, Deadline>> = {
  initialize: "control",
  fuzzyFileSearch: "control",
  getAuthStatus: "control",
  getConversationSummary: "control",
  gitDiffToRemote: "control",

  // These wait for a model, or for a turn.
  "turn/start": "open",
  "review/start": "open",
  "thread/compact/start": "open",
  "thread/guardianReview": "open",
  "thread/prediction/request": "open",
  "thread/sample": "open",
  "mcpServer/tool/call": "open",
  // These wait for a person.
  "account/login/start": "open",
  "account/gatewayOAuth/login": "open",
  "account/bedrock/setup": "open",
  "account/gcp/setup": "open",
  "accountSession/switch": "open",
  "userVerification/enroll": "open",
  "userVerification/verify": "open",
  // These download, upload or convert data of any size.
  "externalAgentConfig/import": "open",
  "feedback/upload": "open",
  "marketplace/add": "open",
  "marketplace/upgrade": "open",
  "plugin/install": "open",
  "plugin/reconcile": "open",
  "plugin/share/checkout": "open",
  "plugin/share/save": "open",
  "project/import": "open",
  "windowsSandbox/setupStart": "open",
  // The parameters of these set the deadline.
  "command/exec": "own",
  "environment/add": "own",
  "mcpServer/oauth/login": "own",

  "account/": "control",
  "accountSession/": "control",
  "app/": "control",
  "collaborationMode/": "control",
  "command/exec/": "control",
  "config/": "control",
  "configRequirements/": "control",
  "environment/": "control",
  "experimentalFeature/": "control",
  "externalAgentConfig/": "control",
  "feedback/": "control",
  "fs/": "control",
  "fuzzyFileSearch/": "control",
  "hooks/": "control",
  "marketplace/": "control",
  "mcpServer/": "control",
  "mcpServerStatus/": "control",
  "memory/": "control",
  "mock/": "control",
  "model/": "control",
  "modelProvider/": "control",
  "permissionProfile/": "control",
  "plugin/": "control",
  "process/": "control",
  "project/": "control",
  "remoteControl/": "control",
  "rollout/": "control",
  "server/": "control",
  "skills/": "control",
  "thread/": "control",
  "threadSection/": "control",
  "turn/": "control",
  "userVerification/": "control",
  "windowsSandbox/": "control"
}

export const deadlineOf = (method: string, table: Readonly<Record<string, Deadline>> = deadlines): Deadline => {
  const exact = Object.hasOwn(table, method) ? table[method] : undefined
  if (exact !== undefined) return exact
  const prefixes = Object.keys(table).filter((prefix) => prefix.endsWith("/") && method.startsWith(prefix))
  const longest = prefixes.sort((a, b) => b.length - a.length)[0]
  const deadline = longest === undefined ? undefined : table[longest]
  if (deadline === undefined) {
    throw new Error(
      `The method ${method} has no deadline class. Add it, or a prefix that covers it, to \`deadlines\` in packages/core/scripts/codegen/methods.ts.`
    )
  }
  return deadline
}

/** The entries of the table that match no method of the protocol. */
export const unusedDeadlines = (
  methods: ReadonlyArray<string>,
  table: Readonly<Record<string, Deadline>> = deadlines
): ReadonlyArray<string> =>
  Object.keys(table).filter(
    (key) => !methods.some((method) => (key.endsWith("/") ? method.startsWith(key) : method === key))
  )

export interface Request {
  readonly method: string
  /** The definition of the parameters; `undefined` if the method takes none. */
  readonly params: string | undefined
  /** Whether the parameters may be omitted or null. */
  readonly optional: boolean
}

/** Reads ClientRequest, ServerRequest or a union of notifications, all of which are unions of envelopes. */
export const readEnvelopes = (schema: JsonSchema | undefined, where: string): ReadonlyArray<Request> => {
  if (schema?.oneOf === undefined) throw new Error(`${where} is not a union`)
  return schema.oneOf.map((envelope) => {
    const { method, params } = envelope.properties ?? {}
    const [name, ...others] = typeof method === "object" ? (method.enum ?? []) : []
    if (typeof name !== "string" || others.length > 0) throw new Error(`${where}: a member without one method`)
    const required = envelope.required?.includes("params") === true
    if (params === undefined) return { method: name, params: undefined, optional: true }
    if (typeof params === "object") {
      if (params.type === "null") return { method: name, params: undefined, optional: true }
      const [ref, ...rest] = params.anyOf?.filter((member) => member.type !== "null") ?? [params]
      if (ref?.$ref !== undefined && rest.length === 0) {
        const optional = !required && params.anyOf !== undefined
        return { method: name, params: ref.$ref.slice(ref.$ref.lastIndexOf("/") + 1), optional }
      }
    }
    throw new Error(`${where}: the parameters of ${name} are not a reference. Teach codegen/methods.ts to read them.`)
  })
}

/** The response of each method, derived from the name of its parameters or taken from `overrides`. */
export const pairResponses = (
  requests: ReadonlyArray<Request>,
  isDefined: (name: string) => boolean,
  overrides: Readonly<Record<string, string>> = responses
): ReadonlyMap<string, string> => {
  const advice = "See `responses` in packages/core/scripts/codegen/methods.ts."
  const pairs = new Map<string, string>()
  for (const { method, params } of requests) {
    const named = params?.endsWith("Params") === true ? params.replace(/Params$/, "Response") : undefined
    const byName = named !== undefined && isDefined(named) ? named : undefined
    const override = Object.hasOwn(overrides, method) ? overrides[method] : undefined
    if (byName !== undefined && override !== undefined) {
      throw new Error(`The override of ${method} is not needed: its response is ${byName} by name. ${advice}`)
    }
    const response = byName ?? override
    if (response === undefined) {
      throw new Error(
        `The response of ${method} is not known: ${named ?? "it has no parameters to name it after"}. ${advice}`
      )
    }
    if (!isDefined(response))
      throw new Error(`The override of ${method} is ${response}, which does not exist. ${advice}`)
    pairs.set(method, response)
  }
  return pairs
}

/** The overrides that match no method of the protocol. */
export const unusedResponses = (
  requests: ReadonlyArray<Pick<Request, "method">>,
  overrides: Readonly<Record<string, string>> = responses
): ReadonlyArray<string> => {
  const there = new Set(requests.map(({ method }) => method))
  return Object.keys(overrides).filter((method) => !there.has(method))
}
