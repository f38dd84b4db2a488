/**
 * A narrow grammar of the shell, for scripts that may be accepted although they are more than plain commands.
 *
 * It accepts simple commands, lists, pipelines, groups, `for`, `while`, `if`, `[[`, variables, substitutions, patterns of files
 * and here-documents of plain text. It refuses everything else with a reason: it never guesses, and leaves out any syntax that
 * Bash, sh and zsh read differently. It knows no programs and runs nothing.
 */

import { endsAlike, mayEnd } from "./hereDocument.ts"

export type Dialect = "bash" | "sh" | "zsh"

export type Piece =
  | { readonly _tag: "Text"; readonly value: string }
  /** A pattern of file names. */
  | { readonly _tag: "Glob"; readonly char: "*" | "?" }
  | { readonly _tag: "Variable"; readonly name: string; readonly quoted: boolean }
  | { readonly _tag: "Command"; readonly body: Node; readonly quoted: boolean }
  | { readonly _tag: "Process"; readonly body: Node }

export interface ScriptWord {
  readonly source: string
  readonly pieces: ReadonlyArray<Piece>
}

export interface ScriptRedirect {
  readonly descriptor: string
  readonly operator: "<" | ">" | ">>" | ">&" | "<&" | "<<<"
  readonly target: ScriptWord
}

export interface SimpleCommand {
  readonly _tag: "Simple"
  readonly assignments: ReadonlyArray<{ readonly name: string; readonly value: ScriptWord }>
  readonly words: ReadonlyArray<ScriptWord>
  readonly redirects: ReadonlyArray<ScriptRedirect>
}

export type Node =
  | SimpleCommand
  | { readonly _tag: "Pipeline"; readonly commands: ReadonlyArray<Node> }
  /** `operators[i]` stands between the commands `i` and `i + 1`. */
  | { readonly _tag: "Chain"; readonly commands: ReadonlyArray<Node>; readonly operators: ReadonlyArray<"&&" | "||"> }
  | { readonly _tag: "List"; readonly commands: ReadonlyArray<Node> }
  | { readonly _tag: "Group"; readonly body: Node; readonly subshell: boolean }
  | { readonly _tag: "For"; readonly name: string; readonly words: ReadonlyArray<ScriptWord>; readonly body: Node }
  | { readonly _tag: "While"; readonly test: Node; readonly body: Node }
  | { readonly _tag: "If"; readonly lists: ReadonlyArray<Node> }
  | { readonly _tag: "Test"; readonly words: ReadonlyArray<ScriptWord> }
  | { readonly _tag: "Redirected"; readonly body: Node; readonly redirects: ReadonlyArray<ScriptRedirect> }

export type Reading =
  | { readonly _tag: "Read"; readonly node: Node; readonly commands: ReadonlyArray<SimpleCommand> }
  | { readonly _tag: "Refused"; readonly reason: string }

const maxDepth = 20

// Words that are reserved in some shells, or that have a meaning in the grammar at the beginning of a command.
const reserved: ReadonlySet<string> = new Set(
  (
    "if then elif else fi case esac for select while until do done in function time coproc { } ) ! [[ ]] repeat foreach end " +
    "nocorrect noglob - declare typeset export local readonly integer float always"
  ).split(" ")
)

// A longer one first.
const redirections = ["<<<", "<<-", "<<", "<&", ">&", ">>", "<", ">"] as const

const plain = /[A-Za-z0-9_@%+=:,./\]-]/

