/**
 * `@openai/codex-sdk`: one `codex exec` a turn, events on its standard output.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { Codex } from "@openai/codex-sdk"
import { begin, readScenario, ready, report, serverArgs } from "../scenario.ts"

const scenario = readScenario()
// The SDK names the arguments; the server takes its own from this script.
const folder = mkdtempSync(path.join(tmpdir(), "bench-"))
const script = path.join(folder, "codex")
writeFileSync(script, `#!/bin/sh\nexec ${scenario.server} ${serverArgs(scenario, ["exec=1"]).join(" ")}\n`)
chmodSync(script, 0o755)

const thread = new Codex({ codexPathOverride: script }).startThread({ skipGitRepoCheck: true })
const end = begin()
const { events } = await thread.runStreamed("Go")
let text = 0
for await (const event of events) {
  if (event.type === "item.updated" && event.item.type === "agent_message") text += event.item.text.length
  if (scenario.kind === "startup" && event.type === "thread.started") ready()
}
rmSync(folder, { recursive: true })
report(end(text))
