/** What in a git repository may make git run something when it is told to read. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import * as path from "node:path"
import { type Allowance, maxBytes, problemOf } from "../src/internal/command/repository.ts"
import { makeFolder } from "./folders.ts"
import { makeRepository } from "./repository.ts"

const template = makeRepository()

interface Copy {
  readonly root: string
  readonly outside: string
  readonly write: (file: string, data: string | Uint8Array) => void
  readonly git: (...args: ReadonlyArray<string>) => string
}

const copy = (): Copy => {
  const base = makeFolder("copy")
  const root = path.join(base, "repo")
  const outside = path.join(base, "outside")
  cpSync(template.root, root, { recursive: true })
  mkdirSync(outside)
  return {
    root,
    outside,
    write: (file, data) => {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
      writeFileSync(path.join(root, file), data)
    },
    git: (...args) =>
      execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
        cwd: root,
        encoding: "utf8",
        env: { PATH: process.env["PATH"], HOME: base, GIT_CONFIG_NOSYSTEM: "1" },
        stdio: ["ignore", "pipe", "ignore"]
      })
  }
}

interface Asked {
  readonly folder?: string
  readonly folders?: ReadonlyArray<string>
  readonly opens?: boolean
  readonly plain?: boolean
  readonly left?: Partial<Allowance>
}

const problem = ({ outside, root }: Copy, asked: Asked = {}) => {
  const { folder = "", folders = [root], left, opens = false, plain = false } = asked
  return problemOf(
    { folder: path.join(root, folder), folders, opens, plain },
    { entries: 1_000, bytes: maxBytes, ...left }
  ).pipe(
    Effect.map((found) =>
      found?.replaceAll('"', "").replaceAll(`${root}/`, "").replaceAll(root, ".").replaceAll(outside, "outside")
    ),
    Effect.provide(NodeFileSystem.layer)
  )
}

/** Of a repository that this was done to. */
const after = (prepare: (repository: Copy) => void, asked?: Asked) =>
  Effect.suspend(() => {
    const repository = copy()
    prepare(repository)
    return problem(repository, asked)
  })

const config = (text: string, asked?: Asked) =>
  after(({ root }) => appendFileSync(path.join(root, ".git/config"), text), asked)

