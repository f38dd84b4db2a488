import { defineConfig } from "vitest/config"

// Two projects: `unit` needs nothing but Node; `real` starts the pinned codex binary against a stand-in for the model's API.
export default defineConfig({
  test: {
    reporters: ["verbose", "./scripts/counts-reporter.ts"],
    // Told by `npm run coverage`, and not enforced. What runs in processes of their own is not seen.
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/generated/**"],
      reporter: ["text", "html"],
      reportsDirectory: "node_modules/.cache/coverage"
    },
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "bench/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          exclude: ["**/*.real.test.ts", "**/node_modules/**"],
          // A test that hangs ends here. Nothing is timed by it: a busy machine takes many times as long as an idle one.
          testTimeout: 300_000,
          hookTimeout: 300_000
        }
      },
      {
        test: {
          name: "real",
          include: ["packages/*/test/**/*.real.test.ts", "examples/**/*.test.ts"],
          // Goes to another version of codex and back: `npm run test:codex` and `npm run matrix` name one.
          exclude: [
            "**/node_modules/**",
            ...(process.env["CODEX_TEST_VERSION"] === undefined ? ["**/Upgrade.real.test.ts"] : [])
          ],
          testTimeout: 300_000,
          hookTimeout: 300_000
        }
      }
    ]
  }
})
