/**
 * Renders the files that the bench writes into `docs`: `benchmarks.md` and its Chinese version, which share tables and plots,
 * the plots themselves, and the numbers.
 */
import { cpuLimit, leastNoise } from "./against.ts"
import { type Measured, read, write } from "./measured.ts"
import type { Language, Text } from "./model.ts"
import { describe, slack, summary, table } from "./report.ts"
import { draw, type Line } from "./svg.ts"

const percent = (factor: number) => `${Math.round((factor - 1) * 100)} %`

const texts = {
  title: { en: "Benchmarks", zh: "基准测试" },
  opening: {
    en: "The overhead of effect-codex compared with plain Node and with other clients, measured side by side in one run. The bench writes this page. The numbers come from one machine; only the ratios carry over to others.",
    zh: "effect-codex 与裸 Node 以及其他客户端相比的开销，在同一次运行中并排测得。本页由基准测试生成；数字属于一台机器，能推及其他机器的是比值。"
  },
  run: { en: "Run it", zh: "运行" },
  runText: {
    en: [
      "The first command needs a C compiler called `cc` and takes about fifteen minutes. It prints the tables, and writes this page, its plots and `docs/benchmarks/measured.json`. An otherwise idle machine gives the best numbers. The last command runs one section or one plot and writes nothing; `--help` lists them. `--docs` regenerates this page from the numbers in that file; together with `--only`, it measures that section or plot and replaces its numbers.",
      `The second command is the short version for CI: only effect-codex and raw, in less than two minutes, without a network. It writes nothing and fails if a result exceeds its limit: ${percent(slack.small)} worse than the target or, if the target is missed, than the number on this page; ${percent(slack.large)} if that number is more than twice raw. A result below twice raw never fails. A row that exceeds its limit is measured again with twice the rounds, and fails if every one of them exceeds it. Ratios and memory have limits; times have none, because they depend on the machine. Lost text, a wrong decision or an unanswered request always fails.`,
      `The third compares the working tree with a commit, for example to measure a change. It unpacks the commit into a temporary folder, installs and builds it there, and removes the folder at the end or on Ctrl-C. Both builds take turns at the rows of effect-codex in one run, and the commit runs twice: the difference between its two results is the noise, or the 95 % interval of that difference if that is larger, and at least ${percent(1 + leastNoise)}. A row fails if its median is worse by more than the noise; a row of CPU time also fails if it is worse by more than ${percent(1 + cpuLimit)}. A row that fails is measured again with twice the rounds. Rows that the commit does not have are listed but do not count. All rows take about 25 minutes; the progress shows how much is left. \`--only\` selects a section and \`--rounds\` sets the rounds of each row; with fewer than five rounds, the noise estimate is unreliable. Installing the commit needs a network unless the package store already has everything.`
    ],
    zh: [
      "第一条命令需要名为 `cc` 的 C 编译器，约十五分钟；它打印表格，并写出本页、图和 `docs/benchmarks/measured.json`。机器上没有别的事在做时数字最好。最后一条只运行一个小节或一张图，什么也不写；`--help` 列出它们。`--docs` 用那个文件里的数字重新写出本页，与 `--only` 一起时则重测那一项并放进去。",
      `第二条是用于 CI 的简短版：只有我们和 raw，不到两分钟，不需要网络。它什么也不写，结果越过界限时失败：比目标差 ${percent(slack.small)}；目标未达到的，则是比本页所载的数字差这么多，那里超过 raw 两倍的是 ${percent(slack.large)}；开销不到 raw 两倍的不会失败。越过界限的行用两倍的轮数再测一次，每一轮都越过界限才算失败。比值和内存有界限；时间取决于机器，没有界限。丢失文本、决定有误或请求得不到答复一律算失败。`,
      `第三条把工作区与一个提交作比较，例如改动前后。它把该提交解到临时目录，在那里安装和构建，结束时或按 Ctrl-C 时删除该目录。两份构建在同一次运行中轮流跑 effect-codex 的各行，该提交跑两次：它两次结果之间的差距就是噪声，若这一差距的 95 % 区间更大则取后者，且不少于 ${percent(1 + leastNoise)}。中位数变差超过噪声的行失败；CPU 时间的行变差超过 ${percent(1 + cpuLimit)} 也失败。失败的行用两倍的轮数再测一次。该提交没有的行会列出，但不计入。全部约需 25 分钟，进度显示还剩多少。\`--only\` 选择一个小节，\`--rounds\` 设定每行的轮数；少于五轮时噪声没有多少意义。安装该提交需要网络，除非包存储里已经齐全。`
    ]
  },
  glance: { en: "At a glance", zh: "一览" },
  load: { en: "load before the run", zh: "开始之前的负载" },
  machine: { en: "Machine and versions", zh: "机器与版本" },
  date: { en: "date", zh: "日期" },
  machineRow: { en: "machine", zh: "机器" },
  method: { en: "Method", zh: "怎样测量" },
  methodText: {
    en: [
      "The server is a native program that replaces the app-server (`bench/server.c`), so that it is never the bottleneck. Its messages have the lengths and fields of the real ones; a test checks them against the generated schemas.",
      "Every sample is a separate process. The warm-up does half of the measured work; for pending requests it is one round, for the real codex eight turns. Start-up, the sleeping consumer and the handlers are measured cold. All clients of a section take their samples in turn, round after round. A ratio is computed within each round; the tables show the median of the rounds.",
      "Every sample is checked for complete work: the length of the text that arrived, the decisions that the server received, the requests that were answered. If effect-codex or raw falls short, the bench fails and writes nothing.",
      '`raw` is plain Node: `stdout.on("data")`, split, `JSON.parse`, a callback. It validates nothing, has no errors, no types and no limits.',
      "effect-codex is used through its public API, with validated parameters and default options except for `acceptDelay`, and logs only warnings. The packages are built as they are published.",
      "The other clients are used as documented. vscode-jsonrpc uses a reader and a writer for JSON lines instead of its own framing."
    ],
    zh: [
      "服务端是一个扮演 app-server 的原生程序（`bench/server.c`），因此被测的从来不是它。它的消息与真实消息的长度和字段相同，并由测试对照生成的 schema 检查。",
      "每个样本是单独一个进程，先用被测工作量的一半预热，未决请求用一轮、真实的 codex 用八个 turn；启动、睡眠的消费者和处理函数不预热。一个小节的所有客户端轮流取样，一轮接一轮；比值在每一轮之内取得，表中是各轮的中位数。",
      "每个样本都核对是否做完了全部工作：到达的文本长度、服务端得到的决定、得到答复的请求。我们或 raw 有任何欠缺，基准测试就失败，什么也不写。",
      '`raw` 是裸 Node：`stdout.on("data")`、切分、`JSON.parse`、回调。它什么也不校验，没有错误、类型和限制。',
      "effect-codex 通过公开 API 使用，参数经过校验，除 `acceptDelay` 之外都是默认选项，日志只记警告。各包按发布的样子构建。",
      "其他客户端按各自文档使用。vscode-jsonrpc 用按行的 JSON 读写器代替它自己的分帧。"
    ]
  },
  cost: { en: "Cost as work grows", zh: "随工作量增长的开销" },
  missed: { en: "Missed targets", zh: "未达到的目标" },
  none: { en: "None.", zh: "没有。" },
  left: { en: "Not included", zh: "未包括的" },
  leftText: {
    en: "OpenAI's Python SDK and the Python SDK that this package follows are not npm packages, and the Effect client inside T3 Code is not published, so this page has no numbers for them.",
    zh: "OpenAI 的 Python SDK 和本包所承接的 Python SDK 不是 npm 包，T3 Code 里的 Effect 客户端没有发布；这里没有它们的数字。"
  }
} satisfies Record<string, Text | { readonly en: ReadonlyArray<string>; readonly zh: ReadonlyArray<string> }>

