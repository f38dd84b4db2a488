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
