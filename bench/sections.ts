/**
 * What is measured: for each section who takes part, what is compared with what, and what should come out of it.
 *
 * Goals are ratios wherever they can be, as times on a shared machine say little.
 */
import type { Sample } from "./clients/workload.ts"
import type { Client, Entrant } from "./measure.ts"
import * as build from "./build.ts"
import * as path from "node:path"

/** A text in both languages of the documents. */
export interface Text {
  readonly en: string
  readonly zh: string
}

/** Of the compared values: their ratio, their difference, or the value by itself. */
export interface Goal {
  readonly of: "ratio" | "difference" | "value"
  readonly bound: "most" | "least"
  readonly target: number
  readonly stretch?: number
  /** A bound that no slack reaches over. */
  readonly hard?: number
}

/** Something else of the samples that is worth a column: their median, or the worst. */
export interface Fact {
  readonly title: Text
  readonly of: (sample: Sample, entrant: Entrant) => number
  readonly show: "median" | "none" | "yes"
}

export interface Row {
  readonly label: Text
  readonly entrant: string
  /** The entrant that this one is compared with. */
  readonly against?: string
  readonly goal?: Goal
}

export interface Section {
  readonly name: string
  readonly title: Text
  readonly about: Text
  readonly unit: Text
  readonly digits: number
  readonly entrants: ReadonlyMap<string, Entrant>
  /** What counts of a sample. */
  readonly value: (sample: Sample, entrant: Entrant) => number
  readonly rows: ReadonlyArray<Row>
  /** Something else that is worth a column. */
  readonly facts?: ReadonlyArray<Fact>
  readonly rounds: number
  /** How many rounds the quick version takes; 0 leaves the section out. */
  readonly quickRounds: number
}

const both = (text: string): Text => ({ en: text, zh: text })
const raw = both("raw")
const ours = both("effect-codex")

const atMost = (target: number, stretch?: number, hard?: number): Goal => ({
  of: "ratio",
  bound: "most",
  target,
  ...(stretch === undefined ? {} : { stretch }),
  ...(hard === undefined ? {} : { hard })
})
const atLeast = (target: number, stretch: number): Goal => ({ of: "ratio", bound: "least", target, stretch })

const entrants = (list: Readonly<Record<string, Entrant>>): ReadonlyMap<string, Entrant> =>
  new Map(Object.entries(list))

const deltas = 200_000

export const burst = (client: Client, turns: number, consume: "chunks" | "each" = "chunks"): Entrant => ({
  run: { client, work: { kind: "burst", turns, deltas, bytes: 220, consume } }
})

/** CPU of the client, in microseconds a delta. */
export const cpuPerDelta = ({ cpu = 0 }: Sample, { run }: Entrant): number =>
  "client" in run && run.work.kind === "burst" ? (cpu * 1000) / run.work.deltas : Number.NaN

const lost: Fact = {
  title: { en: "lost", zh: "丢失" },
  of: ({ lost = Number.NaN }) => Math.round(lost),
  show: "none"
}

const oneTurn: Section = {
  name: "burst",
  title: { en: "One turn", zh: "一个回合" },
  about: {
    en: "One turn streams 200,000 deltas of 220 bytes. CPU of the client process for each of them, after a warm-up turn. `@openai/codex-sdk` has no deltas; it gets as many events of `codex exec` of the same length. `@agentclientprotocol/sdk` gets `session/update` notifications of the same length.",
    zh: "一个回合流式传送 20 万条 220 字节的增量。表中是预热一个回合之后客户端进程处理每条增量所用的 CPU。`@openai/codex-sdk` 没有增量,给它的是同样条数、同样长度的 `codex exec` 事件;`@agentclientprotocol/sdk` 收到的是同样长度的 `session/update` 通知。"
  },
  unit: { en: "µs CPU a delta", zh: "每条增量的 CPU(µs)" },
  digits: 2,
  entrants: entrants({
    raw: burst("raw", 1),
    chunks: burst("effectCodex", 1),
    each: burst("effectCodex", 1, "each"),
    vscodeJsonrpc: burst("vscodeJsonrpc", 1),
    acp: burst("acp", 1),
    codexSdk: burst("codexSdk", 1)
  }),
  value: cpuPerDelta,
  facts: [lost],
  rows: [
    { label: raw, entrant: "raw" },
    {
      label: { en: "effect-codex, `runForEachArray`", zh: "effect-codex,`runForEachArray`" },
      entrant: "chunks",
      against: "raw",
      goal: atMost(1.5, 1.25, 2)
    },
    {
      label: { en: "effect-codex, `runForEach`", zh: "effect-codex,`runForEach`" },
      entrant: "each",
      against: "raw",
      goal: atMost(1.8, 1.5, 2)
    },
    { label: both("vscode-jsonrpc"), entrant: "vscodeJsonrpc", against: "raw" },
    { label: both("@agentclientprotocol/sdk"), entrant: "acp", against: "raw" },
    { label: both("@openai/codex-sdk"), entrant: "codexSdk", against: "raw" },
    {
      label: { en: "effect-codex, `runForEachArray`", zh: "effect-codex,`runForEachArray`" },
      entrant: "chunks",
      against: "vscodeJsonrpc",
      goal: atMost(0.4)
    }
  ],
  rounds: 9,
  quickRounds: 5
}

