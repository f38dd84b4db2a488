/** What a command line is taken apart into: what runs for certain, and what may run. */
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { describe, expect, it } from "@effect/vitest"
import { wrapped } from "./rulesSupport.ts"

const partsOf = (command: string): ReadonlyArray<ShellCommand.Part> => {
  const parsed = ShellCommand.parse(command)
  if (parsed._tag === "Unparseable") throw new Error(`${command}: ${parsed.reason}`)
  return parsed.parts
}

/** Each part as its words and redirections, with a question mark before those that may run, or not. */
const read = (command: string): string => {
  const parsed = ShellCommand.parse(command)
  if (parsed._tag === "Unparseable") return parsed.reason === "" ? "no reason" : "not read"
  return parsed.parts
    .map(
      ({ assignments, opaque, redirects, words }) =>
        (opaque === undefined ? "" : "?") +
        [
          ...assignments.map(({ name, value }) => `${name}=${value ?? "<>"}`),
          ...words.map(({ source, value }) => value ?? `<${source}>`),
          ...redirects.map(({ operator, target }) => operator + (target.value ?? `<${target.source}>`))
        ].join(" ")
    )
    .join(" | ")
}

const holds = (table: ReadonlyArray<readonly [command: string, expected: string]>) => {
  expect(table.map(([command]) => [command, read(command)])).toEqual(table)
}

const opaqueOf = (command: string) => partsOf(command).map(({ opaque }) => opaque)

describe("a command line that is certain", () => {
  it("has the commands of its lists, pipelines and groups", () => {
    holds([
      ["a b", "a b"],
      ["a; b\nc && d || e | f", "a | b | c | d | e | f"],
      ["(a; b) && { c; }", "a | b | c"],
      ["a 'b c' \"d\" \\e", "a b c d e"],
      ["! a", "a"],
      ["time a", "a"],
      ["time -p a; b", "a | b"],
      ["a # b", "a"],
      ["# a\n! b", "b"],
      ["a # x\ntime b", "a | b"],
      ["a \\\n b", "a b"],
      ["A=1 B= a", "A=1 B= a"],
      ["A=1", "A=1"],
      ["a A=1", "a A=1"],
      ["a > b 2>> c < d 2>&1 >&-", "a >b 2>>c <d 2>&1 >&-"],
      ["> a b", "b >a"],
      ["[ -f a ]", "[ -f a ]"],
      ["git commit -m \"$(cat <<'E'\na b\nE\n)\"", "cat | git commit -m a b"]
    ])
    expect(opaqueOf("a; b && c")).toEqual([undefined, undefined, undefined])
    expect(partsOf("a  b;c").map(({ source }) => source)).toEqual(["a  b", "c"])
  })

  it("is that of the shell that runs it", () => {
    holds([
      [wrapped("a; b"), "a | b"],
      [wrapped("a; b", "sh", "-c"), "a | b"],
      [wrapped("a", "/usr/local/bin/bash"), "a"],
      [wrapped("a; b", "/opt/homebrew/bin/zsh"), "a | b"],
      [wrapped("a =b", "zsh"), "not read"],
      [wrapped("a |& b", "bash"), "a | b"],
      [wrapped("a |& b", "sh"), "? | ?a | ?b"],
      [wrapped("a", "/tmp/bash"), "/tmp/bash -lc a | a"],
      [wrapped("a", "bash", "-xc"), "bash -xc a | a"],
      ["bash -c a b", "bash -c a b | a"],
      ["bash -c -x", "bash -c -x | ?<…>"],
      ["bash -c 'a' > b", "bash -c a >b | a"],
      ["A=1 bash -c a", "A=1 bash -c a | a"],
      ["bash x", "bash x"],
      ["fish -c a", "not read"],
      ["/usr/bin/pwsh a", "not read"],
      ["CMD.EXE a", "not read"],
      ["zsh a", "not read"],
      ["zsh -c a b", "not read"],
      ["fish -c a; b", "fish -c a | ?<…> | b"]
    ])
  })
})

