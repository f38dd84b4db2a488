import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Human from "@effect-codex/policy/Human"
import * as HumanQuestion from "@effect-codex/policy/HumanQuestion"
import * as Policy from "@effect-codex/policy/Policy"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { layerPerson, layerQueue } from "./humanSupport.ts"
import { command, fileChange, question, toolCall, userInput } from "./judgeSupport.ts"

const ids = { threadId: "thread", turnId: "turn" }

// What a person is asked about a request, and what comes of this answer.
const ask = Effect.fnUntraced(function* <K extends PolicyEngine.Kind>(
  request: PolicyEngine.Request<K>,
  answer: HumanQuestion.Answer | undefined = { choice: "n" }
) {
  const asked: Array<HumanQuestion.Question> = []
  const person = (question: HumanQuestion.Question) =>
    Effect.sync(() => {
      asked.push(question)
      return answer
    })
  const verdict = yield* Effect.flatMap(Human.Human, ({ decide }) => decide(request)).pipe(
    Effect.provide(layerPerson(person))
  )
  const [shown] = asked
  return {
    decision: verdict.decision,
    verdict,
    question: shown,
    keys: shown?.choices.map(({ key }) => key),
    text: shown === undefined ? "" : HumanQuestion.text(shown)
  }
})

const amendment = (...words: ReadonlyArray<string>): PolicyEngine.Decisions["command"] => ({
  acceptWithExecpolicyAmendment: { execpolicy_amendment: words }
})

const network = (action: string) => ({
  applyNetworkPolicyAmendment: { network_policy_amendment: { action, host: "example.org" } }
})

