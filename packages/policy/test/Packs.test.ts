/**
 * What each pack accepts in a strict rubric, and what it does not: a table for each.
 */
import * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerNode, makeRepository } from "./repository.ts"
import { wrapped } from "./rulesSupport.ts"

type Packs = NonNullable<Rubric.PolicyRubric["extends"]>
type Pack = Packs[number]

const tables: ReadonlyArray<{
  readonly packs: Packs
  readonly accepts: ReadonlyArray<string>
  readonly declines: ReadonlyArray<string>
}> = [
  {
    packs: ["reading"],
    accepts: ["ls", "cat README.md | head -5", "rg foo src", "for f in src/*.ts; do cat $f; done"],
    declines: ["git status", "ls && git log", "cat ../outside/secret", "rm README.md", "npm test", "echo x > y"]
  },
  {
    packs: ["git-read"],
    accepts: ["git status", "git log -3", "git diff --stat && git show HEAD:README.md"],
    declines: ["ls", "git log | cat", "git push", "git commit -m x", "git branch new", "git -c core.pager=id log"]
  },
  {
    packs: ["git-commit"],
    accepts: [
      "git add .",
      "git add -A",
      "git add src/a.ts README.md",
      "git add src/a.ts && git commit -m 'fix: a thing'",
      'git commit -m "it\'s a fix" -m "Why: text; 5 (really)"',
      "git commit -am fix",
      "git commit -F - <<'EOF'\nfix: it's a thing\n\nWhy: $(text) `and` more; 5\nEOF",
      "git commit -F- <<'EOF'\nfix\nEOF\n",
      "git commit --file=- <<'EOF'\nfix\nEOF",
      "git commit --file - << 'EOF'\nfix\nEOF",
      'git commit -a -s -F - -q <<"MSG"\nfix: é ✅\nMSG',
      "git commit -F - <<EOF\nfix: 'a' \"b\" (c) # d\nEOF",
      "git commit <<'EOF' -F -\nfix\nEOF",
      "git add src/a.ts && git commit -F - <<'EOF' 2>&1\nfix\nEOF",
      "git commit -F - <<'EOF' && git add -A\nfix\nEOF",
      "git commit -F - <<'EOF' > /dev/null\nfix\nEOF\ngit add .",
      "git restore --staged src/a.ts",
      "git switch -c feature/a"
    ],
    declines: [
      "git push",
      "git commit",
      "git commit -m x --no-verify",
      "git commit -n -m x",
      "git commit -m x --amend",
      "git commit -F /etc/passwd",
      // Runs code, or may.
      "git commit -F - <<EOF\n$(id)\nEOF",
      "git commit -F - <<EOF\n`id`\nEOF",
      "git commit -F - <<EOF\n$HOME\nEOF",
      "git commit -F - <<EOF\na\\\nEOF\nid\nEOF",
      "git commit -F - <<'EOF'\nfix\nEOF\nid",
      "git commit -F - <<'EOF' && id\nfix\nEOF",
      "git commit -F - <<'EOF'; git commit -F - <<EOF\nfix\nEOF\n$(id)\nEOF",
      "git commit -F - <<'EOF' && git commit -F - <<'MSG'\nfix\nEOF\nfix\nMSG",
      // Ends where not every shell sees it, or nowhere.
      "git commit -F - <<'EOF'\nfix",
      "git commit -F - <<'EOF'",
      "git commit -F - <<'EOF'\nfix\nEOF \nid\nEOF",
      "git commit -F - <<'EOF'\nfix\nEOF)\nEOF",
      "git commit -F - <<'EOF' \\\n-q\nfix\nEOF",
      "git commit -F - <<-'EOF'\n\tfix\n\tEOF",
      "git commit -F - <<\\EOF\nfix\nEOF",
      "git commit -F - <<$EOF\nfix\n$EOF",
      // Shows as something else in a terminal.
      "git commit -F - <<'EOF'\nfix \u202e\nEOF",
      "git commit -F - <<'EOF'\nfix \u0007\nEOF",
      // Reads something else.
      "git commit -F -",
      "git commit -F - < README.md",
      "git commit -F - <<< fix",
      "git commit -F - <<< $(id)",
      "git commit -F - <<'EOF' < /etc/passwd\nfix\nEOF",
      "git commit -F - < /etc/passwd <<'EOF'\nfix\nEOF",
      "git commit -F - <<'EOF' <<'MSG'\nfix\nEOF\nfix\nMSG",
      "git commit -F - <<'EOF' 0>&1\nfix\nEOF",
      "git commit -F - <<'EOF' <&2\nfix\nEOF",
      "git commit -F - <<'EOF' <> README.md\nfix\nEOF",
      "git commit -F - 3<<'EOF'\nfix\nEOF",
      "git commit -F - <<'EOF' > README.md\nfix\nEOF",
      "git add . | git commit -F - <<'EOF'\nfix\nEOF",
      "git commit -F README.md <<'EOF'\nfix\nEOF",
      "git commit -F /etc/passwd <<'EOF'\nfix\nEOF",
      "git commit -F - -F /etc/passwd <<'EOF'\nfix\nEOF",
      "git commit --file=/dev/stdin <<'EOF'\nfix\nEOF",
      // Does something else with it.
      "git commit <<'EOF'\nfix\nEOF",
      "git commit -m x <<'EOF'\nfix\nEOF",
      "git commit -m -F - <<'EOF'\nfix\nEOF",
      "git commit -t - <<'EOF'\nfix\nEOF",
      "git commit --template=- <<'EOF'\nfix\nEOF",
      "git commit -F - -t README.md <<'EOF'\nfix\nEOF",
      "git commit --amend -F - <<'EOF'\nfix\nEOF",
      "git commit -F - --amend <<'EOF'\nfix\nEOF",
      "git commit -F - -e <<'EOF'\nfix\nEOF",
      "git commit -F - --edit <<'EOF'\nfix\nEOF",
      "git commit -eF - <<'EOF'\nfix\nEOF",
      "git commit -F - -c HEAD <<'EOF'\nfix\nEOF",
      "git commit -F - -C HEAD <<'EOF'\nfix\nEOF",
      "git commit -F - -p <<'EOF'\ny\nEOF",
      "git commit -F - --no-verify <<'EOF'\nfix\nEOF",
      "git commit -n -F - <<'EOF'\nfix\nEOF",
      "git commit -F - -- src/a.ts <<'EOF'\nfix\nEOF",
      "git commit -F - --pathspec-from-file=- <<'EOF'\nfix\nEOF",
      "git commit -F - '<<' 'fix'",
      "git commit -F - \"<< 'fix'\"",
      "git commit -F - << 'fix'",
      "git -c core.hooksPath=. commit -F - <<'EOF'\nfix\nEOF",
      "git -C src commit -F - <<'EOF'\nfix\nEOF",
      "GIT_EDITOR=id git commit -F - <<'EOF'\nfix\nEOF",
      "sudo git commit -F - <<'EOF'\nfix\nEOF",
      "./git commit -F - <<'EOF'\nfix\nEOF",
      "xargs git commit -F - <<'EOF'\nfix\nEOF",
      "git apply - <<'EOF'\nfix\nEOF",
      "git add --pathspec-from-file=- <<'EOF'\n.\nEOF",
      "git add . <<'EOF'\nfix\nEOF",
      "cat <<'EOF'\nfix\nEOF",
      "{ git commit -F -; } <<'EOF'\nfix\nEOF",
      "if true; then git commit -F - <<'EOF'\nfix\nEOF\nfi",
      "git commit -F - <<'EOF' &\nfix\nEOF",
      "git commit -m x -F /etc/passwd",
      "git commit -m 'x' --template=/etc/passwd",
      "git -c core.hooksPath=. commit -m x",
      "git commit -m $(cat ../outside/secret)",
      "git add ../outside",
      "git add /etc/passwd",
      "git add --pathspec-from-file=x",
      "git restore src/a.ts",
      "git switch main",
      "git checkout -b a --track x",
      "GIT_EDITOR=id git commit -m x",
      "git status"
    ]
  },
  {
    packs: ["node"],
    accepts: [
      "npm test",
      "CI=1 npm test",
      "npm run build",
      "npm run -s lint",
      "npm run test:unit -- src/a.test.ts",
      "pnpm typecheck",
      "yarn test",
      "npm test 2>&1",
      "npx --no-install tsc --noEmit",
      "pnpm exec vitest run test/a.test.ts"
    ],
    declines: [
      "npm install",
      "npm publish",
      "npm run deploy",
      "npm run release",
      "npm test --script-shell=/tmp/x",
      "npm test -- --reporter=/tmp/x.js",
      "npm test -- ../outside/x.test.ts",
      "npm test -- /tmp/x.test.ts",
      "npm run build && npm publish",
      "npx tsc --noEmit",
      "npx cowsay",
      "NODE_OPTIONS=--require=/tmp/x npm test",
      "npm --prefix ../outside test",
      "node script.js",
      "npm exec id"
    ]
  },
  {
    packs: ["python"],
    accepts: [
      "pytest",
      "pytest -q tests/test_a.py::test_b",
      "python3 -m pytest -x -k foo",
      "python -m unittest",
      "ruff check .",
      "mypy src"
    ],
    declines: [
      "pytest @x",
      "pytest -p evil",
      "pytest -c /tmp/x.ini",
      "pytest --rootdir=/tmp",
      "pytest ../outside",
      "python x.py",
      "python3 -c 'import os'",
      "pip install x",
      "PYTHONPATH=/tmp pytest",
      "ruff check --config /tmp/x ."
    ]
  },
  {
    packs: ["rust"],
    accepts: [
      "cargo test",
      "cargo build --release",
      "cargo clippy --all-targets --all-features -- -D warnings",
      "cargo test -p core parser:: -- --nocapture",
      "cargo fmt --check",
      "RUST_BACKTRACE=1 cargo test"
    ],
    declines: [
      "cargo run",
      "cargo install x",
      "cargo publish",
      "cargo test --config /tmp/x",
      "cargo build --manifest-path /tmp/Cargo.toml",
      "cargo +nightly test",
      "RUSTC_WRAPPER=/tmp/x cargo build"
    ]
  },
  {
    packs: ["go"],
    accepts: ["go test ./...", "go build ./cmd/x", "go vet ./...", "go test -race -run TestA ./pkg", "gofmt -l ."],
    declines: [
      "go run x.go",
      "go generate ./...",
      "go install x",
      "go get x",
      "go test -exec id ./...",
      "go vet -vettool=id ./...",
      "go build -toolexec id ./...",
      "go build -o /tmp/x ./...",
      "go test ../outside/...",
      "GOFLAGS=-toolexec=id go build"
    ]
  },
  {
    packs: ["make"],
    accepts: ["make", "make test", "make -j4 build test", "make -s lint"],
    declines: [
      "make install",
      "make deploy",
      "make SHELL=id",
      "make test CC=id",
      "make -f x",
      "make -C ../outside",
      "make -e test"
    ]
  },
  {
    packs: ["java"],
    accepts: ["mvn test", "mvn -q compile", "./mvnw verify", "./gradlew test", "gradle -q check build"],
    declines: [
      "mvn test exec:exec",
      "mvn deploy",
      "./gradlew publish",
      "gradle test -Dx=y",
      "mvn -s x test",
      "./gradlew -I x test"
    ]
  }
]

