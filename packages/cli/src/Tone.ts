/**
 * The colours of the command line's output, and whether to use any.
 *
 * Colour is decided once, from the user's flags, the environment and the terminal. Painting a text with a tone then has no effect
 * if colour is off. Text must be sanitized before it is painted.
 *
 * @stability stable
 * @since 0.1.0
 */

/**
 * The role of a text, which decides its look.
 *
 * @category models
 * @since 0.1.0
 */
export type Tone =
  | "header"
  | "session"
  | "assistant"
  | "thinking"
  | "tool"
  | "toolOutput"
  | "summary"
  | "warning"
  | "error"
  | "system"
  | "plan"
  | "added"
  | "removed"
  | "hunk"

/**
 * The colour settings. `auto` is `soft` if the output supports colour, otherwise `off`.
 *
 * @category models
 * @since 0.1.0
 */
export type Color = "auto" | "off" | "soft" | "vivid"

/**
 * The names of colours: those of `Color`, and `on`, `true` for `soft`, `none`, `false` for `off`.
 *
 * @category constants
 * @since 0.1.0
 */
export const colorNames = ["auto", "off", "soft", "vivid", "on", "true", "none", "false"] as const

/**
 * The colour of a name.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromName = (name: (typeof colorNames)[number]): Color => {
  switch (name) {
    case "on":
    case "true":
      return "soft"
    case "none":
    case "false":
      return "off"
    default:
      return name
  }
}

/**
 * Resolves `auto`. Every other setting is returned unchanged. `NO_COLOR`, even if empty, means off; otherwise
 * `CLICOLOR_FORCE=1` means soft; otherwise a terminal gets colour unless it is `dumb`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const resolve = (
  color: Color,
  output: { readonly env: { readonly [name: string]: string | undefined }; readonly isTerminal: boolean }
): Exclude<Color, "auto"> => {
  if (color !== "auto") return color
  if (output.env["NO_COLOR"] !== undefined) return "off"
  if (output.env["CLICOLOR_FORCE"] === "1") return "soft"
  return output.isTerminal && output.env["TERM"] !== "dumb" ? "soft" : "off"
}

/**
 * Gives a text its colour.
 *
 * @category models
 * @since 0.1.0
 */
export type Paint = (tone: Tone, text: string) => string

// Parameters of the escape sequence "select graphic rendition".
const palettes: Record<"soft" | "vivid", Record<Tone, string>> = {
  soft: {
    header: "36",
    session: "36",
    assistant: "32",
    thinking: "35",
    tool: "33",
    toolOutput: "34",
    summary: "34",
    warning: "33",
    error: "31",
    system: "2",
    plan: "34",
    added: "32",
    removed: "31",
    hunk: "36"
  },
  vivid: {
    header: "1;96",
    session: "1;36",
    assistant: "1;32",
    thinking: "1;35",
    tool: "1;33",
    toolOutput: "1;94",
    summary: "1;34",
    warning: "1;93",
    error: "1;91",
    system: "2;37",
    plan: "1;34",
    added: "92",
    removed: "91",
    hunk: "1;36"
  }
}

/**
 * The painter for a resolved colour.
 *
 * @category constructors
 * @since 0.1.0
 */
export const painter = (color: Exclude<Color, "auto">): Paint => {
  if (color === "off") return (_tone, text) => text
  const palette = palettes[color]
  return (tone, text) => (text === "" ? "" : `\x1b[${palette[tone]}m${text}\x1b[0m`)
}
