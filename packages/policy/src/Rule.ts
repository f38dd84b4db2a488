/**
 * The form of a rule, for each kind of request: when it matches, and what it says then.
 *
 * These are schemas, so that a rule can come from a file, and their descriptions are what an editor shows for such a file.
 * What a condition means is not here, but in `RuleBasedPolicy`.
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

// Known to every kind of rule, as the Python SDK has it. A condition on a field that a request lacks never matches it.
const common = {
  commandRegex: optionalRegex(
    "RE2 pattern. In a rule that accepts it matches all of each part of the command, in others anywhere in the command."
  ),
  cwdWithin: optional(Folders, "The working directory is one of these folders, or below it."),
  reasonRegex: optionalRegex(
    "RE2 pattern on the model's own words. It may lead to a refusal, never alone to an accept."
  ),
  threadIdRegex: optionalRegex("RE2 pattern."),
  turnIdRegex: optionalRegex("RE2 pattern."),
  hasProposedExecpolicy: optional(Schema.Boolean, "Whether the server proposes a rule of its own for such commands.")
}

/**
 * Files that decide what runs later, by what they belong to. A rule that accepts lets them be written only if it names them.
 *
 * - `git`: git and other systems that keep versions; parts of bare repositories.
 * - `codex`: codex and other agents, their instructions included.
 * - `shell`: start-up files of shells, editors and interpreters, services, folders of the `PATH`.
 * - `ci`: what machines for integration and deployment run.
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
 * Which requests a command rule is about, apart from the plain wish to run a command.
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
 * When a rule for commands matches. All conditions must hold.
 *
 * @category models
 * @since 0.1.0
 */
