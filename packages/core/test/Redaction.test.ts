import * as Redaction from "@effect-codex/core/Redaction"
import { describe, expect, it } from "@effect/vitest"

describe("redaction of text", () => {
  it.each([
    ["deploy --token=abc123 --password hunter2", "deploy --token=[redacted] --password [redacted]"],
    ["curl --token abc123 --retry 3", "curl --token [redacted] --retry 3"],
    ["deploy -token 'a b' now", "deploy -token [redacted] now"],
    ["env API_KEY=abc123 run", "env API_KEY=[redacted] run"],
    ["run API_KEY=abc123", "run API_KEY=[redacted]"],
    ["password: hunter2", "password: [redacted]"],
    ["use key sk-abcdefghijklmnop", "use key [redacted]"],
    ["https://me:hunter2@example.org", "https://me:[redacted]@example.org"]
  ])("finds what is assigned to a secret's name: %s", (text, redacted) => {
    expect(Redaction.text(text)).toBe(redacted)
  })

  it.each([
    "the access-token expired",
    "the token expired",
    "git commit -m message",
    "--max-tokens 100",
    "input_tokens=5",
    "PATH=/bin ls --color=auto"
  ])("leaves what is none: %s", (text) => {
    expect(Redaction.text(text)).toBe(text)
  })
})
