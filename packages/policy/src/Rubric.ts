/**
 * A rubric: the permissions of an agent as data, so that they can be kept in a file and read by people who do not program.
 *
 * This module defines the schema of a rubric and reads rubrics; `RuleBasedPolicy` implements the meaning of the rules. A mistake
 * such as an unknown field, a duplicate key or an invalid pattern invalidates the whole rubric, because a rule that was skipped
 * for a typo might have been the one that declines.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FileSystem from "effect/FileSystem"
import type * as JsonSchema from "effect/JsonSchema"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Scope from "effect/Scope"
import * as AppendRule from "./internal/rubric/appendRule.ts"
import { unbounded } from "./internal/rubric/bounds.ts"
import { optional } from "./internal/rubric/field.ts"
import { names as packs } from "./internal/rubric/packs.ts"
import * as RubricText from "./internal/rubric/text.ts"
import {
  CommandDecision,
  CommandRule,
  FileChangeDecision,
  FileChangeRule,
  McpToolRule,
  PermissionsRule,
  ToolCallRule,
  ToolInputDecision,
  ToolInputRule
} from "./Rule.ts"

/**
 * The decision if no rule matches.
 *
 * - `permissive`: accept.
 * - `balanced`: accept a command that provably only reads inside of `allowedRoots`, and decline everything else.
 * - `strict`: decline.
 *
 * @category models
 * @since 0.1.0
 */
export const Mode = Schema.Literals(["permissive", "balanced", "strict"])

/**
 * @category models
 * @since 0.1.0
 */
export type Mode = typeof Mode.Type

/**
 * The rules for an agent's requests. Every field has a default; the empty rubric is the `balanced` mode without rules.
 *
 * **Example** (A rubric in code)
 *
 * ```ts
 * import type * as Rubric from "@effect-codex/policy/Rubric"
 *
 * export const rubric: Rubric.PolicyRubric = {
 *   mode: "balanced",
 *   allowedRoots: ["/srv/app"],
 *   commandRules: [
 *     { name: "tests", when: { program: "npm", args: ["test"], cwdWithin: "/srv/app" }, decision: "accept" },
 *     { name: "no push", when: { program: "git", argsPrefix: ["push"] }, decision: "decline" }
 *   ]
 * }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const PolicyRubric = Schema.Struct({
  $schema: optional(Schema.String, "For editors."),
  systemRubric: optional(Schema.String, "The criteria of the LLM judge, in words. Rules do not use it."),
  mode: optional(Mode, "The decision if no rule matches. Default: balanced."),
  useLlmJudge: optional(Schema.Boolean, "Let a judge decide if no rule matches. Default: false."),
  allowedRoots: optional(
    Schema.Array(Schema.NonEmptyString),
    "The folders in which the balanced mode accepts reading, and in which rules accept commands unless they name other folders. Default: none, so that the mode accepts no command that reads files."
  ),
  extends: optional(
    Schema.Array(Schema.Literals(packs)),
    "Packs of rules that apply after the rules of this rubric, such as `node` or, with a fixed version, `node@1`."
  ),
  commandRules: optional(Schema.Array(CommandRule), "Rules for commands."),
  fileChangeRules: optional(Schema.Array(FileChangeRule), "Rules for file changes."),
  toolInputRules: optional(Schema.Array(ToolInputRule), "Rules for questions to the user."),
  toolCallRules: optional(Schema.Array(ToolCallRule), "Rules for calls of the program's own tools."),
  mcpToolRules: optional(Schema.Array(McpToolRule), "Rules for approvals of MCP tool calls."),
  permissionsRules: optional(Schema.Array(PermissionsRule), "Rules for requests for more permissions."),
  defaults: optional(
    Schema.Struct({
      command: optional(CommandDecision, "For commands that no rule matches. Overrides the mode."),
      fileChange: optional(FileChangeDecision, "For file changes that no rule matches. Overrides the mode."),
      toolInput: optional(ToolInputDecision, "For questions that no rule matches. Default: auto_empty.")
    }),
    "The decisions if no rule matches. They override the mode."
  ),
  audit: optional(
    Schema.Struct({
      enabled: optional(Schema.Boolean, "Default: true."),
      includeParams: optional(Schema.Boolean, "Whether records contain the parameters of requests. Default: false.")
    }),
    "The options of the audit trail."
  )
})
  .check(Schema.makeFilter(unbounded))
  .annotate({ identifier: "PolicyRubric" })

/**
 * @category models
 * @since 0.1.0
 */
export interface PolicyRubric extends Schema.Schema.Type<typeof PolicyRubric> {}

/**
 * One mistake in a rubric.
 *
 * @category errors
 * @since 0.1.0
 */
