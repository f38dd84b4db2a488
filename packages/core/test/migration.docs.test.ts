import { readFileSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"

const root = path.join(import.meta.dirname, "..", "..", "..")

// What `codex_python_sdk.__all__` has, and the two methods that its users call first and last.
const names = [
  "CodexAgenticClient",
  "AsyncCodexAgenticClient",
  "create_client",
  "create_async_client",
  "connect",
  "close",
  "AgentResponse",
  "ResponseEvent",
  "ExecStyleRenderer",
  "render_exec_style_events",
  "CodexAgenticError",
  "AppServerConnectionError",
  "SessionNotFoundError",
  "NotAuthenticatedError",
  "PolicyContext",
  "PolicyEngine",
  "PolicyJudgeConfig",
  "PolicyRubric",
  "DefaultPolicyEngine",
  "RuleBasedPolicyEngine",
  "LlmRubricPolicyEngine",
  "build_policy_engine_from_rubric",
  "DEFAULT_POLICY_RUBRIC",
  "DEFAULT_CLI_COMMAND",
  "DEFAULT_APP_SERVER_ARGS"
]

const tableOf = (document: string) => {
  const text = readFileSync(path.join(root, document), "utf8")
  const [, section = ""] = text.split(/^## /m)
  return Array.from(section.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm), ([, theirs = "", ours = ""]) => [theirs, ours])
}

describe.each(["docs/migration.md", "docs/zh/migration.md"])("the table of names in %s", (document) => {
  it("has every public name of the Python SDK, in its order", () => {
    expect(tableOf(document).map(([theirs]) => theirs)).toEqual(names)
  })

  it("names nothing of ours that there is not", async () => {
    const ours = tableOf(document).flatMap(([, ours = ""]) =>
      Array.from(ours.matchAll(/`([A-Z]\w+)\.(\w+)`/g), ([, module = "", name = ""]) => ({ module, name }))
    )
    expect(ours.length).toBeGreaterThan(15)
    for (const { module, name } of ours) {
      const home = ["core", "policy", "cli"]
        .map((folder) => path.join(root, "packages", folder, "src", `${module}.ts`))
        .flatMap((file) => {
          try {
            return [readFileSync(file, "utf8")]
          } catch {
            return []
          }
        })
      const declared = new RegExp(`^export (?:declare )?(?:const|function|class|interface|type) ${name}\\b`, "m")
      expect(
        home.some((source) => declared.test(source)),
        `${module}.${name}`
      ).toBe(true)
    }
  })
})
