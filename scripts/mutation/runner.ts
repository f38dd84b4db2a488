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

// A mutant whose loop does not end reaches more places than these, or this many times as many as the test does without one.
const leastSteps = 2_000_000
const timesAsMany = 50

export default class extends TestRunner {
  readonly #shared = globalThis as Shared
  readonly #state = (this.#shared.__stryker__ ??= {})
  readonly #file: string
  readonly #living: Set<string>
  /** Reached without a mutant and not with it, as what it changes is kept. */
  readonly #kept = new Set<string>()
  readonly #instances = new Map<string, object>()
  /** Mutants of what is evaluated when the module loads. */
  #loaded: ReadonlyArray<string> | undefined
  #steps = 0

  constructor(config: ConstructorParameters<typeof TestRunner>[0]) {
    super(config)
    const { file, living } = inject("mutation")
    this.#file = file
    this.#living = new Set(living)
  }

  #activate(mutant: string | undefined, steps = leastSteps) {
    Object.assign(this.#state, { activeMutant: mutant, hitCount: 0, hitLimit: Number.MAX_SAFE_INTEGER })
    this.#steps = steps
  }

  // The module counts each place that it reaches.
  #limitSteps(): Record<string, number> {
    return new Proxy<Record<string, number>>(
      {},
      {
        set: () => {
          if (--this.#steps < 0) throw new Error("The mutant does not end.")
          return true
        }
      }
    )
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
    const steps = Object.values(reached).reduce((sum, times) => sum + times, 0)
    const limit = Math.max(leastSteps, steps * timesAsMany)
    this.#loaded ??= Object.keys(coverage?.static ?? {})
    const isLoaded = new Set(this.#loaded)
    if (coverage !== undefined) coverage.static = this.#limitSteps()
    const noticed: Array<string> = []
    for (const mutant of Object.keys(reached)) {
      if (!this.#living.has(mutant) || isLoaded.has(mutant)) continue
      this.#activate(mutant, limit)
      if (!(await this.#passes(test))) noticed.push(mutant)
      else if (this.#state.hitCount === 0) this.#kept.add(mutant)
    }
    const loaded = [...this.#kept, ...this.#loaded]
    for (const mutant of loaded) {
      if (!this.#living.has(mutant) || noticed.includes(mutant)) continue
      this.#activate(mutant, limit)
      try {
        this.#shared.__instance__?.use(await this.#instanceOf(mutant))
        if (!(await this.#passes(test))) noticed.push(mutant)
      } catch {
        noticed.push(mutant)
      }
    }
    this.#shared.__instance__?.use(this.#shared.__instance__.first)
    this.#activate(undefined, limit)
    for (const mutant of noticed) this.#living.delete(mutant)
    test.meta.mutation = { noticed, reached: [...Object.keys(reached), ...loaded] }
    this.onBeforeTryTask(test, { retry: 0, repeats: 0 })
    // Fails if something of a mutant has stayed.
    await TestRunner.getTestFn(test)()
  }
}
