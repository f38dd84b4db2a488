/**
 * Whether a script on a command line does nothing but print what it is given: small parts of sed, awk and jq.
 *
 * What isn't known to be harmless counts as not harmless. Different implementations of these languages have to read a script
 * alike for it to count.
 */
import type { Effect } from "./programs.ts"

/** Why it isn't certain that a script only prints; `undefined`: it is. */
export const doubtOf = (language: Effect, script: string): string | undefined => {
  switch (language) {
    case "sed":
      return sedPrints(script) ? undefined : "the sed script may do more than print"
    case "awk":
      return awkPrints(script) ? undefined : "the awk script may do more than print"
    case "jq":
      return jqPrints(script) ? undefined : "the jq filter may read more than its input"
    case "gitFormat":
      return /%G|signature|trailers/.test(script) ? "the format may run a program" : undefined
    default:
      return "a script of this kind may do anything"
  }
}

const sedPrints = (script: string): boolean => {
  let at = 0
  let open = 0
  const skip = (pattern: RegExp): string => {
    const found = pattern.exec(script.slice(at))?.[0] ?? ""
    at += found.length
    return found
  }
  // What stands between delimiters: none of them can be meant as a part of it.
  const delimited = (delimiter: string): boolean => {
    for (; at < script.length; at++) {
      const char = script.charAt(at)
      if (char === "\n") return false
      if (char === "\\") {
        if (/[\nc]/.test(script.charAt(at + 1))) return false
        at++
      } else if (char === delimiter) {
        at++
        return true
      } else if (char === "[") {
        const end = script.indexOf("]", script.startsWith("[^]", at) ? at + 3 : at + 2)
        const bracket = end === -1 ? "" : script.slice(at, end)
        if (bracket === "" || bracket.includes(delimiter) || /[\n\\]|\[[.:=]/.test(bracket.slice(1))) return false
        at = end
      }
    }
    return false
  }
  const address = (): boolean | undefined => {
    if (skip(/^(?:\d+(?:~\d+)?|\$)/) !== "") return true
    if (script.charAt(at) !== "/") return undefined
    at++
    return delimited("/") && skip(/^I?/) !== undefined
  }
  while (at < script.length) {
    skip(/^[\s;]*/)
    if (at >= script.length) break
    const first = address()
    if (first === false) return false
    if (first === true) {
      skip(/^[ \t]*/)
      if (script.charAt(at) === ",") {
        at++
        skip(/^[ \t]*/)
        if (skip(/^[+~]\d+/) === "" && address() !== true) return false
      }
      skip(/^[ \t]*/)
    }
    skip(/^(?:![ \t]*)?/)
    const command = script.charAt(at++)
    switch (command) {
      case "{":
        open++
        continue
      case "}":
        if (--open < 0) return false
        break
      case "p":
      case "P":
      case "d":
      case "D":
      case "n":
      case "N":
      case "g":
      case "G":
      case "h":
      case "H":
      case "x":
      case "=":
        break
      case "q":
        skip(/^[ \t]*\d*/)
        break
      case "s":
      case "y": {
        const delimiter = script.charAt(at++)
        if (!/^[/|#,:@!%_]$/.test(delimiter)) return false
        if (!delimited(delimiter)) return false
        // The second part is no pattern, and a bracket in it is only itself.
        const end = replacementEnd(script, at, delimiter)
        if (end === undefined) return false
        at = end
        if (command === "s") skip(/^(?:[gpI]|[1-9]\d*)*/)
        break
      }
      default:
        return false
    }
    if (skip(/^[ \t]*(?:[;\n]|(?=\})|$)/) === "" && at < script.length && script.charAt(at) !== "}") return false
  }
  return open === 0
}

const replacementEnd = (script: string, start: number, delimiter: string): number | undefined => {
  for (let at = start; at < script.length; at++) {
    const char = script.charAt(at)
    if (char === "\n") return undefined
    if (char === "\\") {
      if (/[\nc]/.test(script.charAt(at + 1))) return undefined
      at++
    } else if (char === delimiter) return at + 1
  }
  return undefined
}

// awk opens files and runs programs by these alone, wherever they stand, so that strings need not be told from code. A
// comparison looks like an output, which is always behind a print.
const awkPrints = (script: string): boolean => {
  if (/\\[\r\n]|@|system|getline|close|fflush|ENVIRON|ARG[VCI]|PROCINFO|SYMTAB|FUNCTAB|extension|\0/.test(script))
    return false
  if (script.replaceAll("||", "").includes("|")) return false
  const print = script.indexOf("print")
  return print === -1 || !script.slice(print).includes(">")
}

const jqPrints = (script: string): boolean =>
  !/\b(?:env|ENV|import|include|modulemeta|get_search_list|input_filename)\b|\$__prog|\0/.test(script)
