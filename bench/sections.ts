/**
 * The sections of the bench. Goals are ratios wherever possible, because times on a shared machine say little.
 */
import type { Sample } from "./clients/workload.ts"
import type { Client, Entrant } from "./measure.ts"
import type { Fact, Goal, Row, Section, Text } from "./model.ts"

const both = (text: string): Text => ({ en: text, zh: text })

const atMost = (target: number, stretch?: number): Goal => ({
  bound: "most",
  target,
  ...(stretch === undefined ? {} : { stretch })
})
const atLeast = (target: number, stretch: number): Goal => ({ bound: "least", target, stretch })

const entrants = (list: Readonly<Record<string, Entrant>>): ReadonlyMap<string, Entrant> =>
  new Map(Object.entries(list))

/** The package name of each client. */
const packages: Readonly<Record<Client, string>> = {
  raw: "raw",
  effectCodex: "effect-codex",
  bundled: "effect-codex",
  durable: "@effect-codex/durable",
  vscodeJsonrpc: "vscode-jsonrpc",
  acp: "@agentclientprotocol/sdk",
  codexSdk: "@openai/codex-sdk",
  rules: "RuleBasedPolicy",
  worst: "RuleBasedPolicy"
}

/** A row for a client; `variant` names one of several ways in which it takes part. */
const row = (client: Client, options?: Partial<Omit<Row, "label">> & { readonly variant?: Text | undefined }): Row => {
  const { variant, ...rest } = options ?? {}
  const name = packages[client]
  return {
    entrant: client,
    ...(["raw", "durable", "rules", "worst"].includes(client) ? {} : { against: "raw" }),
    ...rest,
    label: variant === undefined ? both(name) : { en: `${name}, ${variant.en}`, zh: `${name}，${variant.zh}` }
  }
}

const lost: Fact = {
  title: { en: "lost", zh: "丢失" },
  of: ({ lost = Number.NaN }) => Math.round(lost),
  show: "none"
}

const wrong: Fact = {
  title: { en: "decided wrongly", zh: "决定有误" },
  of: ({ wrong = Number.NaN }) => wrong,
  show: "none"
}

/** A multiple of all the numbers of turns. */
const deltas = 262_144

export const burst = (client: Client, turns: number, consume: "chunks" | "each" = "chunks"): Entrant => ({
  run: { client, work: { kind: "burst", turns, deltas, bytes: 220, consume } }
})

/** CPU of the client, in microseconds a delta. */
export const cpuPerDelta = ({ cpu = Number.NaN }: Sample, { run }: Entrant): number =>
  "client" in run && run.work.kind === "burst" ? (cpu * 1000) / run.work.deltas : Number.NaN

const chunks: Text = { en: "`runForEachArray`", zh: "`runForEachArray`" }
const each: Text = { en: "`runForEach`", zh: "`runForEach`" }

