/**
 * The data model of the bench: the entrants of a section, its comparisons, and their goals.
 */
import type { Sample } from "./clients/workload.ts"
import type { Entrant } from "./measure.ts"

/** A text in both languages of the documentation. */
export interface Text {
  readonly en: string
  readonly zh: string
}

export type Language = keyof Text

/** The goal of a comparison: an upper or a lower bound. */
export interface Goal {
  readonly bound: "most" | "least"
  readonly target: number
  readonly stretch?: number
}

/** Another value of the samples that gets a column: their median, or the worst of them. */
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
  /** The reason that the target is missed, shown only while it is. */
  readonly why?: Text
}

export interface Section {
  readonly name: string
  readonly title: Text
  readonly about: Text
  readonly unit: Text
  readonly digits: number
  readonly entrants: ReadonlyMap<string, Entrant>
  /** The value of a sample that is compared. */
  readonly value: (sample: Sample, entrant: Entrant) => number
  /** Whether the values are CPU time, which varies less than wall-clock time. */
  readonly cpu?: boolean
  /** How two values are compared. With `none`, goals apply to the values themselves. */
  readonly compare: "ratio" | "difference" | "none"
  readonly rows: ReadonlyArray<Row>
  readonly facts?: ReadonlyArray<Fact>
  /** Whether a goal that is not a ratio holds on other machines too. */
  readonly portable?: boolean
  readonly rounds: number
  /** How many rounds the short version takes; 0 omits the section. */
  readonly quickRounds: number
  /** Whether the section uses the real codex, with a stand-in for its model, instead of the stand-in for codex. */
  readonly real?: boolean
}

/** A plot of the cost against one number. */
export interface Curve {
  readonly name: string
  readonly title: Text
  /** The axes of the plot, which both languages share. */
  readonly x: string
  readonly y: string
  readonly logarithmicY?: boolean
  readonly points: ReadonlyArray<number>
  readonly series: ReadonlyArray<Series>
  readonly rounds: number
  /** Describes and explains the shape of the curve, from the medians of each series at the points. */
  readonly sentence: (medians: Readonly<Record<string, ReadonlyArray<number>>>) => Text
}

export interface Series {
  readonly name: string
  readonly entrant: (x: number) => Entrant
  readonly value: (sample: Sample, entrant: Entrant) => number
}
