/**
 * Compares two runs turn by turn.
 *
 * Turns are compared in the order in which they began. Ids, times, temporary paths and durations may differ. This module computes,
 * and shows nothing.
 */
import * as Transcript from "@effect-codex/core/Transcript"
import type { Fact, Story, Turn } from "./story.ts"

/** One of the two runs. */
export interface Run {
  readonly title: string
  readonly cwd: string
  readonly story: Story
}

export type Mark = "same" | "changed" | "onlyA" | "onlyB"

/** A pair of one thing in both runs; one of the two may lack it. */
export interface Row<A> {
  readonly mark: Mark
  readonly a: A | undefined
  readonly b: A | undefined
}

export interface TurnRow extends Row<Turn> {
  readonly facts: ReadonlyArray<Row<Fact>>
  /** Fields of the turn as a whole that differ. */
  readonly differs: ReadonlyArray<"status" | "tokens" | "answer">
}

/** How many of something are the same, differ, or are in one of the runs only. */
export type Counts = { readonly [mark in Mark]: number }

export interface Comparison {
  readonly a: Run
  readonly b: Run
  readonly turns: ReadonlyArray<TurnRow>
  readonly counts: {
    readonly turns: Counts
    readonly commands: Counts
    readonly items: Counts
    readonly approvals: Counts
    readonly errors: Counts
  }
}

const tableMax = 4_000_000

/** Pairs what has the same key, in order: the longest common subsequence. */
const align = <A>(a: ReadonlyArray<A>, b: ReadonlyArray<A>, keyOf: (each: A, side: "a" | "b") => string) => {
  const [keysA, keysB] = [a.map((each) => keyOf(each, "a")), b.map((each) => keyOf(each, "b"))]
  let begin = 0
  while (begin < a.length && begin < b.length && keysA[begin] === keysB[begin]) begin++
  let end = 0
  while (end < a.length - begin && end < b.length - begin && keysA.at(-1 - end) === keysB.at(-1 - end)) end++
  const [height, width] = [a.length - begin - end, b.length - begin - end]
  // Of two long runs that have little in common, the middle is not paired.
  const isSmall = height * width <= tableMax
  const table = new Uint32Array(isSmall ? (height + 1) * (width + 1) : 0)
  const lengthAt = (i: number, j: number) => table[i * (width + 1) + j] ?? 0
  for (let i = isSmall ? height - 1 : -1; i >= 0; i--) {
    for (let j = width - 1; j >= 0; j--) {
      table[i * (width + 1) + j] =
        keysA[begin + i] === keysB[begin + j]
          ? lengthAt(i + 1, j + 1) + 1
          : Math.max(lengthAt(i + 1, j), lengthAt(i, j + 1))
    }
  }
  const pairs: Array<readonly [A | undefined, A | undefined]> = []
  for (let i = 0; i < begin; i++) pairs.push([a[i], b[i]])
  let [i, j] = [0, 0]
  while (i < height || j < width) {
    const isPair = isSmall && i < height && j < width && keysA[begin + i] === keysB[begin + j]
    if (isPair) pairs.push([a[begin + i++], b[begin + j++]])
    else if (j >= width || (i < height && lengthAt(i + 1, j) >= lengthAt(i, j + 1)))
      pairs.push([a[begin + i++], undefined])
    else pairs.push([undefined, b[begin + j++]])
  }
  for (let i = end; i > 0; i--) pairs.push([a[a.length - i], b[b.length - i]])
  return pairs
}

const countsOf = (marks: ReadonlyArray<Mark>): Counts => {
  const counts = { same: 0, changed: 0, onlyA: 0, onlyB: 0 }
  for (const mark of marks) counts[mark]++
  return counts
}

const sortOf = ({ label }: Fact): "approvals" | "commands" | "errors" | "items" => {
  if (label.startsWith("approval")) return "approvals"
  return label === "command" ? "commands" : label === "error" ? "errors" : "items"
}

/** Compares two runs. */
export const compare = (a: Run, b: Run): Comparison => {
  const plain = (text: string, side: "a" | "b") => Transcript.normalizeText({ cwd: side === "a" ? a.cwd : b.cwd }, text)

  const rowOf = (a: Fact | undefined, b: Fact | undefined): Row<Fact> => {
    if (a === undefined) return { mark: "onlyB", a, b }
    if (b === undefined) return { mark: "onlyA", a, b }
    return { mark: plain(a.outcome, "a") === plain(b.outcome, "b") ? "same" : "changed", a, b }
  }

  const turnOf = (a: Turn | undefined, b: Turn | undefined): TurnRow => {
    const facts = align(a?.facts ?? [], b?.facts ?? [], (fact, side) =>
      JSON.stringify([fact.label, plain(fact.subject, side)])
    ).map((pair) => rowOf(...pair))
    if (a === undefined || b === undefined) {
      return { mark: a === undefined ? "onlyB" : "onlyA", a, b, facts, differs: [] }
    }
    const differs = [
      ...(a.status === b.status ? [] : (["status"] as const)),
      ...(a.tokens === b.tokens ? [] : (["tokens"] as const)),
      ...(plain(a.answer, "a") === plain(b.answer, "b") ? [] : (["answer"] as const))
    ]
    const isSame = differs.length === 0 && facts.every(({ mark }) => mark === "same")
    return { mark: isSame ? "same" : "changed", a, b, facts, differs }
  }

  const [turnsA, turnsB] = [a.story.turns, b.story.turns]
  const turns = Array.from({ length: Math.max(turnsA.length, turnsB.length) }, (_, index) =>
    turnOf(turnsA[index], turnsB[index])
  )
  const marksOf = (sort: ReturnType<typeof sortOf>) =>
    countsOf(
      turns.flatMap(({ facts }) =>
        facts.flatMap(({ a, b, mark }) => {
          const fact = a ?? b
          return fact !== undefined && sortOf(fact) === sort ? [mark] : []
        })
      )
    )
  return {
    a,
    b,
    turns,
    counts: {
      turns: countsOf(turns.map(({ mark }) => mark)),
      commands: marksOf("commands"),
      approvals: marksOf("approvals"),
      errors: marksOf("errors"),
      items: marksOf("items")
    }
  }
}

/** The counts of one sort, in words; `undefined` if there is nothing of the sort. */
export const countWords = ({ changed, onlyA, onlyB, same }: Counts): string | undefined => {
  if (changed + onlyA + onlyB + same === 0) return undefined
  const parts = [
    same === 0 ? [] : [`${same} same`],
    changed === 0 ? [] : [`${changed} differ`],
    onlyA === 0 ? [] : [`${onlyA} only in A`],
    onlyB === 0 ? [] : [`${onlyB} only in B`]
  ]
  return parts.flat().join(", ")
}

/** The sorts of things that are counted, and what they are called. */
export const sorts = [
  ["turns", "turns"],
  ["commands", "commands"],
  ["approvals", "approvals"],
  ["items", "other items"],
  ["errors", "errors"]
] as const
