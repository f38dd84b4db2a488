// Runs a program in its own pseudo-terminal, for tests and recordings, and reads its output and the screen.
import * as pty from "@lydell/node-pty"
import headless from "@xterm/headless"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { inheritedEnv } from "./run-command.ts"

export interface Options {
  readonly columns?: number
  readonly rows?: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface Program {
  readonly pid: number
  /** The output so far, with its escape sequences. */
  readonly written: () => string
  /** The lines on the screen and in the scrollback, without trailing blanks. */
  readonly screen: Effect.Effect<ReadonlyArray<string>>
  readonly terminal: headless.Terminal
  /** Waits for output that matches. */
  readonly waitFor: (pattern: RegExp) => Effect.Effect<void>
  readonly type: (keys: string) => Effect.Effect<void>
  /** Resizes the terminal, as resizing its window does. */
  readonly resize: (columns: number, rows: number) => Effect.Effect<void>
  /** Waits for the program to exit. */
  readonly code: Effect.Effect<number>
  /** Closes the terminal, as closing its window does. */
  readonly hangUp: Effect.Effect<void>
}

export const ctrlC = "\u0003"

/** Starts a TypeScript or JavaScript file. Closing the scope kills it. */
export const start = (
  file: string,
  args: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { columns: cols = 80, rows = 24 } = options
    const terminal = new headless.Terminal({ cols, rows, allowProposedApi: true, scrollback: 1000 })
    const env = { ...inheritedEnv(), TERM: "xterm-256color", ...options.env }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        pty.spawn(process.execPath, [file, ...args], { cols, rows, cwd: options.cwd ?? process.cwd(), env })
      ),
      (child) => Effect.sync(() => (exitCode === undefined ? child.kill("SIGKILL") : undefined))
    )
    let written = ""
    let exitCode: number | undefined
    const listeners = new Set<() => void>()
    const changed = () => {
      for (const listener of listeners) listener()
    }
    child.onData((data) => {
      written += data
      terminal.write(data)
      changed()
    })
    child.onExit((exit) => {
      exitCode = exit.exitCode
      changed()
    })
    const until = <A>(look: () => A | undefined): Effect.Effect<A> =>
      Effect.callback<A>((resume) => {
        const listener = () => {
          const found = look()
          if (found === undefined) return
          listeners.delete(listener)
          resume(Effect.succeed(found))
        }
        listeners.add(listener)
        listener()
        return Effect.sync(() => listeners.delete(listener))
      })

    return {
      pid: child.pid,
      written: () => written,
      // The terminal takes what was written in pieces; an empty write is answered when all before it was taken.
      screen: Effect.callback<ReadonlyArray<string>>((resume) =>
        terminal.write("", () => {
          const buffer = terminal.buffer.active
          const lines = Array.from(
            { length: buffer.length },
            (_, y) => buffer.getLine(y)?.translateToString(true) ?? ""
          )
          while (lines.at(-1) === "") lines.pop()
          resume(Effect.succeed(lines))
        })
      ),
      terminal,
      waitFor: (pattern) => until(() => (pattern.test(written) ? true : undefined)).pipe(Effect.asVoid),
      type: (keys) => Effect.sync(() => child.write(keys)),
      resize: (columns, rows) =>
        Effect.sync(() => {
          terminal.resize(columns, rows)
          child.resize(columns, rows)
        }),
      code: until(() => exitCode),
      hangUp: Effect.sync(() => child.kill("SIGHUP"))
    }
  })
