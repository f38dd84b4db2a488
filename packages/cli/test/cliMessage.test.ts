// The messages of the SDK, as the command prints them.
import * as CodexError from "@effect-codex/core/CodexError"
import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { messageOf } from "../src/internal/cliMessage.ts"

// Words for parts of the SDK, which a user of the command does not have.
const ofTheSdk =
  /\blayer\b|`binary`|experimentalApi|bufferBytes|maxTextLength|whenBusy|watchdog|thread\.unarchive|model\/list|connection to end|[Cc]ompact|The option budget|the turn's parameters|`codex login`/

const source = readFileSync(path.join(import.meta.dirname, "../../core/src/CodexError.ts"), "utf8")

/** The texts of the messages in the source, as they are before any value is put into them. */
const texts = Array.from(source.matchAll(/^ +(?:return |\? |: |: \? |")?([`"])(.{20,})\1,?;?$/gm), ([, , text = ""]) =>
  text.replaceAll("\\`", "`").replaceAll('\\"', '"')
)

describe("the message of an error on the command line", () => {
  it("names no part of the SDK, whatever the error", () => {
    expect(texts.filter((text) => ofTheSdk.test(text)).length).toBeGreaterThan(8)
    const left = texts.map((text) => messageOf(new Error(text))).filter((text) => ofTheSdk.test(text))
    expect(left).toEqual([])
  })

  it("names the flag of an invalid option", () => {
    const error = (path: string) => new CodexError.InvalidConfig({ path, description: "0 is too small" })
    expect(messageOf(error("budget.tokens"))).toBe("--budget-tokens is invalid: 0 is too small.")
    expect(messageOf(error("record"))).toBe("--record is invalid: 0 is too small.")
    expect(messageOf(error("budget.duration"))).toBe("--timeout is invalid: 0 is too small.")
  })

  it("says what to run if the connection is gone, and what to run to log in", () => {
    const gone = new CodexError.ConnectionFailed({
      reason: { _tag: "Spawn", description: "no such file" },
      stderr: []
    })
    expect(messageOf(gone)).toBe(
      "Connection failed: could not start the app-server: no such file. Run `effect-codex doctor` to find the cause."
    )
    expect(messageOf(new CodexError.NotAuthenticated({ description: "no account" }))).toContain("`effect-codex login`")
  })
})
