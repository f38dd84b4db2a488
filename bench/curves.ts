/**
 * Shows how the cost grows with the work. Each curve has a plot and a sentence on its shape, generated from the measured
 * numbers.
 */
import type { Sample } from "./clients/workload.ts"
import type { Client, Entrant } from "./measure.ts"
import type { Curve, Series, Text } from "./model.ts"

type Burst = { readonly deltas: number } & Partial<{
  readonly turns: number
  readonly bytes: number
  readonly readers: { readonly of: "connection" | "turn"; readonly count: number }
  readonly open: number
}>

const burst = (client: Client, work: Burst): Entrant => ({
  run: { client, work: { kind: "burst", turns: 1, bytes: 220, consume: "chunks", ...work } }
})

const series = (name: string, client: Client, work: (x: number) => Burst, value: Series["value"]): Series => ({
  name,
  entrant: (x) => burst(client, work(x)),
  value
})

/** The client's CPU time in microseconds, per unit of the work. */
const cpuPer =
  (amount: (work: { readonly deltas: number; readonly bytes: number }) => number): Series["value"] =>
  ({ cpu = Number.NaN }, { run }) =>
    "client" in run && run.work.kind === "burst" ? (cpu * 1000) / amount(run.work) : Number.NaN

const perDelta = cpuPer(({ deltas }) => deltas)
const opened = ({ opened = Number.NaN }: Sample) => opened

const number = (value: number | undefined, digits = 2): string =>
  (value ?? Number.NaN).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Describes how the cost changes from one end of a curve to the other. */
export const shapeOf = (first: number, last: number): Text => {
  const growth = last / first
  if (growth < 0.8) return { en: "falls", zh: "下降" }
  if (growth <= 1.25) return { en: "stays flat", zh: "保持平坦" }
  return growth <= 2 ? { en: "rises a little", zh: "略有上升" } : { en: "rises", zh: "上升" }
}

const ends = (medians: ReadonlyArray<number> | undefined) => {
  const first = medians?.at(0) ?? Number.NaN
  const last = medians?.at(-1) ?? Number.NaN
  return { first, last, shape: shapeOf(first, last) }
}

const turns: Curve = {
  name: "cost-turns",
  title: { en: "Turns", zh: "turn" },
  x: "turns that stream at the same time",
  y: "µs CPU a delta",
  points: [1, 16, 256, 1024],
  series: [
    series("raw", "raw", (turns) => ({ deltas: 262_144, turns }), perDelta),
    series("effect-codex", "effectCodex", (turns) => ({ deltas: 262_144, turns }), perDelta)
  ],
  rounds: 3,
  sentence: (medians) => {
    const ours = ends(medians["effect-codex"])
    const raw = ends(medians["raw"])
    return {
      en: `From 1 to 1,024 turns a delta goes from ${number(ours.first)} to ${number(ours.last)} µs (raw: ${number(raw.first)} to ${number(raw.last)}): the line ${ours.shape.en}. A delta finds its turn with one look-up in a map, however many turns there are; each additional turn adds the wake-ups of its consumer. When a consumer wakes up, it takes everything that has been read for it: hundreds of deltas with one turn, two or three with 256 turns, and a single one with 1,024, where every delta resumes a fiber.`,
      zh: `从 1 个到 1,024 个 turn，每条 delta 从 ${number(ours.first)} 变为 ${number(ours.last)} µs（raw：从 ${number(raw.first)} 到 ${number(raw.last)}）：曲线${ours.shape.zh}。无论有多少 turn，delta 都只查一次 map 就找到所属 turn；turn 更多时多出来的是唤醒各自的消费者。轮到消费者时，它取走已读到的属于它的全部：只有一个 turn 时是几百条 delta，256 个 turn 时是两三条，1,024 个时是一条，于是每条 delta 都要恢复一个 fiber。`
    }
  }
}

// Small deltas need a higher count for a sample to take long enough.
const countOf = (kilobytes: number): number => Math.max(50, Math.round(60_000 / Math.max(kilobytes, 0.6)))