describe("a command", () => {
  it.effect.each([
    ["npm test", { program: "npm", args: ["test"] }],
    ["bash -lc 'touch \"a b\"'", { program: "touch", args: ["a b"] }],
    ["git commit -m x", { program: "git", args: ["commit", "-m", "x"] }]
  ] as const)("has a rule that would accept it: %s", ([text, when]) =>
    Effect.gen(function* () {
      const { question } = yield* ask(command(text, { cwd: "/srv/app" }))
      expect(question?.rule).toMatchObject({ when: { ...when, cwdWithin: "/srv/app" }, decision: "accept" })
    })
  )

  it.effect.each([
    "git",
    "git push",
    "npm run",
    "rm file",
    "docker ps",
    "bash script.sh",
    "sudo ls x",
    "xargs touch x",
    "npm test; rm -rf /",
    "npm test | tee log",
    "npm test > log",
    "A=1 npm test",
    "npm test $X",
    "touch *.txt",
    "touch `id`",
    `touch ${"x".repeat(400)}`,
    "echo 'not closed"
  ])("has no rule if its words do not say what it does: %s", (text) =>
    Effect.gen(function* () {
      const { question } = yield* ask(command(text))
      expect(question?.rule).toBeUndefined()
    })
  )

  it.effect("has no rule if more is asked than to run it, or no plain yes is offered", () =>
    Effect.gen(function* () {
      for (const more of [
        { kind: "writeStdin" },
        { kind: "humanCommand" },
        { networkApprovalContext: { host: "example.org", protocol: "https" } },
        { additionalPermissions: { network: { enabled: true } } },
        { availableDecisions: ["cancel"] }
      ]) {
        const { question } = yield* ask(command("npm test", more as never))
        expect(question?.rule).toBeUndefined()
      }
    })
  )

  it.effect.each([
    ["what is offered", "npm test", ["accept", amendment("npm", "test"), "cancel"], ["y", "always", "n", "cancel"]],
    ["all that there is when nothing is said", "ls", undefined, ["y", "session", "n", "cancel"]],
    ["no yes when none is offered", "ls", ["cancel"], ["n", "cancel"]],
    [
      "no amendment for a part of a command",
      "npm test; rm -rf /",
      ["accept", amendment("npm", "test")],
      ["y", "n", "cancel"]
    ],
    ["no amendment for what runs anything", "bash -c ls", ["accept", amendment("bash")], ["y", "n", "cancel"]],
    ["no empty amendment", "ls", ["accept", amendment()], ["y", "n", "cancel"]],
    [
      "rules for the network",
      "curl a",
      ["accept", network("allow"), network("deny")],
      ["y", "allow", "deny", "n", "cancel"]
    ],
    ["nothing that is not known", "ls", ["accept", "acceptTwice", network("perhaps")], ["y", "n", "cancel"]]
  ] as const)("offers %s", ([, text, availableDecisions, keys]) =>
    Effect.gen(function* () {
      expect((yield* ask(command(text, { availableDecisions }))).keys).toEqual(keys)
    })
  )

  it.effect("breaks no word of a choice on a narrow terminal", () =>
    Effect.gen(function* () {
      const availableDecisions = ["accept", amendment("npm", "test")]
      const { question } = yield* ask(command("npm test", { availableDecisions }))
      if (question === undefined) return expect.unreachable()
      const text = HumanQuestion.text(question, 60)
      expect(text).toContain(
        [
          "  y       Yes, once. It may run outside the sandbox, with",
          "          your rights",
          "  always  Yes, and from now on, without asking and without",
          "          the sandbox, every command that begins with: npm",
          "          test",
          "  n       No. The agent gets the refusal and continues"
        ].join("\n")
      )
    })
  )

  it.effect("offers an amendment in words that can't pass for another choice", () =>
    Effect.gen(function* () {
      const words = ["npm", "test", `${" ".repeat(70)}n  No, really\n  n  No`]
      const { text } = yield* ask(command("npm test", { availableDecisions: ["accept", amendment(...words)] }))
      const choices = text.slice(text.indexOf("  y  "))
      expect(choices.match(/^ {2}\S+/gm)).toEqual(["  y", "  always", "  n", "  cancel"])
      expect(choices.split("\n").filter((line) => line.length > 80)).toEqual([])
    })
  )

  it.effect("is decided by the choice, word for word", () =>
    Effect.gen(function* () {
      const request = command("npm test", {
        availableDecisions: ["accept", "acceptForSession", amendment("npm", "test"), network("allow"), "cancel"]
      })
      const decisions = yield* Effect.forEach(
        ["y", "session", "always", "allow", "n", "cancel", "Y", "", "accept"],
        (choice) => Effect.map(ask(request, { choice }), ({ decision }) => decision)
      )
      expect(decisions).toEqual([
        "accept",
        "acceptForSession",
        amendment("npm", "test"),
        network("allow"),
        "decline",
        "cancel",
        "decline",
        "decline",
        "decline"
      ])
    })
  )

  it.effect.each([
    [["git"]],
    [["npm"]],
    [["rm"]],
    [["docker"]],
    [["ls"]],
    [["bash.exe"]],
    [["C:\\Windows\\System32\\CMD.EXE", "/c"]],
    [["Bash.EXE", "x"]],
    [["/usr/local/bin/rm", "build"]],
    [["rm", "-rf"]],
    [["docker", "run"]],
    [["kubectl", "delete"]],
    [["python3.12", "x.py"]],
    [["git", "-c"]],
    [["git", "config"]],
    [["git", "push"]],
    [["GIT.exe", "rebase"]],
    [["npm", "exec"]],
    [["npm", "run"]],
    [["npm", "run", "--script-shell=x"]],
    [["npm", "install"]],
    [["cargo", "install"]],
    [["tool", "--verbose"]],
    [["npm", "test", "x".repeat(300)]]
  ])("offers no amendment that does not say what would run: %j", ([words]) =>
    Effect.gen(function* () {
      const { keys } = yield* ask(command(words.join(" "), { availableDecisions: ["accept", amendment(...words)] }))
      expect(keys).toEqual(["y", "n", "cancel"])
    })
  )

  it.effect.each([[["npm", "run", "build"]], [["git", "status"]], [["cargo", "test"]], [["/opt/tool", "check"]]])(
    "offers an amendment that does: %j",
    ([words]) =>
      Effect.gen(function* () {
        const { keys } = yield* ask(command(words.join(" "), { availableDecisions: ["accept", amendment(...words)] }))
        expect(keys).toContain("always")
      })
  )

  it.effect("is shown with its folder, and what the model says of it as that", () =>
    Effect.gen(function* () {
      const { text } = yield* ask(command("make all", { cwd: "/etc", reason: "It is harmless" }))
      expect(text).toContain("Folder\n  │ /etc\n  │ NOT in the working folder")
      expect(text).toContain("Why, as the model claims\n  │ It is harmless")
      expect(text).toContain("It may run outside the sandbox, with your rights")
    })
  )

  it.effect("is shown whole however long it is, or there is no yes", () =>
    Effect.gen(function* () {
      const long = (length: number) => `echo ${"x".repeat(length)} MIDDLE ${"x".repeat(length)}`
      const { question } = yield* ask(command(long(45_000)))
      expect(question?.details[0]?.text).toBe(long(45_000))
      const tooLong = yield* ask(command(long(250_000)), { choice: "y" })
      expect(tooLong.question).toBeUndefined()
      expect(tooLong.verdict).toMatchObject({ decision: "decline", reason: "it is too long to be shown whole" })
    })
  )

  it.effect.each([
    ["Cyrillic alone", "\u0441\u043e\u0440\u0443 a b", "\u0441\u043e\u0440\u0443: \\u{441}\\u{43e}\\u{440}\\u{443}"],
    ["Greek alone", "\u03c1\u03c9\u03bf", "\\u{3c1}\\u{3c9}\\u{3bf}"],
    ["Hebrew", "rm \u05d0/\u05d1", "\\u{5d0}"],
    ["Arabic", "rm \u0627\u0628", "\\u{627}\\u{628}"],
    ["Syriac, next to Latin", "rm x\u0710", "x\\u{710}"],
    ["Adlam", "rm \u{1e900}", "\\u{1e900}"]
  ])("has its words in letters that mislead named: %s", ([, text, named]) =>
    Effect.gen(function* () {
      const { question } = yield* ask(command(text))
      expect(question?.details.find(({ label }) => label.startsWith("Careful"))?.text).toContain(named)
      for (const { text } of question?.details ?? []) {
        expect(text).not.toMatch(/[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Adlam}]/u)
      }
    })
  )

  it.effect("has nothing to be careful with in Latin, Chinese and Japanese letters", () =>
    Effect.gen(function* () {
      const { text } = yield* ask(command("cat caf\u00e9 \u6587\u4ef6 \u30c7\u30fc\u30bf"))
      expect(text).not.toContain("Careful")
    })
  )

  it.effect("that is typing, network access or for people alone is called so", () =>
    Effect.gen(function* () {
      expect((yield* ask(command("y", { kind: "writeStdin" }))).text).toContain("Type into a running program?")
      const host = yield* ask(
        command("", { command: null, networkApprovalContext: { host: "example.org", protocol: "https" } })
      )
      expect(host.text).toContain("https to example.org")
      const alone = yield* ask(command("deploy", { kind: "humanCommand" }), { choice: "session" })
      expect(alone.text).toContain("an administrator leaves to people alone")
      expect(alone.keys).toEqual(["y", "n", "cancel"])
      expect(alone.decision).toBe("decline")
    })
  )

  it.effect("of a kind that is not known, or without anything to show, is declined unasked", () =>
    Effect.gen(function* () {
      for (const request of [command("ls", { kind: "newKind" }), command("", { command: null })]) {
        const { question, verdict } = yield* ask(request, { choice: "y" })
        expect(question).toBeUndefined()
        expect(verdict.decision).toBe("decline")
      }
    })
  )
})