// The reasons for missed targets, from CPU profiles of the client.
const why = {
  delta: {
    en: "half of the CPU time is spent reading lines, mostly in `JSON.parse`, which raw does too. The rest is spread thin over validating the parameters, finding the turn, making an event of the delta, the response that the turn keeps, and the Stream: none of them exceeds 6 % of a profile.",
    zh: "一半 CPU 用于读取各行，主要是 `JSON.parse`，raw 也一样要做。其余分散在参数校验、查找 turn、由 delta 生成事件、turn 所保留的响应以及 Stream 上：在剖析结果中没有一项超过 6 %。"
  },
  turns: {
    en: "one read contains only two or three deltas for each of the 256 turns, and each such handful resumes the fiber of a consumer. Effect's runtime takes a third of the profile, the garbage collector a sixth, and reading lines a tenth.",
    zh: "一次读到的内容里，256 个 turn 每个只有两三条 delta，而每这么几条就要恢复一个消费者的 fiber。剖析结果中 Effect 运行时占三分之一，垃圾回收占六分之一，读取各行只占十分之一。"
  },
  approval: {
    en: "an approval is more than a callback here. The item and the request are validated and kept until they are resolved, the engine decides in its own fiber with a deadline, and the answer is encoded by its schema and counted. In a profile, Effect's runtime takes a quarter of the CPU time and the schemas a tenth.",
    zh: "这里的 approval 不只是一个回调。item 和请求经过校验并一直保留到解决；引擎在自己的、有期限的 fiber 里作出决定；答复按 schema 编码并计数。剖析结果中 Effect 运行时占 CPU 的四分之一，schema 占十分之一。"
  },
  accept: {
    en: "as for a decline, plus one request, whose cost is shown in “Requests in flight”.",
    zh: "与拒绝相同，另加一个请求，其代价见「并发请求」。"
  },
  request: {
    en: "each request suspends and resumes a fiber, is timed for its deadline and its metrics, and has its response validated; both directions go through the Streams of the process. Raw keeps a promise in a map. The CPU column shows the difference.",
    zh: "每个请求都要挂起并恢复一个 fiber，为期限和指标计时，并校验答复；两个方向都经过进程的 Stream。raw 只是 map 里的一个 promise。差别见 CPU 一列。"
  },
  inFlight: {
    en: "the 64 requests leave in one write, so the system calls are cheaper than in raw, which writes each request separately. But the CPU time of a request itself exceeds that of a write: every request is a fiber, and Effect's runtime takes a third of the profile.",
    zh: "64 个请求在一次写入中发出，系统调用比逐个写入的 raw 便宜。但一个请求自身的 CPU 比这样一次写入还多：剖析结果中 Effect 运行时占三分之一，每个请求一个 fiber。"
  },
  reverse: {
    en: "10,000 requests are 10,000 fibers at the same time, each with a deadline and an entry for its metrics. Effect's runtime takes two fifths of the profile and the garbage collector one fifth.",
    zh: "10,000 个请求就是同时存在的 10,000 个 fiber，各有一个期限和一条指标记录。剖析结果中 Effect 运行时占五分之二，垃圾回收占五分之一。"
  },
  start: {
    en: "the client loads about 290 modules, each with its own look-ups on disk; about 100 of them belong to this package. The same program meets the target once it is bundled.",
    zh: "客户端加载约 290 个模块，每个都要在磁盘上查找，其中约 100 个是本包的文件；同一个程序打包后就达到目标。"
  },
  commandLine: {
    en: "the command line is already bundled, and each command is loaded only when it runs.",
    zh: "命令行已经打包，各命令在运行时才加载。"
  },
  sleep: {
    en: "the unread text takes 32 MB, because merged deltas are flat strings of 64 Ki characters. The rest is garbage, which V8 lets grow before it collects it, as in any program that parses so many messages. With `--max-semi-space-size=8` the same run takes 32 MB.",
    zh: "等待中的只是文本本身，32 MB，一份：合并后的 delta 每 64 Ki 个字符是一个字符串。其余是垃圾：V8 会任其增长再回收，任何解析这么多消息的程序都是如此。加上 `--max-semi-space-size=8`，同样的运行只占 32 MB。"
  }
} satisfies Record<string, Text>

const oneTurn: Section = {
  name: "burst",
  title: { en: "One turn", zh: "一个 turn" },
  about: {
    en: "One turn streams 262,144 deltas of 220 bytes. The table shows the CPU time of the client process for each delta, after a warm-up and without the cost of a turn that has no deltas. `@openai/codex-sdk` has no deltas; it gets the same number of `codex exec` events of the same length. `@agentclientprotocol/sdk` gets `session/update` notifications of the same length.",
    zh: "一个 turn 流式传送 262,144 条 220 字节的 delta。表中是预热之后客户端进程处理每条 delta 所用的 CPU，不含没有 delta 的 turn 本身的开销。`@openai/codex-sdk` 没有 delta，给它的是同样条数、同样长度的 `codex exec` 事件；`@agentclientprotocol/sdk` 收到的是同样长度的 `session/update` 通知。"
  },
  unit: { en: "µs CPU a delta", zh: "每条 delta 的 CPU（µs）" },
  digits: 2,
  entrants: entrants({
    raw: burst("raw", 1),
    effectCodex: burst("effectCodex", 1),
    each: burst("effectCodex", 1, "each"),
    vscodeJsonrpc: burst("vscodeJsonrpc", 1),
    acp: burst("acp", 1),
    codexSdk: burst("codexSdk", 1)
  }),
  value: cpuPerDelta,
  cpu: true,
  facts: [lost],
  compare: "ratio",
  rows: [
    row("raw"),
    row("effectCodex", { variant: chunks, goal: atMost(1.4, 1.25), why: why.delta }),
    row("effectCodex", { variant: each, entrant: "each", goal: atMost(1.8, 1.5), why: why.delta }),
    row("vscodeJsonrpc"),
    row("acp"),
    row("codexSdk"),
    row("effectCodex", { variant: chunks, against: "vscodeJsonrpc", goal: atMost(0.4), why: why.delta })
  ],
  rounds: 9,
  quickRounds: 5
}

