/**
 * Manual corrections of omissions and errors in the app-server's JSON Schema.
 *
 * The same binary also writes its protocol as TypeScript, which is correct if the two differ; these corrections follow it. The
 * generator compares the methods and field names of both sources, so that no correction is missing or unnecessary.
 */
import type { JsonSchema } from "./Node.ts"

const nullableString: JsonSchema = { type: ["string", "null"] }
const nullableBoolean: JsonSchema = { type: ["boolean", "null"] }

/** Methods without a schema: three requests of the protocol's first version. */
export const definitions: Readonly<Record<string, JsonSchema>> = {
  ConversationGitInfo: {
    type: "object",
    properties: { sha: nullableString, branch: nullableString, origin_url: nullableString }
  },
  ConversationSummary: {
    type: "object",
    properties: {
      conversationId: { $ref: "#/definitions/v2/ThreadId" },
      path: { type: "string" },
      preview: { type: "string" },
      timestamp: nullableString,
      updatedAt: nullableString,
      modelProvider: { type: "string" },
      cwd: { type: "string" },
      cliVersion: { type: "string" },
      source: { $ref: "#/definitions/v2/SessionSource" },
      gitInfo: { anyOf: [{ $ref: "#/definitions/ConversationGitInfo" }, { type: "null" }] }
    },
    required: ["conversationId", "path", "preview", "modelProvider", "cwd", "cliVersion", "source"]
  },
  GetConversationSummaryParams: {
    anyOf: [
      { type: "object", properties: { rolloutPath: { type: "string" } }, required: ["rolloutPath"] },
      {
        type: "object",
        properties: { conversationId: { $ref: "#/definitions/v2/ThreadId" } },
        required: ["conversationId"]
      }
    ]
  },
  GetConversationSummaryResponse: {
    type: "object",
    properties: { summary: { $ref: "#/definitions/ConversationSummary" } },
    required: ["summary"]
  },
  GitDiffToRemoteParams: { type: "object", properties: { cwd: { type: "string" } }, required: ["cwd"] },
  GitDiffToRemoteResponse: {
    type: "object",
    properties: { sha: { type: "string" }, diff: { type: "string" } },
    required: ["sha", "diff"]
  },
  GetAuthStatusParams: {
    type: "object",
    properties: { includeToken: nullableBoolean, refreshToken: nullableBoolean }
  },
  GetAuthStatusResponse: {
    type: "object",
    properties: {
      authMethod: { anyOf: [{ $ref: "#/definitions/v2/AuthMode" }, { type: "null" }] },
      authToken: nullableString,
      requiresOpenaiAuth: nullableBoolean
    }
  }
}

const envelope = (method: string, params: string): JsonSchema => ({
  type: "object",
  properties: { method: { type: "string", enum: [method] }, params: { $ref: `#/definitions/${params}` } },
  required: ["method", "params"]
})

export const clientRequests: ReadonlyArray<JsonSchema> = [
  envelope("getAuthStatus", "GetAuthStatusParams"),
  envelope("getConversationSummary", "GetConversationSummaryParams"),
  envelope("gitDiffToRemote", "GitDiffToRemoteParams")
]

/** Notifications that the server sends only to a client that asks for them. */
export const notifications: ReadonlyArray<JsonSchema> = [
  envelope("rawResponse/completed", "RawResponseCompletedNotification"),
  envelope("rawResponseItem/completed", "RawResponseItemCompletedNotification")
]

/** Maps whose value type is missing. `true` for `AppsConfig`, because one of its fields is not an app. */
export const otherKeys: Readonly<Record<string, JsonSchema | true>> = {
  AppLinksConfig: { $ref: "#/definitions/v2/AppLinkConfig" },
  AppToolsConfig: { $ref: "#/definitions/v2/AppToolConfig" },
  AppsConfig: true
}

/** The known values of enums whose schema accepts any string, since a model may have levels of its own. */
export const knownValues: Readonly<Record<string, ReadonlyArray<string>>> = {
  ReasoningEffort: ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"]
}

/** A definition with its corrections. */
export const correct = (name: string, schema: JsonSchema): JsonSchema => {
  const values = Object.hasOwn(knownValues, name) ? knownValues[name] : undefined
  if (values !== undefined) {
    if (schema.enum !== undefined || schema.oneOf !== undefined) throw new Error(`${name} is right now. ${remove}`)
    return { ...schema, enum: values }
  }
  const others = Object.hasOwn(otherKeys, name) ? otherKeys[name] : undefined
  if (others !== undefined) {
    if (schema.additionalProperties !== undefined) throw new Error(`${name} is right now. ${remove}`)
    return { ...schema, additionalProperties: others }
  }
  return schema
}

/**
 * A definition with the field names of its TypeScript. In some unions, the JSON Schema misses the renaming of `turn_id` to
 * `turnId`.
 */
export const rename = (schema: JsonSchema, declared: ReadonlySet<string>): JsonSchema => {
  const { anyOf, oneOf, properties, required } = schema
  const nameOf = (name: string) => {
    const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    return !declared.has(name) && declared.has(camel) ? camel : name
  }
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, property]) => [nameOf(name), property]))
    }),
    ...(required && { required: required.map(nameOf) }),
    ...(oneOf && { oneOf: oneOf.map((member) => rename(member, declared)) }),
    ...(anyOf && { anyOf: anyOf.map((member) => rename(member, declared)) })
  }
}

const remove = "Remove the correction from packages/core/scripts/codegen/supplement.ts."
