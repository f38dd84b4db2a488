/**
 * `@openai/codex-sdk`: one `codex exec` a turn, whose events are whole items and never deltas of text.
 */
import { Codex } from "@openai/codex-sdk"
import { type Agent, type Connect, run } from "./plain.ts"
import { prompt, readWorkload, tell } from "./workload.ts"

const workload = readWorkload()

const connect: Connect = async () => {
  const codex = new Codex({ codexPathOverride: workload.server.command, env: {} })
  const turn: Agent["turn"] = async (text, onDelta) => {
    const { events } = await codex.startThread({ skipGitRepoCheck: true }).runStreamed(text)
    let last = ""
    for await (const event of events) {
      if (event.type === "item.updated" && event.item.type === "agent_message") await onDelta(event.item.text)
      else if (event.type === "item.completed" && event.item.type === "agent_message") last = event.item.text
    }
    return last
  }
  return {
    open: async () => codex.startThread(),
    // It has no requests; a turn comes closest to one.
    echo: async () => {
      await turn(prompt({ deltas: 1 }), () => {})
    },
    turn,
    pulls: true,
    close: () => {}
  }
}

tell(await run(connect, workload))