describe("a change of files", () => {
  const change = (...changes: ReadonlyArray<readonly [path: string, movePath?: string]>) => ({
    ...fileChange("/repo/a"),
    item: {
      type: "fileChange",
      id: "item",
      status: "inProgress",
      changes: changes.map(([path, move_path]) => ({
        path,
        diff: "+new line",
        kind: move_path === undefined ? ({ type: "add" } as const) : ({ type: "update", move_path } as const)
      }))
    } as const
  })

  it.effect("names each file and where it lies, those outside first", () =>
    Effect.gen(function* () {
      const { text } = yield* ask(change(["/repo/in"], ["/repo/link/passwd"], ["/repo/b", "/home/c"], ["/repo-evil/x"]))
      expect(text).toContain(
        [
          "  │ add /repo/link/passwd (NOT surely in the working folder: by name, but a li",
          "  ┊ nk leads away, or cannot be followed)",
          "  │ change /repo/b (in the working folder)",
          "  │ move to /home/c (NOT in the working folder)",
          "  │ add /repo-evil/x (NOT in the working folder)",
          "  │ add /repo/in (in the working folder)"
        ].join("\n")
      )
      expect(text).toContain("+new line")
    })
  )

  it.effect("of many files names them all, with all that changes, or there is no yes", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 100 }, (_, index) => [`/out/${index}${"x".repeat(500)}`] as const)
      const { question } = yield* ask(change(...many))
      const [files, changes] = question?.details ?? []
      for (const [path] of many) {
        expect(files?.text).toContain(`add ${path} (NOT in the working folder)`)
        expect(changes?.text).toContain(`${path}\n+new line`)
      }
      const diff = fileChange("/repo/a", `+${"x".repeat(60_000)}MIDDLE${"x".repeat(60_000)}`)
      expect((yield* ask(diff)).question?.details[1]?.text).toContain("MIDDLE")
      const huge = yield* ask(fileChange("/repo/a", "x".repeat(500_001)), { choice: "y" })
      expect(huge.verdict).toMatchObject({ decision: "decline", reason: "it is too long to be shown whole" })
    })
  )

  it.effect("is decided once or for the session, and not at all when the files are not known", () =>
    Effect.gen(function* () {
      const request = change(["/repo/a"])
      expect((yield* ask(request, { choice: "y" })).decision).toBe("accept")
      expect((yield* ask(request, { choice: "session" })).decision).toBe("acceptForSession")
      expect((yield* ask({ ...request, item: undefined }, { choice: "y" })).decision).toBe("decline")
    })
  )
})