describe("a repository like any other", () => {
  it.live("is no problem, from any folder in it", () =>
    Effect.gen(function* () {
      const repository = copy()
      expect(yield* problem(repository)).toBeUndefined()
      expect(yield* problem(repository, { folder: "src" })).toBeUndefined()
      expect(yield* problem(repository, { opens: true, plain: true })).toBeUndefined()
      expect(yield* problem(repository, { folders: ["/"] })).toBeUndefined()
    })
  )

  it.live("is one if it lies elsewhere, is not complete, or cannot be found", () =>
    Effect.gen(function* () {
      const repository = copy()
      expect(yield* problem(repository, { folder: "../outside" })).toMatch(
        // Somebody may keep a repository around all temporary files.
        /is in no repository|does not lie in the allowed roots/
      )
      expect(yield* problem(repository, { folder: "src", folders: [path.join(repository.root, "src")] })).toBe(
        "the repository .git does not lie in the allowed roots"
      )
      const deep = Array.from({ length: 45 }, (_, index) => `d${index}`).join("/")
      expect(yield* problem(repository, { folder: deep })).toContain(
        "is nested too deeply to search for its repository"
      )
      symlinkSync("loop", path.join(repository.root, "loop"))
      expect(yield* problem(repository, { folder: "loop" })).toBe("the folder of the repository cannot be found")
      for (const part of ["HEAD", "objects", "refs"]) {
        const reason = yield* after(({ root }) => rmSync(path.join(root, ".git", part), { recursive: true }))
        expect([part, reason]).toEqual([part, ".git is not complete"])
      }
      for (const parts of [
        ["HEAD", "objects/"],
        ["HEAD", "commondir"]
      ]) {
        const reason = yield* after(
          ({ write }) => {
            for (const part of parts) write(`bare/${part.replace(/\/$/, "/x")}`, "")
          },
          { folder: "bare" }
        )
        expect([parts, reason]).toEqual([parts, "bare is a repository without a folder .git"])
      }
      for (const part of ["HEAD", "objects/x", "commondir"]) {
        expect([part, yield* after(({ write }) => write(`bare/${part}`, ""), { folder: "bare" })]).toEqual([
          part,
          undefined
        ])
      }
    })
  )

  it.live("is one if a part of it leads out", () =>
    Effect.gen(function* () {
      for (const part of [
        "index",
        "HEAD",
        "config",
        "objects",
        "objects/pack",
        "objects/info",
        "refs",
        "packed-refs",
        "info",
        "hooks",
        "logs"
      ]) {
        const reason = yield* after(({ outside, root }) => {
          const from = path.join(root, ".git", part)
          const to = path.join(outside, "part")
          try {
            renameSync(from, to)
          } catch {
            writeFileSync(to, "")
          }
          symlinkSync(to, from)
        })
        expect([part, reason]).toEqual([part, `.git/${part} does not lie in the allowed roots`])
      }
    })
  )

  it.live("may be told of by a file", () =>
    Effect.gen(function* () {
      const elsewhere = (text: string) =>
        after(({ root, write }) => {
          renameSync(path.join(root, ".git"), path.join(root, "kept"))
          write(".git", text)
        })
      expect(yield* elsewhere("gitdir: kept\n")).toBeUndefined()
      expect(yield* elsewhere("gitdir: ./kept")).toBeUndefined()
      for (const text of ["", "kept\n", "x\ngitdir: kept\n", "gitdir: kept\nx", "gitdir: \n"]) {
        expect([text, yield* elsewhere(text)]).toEqual([text, ".git cannot be read"])
      }
      expect(yield* elsewhere("gitdir: missing\n")).toBe("missing is not complete")
    })
  )

  it.live("may be a linked worktree, with what it shares", () =>
    Effect.gen(function* () {
      const linked = (prepare: (repository: Copy) => void) =>
        after(
          (repository) => {
            repository.git("worktree", "add", "-q", "linked")
            prepare(repository)
          },
          { folder: "linked" }
        )
      expect(yield* linked(() => {})).toBeUndefined()
      expect(
        yield* linked(({ root }) => appendFileSync(path.join(root, ".git/config"), "[core]\n\tpager = x\n"))
      ).toMatch(/^core\.pager in .* may name something that runs$/)
      const elsewhere = yield* linked(({ outside, root, write }) => {
        cpSync(path.join(root, ".git"), path.join(outside, "git"), { recursive: true })
        write(".git/worktrees/linked/commondir", `${outside}/git\n`)
      })
      expect(elsewhere).toBe("outside/git does not lie in the allowed roots")
      expect(yield* after(({ write }) => write(".git/commondir/x", ""))).toBe(".git/commondir cannot be read")
    })
  )

  it.live("is one if there is more of it than can be looked at", () =>
    Effect.gen(function* () {
      const repository = copy()
      expect(yield* problem(repository, { left: { bytes: 10 } })).toContain("cannot be read")
      expect(yield* problem(repository, { plain: true, left: { entries: 1 } })).toBe(
        "the repository has more files than can be checked"
      )
      // There are five folders, and nine files.
      expect(yield* problem(repository, { opens: true, left: { entries: 4 } })).toBe(
        "the repository has more files than can be checked"
      )
      expect(yield* problem(repository, { opens: true, left: { entries: 5 } })).toBeUndefined()
      expect(yield* problem(repository, { plain: true, left: { entries: 14 } })).toBeUndefined()
      expect(yield* problem(repository, { left: { entries: 0 } })).toBeUndefined()
    })
  )
})

