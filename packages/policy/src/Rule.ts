/**
 * The schema of a rule for each kind of request: its conditions and its decision.
 *
 * These are schemas, so that rules can be read from files; editors show the descriptions. `RuleBasedPolicy` implements the
 * meaning of the conditions.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional, optionalRegex } from "./internal/rubric/field.ts"

const oneOrMore = <S extends Schema.Codec<string>>(one: S) =>
  Schema.Union([one, Schema.Array(one).check(Schema.isMinLength(1))])

const Strings = Schema.Array(Schema.String)
const Names = oneOrMore(Schema.NonEmptyString)
const Folders = oneOrMore(Schema.NonEmptyString)

// The conditions that every kind of rule has, as in the Python SDK. A condition on a field that a request lacks never matches.
const common = {
  commandRegex: optionalRegex(
    "RE2 pattern. In an accept rule it must match the whole of each part of the command, in other rules any piece of the command."
  ),
  cwdWithin: optional(Folders, "The working directory is one of these folders, or inside one."),
  reasonRegex: optionalRegex(
    "RE2 pattern for the model's own explanation. It can decline by itself, but never accept."
  ),
  threadIdRegex: optionalRegex("RE2 pattern."),
  turnIdRegex: optionalRegex("RE2 pattern."),
  hasProposedExecpolicy: optional(Schema.Boolean, "Whether the server proposes an exec policy rule for such commands.")
}

/**
 * Files that determine what runs later, by the system that they belong to. An accept rule allows writing them only if it names
 * them.
 *
 * - `git`: files of git and other version control systems, and parts of bare repositories.
 * - `codex`: files of codex and other agents, including their instructions.
 * - `shell`: startup files of shells, editors and interpreters, services, and folders of the `PATH`.
 * - `ci`: files that continuous integration and deployment run.
 * - `hooks`: hooks, and settings of editors and package managers that start programs.
 *
 * @category models
 * @since 0.1.0
 */
export const ProtectedFiles = Schema.Literals(["git", "codex", "shell", "ci", "hooks"])

/**
 * @category models
 * @since 0.1.0
 */
export type ProtectedFiles = typeof ProtectedFiles.Type

/**
 * The requests that a command rule can match: a plain `command`, or one of the others.
 *
 * @category models
 * @since 0.1.0
 */
export const CommandRequest = Schema.Literals(["command", "writeStdin", "networkApproval", "additionalPermissions"])

/**
 * @category models
 * @since 0.1.0
 */
export type CommandRequest = typeof CommandRequest.Type

/**
 * The conditions of a rule for commands. All of them must hold.
 *
 * @category models
 * @since 0.1.0
 */
