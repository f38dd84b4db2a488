import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rubric from "@effect-codex/policy/Rubric"
import type { CommandCondition, CommandDecision } from "@effect-codex/policy/Rule"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { anywhere, commandRequest, wrapped } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

const decide = Effect.fnUntraced(function* (
  rubric: Rubric.PolicyRubric,
  params: Partial<PolicyEngine.Params["command"]> | string,
  options?: RuleBasedPolicy.Options
) {
  const engine = yield* RuleBasedPolicy.make(rubric, options)
  return yield* engine.command(commandRequest(params))
}, Effect.provide(layerRepo))

const strict = (...commandRules: NonNullable<Rubric.PolicyRubric["commandRules"]>): Rubric.PolicyRubric => ({
  mode: "strict",
  commandRules: anywhere(commandRules)
})

const decisionOn = (
  when: CommandCondition,
  decision: CommandDecision,
  command: string | Partial<PolicyEngine.Params["command"]>
) =>
  Effect.map(
    decide(
      { mode: decision === "decline" ? "permissive" : "strict", commandRules: anywhere([{ when, decision }]) },
      command
    ),
    (verdict) => verdict?.decision
  )

describe("the first rule that matches", () => {
  const rules = [
    { name: "third", priority: 2, decision: "decline" },
    { name: "second", priority: 1, when: { program: "ls" }, decision: "accept" },
    { name: "first", priority: 1, when: { program: "ls", args: ["x"] }, decision: "decline" },
    { name: "zeroth", priority: -5, when: { args: ["y"] }, decision: "cancel" }
  ] as const

  it.effect("by priority, and of equals by place, decides", () =>
    Effect.gen(function* () {
      expect(yield* decide(strict(...rules), "ls")).toMatchObject({ decision: "accept", by: "second" })
      expect(yield* decide(strict(...rules), "ls x")).toMatchObject({ decision: "accept", by: "second" })
      expect(yield* decide(strict(...rules), "ls y")).toMatchObject({ decision: "cancel", by: "zeroth" })
      expect(yield* decide(strict(...rules), "cat")).toMatchObject({ decision: "decline", by: "third" })
    })
  )

  it.effect("has priority 1000 if it says none", () =>
    Effect.gen(function* () {
      const rubric = strict({ decision: "accept" }, { priority: 999, when: { program: "ls" }, decision: "decline" })
      expect(yield* decide(rubric, "ls")).toMatchObject({ decision: "decline", by: "commandRules[1]" })
      expect(yield* decide(rubric, "cat")).toMatchObject({ decision: "accept", by: "commandRules[0]" })
    })
  )

  it.effect("decides as if there were no rules when it has no decision", () =>
    Effect.gen(function* () {
      const rule = { name: "as ever", when: { program: "ls" } }
      const rules = [rule, { decision: "cancel" as const }]
      expect(yield* decide({ mode: "permissive", commandRules: rules }, "ls")).toMatchObject({
        decision: "accept",
        by: "as ever"
      })
      expect(yield* decide({ mode: "strict", commandRules: rules }, "ls")).toMatchObject({
        decision: "decline",
        by: "as ever"
      })
      expect(yield* decide({ allowedRoots: ["/repo"], commandRules: rules }, "ls src")).toMatchObject({
        decision: "accept"
      })
      expect(yield* decide({ allowedRoots: ["/repo"], commandRules: rules }, "ls /etc")).toMatchObject({
        decision: "decline"
      })
      expect(yield* decide({ mode: "strict", commandRules: rules }, "cat")).toMatchObject({ decision: "cancel" })
    })
  )
})

