/**
 * The process that an owner runs in: its name for people, and whether another process of this machine has exited.
 *
 * The only file that asks Node for it. It knows nothing of stores.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import * as process from "node:process"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Process } from "./store/lease.ts"

const textOf = (read: () => string): string => Result.getOrElse(Result.try(read), () => "").trim()

const machine = [
  hostname(),
  textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
  textOf(() => readlinkSync("/proc/self/ns/pid"))
].join(" ")

/** Whether no process has this id. */
const hasExited = (processId: number): Effect.Effect<boolean> =>
  Effect.sync(() =>
    Option.isSome(
      Option.filter(
        Result.getFailure(Result.try(() => process.kill(processId, 0))),
        (error) => Predicate.hasProperty(error, "code") && error.code === "ESRCH"
      )
    )
  )

/**
 * This process, for the lease. Process ids are compared within one boot of one machine, and on Linux within one namespace of
 * processes.
 */
export const thisProcess: Process = {
  holder: `${hostname()}, process ${process.pid}`,
  machine,
  processId: process.pid,
  hasExited: (lease) => (lease.machine === machine ? hasExited(lease.processId) : Effect.succeed(false))
}