const manyTurns: Section = {
  name: "turns",
  title: { en: "Many turns at once", zh: "同时进行多个回合" },
  about: {
    en: "The same deltas, spread over 16 and over 256 turns that stream at the same time, one delta each in turn: the worst order there is. Consumed chunk-wise.",
    zh: "同样的增量分摊到 16 个和 256 个同时进行的回合,各回合轮流每次一条:这是最坏的次序。按块消费。"
  },
  unit: oneTurn.unit,
  digits: 2,
  entrants: entrants({
    raw16: burst("raw", 16),
    ours16: burst("effectCodex", 16),
    vscode16: burst("vscodeJsonrpc", 16),
    acp16: burst("acp", 16),
    raw256: burst("raw", 256),
    ours256: burst("effectCodex", 256),
    vscode256: burst("vscodeJsonrpc", 256),
    acp256: burst("acp", 256)
  }),
  value: cpuPerDelta,
  facts: [lost],
  rows: [16, 256].flatMap((turns): ReadonlyArray<Row> => {
    const label = (client: string): Text => ({ en: `${client}, ${turns} turns`, zh: `${client},${turns} 个回合` })
    const against = `raw${turns}`
    return [
      { label: label("raw"), entrant: against },
      { label: label("effect-codex"), entrant: `ours${turns}`, against, goal: atMost(2, 1.5) },
      { label: label("vscode-jsonrpc"), entrant: `vscode${turns}`, against },
      { label: label("@agentclientprotocol/sdk"), entrant: `acp${turns}`, against }
    ]
  }),
  rounds: 7,
  quickRounds: 3
}

const approval = (client: Client, decision: "accept" | "decline", checked = false): Entrant => ({
  run: { client, work: { kind: "approvals", count: 3000, decision, checked } },
  cores: "shared"
})

const approvals: Section = {
  name: "approval",
  title: { en: "Approvals", zh: "审批" },
  about: {
    en: "3,000 approvals of a command, one after the other, client and server on one core. From the write of the request to the read of its answer, as the server measures it. An accept of effect-codex asks the server for something else before it leaves, so that a second approval under the same item id is seen; the row “raw, checked” makes the same round trip. `acceptDelay`, which is 50 ms by default, is 0 here. A decline needs neither.",
    zh: "3000 次命令审批,一次接一次,客户端与服务端在同一个核上。从写出请求到读到答复,由服务端计时。effect-codex 的同意在发出之前会先向服务端多问一次,好发现同一个条目 id 下的第二个审批;“raw,带核对”一行做同样的往返。默认 50 毫秒的 `acceptDelay` 在这里是 0。拒绝两者都不需要。"
  },
  unit: { en: "µs, median of the approvals", zh: "各次审批的中位数(µs)" },
  digits: 1,
  entrants: entrants({
    raw: approval("raw", "accept"),
    checked: approval("raw", "accept", true),
    decline: approval("effectCodex", "decline"),
    accept: approval("effectCodex", "accept"),
    vscodeJsonrpc: approval("vscodeJsonrpc", "accept"),
    acp: approval("acp", "accept")
  }),
  value: ({ p50 = 0 }) => p50,
  rows: [
    { label: raw, entrant: "raw" },
    { label: { en: "raw, checked", zh: "raw,带核对" }, entrant: "checked", against: "raw" },
    {
      label: { en: "effect-codex, decline", zh: "effect-codex,拒绝" },
      entrant: "decline",
      against: "raw",
      goal: atMost(1.5, 1.2)
    },
    {
      label: { en: "effect-codex, accept, over raw, checked", zh: "effect-codex,同意,对比 raw,带核对" },
      entrant: "accept",
      against: "checked",
      goal: atMost(1.5, 1.2)
    },
    { label: { en: "effect-codex, accept", zh: "effect-codex,同意" }, entrant: "accept", against: "raw" },
    { label: both("vscode-jsonrpc"), entrant: "vscodeJsonrpc", against: "raw" },
    { label: both("@agentclientprotocol/sdk"), entrant: "acp", against: "raw" }
  ],
  rounds: 9,
  quickRounds: 5
}

const echo = (client: Client, inFlight: number): Entrant => ({
  run: { client, work: { kind: "requests", count: inFlight === 1 ? 10_000 : 40_000, inFlight } },
  cores: "own"
})

