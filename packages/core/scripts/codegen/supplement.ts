/**
 * What the app-server's JSON Schema leaves out or has wrong, by hand.
 *
 * The same binary also writes its protocol as TypeScript, which is right where the two differ: that is where these forms
 * are taken from, and the generator compares the methods and the names of fields of both sources, so that nothing is
 * missing and nothing is here that need not be.
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

/** Sent only to a client that asks for them. */
export const notifications: ReadonlyArray<JsonSchema> = [
  envelope("rawResponse/completed", "RawResponseCompletedNotification"),
  envelope("rawResponseItem/completed", "RawResponseItemCompletedNotification")
]

/** Maps that have lost what they map to. `AppsConfig` has one field beside, which is no app: hence the `true`. */
export const otherKeys: Readonly<Record<string, JsonSchema | true>> = {
  AppLinksConfig: { $ref: "#/definitions/v2/AppLinkConfig" },
  AppToolsConfig: { $ref: "#/definitions/v2/AppToolConfig" },
  AppsConfig: true
}

/** The values of what is an enum in all but its schema, which takes any string: a model may have a level of its own. */
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
 * A definition whose fields go by the names that its TypeScript has: in some unions the renaming of `turn_id` to `turnId` is
 * lost in the JSON Schema.
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