/** Parses a script. A refused text may still be a valid script. */
export const parse = (script: string, dialect: Dialect): Reading => {
  let at = 0
  let depth = 0
  let problem: string | undefined
  const commands: Array<SimpleCommand> = []
  const pending: Array<{ readonly delimiter: string; readonly quoted: boolean; readonly tabs: boolean }> = []

  // After it, nothing is left to read, so every loop ends.
  const refuse = (why: string): undefined => {
    problem ??= why
    at = script.length
    return undefined
  }
  const peek = (text: string): boolean => script.startsWith(text, at)
  // The match of a sticky pattern at this position.
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(script)
  }

  // Comments and here-documents.
  const asides: Array<string> = []

  const blanks = () => {
    for (;;) {
      if (peek("\\\n")) at += 2
      else if (peek(" ") || peek("\t")) at++
      else if (peek("#")) {
        // A comment begins only where a word could.
        const before = script.charAt(at - 1)
        if (at > 0 && !/[\s|&;(]/.test(before)) return
        const start = at
        while (at < script.length && !peek("\n")) at++
        asides.push(script.slice(start, at))
      } else return
    }
  }

  const newline = () => {
    at++
    for (const { delimiter, quoted, tabs } of pending.splice(0)) hereDocument(delimiter, quoted, tabs)
  }

  const hereDocument = (delimiter: string, quoted: boolean, tabs: boolean) => {
    const start = at
    for (;;) {
      if (at >= script.length) return void refuse("a here-document has no end")
      const end = script.indexOf("\n", at)
      const line = script.slice(at, end === -1 ? script.length : end)
      at = end === -1 ? script.length : end + 1
      if ((tabs ? line.replace(/^\t+/, "") : line) === delimiter) {
        asides.push(script.slice(start, at))
        return
      }
      if (mayEnd(line, delimiter)) return void refuse("a here-document may end elsewhere")
      if (!quoted && /[$`\\]/.test(line)) return void refuse("a here-document is not plain text")
    }
  }

  const spaces = () => {
    for (;;) {
      blanks()
      if (!peek("\n")) return
      newline()
    }
  }

  // The reserved word at this position, if there is one.
  const keyword = (): string | undefined => {
    const found = match(/(?:[a-z]+|[{}!]|\[\[)(?=[\s;|&()<>]|$)|\)/y)?.[0]
    return found !== undefined && reserved.has(found) ? found : undefined
  }
  const expect = (word: string) => {
    if (keyword() === word) at += word.length
    else refuse(`${word} is missing`)
  }

  // Everything from a list to a command also reads the blanks after it.
  const list = (ends: ReadonlyArray<string | undefined>): Node => {
    const found: Array<Node> = []
    if (++depth > maxDepth) refuse("it is nested too deeply")
    for (;;) {
      spaces()
      if (at >= script.length || ends.includes(keyword())) break
      found.push(chain())
      if (peek(";;")) refuse(";; is not analyzed")
      else if (peek(";")) at++
      else if (at < script.length && !peek("\n") && !peek(")")) refuse("the text between its commands is not analyzed")
    }
    if (peek(")") && pending.length > 0) refuse("a here-document has no end")
    depth--
    if (found.length === 0) refuse("there is a list without a command")
    return { _tag: "List", commands: found }
  }

  const chain = (): Node => {
    const first = pipeline()
    const others: Array<Node> = []
    const operators: Array<"&&" | "||"> = []
    for (;;) {
      const operator = peek("&&") ? "&&" : peek("||") ? "||" : undefined
      if (operator === undefined) {
        if (peek("&")) refuse("a command in the background is not analyzed")
        break
      }
      at += 2
      operators.push(operator)
      spaces()
      others.push(pipeline())
    }
    return others.length === 0 ? first : { _tag: "Chain", commands: [first, ...others], operators }
  }

  const pipeline = (): Node => {
    let isTimed = false
    for (;;) {
      const word = keyword()
      if (word !== "!" && word !== "time") break
      // In zsh, a second `time` is a program.
      if (isTimed && dialect === "zsh") refuse("zsh reads the words after time differently")
      isTimed ||= word === "time"
      if (word === "time" && dialect === "sh") refuse("time means something else in sh")
      at += word.length
      if (!peek(" ")) refuse(`there is no command after ${word}`)
      blanks()
      if (peek("-")) refuse(`${word} with an option is not analyzed`)
    }
    const first = command()
    const others: Array<Node> = []
    while (peek("|") && !peek("||")) {
      if (peek("|&") && dialect === "sh") refuse("|& means something else in sh")
      at += peek("|&") ? 2 : 1
      spaces()
      others.push(command())
    }
    return others.length === 0 ? first : { _tag: "Pipeline", commands: [first, ...others] }
  }

  const command = (): Node => {
    if (peek("((")) refuse("arithmetic is not analyzed")
    if (peek("(")) {
      at++
      const body = list([")"])
      expect(")")
      return redirected({ _tag: "Group", body, subshell: true })
    }
    const word = keyword()
    switch (word) {
      case undefined:
        return simple()
      case "{": {
        at++
        const body = list(["}"])
        expect("}")
        return redirected({ _tag: "Group", body, subshell: false })
      }
      case "if": {
        at += 2
        const lists: Array<Node> = []
        for (;;) {
          lists.push(list(["then"]))
          expect("then")
          lists.push(list(["elif", "else", "fi"]))
          if (keyword() !== "elif") break
          at += 4
        }
        if (keyword() === "else") {
          at += 4
          lists.push(list(["fi"]))
        }
        expect("fi")
        return redirected({ _tag: "If", lists })
      }
      case "while":
      case "until": {
        at += 5
        const test = list(["do"])
        expect("do")
        const body = list(["done"])
        expect("done")
        return redirected({ _tag: "While", test, body })
      }
      case "for":
        return forLoop()
      case "[[":
        return testCommand()
      default:
        refuse(`${word} is not analyzed`)
        return empty
    }
  }

  const forLoop = (): Node => {
    at += 3
    blanks()
    const name = match(/[A-Za-z_][A-Za-z0-9_]*(?=\s)/y)?.[0]
    if (name === undefined) {
      refuse("a for of another form is not analyzed")
      return empty
    }
    at += name.length
    blanks()
    if (keyword() !== "in") {
      refuse("a for over arguments is not analyzed")
      return empty
    }
    at += 2
    const words: Array<ScriptWord> = []
    for (;;) {
      blanks()
      if (peek(";") || peek("\n")) break
      const found = word()
      if (found === undefined) break
      words.push(found)
    }
    if (peek(";")) at++
    spaces()
    expect("do")
    const body = list(["done"])
    expect("done")
    return redirected({ _tag: "For", name, words, body })
  }

  const testCommand = (): Node => {
    at += 2
    const words: Array<ScriptWord> = []
    if (dialect === "sh") refuse("[[ means something else in sh")
    for (;;) {
      blanks()
      const operator = ["&&", "||", "(", ")", "<", ">", "\n"].find(peek)
      if (operator === "&&" || operator === "||") {
        words.push({ source: operator, pieces: [{ _tag: "Text", value: operator }] })
        at += 2
      } else {
        if (operator !== undefined) refuse("a test of this form is not analyzed")
        const found = word(true)
        if (found === undefined || found.source === "]]") break
        words.push(found)
      }
    }
    return redirected({ _tag: "Test", words })
  }

  const redirected = (body: Node): Node => {
    const redirects: Array<ScriptRedirect> = []
    do blanks()
    while (redirection(redirects) === true)
    return redirects.length === 0 ? body : { _tag: "Redirected", body, redirects }
  }

  // Parses a redirection. Returns whether there was one.
  const redirection = (into: Array<ScriptRedirect>): boolean | undefined => {
    const descriptor = match(/\d*/y)?.[0] ?? ""
    const operator = redirections.find((text) => script.startsWith(text, at + descriptor.length))
    if (operator === undefined) return false
    const next = script.charAt(at + descriptor.length + operator.length)
    // A substitution, which is a word.
    if (next === "(") return false
    if (descriptor.length > 1) return refuse("a descriptor of two digits is not analyzed")
    if (/[<>&|]/.test(next)) return refuse("a redirection of this form is not analyzed")
    at += descriptor.length + operator.length
    blanks()
    if (operator === "<<" || operator === "<<-") {
      const quoted = match(/(?:'([^'\n\\]+)'|"([^"\n\\$`]+)"|([A-Za-z0-9_]+))(?=[\s;|&)])/y)
      if (quoted === null) return refuse("the end of a here-document is not analyzed")
      at += quoted[0].length
      pending.push({
        delimiter: quoted[1] ?? quoted[2] ?? quoted[3] ?? "",
        quoted: quoted[3] === undefined,
        tabs: operator === "<<-"
      })
      return true
    }
    if (operator === "<<<" && dialect === "sh") refuse("<<< means something else in sh")
    const target = word()
    if (target === undefined) return undefined
    into.push({ descriptor, operator, target })
    return true
  }

  const simple = (): Node => {
    const assignments: Array<{ readonly name: string; readonly value: ScriptWord }> = []
    const words: Array<ScriptWord> = []
    const redirects: Array<ScriptRedirect> = []
    for (;;) {
      blanks()
      if (at >= script.length || /[\n;|&)]/.test(script.charAt(at))) break
      if (redirection(redirects) === true) continue
      if (words.length === 0) {
        const name = match(/([A-Za-z_][A-Za-z0-9_]*)=/y)?.[1]
        if (name !== undefined) {
          at += name.length + 1
          const isEmpty = at >= script.length || /[\s;|&)]/.test(script.charAt(at))
          const value = isEmpty ? { source: "", pieces: [] } : word()
          if (value !== undefined) assignments.push({ name, value })
          continue
        }
      }
      const found = word()
      if (found === undefined) break
      if (words.length === 0 && reserved.has(found.source)) refuse(`${found.source} is a reserved word of the shell`)
      words.push(found)
    }
    if (words.length === 0 && assignments.length === 0) refuse("there is no command where one is expected")
    const result: SimpleCommand = { _tag: "Simple", assignments, words, redirects }
    commands.push(result)
    return result
  }

  const word = (inTest = false): ScriptWord | undefined => {
    const start = at
    const pieces: Array<Piece> = []
    const text = (value: string) => {
      const last = pieces.at(-1)
      if (last?._tag === "Text") pieces[pieces.length - 1] = { _tag: "Text", value: last.value + value }
      else pieces.push({ _tag: "Text", value })
    }
    const alone = match(/(?:\{\}|\[|!)(?=[\s;|&)]|$)/y)?.[0]
    if (alone !== undefined) {
      at += alone.length
      text(alone)
      return { source: alone, pieces }
    }
    if (peek("=") && dialect === "zsh" && !inTest)
      return refuse("= at the beginning of a word means something else in zsh")
    while (at < script.length) {
      const char = script.charAt(at)
      if (/[\s;|&)]/.test(char) || (/[<>]/.test(char) && script.charAt(at + 1) !== "(" && !inTest)) break
      if (char === "'") {
        const end = script.indexOf("'", at + 1)
        if (end === -1) return refuse("a quote has no end")
        text(script.slice(at + 1, end))
        at = end + 1
      } else if (char === '"') {
        at++
        text("")
        quoted(pieces, text)
      } else if (char === "\\") {
        const escaped = script.charAt(at + 1)
        if (!/[\x20-\x7e]/.test(escaped)) return refuse("a backslash before this is not analyzed")
        text(escaped)
        at += 2
      } else if (char === "$") dollar(pieces, false)
      else if (char === "*" || char === "?") {
        pieces.push({ _tag: "Glob", char })
        at++
      } else if (char === "[") {
        const bracket = match(/\[[A-Za-z0-9_.-]+\]/y)?.[0]
        if (bracket === undefined) return refuse("a pattern of this form is not analyzed")
        // A star matches more than these characters, which is on the safe side.
        pieces.push({ _tag: "Glob", char: "*" })
        at += bracket.length
      } else if (peek("<(") && dialect !== "sh" && at === start) {
        pieces.push({ _tag: "Process", body: substituted() })
      } else if (peek("{}") && dialect !== "zsh") {
        text("{}")
        at += 2
      } else if (/[@^]/.test(script.charAt(at - 1)) && match(/\{-?[A-Za-z0-9]+\}/y) !== null) {
        // `HEAD@{1}`: without a comma or two dots, braces are ordinary characters.
        const end = script.indexOf("}", at) + 1
        text(script.slice(at, end))
        at = end
      } else if (
        plain.test(char) ||
        (char === "#" && at > start) ||
        (char === "^" && dialect !== "zsh" && at > start) ||
        (char === "~" &&
          /[A-Za-z0-9]/.test(script.charAt(at - 1)) &&
          (dialect !== "zsh" || match(/~\d+(?=[\s.;|&)]|$)/y) !== null))
      ) {
        text(char)
        at++
      } else return refuse(`${JSON.stringify(char)} in a word is not analyzed`)
    }
    return at === start ? refuse("a word is missing") : { source: script.slice(start, at), pieces }
  }

  const quoted = (pieces: Array<Piece>, text: (value: string) => void) => {
    for (;;) {
      if (at >= script.length) return refuse("a quote has no end")
      const char = script.charAt(at)
      if (char === '"') {
        at++
        return undefined
      }
      if (char === "`") return refuse("a backquote is not analyzed")
      if (char === "$") {
        // Before these characters, a dollar sign is an ordinary character.
        if (/["\s|/)]/.test(script.charAt(at + 1))) {
          text(char)
          at++
        } else dollar(pieces, true)
      } else if (char === "\\") {
        const escaped = script.charAt(at + 1)
        if (script.charAt(at - 1) > "~") return refuse("a backslash after this is not analyzed")
        if (escaped !== "\n") text(/[$`"\\]/.test(escaped) ? escaped : char + escaped)
        at += 2
      } else {
        text(char)
        at++
      }
    }
  }

  // The script in the brackets of a substitution.
  const substituted = (): Node => {
    if (pending.length > 0) refuse("a here-document begins before a substitution")
    const before = asides.length
    at += 2
    const body = list([")"])
    expect(")")
    const rest = script.slice(at)
    if (!asides.slice(before).every((text) => endsAlike(text, rest))) refuse("a substitution may end elsewhere")
    return body
  }

  const dollar = (pieces: Array<Piece>, inQuotes: boolean) => {
    if (peek("$((")) return refuse("arithmetic is not analyzed")
    if (peek("$(")) {
      pieces.push({ _tag: "Command", body: substituted(), quoted: inQuotes })
      return undefined
    }
    const name = match(/\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\}|(\?))/y)
    if (name === null) return refuse("an expansion of this form is not analyzed")
    at += name[0].length
    // In zsh, a bracket or a colon continues the expansion.
    if (/[[:]/.test(script.charAt(at))) return refuse("an expansion of this form is not analyzed")
    pieces.push({ _tag: "Variable", name: name[1] ?? name[2] ?? name[3] ?? "", quoted: inQuotes })
    return undefined
  }

  const empty: Node = { _tag: "List", commands: [] }

  // eslint-disable-next-line no-control-regex -- terminals and parsers treat these characters in different ways
  if (/[\x00-\x08\x0b-\x1f\x7f\ue000-\uf8ff]/.test(script)) refuse("it has a character that is not analyzed")
  const node = list([])
  if (pending.length > 0) refuse("a here-document has no end")
  return problem === undefined ? { _tag: "Read", node, commands } : { _tag: "Refused", reason: problem }
}