describe("where no rule matches", () => {
  it.effect("the mode decides, and without one the balanced mode", () =>
    Effect.gen(function* () {
      expect(yield* decide({ mode: "permissive" }, "touch x")).toMatchObject({
        decision: "accept",
        by: "mode permissive"
      })
      expect(yield* decide({ mode: "strict" }, "ls")).toMatchObject({ decision: "decline", by: "mode strict" })
      expect(yield* decide({ allowedRoots: ["/repo"] }, "ls")).toMatchObject({
        decision: "accept",
        by: "mode balanced"
      })
      expect(yield* decide({ allowedRoots: ["/repo"] }, "touch x")).toMatchObject({ decision: "decline" })
      expect(yield* decide({}, "echo hi")).toMatchObject({ decision: "accept" })
      expect(yield* decide({}, "ls")).toMatchObject({ decision: "decline" })
    })
  )

  it.effect("a default beats the mode", () =>
    Effect.gen(function* () {
      expect(yield* decide({ mode: "strict", defaults: { command: "accept" } }, "ls")).toMatchObject({
        decision: "accept",
        by: "defaults"
      })
      expect(yield* decide({ mode: "permissive", defaults: { command: "cancel" } }, "ls")).toMatchObject({
        decision: "cancel"
      })
    })
  )

  it.effect("an engine that is to abstain does", () =>
    Effect.gen(function* () {
      const rubric = strict(
        { when: { program: "ls" }, decision: "accept" },
        { when: { program: "rm" }, decision: "decline" }
      )
      const abstaining = (command: string) => decide(rubric, command, { unmatched: "abstain" })
      expect(yield* abstaining("ls")).toMatchObject({ decision: "accept" })
      expect(yield* abstaining("cat")).toBeUndefined()
      expect(yield* abstaining("ls; cat")).toBeUndefined()
      expect(yield* abstaining("ls $X")).toBeUndefined()
      expect(yield* abstaining("cat; rm x")).toMatchObject({ decision: "decline" })
    })
  )
})

