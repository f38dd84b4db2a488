import { defineConfig } from "vitest/config"

// Two projects: `unit` needs nothing but Node; `real` starts the pinned codex binary against a stand-in for the model's API.
export default defineConfig({
  test: {
    reporters: ["verbose", "./scripts/counts-reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          exclude: ["**/*.real.test.ts", "**/node_modules/**"],
          // Some run hundreds of programs, and a busy machine takes its time.
          testTimeout: 30_000
        }
      },
      {
        test: {
          name: "real",
          include: ["packages/*/test/**/*.real.test.ts", "examples/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 30_000
        }
      }
    ]
  }
})