const sizes: Curve = {
  name: "cost-sizes",
  title: { en: "Sizes", zh: "大小" },
  x: "KB in one delta",
  y: "µs CPU a KB",
  logarithmicY: true,
  points: [0.2, 20, 2000],
  series: (["raw", "effectCodex"] as const).map((client) =>
    series(
      client === "raw" ? "raw" : "effect-codex",
      client,
      (kilobytes) => ({ deltas: countOf(kilobytes), bytes: kilobytes * 1000 }),
      cpuPer(({ bytes, deltas }) => (deltas * bytes) / 1000)
    )
  ),
  rounds: 5,
  sentence: (medians) => {
    const [small, middle, large] = medians["effect-codex"] ?? []
    const [rawSmall, rawMiddle, rawLarge] = medians["raw"] ?? []
    const pair = (ours: number | undefined, raw: number | undefined) => `${number(ours)} µs (raw: ${number(raw)})`
    return {
      en: `A KB costs ${pair(small, rawSmall)} in deltas of 0.2 KB, ${pair(middle, rawMiddle)} in deltas of 20 KB and ${pair(large, rawLarge)} in deltas of 2,000 KB. The fixed cost of a message is spread over more bytes. The remaining cost per byte is decoding, parsing, and copying it into the response that the turn keeps; raw keeps no response, which accounts for about half of the difference at 20 KB. The pieces of a line that spans many chunks are joined once, so long lines stay linear; raw appends every chunk to its buffer and searches the whole buffer again.`,
      zh: `每 KB 的开销在 0.2 KB 的 delta 里是 ${pair(small, rawSmall)}，在 20 KB 的 delta 里是 ${pair(middle, rawMiddle)}，在 2,000 KB 的 delta 里是 ${pair(large, rawLarge)}。每条消息自身的开销摊到更多字节上。剩下的是每个字节要解码、解析，并复制到 turn 所保留的响应里；raw 什么也不保留，20 KB 处两者之间的差别约一半在此。跨越许多块的一行只在最后拼接一次，所以长行保持线性；raw 每来一块就拼接并重新查找全部内容。`
    }
  }
}

const subscribers: Curve = {
  name: "cost-subscribers",
  title: { en: "Subscribers", zh: "订阅者" },
  x: "subscribers",
  y: "µs CPU a delta",
  points: [1, 8, 64],
  series: [
    series(
      "notifications",
      "effectCodex",
      (count) => ({ deltas: 131_072, readers: { of: "connection", count } }),
      perDelta
    ),
    series("views of a turn", "effectCodex", (count) => ({ deltas: 131_072, readers: { of: "turn", count } }), perDelta)
  ],
  rounds: 3,
  sentence: (medians) => {
    const all = ends(medians["notifications"])
    const views = ends(medians["views of a turn"])
    const each = (ends: { readonly first: number; readonly last: number }) => number((ends.last - ends.first) / 63, 3)
    return {
      en: `A delta costs ${number(all.first)} µs with one subscriber to \`notifications\` in addition to the turn and ${number(all.last)} with 64, or ${each(all)} for each additional subscriber. With 64 views of a turn it costs ${number(views.last)} instead of ${number(views.first)}, or ${each(views)} for each additional view. Both lines are straight and only look bent because of the logarithmic axis: a message is parsed and validated once, and then every reader has its own queue, which it empties at its own pace.`,
      zh: `turn 之外有一个 \`notifications\` 订阅者时每条 delta ${number(all.first)} µs，有 64 个时 ${number(all.last)}，每多一个多 ${each(all)}；一个 turn 有 64 个视图时是 ${number(views.last)}，一个时是 ${number(views.first)}，每多一个多 ${each(views)}。两者都是直线，因对数横轴而显得弯曲：消息只解析和校验一次，之后每个读者有自己的队列，按自己的步调取走。`
    }
  }
}

const threads: Curve = {
  name: "cost-threads",
  title: { en: "Threads kept open", zh: "保持打开的 thread" },
  x: "threads open in addition to the one with the turn",
  y: "µs CPU a delta",
  points: [1, 10, 100, 1000],
  series: [
    series("raw", "raw", (open) => ({ deltas: 131_072, open }), perDelta),
    series("effect-codex", "effectCodex", (open) => ({ deltas: 131_072, open }), perDelta)
  ],
  rounds: 3,
  sentence: (medians) => {
    const ours = ends(medians["effect-codex"])
    return {
      en: `A turn's delta costs ${number(ours.first)} µs with 1 other thread open and ${number(ours.last)} with 1,000: the line ${ours.shape.en}, because a silent thread causes no work.`,
      zh: `旁边打开 1 个 thread 时，turn 的每条 delta 是 ${number(ours.first)} µs，打开 1,000 个时是 ${number(ours.last)}：曲线${ours.shape.zh}，因为对没有消息的 thread 什么也不做。`
    }
  }
}

const memory: Curve = {
  name: "memory-threads",
  title: { en: "Memory of threads kept open", zh: "打开的 thread 占用的内存" },
  x: "threads open",
  y: "MB of heap",
  points: [1, 10, 100, 1000],
  series: [
    series("raw", "raw", (open) => ({ deltas: 100, open }), opened),
    series("effect-codex", "effectCodex", (open) => ({ deltas: 100, open }), opened)
  ],
  rounds: 3,
  sentence: (medians) => {
    const { first, last } = ends(medians["effect-codex"])
    const each = number(((last - first) / 999) * 1000, 1)
    return {
      en: `The heap grows by ${number(first)} MB with the first thread and by ${number(last)} MB with 1,000, or ${each} KB for each additional thread: an id, its queue of turns, and a place for its tools. The horizontal axis is logarithmic, so a straight line looks bent.`,
      zh: `第一个 thread 之后堆多了 ${number(first)} MB，1,000 个之后是 ${number(last)} MB，每多一个多 ${each} KB：一个 id、它的 turn 队列，以及放工具的位置。横轴是对数的，所以直线看起来是弯的。`
    }
  }
}

export const curves: ReadonlyArray<Curve> = [turns, sizes, subscribers, threads, memory]