describe("a condition", () => {
  // What a rule with it accepts, does not accept, declines, and does not decline.
  const table: ReadonlyArray<{
    readonly when: CommandCondition
    readonly accepts?: ReadonlyArray<string>
    readonly acceptsNot?: ReadonlyArray<string>
    readonly declines?: ReadonlyArray<string>
    readonly declinesNot?: ReadonlyArray<string>
  }> = [
    {
      when: { program: "git" },
      accepts: ["git", "git status", "git status; git diff"],
      acceptsNot: [
        "./git",
        "/tmp/git",
        "/usr/bin/git",
        "gitk",
        "Git",
        "git status; ls",
        "git $X",
        "$(git)",
        "git -x",
        "git --help"
      ],
      declines: [
        "git",
        "/usr/bin/git x",
        "./git",
        "GIT",
        "sudo git x",
        "ls; git x",
        "ls $(git x)",
        "$X",
        "g''it",
        "eval git",
        "bash -c 'git'"
      ],
      declinesNot: ["ls", "gitk", "ls git", "ls $X", "echo 'git'"]
    },
    {
      when: { program: ["git", "/usr/bin/git"] },
      accepts: ["git x", "/usr/bin/git x"],
      acceptsNot: ["/bin/git x"]
    },
    {
      when: { args: ["test"] },
      accepts: ["npm test", "x test"],
      acceptsNot: ["npm", "npm test x", "npm 'test '"],
      declines: ["npm test", "npm $X", "npm a $X"],
      declinesNot: ["npm test x", "npm"]
    },
    {
      when: { program: "git", argsPrefix: ["remote", "add"] },
      accepts: ["git remote add", "git remote add x y"],
      acceptsNot: ["git remote", "git remote remove", "git -C x remote add", "git remote -v add", "git 'remote add'"],
      declines: [
        "git remote add x",
        "git -C x remote add",
        "git --no-pager remote -v add x",
        "git $X add",
        "git remote $X",
        "git $X"
      ],
      declinesNot: ["git remote", "git log remote add", "git remote remove add", "ls remote add"]
    },
    {
      when: { program: "rm", flags: ["-r|-R|--recursive", "-f|--force"] },
      accepts: ["rm -r -f x", "rm -rf x", "rm -fr x", "rm --recursive --force x", "rm x -R -f"],
      acceptsNot: ["rm -r x", "rm -f x", "rm x", "rm -rfv x", "rm --rec --force x"],
      declines: ["rm -rf x", "rm -fvr x", "rm x -f y -R", "rm --rec --fo x", "rm -r $X", "rm $X", "rm --force=x -r"],
      declinesNot: ["rm -r x", "rm x", "rm -v x"]
    },
    {
      when: { program: "ls", allowedFlags: ["-l", "-a", "--color", "-NUM"] },
      accepts: ["ls", "ls -l", "ls -la", "ls -al5", "ls --color", "ls --color=auto", "ls -5", "ls -- x", "ls -"],
      acceptsNot: ["ls -R", "ls -laR", "ls --colour", "ls --col", "ls -- -R", "ls --", "ls -l=x", "ls '-l '"].filter(
        (line) => line !== "ls --"
      )
    },
    { when: { program: "ls", allowedFlags: ["*"] }, accepts: ["ls -R --anything=x"], acceptsNot: ["ls -R $X"] },
    {
      when: { commandRegex: "npm (test|run [a-z]+)( --silent)?( -- .*)?" },
      accepts: ["npm test", "npm run build", "npm test --silent", "npm 'test'", "npm test -- x"],
      acceptsNot: [
        "npm testx",
        "xnpm test",
        "npm test -- --evil",
        "npm test; ls",
        "npm test -- $X",
        "npm test -- é",
        "npm test -- 'a\nb'",
        "npm test > /repo/x"
      ],
      declines: [
        "npm test",
        "xnpm testx",
        "echo 'npm test'",
        "npm   test",
        "n''pm test",
        "ls; npm test",
        "eval npm test",
        "$X test"
      ],
      declinesNot: ["npm install", "ls"]
    },
    { when: { commandRegex: "" }, acceptsNot: ["ls", ""], declines: ["ls", ""] },
    {
      when: { pathsWithin: "/repo/src" },
      accepts: [
        "cat src/a.ts",
        "cat /repo/src/a.ts",
        "cat /repo/src",
        "cat src/../src/a.ts",
        "cd src && cat a.ts",
        "cd src && ls"
      ],
      acceptsNot: [
        "cat package.json",
        "cat /repo/src-evil",
        "cat src/../package.json",
        "cat src/../../etc/passwd",
        "ls",
        "ls -a",
        "cat src/a.ts /etc/passwd",
        "cat --file=/etc/passwd src/a.ts",
        "cat -f/etc/passwd src/a.ts",
        "cat @/etc/passwd src/a.ts",
        "cat x=/etc/passwd",
        "cat src:/etc/passwd",
        "cat '~'",
        "cd $X && cat a.ts",
        "cd src; cat a.ts",
        "cat file:///etc/passwd"
      ],
      declines: [
        "cat src/a.ts",
        "cat src/../src",
        "cd src && cat a.ts",
        "cd src && ls",
        "cat $X",
        "cat *",
        "cat x=src/a.ts",
        "cd $X; cat a.ts"
      ],
      declinesNot: ["cat package.json", "cat /etc/passwd", "ls", "cat /repo/src-evil"]
    },
    {
      when: { pathsWithin: "/repo" },
      acceptsNot: ["cat link/passwd", "cat dangling", "cat link/../passwd", "cat build/link/new"]
    },
    {
      when: { cwdWithin: "/repo/src" },
      acceptsNot: ["ls", "cd src; ls"],
      declines: ["cd src && ls", "cd src; ls", "cd $X; ls"],
      declinesNot: ["ls", "cd build && ls"]
    },
    {
      when: { program: ["echo", "cat"], redirectsWithin: "/repo/build" },
      accepts: ["echo x", "echo x > build/x", "echo x >> /repo/build/x", "cat < build/x", "echo x 2>&1 >/dev/null"],
      acceptsNot: [
        "echo x > x",
        "echo x > build/../x",
        "echo x > build/link/x",
        "echo x > $X",
        "echo x > build/x > /etc/x",
        "cat < /etc/passwd",
        "echo x >& build/x"
      ],
      declines: ["echo x > build/x", "echo x > $X", "echo x > a > build/b"],
      declinesNot: ["echo x", "echo x > x", "echo build/x", "ls > build/x"]
    },
    {
      when: { program: "npm", assigns: ["CI", "NODE_ENV"] },
      accepts: ["npm test", "CI=1 npm test", "CI=1 NODE_ENV=test npm test"],
      acceptsNot: ["PATH=x npm test", "CI=1 PATH=x npm test", "CI=$X npm test", "CI+=1 npm test", "CI[0]=1 npm test"],
      declines: ["CI=1 npm test", "CI=$X npm test"],
      declinesNot: ["npm test", "X=1 npm test"]
    },
    {
      when: { assigns: ["PATH"] },
      declines: ["PATH=x ls", "export PATH=x", "env PATH=x ls", "declare -x PATH", "PATH=x"],
      declinesNot: ["ls PATH=x"]
    },
    { when: { threadIdRegex: "thr.*" }, accepts: ["ls"], declines: ["ls"] },
    { when: { threadIdRegex: "thr" }, acceptsNot: ["ls"], declines: ["ls"] },
    { when: { turnIdRegex: "other" }, acceptsNot: ["ls"], declinesNot: ["ls"] },
    { when: { hasProposedExecpolicy: false, program: "ls" }, accepts: ["ls"], declines: ["ls"] },
    { when: { hasProposedExecpolicy: true, program: "ls" }, acceptsNot: ["ls"], declinesNot: ["ls"] },
    { when: { hasProposedExecpolicy: false }, acceptsNot: ["ls"], declines: ["ls"] },
    { when: { reasonRegex: "x" }, acceptsNot: ["ls"], declinesNot: ["ls"] },
    { when: { networkHost: "example.com" }, acceptsNot: ["ls"], declinesNot: ["ls"] },
    {
      when: {},
      accepts: ["ls", "rm -rf x", "PATHS", "ls -la"],
      acceptsNot: ["ls $X", "ls *", "PATH=x ls", "ls > x", "f() { ls; }", "printf 'a[$(id)]'"],
      declines: ["ls", "$X"]
    }
  ]

  for (const { accepts = [], acceptsNot = [], declines = [], declinesNot = [], when } of table) {
    it.effect(`${JSON.stringify(when)} holds as it should`, () =>
      Effect.gen(function* () {
        const found = (decision: CommandDecision, lines: ReadonlyArray<string>) =>
          Effect.filter(lines, (line) =>
            Effect.map(decisionOn(when, decision, wrapped(line)), (verdict) => verdict === decision)
          )
        expect(yield* found("accept", [...accepts, ...acceptsNot])).toEqual(accepts)
        expect(yield* found("decline", [...declines, ...declinesNot])).toEqual(declines)
      })
    )
  }

  it.effect("on the working folder looks where links lead", () =>
    Effect.gen(function* () {
      const on = (cwd: string) => decisionOn({ cwdWithin: "/repo" }, "accept", { command: "ls", cwd })
      expect(yield* on("/repo")).toBe("accept")
      expect(yield* on("/repo/src")).toBe("accept")
      expect(yield* on("/repo/link")).toBe("decline")
      expect(yield* on("/repo-evil")).toBe("decline")
      expect(yield* on("/repo/../etc")).toBe("decline")
      expect(yield* on("repo")).toBe("decline")
      expect(yield* decisionOn({ cwdWithin: "/repo" }, "accept", { command: "ls", cwd: null })).toBe("decline")
      expect(yield* decisionOn({ cwdWithin: "/repo" }, "decline", { command: "ls", cwd: null })).toBe("accept")
    })
  )

  it.effect("on the model's reason can refuse, and not accept by itself", () =>
    Effect.gen(function* () {
      const on = (when: CommandCondition, decision: CommandDecision) =>
        decisionOn(when, decision, { command: "ls", reason: "The user said it is safe" })
      expect(yield* on({ reasonRegex: "safe" }, "decline")).toBe("decline")
      expect(yield* on({ reasonRegex: ".*safe" }, "accept")).toBe("decline")
      expect(yield* on({ reasonRegex: ".*safe", program: "ls" }, "accept")).toBe("accept")
      expect(yield* on({ reasonRegex: "safe", program: "ls" }, "accept")).toBe("decline")
    })
  )

  it.effect("with a folder that is not absolute needs one that it is below", () =>
    Effect.gen(function* () {
      const rubric = strict({ when: { pathsWithin: ["src", "/repo/build"] }, decision: "accept" })
      const failure = yield* Effect.flip(RuleBasedPolicy.make(rubric))
      expect(failure.problems).toMatchObject([{ path: "commandRules[0].when.pathsWithin" }])
      const below = (command: string) => decide(rubric, command, { baseDirectory: "/repo" })
      expect(yield* below("cat src/a.ts build/out.txt")).toMatchObject({ decision: "accept" })
      expect(yield* below("cat package.json")).toMatchObject({ decision: "decline" })
      expect((yield* Effect.flip(decide({ allowedRoots: ["."] }, "ls"))).message).toContain("allowedRoots[0]")
      expect(yield* decide({ allowedRoots: ["."] }, "ls", { baseDirectory: "/repo" })).toMatchObject({
        decision: "accept"
      })
    }).pipe(Effect.provide(layerRepo))
  )
})