const requests: Section = {
  name: "requests",
  title: { en: "Requests in flight", zh: "并发请求" },
  about: {
    en: "Requests that the server answers at once (`account/read`, for the Agent Client Protocol `session/list`), one at a time and 64 at a time; client and server on a core each.",
    zh: "服务端立即答复的请求(`account/read`;Agent Client Protocol 用 `session/list`),一次一个,以及一次 64 个;客户端和服务端各占一个核。"
  },
  unit: { en: "requests a second", zh: "每秒请求数" },
  digits: 0,
  entrants: entrants({
    raw1: echo("raw", 1),
    ours1: echo("effectCodex", 1),
    vscode1: echo("vscodeJsonrpc", 1),
    acp1: echo("acp", 1),
    raw64: echo("raw", 64),
    ours64: echo("effectCodex", 64),
    vscode64: echo("vscodeJsonrpc", 64),
    acp64: echo("acp", 64)
  }),
  value: ({ rate = 0 }) => rate,
  facts: [
    {
      title: { en: "µs CPU a request", zh: "每个请求的 CPU（µs）" },
      of: ({ cpu = 0 }, { run }) =>
        "client" in run && run.work.kind === "requests" ? (cpu * 1000) / run.work.count : Number.NaN,
      show: "median"
    }
  ],
  rows: [1, 64].flatMap((inFlight): ReadonlyArray<Row> => {
    const label = (client: string): Text => ({
      en: `${client}, ${inFlight} in flight`,
      zh: `${client},${inFlight} 个并发`
    })
    const against = `raw${inFlight}`
    return [
      { label: label("raw"), entrant: against },
      {
        label: label("effect-codex"),
        entrant: `ours${inFlight}`,
        against,
        goal: inFlight === 1 ? atLeast(0.75, 0.9) : atLeast(1.5, 2.5)
      },
      { label: label("vscode-jsonrpc"), entrant: `vscode${inFlight}`, against },
      { label: label("@agentclientprotocol/sdk"), entrant: `acp${inFlight}`, against }
    ]
  }),
  rounds: 7,
  quickRounds: 3
}

const reversed = (client: Client): Entrant => ({
  run: { client, work: { kind: "reverse", pending: 10_000, times: 10 } }
})

const reverse: Section = {
  name: "reverse",
  title: { en: "10,000 requests pending", zh: "一万个未决请求" },
  about: {
    en: "10,000 requests at once, answered last one first.",
    zh: "同时发出 1 万个请求,按相反的次序答复。"
  },
  unit: { en: "µs CPU a request", zh: "每个请求的 CPU(µs)" },
  digits: 2,
  entrants: entrants({ raw: reversed("raw"), ours: reversed("effectCodex"), vscodeJsonrpc: reversed("vscodeJsonrpc") }),
  value: ({ cpu = 0 }) => cpu / 100,
  rows: [
    { label: raw, entrant: "raw" },
    { label: ours, entrant: "ours", against: "raw", goal: atMost(2, 1) },
    { label: both("vscode-jsonrpc"), entrant: "vscodeJsonrpc", against: "raw" }
  ],
  rounds: 7,
  quickRounds: 3
}

const started = (client: Client): Entrant => ({ run: { client, work: { kind: "start" } } })
const over = (target: number, stretch: number): Goal => ({ of: "difference", bound: "most", target, stretch })

const start: Section = {
  name: "start",
  title: { en: "Start-up", zh: "启动" },
  about: {
    en: "From the start of the Node process to the response to its first request; the server starts in a millisecond. The packages are as they are published, as JavaScript and not bundled. “Command line” is `effect-codex --version` from its start to its exit, not bundled, without a server.",
    zh: "从 Node 进程启动到收到第一个请求的答复;服务端一毫秒就能启动。各包与发布出去的一样,是 JavaScript,没有打包成一个文件。“命令行”是 `effect-codex --version` 从启动到退出的时间,没有打包,也没有服务端。"
  },
  unit: { en: "ms", zh: "毫秒" },
  digits: 0,
  entrants: entrants({
    raw: started("raw"),
    ours: started("effectCodex"),
    cli: { run: { program: [path.join(build.installed("cli"), "dist", "main.js"), "--version"] } },
    vscodeJsonrpc: started("vscodeJsonrpc"),
    acp: started("acp"),
    codexSdk: started("codexSdk")
  }),
  value: ({ exit, first }) => first ?? exit ?? Number.NaN,
  rows: [
    { label: raw, entrant: "raw" },
    { label: ours, entrant: "ours", against: "raw", goal: over(250, 120) },
    {
      label: { en: "effect-codex, command line", zh: "effect-codex,命令行" },
      entrant: "cli",
      against: "raw",
      goal: over(80, 50)
    },
    { label: both("vscode-jsonrpc"), entrant: "vscodeJsonrpc", against: "raw" },
    { label: both("@agentclientprotocol/sdk"), entrant: "acp", against: "raw" },
    { label: both("@openai/codex-sdk"), entrant: "codexSdk", against: "raw" }
  ],
  rounds: 15,
  quickRounds: 0
}

export const sections: ReadonlyArray<Section> = [oneTurn, manyTurns, approvals, requests, reverse, start]
