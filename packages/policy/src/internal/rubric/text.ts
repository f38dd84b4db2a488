/**
 * Parses the text of a file into a value, with the line number of each part.
 *
 * Text that two parsers could read differently is refused: duplicate keys, and YAML's anchors, aliases, merge keys and tags.
 * It knows nothing about rubrics.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Toml from "effect/encoding/Toml"
import * as Yaml from "yaml"

export interface Problem {
  readonly description: string
  readonly line?: number
}

export interface Read {
  readonly value: unknown
  /** The line of the value at this path, from 1; `undefined` if the parser of the format does not report lines. */
  readonly lineOf: (path: ReadonlyArray<PropertyKey>) => number | undefined
}

type Problems = readonly [Problem, ...Array<Problem>]

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const problem = (description: string, line: number | undefined): Problem =>
  line === undefined ? { description } : { description, line }

const toml = (text: string): Result.Result<Read, Problems> =>
  Toml.parse(text).pipe(
    Result.map((value) => ({ value, lineOf: () => undefined })),
    Result.mapError(({ message }): Problems => {
      const place = / at line (\d+), column \d+$/.exec(message)
      return place === null ? [{ description: message }] : [problem(message.slice(0, place.index), Number(place[1]))]
    })
  )

// JSON is also YAML: the YAML parser finds line numbers and duplicate keys, and `JSON.parse` the other errors.
const json = (text: string): Result.Result<Read, Problems> =>
  Result.flatMap(document(text), (document) =>
    Result.try({
      // An empty text is null, as in YAML.
      try: (): unknown => (text.trim() === "" ? null : JSON.parse(text)),
      catch: (cause): Problems => [problem(`this is not JSON: ${messageOf(cause)}`, firstErrorOf(document)?.line)]
    }).pipe(
      Result.flatMap((value): Result.Result<Read, Problems> => {
        const error = firstErrorOf(document)
        return error === undefined ? Result.succeed({ value, lineOf: lineOf(document) }) : Result.fail([error])
      })
    )
  )

const yaml = (text: string): Result.Result<Read, Problems> =>
  Result.flatMap(document(text), (document): Result.Result<Read, Problems> => {
    const error = firstErrorOf(document)
    if (error !== undefined) return Result.fail([error])
    const [first, ...others] = unwelcome(document)
    return first === undefined
      ? Result.try({
          try: (): Read => ({ value: document.parsed.toJS(), lineOf: lineOf(document) }),
          catch: (cause): Problems => [{ description: messageOf(cause) }]
        })
      : Result.fail([first, ...others])
  })

interface Document {
  readonly parsed: Yaml.Document.Parsed
  readonly lines: Yaml.LineCounter
}

// The YAML parser throws if the nesting of a text overflows the stack.
const document = (text: string): Result.Result<Document, Problems> =>
  Result.try({
    try: () => {
      const lines = new Yaml.LineCounter()
      const parsed = Yaml.parseDocument(text, {
        lineCounter: lines,
        // With "silent", a second document would not be reported.
        logLevel: "error",
        merge: false,
        prettyErrors: false,
        schema: "core",
        strict: true,
        stringKeys: true,
        uniqueKeys: true,
        version: "1.2"
      })
      return { parsed, lines }
    },
    catch: (cause): Problems => [{ description: messageOf(cause) }]
  })

const firstErrorOf = ({ lines, parsed }: Document): Problem | undefined => {
  const error = parsed.errors[0] ?? parsed.warnings[0]
  if (error === undefined) return undefined
  const description =
    error.code === "DUPLICATE_KEY"
      ? "this key is a duplicate"
      : error.code === "MULTIPLE_DOCS"
        ? "this is a second document: a file holds one rubric"
        : error.message
  return { description, line: lines.linePos(error.pos[0]).line }
}

const unwelcome = ({ lines, parsed }: Document): ReadonlyArray<Problem> => {
  const found: Array<Problem> = []
  const at = (node: Yaml.Node, description: string) =>
    found.push(problem(description, node.range == null ? undefined : lines.linePos(node.range[0]).line))
  Yaml.visit(parsed, {
    Alias: (_, node) => void at(node, "YAML aliases are not used here: write it out"),
    Value: (_, node) => {
      if (node.anchor !== undefined) at(node, "YAML anchors are not used here: write it out")
      if (node.tag !== undefined) at(node, "YAML tags are not used here")
    },
    Pair: (_, { key }) => {
      if (Yaml.isScalar(key) && key.value === "<<") at(key, "YAML merge keys are not used here: write it out")
    }
  })
  return found
}

const lineOf =
  ({ lines, parsed }: Document): Read["lineOf"] =>
  (path) => {
    let node: unknown = parsed.contents
    let offset = Yaml.isNode(node) ? node.range?.[0] : undefined
    for (const step of path) {
      if (Yaml.isMap(node)) {
        const pair = node.items.find(({ key }) => Yaml.isScalar(key) && key.value === step)
        if (pair === undefined) break
        if (Yaml.isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
        node = pair.value
      } else if (Yaml.isSeq(node) && Predicate.isNumber(step)) {
        node = node.items[step]
        if (Yaml.isNode(node)) offset = node.range?.[0] ?? offset
      } else break
    }
    return offset === undefined ? undefined : lines.linePos(offset).line
  }

const readers = { json, yaml, toml }

/** Parses a text, without its byte order mark. */
export const read = (text: string, format: keyof typeof readers): Result.Result<Read, Problems> =>
  readers[format](text.replace(/^\uFEFF/, ""))
