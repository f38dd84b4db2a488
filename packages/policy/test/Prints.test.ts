/** Scripts of sed, awk and jq on a command line: which provably only print. */
import { describe, expect, it } from "@effect/vitest"
import type { Effect } from "../src/internal/command/programs.ts"
import { doubtOf } from "../src/internal/command/scripts.ts"

const holds = (language: Effect, prints: ReadonlyArray<string>, doubtful: ReadonlyArray<string>) => {
  for (const script of prints) expect([script, doubtOf(language, script)]).toEqual([script, undefined])
  for (const script of doubtful) expect([script, (doubtOf(language, script) ?? "").length > 0]).toEqual([script, true])
}

describe("a sed script", () => {
  it("prints if it has known commands and addresses", () => {
    holds(
      "sed",
      [
        "",
        "p",
        " p ; d ",
        "p\nd",
        "1p",
        "$p",
        "10,20p",
        "1~2p",
        "1,+3p",
        "1,~4p",
        "1 , 3 p",
        "1,/x/p",
        "/a/,/b/p",
        "/a/I,/b/Id",
        "/a/!p",
        "1! p",
        "P;d;D;n;N;g;G;h;H;x;=",
        "q",
        "5q",
        "q 1",
        "/a/{p;d}",
        "/a/{ p }",
        "{{p}}",
        "{p};p",
        "1{p;}\n2d",
        "s/a/b/",
        "s/a/b/g",
        "s/a/b/2pgI",
        "s|a|b|;s#a#b#;s,a,b,;s:a:b:;s@a@b@;s!a!b!;s%a%b%;s_a_b_",
        "s/[x]/b/",
        "s/[]x]/b/",
        "s/[^]x]/b/",
        "s/a[0-9]b/[/",
        "s/a\\/b/c\\/d/",
        "s/a//",
        "y/abc/xyz/",
        "y/abc/xyz/;p"
      ],
      [
        "e",
        "1e id",
        "w out",
        "1w out",
        "r x",
        "R x",
        "W x",
        "a text",
        "i text",
        "c text",
        "b",
        "t x",
        ":x",
        "Q",
        "l",
        "z",
        "F",
        "v",
        "#n",
        "p;w out",
        "p w out",
        "pw",
        "p}",
        "}",
        "{p",
        "{p}}",
        "{p}w out",
        "1,p",
        "1,w",
        ",p",
        "1,2,3p",
        "1,+p",
        "/a",
        "/a\n/p",
        "\\,a,p",
        "/[/p",
        "/a\\\n/p",
        "/a\\c/p",
        "/[/]/p",
        "/[[:alpha:]]/p",
        "/[\\/]/p",
        "/[a\n]/p",
        "/a/,/b",
        "/a/Mp",
        "!!p",
        "s",
        "s/a",
        "s/a/b",
        "s/a/b/e",
        "s/a/b/w out",
        "s/a/b/m",
        "s/a/b/gw out",
        "s/a/b/ge",
        "s/a/b/0",
        "s/a\nb/c/",
        "s/a/b\nc/",
        "s/a/b\\\nc/",
        "s/a/\\cx/",
        "s/a\\cb/c/",
        "s/[/b/",
        "s/[/]/b/",
        "s;a;b;",
        "sxaxbx",
        "s a b ",
        "s\\a\\b\\",
        "y/a/b/w out",
        "y/a/b/g",
        "s/a/b/ w out",
        "q1w",
        "q;w out",
        "é"
      ]
    )
  })
})

describe("an awk script", () => {
  it("prints if it names no file and no program", () => {
    holds(
      "awk",
      [
        "",
        "{print}",
        "{print $1, NR}",
        "NR > 1 {print}",
        "$1 > 2 && $2 < 3",
        "a || b",
        "BEGIN { x = 1 } { x += $1 } END { print x }",
        '{printf "%s\\n", $1}'
      ],
      [
        "BEGIN { system(x) }",
        "{ print > x }",
        "{ print >> x }",
        "{ printf(x) > y }",
        "{ print | x }",
        "x | getline",
        "{ a || b | c }",
        "a |& b",
        "getline x < y",
        "@load x",
        "@include x",
        "{ close(x) }",
        "{ fflush() }",
        "{ print ENVIRON[x] }",
        "{ print ARGV[1] }",
        "{ ARGC = 2 }",
        "{ print ARGIND }",
        "{ print PROCINFO[x] }",
        "SYMTAB[x]",
        "FUNCTAB[x]",
        "extension(x)",
        "{ sys\\\ntem(x) }",
        "{ sys\\\rtem(x) }",
        "a\0b"
      ]
    )
  })
})

describe("a jq filter", () => {
  it("prints if it reads nothing but its input", () => {
    holds(
      "jq",
      [".", ".a[0] | keys", ".environment", ".imports", ".my_env", "to_entries[]", '"$__loc__"', ".a.b // empty"],
      [
        "env",
        "env.HOME",
        "$ENV",
        "$ENV.HOME",
        'import "a" as a; a',
        'include "a"; a',
        '"a" | modulemeta',
        "get_search_list",
        "input_filename",
        "$__prog_args",
        "a\0b",
        ".a | env"
      ]
    )
  })
})

describe("a format of git, or a script of another language", () => {
  it("runs a program where git checks a signature, or may do anything", () => {
    holds(
      "gitFormat",
      ["%h %s", "%an", "%(refname)", "short", "%g"],
      ["%G?", "%h %GS", "%(signature)", "%(trailers)", "%(contents:trailers)"]
    )
    for (const language of ["code", "sql", "shell", "run", "text"] as const) holds(language, [], ["", "x"])
  })
})
