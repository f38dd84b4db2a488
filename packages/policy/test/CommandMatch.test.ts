/** Which parts of a command the conditions of a rule match: for sure in rules that accept, possibly in rules that decline. */
import type { CommandCondition } from "@effect-codex/policy/Rule"
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as CommandMatch from "../src/internal/command/match.ts"
import { type PartView, viewOf } from "../src/internal/command/partView.ts"
import { unknownPlace } from "../src/internal/files/path.ts"
import { kinds } from "../src/internal/files/protectedFiles.ts"

const isBelow = (path: string, folder: string) =>
  path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`)

// Places by names alone: no link leads anywhere else.
const about: CommandMatch.CommandView = {
  threadId: "t",
  turnId: "u",
  cwd: "/repo",
  reason: undefined,
  proposesExecpolicy: false,
  requests: ["command"],
  texts: [],
  networkHost: undefined,
  places: {
    isPossiblyWithin: (path, folders) => folders.some((folder) => isBelow(path, folder)),
    mayContain: (path, folders) => folders.some((folder) => isBelow(folder, path)),
    of: () => unknownPlace
  }
}

const viewsOf = (line: string, folders: ReadonlyArray<string> | undefined = ["/repo"]): ReadonlyArray<PartView> => {
  const parsed = ShellCommand.parse(line)
  if (parsed._tag === "Unparseable") throw new Error(parsed.reason)
  return parsed.parts.map((part) => viewOf(part, folders))
}

const fixtures = ["everyday-commands", "decline-misses", "decline-nothing"].flatMap((name) =>
  readFileSync(new URL(`./fixtures/${name}.jsonl`, import.meta.url), "utf8")
    .split("\n")
    .flatMap((line): ReadonlyArray<string> => (line === "" ? [] : [JSON.parse(line).command]))
)

const first = (line: string, folders?: ReadonlyArray<string>): PartView => {
  const [view] = viewsOf(line, folders)
  if (view === undefined) throw new Error(line)
  return view
}

/** The demands of a match; `undefined` if there is none. */
const demandsOf = (match: CommandMatch.Match) => (CommandMatch.isMiss(match) ? undefined : match)

const accepts = (when: CommandCondition, line: string) => {
  const { matchesPart } = CommandMatch.compile(when, true)
  return viewsOf(line).every((view) => demandsOf(matchesPart(view, about)) !== undefined)
}

const declines = (when: CommandCondition, line: string, texts: ReadonlyArray<string> = [line]) => {
  const { matchesPart } = CommandMatch.compile(when, false)
  return viewsOf(line).some((view) => demandsOf(matchesPart(view, { ...about, texts })) !== undefined)
}

type Table = ReadonlyArray<readonly [when: CommandCondition, yes: ReadonlyArray<string>, no: ReadonlyArray<string>]>

const holds = (matches: (when: CommandCondition, line: string) => boolean, table: Table) => {
  for (const [when, yes, no] of table) {
    expect([when, yes.filter((line) => !matches(when, line))]).toEqual([when, []])
    expect([when, no.filter((line) => matches(when, line))]).toEqual([when, []])
  }
}

describe("a rule that declines", () => {
  it("finds a command in what a program may run, by its arguments", () => {
    holds(declines, [
      [
        { program: "git", argsPrefix: ["push"] },
        ["run git push", "run 'git push'", "run git -C x push", "run x git push", "run git pull; run git push"],
        ["run git pull", "run git", "run git pull push", "run push", "run x push"]
      ],
      [
        { program: "git", argsPrefix: ["remote", "add"] },
        ["run git remote add", "run 'git -C x remote add y'"],
        ["run git remote", "run git add remote", "run git remote remove add"]
      ],
      [
        { program: "git", argsPrefix: ["push", "--force"] },
        ["run git push --force"],
        ["run git push", "run git --force"]
      ],
      [
        { program: "git", args: ["push", "x"] },
        ["run git push x", "run git push x y"],
        ["run git push", "run git x push", "run git push y"]
      ],
      [{ argsPrefix: ["push"] }, ["run x push", "run x y push"], ["run x y", "cat x push"]],
      [
        { program: "rm", flags: ["-r", "-f"] },
        ["run rm -r -f x", "run rm -rf", "run rm x -fr", "run x rm -r -f"],
        ["run rm -r x", "run rm -f x", "run rm x", "run -r -f rm x", "run x -r -f"]
      ],
      [{ program: "rm", flags: ["-r"], argsPrefix: ["x"] }, ["run rm -r x"], ["run rm x", "run rm -r y"]],
      [{ flags: ["-r"] }, ["run x -r"], ["run x -f"]]
    ])
  })

  it("finds it there by a pattern, anchored where a command may begin", () => {
    holds(declines, [
      [{ program: "rm", commandRegex: "secret" }, ["run rm secret", "run 'rm a secret'"], ["run rm x", "run secret"]],
      [
        { program: "rm", commandRegex: "^rm -r" },
        ["run x rm -r y", "run 'a; rm -r'"],
        ["run rm x -r", "run rm", "run x rm"]
      ],
      [{ commandRegex: "^rm x$" }, ["run rm x", "run a rm x"], ["run rm x y", "run xrm x", "cat rm x"]],
      [{ commandRegex: "\\Arm" }, ["run a rm"], ["run a xrm", "run x"]],
      [{ commandRegex: "b;c" }, ["run 'b;c'"], ["run 'b c'"]],
      [{ commandRegex: "b c" }, ["run 'b;c'"], ["run 'b;d;c'"]]
    ])
  })

  it("finds it there by the paths of its words", () => {
    holds(declines, [
      [
        { program: "rm", pathsWithin: "/etc" },
        ["run rm /etc/x", "run rm a /etc/x", "run rm /"],
        ["run rm x", "run rm", "run x /etc/y", "run /etc/y rm x"]
      ],
      [{ program: "cat", pathsWithin: "/repo" }, ["run cat", "run cat x"], ["run cat /etc/x"]],
      [
        { program: "rm", pathsWithin: "/repo/a/b" },
        ["run rm /repo/a", "run x rm /repo/a", "run rm a"],
        ["run rm /repo/c", "run rm /repo/a/c"]
      ],
      [{ program: "cat", pathsWithin: "/repo/a/b" }, ["run cat a/b"], ["run cat /repo/a"]]
    ])
  })

  it("finds redirections and variables there", () => {
    holds(declines, [
      [
        { redirectsWithin: "/etc" },
        ["run 'x > /etc/y'", "run 'x < /etc/y'", "x > /etc/y"],
        ["run 'x /etc/y'", "run 'x > /tmp/y'", "run x", "x > /tmp/y"]
      ],
      [
        { assigns: ["PATH"] },
        ["run 'PATH=x y'", "run 'a PATH=x'", "run 'XPATH=x PATH=y'", "run ';PATH=x'", "PATH=x y"],
        ["run 'XPATH=x'", "run 'PATHS=x'", "run PATH", "run '_PATH=x'", "X=1 y"]
      ],
      [{ assigns: ["A", "B"] }, ["run 'B=1'", "run 'A=1'", "B=1 x"], ["run 'C=1'"]],
      [{ program: "rm", assigns: ["A"] }, ["run 'A=1 rm'"], ["run 'A=1 x'", "run rm"]]
    ])
  })

  it("takes text that was made to take long, or is too open, for what it looks for", () => {
    const many = { program: "x", argsPrefix: ["y"] }
    expect(declines(many, `run '${"x ".repeat(100)}'`)).toBe(false)
    expect(declines(many, `run '${"x ".repeat(700)}'`)).toBe(false)
    expect(declines(many, `run '${"x ".repeat(800)}'`)).toBe(true)
    expect(declines({ program: "rm" }, `run '${"a? ".repeat(257)}'`)).toBe(true)
    expect(declines({ program: "rm" }, `run '${"a? ".repeat(10)}'`)).toBe(false)
  })

  it("does not look into what runs for conditions that are not about a command", () => {
    holds(declines, [
      [{ cwdWithin: "/etc" }, [], ["run x"]],
      [{ pathsWithin: "/etc" }, ["run /etc/x"], ["run x"]],
      [{ cwdWithin: "/repo", program: "rm" }, ["run rm", "rm"], ["run x"]],
      [{ cwdWithin: "/etc", program: "rm" }, [], ["run rm", "rm"]]
    ])
  })

  it("matches words that may be what it looks for", () => {
    holds(declines, [
      [
        { program: "ls", allowedFlags: ["-l"] },
        ["ls", "ls -l", "ls x", "ls -l -", "ls -a $X"],
        ["ls -a", "ls -l -a", "ls x -a", "ls -la"]
      ],
      [
        { argsPrefix: ["a"] },
        ["x -- a", "x -v a", "x -v y a", "x a b", "x -v y -w z a"],
        ["cat - a", "cat -v y z a", "cat y a", "cat"]
      ],
      [{ argsPrefix: ["a", "b"] }, ["x a b", "x a -v b", "x a -v c b"], ["x a", "x a c b", "x -v a c b"]],
      [{ args: ["a"] }, ["x a", "x $Y"], ["x", "x a b", "x b"]],
      [{ flags: ["-r", "-f"] }, ["x -r -f", "x -rf", "x -r $Y"], ["x -r", "x -f"]],
      [{ redirectsWithin: "/repo" }, ["x > a", "x 2> $Y"], ["x > /a", "x a", "x 2>&1"]],
      [{ pathsWithin: "/repo/a" }, ["x a", "x > a/b", "grep -r x /repo", "ls -R /"], ["x b", "x > b", "ls"]]
    ])
  })

  it("looks for a pattern in the whole command too", () => {
    expect(declines({ commandRegex: "whole" }, "ls", ["a", "the whole"])).toBe(true)
    expect(declines({ commandRegex: "whole" }, "ls", ["a", "b"])).toBe(false)
    expect(declines({ program: "cat", commandRegex: "whole" }, "ls", ["the whole"])).toBe(false)
    const { matchesPart } = CommandMatch.compile({ commandRegex: "whole" }, false)
    const texts = ["whole"]
    for (const line of ["a", "b"]) expect(matchesPart(first(line), { ...about, texts })).toEqual([])
    expect(demandsOf(matchesPart(first("a"), { ...about, texts: [] }))).toBeUndefined()
  })

  it("has to be told the working folder for a condition on it", () => {
    const { matchesPart } = CommandMatch.compile({ cwdWithin: "/repo" }, false)
    expect(matchesPart(first("ls"), about)).toEqual([])
    expect(demandsOf(matchesPart(first("ls"), { ...about, cwd: undefined }))).toBeUndefined()
    expect(demandsOf(matchesPart(first("ls", ["/x"]), about))).toBeUndefined()
  })

  it("asks about all places that a command names", () => {
    const looked = CommandMatch.lookedAt(first("run a -o/b --c=d 'e f' > g"))
    for (const path of ["/repo/a", "/b", "/repo/d", "/repo/e", "/repo/f", "/repo/g", "/repo/."]) {
      expect([path, looked.includes(path)]).toEqual([path, true])
    }
    expect(CommandMatch.lookedAt(first("run $X"))).not.toContain(undefined)
  })
})

describe("a rule that accepts", () => {
  it("asks for options that are surely there", () => {
    const any = { allowedFlags: ["*"] }
    holds(accepts, [
      [
        { flags: ["--force"] },
        ["x --force", "x --force=1"],
        ["x", "x --forces", "x --forces=1", "x --forc", "x a--force=1"]
      ],
      [{ ...any, flags: ["-f"] }, ["x -f", "x -rf", "x -fr"], ["x -rf5", "x a-f", "x --f", "x -", "x -é-f"]],
      [{ ...any, flags: ["--f"] }, ["x --f"], ["x -f", "x -xf"]],
      [{ ...any, flags: ["-fx"] }, ["x -fx"], ["x -fxy", "x -xf"]],
      [{ ...any, flags: ["-a|-b", "-c"] }, ["x -a -c", "x -bc"], ["x -a", "x -c", "x -a -b"]]
    ])
  })

  it("accepts only options that are spelled out", () => {
    holds(accepts, [
      [
        { program: "x", allowedFlags: ["-l", "--c", "-NUM"] },
        ["x", "x -l", "x -l5", "x -55", "x --c", "x --c=1", "x a - --", "x '--c=a\nb'"],
        ["x -5y", "x -m", "x -lm", "x --cc", "x --d=--c", "x -l-", "x --c-l"]
      ],
      [{ program: "x" }, ["x a"], ["x -a", "x --a"]],
      [{ args: ["-a"] }, ["x -a"], ["x -b", "x"]],
      [{ argsPrefix: ["-a"] }, ["x -a b"], ["x -a -b"]],
      [{ flags: ["-a"] }, ["x -a"], ["x -a -b"]],
      [{ commandRegex: "x (-a|--long-b )?.*" }, ["x -a", "x --long-b y", "x y"], ["x -c", "x --long", "x -long-b"]],
      [{ commandRegex: "x\\s-d.*" }, ["x -d"], ["x -s"]],
      [{ commandRegex: "x \\-e.*" }, ["x -e"], ["x -f"]],
      [{ commandRegex: "x.*", allowedFlags: ["-a"] }, ["x -a"], ["x -b"]],
      [{ commandRegex: "x (-a|-b)", allowedFlags: ["-a"] }, ["x -a"], ["x -b"]],
      [{ pathsWithin: "/repo" }, ["x --a b"], []],
      [{ program: "x", allowedFlags: ["*"] }, ["x -a --b"], ["y -a"]]
    ])
  })

  it("does not rely on the model's words alone", () => {
    holds(accepts, [
      [{ reasonRegex: ".*" }, [], ["x"]],
      [{ reasonRegex: ".*", cwdWithin: "/repo" }, [], ["x"]],
      [{ reasonRegex: ".*", anywhere: true }, [], ["x"]],
      [{ hasProposedExecpolicy: true, reasonRegex: ".*" }, [], ["x"]],
      [{ reasonRegex: ".*", program: "x" }, ["x"], ["y"]],
      [{ anywhere: true }, ["x"], []],
      [{}, ["x"], []]
    ])
  })

  it("does not bound a script by folders, but by all of its words", () => {
    holds(accepts, [
      [{ program: "sed" }, ["sed 1e a"], []],
      [{ program: "sed", pathsWithin: "/repo" }, ["sed 1p a"], ["sed 1e a"]],
      [{ program: "sed", pathsWithin: "/repo", args: ["1e", "a"] }, ["sed 1e a"], ["sed 1e b"]],
      [{ program: "sed", pathsWithin: "/repo", commandRegex: "sed 1e .*" }, ["sed 1e a"], ["sed 2e a"]],
      [{ program: "sed", pathsWithin: "/repo", argsPrefix: ["1e"] }, [], ["sed 1e a"]]
    ])
  })

  it("leaves protected files alone, but for those that it names", () => {
    const all = [...kinds]
    holds(accepts, [
      [{ program: "cp" }, ["cp a b", "cp .git/config b"], ["cp a .git/config", "cp a .bashrc"]],
      [{ program: "cp", protectedFiles: ["git"] }, ["cp a .git/config"], ["cp a .bashrc"]],
      [{ program: "tar", protectedFiles: ["git"] }, ["tar tf a"], ["tar xf a"]],
      [{ program: "tar", protectedFiles: all }, ["tar xf a"], []],
      [{ program: "tar" }, ["tar tf a"], ["tar xf a"]]
    ])
    const leaves = (line: string, certain: boolean, mayBe = [...kinds].slice(0, 0), folders?: ReadonlyArray<string>) =>
      CommandMatch.leavesAlone(folders === undefined ? first(line) : viewOf(first(line).part, folders), mayBe, certain)
    expect(leaves("echo > ~/.bashrc", false)).toBeUndefined()
    expect(leaves("echo > ~/.bashrc", false, all)).toEqual([])
    expect(leaves("echo > ~/x", false)).toEqual([])
    expect(leaves("rm $X", false)).toEqual([])
    expect(leaves("rm $X", true)).toBeUndefined()
    expect(leaves("tar xf a", false)).toHaveLength(1)
    expect(leaves("touch a /b/", true, [], ["/r", "/s"])).toEqual(
      ["/r/a", "/s/a", "/b/"].map((path) => ({ path, folders: undefined, mayBe: [], certain: true }))
    )
    const lost = viewOf(first("touch a").part, undefined)
    expect(CommandMatch.leavesAlone(lost, [], true)).toBeUndefined()
    expect(CommandMatch.leavesAlone(lost, [], false)).toEqual([])
    const touching = (count: number) => leaves(`touch ${"a ".repeat(count)}`, false)
    expect(touching(1_000)).toHaveLength(1_000)
    expect(touching(1_001)).toBeUndefined()
  })

  it("demands that paths lie where it says, and what is copied or followed too", () => {
    const demands = (when: CommandCondition, line: string, folders?: ReadonlyArray<string>) =>
      demandsOf(
        CommandMatch.compile(when, true).matchesPart(folders === undefined ? first(line) : first(line, folders), about)
      )
    const copy = demands({ program: "cp", allowedFlags: ["-r"] }, "cp -r a /b")
    expect(copy).toContainEqual({ path: "/repo/a", folders: undefined, mayBe: [], contents: true })
    expect(copy).toContainEqual({ path: "/b", folders: undefined, mayBe: [], certain: true })
    const lost = CommandMatch.compile({ program: "cp", allowedFlags: ["-r"] }, true).matchesPart
    expect(demandsOf(lost(viewOf(first("cp -r a /b").part, undefined), about))).toBeUndefined()
    expect(demandsOf(lost(viewOf(first("cp -r /a /b").part, undefined), about))).toBeDefined()
    const follow = demands({ program: "grep", allowedFlags: ["-R"], pathsWithin: "/repo" }, "grep -R x a")
    expect(follow).toContainEqual(expect.objectContaining({ path: "/repo/a", follow: true }))
    expect(demands({ program: "ls", cwdWithin: "/repo" }, "ls")).toHaveLength(1)
    expect(demands({ program: "ls", cwdWithin: "/repo" }, "ls", ["/repo", "/x"])).toBeUndefined()
    expect(demands({ program: "ls", pathsWithin: "/repo" }, "ls", ["/x"])).toBeUndefined()
    expect(demands({ program: "ls", pathsWithin: "/repo" }, "ls /repo/a", ["/x"])).toHaveLength(1)
    expect(demands({ program: "ls", redirectsWithin: "/x" }, "ls > /x/a")).toHaveLength(2)
    expect(CommandMatch.surelyWithin(["/a"], undefined, ["/a"])).toHaveLength(1)
    expect(CommandMatch.surelyWithin(["a"], undefined, ["/a"])).toBeUndefined()
    expect(CommandMatch.surelyWithin(["a", undefined], ["/a"], ["/a"])).toBeUndefined()
    expect(CommandMatch.surelyWithin(["b/"], ["/a"], ["/a"])).toHaveLength(1)
    expect(CommandMatch.surelyWithin(["b"], ["/a", "/b"], ["/a"])).toBeUndefined()
  })

  it("gives no reason for programs that it is not about", () => {
    const { whyNot } = CommandMatch.compile({ program: "ls", args: ["a"] }, true)
    expect(whyNot(first("ls b"))).toContain("arguments")
    for (const line of ["ls a", "cat b", "$X b", "A=1"]) expect([line, whyNot(first(line))]).toEqual([line, undefined])
    expect(CommandMatch.compile({ args: ["a"] }, true).whyNot(first("ls b"))).toBeUndefined()
    expect(CommandMatch.compile({ program: "ls" }, false).whyNot(first("ls -b"))).toBeUndefined()
  })
})

it("a rule about other programs matches no part that runs only one program", () => {
  const views = fixtures.flatMap((line) => {
    const parsed = ShellCommand.parse(line)
    return parsed._tag === "Parsed" ? parsed.parts.map((part) => viewOf(part, ["/repo"])) : []
  })
  const names = new Set(views.flatMap(({ program }) => program ?? []))
  let skipped = 0
  for (const name of [...names, "RM", "./ls", "/usr/bin/git"]) {
    for (const sure of [true, false]) {
      const { isAbout, matchesPart } = CommandMatch.compile({ program: name }, sure)
      for (const view of views) {
        if (view.program === undefined || view.programIsUnknown || view.possible !== undefined) continue
        if (isAbout(view.program)) continue
        skipped++
        expect([name, sure, view.part.source, demandsOf(matchesPart(view, about))]).toEqual([
          name,
          sure,
          view.part.source,
          undefined
        ])
      }
    }
  }
  expect(skipped).toBeGreaterThan(1_000)
  expect(CommandMatch.compile({ args: ["a"] }, true).isAbout("ls")).toBe(true)
  expect(CommandMatch.compile({ args: ["a"] }, false).isAbout("ls")).toBe(true)
  expect(CommandMatch.compile({ program: ["rm", "LS"] }, false).isAbout("/bin/ls")).toBe(true)
  expect(CommandMatch.compile({ program: ["rm", "ls"] }, true).isAbout("/bin/ls")).toBe(false)
})

describe("a condition on the request", () => {
  const matches = (when: CommandCondition, sure: boolean, more: Partial<CommandMatch.CommandView>) =>
    CommandMatch.compile(when, sure).matchesRequest({ ...about, ...more })

  it("holds for all that is asked in rules that accept, and for any of it in others", () => {
    const both = { requests: ["command", "networkApproval"] } as const
    expect(matches({ request: ["networkApproval"] }, true, both)).toBe(false)
    expect(matches({ request: ["networkApproval"] }, false, both)).toBe(true)
    expect(matches({ request: ["networkApproval", "command"] }, true, both)).toBe(true)
    expect(matches({ request: ["writeStdin"] }, false, both)).toBe(false)
    expect(matches({}, true, { requests: [] })).toBe(false)
    expect(matches({}, false, { requests: [] })).toBe(false)
    expect(matches({}, true, {})).toBe(true)
  })

  it("compares hosts without case, and needs one", () => {
    const when: CommandCondition = { networkHost: ["Example.com", "a.b"] }
    for (const sure of [true, false]) {
      expect(matches(when, sure, { networkHost: "example.COM" })).toBe(true)
      expect(matches(when, sure, { networkHost: "example.com.x" })).toBe(false)
      expect(matches(when, sure, {})).toBe(false)
    }
  })

  it("is plain if every request for a plain command passes", () => {
    const isPlain = (when: CommandCondition) => CommandMatch.compile(when, true).isPlain
    for (const when of [{}, { program: "x" }, { request: ["command", "writeStdin"] } as const]) {
      expect([when, isPlain(when)]).toEqual([when, true])
    }
    for (const when of [
      { reasonRegex: "x" },
      { threadIdRegex: "x" },
      { networkHost: "x" },
      { request: ["networkApproval"] } as const
    ]) {
      expect([when, isPlain(when)]).toEqual([when, false])
    }
  })
})