const manyTurns: Section = {
  name: "turns",
  title: { en: "Many turns at once", zh: "同时进行多个 turn" },
  about: {
    en: "The same deltas, spread over 16 and over 256 turns that stream at the same time. Each turn gets one delta in rotation, which is the worst possible order. The deltas are consumed chunk-wise. The last column shows the cost of a turn without deltas: each turn has its own thread, and all of them start at once.",
    zh: "同样的 delta 分摊到 16 个和 256 个同时进行的 turn，各 turn 轮流每次一条，这是最坏的次序。按块消费。旁边一列是没有 delta 的 turn 的开销：每个 turn 在自己的 thread 上，全部同时启动。"
  },
  unit: oneTurn.unit,
  digits: 2,
  entrants: entrants(
    Object.fromEntries(
      [16, 256].flatMap((turns) =>
        (["raw", "effectCodex", "vscodeJsonrpc", "acp"] as const).map((client) => [
          `${client}${turns}`,
          burst(client, turns)
        ])
      )
    )
  ),
  value: cpuPerDelta,
  cpu: true,
  facts: [
    lost,
    { title: { en: "µs CPU a turn", zh: "每个 turn 的 CPU（µs）" }, of: ({ turn = 0 }) => turn * 1000, show: "median" }
  ],
  compare: "ratio",
  rows: [16, 256].flatMap((turns) => {
    const variant: Text = { en: `${turns} turns`, zh: `${turns} 个 turn` }
    const against = `raw${turns}`
    return [
      row("raw", { variant, entrant: against }),
      row("effectCodex", {
        variant,
        entrant: `effectCodex${turns}`,
        against,
        goal: atMost(1.8, 1.5),
        why: turns === 16 ? why.delta : why.turns
      }),
      row("vscodeJsonrpc", { variant, entrant: `vscodeJsonrpc${turns}`, against }),
      row("acp", { variant, entrant: `acp${turns}`, against })
    ]
  }),
  rounds: 7,
  quickRounds: 3
}

const approval = (client: Client, decision: "accept" | "decline", checked = false): Entrant => ({
  run: { client, work: { kind: "approvals", count: 3000, decision, checked } },
  cores: "shared"
})

const checked: Text = { en: "checked", zh: "带核对" }
const accept: Text = { en: "accept", zh: "同意" }

const approvals: Section = {
  name: "approval",
  title: { en: "Approvals", zh: "approval" },
  about: {
    en: "3,000 command approvals, one after the other, with client and server on one core. The server measures the time from writing the request to reading its answer. Before effect-codex sends an accept, it makes another request to the server, so that it notices a second approval with the same item id; “raw, checked” makes the same round trip. `acceptDelay`, 50 ms by default, is 0 here. A decline needs neither.",
    zh: "3,000 次命令 approval，一次接一次，客户端与服务端在同一个核上。从写出请求到读到答复，由服务端计时。effect-codex 的同意在发出之前会先向服务端多问一次，以便发现同一个 item id 下的第二个 approval；「raw，带核对」做同样的往返。默认 50 毫秒的 `acceptDelay` 在这里是 0。拒绝两者都不需要。"
  },
  unit: { en: "µs", zh: "µs" },
  digits: 1,
  entrants: entrants({
    raw: approval("raw", "accept"),
    checked: approval("raw", "accept", true),
    decline: approval("effectCodex", "decline"),
    accept: approval("effectCodex", "accept"),
    vscodeJsonrpc: approval("vscodeJsonrpc", "accept"),
    acp: approval("acp", "accept")
  }),
  value: ({ p50 = Number.NaN }) => p50,
  facts: [wrong],
  compare: "ratio",
  rows: [
    row("raw"),
    row("raw", { variant: checked, entrant: "checked", against: "raw" }),
    row("effectCodex", {
      variant: { en: "decline", zh: "拒绝" },
      entrant: "decline",
      goal: atMost(1.5, 1.2),
      why: why.approval
    }),
    row("effectCodex", {
      variant: accept,
      entrant: "accept",
      against: "checked",
      goal: atMost(1.5, 1.2),
      why: why.accept
    }),
    row("effectCodex", { variant: accept, entrant: "accept" }),
    row("vscodeJsonrpc"),
    row("acp")
  ],
  rounds: 9,
  quickRounds: 3
}