describe("the configuration of a repository", () => {
  it.live("is no problem with keys that run nothing and lead nowhere", () =>
    Effect.gen(function* () {
      for (const text of [
        "[core]\n\tabbrev = 7\n\tquotePath = off\n\tcommitGraph = true\n\twhitespace = fix\n\tfsyncMethod = batch\n",
        '[remote "origin"]\n\turl = x\n\tgh-resolved = base\n',
        '[branch "x"]\n\tanything = x\n',
        "[user]\n\tname = A\n\temail = a@b\n[author]\n\tname = A\n[committer]\n\temail = a@b\n",
        '[submodule "x"]\n\turl = x\n\tactive = true\n',
        "[init]\n\tdefaultBranch = x\n[pull]\n\trebase = true\n[push]\n\tdefault = simple\n[fetch]\n\tprune = true\n",
        "[merge]\n\tff = only\n[color]\n\tx = y\n[column]\n\tui = x\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n",
        "[advice]\n\tx = y\n[commit]\n\tgpgSign = true\n[tag]\n\tsort = x\n[rerere]\n\tenabled = true\n",
        "[diff]\n\talgorithm = histogram\n\tignoreSubmodules = all\n[log]\n\tdate = iso\n[status]\n\tx = y\n",
        "[extensions]\n\trefStorage = files\n[lfs]\n\trepositoryFormatVersion = 0\n[http]\n\tversion = x\n",
        "[index]\n\tversion = 4\n[feature]\n\tmanyFiles = true\n[grep]\n\tlineNumber = true\n[rebase]\n\tautoStash = true\n",
        "[help]\n\tautocorrect = 1\n[versionsort]\n\tsuffix = x\n[blame]\n\tdate = iso\n",
        "[core]\n\tfsmonitor = false\n\tfsmonitor = 0\n\tfsmonitor = No\n\tfsmonitor = off\n",
        "# a\n; b\n   # c\n\n\t[core]  \n  abbrev\n abbrev=7 \n",
        '[branch "a\\"b\\\\c"]\n\tx = y\n[branch.x]\n\ty = z\n[branch.long-name.2]\n\ty = z\n',
        '[branch "x"]\n\thooksPath = ~/x\n\tfsmonitor = x\n[branch]\n\tworktree = ~/x\n',
        "[core]\r\n\tabbrev = 7\r\n"
      ]) {
        expect([text, yield* config(text)]).toEqual([text, undefined])
      }
    })
  )

  it.live("is one with any other key, and the key is named", () =>
    Effect.gen(function* () {
      for (const [text, key] of [
        ["[core]\n\tpager = x\n", "core.pager"],
        ["[core]\n\tfsmonitor = 1\n", "core.fsmonitor"],
        ["[core]\n\tfsmonitor = false-x\n", "core.fsmonitor"],
        ["[core]\n\tfsmonitor = xfalse\n", "core.fsmonitor"],
        ['[core "x"]\n\tabbrev = 7\n', "core.x.abbrev"],
        ['[core "x"]\n\tfsmonitor = false\n', "core.x.fsmonitor"],
        ['[core "x"]\n\thooksPath = hooks\n', "core.x.hookspath"],
        ['[diff "x"]\n\talgorithm = x\n', "diff.x.algorithm"],
        ['[merge "x"]\n\tff = x\n', "merge.x.ff"],
        ['[log "x"]\n\tdate = x\n', "log.x.date"],
        ['[gc "x"]\n\tauto = x\n', "gc.x.auto"],
        ['[http "x"]\n\tversion = x\n', "http.x.version"],
        ['[lfs "x"]\n\trepositoryFormatVersion = x\n', "lfs.x.repositoryformatversion"],
        ['[extensions "x"]\n\trefStorage = x\n', "extensions.x.refstorage"],
        ["[constructor]\n\tname = x\n", "constructor.name"],
        ["[remote]\n\tpromisor = x\n", "remote.promisor"],
        ["[user]\n\t = x\n", undefined],
        ["[CORE]\n\tPAGER = x\n", "core.pager"]
      ] as const) {
        const expected =
          key === undefined
            ? "the line = x of .git/config is not understood"
            : `${key} in .git/config may name something that runs`
        expect([text, yield* config(text)]).toEqual([text, expected])
      }
    })
  )

  it.live("is one if a line of it is not understood", () =>
    Effect.gen(function* () {
      for (const text of [
        "[core] x = y\n",
        "[core\n",
        "x[core]\n",
        '[branch "x]\n',
        "[branch]\n\tx = y\\\n",
        "[branch]\n\tx = y\\\r\n",
        "[branch]\n\t1x = y\n",
        "[branch]\n\tx y\n",
        "[branch]\n\tx_ = y\n",
        `[branch]\n\tx = ${"y".repeat(2_000)}\n`
      ]) {
        expect([text.slice(0, 30), yield* config(text)]).toEqual([
          text.slice(0, 30),
          expect.stringMatching(/^the line .* of .git\/config is not understood$/s)
        ])
      }
      expect(yield* config(`[branch]\n\tx = ${"y".repeat(1_990)}\n`)).toBeUndefined()
      expect(yield* after(({ write }) => write(".git/config", "x = y\n"))).toContain("is not understood")
    })
  )

  it.live("is looked at with what it includes, in the allowed roots and not too deep", () =>
    Effect.gen(function* () {
      const including = (value: string, files: Readonly<Record<string, string>> = {}, section = "include") =>
        after(({ root, write }) => {
          appendFileSync(path.join(root, ".git/config"), `[${section}]\n\tpath = ${value}\n`)
          for (const [file, text] of Object.entries(files)) write(file, text)
        })
      const bad = "[core]\n\tpager = x\n"
      expect(yield* including("more", { ".git/more": "[core]\n\tabbrev = 7\n" })).toBeUndefined()
      expect(yield* including("missing")).toBeUndefined()
      // Without a value, it names the folder.
      expect(yield* config("[include]\n\tpath\n")).toContain("cannot be read")
      expect(yield* including("more", { ".git/more": bad })).toBe(
        "core.pager in .git/more may name something that runs"
      )
      expect(yield* including("../more", { more: bad }, 'includeIf "gitdir:x"')).toContain("core.pager")
      expect(yield* including("../more", { more: "[core]\n\tworktree = .\n" })).toBe(
        "core.worktree in .git/../more leads elsewhere"
      )
      for (const value of ["../../outside/x", "~/x", '"more"', "mo\\re", "more # x", "more ; x"]) {
        expect([value, yield* including(value)]).toEqual([
          value,
          "include.path in .git/config leads out of the allowed roots"
        ])
      }
      const chain = (length: number) =>
        Object.fromEntries(
          Array.from({ length }, (_, index) => [
            `.git/c${index}`,
            index === length - 1 ? "" : `[include]\n\tpath = c${index + 1}\n`
          ])
        )
      expect(yield* including("c0", chain(5))).toBeUndefined()
      expect(yield* including("c0", chain(6))).toContain("is included too deeply")
    })
  )

  it.live("may say where the hooks and the files lie, if that changes nothing", () =>
    Effect.gen(function* () {
      expect(yield* config("[core]\n\thooksPath = hooks\n")).toBeUndefined()
      expect(yield* config("[core]\n\tworktree = ..\n")).toBeUndefined()
      for (const value of ["../..", "../src", "~", '"../"']) {
        expect([value, yield* config(`[core]\n\tworktree = ${value}\n`)]).toEqual([
          value,
          "core.worktree in .git/config leads elsewhere"
        ])
      }
      expect(yield* config("[core]\n\thooksPath = ~/hooks\n")).toBe("core.hookspath in .git/config leads elsewhere")
      const hooked = yield* after(({ root, write }) => {
        write("hooks/post-index-change", "")
        appendFileSync(path.join(root, ".git/config"), "[core]\n\thooksPath = hooks\n")
      })
      expect(hooked).toBe("the hook post-index-change in core.hookspath of .git/config would run")
      expect(yield* after(({ write }) => write(".git/hooks/post-index-change", ""))).toBe(
        "the hook post-index-change would run"
      )
      expect(yield* after(({ write }) => write(".git/objects/info/alternates", ""))).toBe(
        "objects/info/alternates names other repositories"
      )
      expect(yield* after(({ write }) => write(".git/config.worktree", "[core]\n\tpager = x\n"))).toBe(
        "core.pager in .git/config.worktree may name something that runs"
      )
    })
  )
})

