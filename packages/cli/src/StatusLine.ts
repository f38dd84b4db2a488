/**
 * The line at the bottom of a terminal that shows the current activity of the agent and the elapsed time.
 *
 * It is only shown between lines of the transcript: it is erased before any text is written, and drawn again when the cursor is
 * at the beginning of a line. Pipes and files never get it.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Display from "@effect-codex/core/Display"
import stringWidth from "string-width"
import type { Activity } from "./internal/transcript.ts"

export type {
  /**
   * The current activity of the agent.
   *
   * @category models
   * @since 0.1.0
   */
  Activity
} from "./internal/transcript.ts"

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

const describe = (activity: Activity): string => {
  switch (activity._tag) {
    case "Thinking":
      return "Thinking"
    case "Writing":
      return "Writing"
    case "Running":
      return `Running ${Display.line(activity.what)}`
    case "Reconnecting":
      return Display.line(activity.what)
    case "Waiting":
      return activity.for === "approval" ? "Waiting for approval" : "Waiting for an answer"
    case "Over":
      return "Finishing"
  }
}

const elapsed = (millis: number): string => {
  const seconds = Math.floor(millis / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, "0")}s`
}

/**
 * The text of the line, at most `columns - 1` cells wide, so that a terminal never wraps it. The activity is shortened before
 * the rest.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = (options: {
  readonly activity: Activity
  /** Time since the beginning, in milliseconds. */
  readonly millis: number
  readonly columns: number
}): string => {
  const frame = frames[Math.floor(options.millis / 100) % frames.length] ?? ""
  const rest = ` · ${elapsed(options.millis)}${options.columns < 50 ? "" : " · Ctrl-C stops"}`
  const what = clip(describe(options.activity), options.columns - 3 - stringWidth(rest))
  return clip(`${frame} ${what}${rest}`, options.columns - 1)
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/**
 * As much of a text as fits into so many cells, with an ellipsis where some of it does not.
 *
 * @category formatting
 * @since 0.1.0
 */
export const clip = (text: string, cells: number): string => {
  if (stringWidth(text) <= cells) return text
  let clipped = ""
  let width = 1
  for (const { segment } of graphemes.segment(text)) {
    width += stringWidth(segment)
    if (width > cells) break
    clipped += segment
  }
  return cells < 1 ? "" : `${clipped}…`
}

/**
 * The text that removes the line from the screen.
 *
 * @category constants
 * @since 0.1.0
 */
export const erase = "\r\x1b[K"
