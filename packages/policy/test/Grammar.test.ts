/** The narrow grammar for scripts that may be accepted: what it takes, and why it refuses the rest. */
import { describe, expect, it } from "@effect/vitest"
import {
  type Dialect,
  type Node,
  parse,
  type ScriptRedirect,
  type ScriptWord
} from "../src/internal/command/grammar.ts"

const wordOf = ({ pieces }: ScriptWord): string =>
  pieces
    .map((piece) => {
      switch (piece._tag) {
        case "Text":
          return piece.value
        case "Glob":
          return `<${piece.char}>`
        case "Variable":
          return piece.quoted ? `<"${piece.name}">` : `<${piece.name}>`
        case "Command":
          return piece.quoted ? `<"(${show(piece.body)})">` : `<(${show(piece.body)})>`
        case "Process":
          return `<<(${show(piece.body)})>`
      }
    })
    .join("")

const redirectsOf = (redirects: ReadonlyArray<ScriptRedirect>) =>
  redirects.map(({ descriptor, operator, target }) => `${descriptor}${operator}${wordOf(target)}`)

const show = (node: Node): string => {
  switch (node._tag) {
    case "Simple":
      return [
        ...node.assignments.map(({ name, value }) => `${name}=${wordOf(value)}`),
        ...node.words.map(wordOf),
        ...redirectsOf(node.redirects)
      ].join(" ")
    case "List":
      return node.commands.map(show).join("; ")
    case "Chain":
      return node.commands.map((child, at) => (at === 0 ? "" : ` ${node.operators[at - 1]} `) + show(child)).join("")
    case "Pipeline":
      return node.commands.map(show).join(" | ")
    case "Group":
      return node.subshell ? `(${show(node.body)})` : `{ ${show(node.body)} }`
    case "For":
      return `for ${node.name} in ${node.words.map(wordOf).join(" ")} do ${show(node.body)} done`
    case "While":
      return `while ${show(node.test)} do ${show(node.body)} done`
    case "If":
      return `if ${node.lists.map(show).join(" / ")} fi`
    case "Test":
      return `[[ ${node.words.map(wordOf).join(" ")} ]]`
    case "Redirected":
      return [`{${show(node.body)}}`, ...redirectsOf(node.redirects)].join(" ")
  }
}

const read = (script: string, dialect: Dialect = "bash"): string => {
  const reading = parse(script, dialect)
  if (reading._tag === "Read") return show(reading.node)
  return reading.reason === "" ? "no reason" : "refused"
}

const holds = (table: ReadonlyArray<readonly [script: string, expected: string]>, dialect: Dialect = "bash") => {
  expect(table.map(([script]) => [script, read(script, dialect)])).toEqual(table)
}

const refuses = (scripts: ReadonlyArray<string>, dialect: Dialect = "bash") => {
  holds(
    scripts.map((script) => [script, "refused"]),
    dialect
  )
}

describe("the grammar takes", () => {
  it("commands in lists, chains, pipelines and groups", () => {
    holds([
      ["a b", "a b"],
      [" a\tb ; c\n\nd;", "a b; c; d"],
      ["a && b || c", "a && b || c"],
      ["a &&\n b", "a && b"],
      ["a | b |\nc", "a | b | c"],
      ["a |& b", "a | b"],
      ["! a", "a"],
      ["! ! a", "a"],
      ["time a | b", "a | b"],
      ["(a; b)", "(a; b)"],
      ["{ a; b; }", "{ a; b }"],
      ["{ a\n}", "{ a }"],
      ["a \\\n b", "a b"],
      ["a # b\nc", "a; c"],
      ["# a\nb", "b"],
      ["a;#b\nc", "a; c"],
      ["(#x\na)", "(a)"],
      ["a b#c", "a b#c"],
      ["a=b", "a=b"],
      ["a= b", "a= b"],
      ["a=b c=d e f=g", "a=b c=d e f=g"]
    ])
  })

  it("loops, branches and tests", () => {
    holds([
      ["for x in a b; do c; done", "for x in a b do c done"],
      ["for x in a *\ndo c\ndone", "for x in a <*> do c done"],
      ["for x in; do c; done", "for x in  do c done"],
      ["while a; do b; done", "while a do b done"],
      ["until a\ndo b; done", "while a do b done"],
      ["if a; then b; fi", "if a / b fi"],
      ["if a; then b; elif c; then d; else e; fi", "if a / b / c / d / e fi"],
      ["[[ -f a ]]", "[[ -f a ]]"],
      ["[[ a = b && ! c || d ]]", "[[ a = b && ! c || d ]]"],
      ["[[ $x == a* ]]", "[[ <x> == a<*> ]]"],
      ["if a; then b; fi > c | d", "{if a / b fi} >c | d"],
      ["{ a; } < b 2> c; d", "{{ a }} <b 2>c; d"],
      ["(a) && b", "(a) && b"]
    ])
  })

  it("words of plain characters, quotes, variables, patterns and substitutions", () => {
    holds([
      ["a 'b c' \"d e\" f'g'\"h\"", "a b c d e fgh"],
      ["a \"\" ''", "a  "],
      ["a \\$b \\ c \\'", "a $b  c '"],
      ['a "\\$b \\` \\" \\\\ \\n \\\nc"', 'a $b ` " \\ \\n c'],
      ['a $b ${c} $? "$d" "${e}f"', 'a <b> <c> <?> <"d"> <"e">f'],
      ['a "$" "b$ c" "$|$/$)"', "a $ b$ c $|$/$)"],
      ["a * b? [cd] x[0-9_.]y", "a <*> b<?> <*> x<*>y"],
      ['a $(b c) "$(d)"', 'a <(b c)> <"(d)">'],
      ["a <(b)", "a <<(b)>"],
      ["a {} [ ! {}", "a {} [ ! {}"],
      ["a x{} {}y", "a x{} {}y"],
      ["a HEAD~1 b^ c@{1} d^{e} f@{-1}", "a HEAD~1 b^ c@{1} d^{e} f@{-1}"],
      ["a a_@%+=:,./]-1", "a a_@%+=:,./]-1"],
      ["a =b", "a =b"]
    ])
  })

  it("redirections and here-documents", () => {
    holds([
      ["a < b > c >> d 2>&1 <&0 <<< e", "a <b >c >>d 2>&1 <&0 <<<e"],
      ["> a b", "b >a"],
      ["a<b", "a <b"],
      ["a <<E\nb\nE\nc", "a; c"],
      ["a <<'E' | b\n$x\nE\n", "a | b"],
      ['a <<"E x"\n`b`\nE x', "a"],
      ["a <<-E\n\tb\n\tE\nc", "a; c"],
      ["a <<E <<F\nE\nF\nb", "a; b"],
      ["echo \"$(cat <<'E'\nx\nE\n)\"", 'echo <"(cat)">']
    ])
  })

  it("in zsh what it reads alike", () => {
    holds(
      [
        ["a && b | c", "a && b | c"],
        ["a HEAD~1", "a HEAD~1"],
        ["a x~12 b", "a x~12 b"],
        ["[[ a == =b ]]", "[[ a == =b ]]"],
        ["a c@{1}", "a c@{1}"],
        ["a <(b)", "a <<(b)>"]
      ],
      "zsh"
    )
    holds(
      [
        ["a HEAD~1 b^", "a HEAD~1 b^"],
        ["a {}", "a {}"]
      ],
      "sh"
    )
  })
})