export const RubricProblem = Schema.Struct({
  /** The path in the rubric, such as `commandRules[2].when.program`; empty for the whole rubric. */
  path: Schema.String,
  description: Schema.String,
  /** The line in the file, counted from 1. Known for JSON and YAML, and for syntax errors in TOML. */
  line: Schema.optionalKey(Schema.Int)
})

/**
 * An invalid rubric, with all mistakes that were found.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidRubric extends Schema.TaggedError<InvalidRubric>()("InvalidRubric", {
  /** The file of the rubric, if it was read from one. */
  file: Schema.optionalKey(Schema.String),
  problems: Schema.NonEmptyArray(RubricProblem)
}) {
  override get message(): string {
    const [{ description, line, path }, ...others] = this.problems
    const place = [this.file ?? "The rubric", ...(line === undefined ? [] : [String(line)])].join(":")
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`
    return `${place}: ${path === "" ? "" : `${path}: `}${description}${more}`
  }
}

/**
 * The JSON Schema of a rubric (draft 2020-12), for editors. The package contains it as the file `rubric.schema.json`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const jsonSchema = (): JsonSchema.JsonSchema => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(PolicyRubric, { onExcessProperty: "error" })
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...schema, $defs: definitions }
}

/**
 * Decodes a value as a rubric, strictly.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (value: unknown): Effect.Effect<PolicyRubric, InvalidRubric> =>
  Effect.fromResult(decodeAt(value, {}))

/**
 * The file formats.
 *
 * @category models
 * @since 0.1.0
 */
export type Format = "json" | "yaml" | "toml"

/**
 * Reads the text of a rubric, strictly. A duplicate key is an error, even in JSON. So are YAML's anchors, aliases, merge keys
 * and tags, because they make a rubric easy to misread.
 *
 * **Details**
 *
 * The maximum length of a text is 1 MiB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (
  text: string,
  format: Format,
  options?: { readonly file?: string | undefined }
): Effect.Effect<PolicyRubric, InvalidRubric> => Effect.fromResult(parseResult(text, format, options?.file))

// The maximum length of a rubric: of a text in characters, and of a file in bytes.
const maxTextLength = 1024 * 1024

const tooLong = { path: "", description: "this is longer than 1 MiB" }

const parseResult = (
  text: string,
  format: Format,
  file: string | undefined
): Result.Result<PolicyRubric, InvalidRubric> => {
  const origin = file === undefined ? {} : { file }
  if (text.length > maxTextLength) return Result.fail(new InvalidRubric({ ...origin, problems: [tooLong] }))
  return RubricText.read(text, format).pipe(
    Result.mapError(
      ([first, ...others]) =>
        new InvalidRubric({
          ...origin,
          problems: [{ path: "", ...first }, ...others.map((problem) => ({ path: "", ...problem }))]
        })
    ),
    Result.flatMap(({ lineOf, value }) => decodeAt(value, { ...origin, lineOf }))
  )
}

/**
 * The description of the problem with an unknown field.
 *
 * @category constants
 * @since 0.1.0
 */
export const unknownField = "there is no such field here"

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => (issue._tag === "UnexpectedKey" ? unknownField : SchemaIssue.defaultLeafHook(issue))
})

// The schema would only name the type that it expects.
const describeOther = (value: unknown): string | undefined => {
  if (value === null || value === undefined) return "this is empty: write {} for a rubric without rules"
  const kind = Array.isArray(value) ? "list" : typeof value
  return kind === "object" ? undefined : `this is a ${kind}, but a rubric has fields such as mode and commandRules`
}

const decodeAt = (
  value: unknown,
  origin: { readonly file?: string; readonly lineOf?: RubricText.Read["lineOf"] }
): Result.Result<PolicyRubric, InvalidRubric> =>
  Result.mapError(
    Schema.decodeUnknownResult(PolicyRubric, { errors: "all", onExcessProperty: "error" })(value),
    ({ issue }) => {
      const [first, ...others] = toIssues(issue).issues.map(({ message, path = [] }) => {
        const keys = path.map((step) => (typeof step === "object" ? step.key : step))
        const line = origin.lineOf?.(keys)
        const description = (keys.length === 0 ? describeOther(value) : undefined) ?? message
        return { path: describePath(keys), description, ...(line === undefined ? {} : { line }) }
      })
      return new InvalidRubric({
        ...(origin.file === undefined ? {} : { file: origin.file }),
        problems: [first ?? { path: "", description: "this is not a rubric" }, ...others]
      })
    }
  )

const describePath = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    ""
  )

const formatOf = (file: string): Format | undefined => {
  switch (/\.([a-z]+)$/.exec(file.toLowerCase())?.[1]) {
    case "json":
      return "json"
    case "yaml":
    case "yml":
      return "yaml"
    case "toml":
      return "toml"
    default:
      return undefined
  }
}

/**
 * Reads a rubric from a file. The extension determines the format: `.json`, `.yaml`, `.yml` or `.toml`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load: (
  file: string
) => Effect.Effect<PolicyRubric, InvalidRubric | PlatformError.PlatformError, FileSystem.FileSystem> = Effect.fn(
  "Rubric.load"
)(function* (file: string) {
  const format = formatOf(file)
  if (format === undefined) {
    return yield* new InvalidRubric({
      file,
      problems: [{ path: "", description: "the name must end in .json, .yaml, .yml or .toml" }]
    })
  }
  const fs = yield* FileSystem.FileSystem
  const { size } = yield* fs.stat(file)
  if (size > maxTextLength) {
    return yield* new InvalidRubric({ file, problems: [tooLong] })
  }
  return yield* parse(yield* fs.readFileString(file), format, { file })
})

/**
 * A rule could not be written into the file of a rubric. The file is unchanged.
 *
 * @category errors
 * @since 0.1.0
 */
export class RubricNotWritten extends Schema.TaggedError<RubricNotWritten>()("RubricNotWritten", {
  file: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The rule was not written into ${this.file}: ${this.description}.`
  }
}