describe("permissions", () => {
  const request: PolicyEngine.Request<"permissions"> = {
    kind: "permissions",
    params: {
      ...ids,
      itemId: "item",
      startedAtMs: 0,
      cwd: "/repo",
      permissions: { network: { enabled: true }, fileSystem: { write: ["/var/\u202ex"] } }
    },
    ...ids,
    item: undefined,
    availableDecisions: undefined
  }

  it.effect("are granted as asked for, for the turn or for the session", () =>
    Effect.gen(function* () {
      const { decision, text } = yield* ask(request, { choice: "y" })
      expect(decision).toEqual({ permissions: request.params.permissions, scope: "turn" })
      expect(text).toContain("the network, all of it\n  │ write /var/\\u{202e}x")
      expect((yield* ask(request, { choice: "session" })).decision).toMatchObject({ scope: "session" })
      expect((yield* ask(request)).decision).toBe("decline")
    })
  )
})

describe("questions of the agent", () => {
  const request = userInput(question("color", ["Red", "Blue"]), question("key", [], { isSecret: true }))
  const answer = (values: HumanQuestion.Answer["values"]) => ask(request, { choice: "y", values })

  it.effect("are answered with what was asked for, and nothing else", () =>
    Effect.gen(function* () {
      expect((yield* answer({ color: "Red", key: Redacted.make("hunter2") })).decision).toEqual({
        answers: { color: { answers: ["Red"] }, key: { answers: ["hunter2"] } }
      })
      expect((yield* answer({})).decision).toEqual({ answers: {} })
      for (const wrong of [{ color: "Green" }, { color: 1 }, { color: ["Red"] }, { shape: "Round" }]) {
        const { verdict } = yield* answer(wrong)
        expect(verdict.decision).toBe("decline")
        expect(JSON.stringify(verdict)).not.toContain("Green")
      }
    })
  )
})

