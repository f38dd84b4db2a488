/**
 * Rows under titles, aligned and no wider than a terminal. Knows nothing of what is in them, nor of colours.
 *
 * Widths are those that a terminal gives to characters: two for a Chinese one or a picture.
 */
import stringWidth from "string-width"
import { wrap } from "./wrap.ts"

export interface Column {
  readonly title: string
  /** A column that may be cut off, and the least that has to be left of it. Default: it is shown whole. */
  readonly least?: number | undefined
  /** Whether it is left out where there is no room. The last such column goes first. */
  readonly optional?: boolean | undefined
  /** Whether it continues on further lines, by words, instead of being cut off. */
  readonly wraps?: boolean | undefined
}

const gap = 2

const segmenter = new Intl.Segmenter()

/** The beginning of a text that fits, with `…` where something is cut off. */
export const truncate = (text: string, width: number): string => {
  if (stringWidth(text) <= width) return text
  let shown = ""
  let taken = 0
  for (const { segment } of segmenter.segment(text)) {
    taken += stringWidth(segment)
    if (taken > width - 1) break
    shown += segment
  }
  return `${shown}…`
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, one) => total + one, 0)

/**
 * The lines of a table, the titles first. `width` is what there is of room; without one nothing is cut off. A table
 * that cannot fit is wider.
 */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  width: number | undefined
): ReadonlyArray<string> => {
  const natural = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[index] ?? "")))
  )
  const least = natural.map((wide, index) => Math.min(wide, columns[index]?.least ?? wide))
  let shown = columns.map((_, index) => index)
  const room = () => (width === undefined ? Number.POSITIVE_INFINITY : width - gap * (shown.length - 1))
  const of = (widths: ReadonlyArray<number>) => sum(shown.map((index) => widths[index] ?? 0))
  while (of(least) > room()) {
    const last = shown.findLast((index) => columns[index]?.optional === true)
    if (last === undefined) break
    shown = shown.filter((index) => index !== last)
  }

  // Each column begins with its least, and what is left goes to them from the first on.
  const widths = [...least]
  let rest = room() - of(least)
  for (const index of shown) {
    const more = Math.max(0, Math.min(rest, (natural[index] ?? 0) - (least[index] ?? 0)))
    widths[index] = (least[index] ?? 0) + more
    rest -= more
  }

  const linesOf = (cells: ReadonlyArray<string>): ReadonlyArray<string> => {
    const parts = shown.map((index) => {
      const [cell = "", wide = 0] = [cells[index], widths[index]]
      return (columns[index]?.wraps === true ? wrap(cell, wide) : [cell]).map((text) => truncate(text, wide))
    })
    return Array.from({ length: Math.max(...parts.map(({ length }) => length)) }, (_, line) =>
      shown
        .map((index, at) => {
          const text = parts[at]?.[line] ?? ""
          return text + " ".repeat(Math.max(0, (widths[index] ?? 0) - stringWidth(text)))
        })
        .join(" ".repeat(gap))
        .trimEnd()
    )
  }
  return [columns.map(({ title }) => title), ...rows].flatMap(linesOf)
}