describe("a command line that is not certain", () => {
  it("says why, part by part", () => {
    for (const command of [
      "a $b",
      "a *",
      "A=$b a",
      "A+=1 a",
      "A[0]=1 a",
      "a > $b",
      "a >& b",
      "a {fd}> b",
      "a <<E\nE\n",
      "> a if",
      "a &",
      "if a; then b; fi",
      "for a in b; do c; done",
      "a() { b; }",
      "[[ a ]]",
      "(a) > b",
      "(( 1 ))"
    ] as const) {
      expect([command, (opaqueOf(command)[0] ?? "").length > 0]).toEqual([command, true])
    }
    expect(opaqueOf("a &> b")[0]).toBeUndefined()
    expect(opaqueOf("a >& 1x")[0]).not.toBeUndefined()
    expect(opaqueOf("a >& x1")[0]).not.toBeUndefined()
    const sh = wrapped("a &> b", "sh")
    expect(opaqueOf(sh)[0]).not.toBe(undefined)
  })

  it("has all commands that may run", () => {
    holds([
      ["a $(b; c)", "?a <$(b; c)> | ?<…> | ?b | ?c"],
      ["a `b`", "?a <`b`> | ?<…> | ?b"],
      ['a "$(b)"', '?a <"$(b)"> | ?<…> | ?b'],
      ["a <(b)", "?a <<(b)> | ?b"],
      ["if a; then b; else c; fi", "? | ?a | ?b | ?c"],
      ["while a; do b; done", "? | ?a | ?b"],
      ["for x in $(a); do b; done", "? | ?a | ?b"],
      ["case x in y) a;; esac", "? | ?a"],
      ["f() { a; }; b", "? | ?a | b"],
      ["a & b", "? | ?a | b"],
      ["[[ a = $(b) ]]", "? | ?b"],
      ["{ a; } > b", "?>b | ?a"],
      ["coproc a", "? | ?a"]
    ])
  })

  it("has a reason for each of them, and the text that is tested or read", () => {
    for (const command of ["if a; then b; fi", "if [[ a = $(b) ]]; then c; fi", "a $(b)", "f() { a; }"]) {
      expect([command, opaqueOf(command).filter((reason) => (reason ?? "") === "")]).toEqual([command, []])
    }
    expect(opaqueOf("a > $b")[0]).toContain("$b")
    expect(opaqueOf("[[ a ]]")[0]).toContain("test command")
    const sources = partsOf("if [[ a = $(b) ]]; then c; fi").map(({ source }) => source)
    expect(sources).toContainEqual(expect.stringMatching(/^\[\[ a .*\$\(b\)/))
    const inputOf = (command: string) => partsOf(command)[0]?.mayRun?.map(({ value }) => value)
    expect(inputOf("node <<< 'rm x'")).toContain("'rm x'")
    expect(inputOf("node <<E\nrm x\nE\n")).toContain("rm x\n")
    expect(inputOf("cat <<< 'rm x'")).toBeUndefined()
  })

  it("is not read if it is no Bash, or was made to take long", () => {
    for (const command of [
      "a (",
      "a\0",
      "a".repeat(32 * 1024 + 1),
      "a $(b) ".repeat(101),
      "a `b` ".repeat(51),
      "a ${b} ".repeat(101),
      "a <(b) ".repeat(101),
      "a >(b) ".repeat(101),
      "a 'x((' ".repeat(101),
      "a '[[' ".repeat(101),
      "a '<<' ".repeat(101),
      "a;".repeat(4_097),
      "a;".repeat(401),
      `a ${"b ".repeat(1_500)}`,
      "(! )"
    ] as const) {
      expect([command.slice(0, 9), read(command)]).toEqual([command.slice(0, 9), "not read"])
    }
    expect(read("a;".repeat(400))).not.toContain("not read")
  })
})

describe("a here-document", () => {
  it("is certain if it is the only input, plain text, and ends at one place", () => {
    for (const command of [
      "git commit -F - <<'E'\na\nE\n",
      "git commit -F - <<'E' > /dev/null\na b\nE\n",
      "git commit -F - <<'E' 2>&1\na\nE\n"
    ]) {
      expect([command, opaqueOf(command)]).toEqual([command, [undefined]])
    }
    for (const command of [
      "git commit -F - <<E\n$x\nE\n",
      "git commit -F - 3<<'E'\na\nE\n",
      "git commit -F - <<'E' < b\na\nE\n",
      "git commit -F - < b <<'E'\na\nE\n",
      "git commit -F - <<-'E'\na\nE\n",
      "git commit -F - <<'E' <<'F'\na\nE\nb\nF\n",
      "git commit -F - <<'E'\nEx\nE\n",
      "git commit -F - <<'E' 0> b\na\nE\n",
      "git commit -F - <<'E' {fd}> b\na\nE\n"
    ]) {
      expect([command, opaqueOf(command)[0] === undefined]).toEqual([command, false])
    }
  })
})

describe("where a part runs", () => {
  const moves = (command: string) =>
    partsOf(command)
      .at(-1)
      ?.moves?.map(({ certain, folder }) => (certain ? folder : `${folder}?`))
      .join(" ") ?? "anywhere"

  it("is told by what went before it", () => {
    for (const [command, expected] of [
      ["a", ""],
      ["cd x && a", "x"],
      ["cd x; a", "x?"],
      ["cd x || a", "x?"],
      ["cd x | a", "x?"],
      ["cd -- x && a", "x"],
      ["cd x && cd y && a", "x y"],
      ["cd x && cd y; a", "x? y?"],
      ["(cd x) && a", "x?"],
      ["cd $x && a", "anywhere"],
      ["cd && a", "anywhere"],
      ["cd - && a", "anywhere"],
      ["cd x y && a", "anywhere"],
      ["pushd x && a", "anywhere"],
      ["popd && a", "anywhere"],
      [". x && a", "anywhere"],
      ["source x && a", "anywhere"],
      ["$x && a", "anywhere"],
      ["cd a; cd b; cd c; cd d; e", "a? b? c? d?"],
      ["cd a; cd b; cd c; cd d; cd e; f", "anywhere"]
    ] as const) {
      expect([command, moves(command)]).toEqual([command, expected])
    }
  })
})

describe("a part that changes what names mean", () => {
  it("makes what comes after it uncertain", () => {
    for (const first of [
      "alias a=b",
      "export A=1",
      "A=1",
      "set -- a",
      "set -f",
      "shopt -s x",
      "unset a",
      "read a",
      "printf -v a b",
      "source x",
      "exec",
      "hash -p a b",
      "enable -n a",
      "let a=1",
      "declare a"
    ]) {
      expect([first, opaqueOf(`${first}; ls`).at(-1)]).toEqual([first, expect.any(String)])
      expect([first, opaqueOf(`${first}; ls`)[0] === undefined || first === "alias a=b"]).toEqual([first, true])
    }
    for (const first of ["a", "set -euo pipefail", "printf a", "exec a", "cd x", "A=1 a"]) {
      expect([first, opaqueOf(`${first}; ls`).at(-1)]).toEqual([first, undefined])
    }
  })
})
