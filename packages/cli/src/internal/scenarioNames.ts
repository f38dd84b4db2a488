/** The names of the scenarios, apart from their scripts, which need the test kit. */
export const scenarioNames = ["approval", "patch", "command", "failure", "question", "slow"] as const

export type ScenarioName = (typeof scenarioNames)[number]
