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
    ["https://me:hunter2@example.org", "https://me:[redacted]@example.org"],
    // Words that count are looked for as words, and only tokens are counted.
    ["SERVICE_ACCOUNT_TOKEN=abc123 run", "SERVICE_ACCOUNT_TOKEN=[redacted] run"],
    ["ACCOUNT_PASSWORD=hunter2", "ACCOUNT_PASSWORD=[redacted]"],
    ["MAXMIND_API_KEY=abc123", "MAXMIND_API_KEY=[redacted]"],
    ["INPUT_TOKEN=abc123 OUTPUT_SECRET=abc123", "INPUT_TOKEN=[redacted] OUTPUT_SECRET=[redacted]"],
    ["DISCOUNT_TOKENS=abc123 maxPassword: 123456", "DISCOUNT_TOKENS=[redacted] maxPassword: [redacted]"],
    ["max_tokens=hunter2", "max_tokens=[redacted]"],
    ["PASSWORD=[hunter2]", "PASSWORD=[redacted]"]
  ])("finds what is assigned to a secret's name: %s", (text, redacted) => {
    expect(Redaction.text(text)).toBe(redacted)
  })

  it.each([
    "the access-token expired",
    "the token expired",
    "git commit -m message",
    "--max-tokens 100",
    "input_tokens=5",
    "MAX_TOKENS=128_000 totalTokens: 1.5M cached-input-tokens: 12,",
    "const login = (token: string) => token",
    "password: null",
    "PATH=/bin ls --color=auto"
  ])("leaves what is none: %s", (text) => {
    expect(Redaction.text(text)).toBe(text)
  })
})
