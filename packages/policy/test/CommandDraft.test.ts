import type { Params } from "@effect-codex/core/PolicyEngine"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { command as draft, pathsOf, permissionLines } from "../src/internal/human/commandDraft.ts"
import { command } from "./judgeSupport.ts"

type Given = Partial<Params["command"]>

const drafted = (text: string, given?: Given) =>
  Effect.provide(draft(command(text, given), "/nowhere"), NodeFileSystem.layer)

const whole = (text: string, given?: Given) =>
  Effect.map(drafted(text, given), (found) => {
    if (typeof found === "string") throw new Error(found)
    return {
      title: found.title,
      details: found.details.flatMap((detail) => (detail === undefined ? [] : [[detail.label, detail.text]])),
      ways: found.ways.flatMap((way) => (way === undefined ? [] : [[way.key, way.meaning]]))
    }
  })

const network = { host: "example.com", protocol: "https" } as const
const profile = {
  network: { enabled: true },
  fileSystem: {
    read: ["/a"],
    write: ["/b"],
    entries: [{ access: "read", path: { type: "path", path: "/c" } }]
  }
} as const

const folder = ["Folder", "/repo\nNOT in the working folder"]
const refusals = [
  ["n", "No. The agent gets the refusal and continues"],
  ["cancel", "No, and stop the turn"]
]
const once = ["y", "Yes, once. It may run outside the sandbox, with your rights"]
const session = ["session", "Yes, and the same for the rest of the session, without asking and without the sandbox"]

describe("a question about a command", () => {
  it.effect("says what would run and where, and what the model claims", () =>
    Effect.gen(function* () {
      expect(yield* whole("ls", { kind: "command", reason: "to look" })).toEqual({
        title: "Run a command?",
        details: [["Command", "ls"], folder, ["Why, as the model claims", "to look"]],
        ways: [once, session, ...refusals]
      })
    })
  )

  it.effect("is about a command if the server names no kind", () =>
    Effect.gen(function* () {
      expect(yield* whole("ls", { kind: undefined })).toMatchObject({ title: "Run a command?" })
    })
  )

  it.effect("is about what would be typed", () =>
    Effect.gen(function* () {
      expect(yield* whole("y", { kind: "writeStdin" })).toMatchObject({
        title: "Type into a running program?",
        details: [["Input, as the server reports it", "y"], folder]
      })
    })
  )

  it.effect("that is left to people alone has no lasting consent, and the server's reason", () =>
    Effect.gen(function* () {
      expect(yield* whole("ls", { kind: "humanCommand", reason: "a rule" })).toEqual({
        title: "Run a command that an administrator leaves to people alone?",
        details: [["Command", "ls"], folder, ["Why, as the server says", "a rule"]],
        ways: [once, ...refusals]
      })
    })
  )

  it.effect("is about the network if that is all that is asked for", () =>
    Effect.gen(function* () {
      expect(yield* whole("", { networkApprovalContext: network, cwd: null })).toEqual({
        title: "Let a command reach the network?",
        details: [["Network", "https to example.com"]],
        ways: [once, session, ...refusals]
      })
    })
  )

  it.effect("names the permissions that are asked for too, and letters that deceive", () =>
    Effect.gen(function* () {
      const { details } = yield* whole("сat", { additionalPermissions: profile })
      expect(details).toEqual([
        ["Command", String.raw`\u{441}at`],
        ["Careful: letters that look Latin and are not, or that run from right to left", expect.stringContaining("at")],
        folder,
        [
          "It also asks for permissions",
          ["the network, all of it", "read /a", "write /b", 'read {"type":"path","path":"/c"}'].join("\n")
        ]
      ])
    })
  )

  it.effect("is not asked about what this version does not know, or what nothing is known of", () =>
    Effect.gen(function* () {
      expect(yield* drafted("ls", { kind: "new" })).toBe("this version does not know what is asked")
      expect(yield* drafted("", {})).toBe("the request names neither a command nor a host")
      expect(yield* drafted("", { command: null })).toBe("the request names neither a command nor a host")
    })
  )

  it.effect("offers the consents of the server that are not too wide", () =>
    Effect.gen(function* () {
      const amendment = (words: ReadonlyArray<string>) => ({
        acceptWithExecpolicyAmendment: { execpolicy_amendment: words }
      })
      const onHost = (action: "allow" | "deny") => ({
        applyNetworkPolicyAmendment: { network_policy_amendment: { host: "example.com", action } }
      })
      const offered = (text: string, availableDecisions: NonNullable<Given["availableDecisions"]>) =>
        Effect.map(whole(text, { availableDecisions }), ({ ways }) => ways)
      const begins = "Yes, and from now on, without asking and without the sandbox, every command that begins with: "
      expect(yield* offered("cargo test", [amendment(["cargo", "test"])])).toEqual([
        ["always", `${begins}cargo test`],
        ...refusals
      ])
      expect(yield* offered("cargo test", ["accept", amendment(["cargo"])])).toEqual([once, ...refusals])
      const long = ["cargo", "test", "x".repeat(300)]
      expect(yield* offered(long.join(" "), [amendment(long)])).toEqual(refusals)
      const longest = ["cargo", "test", "x".repeat(300 - "cargo test ".length)]
      expect(yield* offered(longest.join(" "), [amendment(longest)])).toEqual([
        ["always", `${begins}${longest.join(" ")}`],
        ...refusals
      ])
      expect(yield* offered("cargo test; ls", [amendment(["cargo", "test"])])).toEqual(refusals)
      // Actions that this version does not know.
      expect(yield* offered("ls", ["decline"])).toEqual(refusals)
      expect(yield* offered("curl x", [onHost("allow"), onHost("deny"), "acceptForSession"])).toEqual([
        ["allow", "Yes, and from now on all traffic to example.com, without asking"],
        ["deny", "No, and from now on no traffic to example.com"],
        session,
        ...refusals
      ])
    })
  )

  it.effect("leads to the decision that was offered, with its own action", () =>
    Effect.gen(function* () {
      const allowed = {
        applyNetworkPolicyAmendment: { network_policy_amendment: { host: "h", action: "allow" } }
      } as const
      const found = yield* drafted("curl x", { availableDecisions: ["accept", allowed] })
      const decisions =
        typeof found === "string"
          ? []
          : found.ways.flatMap((way) => (way === undefined ? [] : [[way.key, way.decide(new Map())]]))
      expect(decisions).toMatchObject([
        ["y", { success: "accept" }],
        ["allow", { success: allowed }],
        ["n", { success: "decline" }],
        ["cancel", { success: "cancel" }]
      ])
    })
  )
})

