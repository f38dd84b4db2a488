import { describe, expect, it } from "@effect/vitest"
import { endsAlike, mayEnd, readInput, readPrinted } from "../src/internal/command/hereDocument.ts"
import { areStubs, generator, ran, shells, told } from "./hereDocuments.ts"
import { numbers } from "./numbers.ts"

const document = (body: string, opening = "'EOF'", close = ")") => `"$(cat <<${opening}\n${body}EOF\n${close}"`

describe("a word that is a here-document", () => {
  it("becomes its text without the line breaks at its end", () => {
    for (const [word, value] of [
      [document("a\n"), "a"],
      [document("a\n\nb\n\n\n"), "a\n\nb"],
      [document(""), ""],
      [document("\na\n"), "\na"],
      [document('it\'s "a" `b` $c \\\n'), 'it\'s "a" `b` $c \\'],
      [document("a\n", '"EOF"'), "a"],
      [document("a 'b' \"c\"\n", "EOF"), "a 'b' \"c\""],
      [document("a\n", " 'EOF' "), "a"],
      [document("a\n", "'EOF'", "\n \t)"), "a"]
    ]) {
      expect([word, readPrinted(word ?? "")?.value]).toEqual([word, value])
    }
  })

  it("is not told of anything else", () => {
    for (const word of [
      "",
      "a",
      '"$(cat)"',
      '"$(cat a)"',
      "\"$(cat <<'EOF'\n",
      "\"$(cat <<'EOF'\na\nEOF",
      "\"$(cat <<'EOF'\na\nEOF\n)",
      "\"$(cat <<'EOF'\na\nEOF\n)\" ",
      "\"$(cat <<'EOF'\na\nEOF\n)b\"",
      "a\"$(cat <<'EOF'\na\nEOF\n)\"",
      "\"a$(cat <<'EOF'\na\nEOF\n)\"",
      "$(cat <<'EOF'\na\nEOF\n)",
      "\"$(cat <<'EOF'\na\nEOF\nid)\"",
      "\"$(cat <<'EOF'\na\nEOF)\"",
      "\"$(cat <<'EOF' b\na\nEOF\n)\"",
      "\"$(catx <<'EOF'\na\nEOF\n)\"",
      "\"$(cat<<'E F'\na\nE F\n)\"",
      '"$(cat <<\'EOF"\na\nEOF\n)"',
      "\"$(cat <<-'EOF'\n\ta\n\tEOF\n)\"",
      document("EOF )\n"),
      document(" EOF\n"),
      document("\tEOF\n"),
      document("EOFa\n"),
      document("$a\n", "EOF"),
      document("`a`\n", "EOF"),
      document("\\a\n", "EOF")
    ]) {
      expect([word, readPrinted(word)]).toEqual([word, undefined])
    }
  })

  it("has no line that only begins like its end", () => {
    for (const line of ["EOF", "EOF)", " EOF", "\tEOF x"]) expect(mayEnd(line, "EOF")).toBe(true)
    for (const line of ["", "a", "a EOF", "EO"]) expect(mayEnd(line, "EOF")).toBe(false)
  })

  it("hides no bracket and shows none, for a shell that counts those in it", () => {
    const rest = '" && git status'
    for (const text of [
      "",
      "a",
      "(a)",
      "fix (#12)",
      "a (b) (c)",
      "it's",
      '"',
      "`a`",
      "\\",
      "$",
      "(",
      "# a",
      "a(b#c)"
    ]) {
      expect([text, endsAlike(text, rest)]).toEqual([text, true])
    }
    for (const text of [
      ")",
      "(a))",
      "\\(a)",
      "$(a)",
      "('a)",
      "(a`)",
      "( #)",
      "(a #b)",
      "(\n)",
      "it's (a')",
      "E\\\nOF",
      "$'\\nEOF\\n'",
      '$"a"'
    ]) {
      expect([text, endsAlike(text, rest)]).toEqual([text, false])
    }
    for (const text of ["'", '"', "`", "\\", "$", "("]) {
      expect([text, endsAlike(text, `${rest} -m ')'`)]).toEqual([text, false])
    }
    expect(endsAlike("a (b)", ")")).toBe(true)
  })
})

describe("the input of a program", () => {
  const read = (script: string) => readInput(script, script.indexOf("<<"))

  it("is the here-document from the next line on, with where it stands", () => {
    const script = "a <<'EOF' && b\nc\n\nd\nEOF\ne"
    const found = read(script)
    expect(found).toEqual({ delimiter: "EOF", body: "c\n\nd\n", operatorEnd: 9, start: 15, end: 23 })
    expect(script.slice(found?.start, found?.end)).toBe("c\n\nd\nEOF")
    for (const [script, body] of [
      ["a <<'EOF'\nEOF", ""],
      ['a << "EOF"\n$b `c` \\\nEOF\n', "$b `c` \\\n"],
      ["a <<\tEOF;b\n'c' \"d\"\nEOF", "'c' \"d\"\n"],
      ["a <<EOF>b\nc\nEOF", "c\n"]
    ] as const) {
      expect([script, read(script)?.body]).toEqual([script, body])
    }
  })

  it("is not told of anything else", () => {
    for (const script of [
      "a <<'EOF'",
      "a <<'EOF'\n",
      "a <<'EOF'\nb",
      "a <<'EOF'\nb\nEOFb\nEOF",
      "a <<'EOF'\nb\n EOF\nEOF",
      "a <<'EOF'\nb\nEOF \n",
      "a <<'EOF'b\nc\nEOFb",
      "a <<'E F'\nb\nE F",
      "a <<-'EOF'\nb\nEOF",
      "a <<<'EOF'\nb\nEOF",
      "a <<\\EOF\nb\nEOF",
      "a <<EOF\n$b\nEOF",
      "a <<EOF\n`b`\nEOF",
      "a <<EOF\nb\\\nEOF",
      "a <<EOF"
    ]) {
      expect([script, read(script)]).toEqual([script, undefined])
    }
    expect(readInput("a <<'EOF'\nb\nEOF", 1)).toBe(undefined)
  })
})

describe("commits with here-documents", () => {
  it("run in every shell what the analysis told, or less", { timeout: 120_000 }, () => {
    const next = generator(numbers(1))
    let certain = 0
    let same = 0
    for (let line = 0; line < 120; line++) {
      const script = next()
      for (const shell of shells) {
        const expected = told(script, shell)
        if (expected === undefined) continue
        certain++
        const found = ran(script, shell)
        if (found.length === expected.length || !areStubs(expected)) same++
        expect([script, shell, found]).toEqual([script, shell, expected.slice(0, found.length)])
      }
    }
    expect(certain).toBeGreaterThan(60)
    expect(same).toBe(certain)
  })
})
