import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as PathWithin from "@effect-codex/policy/PathWithin"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { commandRequest } from "./rulesSupport.ts"
import { makeTree } from "./tree.ts"

// Everything here is on the disk: `repo` is what may be touched, `outside` lies beside it.
const tree = makeTree(
  [
    "/outside/dir/inner",
    "/outside/secret",
    "/outside/dir/sub/",
    "/repo/file",
    "/repo/src/a.ts",
    "/repo/src/deep/b.ts",
    "/repo/secrets/key",
    "/repo/docs/readme.md",
    "/repo/.git/config",
    "/repo/.github/workflows/ci.yml",
    "/repo/bare/HEAD",
    "/repo/bare/config",
    "/repo/bare/hooks/",
    "/repo/linked/x",
    "/repo/tidy/x",
    "/repo/sly/x"
  ],
  {
    "/repo/link": "../outside/dir",
    "/repo/dot": ".",
    "/repo/deep": "src/deep",
    "/repo/alias": "secrets",
    "/repo/key-alias": "secrets/key",
    "/repo/dangling": "../outside/new",
    "/repo/within-dangling": "src/new",
    "/repo/odd": "link/../secret",
    "/repo/loop": "loop",
    "/repo/git-alias": ".git",
    "/repo/src/up": "../../outside",
    "/repo/linked/out": "../../outside/secret",
    "/repo/tidy/in": "../file",
    "/repo/sly/key": "../secrets/key",
    "/entry": "repo/src"
  }
)
const repo = path.join(tree, "repo")

const command = (rubric: Rubric.PolicyRubric, line: string, cwd = repo) =>
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make(rubric, { baseDirectory: repo })
    return (yield* engine.command(commandRequest({ command: line, cwd })))?.decision
  }).pipe(Effect.provide(NodeFileSystem.layer))

type Change = Extract<
  NonNullable<PolicyEngine.Request<"fileChange">["item"]>,
  { readonly type: "fileChange" }
>["changes"][number]

const about = { threadId: "thread", turnId: "turn" } as const
const common = { ...about, item: undefined, availableDecisions: undefined } as const

const change = (rubric: Rubric.PolicyRubric, name: string, kind: Change["kind"] = { type: "add" }) =>
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make(rubric, { baseDirectory: repo })
    const changes: ReadonlyArray<Change> = [{ path: path.isAbsolute(name) ? name : `${repo}/${name}`, kind, diff: "" }]
    const verdict = yield* engine.fileChange({
      ...common,
      kind: "fileChange",
      params: { ...about, itemId: "item", startedAtMs: 0 },
      item: { type: "fileChange", id: "item", changes, status: "inProgress" }
    })
    return verdict?.decision
  }).pipe(Effect.provide(NodeFileSystem.layer))

type Permissions = PolicyEngine.Params["permissions"]["permissions"]

const grant = (permissionsRules: NonNullable<Rubric.PolicyRubric["permissionsRules"]>, permissions: Permissions) =>
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make({ mode: "strict", permissionsRules }, { baseDirectory: repo })
    const verdict = yield* engine.permissions({
      ...common,
      kind: "permissions",
      params: { ...about, itemId: "i", startedAtMs: 0, cwd: repo, environmentId: null, reason: null, permissions }
    })
    return verdict?.decision
  }).pipe(Effect.provide(NodeFileSystem.layer))

const write = (name: string): Permissions => ({
  fileSystem: { read: null, write: [path.isAbsolute(name) ? name : `${repo}/${name}`] },
  network: null
})
const read = (name: string): Permissions => ({
  fileSystem: { read: [path.isAbsolute(name) ? name : `${repo}/${name}`], write: null },
  network: null
})