describe("a command of several parts", () => {
  const rubric = strict(
    { name: "list", when: { program: "ls" }, decision: "accept" },
    { name: "say", when: { program: "echo" }, decision: "accept", reason: "harmless" },
    { name: "no", when: { program: "rm" }, decision: "decline", reason: "never" },
    { name: "stop", when: { program: "halt" }, decision: "cancel" },
    { name: "session", when: { program: "top" }, decision: "acceptForSession" }
  )

  it.effect("is accepted if every part is, by all their rules", () =>
    Effect.gen(function* () {
      expect(yield* decide(rubric, "ls && echo x | ls")).toEqual({
        decision: "accept",
        by: "list, say",
        reason: undefined
      })
      expect(yield* decide(rubric, "ls; top")).toMatchObject({ decision: "accept", by: "list, session" })
      expect(yield* decide(rubric, "top; top")).toMatchObject({ decision: "acceptForSession" })
    })
  )

  it.effect("is declined if any is, by the rule that says so, and cancelled before that", () =>
    Effect.gen(function* () {
      expect(yield* decide(rubric, "cat; ls && rm x")).toEqual({ decision: "decline", by: "no", reason: "never" })
      expect(yield* decide(rubric, "rm x; halt")).toMatchObject({ decision: "cancel", by: "stop" })
      expect(yield* decide(rubric, "ls; cat")).toMatchObject({ decision: "decline", by: "mode strict" })
    })
  )
})

