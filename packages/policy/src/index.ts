/**
 * All public modules, for imports from the package by name.
 *
 * @stability stable
 * @since 0.1.0
 */
export * as Audit from "./Audit.ts"
export * as AuditRecord from "./AuditRecord.ts"
export * as Human from "./Human.ts"
export * as HumanQuestion from "./HumanQuestion.ts"
export * as LlmJudgePolicy from "./LlmJudgePolicy.ts"
export * as PathWithin from "./PathWithin.ts"
export * as Policy from "./Policy.ts"
export * as Rubric from "./Rubric.ts"
export * as RubricFromPython from "./RubricFromPython.ts"
export * as RubricSuggestion from "./RubricSuggestion.ts"
export * as RubricWarning from "./RubricWarning.ts"
export * as Rule from "./Rule.ts"
export * as RuleBasedPolicy from "./RuleBasedPolicy.ts"
export * as SafeRegex from "./SafeRegex.ts"
export * as ShellCommand from "./ShellCommand.ts"
export * as ShellWord from "./ShellWord.ts"
export * as UserInput from "./UserInput.ts"
