/** Stands between an owner and its app-server, passes lines on, and strikes at one. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { strike } from "./kill.ts"
import type { Order } from "./points.ts"

const [file = "", ...args] = process.argv.slice(2)
const order: Order = JSON.parse(readFileSync(file, "utf8"))
const codex = spawn(order.binary, args, { stdio: ["pipe", "pipe", "inherit"] })
let startId: unknown

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const isStart = line.includes(`"turn/start"`) && line.includes(JSON.stringify(order.prompt).slice(1, -1))
    if (isStart) startId = JSON.parse(line).id
    const isStruck =
      (order.point === "startWritten" && isStart) ||
      (order.point === "acceptWritten" && line.includes(`"decision":"accept"`))
    codex.stdin.write(`${line}\n`, () => {
      if (isStruck) strike(order, process.ppid)
    })
  })
  .on("close", () => codex.stdin.end())
createInterface({ input: codex.stdout }).on("line", (line) => {
  if (order.point === "startReplied" && startId !== undefined && line.includes(`"id":${JSON.stringify(startId)}`)) {
    startId = undefined
    strike(order, process.ppid)
  }
  process.stdout.write(`${line}\n`)
})
codex.on("exit", (code) => process.exit(code ?? 1))