describe("the rule that a question about a command offers", () => {
  const ruleOf = (text: string, given?: Given) =>
    Effect.map(drafted(text, given), (found) => (typeof found === "string" ? found : found.rule))
  const always = (text: string, cwdWithin: string) => {
    const [program = "", ...args] = text.split(" ")
    return { name: `always ${text}`, when: { program, args, cwdWithin }, decision: "accept" }
  }
  const longest = `cargo test ${"x".repeat(300 - "cargo test ".length)}`

  it.effect("accepts the command with its arguments in its folder", () =>
    Effect.gen(function* () {
      expect(yield* ruleOf("cargo test")).toEqual(always("cargo test", "/repo"))
      expect(yield* ruleOf("cargo test", { cwd: null })).toEqual(always("cargo test", "/nowhere"))
      expect(yield* ruleOf("cargo test", { kind: undefined })).toEqual(always("cargo test", "/repo"))
      expect(yield* ruleOf("cargo test", { availableDecisions: ["accept"] })).toEqual(always("cargo test", "/repo"))
      expect(yield* ruleOf(longest)).toEqual(always(longest, "/repo"))
    })
  )

  it.effect.each<readonly [string, Given]>([
    ["cargo test", { kind: "writeStdin" }],
    ["cargo test", { kind: "humanCommand" }],
    ["cargo test", { networkApprovalContext: network }],
    ["cargo test", { additionalPermissions: {} }],
    ["cargo test", { availableDecisions: ["acceptForSession"] }],
    ["", { networkApprovalContext: network }],
    ["cargo test > out", {}],
    ["A=b cargo test", {}],
    ["cargo test $X", {}],
    ["$X cargo test", {}],
    ["cargo test; ls", {}],
    ["cargo test (", {}],
    ["cargo", {}],
    [`${longest}x`, {}]
  ])("is missing for %j with %j", ([text, given]) =>
    Effect.gen(function* () {
      expect(yield* ruleOf(text, given)).toBeUndefined()
    })
  )
})

describe("the permissions that are asked for", () => {
  it("are named by their paths", () => {
    expect(pathsOf(profile)).toEqual(["/a", "/b", '{"type":"path","path":"/c"}'])
    expect(pathsOf(null)).toEqual([])
    expect(pathsOf(undefined)).toEqual([])
    expect(pathsOf({})).toEqual([])
  })

  it("are said to be none if none is known", () => {
    for (const none of [{}, { network: {} }, { network: { enabled: false } }, { fileSystem: {} }]) {
      expect(permissionLines(none)).toEqual(["none that this version knows"])
    }
    expect(permissionLines({ fileSystem: { read: ["/a"] } })).toEqual(["read /a"])
    expect(permissionLines({ network: { enabled: true } })).toEqual(["the network, all of it"])
  })
})
