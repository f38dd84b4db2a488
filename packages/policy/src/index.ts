/**
 * @since 0.1.0
 */
export * as LlmJudgePolicy from "./LlmJudgePolicy.ts"
/**
 * @since 0.1.0
 */
export * as PathWithin from "./PathWithin.ts"
/**
 * @since 0.1.0
 */
export * as Policy from "./Policy.ts"
/**
 * @since 0.1.0
 */
export * as Rubric from "./Rubric.ts"
/**
 * @since 0.1.0
 */
export * as Rule from "./Rule.ts"
/**
 * @since 0.1.0
 */
export * as RuleBasedPolicy from "./RuleBasedPolicy.ts"
/**
 * @since 0.1.0
 */
export * as SafeRegex from "./SafeRegex.ts"
/**
 * @since 0.1.0
 */
export * as ShellCommand from "./ShellCommand.ts"
/**
 * @since 0.1.0
 */
export * as ShellWord from "./ShellWord.ts"
/**
 * @since 0.1.0
 */
export * as UserInput from "./UserInput.ts"
