import { spawnSync } from "node:child_process"
import { cpSync, readFileSync, rmSync } from "node:fs"
import * as path from "node:path"
import type * as Rubric from "@effect-codex/policy/Rubric"
import type { ProtectedFiles } from "@effect-codex/policy/Rule"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { commandRequest } from "./rulesSupport.ts"
import { makeTree } from "./tree.ts"

const repo = path.join(
  makeTree(
    ["/repo/a", "/repo/src/a.ts", "/repo/.git/config", "/repo/.git/hooks/", "/repo/bare/HEAD", "/repo/bare/objects/"],
    { "/repo/alias": ".git", "/repo/docs/workflows": "../.github/workflows", "/repo/config-alias": ".git/config" }
  ),
  "repo"
)

const decide = (rubric: Rubric.PolicyRubric, line: string, cwd = repo) =>
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make(rubric, { baseDirectory: repo })
    return yield* engine.command(commandRequest({ command: line, cwd }))
  }).pipe(Effect.provide(NodeFileSystem.layer))

const accepting = (protectedFiles?: ReadonlyArray<ProtectedFiles>): Rubric.PolicyRubric => ({
  mode: "strict",
  allowedRoots: ["."],
  commandRules: [
    {
      name: "all",
      when: {
        allowedFlags: ["*"],
        redirectsWithin: ["/"],
        ...(protectedFiles === undefined ? {} : { protectedFiles })
      },
      decision: "accept"
    }
  ]
})

const onFile = (rubric: Rubric.PolicyRubric, name: string) =>
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make(rubric, { baseDirectory: repo })
    const about = { threadId: "t", turnId: "u" }
    const verdict = yield* engine.fileChange({
      ...about,
      kind: "fileChange",
      params: { ...about, itemId: "i", startedAtMs: 0 },
      item: {
        type: "fileChange",
        id: "i",
        changes: [{ path: name.startsWith("/") ? name : `${repo}/${name}`, kind: { type: "add" }, diff: "" }],
        status: "inProgress"
      },
      availableDecisions: undefined
    })
    return verdict?.decision
  }).pipe(Effect.provide(NodeFileSystem.layer))

// What writes into `.git/config` or `.git/hooks`, in every way that comes to mind.
const writers = [
  "echo x > .git/config",
  "echo x >> .git/config && git status --short",
  "echo x >| .git/config",
  "echo x &> .git/config",
  "echo x 2> .git/hooks/pre-commit",
  "cat a <> .git/config",
  "cp a .git/hooks/pre-commit",
  "cp a .git/hooks",
  "cp -t .git/hooks a",
  "mv a .git/hooks/pre-commit",
  "mv .git git",
  "ln a .git/hooks/pre-commit",
  "ln -s ../../a .git/hooks/pre-commit",
  "install -m 755 a .git/hooks/pre-commit",
  "dd if=a of=.git/hooks/pre-commit",
  "tee .git/config",
  "tee -a .git/config",
  "touch .git/hooks/pre-commit",
  "truncate -s 0 .git/config",
  "sed -i s/repo/other/ .git/config",
  "sed 'w .git/config' a",
  "sort -o .git/config a",
  "rm -rf .git",
  "chmod +x .git/hooks/pre-commit",
  "mkdir -p .git/hooks/x",
  "rsync a .git/hooks/pre-commit",
  "curl -o .git/hooks/pre-commit example.com",
  "wget -O .git/hooks/pre-commit example.com",
  "tar -xf a.tar -C .git",
  "unzip a.zip -d .git",
  "patch .git/config a",
  "git config -f .git/config core.fsmonitor ./a",
  "git config core.fsmonitor ./a",
  "git config set core.fsmonitor ./a",
  "git config --unset core.x",
  "git config --add core.x y",
  "git -C src config --global alias.x '!./a'",
  "tar cf .git/hooks/pre-commit a",
  "tar -c --file=.git/hooks/pre-commit a",
  "git diff --output=.git/config",
  "find . -fprint .git/config",
  "xxd a .git/config",
  "split a .git/hooks/x",
  "some-tool --out=.git/config",
  "some-tool .git/config",
  "some-tool -o.git/config",
  'python3 -c \'open(".git/config", "w")\'',
  "cd .git && echo x > config",
  "cd .git/hooks && cp ../../a pre-commit",
  "cd alias && echo x > config",
  "echo x > alias/config",
  "echo x > config-alias",
  "echo x > src/../.git/config",
  "cp a docs/workflows/ci.yml",
  "echo x > bare/config",
  "cp a bare/hooks/post-update",
  "cp a new/HEAD",
  "ln -s .git g && echo x > g/config",
  "echo x > ~/.bashrc",
  "cp a ~/.bashrc"
]