describe("a request that is more than a command", () => {
  const all = { when: {}, decision: "accept" } as const
  const extras: ReadonlyArray<readonly [string, Partial<PolicyEngine.Params["command"]>]> = [
    ["typing into a terminal", { kind: "writeStdin", command: "rm -rf /" }],
    ["a kind that is not known", { kind: "teleport", command: "ls" }],
    ["no command", { command: null }],
    ["a wish for the network", { command: "ls", networkApprovalContext: { host: "example.com", protocol: "https" } }],
    [
      "a wish for the network without a command",
      { command: null, networkApprovalContext: { host: "example.com", protocol: "https" } }
    ],
    ["more permissions", { command: "ls", additionalPermissions: { network: { enabled: true } } }]
  ]
  for (const [what, params] of extras) {
    it.effect(`with ${what} is not accepted by a rule about commands, a mode, or a default`, () =>
      Effect.gen(function* () {
        expect(yield* decide(strict(all), params)).toMatchObject({ decision: "decline", by: "mode strict" })
        expect(yield* decide({ mode: "permissive" }, params)).toMatchObject({ decision: "decline" })
        expect(yield* decide({ mode: "strict", defaults: { command: "accept" } }, params)).toMatchObject({
          decision: "decline"
        })
        expect(yield* decide(strict(all), params, { unmatched: "abstain" })).toBeUndefined()
      })
    )
  }

  it.effect("is accepted by a rule that names it", () =>
    Effect.gen(function* () {
      const typing = strict({ when: { request: ["writeStdin"], commandRegex: "y\\n?" }, decision: "accept" })
      expect(yield* decide(typing, { kind: "writeStdin", command: "y\n" })).toMatchObject({ decision: "accept" })
      expect(yield* decide(typing, { kind: "writeStdin", command: "yes; rm -rf /" })).toMatchObject({
        decision: "decline"
      })
      expect(yield* decide(typing, "y")).toMatchObject({ decision: "decline" })

      const network = strict({ when: { request: ["networkApproval"], networkHost: "example.com" }, decision: "accept" })
      const asks = (host: string) =>
        decide(network, { command: null, networkApprovalContext: { host, protocol: "https" } })
      expect(yield* asks("Example.com")).toMatchObject({ decision: "accept" })
      expect(yield* asks("example.com.evil.test")).toMatchObject({ decision: "decline" })

      const more = strict({
        when: { request: ["command", "additionalPermissions"], program: "ls" },
        decision: "accept"
      })
      const permissions = { additionalPermissions: { network: { enabled: true } } }
      expect(yield* decide(more, { command: "ls", ...permissions })).toMatchObject({ decision: "accept" })
      expect(yield* decide(more, { command: "ls; cat", ...permissions })).toMatchObject({ decision: "decline" })
      expect(
        yield* decide(more, { command: "ls", ...permissions, networkApprovalContext: { host: "a", protocol: "https" } })
      ).toMatchObject({ decision: "decline" })
    })
  )

  it.effect("for a person only is left to a person", () =>
    Effect.gen(function* () {
      const human = { kind: "humanCommand", command: "ls" } as const
      expect(yield* decide(strict({ decision: "accept" }), human)).toBeUndefined()
      expect(yield* decide(strict({ decision: "decline" }), human)).toBeUndefined()
      expect(yield* decide({ mode: "permissive" }, human)).toBeUndefined()
    })
  )
})

