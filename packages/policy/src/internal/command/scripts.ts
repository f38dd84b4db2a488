/**
 * Finds out whether a script on a command line only prints its input. It knows small parts of sed, awk and jq.
 *
 * Syntax that is not known to be harmless counts as harmful. A script is harmless only if all implementations of its language
 * read it alike.
 */
import type { Effect } from "./programs.ts"

/** The reason why it is not certain that a script only prints; `undefined` if it is certain. */
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
  // Skips the text up to the delimiter. Text is refused if the delimiter could also be a part of it.
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
        // The replacement is not a pattern, so a bracket in it is an ordinary character.
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

// Only these words make awk open files and run programs. They are refused even in strings, so strings need not be parsed. `>`
// is a comparison unless a `print` comes before it.
const awkPrints = (script: string): boolean => {
  if (/\\[\r\n]|@|system|getline|close|fflush|ENVIRON|ARG[VCI]|PROCINFO|SYMTAB|FUNCTAB|extension|\0/.test(script))
    return false
  if (script.replaceAll("||", "").includes("|")) return false
  const print = script.indexOf("print")
  return print === -1 || !script.slice(print).includes(">")
}

const jqPrints = (script: string): boolean =>
  !/\b(?:env|ENV|import|include|modulemeta|get_search_list|input_filename)\b|\$__prog|\0/.test(script)
