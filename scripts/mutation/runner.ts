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
    readonly mutation: {
      readonly file: string
      readonly living: ReadonlyArray<string>
      /** Whether each mutant runs in an instance of the module of its own. */
      readonly isolate: boolean
    }
  }
  interface TaskMeta {
    mutation?: { readonly noticed: ReadonlyArray<string>; readonly reached: ReadonlyArray<string> }
  }
}

// A mutant whose loop does not end reaches more places than these, or this many times as many as the test does without one.
const leastSteps = 2_000_000
const timesAsMany = 50

// A test that waits for something that a mutant prevents takes longer than this, or than this many times its usual time.
const leastMillis = 5_000
const timesAsLong = 20

export default class extends TestRunner {
  readonly #shared = globalThis as Shared
  readonly #state = (this.#shared.__stryker__ ??= {})
  readonly #file: string
  readonly #living: Set<string>
  readonly #isolate: boolean
  /** Reached without a mutant and not with it, as what it changes is kept. */
  readonly #kept = new Set<string>()
  readonly #instances = new Map<string, object>()
  /** Mutants of what is evaluated when the module loads. */
  #loaded: ReadonlyArray<string> | undefined
  #steps = 0

  constructor(config: ConstructorParameters<typeof TestRunner>[0]) {
    super(config)
    const { file, isolate, living } = inject("mutation")
    this.#file = file
    this.#isolate = isolate
    this.#living = new Set(living)
  }

  // A loop within a mutant reaches nothing but the mutant, whose hits the module counts itself.
  #activate(mutant: string | undefined, steps = leastSteps) {
    Object.assign(this.#state, { activeMutant: mutant, hitCount: 0, hitLimit: steps })
    this.#steps = steps
  }

  // The module counts each other place that it reaches.
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

  /** Runs the test once, with a signal and hooks of its own. It fails if that takes too long. */
  async #run(test: RunnerTestCase, millis?: number): Promise<void> {
    const controller = new AbortController()
    const hooks: Array<Parameters<typeof test.context.onTestFinished>[0]> = []
    Object.assign(test.context, {
      signal: controller.signal,
      onTestFinished: (hook: (typeof hooks)[number]) => hooks.unshift(hook)
    })
    const end = () => controller.abort(new Error("The mutant does not end."))
    const timer = millis === undefined ? undefined : setTimeout(end, millis)
    try {
      await TestRunner.getTestFn(test)()
    } finally {
      clearTimeout(timer)
      // The hooks of a run that was ended wait for what may never end.
      if (!controller.signal.aborted) for (const hook of hooks) await hook(test.context)
    }
  }

  /** Whether the test passes. */
  async #passes(test: RunnerTestCase, millis: number): Promise<boolean> {
    try {
      this.onBeforeTryTask(test, { retry: 0, repeats: 0 })
      await this.#run(test, millis)
      this.onAfterTryTask(test)
      return true
    } catch {
      return false
    }
  }

  async runTask(test: RunnerTestCase): Promise<void> {
    this.#activate(undefined)
    this.#state.currentTestId = test.id
    const start = performance.now()
    await this.#run(test)
    const millis = Math.max(leastMillis, (performance.now() - start) * timesAsLong)
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
      if (this.#isolate || !this.#living.has(mutant) || isLoaded.has(mutant)) continue
      this.#activate(mutant, limit)
      if (!(await this.#passes(test, millis))) noticed.push(mutant)
      else if (this.#state.hitCount === 0) this.#kept.add(mutant)
    }
    const loaded = [...this.#kept, ...this.#loaded]
    const isolated = this.#isolate ? [...new Set([...loaded, ...Object.keys(reached)])] : loaded
    for (const mutant of isolated) {
      if (!this.#living.has(mutant) || noticed.includes(mutant)) continue
      this.#activate(mutant, limit)
      try {
        this.#shared.__instance__?.use(await this.#instanceOf(mutant))
        if (!(await this.#passes(test, millis))) noticed.push(mutant)
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
    await this.#run(test)
  }
}