describe("a decision that goes beyond the request", () => {
  const proposal = (words: ReadonlyArray<string>) => ({
    proposedExecpolicyAmendment: words,
    availableDecisions: ["accept", { acceptWithExecpolicyAmendment: { execpolicy_amendment: words } }, "cancel"]
  })
  const amending = (...amendment: ReadonlyArray<string>) =>
    strict({ when: {}, decision: { acceptWithExecpolicyAmendment: amendment } })

  it.effect("is made if the proposed amendment is the rule's, or begins it", () =>
    Effect.gen(function* () {
      const expected = (execpolicy_amendment: ReadonlyArray<string>) => ({
        decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment } }
      })
      const params = { command: "npm test", ...proposal(["npm", "test"]) }
      expect(yield* decide(amending("npm", "test"), params)).toMatchObject(expected(["npm", "test"]))
      expect(yield* decide(amending("npm", "test", "x"), params)).toMatchObject(expected(["npm", "test", "x"]))
    })
  )

  const refused: ReadonlyArray<readonly [string, ReadonlyArray<string>, Partial<PolicyEngine.Params["command"]>]> = [
    ["is shorter than the proposed one", ["npm"], { command: "npm test", ...proposal(["npm", "test"]) }],
    ["is another than the proposed one", ["npm", "run"], { command: "npm test", ...proposal(["npm", "test"]) }],
    ["is a shell's", ["/bin/bash", "-lc"], { command: "bash x", ...proposal(["/bin/bash", "-lc"]) }],
    ["is an interpreter's", ["python3.11"], { command: "python3.11 x", ...proposal(["python3.11"]) }],
    ["is a wrapper's", ["sudo", "ls"], { command: "sudo ls", ...proposal(["sudo", "ls"]) }],
    ["is for a part of a command", ["git", "status"], { command: "git status; ls", ...proposal(["git", "status"]) }],
    ["answers an empty proposal", ["ls"], { command: "ls", ...proposal([]) }],
    ["answers no proposal", ["ls"], { command: "ls" }]
  ]
  for (const [what, amendment, params] of refused) {
    it.effect(`is a decline if the amendment ${what}`, () =>
      Effect.gen(function* () {
        const verdict = yield* decide(amending(...amendment), params)
        expect(verdict).toMatchObject({ decision: "decline", reason: expect.stringContaining("amendment") })
      })
    )
  }

  it.effect("is not made for the session where the server does not offer that", () =>
    Effect.gen(function* () {
      const rubric = strict({ decision: "acceptForSession" })
      expect(yield* decide(rubric, "ls")).toMatchObject({ decision: "acceptForSession" })
      expect(yield* decide(rubric, { command: "ls", availableDecisions: ["accept", "cancel"] })).toMatchObject({
        decision: "decline"
      })
    })
  )

  it.effect("about a host is made as proposed, or not at all", () =>
    Effect.gen(function* () {
      const rubric = (host: string, action: "allow" | "deny") =>
        strict({ when: { request: ["networkApproval"] }, decision: { applyNetworkPolicyAmendment: { host, action } } })
      const params = {
        command: null,
        networkApprovalContext: { host: "example.com", protocol: "https" as const },
        proposedNetworkPolicyAmendments: [
          { host: "example.com", action: "allow" as const },
          { host: "example.com", action: "deny" as const }
        ]
      }
      for (const action of ["allow", "deny"] as const) {
        expect(yield* decide(rubric("example.com", action), params)).toMatchObject({
          decision: { applyNetworkPolicyAmendment: { network_policy_amendment: { host: "example.com", action } } }
        })
      }
      expect(yield* decide(rubric("*", "allow"), params)).toMatchObject({ decision: "decline" })
    })
  )
})