describe("the attributes of a repository", () => {
  const files = [".gitattributes", ".git/info/attributes", "src/.gitattributes", "src/deep/.gitattributes"]

  it.live("are no problem with drivers that git has", () =>
    Effect.gen(function* () {
      const text = "# filter=x\n*.a diff=ada\n*.b text diff=python merge=x\n*.c -text filter\n*.d diff\n"
      for (const file of files) {
        expect([file, yield* after(({ write }) => write(file, text), { folder: "src/deep" })]).toEqual([
          file,
          undefined
        ])
      }
    })
  )

  it.live("are one with another, wherever they stand", () =>
    Effect.gen(function* () {
      for (const file of files) {
        for (const driver of ["filter=lfs", "diff=x", "diff=constructor", "filter="]) {
          const reason = yield* after(
            ({ root, write }) => {
              mkdirSync(path.join(root, "src/deep"), { recursive: true })
              write(file, `*.a text\n*.b\t${driver === "filter=" ? "filter=a" : driver} text\n`)
            },
            { folder: "src/deep" }
          )
          expect([file, driver, reason]).toEqual([
            file,
            driver,
            `${driver === "filter=" ? "filter=a" : driver} in ${file} may name something that runs`
          ])
        }
      }
      // A link may lead to what never ends.
      for (const file of files) {
        const reason = yield* after(
          ({ root }) => {
            mkdirSync(path.join(root, "src/deep"), { recursive: true })
            symlinkSync(path.join(root, "README.md"), path.join(root, file))
          },
          { folder: "src/deep" }
        )
        expect([file, reason]).toEqual([file, `${file} cannot be read`])
      }
      expect(
        yield* after(({ write }) => write("docs/.gitattributes", "* filter=x\n"), { folder: "src" })
      ).toBeUndefined()
    })
  )
})