// What only reads them, or is about something else.
const others = [
  "cat .git/config",
  "cat alias/config",
  "ls -la .git/hooks",
  "head -5 .github/workflows/ci.yml",
  "grep -r x .github",
  "wc -l < .git/config",
  "diff .git/config a",
  "git diff HEAD",
  "git config user.name",
  "git config --get user.name",
  "git config --list",
  "git config get user.name",
  "tar cf x.tar src",
  "tar -czf x.tar src",
  "tar tf x.tar",
  "unzip -l x.zip",
  "patch a x.diff",
  "git log --oneline HEAD~3",
  "git add .github/workflows/ci.yml",
  "git commit -m 'ci: .github/workflows/ci.yml is new'",
  "git clone https://example.com/x.git",
  "npm test",
  "npm run build -- --head=HEAD",
  "echo .git",
  "cp a src/b.ts",
  "echo x > src/config",
  "echo x > .gitignore",
  "echo x > src/hooks",
  "cat a > /dev/null 2>&1"
]

describe("a command that writes protected files", () => {
  it.effect("is accepted by a rule only if it names them", () =>
    Effect.gen(function* () {
      for (const line of writers)
        expect([line, (yield* decide(accepting(), line))?.decision]).toEqual([line, "decline"])
      for (const line of others) expect([line, (yield* decide(accepting(), line))?.decision]).toEqual([line, "accept"])
      for (const line of ["echo x > .git/config", "cp a .git/hooks/pre-commit", "cd .git && echo x > config"]) {
        expect([line, (yield* decide(accepting(["git"]), line))?.decision]).toEqual([line, "accept"])
        expect([line, (yield* decide(accepting(["ci", "hooks"]), line))?.decision]).toEqual([line, "decline"])
      }
    })
  )

  it.effect("is declined in the permissive mode, and told why", () =>
    Effect.gen(function* () {
      for (const line of writers) {
        expect([line, (yield* decide({ mode: "permissive" }, line))?.decision]).toEqual([line, "decline"])
      }
      for (const line of others) {
        expect([line, (yield* decide({ mode: "permissive" }, line))?.decision]).toEqual([line, "accept"])
      }
      expect((yield* decide({ mode: "permissive" }, "echo x > alias/config"))?.reason).toContain(
        "protected files (git)"
      )
      expect((yield* decide({ mode: "permissive" }, "cp a .git/config"))?.reason).toContain("protected files")
    })
  )

  it.effect("is not accepted where it copies or moves a folder that contains some", () =>
    Effect.gen(function* () {
      for (const line of [
        "cp -r . ../copy",
        "cp -a ../repo copy",
        "mv bare other",
        "cp -r .. src/..",
        "rsync -a . ../x"
      ]) {
        expect([line, (yield* decide(accepting(), line))?.decision]).toEqual([line, "decline"])
      }
      expect((yield* decide(accepting(), "cp -r src lib"))?.decision).toBe("accept")
      expect((yield* decide(accepting(["git"]), "mv bare other"))?.decision).toBe("accept")
    })
  )

  it.effect(
    "is not accepted where an archive or a patch names what it writes, but by a rule that names all of them",
    () =>
      Effect.gen(function* () {
        for (const line of [
          "tar xf x.tar",
          "tar -xzf x.tar -C src",
          "tar --extract --file=x.tar",
          "bsdtar -xf x.tar",
          "unzip x.zip",
          "unzip -o x.zip -d src",
          "cpio -i",
          "7z x x.7z",
          "patch -p1 -i x.diff",
          "patch",
          "git apply x.diff",
          "git -C src am x.mbox"
        ]) {
          const decisionOf = (named?: ReadonlyArray<ProtectedFiles>) =>
            Effect.map(decide(accepting(named), line), (verdict) => verdict?.decision)
          expect([line, yield* decisionOf()]).toEqual([line, "decline"])
          expect([line, yield* decisionOf(["git", "codex", "shell", "ci"])]).toEqual([line, "decline"])
          expect([line, yield* decisionOf(["git", "codex", "shell", "ci", "hooks"])]).toEqual([line, "accept"])
          expect([line, (yield* decide({ mode: "permissive" }, line))?.decision]).toEqual([line, "accept"])
        }
      })
  )

  it("really writes them, in Bash", () => {
    // The lines of above that need nothing but a shell and its everyday programs, each in a copy of the repository.
    const copy = `${repo}-copy`
    for (const line of writers.filter((line) => /^(?:echo|cp|mv a|ln|install|dd|tee|sed|cd|sort)\b[^~]*$/.test(line))) {
      if (/docs|new|bare/.test(line)) continue
      rmSync(copy, { recursive: true, force: true })
      cpSync(repo, copy, { recursive: true, verbatimSymlinks: true })
      const before = state(copy)
      spawnSync("/bin/bash", ["-c", line], { cwd: copy, input: "x" })
      expect([line, state(copy) === before]).toEqual([line, false])
    }
    rmSync(copy, { recursive: true, force: true })
  })
})