interface Depth {
  readonly inFlight: number
  readonly cores: "shared" | "own"
  readonly goal: Goal
  readonly variant: Text
  readonly why: Text
}

const depths: ReadonlyArray<Depth> = [
  {
    inFlight: 1,
    cores: "own",
    goal: atLeast(0.75, 0.9),
    variant: { en: "1 in flight", zh: "1 个并发" },
    why: why.request
  },
  {
    inFlight: 1,
    cores: "shared",
    goal: atLeast(0.75, 0.9),
    variant: { en: "1 in flight, one core", zh: "1 个并发，同一个核" },
    why: why.request
  },
  {
    inFlight: 64,
    cores: "own",
    goal: atLeast(0.8, 1),
    variant: { en: "64 in flight", zh: "64 个并发" },
    why: why.inFlight
  }
]

const echo = (client: Client, { cores, inFlight }: Depth): Entrant => ({
  run: { client, work: { kind: "requests", count: inFlight === 1 ? 20_000 : 100_000, inFlight } },
  cores
})

const requests: Section = {
  name: "requests",
  title: { en: "Requests in flight", zh: "并发请求" },
  about: {
    en: "Requests that the server answers immediately (`account/read`; in the Agent Client Protocol `session/list`), one at a time and 64 at a time. Client and server have one core each, where a single request spends most of its time waking the other core; for comparison, one row uses a single core.",
    zh: "服务端立即答复的请求（`account/read`；Agent Client Protocol 中是 `session/list`），一次一个，以及一次 64 个。客户端和服务端各占一个核，这时单个请求的大部分时间用于唤醒另一个核，所以也有同一个核的一行。"
  },
  unit: { en: "requests a second", zh: "每秒请求数" },
  digits: 0,
  entrants: entrants(
    Object.fromEntries(
      depths.flatMap((depth) =>
        (["raw", "effectCodex", "vscodeJsonrpc", "acp"] as const).map((client) => [
          `${client} ${depth.variant.en}`,
          echo(client, depth)
        ])
      )
    )
  ),
  value: ({ rate = Number.NaN }) => rate,
  facts: [
    {
      title: { en: "µs CPU a request", zh: "每个请求的 CPU（µs）" },
      of: ({ cpu = Number.NaN, rate = Number.NaN, wall = Number.NaN }) => (cpu / wall / rate) * 1e6,
      show: "median"
    }
  ],
  compare: "ratio",
  rows: depths.flatMap(({ goal, variant, why }) => {
    const entrant = (client: Client) => `${client} ${variant.en}`
    const against = entrant("raw")
    return [
      row("raw", { variant, entrant: against }),
      row("effectCodex", { variant, entrant: entrant("effectCodex"), against, goal, why }),
      row("vscodeJsonrpc", { variant, entrant: entrant("vscodeJsonrpc"), against }),
      row("acp", { variant, entrant: entrant("acp"), against })
    ]
  }),
  rounds: 7,
  quickRounds: 3
}

const pending = { pending: 10_000, times: 30 }
const reversed = (client: Client): Entrant => ({ run: { client, work: { kind: "reverse", ...pending } } })

const reverse: Section = {
  name: "reverse",
  title: { en: "10,000 requests pending", zh: "一万个未决请求" },
  about: {
    en: "10,000 requests at once, answered in reverse order, thirty times.",
    zh: "同时发出 10,000 个请求，按相反的次序答复，做三十遍。"
  },
  unit: { en: "µs CPU a request", zh: "每个请求的 CPU（µs）" },
  digits: 2,
  entrants: entrants({
    raw: reversed("raw"),
    effectCodex: reversed("effectCodex"),
    vscodeJsonrpc: reversed("vscodeJsonrpc")
  }),
  value: ({ cpu = Number.NaN }) => (cpu * 1000) / (pending.pending * pending.times),
  cpu: true,
  compare: "ratio",
  rows: [row("raw"), row("effectCodex", { goal: atMost(2, 1), why: why.reverse }), row("vscodeJsonrpc")],
  rounds: 7,
  quickRounds: 3
}