describe("the index of a repository", () => {
  const add = ({ git }: Copy, name: string, mode = "100644") => {
    const blob = git("rev-parse", "HEAD:README.md").trim()
    git("update-index", "--add", "--cacheinfo", `${mode},${blob},${name}`)
  }

  it.live("has names that a list of them can be split into", () =>
    Effect.gen(function* () {
      for (const name of ["x y", "x'y", 'x"y', "x\\y", "x*", "x?", "x[y", "x]y", "-x", "\u00fc", "x\ty", "\u007f"]) {
        const repository = copy()
        add(repository, name)
        expect([name, yield* problem(repository)]).toEqual([name, undefined])
        expect([name, yield* problem(repository, { plain: true })]).toEqual([
          name,
          expect.stringContaining("may be taken for something else")
        ])
      }
      const repository = copy()
      for (const name of ["x-y", "!x", "~x", "x.y/z", "x@y"]) add(repository, name)
      expect(yield* problem(repository, { plain: true })).toBeUndefined()
    })
  )

  it.live("has links and folders that may lead out", () =>
    Effect.gen(function* () {
      const repository = copy()
      add(repository, "link", "120000")
      symlinkSync("../outside", path.join(repository.root, "link"))
      expect(yield* problem(repository, { plain: true })).toBe("link leads out of the allowed roots")
      expect(yield* problem(repository, { opens: true })).toBeUndefined()
      const inner = copy()
      add(inner, "link", "120000")
      symlinkSync("src", path.join(inner.root, "link"))
      expect(yield* problem(inner, { plain: true })).toBeUndefined()
      const exchanged = copy()
      rmSync(path.join(exchanged.root, "src"), { recursive: true })
      symlinkSync("../outside", path.join(exchanged.root, "src"))
      expect(yield* problem(exchanged)).toBeUndefined()
      for (const asked of [{ opens: true }, { plain: true }]) {
        expect([asked, yield* problem(exchanged, asked)]).toEqual([asked, "src leads out of the allowed roots"])
      }
      const file = copy()
      rmSync(path.join(file.root, "src/a.ts"))
      symlinkSync("../../outside/x", path.join(file.root, "src/a.ts"))
      expect(yield* problem(file, { opens: true })).toBeUndefined()
      expect(yield* problem(file, { plain: true })).toBe("src/a.ts leads out of the allowed roots")
    })
  )

  it.live("is understood in all its versions", () =>
    Effect.gen(function* () {
      const repository = copy()
      // Names that share much and then little, and one that is only announced.
      for (const name of ["x".repeat(200), `${"x".repeat(200)}y`, `${"x".repeat(199)}z a`, "y"]) add(repository, name)
      repository.write("later", "")
      repository.git("add", "-N", "later")
      for (const version of ["2", "3", "4"]) {
        repository.git("update-index", "--index-version", version)
        expect([version, yield* problem(repository)]).toEqual([version, undefined])
        const reason = yield* problem(repository, { plain: true })
        expect([version, reason]).toEqual([version, expect.stringContaining("may be taken for something else")])
      }
      const ordinary = copy()
      for (const name of ["x".repeat(200), `${"x".repeat(200)}y`, "y", "z".repeat(400), "zz"]) add(ordinary, name)
      for (const version of ["2", "4"]) {
        ordinary.git("update-index", "--index-version", version)
        expect([version, yield* problem(ordinary, { plain: true })]).toEqual([version, undefined])
      }
    })
  )

  it.live("is a problem if it is not understood", () =>
    Effect.gen(function* () {
      const index = (change: (bytes: Buffer<ArrayBuffer>) => Uint8Array) =>
        after(({ root, write }) =>
          write(".git/index", change(Buffer.from(readFileSync(path.join(root, ".git/index")))))
        )
      const set = (at: number, value: number) => (bytes: Buffer<ArrayBuffer>) => {
        bytes[at] = value
        return bytes
      }
      expect(yield* index((bytes) => bytes)).toBeUndefined()
      const extension = (name: string, length: number) => (bytes: Buffer<ArrayBuffer>) =>
        Buffer.concat([
          bytes.subarray(0, bytes.length - 20),
          Buffer.from(name),
          Buffer.from([0, 0, 0, length]),
          Buffer.alloc(4),
          bytes.subarray(bytes.length - 20)
        ])
      expect(yield* index(extension("ABCD", 4))).toBeUndefined()
      expect(yield* index(extension("ZBCD", 4))).toBeUndefined()
      for (const [what, change] of [
        ["another file", set(0, 0x44 + 1)],
        ["version 1", set(7, 1)],
        ["version 5", set(7, 5)],
        ["more entries than there are", set(11, 200)],
        ["fewer entries than there are", set(11, 1)],
        ["an extension that matters", extension("link", 4)],
        ["an extension that begins below A", extension("@bcd", 4)],
        ["an extension that begins above Z", extension("[bcd", 4)],
        ["an extension that is too long", extension("ABCD", 5)],
        ["an extension that is too short", extension("ABCD", 3)],
        ["nothing", () => Buffer.alloc(0)],
        ["less than a head", (bytes: Buffer) => bytes.subarray(0, 31)],
        ["half of it", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)]
      ] as const) {
        expect([what, yield* index(change)]).toEqual([what, "the index of the repository is not understood"])
      }
      const inVersion4 = (change: (bytes: Buffer<ArrayBuffer>) => Uint8Array) =>
        after(({ git, root, write }) => {
          git("update-index", "--index-version", "4")
          write(".git/index", change(Buffer.from(readFileSync(path.join(root, ".git/index")))))
        })
      expect(yield* inVersion4((bytes) => bytes)).toBeUndefined()
      for (const [what, change] of [
        ["a name that removes more than the one before has", set(12 + 62, 1)],
        ["a name without an end", (bytes: Buffer) => bytes.subarray(0, 12 + 62 + 6)],
        ["half of it", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)]
      ] as const) {
        expect([what, yield* inVersion4(change)]).toEqual([what, "the index of the repository is not understood"])
      }
      expect(yield* after(({ root }) => rmSync(path.join(root, ".git/index")))).toBeUndefined()
    })
  )

  it.live("has submodules that are looked at, if they are there", () =>
    Effect.gen(function* () {
      const repository = copy()
      const commit = repository.git("rev-parse", "HEAD").trim()
      repository.git("update-index", "--add", "--cacheinfo", `160000,${commit},sub`)
      mkdirSync(path.join(repository.root, "sub"))
      expect(yield* problem(repository)).toBeUndefined()
      cpSync(template.root, path.join(repository.root, "sub"), { recursive: true })
      expect(yield* problem(repository)).toBeUndefined()
      appendFileSync(path.join(repository.root, "sub/.git/config"), "[core]\n\tpager = x\n")
      expect(yield* problem(repository)).toBe("core.pager in sub/.git/config may name something that runs")
      writeFileSync(
        path.join(repository.root, "sub/.git/config"),
        readFileSync(path.join(template.root, ".git/config"))
      )
      execFileSync("git", ["update-index", "--add", "--cacheinfo", `160000,${commit},nested`], {
        cwd: path.join(repository.root, "sub")
      })
      expect(yield* problem(repository)).toBeUndefined()
      cpSync(template.root, path.join(repository.root, "sub/nested"), { recursive: true })
      expect(yield* problem(repository)).toBe("the submodule nested is nested")
    })
  )
})