const repository = makeRepository()

const decide = Effect.fnUntraced(function* (packs: Packs, command: string, cwd = repository.root) {
  const explain = yield* RuleBasedPolicy.explainer({ mode: "strict", extends: packs, allowedRoots: [repository.root] })
  return yield* explain(command, cwd)
}, Effect.provide(layerNode))

describe("in a strict rubric the pack", () => {
  for (const { accepts, declines, packs } of tables) {
    it.live(`${packs.join(", ")} accepts its lines and no others`, () =>
      Effect.gen(function* () {
        const odd: Array<string> = []
        for (const [lines, expected] of [
          [accepts, "accept"],
          [declines, "decline"]
        ] as const) {
          for (const line of lines) {
            for (const command of [line, wrapped(line), wrapped(line, "/bin/zsh")]) {
              const { by, decision, reason } = yield* decide(packs, command)
              if (decision !== expected) odd.push(`${command}: ${decision} by ${by}: ${reason}`)
            }
          }
        }
        expect(odd).toEqual([])
      })
    )
  }

  it.live("accepts nothing outside of the allowed roots", () =>
    Effect.gen(function* () {
      for (const { accepts, packs } of tables) {
        for (const line of accepts) {
          const { decision } = yield* decide(packs, line, repository.outside)
          expect([line, decision]).toEqual([line, "decline"])
        }
      }
    })
  )

  it.live("is told as what decided, with its version", () =>
    Effect.gen(function* () {
      expect((yield* decide(["node"], "npm test")).by).toBe("pack node@1: scripts")
      expect((yield* decide(["node@1"], "npm test")).by).toBe("pack node@1: scripts")
      expect((yield* decide(["reading"], "ls")).by).toBe("pack reading")
    })
  )

  it.live("comes after the rules of the rubric, and beside other packs", () =>
    Effect.gen(function* () {
      const explain = yield* RuleBasedPolicy.explainer({
        mode: "strict",
        extends: ["node", "reading"],
        allowedRoots: [repository.root],
        commandRules: [{ name: "no builds", when: { program: "npm", args: ["run", "build"] }, decision: "decline" }]
      })
      expect((yield* explain("npm run build", repository.root)).by).toBe("no builds")
      expect((yield* explain("npm test 2>&1 | tail -20", repository.root)).decision).toBe("accept")
    }).pipe(Effect.provide(layerNode))
  )
})

describe("a rubric with packs", () => {
  it.effect("needs allowedRoots, and knows its packs", () =>
    Effect.gen(function* () {
      const without = yield* Effect.flip(Rubric.decode({ mode: "strict", extends: ["node"] }))
      expect(without.message).toContain("packs accept commands in allowedRoots")
      const unknown = yield* Effect.flip(Rubric.decode({ allowedRoots: ["/x"], extends: ["node@9"] }))
      expect(unknown.message).toContain("extends")
    })
  )

  it("covers every pack", () => {
    const covered = new Set<Pack>(tables.flatMap(({ packs }) => packs))
    const all = ["reading", "git-read", "git-commit", "node", "python", "rust", "go", "make", "java"]
    expect([...covered].toSorted()).toEqual(all.toSorted())
  })
})