/**
 * Appends a command rule to the file of a rubric, after its other command rules, and returns the new rubric.
 *
 * **Details**
 *
 * The file is read, changed and replaced atomically, so that a reader sees either all of the rule or none of it. Comments and
 * layout stay; only YAML rules in brackets are reformatted. Links are followed. A `.lock` file next to it excludes other
 * writers. Fails with `RubricNotWritten` if the file is read-only, another writer holds the lock for more than ten seconds, or
 * the rule cannot be added without changing anything else. Fails with `InvalidRubric` if the file no longer contains a valid
 * rubric.
 *
 * @category constructors
 * @since 0.1.0
 */
export const appendCommandRule: (
  file: string,
  rule: CommandRule
) => Effect.Effect<PolicyRubric, InvalidRubric | RubricNotWritten, FileSystem.FileSystem> = Effect.fn(
  "Rubric.appendCommandRule"
)(function* (file: string, rule: CommandRule) {
  const fs = yield* FileSystem.FileSystem
  const format = formatOf(file)
  const refuse = (description: string) => new RubricNotWritten({ file, description })
  if (format === undefined) return yield* refuse("its name must end in .json, .yaml, .yml or .toml")
  const target = yield* fs.realPath(file).pipe(Effect.mapError(({ reason }) => refuse(reason._tag)))
  const lock = `${target}.lock`

  const change = (create: Effect.Effect<FileSystem.File, PlatformError.PlatformError, Scope.Scope>) =>
    Effect.gen(function* () {
      const { mode } = yield* fs.stat(target)
      // Replacing a file does not require write permission on it, so the permission is checked explicitly.
      if ((mode & 0o222) === 0) return yield* refuse("it is read-only")
      yield* fs.access(target, { writable: true })
      const opened = yield* create
      const text = yield* fs.readFileString(target)
      const before = yield* parse(text, format, { file })
      const expected: PolicyRubric = { ...before, commandRules: [...(before.commandRules ?? []), rule] }
      const isExpected = (candidate: string) =>
        Result.match(parseResult(candidate, format, file), {
          onFailure: () => false,
          onSuccess: (rubric) => Equal.equals(rubric, expected)
        })
      const changed = AppendRule.candidates(text, format, rule).find(isExpected)
      if (changed === undefined) return yield* refuse("it cannot be added without changing anything else")
      yield* opened.writeAll(new TextEncoder().encode(changed))
      yield* fs.chmod(lock, mode & 0o7777)
      yield* opened.sync
      return expected
    })

  // The lock is the new file: renaming it replaces the old one and releases the lock.
  const attempt = Effect.suspend(() => {
    let held = false
    const create = Effect.tap(fs.open(lock, { flag: "wx" }), () => Effect.sync(() => void (held = true)))
    const replace = fs.rename(lock, target).pipe(
      Effect.tap(() => Effect.sync(() => void (held = false))),
      Effect.uninterruptible
    )
    return Effect.scoped(change(Effect.uninterruptible(create))).pipe(
      Effect.tap(() => replace),
      Effect.ensuring(Effect.suspend(() => (held ? Effect.ignore(fs.remove(lock)) : Effect.void)))
    )
  })
  return yield* attempt.pipe(
    Effect.retry({
      while: (error) => error._tag === "PlatformError" && error.reason._tag === "AlreadyExists",
      schedule: Schedule.spaced("50 millis"),
      times: 200
    }),
    Effect.catchTag("PlatformError", ({ reason }) =>
      Effect.fail(
        refuse(
          reason._tag === "AlreadyExists" ? `another program is writing it; if none is, remove ${lock}` : reason._tag
        )
      )
    )
  )
})
