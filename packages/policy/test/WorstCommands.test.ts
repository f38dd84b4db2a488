/**
 * How much is done for a command that was made to take long: counted, as seconds depend on the machine.
 */
import type { PolicyRubric } from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { commandRequest } from "./rulesSupport.ts"
import { makeTree } from "./tree.ts"
import { commandsOfNames, worstCommands } from "./worstCommands.ts"

describe("a command that was made to take long", () => {
  it("is read in steps that its length bounds, or counts as not understood", { timeout: 120_000 }, () => {
    const commands = worstCommands(1, 60).filter((_, index) => index % 4 === 0 || index < 90)
    expect(commands.length).toBeGreaterThan(250)
    for (const command of commands) {
      const parsed = ShellCommand.parse(command)
      if (parsed._tag === "Unparseable") continue
      const words = parsed.parts.reduce((sum, part) => sum + part.words.length + part.redirects.length, 0)
      expect([command.slice(0, 40), parsed.steps <= 6 * command.length, words <= 1_600]).toEqual([
        command.slice(0, 40),
        true,
        true
      ])
    }
  })

  it("is not read at all where the parser has no end of its own", () => {
    for (const command of ["function a ".repeat(2_900), "f() ".repeat(8_000), "coproc ".repeat(4_600)]) {
      expect([command.slice(0, 20), ShellCommand.parse(command)._tag]).toEqual([command.slice(0, 20), "Unparseable"])
    }
  })

  it("is not parsed if it may have more commands than can be looked at", () => {
    for (const command of ["a;".repeat(5_000), "a|".repeat(5_000), `echo '${"\n".repeat(5_000)}'`]) {
      const parsed = ShellCommand.parse(command)
      expect(parsed._tag === "Unparseable" && parsed.reason).toBe("it has more than 4096 of ; | & and line breaks")
    }
    expect(ShellCommand.parse(`echo '${"\n".repeat(3_000)}'`)._tag).toBe("Parsed")
  })

  it("ends for wrappers around wrappers around words, whose beginnings are all guesses", () => {
    for (const command of [`su ${"a ".repeat(16_000)}`, `${"su ".repeat(6)}${"a ".repeat(16_000)}`]) {
      expect(ShellCommand.parse(command)._tag).toBe("Unparseable")
    }
  })
})

// The real file system, whose questions are counted by what is asked.
const counting = () => {
  const asked = new Map<string, number>()
  const layer = Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs): FileSystem.FileSystem => {
      const counted =
        <A extends ReadonlyArray<unknown>, B>(name: string, ask: (...args: A) => B) =>
        (...args: A): B => {
          asked.set(name, (asked.get(name) ?? 0) + 1)
          return ask(...args)
        }
      return {
        ...fs,
        lstat: counted("lstat", fs.lstat),
        stat: counted("stat", fs.stat),
        readLink: counted("readLink", fs.readLink),
        readDirectory: counted("readDirectory", fs.readDirectory),
        readDirectoryEntries: counted("readDirectory", fs.readDirectoryEntries),
        readFile: counted("readFile", fs.readFile),
        readFileString: counted("readFileString", fs.readFileString)
      }
    })
  ).pipe(Layer.provide(NodeFileSystem.layer))
  const take = () => {
    const all = [...asked.values()].reduce((sum, count) => sum + count, 0)
    const one = asked.get("readDirectory") ?? 0
    asked.clear()
    return { all, readDirectory: one }
  }
  return { layer, take }
}

const declining = (work: string): PolicyRubric => ({
  mode: "permissive",
  commandRules: [
    { name: "pattern", when: { commandRegex: "kubectl (delete|drain) .*prod" }, decision: "decline" },
    { name: "secrets", when: { pathsWithin: `${work}/secrets` }, decision: "decline" },
    { name: "files of the system", when: { program: "tee", pathsWithin: ["/etc", "/root"] }, decision: "decline" },
    { name: "redirections", when: { redirectsWithin: ["/etc", `${work}/secrets`] }, decision: "decline" },
    { name: "library", when: { assigns: ["LD_PRELOAD"] }, decision: "decline" }
  ]
})
const balanced = (work: string): PolicyRubric => ({
  mode: "balanced",
  allowedRoots: [work],
  extends: ["reading", "git-read", "git-commit", "node", "python", "rust", "go", "make"]
})

