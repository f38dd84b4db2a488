/**
 * Finds and ends processes that have left the server's process group: a command that calls `setsid` is in its own session, and
 * a signal to the group does not reach it.
 *
 * Processes inherit the server's environment, so the server gets a variable with a unique value, which marks its descendants.
 * This works only on Linux, where environments can be read. A process that has cleared or overwritten its environment is not
 * found, and neither is one of another user.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { shellWithProc } from "../platform.ts"

/** The variable that marks the processes of one server. */
export const markName = "EFFECT_CODEX_SERVER"

/** A unique value for a server. */
export const makeMark: Effect.Effect<string> = Effect.sync(() => globalThis.crypto.randomUUID())

/**
 * A shell script that ends the processes with the mark in its first argument, with SIGTERM and a moment later with SIGKILL,
 * except for the process whose id is its second argument. It must run without the mark itself.
 */
export const endMarked = `
  marked() {
    grep -lsaF -- "${markName}=$1" /proc/[0-9]*/environ | sed 's|^/proc/||; s|/environ$||' | grep -vx -- "\${2:-0}"
  }
  found=$(marked "$@")
  [ -n "$found" ] || exit 0
  kill $found; sleep 0.2; found=$(marked "$@")
  [ -z "$found" ] || kill -KILL $found
`

/** Ends the remaining processes of a server that has exited. */
export const endStragglers = (mark: string): Effect.Effect<void, never, ChildProcessSpawner> =>
  shellWithProc === undefined ? Effect.void : sweep(shellWithProc, mark)

const sweep = (shell: string, mark: string) =>
  Effect.flatMap(ChildProcessSpawner, (spawner) =>
    spawner.spawn(
      ChildProcess.make(shell, ["-c", endMarked, "sh", mark], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        forceKillAfter: "1 second"
      })
    )
  ).pipe(
    Effect.flatMap((handle) => handle.exitCode),
    Effect.timeoutOption("2 seconds"),
    Effect.scoped,
    Effect.ignore
  )
