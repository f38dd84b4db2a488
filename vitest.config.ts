import { defineConfig } from "vitest/config"

// Two projects: `unit` needs nothing but Node; `real` starts the pinned codex binary against a stand-in for the model's API.
// Unit tests run in one process for speed, real ones share two workers because each of them owns a process of its own.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: ["**/*.real.test.ts", "**/node_modules/**"]
        }
      },
      {
        test: {
          name: "real",
          include: ["packages/*/test/**/*.real.test.ts", "examples/**/*.real.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      }
    ]
  }
})
