import { readdirSync, readFileSync } from "node:fs"
import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner, make as makeSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"

/** Whether a process is there. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The processes that have this text in their environment or arguments, which a codex has of its home. */
export const processesOf = (text: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return ["environ", "cmdline"].some((file) => readFileSync(`/proc/${pid}/${file}`, "utf8").includes(text))
    } catch {
      return false
    }
  })

/** A real codex over the home of the test; the processes that it starts are remembered. */
export const layerRecording = (pids: Array<number>, options?: Codex.Options) => {
  const services = Layer.effect(ChildProcessSpawner)(
    Effect.map(ChildProcessSpawner, (spawner) =>
      makeSpawner((command) =>
        Effect.tap(spawner.spawn(command), (handle) =>
          Effect.sync(() => {
            if (command._tag === "StandardCommand" && command.command !== "/bin/sh") pids.push(handle.pid)
          })
        )
      )
    )
  ).pipe(Layer.provideMerge(NodeServices.layer))
  return Layer.unwrap(Effect.map(CodexTest.Home, ({ cwd, env }) => Codex.layer({ cwd, env, ...options }))).pipe(
    Layer.provide(services)
  )
}

/** Waits until this piece of a message has arrived: the model may have sent it long before. */
export const deltasUntil = (delta: string) =>
  Effect.flatMap(Codex.Codex, (codex) =>
    codex.notifications.pipe(
      Stream.takeUntil(
        (notification) => notification.method === "item/agentMessage/delta" && notification.params.delta === delta
      ),
      Stream.runDrain
    )
  )
