/**
 * Help as text: sections of two columns, wrapped at the width of the terminal.
 */
import type { ArgDoc, FlagDoc, HelpDoc, SubcommandDoc } from "effect/cli/HelpDoc"
import * as Option from "effect/Option"
import stringWidth from "string-width"
import type { Paint } from "../Tone.ts"
import { wrap } from "./wrap.ts"

type Row = readonly [left: string, right: string]

// To the right of the left column if that is narrow, else below it.
const rowsOf = (rows: ReadonlyArray<Row>, width: number, paint: Paint): ReadonlyArray<string> => {
  const widest = Math.max(...rows.map(([left]) => stringWidth(left)))
  const column = Math.min(widest, Math.max(12, Math.floor(width / 3))) + 4
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, Math.max(20, width - column))
    const fits = stringWidth(left) + 4 <= column
    const first = `  ${paint("assistant", left)}${fits ? " ".repeat(column - 2 - stringWidth(left)) + (lines[0] ?? "") : ""}`
    return [first.trimEnd(), ...(fits ? lines.slice(1) : lines).map((line) => `${" ".repeat(column)}${line}`)]
  })
}

const described = (description: Option.Option<string>): string => Option.getOrElse(description, () => "")

const ofArgument = ({ description, name, required, variadic }: ArgDoc): Row => [
  `${name}${variadic ? "..." : ""}`,
  `${described(description)}${required ? "" : " (optional)"}`
]

// The description lists the choices.
const ofFlag = ({ aliases, description, name, type }: FlagDoc): Row => [
  `${[`--${name}`, ...aliases].join(", ")}${type === "boolean" ? "" : ` ${type.includes("|") ? "choice" : type}`}`,
  described(description)
]

const ofCommand = ({ alias, description, name, shortDescription }: SubcommandDoc): Row => [
  alias === undefined ? name : `${name}, ${alias}`,
  shortDescription ?? description
]

/** The help of a command. Flags that every command has are listed at the root alone. */
export const helpText = (doc: HelpDoc, width: number, paint: Paint): string => {
  const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
    lines.length === 0 ? [] : [paint("header", title), ...lines, ""]
  const table = (title: string, rows: ReadonlyArray<Row>): ReadonlyArray<string> =>
    rows.length === 0 ? [] : section(title, rowsOf(rows, width, paint))
  const moved = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`)
  const isRoot = (doc.commandPath?.length ?? 1) === 1
  const [root = "effect-codex"] = doc.commandPath ?? []
  return [
    ...section("DESCRIPTION", doc.description === "" ? [] : moved(doc.description)),
    ...section("USAGE", moved(doc.usage)),
    ...table("ARGUMENTS", (doc.args ?? []).map(ofArgument)),
    ...table("FLAGS", doc.flags.map(ofFlag)),
    ...(isRoot ? table("GLOBAL FLAGS", (doc.globalFlags ?? []).map(ofFlag)) : []),
    ...(doc.subcommands ?? []).flatMap(({ commands, group }) => table(group ?? "SUBCOMMANDS", commands.map(ofCommand))),
    ...section(
      "EXAMPLES",
      (doc.examples ?? []).flatMap(({ command, description }, index) => [
        ...(index === 0 ? [] : [""]),
        ...(description === undefined
          ? []
          : wrap(description, width - 4).map((line) => `  ${paint("system", `# ${line}`)}`)),
        `  ${command}`
      ])
    ),
    ...(isRoot ? [] : [`Flags that every command has: ${root} --help`])
  ]
    .join("\n")
    .trimEnd()
}