describe("what the agent asks", () => {
  it.effect("is shown whole, with whole options", () =>
    Effect.gen(function* () {
      const label = `Yes${"x".repeat(5000)}MIDDLE${"x".repeat(5000)}`
      const { question: shown } = yield* ask(userInput({ ...question("a", [label]), question: label }))
      expect(shown?.fields[0]).toMatchObject({ description: label, options: [{ value: label, label }] })
    })
  )

  it.effect("twice under one id is answered by nobody", () =>
    Effect.gen(function* () {
      const { question: shown, verdict } = yield* ask(userInput(question("a", ["Yes"]), question("a", ["No"])), {
        choice: "y",
        values: { a: "Yes" }
      })
      expect(shown).toBeUndefined()
      expect(verdict).toMatchObject({ decision: "decline", reason: "two questions have the same id" })
    })
  )
})

describe("what an MCP server asks", () => {
  const elicitation = (params: object): PolicyEngine.Request<"elicitation"> => ({
    kind: "elicitation",
    params: { ...ids, serverName: "files", ...params } as PolicyEngine.Params["elicitation"],
    ...ids,
    item: undefined,
    availableDecisions: undefined
  })
  const form = (properties: object, more?: object) =>
    elicitation({
      mode: "form",
      message: "Fill in",
      requestedSchema: { type: "object", properties, required: ["name"] },
      ...more
    })
  const claim = form(
    {},
    { _meta: { codex_approval_kind: "mcp_tool_call", tool_name: "wipe", persist: ["session", "always"] } }
  )

  it.effect("as the approval of a tool is shown as a claim, and kept only if the person says so", () =>
    Effect.gen(function* () {
      const { decision, keys, text } = yield* ask(claim, { choice: "y" })
      expect(text).toContain("as the server or codex claims: a server can forge this question\n  │ wipe")
      expect(keys).toEqual(["y", "session", "always", "n", "cancel"])
      expect(decision).toEqual({ action: "accept", content: {}, _meta: null })
      expect((yield* ask(claim, { choice: "always" })).decision).toMatchObject({ _meta: { persist: "always" } })
      expect((yield* ask(claim, { choice: "cancel" })).decision).toBe("cancel")
    })
  )

  const properties = {
    name: { type: "string", title: "Your name", minLength: 2, maxLength: 5 },
    age: { type: "integer", minimum: 1 },
    sure: { type: "boolean" },
    size: { type: "string", enum: ["s", "l"], enumNames: ["Small", "Large"] },
    tone: { type: "string", oneOf: [{ const: "a", title: "Major" }] },
    tags: {
      type: "array",
      items: {
        anyOf: [
          { const: "x", title: "X" },
          { const: "y", title: "Y" }
        ]
      },
      maxItems: 1
    },
    password: { type: "string" }
  }

  it.effect("in a form gets the values that its fields take", () =>
    Effect.gen(function* () {
      const values = {
        name: "Ann",
        age: 3,
        sure: false,
        size: "l",
        tone: "a",
        tags: ["x"],
        password: Redacted.make("p")
      }
      const { decision, question } = yield* ask(form(properties), { choice: "y", values })
      expect(decision).toEqual({ action: "accept", content: { ...values, password: "p" }, _meta: null })
      expect(question?.fields.filter(({ isSecret }) => isSecret).map(({ id }) => id)).toEqual(["password"])
      const wrongs = [
        {},
        { name: "A" },
        { name: "Annabel" },
        { name: "Ann", age: 0 },
        { name: "Ann", age: 1.5 },
        { name: "Ann", sure: "yes" },
        { name: "Ann", size: "m" },
        { name: "Ann", tone: "Major" },
        { name: "Ann", tags: ["x", "y"] },
        { name: "Ann", more: "x" }
      ]
      for (const values of wrongs) {
        expect((yield* ask(form(properties), { choice: "y", values })).decision).toBe("decline")
      }
    })
  )

  it.effect("as a visit to a page shows the address in full and opens nothing", () =>
    Effect.gen(function* () {
      const url = "https://ex\u0430mple.org/?q=1"
      const { decision, text } = yield* ask(elicitation({ mode: "url", message: "Go", url, elicitationId: "e" }), {
        choice: "y"
      })
      expect(text).toContain("https://ex\\u{430}mple.org/?q=1")
      expect(decision).toEqual({ action: "accept", content: null, _meta: null })
    })
  )

  it.effect("in any other way is declined unasked", () =>
    Effect.gen(function* () {
      for (const request of [
        elicitation({ mode: "openai/userVerification", challenge: "c", description: "d", title: "t" }),
        elicitation({ mode: "openaiForm", message: "m", requestedSchema: {} }),
        elicitation({ mode: "unknown", raw: {} }),
        form({ name: { type: "picture" } })
      ]) {
        const { decision, question } = yield* ask(request, { choice: "y" })
        expect(question).toBeUndefined()
        expect(decision).toBe("decline")
      }
    })
  )
})

