/** Kills processes for good, and cuts rollouts. */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Order } from "./points.ts"

/** The app-servers below a process, and the proxies before them. */
const serversOf = (pid: number): ReadonlyArray<number> =>
  execFileSync("ps", ["-o", "pid=,ppid=,stat=,args=", "-A"], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([child, parent, stat, ...args]) =>
      Number(parent) === pid && stat?.startsWith("Z") === false && args.join(" ").includes("app-server")
        ? [...serversOf(Number(child)), Number(child)]
        : []
    )

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It is gone.
  }
}

/** Kills the app-servers below a process, and returns when they are gone. A living owner may have started others by then. */
export const killServers = (pid: number): void => {
  const found = serversOf(pid)
  for (const server of found) kill(server)
  while (serversOf(pid).some((server) => found.includes(server))) execFileSync("sleep", ["0.01"])
}

/** Kills or stops whom the order says, once. Tells whether it did. */
export const strike = (order: Order, owner: number): boolean => {
  if (existsSync(order.marker)) return false
  writeFileSync(order.marker, "")
  if (order.victim === "frozen") {
    process.kill(owner, "SIGSTOP")
    return true
  }
  // A rollout that was cut is that of a server that died.
  const isCut = order.point === "promptWithoutId"
  if (isCut) awaitPrompt(order)
  if (order.victim !== "owner" || isCut) killServers(owner)
  if (isCut) {
    cutAfterPrompt(order)
    writeFileSync(order.cut, "")
  }
  if (order.victim !== "server") kill(owner)
  return true
}

const rolloutsIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith(".jsonl"))
    .map((entry) => join(entry.parentPath, entry.name))

/** The rollouts of a home. */
export const rollouts = (home: string): ReadonlyArray<string> => rolloutsIn(join(home, "sessions"))

/** The lines of a rollout, and where the prompt of the job stands; -1: nowhere. */
const findPrompt = (file: string, prompt: string) => {
  const lines = readFileSync(file, "utf8").split("\n")
  const at = lines.findIndex((line) => line.includes(`"response_item"`) && line.includes(JSON.stringify(prompt)))
  return { lines, at }
}

// The server writes the prompt some milliseconds after its reply.
const awaitPrompt = ({ home, prompt }: Order): void => {
  const hasPrompt = () =>
    existsSync(join(home, "sessions")) && rollouts(home).some((file) => findPrompt(file, prompt).at !== -1)
  while (!hasPrompt()) execFileSync("sleep", ["0.01"])
}

// Leaves the prompt of the job and takes the line with its client id.
const cutAfterPrompt = ({ home, prompt }: Order): void => {
  for (const file of rollouts(home)) {
    const { at, lines } = findPrompt(file, prompt)
    if (at !== -1) truncateSync(file, Buffer.byteLength(lines.slice(0, at + 1).join("\n")) + 1)
  }
}
