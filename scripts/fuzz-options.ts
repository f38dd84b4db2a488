/**
 * The options of the fuzz scripts, which are whole numbers: `--seed 1 --count 10000`. Any other argument ends the process with
 * one line that shows the usage.
 */
import { parseArgs } from "node:util"

export const fuzzOptions = <A extends Readonly<Record<string, number>>>(
  script: string,
  defaults: A
): { readonly [K in keyof A]: number } => {
  const names = Object.keys(defaults)
  const usage = (): never => {
    process.stderr.write(`Usage: npm run ${script} -- ${names.map((name) => `[--${name} NUMBER]`).join(" ")}\n`)
    return process.exit(2)
  }
  const read = (): Readonly<Record<string, string | undefined>> => {
    try {
      return parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])) }).values
    } catch {
      return usage()
    }
  }
  const given = Object.entries(read()).map(([name, text = ""]): readonly [string, number] =>
    /^\d{1,15}$/.test(text) ? [name, Number(text)] : usage()
  )
  return { ...defaults, ...Object.fromEntries(given) }
}
