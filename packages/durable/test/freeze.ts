/** Stops processes that use a SQLite store. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { readFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"

/** Stops a process while it holds no lock of the store. One that is stopped in the middle of a write keeps every other one from writing. */
export const freeze = (file: string, pid: number) =>
  Effect.sync(() => {
    process.kill(pid, "SIGSTOP")
    // The signal takes effect a moment after it was sent.
    while (!isStopped(pid)) continue
    const isFree = canWrite(file)
    if (!isFree) process.kill(pid, "SIGCONT")
    return isFree
  }).pipe(Effect.repeat({ until: (isFree) => isFree, schedule: Schedule.spaced("5 millis") }))

const isStopped = (pid: number) => {
  const [, state] = /^\d+ \(.*\) (\w) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? []
  if (state === "Z") throw new Error(`process ${pid} has ended`)
  return state === "T"
}

const canWrite = (file: string) => {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK")
    return true
  } catch {
    return false
  } finally {
    database.close()
  }
}
