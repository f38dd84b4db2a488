/**
 * Reads a script with the Bash parser.
 *
 * One syntax tree answers two questions. Rules that accept ask which commands run for certain: only the node types and fields
 * listed here count, each word is decoded a second time from its source, and only blanks, comments and operators may stand
 * between the words. Rules that decline ask which commands may run: every command in the tree counts, also in substitutions,
 * loops and functions.
 */
import * as Result from "effect/Result"
import * as Unbash from "unbash"
import { short } from "../text.ts"
import { decode, known, unknown, type Word } from "../../ShellWord.ts"
import { endsAlike, type Input, readInput, readPrinted } from "./hereDocument.ts"
import { takesText } from "./uses.ts"

/** The shell of a script. In a script for `sh`, syntax that `sh` and Bash read differently is not certain. */
export type Dialect = "bash" | "sh"

export interface Assignment {
  readonly name: string
  /** `undefined`: only known at run time. */
  readonly value: string | undefined
  /** The value as written in the script. */
  readonly source?: string
}

export interface Redirect {
  /** Includes the descriptor, if there is one: `>`, `2>>`, `2>&`, … */
  readonly operator: string
  readonly target: Word
}

/** A command of one program, or a construct around commands, which has no words. */
export interface Simple {
  readonly source: string
  readonly words: ReadonlyArray<Word>
  readonly redirects: ReadonlyArray<Redirect>
  readonly assignments: ReadonlyArray<Assignment>
  /** The text of here-documents and here-strings, as written in the script. */
  readonly input?: ReadonlyArray<string>
  /** The here-document, if the command certainly reads only that, and as text; absent otherwise. */
  readonly document?: string
  /** The reason why it is not certain that exactly this runs; `undefined` if it is certain. */
  readonly opaque: string | undefined
  /** Commands with the same number run in this shell in order, each only if the previous ones succeeded. */
  readonly chain: number | undefined
}

/** A loop variable and its words; `undefined`: the loop does not list its words. */
export interface Loop {
  readonly name: string
  readonly words: ReadonlyArray<Word> | undefined
}

export type Script =
  | {
      readonly _tag: "Commands"
      readonly commands: ReadonlyArray<Simple>
      readonly loops: ReadonlyArray<Loop>
    }
  | { readonly _tag: "Unparseable"; readonly reason: string }

export const maxLength = 32 * 1024
const maxOpenings = 100
// The maximum number of characters that may end a command, including quoted ones.
const maxEnds = 4_096

// A cheap check before parsing, since an adversarial text may make the parser take very long.
const excess = (script: string): string | undefined => {
  if (script.length > maxLength) return `it is longer than ${maxLength} characters`
  if (script.includes("\0")) return "it has a NUL"
  for (const opening of ["$(", "`", "${", "<<", "<(", ">(", "((", "[["]) {
    if (script.split(opening).length - 1 > maxOpenings) return `it has more than ${maxOpenings} ${opening}`
  }
  if ((script.match(/[;|&\n]/g)?.length ?? 0) > maxEnds) return `it has more than ${maxEnds} of ; | & and line breaks`
  return undefined
}

export const parse = (script: string, dialect: Dialect): Script => {
  const reason = excess(script)
  if (reason !== undefined) return { _tag: "Unparseable", reason }
  // The parser is recursive and throws if the nesting overflows the stack.
  return Result.match(
    Result.try(() => read(script, dialect)),
    {
      onFailure: (): Script => ({ _tag: "Unparseable", reason: "it is nested too deeply" }),
      onSuccess: ({ commands, error, loops }): Script =>
        error === undefined
          ? { _tag: "Commands", commands, loops }
          : { _tag: "Unparseable", reason: `it cannot be read as Bash: ${error}` }
    }
  )
}

// The position of a bracket, or of a word, an assignment or a redirection of the command with this number.
interface Piece {
  readonly pos: number
  readonly end: number
  readonly of: number | "open" | "close"
}

