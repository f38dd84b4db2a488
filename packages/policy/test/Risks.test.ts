import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { review } from "@effect-codex/policy/RubricWarning"
import type { CommandCondition } from "@effect-codex/policy/Rule"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { riskOf } from "../src/internal/command/risks.ts"
import { commandRequest } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

const warnings = (when: CommandCondition): string =>
  review({ mode: "strict", allowedRoots: ["/repo"], commandRules: [{ when, decision: "accept" }] })
    .filter(({ code }) => code === "runsCode")
    .map(({ description }) => description)
    .join("\n")

describe("a rule that accepts a program which runs or writes what it is given", () => {
  it("is warned of with a command that would pass", () => {
    for (const [when, line] of [
      [{ program: "sed" }, "sed 1e"],
      [{ program: "sed", allowedFlags: ["-n"] }, "sed 1e"],
      [{ program: "awk" }, "awk 'BEGIN { system(\"COMMAND\") }'"],
      [{ program: "sqlite3" }, "sqlite3 FILE '.shell COMMAND'"],
      [{ program: "uniq" }, "uniq FILE FILE"],
      [{ program: "xxd" }, "xxd FILE FILE"],
      [{ program: "git", argsPrefix: ["branch"] }, "git branch NAME"],
      [{ program: "git", argsPrefix: ["tag"] }, "git tag NAME"],
      [{ program: "git", argsPrefix: ["remote"] }, "git remote add NAME URL"],
      [{ program: "git", argsPrefix: ["stash"] }, "git stash"],
      [{ program: "git", argsPrefix: ["symbolic-ref"] }, "git symbolic-ref HEAD REF"],
      [{ program: "make", argsPrefix: ["test"] }, "make test VAR=VALUE"],
      [{ program: "tar" }, "tar tfI FILE COMMAND"],
      [{ program: "mvn", argsPrefix: ["test"] }, "mvn test exec:exec"],
      [{ program: "./gradlew", argsPrefix: ["test"] }, "./gradlew test publish"],
      [{ program: "pytest" }, "pytest @FILE"],
      [{ program: "jq" }, "jq env"],
      [{ program: "rsync" }, "rsync FILE HOST:FILE"],
      [{ program: "npm" }, "npm run SCRIPT"],
      [{ program: "rg", allowedFlags: ["*"] }, "rg --pre COMMAND PATTERN"],
      [{ program: "find", allowedFlags: ["-exec"], pathsWithin: "/repo" }, "find . -exec COMMAND ';'"],
      [{ commandRegex: "mvn .*" }, "mvn exec:exec"]
    ] as const) {
      const found = warnings(when)
      expect([when, found]).toEqual([when, expect.stringContaining(JSON.stringify(line))])
    }
  })

  it("is not warned of where it bounds the program", () => {
    for (const when of [
      { program: "npm", args: ["test"] },
      { program: "cat", pathsWithin: "/repo" },
      { program: "uniq", pathsWithin: "/repo" },
      { program: "sed", pathsWithin: "/repo", commandRegex: "sed -n [0-9]+p [a-z.]+" },
      { program: "cargo", argsPrefix: ["test"] },
      { program: "mvn", args: ["-q", "test"] },
      { commandRegex: "npm (test|run build)" }
    ]) {
      const found = warnings(when)
        .split("\n")
        .filter((line) => !line.startsWith("sed runs"))
      expect([when, found.filter((line) => line !== "")]).toEqual([when, []])
    }
  })
})

describe("the risky command that a rule accepts", () => {
  it("is one that no folder bounds, if the rule has pathsWithin", () => {
    for (const [when, line] of [
      // They only write, and the folder bounds what they write.
      [{ program: "sort", allowedFlags: ["-o"] }, undefined],
      [{ program: "xxd", allowedFlags: ["-r"] }, undefined],
      [{ program: "wget", allowedFlags: ["-O"] }, undefined],
      // A rule with pathsWithin refuses their scripts.
      [{ program: "sed", allowedFlags: ["-n"] }, undefined],
      [{ program: "awk" }, undefined],
      [{ program: "sqlite3" }, undefined],
      [{ program: "sort", allowedFlags: ["*"] }, "sort --compress-program COMMAND"],
      [{ program: "scp" }, "scp FILE HOST:FILE"],
      [{ program: "split", allowedFlags: ["--filter"] }, "split --filter=COMMAND FILE"],
      [{ program: "git", argsPrefix: ["branch"] }, "git branch NAME"],
      [{ program: "git", argsPrefix: ["stash"] }, "git stash"],
      [{ program: ["cat", "npx"] }, "npx PACKAGE"]
    ] as const) {
      const found = riskOf({ ...when, pathsWithin: "/repo", cwdWithin: "/repo" })
      expect([when, found]).toEqual([when, line])
    }
  })

  it("is one of the program, wherever the rule says that it lies", () => {
    for (const [when, line] of [
      [{ program: "/usr/bin/xxd" }, "/usr/bin/xxd FILE FILE"],
      [{ program: "/bin/find", allowedFlags: ["*"] }, "/bin/find . -exec COMMAND ';'"],
      [{ program: "/opt/bin/xxd" }, undefined],
      [{ program: "cat" }, undefined],
      [{ program: "constructor" }, undefined],
      [{ program: "no-such-program" }, undefined]
    ] as const) {
      expect([when, riskOf(when)]).toEqual([when, line])
    }
  })

  it("is a whole command, and not what it would run", () => {
    expect(riskOf({ commandRegex: "COMMAND" })).toBeUndefined()
    expect(riskOf({ commandRegex: "tox .*" })).toBe("tox exec -- COMMAND")
  })
})

describe("a rule that accepts by pathsWithin", () => {
  it.effect("matches no script that may do more than print, since no folder bounds that", () =>
    Effect.gen(function* () {
      const engine = yield* RuleBasedPolicy.make({
        mode: "strict",
        allowedRoots: ["/repo"],
        commandRules: [
          { when: { program: ["sed", "awk", "jq"], allowedFlags: ["-n"], pathsWithin: "/repo" }, decision: "accept" }
        ]
      })
      const decisions: Array<readonly [string, unknown]> = []
      for (const line of [
        "sed -n 1,5p src/a.ts",
        "awk NR==1 src/a.ts",
        "jq . package.json",
        "sed 1e src/a.ts",
        "sed '1w out' src/a.ts",
        "awk 'BEGIN { system(\"id\") }' src/a.ts",
        "jq -n env"
      ]) {
        decisions.push([line, (yield* engine.command(commandRequest(line)))?.decision])
      }
      expect(decisions.map(([, decision]) => decision)).toEqual([
        "accept",
        "accept",
        "accept",
        "decline",
        "decline",
        "decline",
        "decline"
      ])
    }).pipe(Effect.provide(layerRepo))
  )
})