describe("where a path leads", () => {
  const cases: ReadonlyArray<readonly [name: string, leadsTo: string | undefined]> = [
    ["repo/file", "repo/file"],
    ["repo/./src//a.ts", "repo/src/a.ts"],
    ["repo/link/inner", "outside/dir/inner"],
    ["repo/link/../secret", "outside/secret"],
    ["repo/link/sub/../../secret", "outside/secret"],
    ["repo/dot/dot/dot/file", "repo/file"],
    ["repo/dot/../outside/secret", "outside/secret"],
    ["repo/deep/../a.ts", "repo/src/a.ts"],
    ["repo/odd", "outside/secret"],
    ["repo/dangling", "outside/new"],
    ["repo/dangling/x", "outside/new/x"],
    ["repo/new/x", "repo/new/x"],
    ["repo/new/./x", "repo/new/x"],
    ["repo/new/../x", undefined],
    ["repo/nn/../dangling", undefined],
    ["repo/file/../x", undefined],
    ["repo/loop", undefined],
    ["repo/loop/x", undefined],
    [`repo/${"n".repeat(300)}/x`, `repo/${"n".repeat(300)}/x`],
    ["..", path.dirname(tree)]
  ]
  for (const [name, leadsTo] of cases) {
    it.effect(`${name.slice(0, 40)} leads to ${leadsTo?.slice(0, 40) ?? "nobody knows"}`, () =>
      Effect.gen(function* () {
        const found = yield* PathWithin.real(`${tree}/${name}`)
        expect(found).toBe(leadsTo === undefined ? undefined : path.resolve(tree, leadsTo))
      }).pipe(Effect.provide(NodeFileSystem.layer))
    )
  }

  it.effect("is not known below the folders of a process, which are those of another one for the command", () =>
    Effect.gen(function* () {
      for (const name of ["/proc/self/cwd/x", "/proc/thread-self/root", "/dev/fd/0", `/proc/${process.pid}/root/x`]) {
        expect([name, yield* PathWithin.real(name)]).toEqual([name, undefined])
      }
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("is asked for in both directions", () =>
    Effect.gen(function* () {
      const surely = (name: string) => PathWithin.isReallyWithin(`${repo}/${name}`, [repo])
      const possibly = (name: string) => PathWithin.isPossiblyWithin(`${repo}/${name}`, [`${repo}/secrets`])
      expect(yield* surely("src/a.ts")).toBe(true)
      expect(yield* surely("link/../src/a.ts")).toBe(false)
      expect(yield* possibly("src/a.ts")).toBe(false)
      for (const name of ["secrets/key", "alias/key", "key-alias", "SECRETS/key", "dot/alias", "new/../src"]) {
        expect([name, yield* possibly(name)]).toEqual([name, true])
      }
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})

describe("a command that a rule accepts within a folder", () => {
  const rubric: Rubric.PolicyRubric = {
    mode: "strict",
    allowedRoots: ["."],
    commandRules: [
      {
        when: {
          program: ["cat", "ls", "find", "stat", "touch", "cp", "cd", "ln", "mv", "mkdir", "rm", "echo"],
          allowedFlags: ["*"],
          pathsWithin: ".",
          redirectsWithin: "."
        },
        decision: "accept"
      }
    ]
  }

  it.effect("is accepted where it stays inside, links or not", () =>
    Effect.gen(function* () {
      for (const line of [
        "cat file",
        "cat dot/file",
        "cat deep/b.ts deep/../a.ts",
        "cat alias/key",
        "cat src/../file",
        "cd deep && cat b.ts",
        "touch within-dangling",
        "touch new/x",
        "cp file src/copy",
        "echo x > src/new && cat file",
        "mkdir src/lib && cp file src/lib/x",
        "ln -s file src/l && cat file"
      ]) {
        expect([line, yield* command(rubric, line)]).toEqual([line, "accept"])
      }
    })
  )

  it.effect("is declined where a link leads out, also by dots after it, or where that isn't known", () =>
    Effect.gen(function* () {
      for (const line of [
        "cat link/inner",
        "cat link/../secret",
        "cat link/sub/../../secret",
        "find link/..",
        "ls link/..",
        "stat link/../secret",
        "touch link/../x",
        "cp file link/../x",
        "echo x > link/../x",
        "echo x >> odd",
        "cat odd",
        "cat dot/../../outside/secret",
        "cat nn/../dangling",
        "cat nn/../file",
        "touch dangling",
        "cat loop",
        "cat src/up/secret",
        "cd src/up && cat secret",
        "cd link && cat inner",
        "cd link/.. && cat secret",
        // By names that is the root itself, by links it is not.
        "cd deep/.. && cat ../../outside/secret",
        "cat /proc/self/cwd/file"
      ]) {
        expect([line, yield* command(rubric, line)]).toEqual([line, "decline"])
      }
    })
  )

  it.effect("is declined where an earlier part may have put a link there", () =>
    Effect.gen(function* () {
      for (const line of [
        "ln -s . src/l && cat src/l/file",
        "ln -s ../../outside/secret src/deep/x && cat src/deep/x",
        "mv src/up up && cat up/secret",
        "cp -a src/deep d && cat d/x",
        "ln -s file x; cat x",
        "mv src lib && cd lib && cat a.ts"
      ]) {
        expect([line, yield* command(rubric, line)]).toEqual([line, "decline"])
      }
    })
  )

  it.effect("is declined where links below a folder that it goes through lead out", () =>
    Effect.gen(function* () {
      const looking: Rubric.PolicyRubric = {
        mode: "strict",
        allowedRoots: ["."],
        commandRules: [
          { when: { program: ["grep", "diff"], allowedFlags: ["*"], pathsWithin: "." }, decision: "accept" }
        ]
      }
      for (const line of ["grep -r x linked", "grep -R x tidy", "grep -R x file", "diff -r tidy tidy"]) {
        expect([line, yield* command(looking, line)]).toEqual([line, "accept"])
      }
      for (const line of ["grep -R x linked", "grep -R x .", "grep -R x src", "diff -r linked tidy"]) {
        expect([line, yield* command(looking, line)]).toEqual([line, "decline"])
      }
    })
  )

  it.effect("is seen from the folder that its program goes to by itself", () =>
    Effect.gen(function* () {
      const packing: Rubric.PolicyRubric = {
        mode: "strict",
        allowedRoots: ["."],
        commandRules: [
          { when: { program: ["tar", "tool"], allowedFlags: ["*"], pathsWithin: "." }, decision: "accept" }
        ]
      }
      const deep = path.join(repo, "src", "deep")
      expect(yield* command(packing, "tar -C src -cf src/x.tar a.ts")).toBe("accept")
      expect(yield* command(packing, "tool -C src a.ts")).toBe("accept")
      for (const line of [
        `tar -C ${repo} -cf x.tar ../outside`,
        `tar -C ${repo} -cf x.tar ../../outside/secret`,
        "tar -C ../.. -cf x.tar ../outside",
        `tool -C${repo} ../outside`,
        `tool --directory=${repo} ../outside`
      ]) {
        expect([line, yield* command(packing, line, deep)]).toEqual([line, "decline"])
      }
    })
  )

  it.effect("runs in its folder by whatever name that has", () =>
    Effect.gen(function* () {
      expect(yield* command(rubric, "cat file", path.join(repo, "dot"))).toBe("accept")
      expect(yield* command(rubric, "cat inner", path.join(repo, "link"))).toBe("decline")
      // `..` leads from where the link has led.
      expect(yield* command(rubric, "cat ../secret", path.join(repo, "link"))).toBe("decline")
      const entry: Rubric.PolicyRubric = {
        mode: "strict",
        commandRules: [{ when: { program: "cat", pathsWithin: "../entry", cwdWithin: "../entry" }, decision: "accept" }]
      }
      expect(yield* command(entry, "cat a.ts", path.join(tree, "entry"))).toBe("accept")
      expect(yield* command(entry, "cat a.ts", path.join(repo, "src"))).toBe("accept")
      expect(yield* command(entry, "cat ../file", path.join(repo, "src"))).toBe("decline")
    })
  )
})

describe("a rule that declines a folder", () => {
  const rubric: Rubric.PolicyRubric = {
    mode: "permissive",
    commandRules: [{ name: "secrets", when: { pathsWithin: "secrets" }, decision: "decline" }]
  }

  const reads = [
    "cat secrets/key",
    "cat alias/key",
    "cat key-alias",
    "cat dot/alias/key",
    "cat src/../alias/key",
    "cat SECRETS/key",
    "cd alias && cat key",
    "cd secrets && cat key",
    "cd dot; cd alias; cat key",
    "cat < alias/key",
    "echo x > alias/new",
    "cat nn/../alias/key",
    "ln -s . x && cat x/secrets/key",
    "tar xf a.tar && cat x/key",
    "tar -C src -xf a.tar; cat src/x/key",
    "unzip a.zip && cat x/key",
    "git stash; cat x/key",
    "git merge topic && cat x/key",
    "ln -s secrets x && cat x/key",
    "cat /proc/self/cwd/alias/key",
    "grep -r KEY .",
    "grep -R KEY",
    "grep --recursive KEY ..",
    "grep -R KEY sly",
    "diff -r sly docs",
    "cp -rL sly ../copy",
    "cp -Lr sly ../copy",
    "tar -C src -cf x.tar ../secrets/key",
    "git -C src diff --no-index a.ts ../secrets/key",
    "ls -R",
    "ls -aR .",
    "find .",
    "find . -name key",
    "find",
    "rg KEY",
    "rg KEY .",
    "git grep KEY",
    "tree",
    "du -a .",
    "tar c .",
    "tar -cf x.tar .",
    "cp -r . ../copy",
    "cp -a dot/. ../copy",
    "mv . ../copy",
    "rm -rf .",
    "chmod -R 777 .",
    "rsync -a . ../copy",
    "diff -r . ../copy",
    "/usr/bin/grep -r KEY .",
    "cd src && grep -r KEY ..",
    "sudo grep -r KEY .",
    "ln -s . x"
  ]
  it.effect("looks at names, at where they lead, and below what is read with all that is in it", () =>
    Effect.gen(function* () {
      for (const line of reads) expect([line, yield* command(rubric, line)]).toEqual([line, "decline"])
    })
  )

  it.effect("leaves alone what is elsewhere", () =>
    Effect.gen(function* () {
      for (const line of [
        "cat file",
        "cat src/a.ts deep/b.ts",
        "cat secrets.txt",
        "grep -r KEY src",
        "grep -r KEY sly",
        "grep -R KEY tidy",
        "rg KEY src",
        "rg secrets docs",
        "ls",
        "ls -la .",
        "find src -name '*.ts'",
        "echo secrets",
        "git commit -m 'rotate the secrets'",
        "git status",
        "npm test",
        "cp file .",
        "cd src && ls -R",
        "tar -cf docs.tar docs"
      ]) {
        expect([line, yield* command(rubric, line)]).toEqual([line, "accept"])
      }
    })
  )

  it.effect("takes what a command of too many paths names for anything", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 3_000 }, (_, index) => `f${index}`).join(" ")
      expect(yield* command(rubric, `cat ${many} alias/key`)).toBe("decline")
      expect(yield* command(rubric, `cat ${many}`)).toBe("decline")
      const accepting: Rubric.PolicyRubric = {
        mode: "strict",
        allowedRoots: ["."],
        commandRules: [{ when: { program: "cat", pathsWithin: "." }, decision: "accept" }]
      }
      expect(yield* command(accepting, `cat ${many}`)).toBe("decline")
    })
  )

  it("is about what the shell really reads", () => {
    // Those of the lines above that print the key, tried in Bash.
    const inside = readFileSync(path.join(repo, "secrets", "key"), "utf8").trim()
    for (const line of ["cat alias/key", "cat key-alias", "cd alias && cat key", "cat < alias/key", "grep -r key ."]) {
      const { stdout } = spawnSync("/bin/bash", ["-c", line], { cwd: repo, encoding: "utf8" })
      expect([line, stdout.includes(inside)]).toEqual([line, true])
    }
  })

  it.effect("looks at where changes of files lead", () =>
    Effect.gen(function* () {
      const files: Rubric.PolicyRubric = {
        mode: "permissive",
        fileChangeRules: [{ when: { pathsWithin: "secrets" }, decision: "decline" }]
      }
      for (const name of ["secrets/key", "alias/key", "key-alias", "dot/alias/new", "nn/../x", "Secrets/x"]) {
        expect([name, yield* change(files, name)]).toEqual([name, "decline"])
      }
      expect(yield* change(files, "src/a.ts")).toBe("accept")
      const named: Rubric.PolicyRubric = {
        mode: "permissive",
        fileChangeRules: [{ when: { pathRegex: "secrets" }, decision: "decline" }]
      }
      expect(yield* change(named, "alias/key")).toBe("decline")
      expect(yield* change(named, "src/a.ts")).toBe("accept")
    })
  )

  it.effect("looks at where grants lead, and below them", () =>
    Effect.gen(function* () {
      const rules = [
        { when: { readWithin: "secrets" }, priority: 1, decision: "decline" },
        { when: { readWithin: ".." }, decision: "grant" }
      ] as const
      for (const name of ["secrets", "alias", "dot/alias/key", ".", tree, "nn/../src"]) {
        expect([name, yield* grant(rules, read(name))]).toEqual([name, "decline"])
      }
      expect(yield* grant(rules, read("src"))).toMatchObject({ scope: "turn" })
    })
  )
})

describe("a change of files that a rule accepts", () => {
  const rubric: Rubric.PolicyRubric = {
    mode: "strict",
    fileChangeRules: [{ when: { pathsWithin: "." }, decision: "accept" }]
  }

  it.effect("stays inside as the kernel goes", () =>
    Effect.gen(function* () {
      for (const name of ["src/a.ts", "deep/new.ts", "new/deep/x.ts", "within-dangling", "link/../../repo/src/a.ts"]) {
        expect([name, yield* change(rubric, name)]).toEqual([name, "accept"])
      }
      for (const name of [
        "link/x",
        "link/../x",
        "dangling",
        "odd",
        "nn/../dangling",
        "nn/../src/a.ts",
        "loop/x",
        "src/up/x"
      ]) {
        expect([name, yield* change(rubric, name)]).toEqual([name, "decline"])
      }
    })
  )
})

describe("a grant to write", () => {
  const rules = [{ when: { writeWithin: "." }, decision: "grant" }] as const

  it.effect("stays inside as the kernel goes", () =>
    Effect.gen(function* () {
      expect(yield* grant(rules, write("src"))).toMatchObject({ scope: "turn" })
      for (const name of ["link", "link/..", "link/../dir", "dangling", "nn/../x", "src/up"]) {
        expect([name, yield* grant(rules, write(name))]).toEqual([name, "decline"])
      }
    })
  )

  it.effect("is for protected files only where the rule names them", () =>
    Effect.gen(function* () {
      for (const name of [".git/hooks", "git-alias/hooks", ".codex", ".github", "bare/hooks", "AGENTS.md"]) {
        expect([name, yield* grant(rules, write(name))]).toEqual([name, "decline"])
      }
      const named = [{ when: { writeWithin: ".", protectedFiles: ["git"] }, decision: "grant" }] as const
      expect(yield* grant(named, write(".git/hooks"))).toMatchObject({ scope: "turn" })
      expect(yield* grant(named, write(".github"))).toBe("decline")
    })
  )

  it.effect("holds no field that isn't known", () =>
    Effect.gen(function* () {
      const asked = {
        fileSystem: {
          read: null,
          write: [`${repo}/src`],
          everything: true,
          entries: [{ access: "read", path: { type: "path", path: `${repo}/docs`, everywhere: true }, deep: true }]
        },
        network: null,
        everything: true
      }
      expect(yield* grant(rules, asked as Permissions)).toEqual({
        permissions: {
          fileSystem: {
            read: null,
            write: [`${repo}/src`],
            entries: [{ access: "read", path: { type: "path", path: `${repo}/docs` } }]
          }
        },
        scope: "turn"
      })
      const network = [{ when: { network: true }, decision: "grant" }] as const
      const online = { fileSystem: null, network: { enabled: true, ports: "all" } }
      expect(yield* grant(network, online as Permissions)).toEqual({
        permissions: { network: { enabled: true } },
        scope: "turn"
      })
    })
  )
})