const read = (
  script: string,
  dialect: Dialect
): {
  readonly commands: ReadonlyArray<Simple>
  readonly loops: ReadonlyArray<Loop>
  readonly error: string | undefined
} => {
  const commands: Array<Simple> = []
  const loops: Array<Loop> = []
  const pieces: Array<Piece> = []
  const documents: Array<Input> = []
  // Commands after a pipe. Some shells combine the output of the previous command with the redirected input.
  const piped = new Set<Unbash.SyntaxNode>()
  let chains = 0
  let error: string | undefined

  const construct = (node: Unbash.SyntaxNode, what: string, redirects: ReadonlyArray<Redirect> = []) => {
    commands.push({
      source: script.slice(node.pos, node.end),
      words: [],
      redirects,
      assignments: [],
      opaque: `${what} is not analyzed`,
      chain: undefined
    })
    loopOf(node)
    Unbash.forEachChild(node, visitUncertain)
  }

  const loopOf = (node: Unbash.SyntaxNode) => {
    if (node.type === "For" || node.type === "Select") {
      const words = node.type === "For" ? node.wordlist : undefined
      loops.push({ name: node.name.text, words: words?.map((word) => wordOf(word, textOf)) })
    }
  }

  const visit = (node: Unbash.SyntaxNode): void => {
    if (!hasOnlyKnownFields(node)) return construct(node, "a new kind of syntax")
    switch (node.type) {
      case "Script":
      case "CompoundList":
        return node.commands.forEach(visit)
      case "AndOr": {
        const chain = chains++
        const alternative = node.operators.indexOf("||")
        return node.commands.forEach((child, index) => {
          const chained = child.type === "Command" && (alternative === -1 || index <= alternative)
          return chained ? visitCommand(child, chain) : visit(child)
        })
      }
      case "Statement":
        return node.background === true ? construct(node, "a command in the background") : visit(node.command)
      case "Pipeline":
        for (const child of node.commands.slice(1)) piped.add(child)
        return node.operators.includes("|&") && dialect === "sh" ? construct(node, "|&") : node.commands.forEach(visit)
      case "Subshell":
      case "BraceGroup":
        pieces.push({ pos: node.pos, end: node.pos + 1, of: "open" }, { pos: node.end - 1, end: node.end, of: "close" })
        return visit(node.body)
      case "Redirected":
        return construct(
          node,
          "a redirection of several commands",
          node.redirects.flatMap((redirect) => redirectOf(redirect, dialect, textOf).redirect)
        )
      case "Command":
        return visitCommand(node, undefined)
      default:
        return construct(node, nameOf(node))
    }
  }

  const visitUncertain = (node: Unbash.SyntaxNode): void => {
    if (node.type === "Script") error ??= node.errors?.[0]?.message
    loopOf(node)
    if (node.type === "TestCommand") {
      const source = `[[ ${wordsIn(node).join(" ")}`
      commands.push({
        source,
        words: [],
        redirects: [],
        assignments: [],
        opaque: "it may run, or may not",
        chain: undefined
      })
    }
    if (node.type === "Command") {
      commands.push({ ...simpleOf(node, dialect, textOf), opaque: "it may run, or may not", chain: undefined })
    }
    Unbash.forEachChild(node, visitUncertain)
  }

  const visitCommand = (node: Unbash.Command, chain: number | undefined): void => {
    if (!hasOnlyKnownFields(node)) return construct(node, "a new kind of syntax")
    const own = [...node.prefix, ...(node.name === undefined ? [] : [node.name]), ...node.suffix]
    const printed = new Map(
      node.suffix.flatMap((child) => {
        const text = child.type === "Word" ? printedBy(child, script) : undefined
        return text === undefined ? [] : [[child, text] as const]
      })
    )
    const document = piped.has(node) ? undefined : documentOf(node, script)
    const simple = simpleOf(node, dialect, sliceOf(script), (child) => printed.get(child)?.word, document)
    if (document !== undefined && simple.document !== undefined) documents.push(document.input)
    if (simple.opaque === undefined) for (const { command } of printed.values()) commands.push(command)
    for (const { end, pos } of own) pieces.push({ pos, end, of: commands.length })
    commands.push({ ...simple, source: script.slice(node.pos, node.end), chain })
    if (simple.opaque !== undefined) Unbash.forEachChild(node, visitUncertain)
  }

  const tree = Unbash.parse(script)
  error = tree.errors?.[0]?.message
  visit(tree)
  const isCertain = error === undefined && commands.every(({ opaque }) => opaque === undefined)
  if (isCertain && !isCovered(without(script, documents), pieces)) {
    error = "the text between its words is not understood"
  }
  return { commands, loops, error }
}

const wordsIn = (node: Unbash.SyntaxNode): ReadonlyArray<string> => {
  if (node.type === "Word") return [node.text]
  const words: Array<string> = []
  Unbash.forEachChild(node, (child) => void words.push(...wordsIn(child)))
  return words
}

type SourceOf = (node: Unbash.Word | Unbash.Assignment) => string

// Top-level nodes are sliced from the script. Within backquotes, positions refer to another text.
const sliceOf =
  (script: string): SourceOf =>
  ({ end, pos }) =>
    script.slice(pos, end)
const textOf: SourceOf = ({ text }) => text

const wordOf = (node: Unbash.Word, sourceOf: SourceOf): Word => {
  const source = sourceOf(node)
  const value = decode(source)
  return value !== undefined && value === node.value ? { source, value } : unknown(source)
}

