/** What a script reads and what has to be looked up for that, or why it may do more than read. */
import { describe, expect, it } from "@effect/vitest"
import type { Dialect } from "../src/internal/command/grammar.ts"
import { analyse, anyChar, anyText, type Check } from "../src/internal/command/reading.ts"

const roots = ["/repo", "/tmp/root"]

const look = (check: Check): string => {
  const marks = (of: { readonly follow?: boolean; readonly plain: boolean; readonly opens?: boolean }) =>
    (of.follow === true ? " follow" : "") + (of.opens === true ? " opens" : "") + (of.plain ? " plain" : "")
  if (check.folders !== roots) return "other folders"
  if (check._tag === "Tree") return `tree ${check.path}${marks(check)}`
  if (check._tag === "Repository") return `repository ${check.folder}${marks(check)}`
  const below = check.below === undefined ? "" : ` below${marks(check.below)}`
  return `matches ${check.pattern.replaceAll(anyText, "*").replaceAll(anyChar, "?")}${marks(check)}${below}`
}

const read = (script: string, dialect: Dialect = "bash", cwd: ReadonlyArray<string> = ["/repo"]): string => {
  const verdict = analyse(script, cwd, roots, dialect)
  if (verdict._tag === "Uncertain") return verdict.reason === "" ? "no reason" : "uncertain"
  const paths = verdict.conditions.map(({ folders, oneWay, path }) =>
    folders === roots ? `${path}${oneWay === true ? " one way" : ""}` : "other folders"
  )
  return [...new Set([...paths, ...verdict.checks.map(look)])].join(", ")
}

const holds = (table: ReadonlyArray<readonly [script: string, expected: string]>, dialect: Dialect = "bash") => {
  expect(table.map(([script]) => [script, read(script, dialect)])).toEqual(table)
}

