import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { commands, loadCommands } from "../src/internal/commands.ts"

const subcommandsOf = (args: ReadonlyArray<string>) =>
  Effect.map(loadCommands(args), (loaded) =>
    loaded.filter(({ subcommands }) => subcommands.length > 0).map(({ name }) => name)
  )

describe("commands", () => {
  for (const { name, summary, whole } of commands) {
    it.effect(`${name}: the stand-in has the name and the summary of the command`, () =>
      Effect.gen(function* () {
        const command = yield* whole
        assert.strictEqual(command.name, name)
        assert.strictEqual(command.shortDescription ?? command.description, summary)
        assert.isAbove(command.examples.length + command.subcommands.length, 0)
      })
    )
  }

  it.effect("a command line loads the command that it names, and no other", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* subcommandsOf(["--log-level", "info", "policy", "check"]), ["policy"])
      assert.deepStrictEqual(yield* subcommandsOf(["--help"]), [])
      assert.deepStrictEqual(yield* subcommandsOf([]), [])
    })
  )

  for (const args of [["--completions", "bash"], ["--completions=zsh"]]) {
    it.effect(`${args.join(" ")} loads all commands`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* subcommandsOf(args), ["threads", "session", "policy", "audit", "transcript"])
      })
    )
  }
})
