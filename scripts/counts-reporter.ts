// Closes a test run with one line that says how many tests passed and failed.
import type { Reporter, TestModule } from "vitest/node"

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>) {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        counts[state === "pending" ? "failed" : state]++
      }
      // A module that can't even be loaded has no tests to count.
      if (module.state() === "failed" && module.errors().length > 0) counts.failed++
    }
    const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`
    process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skipped}\n`)
  }
}
