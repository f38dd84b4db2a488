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
      if (node.commands.length === 1) return "a chain of one"
      return node.commands.map((child, at) => (at === 0 ? "" : ` ${node.operators[at - 1]} `) + show(child)).join("")
    case "Pipeline":
      if (node.commands.length === 1) return "a pipeline of one"
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
  return reading._tag === "Refused" && reading.reason !== "" ? "refused" : "no reason"
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
      ["a|b", "a | b"],
      ["a |& b", "a | b"],
      ["! a", "a"],
      ["! ! a", "a"],
      ["time a | b", "a | b"],
      ["time time a", "a"],
      ["(a; b)", "(a; b)"],
      ["{ a; b; }", "{ a; b }"],
      ["{ a\n}", "{ a }"],
      ["a \\\n b", "a b"],
      ["a # b\nc", "a; c"],
      ["# a\nb", "b"],
      ["a;#b\nc", "a; c"],
      ["(#x\na)", "(a)"],
      ["a # b", "a"],
      ["a b#c", "a b#c"],
      ["./if a", "./if a"],
      ["(a); ".repeat(25), Array.from({ length: 25 }, () => "(a)").join("; ")],
      ["a=b", "a=b"],
      ["a= b", "a= b"],
      ["a=", "a="],
      ["a=b c=d e f=g", "a=b c=d e f=g"]
    ])
  })

  it("loops, branches and tests", () => {
    holds([
      ["for x in a b; do c; done", "for x in a b do c done"],
      ["for x_1 in a; do b; done", "for x_1 in a do b done"],
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
      ['a "~\\n"', "a ~\\n"],
      ['a "\\$b \\` \\" \\\\ \\n \\\nc"', 'a $b ` " \\ \\n c'],
      ['a $b ${c} $? "$d" "${e}f"', 'a <b> <c> <?> <"d"> <"e">f'],
      ['a "$" "b$ c" "$|$/$)"', "a $ b$ c $|$/$)"],
      ["a ${bc}", "a <bc>"],
      ["a * b? [cd] x[0-9_.]y", "a <*> b<?> <*> x<*>y"],
      ['a $(b c) "$(d)"', 'a <(b c)> <"(d)">'],
      ["a <(b)", "a <<(b)>"],
      ["a {} [ ! {}", "a {} [ ! {}"],
      ["a [; b !; c {}; d [", "a [; b !; c {}; d ["],
      ["a !", "a !"],
      ["a x{} {}y", "a x{} {}y"],
      ["a HEAD@{12} HEAD~ b~c", "a HEAD@{12} HEAD~ b~c"],
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
      ["a <<-E\nb\n\t\tE\nc", "a; c"],
      ["a <<'EOF'\nb\nEOF", "a"],
      ["a <<EOF\nb\nEOF", "a"],
      ["if a <<E; then\nb\nE\nc; fi", "if a / c fi"],
      ["a <<E; for x in b\nc\nE\ndo d; done", "a; for x in b do d done"],
      ["a <<E <<F\nE\nF\nb", "a; b"],
      ["echo \"$(cat <<'E'\nx\nE\n)\"", 'echo <"(cat)">']
    ])
  })

  it("in zsh what it reads alike", () => {
    holds(
      [
        ["a && b | c", "a && b | c"],
        ["time a", "a"],
        ["! ! a", "a"],
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
        ["a | b", "a | b"],
        ["a < b > c", "a <b >c"],
        ["! a", "a"],
        ["a {}", "a {}"]
      ],
      "sh"
    )
  })
})