const started = (client: Client): Entrant => ({ run: { client, work: { kind: "start" } } })

const start: Section = {
  name: "start",
  title: { en: "Start-up", zh: "启动" },
  about: {
    en: "From the start of the Node process to the response to its first request; the server itself starts in a millisecond. The packages are built as they are published. “Bundled” is the same program bundled with all its imports; parts that it loads later are separate files, and the modules that they share with it are one more. `@openai/codex-sdk` has no requests; its first response is the end of a turn of one delta. The command line is `effect-codex --version`, from start to exit, without a server.",
    zh: "从 Node 进程启动到收到第一个请求的答复；服务端自己一毫秒就能启动。各包与发布出去的一样。「打包」是同一个程序连同它引入的一切打包在一起，用到才加载的部分另成文件，与它共用的模块再合成一个文件。`@openai/codex-sdk` 没有请求，它的第一个答复是只有一条 delta 的 turn 的结束。命令行是 `effect-codex --version`，从启动到结束，没有服务端。"
  },
  unit: { en: "ms", zh: "毫秒" },
  digits: 0,
  entrants: entrants({
    raw: started("raw"),
    effectCodex: started("effectCodex"),
    bundled: started("bundled"),
    cli: { run: { cli: ["--version"] } },
    vscodeJsonrpc: started("vscodeJsonrpc"),
    acp: started("acp"),
    codexSdk: started("codexSdk")
  }),
  value: ({ exit, first }) => first ?? exit ?? Number.NaN,
  compare: "difference",
  rows: [
    row("raw"),
    row("effectCodex", { goal: atMost(250, 120), why: why.start }),
    row("bundled", { variant: { en: "bundled", zh: "打包" }, goal: atMost(250, 120) }),
    row("effectCodex", {
      variant: { en: "command line", zh: "命令行" },
      entrant: "cli",
      goal: atMost(80, 50),
      why: why.commandLine
    }),
    row("vscodeJsonrpc"),
    row("acp"),
    row("codexSdk")
  ],
  rounds: 15,
  quickRounds: 0
}

const sleeping = (client: Client): Entrant => ({ run: { client, work: { kind: "sleep", deltas: 1_000_000 } } })

const sleep: Section = {
  name: "sleep",
  title: { en: "A consumer that sleeps", zh: "睡眠的消费者" },
  about: {
    en: "One turn streams 1,000,000 deltas. At the first one, the consumer makes a request, whose answer it must receive in the middle of the burst, and then sleeps until the last delta has been sent. The table shows how far the memory of the process peaks above its level before the turn, and how much text is lost. `@openai/codex-sdk` pulls, so its server has to wait: it has no requests that could be held up, and its consumer sleeps for three seconds.",
    zh: "一个 turn 流式传送 1,000,000 条 delta。收到第一条时消费者发出一个请求，必须在突发当中得到答复，然后一直睡到最后一条发出。表中是进程内存的峰值比之前高出多少，以及丢失了多少文本。`@openai/codex-sdk` 是拉取式的，服务端只好等待；它没有会被因此卡住的请求，它的消费者睡三秒。"
  },
  unit: { en: "MB", zh: "MB" },
  digits: 0,
  entrants: entrants({
    raw: sleeping("raw"),
    effectCodex: sleeping("effectCodex"),
    vscodeJsonrpc: sleeping("vscodeJsonrpc"),
    acp: sleeping("acp"),
    codexSdk: sleeping("codexSdk")
  }),
  value: ({ rss = Number.NaN }) => rss,
  facts: [
    lost,
    { title: { en: "answered", zh: "得到答复" }, of: ({ answered = Number.NaN }) => answered, show: "yes" }
  ],
  compare: "none",
  portable: true,
  rows: [
    row("raw"),
    row("effectCodex", { goal: atMost(110, 60), why: why.sleep }),
    row("vscodeJsonrpc"),
    row("acp"),
    row("codexSdk")
  ],
  rounds: 3,
  quickRounds: 1
}

