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
  return reading._tag === "Read" ? show(reading.node) : `refused: ${reading.reason}`
}

const holds = (table: ReadonlyArray<readonly [script: string, expected: string]>, dialect: Dialect = "bash") => {
  expect(table.map(([script]) => [script, read(script, dialect)])).toEqual(table)
}

const refuses = (table: ReadonlyArray<readonly [script: string, reason: string]>, dialect: Dialect = "bash") => {
  holds(
    table.map(([script, reason]) => [script, `refused: ${reason}`]),
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
      ["", "there is a list without a command"],
      ["a &", "a command in the background is not looked through"],
      ["a & b", "a command in the background is not looked through"],
      ["a;; b", ";; is not looked through"],
      ["; a", "there is no command where one is expected"],
      ["a ;; b", ";; is not looked through"],
      ["a &&", "there is no command where one is expected"],
      ["a |", "there is no command where one is expected"],
      ["()", "there is a list without a command"],
      ["(a", ") is expected and not there"],
      ["a)", "there is no command where one is expected"],
      ["{ a", "} is expected and not there"],
      ["{ a; } b", "what follows a compound command is not looked through"],
      ["(a)b", "what follows a compound command is not looked through"],
      ["((1))", "arithmetic is not looked through"],
      ["a $((1))", "arithmetic is not looked through"],
      ["case a in b) c;; esac", "case is not looked through"],
      ["function a { b; }", "function is not looked through"],
      ["select a in b; do c; done", "select is not looked through"],
      ["coproc a", "coproc is not looked through"],
      ["then", "then is not looked through"],
      ["repeat 2 a", "repeat is not looked through"],
      ["export a=b", "export is not looked through"],
      ["declare a", "declare is not looked through"],
      ["a=b export c", "export is a word of the shell"],
      ["> a if", "if is a word of the shell"],
      ["a() { b; }", '"(" in a word is not looked through'],
      ["if a; b; fi", "fi is not looked through"],
      ["if a", "then is expected and not there"],
      ["if a; then b", "fi is expected and not there"],
      ["if a; then fi", "there is a list without a command"],
      ["while a; b; done", "done is not looked through"],
      ["while a", "do is expected and not there"],
      ["while a; do b", "done is expected and not there"],
      ["for x do a; done", "a for over arguments is not looked through"],
      ["for ((;;)); do a; done", "a for of another form is not looked through"],
      ["for 1 in a; do b; done", "a for of another form is not looked through"],
      ["for x in a; b; done", "do is expected and not there"],
      ["[[ a < b ]]", "a test of this form is not looked through"],
      ["[[ (a) ]]", "a test of this form is not looked through"],
      ["[[ a\n]]", "a test of this form is not looked through"],
      ["[[ a", "a test of this form is not looked through"],
      ["! ", "! is followed by no command"],
      ["!", "! is followed by no command"],
      ["! ; a", "! is followed by no command"],
      ["time | a", "time is followed by no command"],
      ["time -p a", "time with an option is not looked through"],
      ["a | ! b", "! and time within a pipeline are not looked through"],
      ["a | time b", "! and time within a pipeline are not looked through"]
    ])
    expect(read("( ".repeat(19) + "a" + ")".repeat(19))).toBe("(".repeat(19) + "a" + ")".repeat(19))
    expect(read("( ".repeat(20) + "a" + ")".repeat(20))).toBe("refused: it is nested too deep")
  })

  it("words that are more than they seem", () => {
    refuses([
      ["a {b,c}", '"{" in a word is not looked through'],
      ["a b{1..2}", '"{" in a word is not looked through'],
      ["a ~", '"~" in a word is not looked through'],
      ["a /~", '"~" in a word is not looked through'],
      ["a `b`", '"`" in a word is not looked through'],
      ['a "`b`"', "a backquote is not looked through"],
      ["a é", '"é" in a word is not looked through'],
      ["a $'b'", "an expansion of this form is not looked through"],
      ["a ${b:-c}", "an expansion of this form is not looked through"],
      ["a $1", "an expansion of this form is not looked through"],
      ["a $b[1]", "an expansion of this form is not looked through"],
      ["a $b:h", "an expansion of this form is not looked through"],
      ['a "${b}[1]"', "an expansion of this form is not looked through"],
      ["a 'b", "a quote has no end"],
      ['a "b', "a quote has no end"],
      ['a "b\\', "a quote has no end"],
      ['a "é\\"', "a backslash behind this is not looked through"],
      ["a b\\", "a backslash before this is not looked through"],
      ["a \\é", "a backslash before this is not looked through"],
      ["a [!b]", "a pattern of this form is not looked through"],
      ["a [b", "a pattern of this form is not looked through"],
      ["a ^", '"^" in a word is not looked through'],
      ["a b<(c)", '"<" in a word is not looked through'],
      ["a\u0001", "it has a character that is not looked through"],
      ["a\r", "it has a character that is not looked through"],
      ["a\ue000", "it has a character that is not looked through"]
    ])
  })

  it("redirections and here-documents that shells read in several ways", () => {
    refuses([
      ["a >", "a word is expected and not there"],
      ["a 12> b", "a descriptor of two digits is not looked through"],
      ["a >| b", "a redirection of this form is not looked through"],
      ["a &> b", "a command in the background is not looked through"],
      ["a <> b", "a redirection of this form is not looked through"],
      ["a <<E", "a here-document has no end"],
      ["a <<E\nb", "a here-document has no end"],
      ["a <<E\nEx\nE", "a here-document may end elsewhere"],
      ["a <<E\n E\nE", "a here-document may end elsewhere"],
      ["a <<E\n$b\nE", "a here-document is not plain text"],
      ["a <<E\n`b`\nE", "a here-document is not plain text"],
      ["a <<E\n\\b\nE", "a here-document is not plain text"],
      ["a <<$E\n", "the end of a here-document is not looked through"],
      ["a <<'E'x\nE", "the end of a here-document is not looked through"],
      ["(a <<E)\nE", "a here-document has no end"],
      ["a <<E $(b)\nE", "a here-document begins before a substitution"],
      ["a $(b # ')\n)'", "a substitution may end elsewhere"],
      ["a \"$(cat <<'E'\n)\nE\n)\"", "a substitution may end elsewhere"]
    ])
  })

  it("in sh and in zsh what is something else there", () => {
    refuses(
      [
        ["time a", "time is something else in sh"],
        ["a |& b", "|& is something else in sh"],
        ["[[ a ]]", "[[ is something else in sh"],
        ["a <<< b", "<<< is something else in sh"],
        ["a <(b)", '"<" in a word is not looked through']
      ],
      "sh"
    )
    refuses(
      [
        ["a =b", "= at the beginning of a word is something else in zsh"],
        ["time time a", "zsh reads the words after time in another way"],
        ["a x{}", '"{" in a word is not looked through'],
        ["a b^", '"^" in a word is not looked through'],
        ["a b~c", '"~" in a word is not looked through'],
        ["a b~1c", '"~" in a word is not looked through'],
        ["a ~1", '"~" in a word is not looked through']
      ],
      "zsh"
    )
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
