import { expect, it } from "@effect/vitest"
import type { Approval } from "../src/Approval.ts"
import type { Verdict } from "../src/internal/admission.ts"
import { continuation } from "../src/internal/continuation.ts"
import { nextStep } from "../src/internal/nextStep.ts"
import type { Turn, TurnEnd } from "../src/internal/rollout/digest.ts"
import type { Attempt, AttemptEnd, Job } from "../src/Job.ts"
import type { SessionSpec } from "../src/Session.ts"

const attempt = (number: number, end: AttemptEnd): Attempt => ({
  number,
  epoch: 1,
  phase: "ended",
  messageId: `${number}:a`,
  threadId: "thread",
  end,
  startedAt: 0
})

const job = (changes: Partial<Job> = {}): Job => ({
  session: "s",
  key: "a",
  number: 1,
  prompt: "the task",
  state: "running",
  attempts: [attempt(1, "crashed")],
  sentAt: 0,
  ...changes
})

const spec = (changes: Partial<SessionSpec> = {}): SessionSpec => ({
  tenant: "t",
  policy: "p",
  tools: [],
  workspace: "w",
  thread: { sandbox: "read-only", approvalPolicy: "on-request" },
  onCrash: "continue",
  maxAttempts: 2,
  ...changes
})

const turn: Turn = {
  id: "turn",
  messageIds: ["1:a"],
  hasUserMessage: true,
  hasPrompt: true,
  openCalls: [],
  answer: { text: "done", isFinal: true },
  end: undefined
}

const cut: Verdict = { type: "cut", attempt: attempt(1, "crashed"), turn }
const ended = (end: TurnEnd): Verdict => ({ type: "ended", attempt: attempt(1, "crashed"), turn, end })
const aborted = ended({ type: "aborted", reason: "interrupted" })
const absent: Verdict = { type: "absent" }
const interrupt = { by: "bob", at: 0 }

const approval = (changes: Partial<Approval> = {}): Approval => ({
  id: "approval",
  session: "s",
  key: "a",
  attempt: 1,
  threadId: "thread",
  subject: { kind: "command", folder: "/srv", command: "rm x" },
  text: { title: "A command", details: [] },
  isGrantable: true,
  state: "open",
  openedAt: 0,
  expiresAt: 100,
  ...changes
})

const step = (verdict: Verdict, about: { job?: Job; spec?: SessionSpec; open?: ReadonlyArray<Approval> } = {}) =>
  nextStep({
    job: about.job ?? job(),
    spec: about.spec ?? spec(),
    admission: { verdict, isPromptUncertain: false },
    open: about.open ?? [],
    now: 50
  })

const settled = (outcome: object) => ({ type: "settle", outcome })
const failed = (tag: string) => settled({ type: "failed", failure: { tag, message: expect.any(String) } })
const handedOver = job({ attempts: [attempt(1, "handedOver"), attempt(2, "handedOver")] })