describe("a call of a tool", () => {
  it.effect("is shown with its arguments and decided once", () =>
    Effect.gen(function* () {
      const { decision, keys, text } = yield* ask(toolCall("send", { to: "a\u001b[2Jb" }, "mail"), { choice: "y" })
      expect(text).toContain("  │ mail.send")
      expect(text).toContain('"to": "a\\u001b[2Jb"')
      expect(keys).toEqual(["y", "n"])
      expect(decision).toBe("accept")
    })
  )
})

describe("a person behind a function", () => {
  const decide = (ask: Parameters<typeof layerPerson>[0], options?: Parameters<typeof layerPerson>[1]) =>
    Effect.flatMap(Human.Human, ({ decide }) => decide(command("ls"))).pipe(Effect.provide(layerPerson(ask, options)))

  it.effect("who says nothing, fails or throws has declined", () =>
    Effect.gen(function* () {
      const people: ReadonlyArray<Parameters<typeof layerPerson>[0]> = [
        () => Effect.undefined,
        () => Effect.succeed(null as never),
        () => Effect.succeed("y" as never),
        () => Effect.fail("gone"),
        () => Effect.die("broken"),
        () => {
          throw new Error("thrown")
        }
      ]
      for (const person of people)
        expect(yield* decide(person, { name: "Ann" })).toMatchObject({ decision: "decline", by: "Ann" })
    })
  )

  it.effect("who takes too long has declined, and is not waited for", () =>
    Effect.gen(function* () {
      const isAsked = yield* Deferred.make<void>()
      const stubborn = () => Effect.uninterruptible(Effect.andThen(Deferred.succeed(isAsked, undefined), Effect.never))
      const fiber = yield* Effect.forkChild(decide(stubborn, { deadline: "1 minute" }))
      yield* Deferred.await(isAsked)
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "decline", reason: "no answer within 1m" })
    })
  )

  it.effect("is not asked more than so many things at a time", () =>
    Effect.gen(function* () {
      const { decide } = yield* Human.Human
      yield* Effect.forkChild(decide(command("one")), { startImmediately: true })
      yield* Effect.forkChild(decide(command("two")), { startImmediately: true })
      expect(yield* decide(command("three"))).toMatchObject({
        decision: "decline",
        reason: "2 other questions are open"
      })
    }).pipe(Effect.provide(layerPerson(() => Effect.never, { maxOpen: 2 })))
  )
})

