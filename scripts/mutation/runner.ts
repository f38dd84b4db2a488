/**
 * Runs each test once as it is, and then again with every mutant that it reaches and that no test before has noticed.
 *
 * Mutants of what is evaluated when the module loads, or kept from then on, run in an instance of the module of their own, which
 * takes the place of the first one.
 */
import { inject, TestRunner } from "vitest"
import type { RunnerTestCase } from "vitest"

/** State that the instrumented module shares with this runner, and the way to put another instance in its place. */
interface Shared {
  __stryker__?: {
    activeMutant?: string | undefined
    currentTestId?: string | undefined
    mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> }
    hitCount?: number
    hitLimit?: number
  }
  __instance__?: { readonly first: object; readonly use: (instance: object) => void }
}

declare module "vitest" {
  interface ProvidedContext {
    readonly mutation: { readonly file: string; readonly living: ReadonlyArray<string> }
  }
  interface TaskMeta {
    mutation?: { readonly noticed: ReadonlyArray<string>; readonly reached: ReadonlyArray<string> }
  }
}

// A loop that a mutant keeps going reaches the mutant again and again.
const timesAsOften = 100
const leastLimit = 20_000

export default class extends TestRunner {
  readonly #shared = globalThis as Shared
  readonly #state = (this.#shared.__stryker__ ??= {})
  readonly #file: string
  readonly #living: Set<string>
  /** Reached without a mutant and not with it, as what it changes is kept. */
  readonly #kept = new Set<string>()
  readonly #instances = new Map<string, object>()

  constructor(config: ConstructorParameters<typeof TestRunner>[0]) {
    super(config)
    const { file, living } = inject("mutation")
    this.#file = file
    this.#living = new Set(living)
  }

  #activate(mutant: string | undefined, hitLimit = 0) {
    Object.assign(this.#state, { activeMutant: mutant, hitCount: 0, hitLimit })
  }

  async #instanceOf(mutant: string): Promise<object> {
    const instance = this.#instances.get(mutant) ?? (await import(`${this.#file}?mutant=${mutant}`))
    this.#instances.set(mutant, instance)
    return instance
  }

  /** Whether the test passes. */
  async #passes(test: RunnerTestCase): Promise<boolean> {
    try {
      this.onBeforeTryTask(test, { retry: 0, repeats: 0 })
      await TestRunner.getTestFn(test)()
      this.onAfterTryTask(test)
      return true
    } catch {
      return false
    }
  }

  async runTask(test: RunnerTestCase): Promise<void> {
    this.#activate(undefined)
    this.#state.currentTestId = test.id
    await TestRunner.getTestFn(test)()
    this.#state.currentTestId = undefined
    const coverage = this.#state.mutantCoverage
    const reached = { ...coverage?.perTest[test.id] }
    const noticed: Array<string> = []
    for (const [mutant, times] of Object.entries(reached)) {
      if (!this.#living.has(mutant) || coverage?.static[mutant] !== undefined) continue
      this.#activate(mutant, Math.max(leastLimit, times * timesAsOften))
      if (!(await this.#passes(test))) noticed.push(mutant)
      else if (this.#state.hitCount === 0) this.#kept.add(mutant)
    }
    const loaded = [...this.#kept, ...Object.keys(coverage?.static ?? {})]
    for (const mutant of loaded) {
      if (!this.#living.has(mutant) || noticed.includes(mutant)) continue
      this.#activate(mutant, 10_000_000)
      try {
        this.#shared.__instance__?.use(await this.#instanceOf(mutant))
        if (!(await this.#passes(test))) noticed.push(mutant)
      } catch {
        noticed.push(mutant)
      }
    }
    this.#shared.__instance__?.use(this.#shared.__instance__.first)
    this.#activate(undefined)
    for (const mutant of noticed) this.#living.delete(mutant)
    test.meta.mutation = { noticed, reached: [...Object.keys(reached), ...loaded] }
    this.onBeforeTryTask(test, { retry: 0, repeats: 0 })
    // Fails if something of a mutant has stayed.
    await TestRunner.getTestFn(test)()
  }
}
