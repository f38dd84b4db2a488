/** What conditions ask about a part of a command: its line, its variables, whether it evaluates or runs text, and where it runs. */
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { foldersOf, type PartView, viewOf } from "../src/internal/command/partView.ts"
import { walker } from "../src/internal/files/path.ts"
import { makeTree } from "./tree.ts"

const partsOf = (line: string): ReadonlyArray<ShellCommand.Part> => {
  const parsed = ShellCommand.parse(line)
  if (parsed._tag === "Unparseable") throw new Error(parsed.reason)
  return parsed.parts
}

const view = (line: string, folders: ReadonlyArray<string> | undefined = ["/r"]): PartView => {
  const [part] = partsOf(line)
  if (part === undefined) throw new Error(line)
  return viewOf(part, folders)
}

const holds = <A>(of: (view: PartView) => A, table: ReadonlyArray<readonly [line: string, expected: A]>) => {
  expect(table.map(([line]) => [line, of(view(line))])).toEqual(table)
}

describe("the line of a part", () => {
  it("is there if all of it is known and can be seen", () => {
    holds(
      ({ line }) => line,
      [
        ["ls  'a' \"b c\"", "ls a 'b c'"],
        ["echo 'a\tb'", "echo 'a\tb'"],
        ["echo 'é'", "echo 'é'"],
        ["echo 'a\u200bb'", undefined],
        ["echo 'a\u2028b'", undefined],
        ["echo 'a\u2029b'", undefined],
        ["cat 'a\tb'", undefined],
        ["cat 'é'", undefined],
        ["cat a 'é' b", undefined],
        ["ls $X", undefined],
        ["$X ls", undefined],
        ["A=1", undefined]
      ]
    )
    expect(view("echo 'a b' $X  c").lines).toEqual(["echo 'a b' $X  c", "echo a b $X c", "echo 'a b' $X c"])
  })

  it("has a program, if that is known", () => {
    holds(
      ({ args, program, programIsUnknown }) => [program, programIsUnknown, args.length],
      [
        ["ls a", ["ls", false, 1]],
        ["$X a", [undefined, true, 1]],
        ["A=1", [undefined, false, 0]]
      ]
    )
  })
})

describe("the words of a part", () => {
  it("may name paths, unless they are text", () => {
    holds(
      ({ paths, possiblePaths }) => [
        paths.map((path) => path ?? "?").join(" "),
        possiblePaths.map((path) => path ?? "?").join(" ")
      ],
      [
        ["cat a b=c", ["a b=c c", "a b=c c"]],
        ["grep x a", ["x a", "a"]],
        ["cat $X", ["?", "?"]],
        ["cat '~'", ["?", "?"]]
      ]
    )
  })

  it("set variables of builtins that do so, and others do before the program", () => {
    holds(
      ({ variables }) => variables.join(" "),
      [
        ["export A=1 B", "A B"],
        ["X=1 export A", "X A"],
        ["declare -x C", "C"],
        ["readonly D=", "D"],
        ["local E", "E"],
        ["typeset F=1", "F"],
        ["export $X", ""],
        ["export 1A", ""],
        ["export A-B", ""],
        ["echo A=1", ""],
        ["A=1 B=2 echo", "A B"]
      ]
    )
  })

  it("are evaluated by builtins that do so", () => {
    holds(
      ({ evaluates }) => evaluates,
      [
        ["printf 'a[1]'", true],
        ["printf '$x'", true],
        ["test '`x`'", true],
        ["printf $X", true],
        ["printf a", false],
        ["cat 'a[1]'", false],
        ["A='a[1]'", false]
      ]
    )
  })

  it("may be scripts that do more than print", () => {
    holds(
      ({ runsScript }) => runsScript,
      [
        ["sed 1e", true],
        ["sed $X", true],
        ["awk 'system(x)'", true],
        ["jq env", true],
        ["sqlite3 a x", true],
        ["sed p", false],
        ["awk '{print}'", false],
        ["jq .", false],
        ["cat 1e", false]
      ]
    )
  })

  it("have redirections, but for those that go nowhere", () => {
    holds(
      ({ redirects }) => redirects.map(({ operator, target }) => operator + (target.value ?? "?")).join(" "),
      [
        ["ls > a 2>&1 < b", ">a <b"],
        ["ls > /dev/null 2>&- >&1-", ""],
        ["ls > $X", ">?"],
        ["ls > 1", ">1"]
      ]
    )
  })
})

describe("the folders of a part", () => {
  it("are those that it runs in, and those that its program goes to", () => {
    expect(view("git -C a status").bases).toEqual(["/r", "/r/a"])
    expect(view("git -C a -C b status").bases).toEqual(["/r", "/r/a", "/r/b", "/r/a/b"])
    expect(view("ls").bases).toEqual(["/r"])
    expect(view("unknown -C $X").bases).toBeUndefined()
    expect(view("unknown -C").bases).toBeUndefined()
    const [part] = partsOf("git -C a status")
    if (part === undefined) throw new Error()
    expect(viewOf(part, undefined).bases).toBeUndefined()
    const many = (count: number) => Array.from({ length: count }, (_, index) => `/${index}`)
    expect(viewOf(part, many(16)).bases).toHaveLength(32)
    expect(viewOf(part, many(17)).bases).toBeUndefined()
  })

  const root = makeTree(["/repo/a/b/", "/repo/c/"], { "/repo/link": "a/b" })

  it.effect("follow the changes of folder before it, by names and by links", () =>
    Effect.gen(function* () {
      const cwd = `${root}/repo`
      const walking = yield* walker
      const folders = (line: string, from: string | undefined = cwd) => {
        const part = partsOf(line).at(-1)
        return part === undefined
          ? Effect.succeed(undefined)
          : Effect.map(foldersOf(part, from, walking), (found) => found?.map((folder) => folder.slice(cwd.length)))
      }
      expect(yield* folders("ls")).toEqual([""])
      expect(yield* folders("cd a && ls")).toEqual(["/a"])
      expect(yield* folders("cd a; ls")).toEqual(["", "/a"])
      expect(yield* folders("cd link && ls")).toEqual(["/link", "/a/b"])
      expect(yield* folders("cd link && cd .. && ls")).toEqual(expect.arrayContaining(["", "/a"]))
      expect(yield* folders("cd $X && ls")).toBeUndefined()
      expect(yield* folders("cd missing/../c && ls")).toBeUndefined()
      expect(yield* folders("ls", "repo")).toBeUndefined()
      expect(yield* folders("cd a; cd c; cd b; cd d; ls")).toHaveLength(16)
      expect(yield* folders("cd link; cd a; cd c; cd b; ls")).toBeUndefined()
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