const reentering = (client: Client): Entrant => ({ run: { client, work: { kind: "reenter" } } })

const reenter: Section = {
  name: "reenter",
  title: { en: "A handler that makes a request", zh: "发出请求的处理函数" },
  about: {
    en: "A handler, once of an approval and once of a notification, makes a request and waits for its response before it returns. A client that waits for its handlers before it reads on never sees that response. The time is the sum of both turns; three seconds without an answer count as a deadlock.",
    zh: "approval 的处理函数以及通知的处理函数发出一个请求，并等到答复之后才返回。先等处理函数、再继续读取的客户端永远看不到这个答复。时间是两个 turn 合计；三秒没有答复算作死锁。"
  },
  unit: { en: "ms", zh: "毫秒" },
  digits: 1,
  entrants: entrants({
    raw: reentering("raw"),
    effectCodex: reentering("effectCodex"),
    vscodeJsonrpc: reentering("vscodeJsonrpc"),
    acp: reentering("acp")
  }),
  value: ({ wall = Number.NaN }) => wall,
  facts: [
    {
      title: { en: "from an approval", zh: "在 approval 中" },
      of: ({ approval = Number.NaN }) => approval,
      show: "yes"
    },
    {
      title: { en: "from a notification", zh: "在通知中" },
      of: ({ notification = Number.NaN }) => notification,
      show: "yes"
    }
  ],
  compare: "none",
  rows: [row("raw"), row("effectCodex"), row("vscodeJsonrpc"), row("acp")],
  rounds: 3,
  quickRounds: 1
}

const shortTurns = (client: Client): Entrant => ({ run: { client, work: { kind: "turns", count: 40 } } })

const real: Section = {
  name: "real",
  title: { en: "The real codex", zh: "真实的 codex" },
  about: {
    en: "The pinned `codex app-server`, with a stand-in for its model on the loopback. A request, a new thread and a turn of one word, 40 times: the median of the last 32, against a raw script that makes the same calls. Codex itself takes most of that time, and on a busy machine it varies by more than the difference between the two.",
    zh: "锁定版本的 `codex app-server`，模型由回环地址上的替身应答。一个请求、一个新 thread 和一个只有一个词的 turn，做 40 次：取后 32 次的中位数，与做同样调用的 raw 脚本对比。大部分时间是 codex 自己的，机器忙时它的波动比两者之间的差别还大。"
  },
  unit: { en: "ms", zh: "毫秒" },
  digits: 1,
  entrants: entrants({ raw: shortTurns("raw"), effectCodex: shortTurns("effectCodex") }),
  value: ({ turn = Number.NaN }) => turn,
  compare: "difference",
  rows: [row("raw"), row("effectCodex", { goal: atMost(5, 2) })],
  rounds: 7,
  quickRounds: 0,
  real: true
}

const durableTurns = (session: "new" | "same"): Entrant => ({
  run: { client: "durable", work: { kind: "durable", pairs: 200, session } }
})

const durable: Section = {
  name: "durable",
  title: { en: "A durable turn", zh: "持久会话的 turn" },
  about: {
    en: "A turn of one word on the pinned `codex app-server`, with a stand-in for its model on the loopback: once in a durable session in a SQLite file, from `send` to `result`, and once without a session. The table shows the median difference of 200 such pairs; the two run one after the other, each with its own app-server. A session adds writes that must reach the disk before the next step, resuming the thread, and reading the rollout back.",
    zh: "在锁定版本的 `codex app-server` 上运行一个只有一个词的 turn，模型由回环地址上的替身应答：一边是 SQLite 文件里的持久会话，从 `send` 到 `result`，另一边没有会话。共 200 对，每对一前一后，两边各有一个 app-server：取差值的中位数。会话多出的是下一步之前落盘的写入、恢复 thread，以及读回 rollout。"
  },
  unit: { en: "ms more", zh: "多出的毫秒" },
  digits: 1,
  entrants: entrants({ new: durableTurns("new"), same: durableTurns("same") }),
  value: ({ extra = Number.NaN }) => extra,
  facts: [
    { title: { en: "without, ms", zh: "没有会话（毫秒）" }, of: ({ plain = Number.NaN }) => plain, show: "median" },
    { title: { en: "with, ms", zh: "有会话（毫秒）" }, of: ({ kept = Number.NaN }) => kept, show: "median" },
    { title: { en: "more CPU, ms", zh: "多出的 CPU（毫秒）" }, of: ({ cpu = Number.NaN }) => cpu, show: "median" }
  ],
  compare: "none",
  rows: [
    row("durable", { entrant: "new", variant: { en: "a new session", zh: "新会话" } }),
    row("durable", { entrant: "same", variant: { en: "the same session", zh: "同一会话" } })
  ],
  rounds: 1,
  quickRounds: 0,
  real: true
}

