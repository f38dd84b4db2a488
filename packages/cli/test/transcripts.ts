// Recordings for the tests of `effect-codex transcript`, made by hand so that any text can be in any field.
import { writeFileSync } from "node:fs"

export const header = {
  transcript: 1,
  recording: "r",
  part: 1,
  at: Date.UTC(2026, 10, 27, 9),
  codex: "0.171.0",
  binary: "/usr/local/bin/codex",
  args: ["app-server"],
  cwd: "/srv/app"
}

const threadId = "0199b6f2-5f2a-7b11-8f3e-6f0a2f1c9d10"

/** The lines of a recording, one after the other. Every text that a model or a tool could have written is `text`. */
export const makeLines = (text: string) => {
  const lines: Array<object> = []
  let n = 0
  let ms = 0
  let ids = 0
  let total = 0

  const hear = (method: string, params: object, took = 40) => {
    ms += took
    lines.push({ n: ++n, ms, in: { method, params } })
  }
  const inTurn = (turnId: string) => {
    const about = { threadId, turnId }
    const item = (item: object, took = 700) => {
      hear("item/started", { ...about, startedAtMs: 0, item: { ...item, status: "inProgress" } })
      hear("item/completed", { ...about, completedAtMs: 0, item }, took)
    }
    const command = (command: string, output: string, exitCode: number) => ({
      type: "commandExecution",
      id: `c${++ids}`,
      command,
      cwd: `/srv/app/${text}`,
      commandActions: [],
      aggregatedOutput: output,
      exitCode,
      status: exitCode === 0 ? "completed" : "failed"
    })
    return {
      prompt: (prompt: string) =>
        item({ type: "userMessage", id: `u${++ids}`, content: [{ type: "text", text: prompt, text_elements: [] }] }, 5),
      say: (said: string) => item({ type: "agentMessage", id: `a${++ids}`, text: said }),
      think: (thought: string) => item({ type: "reasoning", id: `r${++ids}`, summary: [thought], content: [] }),
      plan: (...steps: ReadonlyArray<string>) =>
        hear("turn/plan/updated", {
          ...about,
          explanation: text,
          plan: steps.map((step) => ({ step, status: "pending" }))
        }),
      diff: (diff: string) => hear("turn/diff/updated", { ...about, diff }),
      run: (line: string, output: string, exitCode = 0) => item(command(line, output, exitCode)),
      change: (path: string, diff: string) =>
        item({
          type: "fileChange",
          id: `f${++ids}`,
          status: "completed",
          changes: [{ path, kind: { type: "update", move_path: null }, diff }]
        }),
      call: (tool: string, result: string) =>
        item({
          type: "mcpToolCall",
          id: `m${++ids}`,
          server: text,
          tool,
          arguments: { [text]: text },
          result: { content: [{ type: "text", text: result }] },
          error: null,
          status: "completed"
        }),
      other: () => item({ type: "somethingNew", id: `x${++ids}`, text }),
      tokens: (used: number) => {
        total += used
        const usage = (totalTokens: number) => ({
          totalTokens,
          inputTokens: totalTokens,
          cachedInputTokens: 0,
          outputTokens: 0,
          reasoningOutputTokens: 0
        })
        hear("thread/tokenUsage/updated", { ...about, tokenUsage: { total: usage(total), last: usage(used) } })
      },
      ask: (line: string, decision: string, by: string, reason?: string) => {
        const asked = command(line, "", decision === "accept" ? 0 : 1)
        const id = ++ids
        hear("item/started", { ...about, startedAtMs: 0, item: { ...asked, status: "inProgress" } })
        lines.push({
          n: ++n,
          ms,
          in: {
            id,
            method: "item/commandExecution/requestApproval",
            params: { ...about, itemId: asked.id, startedAtMs: 0, command: line, cwd: "/srv/app", reason: text }
          }
        })
        ms += 1500
        lines.push({ ms, decision: { requestId: id, decision, by, reason } })
        lines.push({ n: ++n, ms, out: { id, result: { decision } } })
        hear("item/completed", { ...about, completedAtMs: 0, item: asked })
      },
      fail: (message: string) => hear("error", { ...about, error: { message }, willRetry: true })
    }
  }
  const turn = (status: string, body: (turn: ReturnType<typeof inTurn>) => void) => {
    const id = `turn-${++ids}`
    const of = (status: string) => ({ id, status, items: [], itemsView: "notLoaded", rootTurnId: id })
    hear("turn/started", { threadId, turn: { ...of("inProgress"), error: null } })
    body(inTurn(id))
    const error = status === "failed" ? { message: `The model is overloaded ${text}` } : null
    hear("turn/completed", { threadId, turn: { ...of(status), error } }, 900)
  }

  lines.push({ n: ++n, ms, out: { id: 0, method: "initialize", params: {} } })
  return { lines, turn, end: () => lines.push({ ms: ms + 10, end: "closed" }) }
}

/** Writes a recording. */
export const write = (file: string, lines: ReadonlyArray<object>): string => {
  writeFileSync(file, [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""))
  return file
}

/** A run of three turns, in which each kind of thing happens. */
export const everything = (text: string): ReadonlyArray<object> => {
  const { end, lines, turn } = makeLines(text)
  turn("completed", (turn) => {
    turn.prompt(`Make the tests pass. ${text}`)
    turn.think(`**Looking** at the failing test first. ${text}`)
    turn.plan("Run the tests", text)
    turn.tokens(4200)
    turn.run(`npm test ${text}`, `FAIL parser.test.ts ${text}\n`.repeat(30), 1)
    turn.change(`/srv/app/src/${text}`, `@@ -1,2 +1,2 @@\n-return count + 1 ${text}\n+return count\n`)
    turn.tokens(3100)
    turn.ask("npm test", "accept", "tests", text)
    turn.ask(`git push ${text}`, "decline", `no push ${text}`, "pushing is for people")
    turn.tokens(2500)
    turn.diff(`--- a\n+++ b\n-${text}\n+${text}\n`)
    turn.say(`All tests pass now.\n\n${text}`)
  })
  turn("completed", (turn) => {
    turn.prompt("And the weather?")
    turn.call(text, text)
    turn.other()
    turn.fail(text)
    turn.say("Sunny.")
  })
  turn("failed", (turn) => turn.prompt("One more"))
  end()
  return lines
}