describe("a person at the end of a queue", () => {
  it.effect("answers what is open, each once", () =>
    Effect.gen(function* () {
      const { decide } = yield* Human.Human
      const { questions } = yield* Human.HumanQueue
      const fiber = yield* Effect.forkChild(decide(command("ls")))
      const [open] = yield* Stream.runCollect(Stream.take(questions, 1))
      expect(yield* open!.answer({ choice: "y" })).toBe(true)
      expect(yield* Fiber.join(fiber)).toMatchObject({ decision: "accept" })
      yield* open!.closed
      expect(yield* open!.answer({ choice: "n" })).toBe(false)
    }).pipe(Effect.provide(layerQueue()))
  )

  it.effect("does not get to see what was withdrawn or is late", () =>
    Effect.gen(function* () {
      const { decide } = yield* Human.Human
      const { questions } = yield* Human.HumanQueue
      const withdrawn = yield* Effect.forkChild(decide(command("one")), { startImmediately: true })
      const late = yield* Effect.forkChild(decide(command("two")), { startImmediately: true })
      yield* Fiber.interrupt(withdrawn)
      yield* TestClock.adjust("5 minutes")
      expect(yield* Fiber.join(late)).toMatchObject({ decision: "decline" })
      yield* Effect.forkChild(decide(command("three")))
      const [open] = yield* Stream.runCollect(Stream.take(questions, 1))
      expect(open?.details[0]?.text).toBe("three")
    }).pipe(Effect.provide(layerQueue()))
  )

  it.effect("loses its say over what is withdrawn after it was taken", () =>
    Effect.gen(function* () {
      const { decide } = yield* Human.Human
      const { questions } = yield* Human.HumanQueue
      const fiber = yield* Effect.forkChild(decide(command("one")))
      const [open] = yield* Stream.runCollect(Stream.take(questions, 1))
      yield* Fiber.interrupt(fiber)
      yield* open!.closed
      expect(yield* open!.answer({ choice: "y" })).toBe(false)
    }).pipe(Effect.provide(layerQueue()))
  )

  it.effect("has declined what does not fit when nobody reads", () =>
    Effect.gen(function* () {
      const { decide } = yield* Human.Human
      yield* Effect.forkChild(decide(command("one")), { startImmediately: true })
      expect(yield* decide(command("two"))).toMatchObject({ decision: "decline" })
      yield* TestClock.adjust("5 minutes")
      // What is too old still fills the queue of somebody who does not read.
      expect(yield* decide(command("three"))).toMatchObject({ decision: "decline" })
    }).pipe(Effect.provide(layerQueue({ maxOpen: 1 })))
  )
})

describe("the engine of a person", () => {
  it.effect("is asked about what rules leave open, and about nothing that they decide", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const rules = PolicyEngine.make({
        command: ({ params }) =>
          Effect.succeed(params.command === "rm" ? { decision: "decline", by: "rules" } : undefined)
      })
      const person = layerPerson(({ details }) =>
        Effect.sync(() => {
          asked.push(details[0]?.text ?? "")
          return { choice: "y" }
        })
      )
      const engine = yield* Effect.map(Human.engine, (human) => Policy.firstOf(rules, human)).pipe(
        Effect.provide(person)
      )
      expect(yield* engine.command(command("rm"))).toMatchObject({ decision: "decline", by: "rules" })
      expect(yield* engine.command(command("ls"))).toMatchObject({ decision: "accept", by: "human" })
      expect(yield* engine.toolCall(toolCall("send"))).toMatchObject({ decision: "accept", by: "human" })
      expect(asked).toEqual(["ls", "send"])
    })
  )

  it.effect("is a layer, and its approval another, of the same person", () =>
    Effect.gen(function* () {
      const engine = yield* PolicyEngine.PolicyEngine
      const approval = yield* PolicyEngine.HumanApproval
      expect(yield* engine.command(command("ls"))).toMatchObject({ decision: "acceptForSession" })
      expect(yield* approval!(command("ls"))).toMatchObject({ decision: "decline", by: "human" })
      expect(yield* approval!(command("ls", { kind: "humanCommand" }))).toMatchObject({ decision: "decline" })
    }).pipe(
      Effect.provide(
        Layer.merge(Human.layerEngine, Human.layerApproval).pipe(
          Layer.provide(layerPerson(() => Effect.succeed({ choice: "session" })))
        )
      )
    )
  )
})

it.effect("a question that can't be asked says why, without words of the request", () =>
  Effect.gen(function* () {
    const failing = () => Effect.fail(new PolicyFailed({ description: "no screen" }))
    const { decide } = yield* Effect.provide(Human.Human, layerPerson(failing))
    expect(yield* decide(command("PWN"))).toEqual({ decision: "decline", by: "human", reason: "asking failed" })
  })
)
