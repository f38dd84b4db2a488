import { describe, expect, it } from "@effect/vitest"
import { programs } from "../src/internal/command/programs.ts"
import { runnableWords, usesOf } from "../src/internal/command/uses.ts"

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

  it("tells which words a program may run", () => {
    for (const [line, expected] of [
      ["echo rm x", []],
      ["git commit -m rm", []],
      ["rg rm docs", []],
      ["xargs -0 rm x", [2, 3]],
      ["sed -n 1e a", [2]],
      ["awk -F : x a", [3]],
      ["frobnicate rm x", [1, 2]],
      ["tar tfI a sh", [3]],
      ["tar --new x", [1, 2]]
    ] as const) {
      expect([line, runnableWords(line.split(" "))]).toEqual([line, expected])
    }
  })

  it("has each option once", () => {
    for (const [name, program] of Object.entries(programs)) {
      const flags = (program?.flags ?? "").split(" ").filter((flag) => flag !== "")
      expect([name, new Set(flags).size]).toEqual([name, flags.length])
    }
  })
})