describe("a script that only reads", () => {
  it("reads the files that its words name, seen from where it runs", () => {
    holds([
      ["cat a /tmp/root/b", "/repo/a, /tmp/root/b"],
      ["cat ./a/../b", "/repo/./a/../b"],
      ["echo a", ""],
      ["cat -", ""],
      ["cat < a > /dev/null", "/repo/a"],
      ["cat a 2>&1 2>/dev/null", "/repo/a"],
      ["cat <<< a", ""],
      ["timeout 5 cat a", "/repo/a"],
      ["bash -c 'cat a'", "/repo/a"],
      ["/usr/bin/sh -lc 'cat a'", "/repo/a"],
      ["cat <(cat a) b", "/repo/a, /repo/b"],
      ['echo "$(cat a)"', "/repo/a"],
      ["node --version", ""],
      ["! cat a", "/repo/a"],
      ["(cat a)", "/repo/a"],
      ["{ cat a; } < b", "/repo/b, /repo/a"],
      ["if cat a; then cat b; else cat c; fi", "/repo/a, /repo/b, /repo/c"],
      ["while cat a; do cat b; done", "/repo/a, /repo/b"],
      ["LC_ALL=C sort a", "/repo/a"],
      ["GIT_PAGER=cat PAGER=cat NO_COLOR=1 cat a", "/repo/a"],
      ["exit 0; return; break 2; continue", ""],
      ["set -euo pipefail; cat a", "/repo/a"]
    ])
    expect(read("cat a", "bash", ["/repo", "/repo/x"])).toBe("/repo/a, /repo/x/a")
  })

  it("may ask for tests of a fixed form", () => {
    holds([
      ["[ -f a ]", "/repo/a"],
      ["test -d a", "/repo/a"],
      ["[[ -f a && -d b || -e c ]]", "/repo/a, /repo/b, /repo/c"],
      ["[[ ! -f a ]]", "/repo/a"],
      ["[ ! -f a ]", "/repo/a"],
      ["[ -z x ]", ""],
      ["[ x = y ]", ""],
      ["[ x == y ]", ""],
      ["[ x '!=' -f ]", ""],
      ["[ x = -f ]", ""],
      ["[[ x == y ]]", ""],
      ["[ 1 -eq 2 ]", ""],
      ["[[ 1 -lt 2 ]]", ""],
      ["[ x ]", ""],
      ["[ ]", ""],
      ["test", ""],
      ['[ "$(cat a)" = b ]', "/repo/a"],
      ['[ "$(wc -l)" -gt 5 ]', ""]
    ])
    holds(
      [
        ["[ x '=' y ]", ""],
        ["[[ x == y ]]", ""]
      ],
      "zsh"
    )
  })

  it("goes to folders, by names and by links", () => {
    holds([
      ["cd a && cat b", "/repo/a, /repo/a one way, /repo/a/b"],
      ["cd -- a && cat b", "/repo/a, /repo/a one way, /repo/a/b"],
      ["cd a; cat b", "/repo/a, /repo/a one way, /repo/b, /repo/a/b"],
      ["cd a || cat b", "/repo/a, /repo/a one way, /repo/b, /repo/a/b"],
      ["(cd a); cat b", "/repo/a, /repo/a one way, /repo/b"],
      ["if cd a; then cat b; fi", "/repo/a, /repo/a one way, /repo/b, /repo/a/b"],
      ["cd a | cat b", "/repo/a, /repo/a one way, /repo/b"],
      ["true && cd a; cat b", "/repo/a, /repo/a one way, /repo/b, /repo/a/b"],
      ['echo "$(cd a)"; cat b', "/repo/a, /repo/a one way, /repo/b"]
    ])
  })

  it("has patterns whose matches are looked at", () => {
    holds([
      ["cat *", "matches /repo/*"],
      ["cat a/[ab]?", "matches /repo/a/*?"],
      ["echo *", "matches /repo/*"],
      ["printf '%s' *", "matches /repo/*"],
      ["grep -R x *", "matches /repo/* below follow"],
      ["grep -r x *", "matches /repo/*"],
      ["for f in *; do cat $f; done", "matches /repo/* plain"],
      ['for f in *; do cat "$f"; done', "matches /repo/*"]
    ])
  })

  it("has trees and repositories that are looked at", () => {
    holds([
      ["ls -R a", "/repo/a"],
      ["grep -r x a", "/repo/a"],
      ["grep -R x a", "/repo/a, tree /repo/a follow"],
      ["git status", "repository /repo"],
      ["git -C a status", "/repo/a, repository /repo/a"],
      ["git -C a -C b diff c", "/repo/a, /repo/a/b, /repo/a/b/c, repository /repo/a/b"],
      ["git grep x a", "/repo/a, repository /repo opens"]
    ])
  })

  it("has variables that it sets", () => {
    holds([
      ["x=a; cat $x", "/repo/a"],
      ["x=a; cat $x/b", "/repo/a/b"],
      ['x="a b"; cat "$x"', "/repo/a b"],
      ["x=a; x=b; cat $x", "/repo/a, /repo/b"],
      ["x=a && cat $x", "/repo/a"],
      ["for f in a b; do cat $f; done", "/repo/a, /repo/b"],
      ["for f in a b; do cat $f$f; done", "/repo/aa, /repo/ab, /repo/ba, /repo/bb"],
      ["if true; then x=a; else x=b; fi; cat $x", "/repo/a, /repo/b"],
      ["x=a; while true; do cat $x; x=b; done", "/repo/a, /repo/b"],
      ['x=$(cat a); echo "$x"', "/repo/a"],
      ["X=a; DIR=b; FILE=c; cat $X $DIR $FILE", "/repo/a, /repo/b, /repo/c"],
      ['echo "$HOME" $PATH $PWD $? "$USER" "$SHELL"', ""],
      ['read -r x y; echo "$x" "$y"', ""],
      ["IFS=, read x", ""]
    ])
  })

  it("gives names of files that were found to another program", () => {
    holds([
      ["find a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["find a b | xargs cat", "/repo/a, /repo/b, tree /repo/a plain, tree /repo/b plain"],
      ["find -L a | xargs cat", "/repo/a, tree /repo/a follow, tree /repo/a follow plain"],
      ["find a* | xargs cat", "matches /repo/a*, matches /repo/a* plain below plain"],
      ["find a | xargs -I {} cat {}", "/repo/a, tree /repo/a plain"],
      ["find a | xargs -I% cat %", "/repo/a, tree /repo/a plain"],
      ["find a | xargs -n 1 -I {} cat {}", "/repo/a, tree /repo/a plain"],
      ["grep -l -r x a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["find a | xargs", "/repo/a, tree /repo/a plain"],
      ["find a -exec cat {} +", "/repo/a, tree /repo/a plain"],
      ["find a -exec cat {} ';' -exec grep x {} ';'", "/repo/a, tree /repo/a plain"],
      ["grep -rl x a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["grep -r --files-with-matches x a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["rg --files a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["rg -l x a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["rg --files-with-matches x a | xargs cat", "/repo/a, tree /repo/a plain"],
      ["find a | grep x | xargs cat", "/repo/a, /repo/., tree /repo/a plain"],
      ["find a | grep -viE x | xargs cat", "/repo/a, /repo/., tree /repo/a plain"],
      ["find a | sort -u | head -n 5 | tail -3 | uniq | tac | xargs cat", "/repo/a, tree /repo/a plain"],
      ['find a | while read -r f; do cat "$f"; done', "/repo/a, tree /repo/a plain"],
      ["for f in $(find a); do cat $f; done", "/repo/a, tree /repo/a plain"],
      ["cat $(find a)", "/repo/a, tree /repo/a plain"],
      ["(find a) | xargs cat", "/repo/a, tree /repo/a plain"],
      ["git ls-files | xargs cat", "repository /repo, repository /repo opens plain"],
      ["git -C a ls-files | xargs echo", "/repo/a, repository /repo/a, repository /repo/a opens plain"],
      ["find a | cat", "/repo/a"],
      ["find a | xargs -n 1 echo", "/repo/a, tree /repo/a plain"]
    ])
  })
})

describe("a script that may do more than read is not certain", () => {
  it("because of where it runs or what it names", () => {
    const long = "a".repeat(8 * 1024 + 1)
    expect(read("cat a", "bash", [])).toBe("uncertain")
    expect(read("cat a", "bash", ["repo"])).toBe("uncertain")
    expect(read("cat a", "bash", ["/repo", "repo"])).toBe("uncertain")
    expect(read(long)).toBe("uncertain")
    expect(read(`ls a # ${"x".repeat(8_000)}`)).toBe("/repo/a")
    expect(read(`ls a # ${"x".repeat(8_200)}`)).toBe("uncertain")
    expect(read("cd a; cd b; cd c; if true; then echo; fi")).not.toBe("uncertain")
    expect(read("cd a; cd b; cd c; cd d; echo")).toBe("uncertain")
    holds([
      ["cat /etc/passwd", "uncertain"],
      ["cat ../a", "uncertain"],
      ["cat '~'", "uncertain"],
      ['cat "$(cat a)"', "uncertain"],
      ['cat -- "$(cat a)"', "uncertain"],
      ['cat x"$HOME"', "uncertain"],
      ["cat $(cat a)", "uncertain"],
      ["cat x$(find a)", "uncertain"],
      ["cat $y", "uncertain"],
      ["cat $HOME", "uncertain"],
      ["echo $HOME", "uncertain"],
      ["echo $USER", "uncertain"],
      ['grep "$(cat a)" b', "uncertain"],
      ['grep -- "$(cat a)" b', "/repo/a, /repo/b"],
      ["x='a b'; cat $x", "uncertain"],
      ["x=*; cat $x", "uncertain"],
      ["cat $PATH", "uncertain"],
      ["cat x$PATH", "uncertain"],
      ["cd a; cd a; cd a; cd a; cd a; cd a; cd a; cd a; ls", "uncertain"]
    ])
  })

  it("because of what it runs", () => {
    holds([
      ["rm a", "uncertain"],
      ["npm test", "uncertain"],
      ["unknown", "uncertain"],
      ["cat --unknown", "uncertain"],
      ["sort -o a b", "uncertain"],
      ["sed 1e a", "uncertain"],
      ["sed -f a b", "uncertain"],
      ["wc --files0-from=a", "uncertain"],
      ["time cat a", "/repo/a"],
      ["eval ls", "uncertain"],
      ['sed "$(cat a)" b', "uncertain"],
      ["sed s*", "uncertain"],
      ["bash a", "uncertain"],
      ["bash -c", "uncertain"],
      ["bash -c ls x", "uncertain"],
      ["bash -xc ls", "uncertain"],
      ["bash -c -x", "uncertain"],
      ['bash -c "$(cat a)"', "uncertain"],
      ["bash -c *", "uncertain"],
      ["bash -c 'rm a'", "uncertain"],
      ["git -c a=b log", "uncertain"],
      ['git -C x"$(cat a)" log', "uncertain"],
      ["tar -tf a -C b", "uncertain"],
      ["printf -v x a", "uncertain"],
      ["printf", "uncertain"],
      ["printf -- -v", ""],
      ["printf '%n' a", "uncertain"],
      ['printf "$(cat a)"', "uncertain"],
      ["printf *", "uncertain"],
      ["set", "uncertain"],
      ["set -f", "uncertain"],
      ["exit a", "uncertain"],
      ["cd", "uncertain"],
      ["cd -", "uncertain"],
      ["cd a b", "uncertain"],
      ["cd ''", "uncertain"],
      ["cd *", "uncertain"],
      ['cd "$HOME"', "uncertain"],
      ["read", "uncertain"],
      ["read -a x", "uncertain"],
      ["read path", "uncertain"],
      ["read PATH", "uncertain"],
      ["[ a", "uncertain"]
    ])
  })

  it("because of a variable or a redirection", () => {
    holds([
      ["PATH=a; ls", "uncertain"],
      ["path=a; ls", "uncertain"],
      ["http_proxy=a; ls", "uncertain"],
      ["PATH=a ls", "uncertain"],
      ["x=a ls", "uncertain"],
      ["IFS=a cat b", "uncertain"],
      ["LANG='a b' ls", "uncertain"],
      ["XLC_ALL=C ls", "uncertain"],
      ["PAGER=less cat a", "uncertain"],
      ["NO_COLOR=12 ls", "uncertain"],
      ["for path in a; do ls; done", "uncertain"],
      ['for x in "$(cat a)"; do ls; done', "uncertain"],
      ["for x in $PATH; do ls; done", "uncertain"],
      ["for x in <(cat a); do ls; done", "uncertain"],
      ["echo > a", "uncertain"],
      ["echo >> a", "uncertain"],
      ["echo >& a", "uncertain"],
      ["cat < *", "uncertain"],
      ["{ ls; } > a", "uncertain"]
    ])
  })

  it("because of a variable that is only known at run time, however long its name is", () => {
    for (let length = 1; length <= 200; length++) {
      const known = "n".repeat(length)
      const script = `${known}=a; echo /etc/passwd | while read -r ${known}n; do cat "$${known}n"; done`
      expect([length, read(script)]).toEqual([length, "uncertain"])
    }
  })

  it("because of a test of another form", () => {
    for (const test of [
      "[ -v a ]",
      "[[ -v a ]]",
      "[ a -nt b ]",
      "[ a -ot b ]",
      "[ a -ef b ]",
      "[ a -eq 1 ]",
      "[ 1 -eq a ]",
      "[[ a -eq 1 ]]",
      "[ 1 -xx 1 ]",
      "[ a -a b ]",
      "[ -f a -o -f b ]",
      "[ -f ]",
      "[ ! ]",
      "[ -n * ]",
      "[ * = a ]",
      "[ a $PATH ]"
    ]) {
      expect([test, read(test)]).toEqual([test, "uncertain"])
    }
    for (const test of ['[ "$(wc -l)" -gt 5 ]', "[ a '==' b ]"]) {
      expect([test, read(test, "zsh")]).toEqual([test, "uncertain"])
    }
  })

  it("because names that were found are given on in another way", () => {
    const options = "uncertain"
    holds(
      [
        "ls | xargs cat",
        "xargs cat",
        "find a -printf x | xargs cat",
        "find a -ls | xargs cat",
        "rg x a | xargs cat",
        "rg -lc x a | xargs cat",
        "rg -l --json x a | xargs cat",
        "grep -r x a | xargs cat",
        "grep -rlc x a | xargs cat",
        "grep -rlZ x a | xargs cat",
        "grep -rl --color x a | xargs cat",
        "grep -l x a | xargs cat",
        "grep -rl --label x y - | xargs cat",
        "find a | grep x y | xargs cat",
        "find a | grep -o x | xargs cat",
        "find a | grep -e x | xargs cat",
        "find a | sort -k 1 | xargs cat",
        "find a | sed p | xargs cat",
        "git ls-files -o | xargs cat",
        "git ls-files --others | xargs cat",
        "git status | xargs cat",
        "find a | cat | xargs cat",
        "find a | { ls; ls; } | xargs cat"
      ].map((line) => [line, options])
    )
    holds([
      ["find a | xargs sh", "uncertain"],
      ["find a | xargs cat < b", "uncertain"],
      ["find a | xargs cat 2>/dev/null", "/repo/a, tree /repo/a plain"],
      ["find a | { xargs cat; } 2>/dev/null", "/repo/a, tree /repo/a plain"],
      ["find a | grep x-v y | xargs cat", "uncertain"],
      ["find a | { xargs cat; } < b", "uncertain"],
      ["find a | xargs xargs", "uncertain"],
      ["find a | xargs cd", "uncertain"],
      ["find a | xargs read", "uncertain"],
      ["find a | xargs rm", "uncertain"],
      ["find a | xargs -i cat", "uncertain"],
      ["find a | xargs --replace=x cat", "uncertain"],
      ["xargs -a x cat", "uncertain"],
      ["find a -exec rm {} +", "uncertain"],
      ["find a -exec sh {} +", "uncertain"],
      ["find a -exec cat {}", "uncertain"],
      ["find a -exec cat * +", "uncertain"],
      ["find a -exec ';'", "uncertain"],
      ["find a -ls -exec cat {} +", "uncertain"]
    ])
  })

  it("because it is more than can be gone through", () => {
    const values = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`).join(" ")
    expect(read(`for x in ${values(64)}; do echo $x; done`)).toBe("")
    holds([
      [`for x in ${values(9)}; do echo $x$x; done`, "uncertain"],
      [`for x in ${values(9)}; do echo $x $x; done`, "uncertain"],
      [`x=${"a".repeat(4_100)}; echo $x$x`, "uncertain"],
      [`x=${"a".repeat(600)}; x=b; echo $x$x`, "uncertain"],
      [`x=${"a".repeat(500)}; x=b; echo \${x}${"c".repeat(300)}$x`, "uncertain"],
      [`cat ${"a ".repeat(600)}`, "uncertain"],
      ["ls; ".repeat(20).concat("$x"), "uncertain"]
    ])
  })

  it("because it can be read in more than one way, or not at all", () => {
    for (const script of ["ls (", "a() { b; }", "ls &", "echo {a,b}", "echo $((1))"]) {
      expect([script, read(script).startsWith("uncertain")]).toEqual([script, true])
    }
  })
})
