// Runs a program to its end for a test, and returns what it printed. Nothing here throws on a failing program.
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"

export interface Result {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** The standard input. Default: empty. */
  readonly stdin?: string | Uint8Array
  /**
   * Gets each piece of standard output, for instance to end the program after a certain output, or to stop reading as `head`
   * does.
   */
  readonly onStdout?: (piece: string, pid: number, close: () => void) => void
}

/** The environment of the tests, without the colour settings of the person who runs them. */
export const inheritedEnv = (): NodeJS.ProcessEnv => {
  const { CLICOLOR_FORCE: _force, FORCE_COLOR: _forced, NO_COLOR: _refused, ...env } = process.env
  // Their configuration file is ignored too.
  return { ...env, XDG_CONFIG_HOME: "/nowhere" }
}

/** Runs a TypeScript file with the Node that runs the tests. Interrupting the effect kills it. */
export const runFile = (file: string, args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Result> =>
  Effect.callback<Result>((resume) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: options.cwd,
      env: { ...inheritedEnv(), ...options.env },
      stdio: ["pipe", "pipe", "pipe"]
    })
    // A program that has ended reads no more.
    child.stdin.on("error", () => {}).end(options.stdin)
    const output = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      output.stdout += piece
      options.onStdout?.(piece, child.pid ?? 0, () => child.stdout.destroy())
    })
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      output.stderr += piece
    })
    child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, ...output })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