export const CommandCondition = Schema.Struct({
  ...common,
  request: optional(
    Schema.Array(CommandRequest).check(Schema.isMinLength(1)),
    'What is asked for. Default: ["command"], which is a command to run and nothing beside it.'
  ),
  program: optional(
    Names,
    "Names of programs. `git` is the bare name; a path must be listed as it is. A rule that declines also matches by base name."
  ),
  args: optional(Strings, "All arguments, in order."),
  argsPrefix: optional(
    Strings.check(Schema.isMinLength(1)),
    "The first arguments. In a rule that declines, other arguments may stand before and between them."
  ),
  flags: optional(
    Strings.check(Schema.isMinLength(1)),
    "Flags that are all there, in any order. `-r|--recursive` is either; `-rf` has `-r` and `-f`."
  ),
  allowedFlags: optional(
    Strings.check(Schema.isMinLength(1)),
    "For rules that accept: options that may be there. One that stands neither here nor in flags, args, argsPrefix or, spelled out, in commandRegex is not accepted. `--x` allows `--x=value` too, `-NUM` a number, `*` all."
  ),
  pathsWithin: optional(
    Folders,
    "Every argument that may be a path lies in these folders, or without arguments the folder that it runs in; in a rule that declines, any."
  ),
  redirectsWithin: optional(
    Folders,
    "Every redirection goes to or comes from these folders; in a rule that declines, any. Without it, a rule accepts no redirection but to /dev/null or between descriptors."
  ),
  assigns: optional(
    Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)),
    "Names of variables. A rule that accepts allows these to be set for the command and no others; one that declines matches if any is set."
  ),
  networkHost: optional(Names, "For networkApproval: the host that the command wants to reach."),
  protectedFiles: optional(
    Schema.Array(ProtectedFiles).check(Schema.isMinLength(1)),
    "For rules that accept: protected files that the command may write."
  ),
  anywhere: optional(
    Schema.Literal(true),
    "For rules that accept: in whatever folder it runs, which the model picks. Default: within cwdWithin, or else the rubric's allowedRoots; without both, a rule that accepts is an error."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface CommandCondition extends Schema.Schema.Type<typeof CommandCondition> {}

/**
 * What a rule for commands says. The two amendments go beyond this one command: see `RuleBasedPolicy`.
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
 * When a rule for file changes matches. All conditions must hold.
 *
 * @category models
 * @since 0.1.0
 */
export const FileChangeCondition = Schema.Struct({
  ...common,
  grantRootPresent: optional(
    Schema.Boolean,
    "Whether the agent asks to write below a folder for the rest of the session."
  ),
  pathsWithin: optional(
    Folders,
    "Every changed path and move target lies in these folders; in a rule that declines, any."
  ),
  pathRegex: optionalRegex("RE2 pattern for all of each absolute path; in a rule that declines, for a piece of any."),
  changes: optional(
    Schema.Array(Schema.Literals(["add", "update", "move", "delete"])).check(Schema.isMinLength(1)),
    "No change is other than these; in a rule that declines, any is one of these."
  ),
  protectedFiles: optional(
    Schema.Array(ProtectedFiles).check(Schema.isMinLength(1)),
    "For rules that accept: protected files that may change too. In a rule that declines: any path is one of these."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface FileChangeCondition extends Schema.Schema.Type<typeof FileChangeCondition> {}

/**
 * What a rule for file changes may decide.
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
 * When a rule for questions to the user matches: if any question does.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolInputCondition = Schema.Struct({
  ...common,
  questionIdRegex: optionalRegex("RE2 pattern for the id of a question; for all of it in a rule that answers.")
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ToolInputCondition extends Schema.Schema.Type<typeof ToolInputCondition> {}

/**
 * `auto_empty` answers with no answers; `answers` are by the id of the question.
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
 * When a rule for calls of the program's own tools matches.
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
 * When a rule for the approval of an MCP tool matches. What it says of the tool is the server's claim.
 *
 * @category models
 * @since 0.1.0
 */
export const McpToolCondition = Schema.Struct({
  ...common,
  server: optional(Names, "Names of MCP servers, as codex is configured. A rule that accepts needs it."),
  claimedToolRegex: optionalRegex(
    "RE2 pattern on the name of the tool, as claimed. It may lead to a refusal, never alone to an accept."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface McpToolCondition extends Schema.Schema.Type<typeof McpToolCondition> {}

/**
 * `acceptForSession` and `acceptAlways` are remembered by codex, the latter in the user's configuration file.
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
 * When a rule for wider permissions matches. A rule that grants needs `readWithin`, `writeWithin` or `network`, and what is asked for must not
 * go beyond those that it has.
 *
 * @category models
 * @since 0.1.0
 */
export const PermissionsCondition = Schema.Struct({
  ...common,
  readWithin: optional(Folders, "What may be read lies in these folders."),
  writeWithin: optional(Folders, "What may be written, and read, lies in these folders."),
  network: optional(Schema.Boolean, "Whether the network may be used."),
  protectedFiles: optional(
    Schema.Array(ProtectedFiles).check(Schema.isMinLength(1)),
    "For rules that grant: protected files that may be written. In a rule that declines: any path to write is one of these."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export interface PermissionsCondition extends Schema.Schema.Type<typeof PermissionsCondition> {}

/**
 * `grant` is for the turn, `grantForSession` for what follows too.
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
    name: optional(Schema.NonEmptyString, "Told in verdicts, logs and audits. Default: the rule's place."),
    priority: optional(Schema.Finite, "Lower goes first; of equals, the one that stands first. Default: 1000."),
    when: optional(condition, "Default: always."),
    decision: optional(decision, "Default: what would be decided without rules."),
    reason: optional(Schema.String, "Told beside the decision.")
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
 * A rule for calls of our own tools.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCallRule = ruleOf(ToolCallCondition, Schema.Literals(["accept", "decline"]))
/** @category models @since 0.1.0 */
export interface ToolCallRule extends Schema.Schema.Type<typeof ToolCallRule> {}
/**
 * A rule for calls of tools of MCP servers.
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
