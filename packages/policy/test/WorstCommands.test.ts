/**
 * How much is done for a command that was made to take long: counted, as seconds depend on the machine.
 */
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { describe, expect, it } from "@effect/vitest"
import { worstCommands } from "./worstCommands.ts"

describe("a command that was made to take long", () => {
  it("is read in steps that its length bounds, or counts as not understood", { timeout: 120_000 }, () => {
    const commands = worstCommands(1, 60).filter((_, index) => index % 4 === 0 || index < 90)
    expect(commands.length).toBeGreaterThan(250)
    for (const command of commands) {
      const parsed = ShellCommand.parse(command)
      if (parsed._tag === "Unparseable") continue
      const words = parsed.parts.reduce((sum, part) => sum + part.words.length + part.redirects.length, 0)
      expect([command.slice(0, 40), parsed.steps <= 8 * command.length, words <= 4_100]).toEqual([
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

  it("ends for wrappers around wrappers around words, whose beginnings are all guesses", () => {
    for (const command of [`su ${"a ".repeat(16_000)}`, `${"su ".repeat(6)}${"a ".repeat(16_000)}`]) {
      expect(ShellCommand.parse(command)._tag).toBe("Unparseable")
    }
  })
})