/** The path of the file with the numbers, relative to `docs`. */
export const measuredFile = "benchmarks/measured.json"

const commands =
  "```sh\nnpm run bench\nnpm run bench -- --quick\nnpm run bench -- --against main\nnpm run bench -- --only burst\n```"

const missedOf = ({ sections }: Measured, language: Language): ReadonlyArray<string> =>
  sections.flatMap(({ results, section }) =>
    results.flatMap((result) => {
      if (result.verdict !== "missed") return []
      const { outcome, what } = describe(section, result, language)
      const why = result.row.why?.[language] ?? ""
      return [language === "en" ? `- ${what} (${outcome}): ${why}` : `- ${what}（${outcome}）：${why}`]
    })
  )

const mediansOf = (lines: ReadonlyArray<Line>) =>
  Object.fromEntries(lines.map(({ name, points }) => [name, points.map(({ median }) => median)]))

export const documentOf = (measured: Measured, language: Language): string => {
  const text = (key: Exclude<keyof typeof texts, "methodText" | "runText">) => texts[key][language]
  const images = language === "en" ? "benchmarks" : "../benchmarks"
  const missed = missedOf(measured, language)
  const facts = [
    [text("date"), measured.date],
    [text("machineRow"), measured.machine],
    [text("load"), measured.load],
    ...Object.entries(measured.versions)
  ]
  return [
    `# ${text("title")}`,
    text("opening"),
    `## ${text("glance")}`,
    summary(measured.sections, language),
    `## ${text("run")}`,
    commands,
    ...texts.runText[language],
    `## ${text("machine")}`,
    ["| | |", "| --- | --- |", ...facts.map(([name, value]) => `| ${name} | ${value} |`)].join("\n"),
    `## ${text("method")}`,
    texts.methodText[language].map((line) => `- ${line}`).join("\n"),
    ...measured.sections.flatMap(({ results, section }) => [
      `## ${section.title[language]}`,
      section.about[language],
      table(section, results, language)
    ]),
    `## ${text("cost")}`,
    ...measured.curves.flatMap(({ curve, lines }) => [
      `### ${curve.title[language]}`,
      `![${curve.title[language]}](${images}/${curve.name}.svg)`,
      curve.sentence(mediansOf(lines))[language]
    ]),
    `## ${text("missed")}`,
    missed.length === 0 ? text("none") : missed.join("\n"),
    `## ${text("left")}`,
    text("leftText"),
    ""
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n")
}

/** The files to write, by their paths below `docs`. */
export const filesOf = (latest: Measured): ReadonlyMap<string, string> => {
  const kept = write(latest)
  // Uses the rounded numbers of the file, so that the documents can be generated from it again.
  const measured = read(
    kept,
    latest.sections.map(({ section }) => section),
    latest.curves.map(({ curve }) => curve)
  )
  return new Map([
    [measuredFile, kept],
    ["benchmarks.md", documentOf(measured, "en")],
    ["zh/benchmarks.md", documentOf(measured, "zh")],
    ...measured.curves.map(({ curve: { logarithmicY = false, name, title, x, y }, lines }) => {
      const plot = draw({ title: title.en, x, y, logarithmicY, lines })
      return [`benchmarks/${name}.svg`, plot] as const
    })
  ])
}