// A word that consists only of a here-document printed by `cat`, and the command that prints it.
const printedBy = (
  node: Unbash.Word,
  script: string
): { readonly word: Word; readonly command: Simple } | undefined => {
  const source = script.slice(node.pos, node.end)
  const found = readPrinted(source)
  const [quoted, ...others] = node.parts ?? []
  if (found === undefined || quoted?.type !== "DoubleQuoted" || others.length > 0) return undefined
  const [expansion, ...after] = quoted.parts
  if (expansion?.type !== "CommandExpansion" || after.length > 0) return undefined
  const [statement, ...further] = expansion.script?.commands ?? []
  const command = statement?.command
  if (command?.type !== "Command" || statement?.background === true || further.length > 0) return undefined
  const [document, ...more] = command.suffix
  const agrees =
    command.name?.text === "cat" &&
    command.prefix.length + more.length === 0 &&
    document?.type === "HereDoc" &&
    document.operator === "<<" &&
    document.descriptor === undefined &&
    document.delimiter?.value === found.delimiter &&
    document.body.text === found.body
  if (!agrees || !endsAlike(found.body, script.slice(node.end - 1))) return undefined
  return {
    word: { source, value: found.value },
    command: {
      source: script.slice(command.pos, command.end),
      words: [known("cat")],
      redirects: [],
      assignments: [],
      input: [found.body],
      opaque: undefined,
      chain: undefined
    }
  }
}

interface Document {
  readonly node: Unbash.HereDoc
  readonly input: Input
}

// The only input of a command, if that is a here-document of plain text.
const documentOf = (node: Unbash.Command, script: string): Document | undefined => {
  const [first, ...others] = [...node.prefix, ...node.suffix].filter(
    (child) => child.type !== "Word" && child.type !== "Assignment" && !isOutput(child)
  )
  if (first?.type !== "HereDoc" || others.length > 0) return undefined
  const input = readInput(script, first.pos)
  const agrees =
    input !== undefined &&
    first.operator === "<<" &&
    first.descriptor === undefined &&
    first.end === input.operatorEnd &&
    first.delimiter?.value === input.delimiter &&
    first.body.pos === input.start &&
    first.body.text === input.body &&
    first.closing?.end === input.end
  return agrees ? { node: first, input } : undefined
}

const isOutput = (node: Unbash.Redirection): boolean =>
  node.type === "Redirect" &&
  /^&?>[>&|]?>?$/.test(node.operator) &&
  (node.descriptor === undefined || (node.descriptor.type === "FileDescriptor" && node.descriptor.value > 0))

const without = (script: string, documents: ReadonlyArray<Input>): string =>
  documents.reduce((text, { end, start }) => text.slice(0, start) + " ".repeat(end - start) + text.slice(end), script)

// Most programs take an argument that looks like an assignment as an ordinary word.
const argumentOf = (node: Unbash.CommandArgument, sourceOf: SourceOf): Word => {
  if (node.type === "Word") return wordOf(node, sourceOf)
  const source = sourceOf(node)
  return { source, value: decode(source) }
}

const assignmentOf = (node: Unbash.Assignment, sourceOf: SourceOf): Assignment => {
  const source = sourceOf(node)
  const plain = node.append !== true && node.index === undefined && source.startsWith(`${node.name}=`)
  return plain
    ? { name: node.name, value: decode(source.slice(node.name.length + 1)), source: source.slice(node.name.length + 1) }
    : { name: node.name, value: undefined, source: `$_${source}` }
}

const redirectOf = (
  node: Unbash.Redirection,
  dialect: Dialect,
  sourceOf: SourceOf
): { readonly redirect: ReadonlyArray<Redirect>; readonly opaque: string | undefined } => {
  if (node.type !== "Redirect") return { redirect: [], opaque: "a here-document is not analyzed" }
  const target = node.target === undefined ? unknown("") : wordOf(node.target, sourceOf)
  const descriptor = node.descriptor?.type === "FileDescriptor" ? String(node.descriptor.value) : ""
  const redirect = [{ operator: descriptor + node.operator, target }]
  const uncertain = (why: string) => ({ redirect, opaque: `a redirection ${why}` })
  if (!hasOnlyKnownFields(node)) return uncertain("of a new kind is not analyzed")
  if (node.descriptor?.type === "FileDescriptorVariable") return uncertain("of a variable is not analyzed")
  if (target.value === undefined) return uncertain(`to ${short(target.source)} is only known at run time`)
  if (node.operator.startsWith("&") && dialect === "sh") return uncertain("with & means something else in sh")
  if (node.operator.endsWith("&") && !/^(?:\d+-?|-)$/.test(target.value))
    return uncertain("with & to a file is not analyzed")
  return { redirect, opaque: undefined }
}

// After a redirection or an assignment, Bash takes these words for programs, but other shells and parsers do not.
const reserved = new Set(
  "if then elif else fi case esac for select while until do done in function time coproc { } ! [[ ]]".split(" ")
)