export const CommandCondition = Schema.Struct({
  ...common,
  request: optional(
    Schema.Array(CommandRequest).check(Schema.isMinLength(1)),
    'The requested actions. Default: ["command"], a plain request to run a command.'
  ),
  program: optional(
    Names,
    "Names of programs. `git` is the bare name; a path must be listed literally. A decline rule also matches by base name."
  ),
  args: optional(Strings, "All arguments, in order."),
  argsPrefix: optional(
    Strings.check(Schema.isMinLength(1)),
    "The first arguments. In a decline rule, other arguments may come before and between them."
  ),
  flags: optional(
    Strings.check(Schema.isMinLength(1)),
    "Flags that must all be present, in any order. `-r|--recursive` means either; `-rf` contains `-r` and `-f`."
  ),
  allowedFlags: optional(
    Strings.check(Schema.isMinLength(1)),
    "For accept rules: the allowed options. An option is not accepted unless it is listed here, in flags, args or argsPrefix, or spelled out in commandRegex. `--x` also allows `--x=value`, `-NUM` allows a number, `*` allows all."
  ),
  pathsWithin: optional(
    Folders,
    "Every argument that may be a path is in these folders; without arguments, the working directory is. In a decline rule, any of them is."
  ),
  redirectsWithin: optional(
    Folders,
    "The target or source of every redirection is in these folders; in a decline rule, of any redirection. Without this condition, a rule accepts only redirections to /dev/null or between descriptors."
  ),
  assigns: optional(
    Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)),
    "Names of environment variables. An accept rule allows only these to be set for the command; a decline rule matches if any of them is set."
  ),
  networkHost: optional(Names, "For networkApproval: the host that the command needs to reach."),
  protectedFiles: optional(
    Schema.Array(ProtectedFiles).check(Schema.isMinLength(1)),
    "For accept rules: protected files that the command may write."
  ),
  anywhere: optional(
    Schema.Literal(true),
    "For accept rules: the command may run in any folder; the model chooses it. Default: in cwdWithin, or else in the rubric's allowedRoots; without either, an accept rule is an error."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface CommandCondition extends Schema.Schema.Type<typeof CommandCondition> {}

/**
 * The decision of a rule for commands. The two amendments also apply to later commands: see `RuleBasedPolicy`.
 *
 * @category models
 * @since 0.1.0
 */
export const CommandDecision = Schema.Union([
  Schema.Literals(["accept", "acceptForSession", "decline", "cancel"]),
  Schema.Struct({ acceptWithExecpolicyAmendment: Strings.check(Schema.isMinLength(1)) }),
  Schema.Struct({
    applyNetworkPolicyAmendment: Schema.Struct({
      host: Schema.NonEmptyString,
      action: Schema.Literals(["allow", "deny"])
    })
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type CommandDecision = typeof CommandDecision.Type

/**
 * The conditions of a rule for file changes. All of them must hold.
 *
 * @category models
 * @since 0.1.0
 */
export const FileChangeCondition = Schema.Struct({
  ...common,
  grantRootPresent: optional(
    Schema.Boolean,
    "Whether the agent asks to write in a folder for the rest of the session."
  ),
  pathsWithin: optional(
    Folders,
    "Every changed path and move target is in these folders; in a decline rule, any of them is."
  ),
  pathRegex: optionalRegex(
    "RE2 pattern that matches the whole of each absolute path; in a decline rule, a piece of any path."
  ),
  changes: optional(
    Schema.Array(Schema.Literals(["add", "update", "move", "delete"])).check(Schema.isMinLength(1)),
    "Every change is one of these; in a decline rule, any change is."
  ),
  protectedFiles: optional(
    Schema.Array(ProtectedFiles).check(Schema.isMinLength(1)),
    "In an accept rule: protected files that may change too. In a decline rule: any path is one of these."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface FileChangeCondition extends Schema.Schema.Type<typeof FileChangeCondition> {}

/**
 * The decision of a rule for file changes.
 *
 * @category models
 * @since 0.1.0
 */
export const FileChangeDecision = Schema.Literals(["accept", "acceptForSession", "decline", "cancel"])

/**
 * @category models
 * @since 0.1.0
 */
export type FileChangeDecision = typeof FileChangeDecision.Type

/**
 * The conditions of a rule for questions to the user. The rule matches if any question does.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolInputCondition = Schema.Struct({
  ...common,
  questionIdRegex: optionalRegex(
    "RE2 pattern for the id of a question; in a rule with answers it must match the whole id."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ToolInputCondition extends Schema.Schema.Type<typeof ToolInputCondition> {}

/**
 * The decision of a rule for questions. `auto_empty` sends no answers; `answers` are keyed by the id of the question.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolInputDecision = Schema.Union([
  Schema.Literals(["auto_empty", "decline"]),
  Schema.Struct({ answers: Schema.Record(Schema.String, Schema.Struct({ answers: Strings })) })
])

/**
 * @category models
 * @since 0.1.0
 */
export type ToolInputDecision = typeof ToolInputDecision.Type

/**
 * The conditions of a rule for calls of the program's own tools.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCallCondition = Schema.Struct({
  ...common,
  tool: optional(Names, "Names of tools."),
  namespace: optional(Names, "Namespaces of tools.")
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ToolCallCondition extends Schema.Schema.Type<typeof ToolCallCondition> {}

/**
 * The conditions of a rule for approvals of MCP tool calls. The data about the tool is only a claim of its server.
 *
 * @category models
 * @since 0.1.0
 */
export const McpToolCondition = Schema.Struct({
  ...common,
  server: optional(Names, "Names of MCP servers, as in codex's configuration. Required in an accept rule."),
  claimedToolRegex: optionalRegex(
    "RE2 pattern for the claimed name of the tool. It can decline by itself, but never accept."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface McpToolCondition extends Schema.Schema.Type<typeof McpToolCondition> {}

/**
 * The decision of a rule for MCP tool calls. Codex remembers `acceptForSession` for the session, and `acceptAlways` in the user's
 * configuration file.
 *
 * @category models
 * @since 0.1.0
 */
export const McpToolDecision = Schema.Literals(["accept", "acceptForSession", "acceptAlways", "decline", "cancel"])

/**
 * @category models
 * @since 0.1.0
 */
export type McpToolDecision = typeof McpToolDecision.Type

/**
 * The conditions of a rule for requests for more permissions. A grant rule needs `readWithin`, `writeWithin` or `network`, and
 * matches only requests that stay within them.
 *
 * @category models
 * @since 0.1.0
 */
export const PermissionsCondition = Schema.Struct({
  ...common,
  readWithin: optional(
    Folders,
    "The folders in which reading may be requested. In a decline rule: any requested path is in these folders."
  ),
  writeWithin: optional(
    Folders,
    "The folders in which writing and reading may be requested. In a decline rule: any path to write is in these folders."
  ),
  network: optional(
    Schema.Boolean,
    "Whether network access may be requested. In a decline rule: whether it is requested."
  ),
  protectedFiles: optional(
    Schema.Array(ProtectedFiles).check(Schema.isMinLength(1)),
    "In a grant rule: protected files that may be written. In a decline rule: any path to write is one of these."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface PermissionsCondition extends Schema.Schema.Type<typeof PermissionsCondition> {}

/**
 * The decision of a rule for permissions. `grant` is for the turn, `grantForSession` for the rest of the session.
 *
 * @category models
 * @since 0.1.0
 */
export const PermissionsDecision = Schema.Literals(["grant", "grantForSession", "decline"])

/**
 * @category models
 * @since 0.1.0
 */
export type PermissionsDecision = typeof PermissionsDecision.Type

const ruleOf = <C extends Schema.Top, D extends Schema.Top>(condition: C, decision: D) =>
  Schema.Struct({
    name: optional(
      Schema.NonEmptyString,
      "Shown in verdicts, logs and audit trails. Default: the rule's path in the rubric."
    ),
    priority: optional(
      Schema.Finite,
      "Rules with a lower number come first; ties keep their order in the file. Default: 1000."
    ),
    when: optional(condition, "Default: always."),
    decision: optional(decision, "Default: the decision that applies if no rule matches."),
    reason: optional(Schema.String, "The reason, shown next to the decision.")
  })

/**
 * A rule for commands.
 *
 * @category models
 * @since 0.1.0
 */
export const CommandRule = ruleOf(CommandCondition, CommandDecision)
/** @category models @since 0.1.0 */
export interface CommandRule extends Schema.Schema.Type<typeof CommandRule> {}
/**
 * A rule for file changes.
 *
 * @category models
 * @since 0.1.0
 */
export const FileChangeRule = ruleOf(FileChangeCondition, FileChangeDecision)
/** @category models @since 0.1.0 */
export interface FileChangeRule extends Schema.Schema.Type<typeof FileChangeRule> {}
/**
 * A rule for questions to the user.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolInputRule = ruleOf(ToolInputCondition, ToolInputDecision)
/** @category models @since 0.1.0 */
export interface ToolInputRule extends Schema.Schema.Type<typeof ToolInputRule> {}
/**
 * A rule for calls of the program's own tools.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCallRule = ruleOf(ToolCallCondition, Schema.Literals(["accept", "decline"]))
/** @category models @since 0.1.0 */
export interface ToolCallRule extends Schema.Schema.Type<typeof ToolCallRule> {}
/**
 * A rule for approvals of MCP tool calls.
 *
 * @category models
 * @since 0.1.0
 */
export const McpToolRule = ruleOf(McpToolCondition, McpToolDecision)
/** @category models @since 0.1.0 */
export interface McpToolRule extends Schema.Schema.Type<typeof McpToolRule> {}
/**
 * A rule for requests for more permissions.
 *
 * @category models
 * @since 0.1.0
 */
export const PermissionsRule = ruleOf(PermissionsCondition, PermissionsDecision)
/** @category models @since 0.1.0 */
export interface PermissionsRule extends Schema.Schema.Type<typeof PermissionsRule> {}
