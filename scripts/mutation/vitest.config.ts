import * as path from "node:path"
import { defineConfig } from "vitest/config"

// The tests that need only Node, run on the sources of the repository that holds this file. The mutants are in a copy of the
// repository, whose links to packages lead to the original.
const root = path.join(import.meta.dirname, "..", "..")

// `MUTATION_TESTS="Paths,core/approval/answer"` runs only these test files; names without a package are those of the policy.
// Running all of them for each mutant takes hours.
const only = process.env["MUTATION_TESTS"]?.split(",").map((name) => {
  const [, package_ = "policy", file] = /^(?:(core|policy)\/)?(.+)$/.exec(name) ?? []
  return `packages/${package_}/test/${file}.test.ts`
})

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^@effect-codex\/(core|policy)$/, replacement: `${root}/packages/$1/src/index.ts` },
      { find: /^@effect-codex\/core\/testing$/, replacement: `${root}/packages/core/src/testing/index.ts` },
      { find: /^@effect-codex\/(core|policy)\/(.+)$/, replacement: `${root}/packages/$1/src/$2.ts` }
    ]
  },
  test: {
    include: only ?? [
      "packages/policy/test/**/*.test.ts",
      "packages/core/test/{approval,delivery,rpc,transport}/*.test.ts",
      "packages/core/test/turn/{life,machine,receiving}.test.ts"
    ],
    testTimeout: 30_000,
    exclude: ["**/*.real.test.ts", "**/differential.test.ts", "**/node_modules/**"]
  }
})