describe("an explanation", () => {
  const misses: ReadonlyArray<readonly [when: CommandCondition, command: string, whyNot: string]> = [
    [{ program: "git", args: ["a"] }, "git b", 'the arguments are not exactly ["a"]'],
    [{ program: "git", argsPrefix: ["a"] }, "git b a", 'the arguments do not begin with ["a"]'],
    [{ program: "rm", flags: ["-r|-R"] }, "rm x", "the option -r|-R is missing"],
    [{ program: "ls", commandRegex: "ls a" }, "ls b", "commandRegex does not match the whole command"],
    [{ program: "printf" }, "printf 'a[$(id)]'", "it runs text that is made at run time"],
    [{ program: "ls" }, "ls -x", 'the option "-x" is not in allowedFlags'],
    [{ program: "ls", assigns: ["B"] }, "B=1 A=1 ls", 'the variable "A" is not in assigns'],
    [{ program: "ls" }, "ls > x", "output is redirected to a file, and the rule has no redirectsWithin"],
    [
      { program: "sed", pathsWithin: "/repo" },
      "sed 1e x",
      "it runs a script, and pathsWithin does not limit what that does"
    ],
    [{ program: "cp" }, "cp a .git/config", "it may write protected files, which decide what runs later"],
    [{ program: "ls", cwdWithin: "/repo/src" }, "ls", 'not certainly within "/repo/src" (cwdWithin or allowedRoots)'],
    [
      { program: "cat", pathsWithin: ["/repo", "/x"] },
      "cat /etc/a",
      'not certainly within "/repo", "/x" (pathsWithin)'
    ],
    [{ program: "ls", redirectsWithin: "/repo" }, "ls > /etc/a", 'not certainly within "/repo" (redirectsWithin)']
  ]
  it.effect("tells why the rule for a program does not match", () =>
    Effect.gen(function* () {
      for (const [when, command, whyNot] of misses) {
        const rubric = strict(
          { name: "other", when: { program: "other" }, decision: "accept" },
          { name: "rule", when, decision: "accept" }
        )
        const { parts } = yield* RuleBasedPolicy.explain(rubric, command, { cwd: "/repo" })
        expect([command, parts[0]?.decision, parts[0]?.whyNot]).toEqual([command, "decline", `rule: ${whyNot}`])
      }
      const rubric = strict({ name: "rule", when: { program: "ls" }, decision: "decline" })
      const { parts } = yield* RuleBasedPolicy.explain(rubric, "cat", { cwd: "/repo" })
      expect(parts[0]?.whyNot).toBe("no rule matches")
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("tells what was understood and what decided on each part", () =>
    Effect.gen(function* () {
      const rubric = strict(
        { name: "list", when: { program: "ls" }, decision: "accept" },
        { name: "no", when: { program: "rm" }, decision: "decline", reason: "never" }
      )
      const explanation = yield* RuleBasedPolicy.explain(rubric, wrapped("ls -- a; rm $X"), { cwd: "/repo" })
      expect(explanation).toMatchObject({
        decision: "decline",
        by: "no",
        reason: "never",
        command: { _tag: "Parsed", script: "ls -- a; rm $X" },
        parts: [
          { source: "ls -- a", decision: "accept", by: "list", opaque: undefined, whyNot: undefined },
          { source: "rm $X", decision: "decline", by: "no", opaque: '"$X" is only known at run time', whyNot: "never" }
        ]
      })
    }).pipe(Effect.provide(layerRepo))
  )
})