describe("the grammar reads whole", () => {
  it("names and words, however long they are", () => {
    const long = "x".repeat(200)
    holds([
      [`a $${long} "\${${long}}"`, `a <${long}> <"${long}">`],
      [`${long}=a b`, `${long}=a b`],
      [`for ${long} in a; do b; done`, `for ${long} in a do b done`],
      [`a [${long}]`, "a <*>"],
      [`a b@{${long}}`, `a b@{${long}}`],
      [`a <<${long}\nb\n${long}\nc`, "a; c"],
      [`a <<${long}\nb\n${long.slice(1)}\nc`, "refused"],
      [`a ${"1".repeat(20)}> b`, "refused"]
    ])
    refuses(["a b~12345c", "a b~123456c"], "zsh")
  })

  it("the pieces of a word, and what it is written as", () => {
    const reading = parse("a= b'c'\"d\" [", "bash")
    expect(reading._tag === "Read" ? reading.commands : reading).toEqual([
      {
        _tag: "Simple",
        assignments: [{ name: "a", value: { source: "", pieces: [] } }],
        words: [
          { source: "b'c'\"d\"", pieces: [{ _tag: "Text", value: "bcd" }] },
          { source: "[", pieces: [{ _tag: "Text", value: "[" }] }
        ],
        redirects: []
      }
    ])
  })

  it("comments and here-documents where a substitution ends", () => {
    holds([
      ["a $(b # c\n)", "a <(b)>"],
      ["a $(b # it's\n)", "a <(b)>"],
      ["a $(b # it's\n) $(c)", "refused"],
      ["# )\na $(b)", "a <(b)>"]
    ])
  })
})

describe("the grammar refuses", () => {
  it("with a reason that names the syntax", () => {
    const reasons = [
      ["a & b", "a command in the background is not analyzed"],
      ["a;; b", ";; is not analyzed"],
      ["a | ! b", "! is not analyzed"],
      ["! ;", "there is no command where one is expected"],
      ["{ a; } b", "the text between its commands is not analyzed"],
      ["(a", ") is missing"],
      ["a 'b", "a quote has no end"],
      ["a 12> b", "a descriptor of two digits is not analyzed"],
      ["a >", "a word is missing"],
      ["a <<E", "the end of a here-document is not analyzed"],
      ["a <<E ", "a here-document has no end"],
      ["a <<E\nb", "a here-document has no end"]
    ] as const
    for (const [script, reason] of reasons) {
      expect([script, parse(script, "bash")]).toEqual([script, { _tag: "Refused", reason }])
    }
  })

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
      "(a b)#c",
      "(a)\u00a0b",
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
      "for x of a; do b; done",
      "[[ a < b ]]",
      "[[ (a) ]]",
      "[[ a <(b) ]]",
      "[[ a\n]]",
      "[[ a",
      "! ",
      "!",
      "! ; a",
      "!(a)",
      "time(a)",
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
      'a "é\\n"',
      "a b\\",
      "a \\é",
      "a [!b]",
      "a [b",
      "a [!b][c]",
      "a x{1}",
      "a @ x{1}",
      "a @x{1}",
      "a b}",
      "a /~c",
      "a=#b",
      "a 'b\u0001'",
      "a 'b\r'",
      'a "\ue000"',
      "a # \u007f",
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
      "a ><(b)",
      "a >>(b)",
      "a <<<(b)",
      "a >#b",
      "a > ;",
      "a <> b",
      "a <<E",
      "a <<E\nb",
      "a <<E\nEx\nE",
      "a <<E\n E\nE",
      "a <<E\n\tE\nE",
      "a <<-E\nb\nE\t\nE",
      "a <<E\n$b\nE",
      "a <<E\n`b`\nE",
      "a <<E\n\\b\nE",
      "a <<$E\n",
      "a <<$E\nb\nE",
      "a <<E $(b\nE\n)",
      "a <<'E'x\nE",
      "(a <<E)\nE",
      "a <<E $(b)\nE",
      "a $(b # ')\n)'",
      "a \"$(cat <<'E'\n)\nE\n)\""
    ])
  })

  it("in sh and in zsh what is something else there", () => {
    refuses(["time a", "a |& b", "[[ a ]]", "a <<< b", "a <(b)"], "sh")
    refuses(["a =b", "time time a", "a x{}", "a b^", "a b~c", "a b~1c", "a b~c~1", "a ~1"], "zsh")
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
