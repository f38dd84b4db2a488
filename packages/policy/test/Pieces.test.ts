/** What an argument may name, and whether it may be an option. */
import { describe, expect, it } from "@effect/vitest"
import { isPossibly } from "../src/internal/command/option.ts"
import { extentOf, pathsIn, piecesOf } from "../src/internal/command/pieces.ts"

describe("the paths that an argument may name", () => {
  it("are all of it, and what stands behind a separator", () => {
    for (const [arg, expected] of [
      ["a", ["a"]],
      ["a/b c", ["a/b c"]],
      ["a=b", ["a=b", "b"]],
      ["a:b", ["a:b", "b"]],
      ["a,b", ["a,b", "b"]],
      ["@a", ["@a", "a"]],
      ["a=b:c", ["a=b:c", "b:c", "c"]],
      ["a=", ["a="]],
      ["", []],
      ["-", []],
      ["--", []],
      ["--a", []],
      ["--a=b", ["b"]],
      ["--a-b_1=b:c", ["b:c", "c"]],
      ["--a=", []],
      ["-a", []],
      ["-ab", ["b"]],
      ["-abc", ["bc", "c"]],
      ["-o=x", ["=x", "x"]]
    ] as const) {
      expect([arg, pathsIn(arg)]).toEqual([arg, expected])
    }
  })

  it("are not known if it is a home, an odd option, or too long", () => {
    const long = "a".repeat(4_095)
    expect(pathsIn(long)).toEqual([long])
    expect(pathsIn("a:".repeat(63))).toHaveLength(63)
    expect(pathsIn(`-${"a".repeat(63)}`)).toHaveLength(62)
    for (const arg of [
      "~",
      "~/a",
      "--a=~",
      "--é=b",
      "--a b=c",
      "--=b",
      "---a",
      `${long}a`,
      `--a=${long}a`,
      "a:".repeat(64),
      `-${"a".repeat(64)}`
    ]) {
      expect([arg.slice(0, 20), pathsIn(arg)]).toEqual([arg.slice(0, 20), [undefined]])
    }
    expect(pathsIn("a=~/b")).toEqual(["a=~/b", undefined])
    expect(pathsIn("-a~b")).toEqual([undefined, "b"])
    expect(pathsIn("a~")).toEqual(["a~"])
  })
})

describe("the pieces of an argument, where only names are looked at", () => {
  it("leave nothing out", () => {
    for (const [arg, expected] of [
      ["a=b", ["a=b", "b"]],
      ["--a=b", ["b"]],
      ["--a", []],
      ["-abc", ["bc", "c"]],
      ["-", ["-"]],
      ["~/a", ["~/a"]],
      ["--a=-bc", ["c"]],
      ["--a=~", ["~"]]
    ] as const) {
      expect([arg, piecesOf(arg)]).toEqual([arg, expected])
    }
  })

  it("are coarse if it is long", () => {
    const many = "a:".repeat(64)
    expect(piecesOf(many)).toEqual(Array.from({ length: 64 }, () => "a"))
    expect(piecesOf(`${"a".repeat(4_096)}=b c,d@e:f`).slice(1)).toEqual(["b", "c", "d", "e", "f"])
    expect(piecesOf(`-${"a".repeat(63)}`)).toHaveLength(62)
    expect(piecesOf(`-${"a".repeat(63)}:b`)).toEqual([`-${"a".repeat(63)}`, "b"])
    expect(piecesOf("a=b c")).toEqual(["a=b c", "b c"])
  })
})

describe("how many names an argument may have, and how long they are", () => {
  it("is counted before they are made", () => {
    for (const [arg, names, length] of [
      ["abcd", 1, 2],
      ["a=b:c@d,", 5, 20],
      ["-abc", 4, 8],
      ["--abc", 1, 2.5],
      ["-", 1, 0.5],
      ["a".repeat(4_095), 1, 2_047.5],
      ["a".repeat(4_096), 1, 4_096],
      [":".repeat(63), 64, 64 * 31.5],
      [":".repeat(64), 65, 64],
      [`-${"a".repeat(63)}`, 64, 64 * 32],
      [`-${"a".repeat(64)}`, 65, 65]
    ] as const) {
      expect([arg.slice(0, 9), extentOf(arg)]).toEqual([arg.slice(0, 9), { names, length }])
    }
  })

  it("is never less than the names are", () => {
    for (const arg of ["a=b:c", "-abc", "--x=a,b", "a".repeat(100), `-${"a".repeat(64)}`, ":".repeat(100)]) {
      expect([arg, pathsIn(arg).length <= extentOf(arg).names]).toEqual([arg, true])
      expect([arg, piecesOf(arg).length <= extentOf(arg).names]).toEqual([arg, true])
    }
  })
})

describe("an argument that may be an option", () => {
  it("is one that is not known, the option itself, abbreviated, with a value, or among others", () => {
    for (const [flag, arg] of [
      ["-r", undefined],
      ["-r", "-r"],
      ["-r", "-r=x"],
      ["-r", "-xrf"],
      ["-é", "-xé"],
      ["--force", "--force"],
      ["--force", "--force=x"],
      ["--force", "--fo"],
      ["--force", "--fo=x\ny"],
      ["-name", "-name"]
    ] as const) {
      expect([flag, arg, isPossibly(flag, arg)]).toEqual([flag, arg, true])
    }
    for (const [flag, arg] of [
      ["-r", "r"],
      ["-r", "-"],
      ["-r", "--r"],
      ["-r", "--recursive"],
      ["-r", "-x"],
      ["-r", "x-r"],
      ["--force", "--"],
      ["--force", "-f"],
      ["--force", "--forces"],
      ["--force", "--fox"],
      ["--force", "x"],
      ["-name", "-n"],
      ["-name", "-xname"]
    ] as const) {
      expect([flag, arg, isPossibly(flag, arg)]).toEqual([flag, arg, false])
    }
  })
})