describe("a command that names ever new files", () => {
  for (const [mode, rubric] of Object.entries({ declining, balanced })) {
    it(`asks the file system a bounded number of questions (${mode})`, { timeout: 120_000 }, async () => {
      const work = makeTree(["secrets/key", "d0/d1/d2/"], { l: ".", link: "secrets" })
      const { layer, take } = counting()
      await Effect.runPromise(
        Effect.gen(function* () {
          const engine = yield* RuleBasedPolicy.make(rubric(work))
          take()
          for (const [index, command] of commandsOfNames.entries()) {
            if (index % 5 > 0 && index < commandsOfNames.length - 4) continue
            yield* engine.command(commandRequest({ command, cwd: work }))
            const { all } = take()
            expect([command.slice(0, 60), all <= 600 ? "bounded" : all]).toEqual([command.slice(0, 60), "bounded"])
          }
        }).pipe(Effect.provide(layer))
      )
    })
  }

  it("matches every rule that declines, and none that accepts, if the names are more than can be looked at", async () => {
    const work = makeTree([], {})
    const named = (count: number) => `echo ${"-abcdefghijklmnop ".repeat(count)}`
    const decide = (rubric: PolicyRubric, command: string) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const engine = yield* RuleBasedPolicy.make(rubric)
          const verdict = yield* engine.command(commandRequest({ command, cwd: work }))
          return verdict?.decision
        }).pipe(Effect.provide(NodeFileSystem.layer))
      )
    const noTee = { mode: "permissive", commandRules: [{ when: { program: "tee" }, decision: "decline" }] } as const
    const all = { mode: "strict", commandRules: [{ when: { anywhere: true }, decision: "accept" }] } as const
    expect([await decide(noTee, named(50)), await decide(noTee, named(400))]).toEqual(["accept", "decline"])
    expect([await decide(all, "x"), await decide(all, named(400))]).toEqual(["accept", "decline"])
    const moves = (count: number) => Array.from({ length: count }, (_, index) => `mv a${index} b${index}`).join(";")
    const within = {
      mode: "strict",
      allowedRoots: [work],
      commandRules: [{ when: { pathsWithin: work }, decision: "accept" }]
    } as const
    expect([await decide(within, moves(2)), await decide(within, moves(60))]).toEqual(["accept", "decline"])
  })
})

describe("a large folder", () => {
  const decisionOf = (files: number, command: string) =>
    Effect.gen(function* () {
      const work = makeTree([], {})
      const { layer, take } = counting()
      // As large as no test makes one.
      const large = Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (fs): FileSystem.FileSystem => {
          const entries = Array.from({ length: files }, (_, index) => ({ name: `f${index}`, type: "File" as const }))
          return { ...fs, readDirectoryEntries: (path) => Effect.as(fs.readDirectoryEntries(path), entries) }
        })
      ).pipe(Layer.provide(layer))
      return yield* Effect.gen(function* () {
        const engine = yield* RuleBasedPolicy.make(balanced(work))
        take()
        const verdict = yield* engine.command(commandRequest({ command, cwd: work }))
        return { decision: verdict?.decision, reason: verdict?.reason, ...take() }
      }).pipe(Effect.provide(large))
    })
  const globs = (count: number) => Array.from({ length: count }, (_, index) => `cat a${index}*`).join(";")

  it.effect("is gone through for some patterns", () =>
    Effect.gen(function* () {
      const { all, decision, readDirectory, reason } = yield* decisionOf(300, globs(10))
      expect({ decision, reason, readDirectory }).toEqual({ decision: "accept", reason: undefined, readDirectory: 10 })
      expect(all).toBeLessThan(50)
    })
  )

  it.effect("is not gone through if it is larger than can be looked through", () =>
    Effect.gen(function* () {
      const { all, decision, readDirectory, reason } = yield* decisionOf(100_000, globs(100))
      expect(reason).toContain("than can be checked")
      expect({ decision, readDirectory }).toEqual({ decision: "decline", readDirectory: 1 })
      expect(all).toBeLessThan(50)
    })
  )

  it.effect("is not gone through again and again, nor are long patterns", () =>
    Effect.gen(function* () {
      expect((yield* decisionOf(9_000, "cat a*")).decision).toBe("accept")
      expect((yield* decisionOf(9_000, globs(2))).decision).toBe("decline")
      expect((yield* decisionOf(9_000, `cat ${"*f".repeat(120)}`)).decision).toBe("decline")
    })
  )
})

describe("a name that was made for a pattern", () => {
  it("is matched without a search among many", async () => {
    const work = makeTree(["a".repeat(250)], {})
    const decision = await Effect.runPromise(
      Effect.gen(function* () {
        const engine = yield* RuleBasedPolicy.make(balanced(work))
        return yield* engine.command(commandRequest({ command: `cat ${"*a".repeat(5)}*b`, cwd: work }))
      }).pipe(Effect.provide(NodeFileSystem.layer))
    )
    expect(decision?.decision).toBe("accept")
  })
})
