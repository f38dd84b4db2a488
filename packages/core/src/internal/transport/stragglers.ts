/**
 * Finds and ends what has left the server's process group: a command that calls `setsid` is in a session of its own, and no
 * signal to the group reaches it.
 *
 * What the server starts inherits its environment, so the server gets a variable with a value of its own, and who has it is
 * of the server. That is on Linux, where environments can be read. A process that has cleared or overwritten its environment
 * is not found, and neither is one of another user.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { shellWithProc } from "../platform.ts"

/** The variable that marks the processes of one server. */
export const markName = "EFFECT_CODEX_SERVER"

/** A value that no other server has. */
export const makeMark: Effect.Effect<string> = Effect.sync(() => globalThis.crypto.randomUUID())

/**
 * A program of `sh` that ends the processes with the mark in its first argument, with SIGTERM and a moment later with SIGKILL,
 * but for the one whose id is its second argument. It is not to have the mark itself.
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

/** Ends what is left of a server that is over. */
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