const simpleOf = (
  node: Unbash.Command,
  dialect: Dialect,
  sourceOf: SourceOf,
  printed?: (argument: Unbash.CommandArgument) => Word | undefined,
  document?: Document
): Omit<Simple, "chain"> => {
  const words = [...(node.name === undefined ? [] : [node.name]), ...node.suffix].flatMap((child) =>
    child.type === "Word" || child.type === "Assignment" ? [printed?.(child) ?? argumentOf(child, sourceOf)] : []
  )
  const assignments = node.prefix.flatMap((child) =>
    child.type === "Assignment" ? [assignmentOf(child, sourceOf)] : []
  )
  const text = document !== undefined && takesText(words.map(({ value }) => value)) ? document : undefined
  const redirects = [...node.prefix, ...node.suffix].flatMap((child) =>
    child.type === "Word" || child.type === "Assignment" || child === text?.node
      ? []
      : [redirectOf(child, dialect, sourceOf)]
  )
  const unknownWord = words.find(({ value }) => value === undefined)
  const unknownVariable = assignments.find(({ value }) => value === undefined)
  return {
    source: words.map(({ source }) => source).join(" "),
    words,
    assignments,
    redirects: redirects.flatMap(({ redirect }) => redirect),
    input: [...node.prefix, ...node.suffix].flatMap((child) =>
      child.type === "HereDoc" ? [child.body.text] : child.type === "HereString" ? [child.target?.text ?? ""] : []
    ),
    ...(text === undefined ? {} : { document: text.input.body }),
    opaque:
      unknownWord !== undefined
        ? `${short(unknownWord.source)} is only known at run time`
        : unknownVariable !== undefined
          ? `the value of ${unknownVariable.name} is only known at run time`
          : node.name !== undefined && reserved.has(sourceOf(node.name))
            ? `${sourceOf(node.name)} is a reserved word of the shell`
            : redirects.find(({ opaque }) => opaque !== undefined)?.opaque
  }
}

const knownFields: { readonly [K in string]?: ReadonlyArray<string> } = {
  Script: ["commands", "shebang", "errors"],
  CompoundList: ["commands"],
  Statement: ["command", "background"],
  AndOr: ["commands", "operators"],
  Pipeline: ["prefixes", "commands", "operators"],
  Subshell: ["body"],
  BraceGroup: ["body"],
  Redirected: ["command", "redirects"],
  Command: ["name", "prefix", "suffix"],
  Redirect: ["operator", "descriptor", "target"]
}

const hasOnlyKnownFields = (node: Unbash.SyntaxNode): boolean => {
  const fields = knownFields[node.type]
  return (
    fields === undefined ||
    Object.keys(node).every((key) => ["type", "pos", "end"].includes(key) || fields.includes(key))
  )
}

const nameOf = (node: Unbash.SyntaxNode): string =>
  node.type.replace(/[A-Z]/g, (letter, at: number) => (at === 0 ? "" : " ") + letter.toLowerCase())

const blanks = /^(?:[ \t]|\\\n)*$/
// A comment extends to the end of its line. The pattern can match it in only one way, so there is no backtracking.
const afterCommands = /^(?:[ \t\n|&;]|\\\n|(?<![^\s|&;])#[^\n]*(?![^\n]))*$/
// `!` and `time` must be followed by a command: Bash also accepts them alone, but other shells and parsers do not.
const betweenCommands =
  /^(?:[ \t\n|&;]|\\\n|(?<![^\s|&;])#[^\n]*(?![^\n]))*(?:(?:!|time(?:[ \t]+-p)?)(?:[ \t]|\\\n)+)*$/

// Whether the pieces and the allowed text between them make up the whole script. Then the parser has missed no text, joined no
// two commands, and split none.
const isCovered = (script: string, pieces: ReadonlyArray<Piece>): boolean => {
  let previous: Piece | undefined
  for (const piece of pieces.toSorted((a, b) => a.pos - b.pos)) {
    const gap = script.slice(previous?.end ?? 0, piece.pos)
    if (previous?.of === piece.of && typeof piece.of === "number") {
      if (!blanks.test(gap)) return false
      // Digits right before a redirection are its descriptor, not a word.
      if (gap === "" && /^\d+$/.test(script.slice(previous.pos, previous.end))) return false
    } else {
      const needsOperator = previous !== undefined && previous.of !== "open" && piece.of !== "close"
      // A closing bracket is not a command, so `!` and `time` cannot stand before it.
      const allowed = piece.of === "close" ? afterCommands : betweenCommands
      if (!allowed.test(gap) || (needsOperator && !/[\n|&;]/.test(gap))) return false
    }
    previous = piece
  }
  return afterCommands.test(script.slice(previous?.end ?? 0))
}
