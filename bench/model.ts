/**
 * What a section of the bench is made of, as data: who takes part, what is compared with what, and what should come out.
 */
import type { Sample } from "./clients/workload.ts"
import type { Entrant } from "./measure.ts"

/** A text in both languages of the documents. */
export interface Text {
  readonly en: string
  readonly zh: string
}

export type Language = keyof Text

/** What should come out of a comparison. */
export interface Goal {
  readonly bound: "most" | "least"
  readonly target: number
  readonly stretch?: number
}

/** Something else of the samples that is worth a column: their median, or the worst. */
export interface Fact {
  readonly title: Text
  readonly of: (sample: Sample) => number
  readonly show: "median" | "none" | "yes"
}

export interface Row {
  readonly label: Text
  readonly entrant: string
  /** The entrant that this one is compared with. */
  readonly against?: string
  readonly goal?: Goal
  /** What holds it back, for as long as the target is missed. */
  readonly why?: Text
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
  /** Whether values are CPU time, which varies less than time on the clock. */
  readonly cpu?: boolean
  /** How values are compared; without that, goals are about the values themselves. */
  readonly compare: "ratio" | "difference" | "none"
  readonly rows: ReadonlyArray<Row>
  readonly facts?: ReadonlyArray<Fact>
  /** Whether a goal for something other than a ratio means the same on another machine. */
  readonly portable?: boolean
  readonly rounds: number
  /** How many rounds the short version takes; 0 leaves the section out. */
  readonly quickRounds: number
  /** Whether the real codex answers, with a stand-in for its model, instead of the stand-in for codex. */
  readonly real?: boolean
}

/** How cost depends on one number. */
export interface Curve {
  readonly name: string
  readonly title: Text
  /** The axes of the plot, which is the same in both languages. */
  readonly x: string
  readonly y: string
  readonly logarithmicY?: boolean
  readonly points: ReadonlyArray<number>
  readonly series: ReadonlyArray<Series>
  readonly rounds: number
  /** The shape and why, around the medians of the series at the points. */
  readonly sentence: (medians: Readonly<Record<string, ReadonlyArray<number>>>) => Text
}

export interface Series {
  readonly name: string
  readonly entrant: (x: number) => Entrant
  readonly value: (sample: Sample, entrant: Entrant) => number
}
