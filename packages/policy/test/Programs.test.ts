import { describe, expect, it } from "@effect/vitest"
import { programs } from "../src/internal/command/programs.ts"
import { usesOf } from "../src/internal/command/uses.ts"

const uses = (line: string) => {
  const { uncertain, uses } = usesOf(line.split(" "))
  return uncertain ?? uses.map(({ effect, value }) => `${effect} ${value ?? "?"}`).join(", ")
}

describe("the table of programs", () => {
  it("tells what is done with operands and values of options", () => {
    for (const [line, expected] of [
      ["cat a b", "read a, read b"],
      ["cat -", ""],
      ["head -n5 a", "text 5, read a"],
      ["head -n 5 -q a", "text 5, read a"],
      ["head -5 a", "read a"],
      ["head --lines=5 a", "text 5, read a"],
      ["grep foo a", "text foo, read a"],
      ["grep -rn foo src", "text foo, walk src"],
      ["grep -Rn foo src", "text foo, follow src"],
      ["grep -r foo", "text foo, walk ."],
      ["grep -e foo a", "text foo, read a"],
      ["grep -rf list src", "list list, walk src"],
      ["rg --files src", "walk src"],
      ["rg -L foo", "text foo, follow ."],
      ["rg --pre sh foo", "run sh, text foo, walk ."],
      ["find . -name a -delete", "text a, write ."],
      ["sed -n 1,2p a", "sed 1,2p, read a"],
      ["sed -i -e p a", "sed p, write a"],
      ["uniq a b", "read a, write b"],
      ["cp a b c", "read a, read b, write c"],
      ["rsync a host:b", "read a, run host:b"],
      ["tar tf a.tar", "read a.tar"],
      ["tar tfI a.tar sh", "read a.tar, run sh"],
      ["tar tf host:a", "run host:a"],
      ["git -C sub status -s", "folder sub"],
      ["git branch x", "write x"],
      ["git branch --list x", "text x"],
      ["git stash", ""],
      ["git stash show -p", ""],
      ["xargs -0 rm -rf", "run rm, run -rf"],
      ["timeout 5 rm -rf", "text 5, run rm, run -rf"],
      ["dd if=a of=b", "read a, write b"],
      ["command -v rg", "text rg"],
      ["date +%s", ""],
      ["date 0101", "write 0101"],
      ["cat -Z a", "-Z of cat is not known here"],
      ["ls --files-from=x", "--files-from of ls is not known here"],
      ["git frobnicate", "git frobnicate is not known here"],
      ["frobnicate", "frobnicate is not a program that is known here"],
      ["/tmp/cat a", "/tmp/cat is not a program that is known here"],
      ["constructor a", "constructor is not a program that is known here"]
    ] as const) {
      expect([line, uses(line)]).toEqual([line, expected])
    }
  })

  it("tells which programs act on their own", () => {
    for (const line of ["git stash", "git commit", "git push", "kill 1", "curl x", "npm test", "gh pr view"]) {
      expect([line, usesOf(line.split(" ")).acts]).toEqual([line, true])
    }
    for (const line of ["git stash list", "git status", "cat a"]) {
      expect([line, usesOf(line.split(" ")).acts]).toEqual([line, false])
    }
  })

  // A program that is new in the table and left out here by mistake would be accepted.
  it("lets these alone read without a doubt", () => {
    const reads = ([name, program]: readonly [string, (typeof programs)[string]]) => {
      if (program === undefined || program.acts === true || program.runs === "project") return []
      const effects = [...(program.operands ?? "").split(" "), program.last ?? ""]
      const runs = effects.some((effect) => ["run", "code", "shell", "sql"].includes(effect))
      const turns = program.turns?.read ?? program.turns?.text
      return runs || (effects.includes("write") && program.idle !== true && turns === undefined) ? [] : [name]
    }
    const readers = Object.entries(programs).flatMap(reads)
    expect(readers.toSorted().join(" ")).toMatchInlineSnapshot(
      `": [ arch awk b2sum base32 base64 basename bunzip2 bzip2 cat cd cksum cmp column comm cut date diff diff3 dirname du echo egrep expand expr false fgrep file find fmt fold gawk git grep groups gunzip gzip head hexdump hostname iconv id join jq ls mawk md5sum nawk nl nm nproc od paste printf pwd readelf readlink realpath rev rg sed seq sha1sum sha224sum sha256sum sha384sum sha512sum shasum size sleep sort stat strings sum tac tail tar test tr tree true tty type uname unexpand uniq unxz unzip wc which whoami xxd xz zcat zipinfo zstd"`
    )
    const subcommands = Object.entries(programs["git"]?.subcommands ?? {}).flatMap(reads)
    expect(subcommands.toSorted().join(" ")).toMatchInlineSnapshot(
      `"blame branch cat-file check-attr check-ignore count-objects describe diff diff-files diff-index diff-tree for-each-ref grep log ls-files ls-tree merge-base name-rev reflog remote rev-list rev-parse shortlog show show-ref stash status symbolic-ref tag version worktree"`
    )
  })

  it("has each option once", () => {
    for (const [name, program] of Object.entries(programs)) {
      const flags = (program?.flags ?? "").split(" ").filter((flag) => flag !== "")
      expect([name, new Set(flags).size]).toEqual([name, flags.length])
    }
  })
})