const state = (folder: string): string =>
  spawnSync("/usr/bin/find", [path.join(folder, ".git"), "-printf", "%p %s %y\n"], { encoding: "utf8" }).stdout +
  readFileSync(path.join(folder, ".git", "config"), "utf8")

describe("protected files", () => {
  const named: ReadonlyArray<readonly [kind: ProtectedFiles, names: string]> = [
    [
      "git",
      ".git/config .GIT/config .git./config .git::$INDEX_ALLOCATION/config git~1/config GIT~2/hooks/x .gitmodules"
    ],
    [
      "git",
      "sub/.git .gitattributes .gitconfig .config/git/config x/HEAD repo.git/config repo.git/hooks/x .hg/hgrc .jj/x"
    ],
    [
      "git",
      "bare/config bare/hooks/post-update bare/objects/info/alternates alias/config .g\u200cit/config .git\\config"
    ],
    [
      "codex",
      ".codex/config.toml .agents/x AGENTS.md src/AGENTS.md agents.override.md CLAUDE.md .claude/settings.json"
    ],
    ["codex", ".cursor/rules .mcp.json .cursorrules GEMINI.md .aider.conf.yml .windsurfrules CODEX~1/config.toml"],
    ["shell", ".bashrc .bashrc.d/x .bash_profile .zshrc .zshrc.local .zshenv .profile .envrc .config/fish/config.fish"],
    ["shell", ".ssh/rc .vimrc .config/systemd/user/x.service .config/autostart/x.desktop .cargo/config.toml"],
    ["shell", "/etc/profile.d/x.sh /etc/cron.d/x /etc/ld.so.preload /usr/local/bin/git node_modules/.bin/tsc"],
    ["shell", "/home/me/.local/bin/git venv/lib/python3/site-packages/x.pth sitecustomize.py .gdbinit"],
    ["ci", ".github/workflows/ci.yml docs/workflows/ci.yml .gitlab-ci.yml .drone.yaml .woodpecker.yaml Jenkinsfile"],
    [
      "ci",
      "azure-pipelines.yaml azure-pipelines.yml .circleci/config.yml .travis.yml bitbucket-pipelines.yml buildspec.yml"
    ],
    ["hooks", ".husky/pre-commit lefthook.yml lefthook.json .lefthook.toml .lefthook-local.yml lefthook-local.yml"],
    [
      "hooks",
      ".lintstagedrc.json .lintstagedrc mise.toml .mise/config.toml .mise.toml .devcontainer.json .devcontainer/x"
    ],
    ["hooks", ".pre-commit-config.yaml .vscode/tasks.json .idea/x .npmrc .yarnrc.yml .pnpmfile.cjs x.code-workspace"]
  ]
  for (const [kind, names] of named) {
    it.effect(`of ${kind} are ${names.slice(0, 50)}…`, () =>
      Effect.gen(function* () {
        for (const name of [...names.split(" "), ...(kind === "git" ? [".git /config"] : [])]) {
          expect([name, yield* onFile({ mode: "permissive" }, name)]).toEqual([name, "decline"])
          const rubric: Rubric.PolicyRubric = {
            mode: "strict",
            fileChangeRules: [{ when: { protectedFiles: [kind] }, decision: "accept" }]
          }
          expect([name, yield* onFile(rubric, name)]).toEqual([name, "accept"])
        }
      })
    )
  }

  it.effect("are not what every project changes all day", () =>
    Effect.gen(function* () {
      for (const name of [
        "src/a.ts",
        "package.json",
        "Makefile",
        "conftest.py",
        ".gitignore",
        "docs/git.md",
        "src/config",
        "src/hooks/use.ts",
        "model.pth",
        "README.md",
        ".env",
        "src/agents.ts",
        "objects/x"
      ]) {
        expect([name, yield* onFile({ mode: "permissive" }, name)]).toEqual([name, "accept"])
      }
    })
  )
})