const decisions = 200
const tenThousand: Entrant = { run: { client: "rules", work: { kind: "rules", rules: 10_000, times: decisions } } }

const rules: Section = {
  name: "rules",
  title: { en: "10,000 rules", zh: "一万条规则" },
  about: {
    en: "`RuleBasedPolicy` decides on a command that only the last of 10,000 rules matches. The time runs from the request to the verdict and includes parsing the command. The other rules differ in the program, an argument, a pattern or the folder, a quarter each. The first decision compiles the patterns.",
    zh: "`RuleBasedPolicy` 对一条命令作出决定，一万条规则里只有最后一条与它相符：从请求到结论，包括解析命令。其余规则分别因程序、参数、模式或目录而不符，各占四分之一。模式在第一次决定时编译。"
  },
  unit: { en: "ms", zh: "毫秒" },
  digits: 2,
  entrants: entrants({ rules: tenThousand }),
  value: ({ decision = Number.NaN }) => decision,
  facts: [
    wrong,
    { title: { en: "first, ms", zh: "第一次（毫秒）" }, of: ({ first = Number.NaN }) => first, show: "median" }
  ],
  compare: "none",
  rows: [row("rules", { goal: atMost(5) })],
  rounds: 5,
  quickRounds: 1
}

const worstOf = (rubric: "declining" | "balanced"): Entrant => ({
  run: { client: "worst", work: { kind: "worst", rubric } }
})

const worst: Section = {
  name: "worst",
  title: { en: "Commands made to take long", zh: "为耗时而写的命令" },
  about: {
    en: "`RuleBasedPolicy` decides on commands of up to 32 KiB that were written to take long: wrappers around wrappers, ever new file names, quotes, patterns. A few hundred of them are tried in one process. The five that take the most CPU time are measured again, each in its own process: the shortest of three decisions, after other commands have had the code compiled. The table shows the slowest of the five. Memory is how much the peak of such a process grows with its first decision. One rubric declines by program, pattern, path, redirection and variable; the other is `balanced` with all packs.",
    zh: "`RuleBasedPolicy` 对最长 32 KiB、为耗时而写的命令作出决定：层层包装、不断出现的新文件名、引号、模式。几百条命令先在一个进程里试过，其中最费 CPU 的五条再各用一个进程测量：在其他命令让代码完成编译之后，取三次决定中最少的一次，再取五条中最贵的一条。内存是这种进程在第一次决定时峰值的增量。一份规则表按程序、模式、路径、重定向和变量拒绝；另一份是带全部规则包的 `balanced`。"
  },
  unit: { en: "ms of CPU", zh: "毫秒 CPU" },
  digits: 1,
  entrants: entrants({ declining: worstOf("declining"), balanced: worstOf("balanced") }),
  value: ({ cpu = Number.NaN }) => cpu,
  facts: [
    {
      title: { en: "more than 64 MB", zh: "超过 64 MB" },
      of: ({ memory = Number.NaN }) => Number(!(memory <= 64)),
      show: "none"
    },
    { title: { en: "memory, MB", zh: "内存（MB）" }, of: ({ memory = Number.NaN }) => memory, show: "median" }
  ],
  compare: "none",
  rows: [
    row("worst", {
      entrant: "declining",
      variant: { en: "rules that decline", zh: "拒绝的规则" },
      goal: atMost(50)
    }),
    row("worst", { entrant: "balanced", variant: { en: "`balanced`", zh: "`balanced`" }, goal: atMost(50) })
  ],
  portable: true,
  rounds: 3,
  quickRounds: 1
}

export const sections: ReadonlyArray<Section> = [
  oneTurn,
  manyTurns,
  approvals,
  requests,
  reverse,
  start,
  sleep,
  reenter,
  real,
  durable,
  rules,
  worst
]