describe("the grammar refuses", () => {
  it("what it does not look through", () => {
    refuses([
      "",
      "a &",
      "a & b",
      "a;; b",
      "; a",
      "a ;; b",
      "a &&",
      "a |",
      "()",
      "(a",
      "a)",
      "{ a",
      "{ a; } b",
      "(a)b",
      "((1))",
      "a $((1))",
      "case a in b) c;; esac",
      "function a { b; }",
      "select a in b; do c; done",
      "coproc a",
      "then",
      "repeat 2 a",
      "export a=b",
      "declare a",
      "a=b export c",
      "> a if",
      "a() { b; }",
      "if a; b; fi",
      "if a",
      "if a; then b",
      "if a; then fi",
      "while a; b; done",
      "while a",
      "while a; do b",
      "for x do a; done",
      "for ((;;)); do a; done",
      "for 1 in a; do b; done",
      "for x in a; b; done",
      "[[ a < b ]]",
      "[[ (a) ]]",
      "[[ a\n]]",
      "[[ a",
      "! ",
      "!",
      "! ; a",
      "time | a",
      "time -p a",
      "a | ! b",
      "a | time b"
    ])
    expect(read("( ".repeat(19) + "a" + ")".repeat(19))).toBe("(".repeat(19) + "a" + ")".repeat(19))
    expect(read("( ".repeat(20) + "a" + ")".repeat(20))).toBe("refused")
  })

  it("words that are more than they seem", () => {
    refuses([
      "a {b,c}",
      "a b{1..2}",
      "a ~",
      "a /~",
      "a `b`",
      'a "`b`"',
      "a é",
      "a $'b'",
      "a ${b:-c}",
      "a $1",
      "a $b[1]",
      "a $b:h",
      'a "${b}[1]"',
      "a 'b",
      'a "b',
      'a "b\\',
      'a "é\\"',
      "a b\\",
      "a \\é",
      "a [!b]",
      "a [b",
      "a ^",
      "a b<(c)",
      "a\u0001",
      "a\r",
      "a\ue000"
    ])
  })

  it("redirections and here-documents that shells read in several ways", () => {
    refuses([
      "a >",
      "a 12> b",
      "a >| b",
      "a &> b",
      "a <> b",
      "a <<E",
      "a <<E\nb",
      "a <<E\nEx\nE",
      "a <<E\n E\nE",
      "a <<E\n$b\nE",
      "a <<E\n`b`\nE",
      "a <<E\n\\b\nE",
      "a <<$E\n",
      "a <<'E'x\nE",
      "(a <<E)\nE",
      "a <<E $(b)\nE",
      "a $(b # ')\n)'",
      "a \"$(cat <<'E'\n)\nE\n)\""
    ])
  })

  it("in sh and in zsh what is something else there", () => {
    refuses(["time a", "a |& b", "[[ a ]]", "a <<< b", "a <(b)"], "sh")
    refuses(["a =b", "time time a", "a x{}", "a b^", "a b~c", "a b~1c", "a ~1"], "zsh")
  })
})

describe("the grammar tells of the commands in a script", () => {
  it("all of them, also those in substitutions", () => {
    const reading = parse('a "$(b)"; for x in $(c); do d; done | e <(f)', "bash")
    const commands = reading._tag === "Read" ? reading.commands : []
    expect(commands.map(({ words }) => words[0]?.source).toSorted()).toEqual(["a", "b", "c", "d", "e", "f"])
    expect(commands.find(({ words }) => words[0]?.source === "a")?.words[1]?.source).toBe('"$(b)"')
  })
})