it.each([
  ["a new job starts with its prompt", absent, { job: job({ attempts: [] }) }, { type: "start", cut: undefined }],
  ["a prompt that never arrived is sent", absent, {}, { type: "start", cut: undefined }],
  [
    "a job that was interrupted before it ran",
    absent,
    { job: job({ attempts: [], interrupt }) },
    settled({ type: "interrupted", by: "bob" })
  ],
  ["a turn that was cut off is continued", cut, {}, { type: "start", cut: { reason: "crashed" } }],
  [
    "a turn that was handed over is continued",
    aborted,
    { job: job({ attempts: [attempt(1, "handedOver")] }) },
    { type: "start", cut: { reason: "handedOver" } }
  ],
  ["an aborted turn without an intent is continued", aborted, {}, { type: "start", cut: { reason: "crashed" } }],
  [
    "an aborted turn with an intent is settled",
    aborted,
    { job: job({ interrupt }) },
    settled({ type: "interrupted", turnId: "turn", by: "bob" })
  ],
  [
    "a turn that was cut off, with an intent",
    cut,
    { job: job({ interrupt }) },
    settled({ type: "interrupted", by: "bob" })
  ],
  [
    "a completed turn is settled",
    ended({ type: "completed" }),
    {},
    settled({ type: "completed", turnId: "turn", text: "done" })
  ],
  [
    "a completed turn is settled in spite of an intent",
    ended({ type: "completed" }),
    { job: job({ interrupt }) },
    settled({ type: "completed", turnId: "turn", text: "done" })
  ],
  [
    "a failed turn is settled",
    ended({ type: "failed", tag: "x", message: "y" }),
    {},
    settled({ type: "failed", turnId: "turn", failure: { tag: "x", message: "y" } })
  ],
  ["a session that does not continue", cut, { spec: spec({ onCrash: "fail" }) }, failed("Crashed")],
  [
    "a session that does not continue sends a prompt that never arrived",
    absent,
    { spec: spec({ onCrash: "fail" }) },
    { type: "start", cut: undefined }
  ],
  [
    "a session that does not continue after crashes does after a hand-over",
    cut,
    { spec: spec({ onCrash: "fail" }), job: handedOver },
    { type: "start", cut: { reason: "handedOver" } }
  ],
  [
    "attempts are used up",
    cut,
    { job: job({ attempts: [attempt(1, "crashed"), attempt(2, "crashed")] }) },
    failed("AttemptsExhausted")
  ],
  [
    "attempts are used up before anything arrived",
    absent,
    { job: job({ attempts: [attempt(1, "crashed"), attempt(2, "crashed")] }) },
    failed("AttemptsExhausted")
  ],
  ["hand-overs use no attempts", cut, { job: handedOver }, { type: "start", cut: { reason: "handedOver" } }],
  [
    "open approvals are waited for",
    cut,
    { open: [approval(), approval({ expiresAt: 90 })] },
    { type: "wait", until: 100 }
  ],
  ["expired approvals are not", cut, { open: [approval({ expiresAt: 50 })] }, { type: "start" }],
  ["those of other jobs neither", cut, { open: [approval({ key: "b" })] }, { type: "start" }],
  [
    "an interruption does not wait for approvals",
    cut,
    { open: [approval()], job: job({ interrupt }) },
    settled({ type: "interrupted", by: "bob" })
  ],
  ["uncertainty is told", { type: "uncertain", reason: "why" } as const, {}, failed("PromptUncertain")]
] as const)("%s", (_, verdict, about, expected) => {
  expect(step(verdict, about)).toMatchObject(expected)
})

it("the continuation tells what happened, what has no end, and what was decided", () => {
  const openCalls = [{ id: "c-1", name: "exec_command", input: `{"cmd":"make"}` }]
  const decided = [
    approval({ verdict: { decision: "accept", by: "ada", at: 0 } }),
    approval({
      subject: { kind: "toolCall", call: `[null,"deploy",{}]` },
      verdict: { decision: "decline", by: "ada", reason: "not now", at: 0 }
    })
  ]
  expect(
    continuation({ cut: { verdict: { ...cut, turn: { ...turn, openCalls } }, reason: "crashed" }, decided }).split("\n")
  ).toEqual([
    "Your previous turn was cut off: the process that ran it died. It did not finish.",
    "These calls had begun and have no output. Their end is unknown: each may have run in full, in part, or not at all.",
    `- exec_command (c-1), end unknown: {"cmd":"make"}`,
    "Meanwhile people decided on your requests. A verdict is valid once, for exactly the same request.",
    "- Accepted: rm x in /srv",
    `- Declined (not now): [null,"deploy",{}]`,
    "Check the current state before you repeat anything, and then finish the task that you were given."
  ])
  expect(continuation({ cut: { verdict: cut, reason: "handedOver" }, decided: [] })).not.toContain("unknown")
})

it("a call of any length fits into the continuation", () => {
  const openCalls = [{ id: "c-1", name: "exec_command", input: "x".repeat(1_000_000) }]
  const text = continuation({
    cut: { verdict: { ...cut, turn: { ...turn, openCalls } }, reason: "crashed" },
    decided: []
  })
  expect(text.length).toBeLessThan(3000)
})
