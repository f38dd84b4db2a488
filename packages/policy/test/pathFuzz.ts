/**
 * Lines with links, dots and missing parts, and what real Bash and the kernel make of them: no file outside of the allowed
 * root may be read or written by a line that is accepted, no protected file written, and no line may be accepted that a rule
 * declines by what it reads.
 *
 * Worlds and lines follow from the seed. The tree lies so deep that no path in it leads up to anything else.
 */
import { spawnSync } from "node:child_process"
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import { commandRequest, wrapped } from "./rulesSupport.ts"

export interface Violation {
  /** The number of the world, for `from`. */
  readonly batch: number
  readonly rubric: string
  readonly cwd: string
  readonly line: string
  /** What was read or written that must not be. */
  readonly effects: ReadonlyArray<string>
  readonly links: Readonly<Record<string, string>>
}

export interface Report {
  readonly lines: number
  /** Lines that read or wrote something at all. */
  readonly effective: number
  /** Of those that stayed inside of the root and away from protected files: how many there are, and how many were accepted. */
  readonly inside: number
  readonly accepted: number
  /** Lines that reached what a rule declines, each of which was declined, and lines that did not and were. */
  readonly secret: number
  readonly declinedInVain: number
  readonly violations: ReadonlyArray<Violation>
}

// mulberry32
const random = (seed: number) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    chance: (share: number) => next() < share,
    one: <A>(from: ReadonlyArray<A>): A => from[below(from.length)]!
  }
}
type Random = ReturnType<typeof random>

const folders = [
  "repo",
  "repo/a",
  "repo/a/b",
  "repo/a/b/c",
  "repo/d",
  "repo/secrets",
  "repo/secrets/a",
  "repo/.git",
  "repo/.git/hooks",
  "outside",
  "outside/a",
  "outside/a/b"
]
const files = [
  ...folders.map((folder) => `${folder}/f`),
  "repo/g",
  "repo/a/g",
  "repo/.git/config",
  "outside/g",
  "outside/a/b/g"
]
const linkNames = ["l", "m", "n", "o"]
const names = ["a", "b", "c", "d", "f", "g", "secrets", ".git", "hooks", "new", "a", "b", ...linkNames, ...linkNames]

const component = (r: Random): string =>
  r.chance(0.22) ? ".." : r.chance(0.08) ? "." : r.chance(0.02) ? "" : r.one(names)

const relative = (r: Random): string => {
  const parts = Array.from({ length: 1 + r.below(r.chance(0.2) ? 6 : 3) }, () => component(r))
  // No more of them than the tree is deep, links in between included.
  let ups = 0
  const bounded = parts.filter((part) => part !== ".." || ++ups <= 3)
  const text = bounded.join("/").replace(/^\/+/, "")
  return text === "" ? "." : r.chance(0.04) ? `${text}/` : text
}

const depth = 40

/** A tree of its own, with links that the seed chooses. `pristine` is a copy, for lines that write. */
const makeWorld = (r: Random, base: string) => {
  const links: Record<string, string> = {}
  const world = path.join(base, ...Array.from({ length: depth }, () => "x"), "w")
  mkdirSync(world, { recursive: true })
  for (const folder of folders) mkdirSync(path.join(world, folder), { recursive: true })
  for (const file of files) writeFileSync(path.join(world, file), `ID:${file}\n`)
  for (let index = 0; index < 12; index++) {
    const link = `${r.one(folders)}/${r.one(linkNames)}`
    if (links[link] !== undefined) continue
    const target = r.chance(0.2) ? path.join(world, r.one([...folders, ...files, "outside/new"])) : relative(r)
    links[link] = target
    symlinkSync(target, path.join(world, link))
  }
  const pristine = path.join(base, "pristine")
  rmSync(pristine, { recursive: true, force: true })
  cpSync(world, pristine, { recursive: true, verbatimSymlinks: true })
  return { links, pristine, world }
}

/** A path that mostly leads somewhere, as seen from a folder: what is there is chosen from, links and `..` among it. */
const walked = (r: Random, start: string, entries: (folder: string) => ReadonlyArray<string>): string => {
  let at = start
  let ups = 0
  const parts: Array<string> = []
  const length = 1 + r.below(r.chance(0.3) ? 6 : 3)
  for (let index = 0; index < length; index++) {
    const there = entries(at)
    const name = r.chance(0.14) && ups < 3 ? ".." : r.chance(0.12) || there.length === 0 ? component(r) : r.one(there)
    if (name === ".." && ++ups > 3) continue
    parts.push(name)
    at = real(`${at}/${name}`)
    if (index >= 1 && there.includes(name) && entries(at).length === 0) break
  }
  const text = parts.join("/").replace(/^\/+/, "")
  return text === "" ? "." : text
}

interface Line {
  readonly line: string
  readonly cwd: string
  readonly writes: boolean
  /** Whether the shell knows its folder by the name that it was given. */
  readonly logical: boolean
}

const makeLine = (r: Random, world: string, entries: (folder: string) => ReadonlyArray<string>): Line => {
  const home = path.join(world, r.one(folders.filter((folder) => /^repo(?!.*(?:secrets|\.git))/.test(folder))))
  const link = r.chance(0.15) ? `${home}/${r.one(linkNames)}` : home
  const cwd = isFolder(link) ? link : home
  let here = cwd
  const step = () => (r.chance(0.15) ? relative(r) : walked(r, here, entries))
  const p = () => {
    if (!r.chance(0.06)) return step()
    const folder = path.join(world, r.one(folders))
    return `${folder}/${walked(r, folder, entries)}`
  }
  const join = () => r.one([" && ", " && ", "; ", " || "])
  const reads = (): string =>
    r.one([
      () => `cat ${p()}`,
      () => `cat ${p()} ${p()}`,
      () => `cat < ${p()}`,
      () => `head -n 3 ${p()}`,
      () => `grep -h ID ${p()}`,
      () => `grep -rh ID ${p()}`,
      () => `grep -Rh ID ${p()}`,
      () => "grep -rh ID",
      () => `cat ${p()} | cat`,
      () => `cat '${p()}'`
    ])()
  const write = (): string =>
    r.one([
      () => `echo x > ${p()}`,
      () => `echo x >> ${p()}`,
      () => `touch ${p()}`,
      () => `cp ${p()} ${p()}`,
      () => `cp -r ${p()} ${p()}`,
      () => `mkdir -p ${p()}`,
      () => `tee ${p()} < ${p()}`,
      () => `mv ${p()} ${p()}`,
      () => `ln -s ${p()} ${p()}`,
      () => `ln ${p()} ${p()}`,
      () => `dd if=${p()} of=${p()}`
    ])()
  const moves = (): string =>
    Array.from({ length: r.below(3) }, () => {
      const folder = p()
      const there = folder.startsWith("/") ? folder : `${here}/${folder}`
      if (isFolder(there)) here = real(there)
      return `cd ${folder}${join()}`
    }).join("")
  const writes = r.chance(0.25)
  const line = writes
    ? `${r.chance(0.4) ? moves() : ""}${write()}${r.chance(0.4) ? `${join()}${r.chance(0.7) ? reads() : write()}` : ""}`
    : `${r.chance(0.6) ? moves() : ""}${reads()}${r.chance(0.2) ? `${join()}${reads()}` : ""}`
  return { line, cwd, writes, logical: r.chance(0.5) }
}

const isFolder = (name: string): boolean => orElse(() => lstatSync(`${name}/.`).isDirectory(), false)
// The kernel's; the other one takes `..` out by name.
const real = (name: string): string => orElse(() => realpathSync.native(name), name)
const orElse = <A>(get: () => A, other: A): A => {
  try {
    return get()
  } catch {
    return other
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** What each line read and wrote, as paths in the world. */
const runAll = (
  lines: ReadonlyArray<Line>,
  { pristine, world }: { readonly pristine: string; readonly world: string }
): ReadonlyArray<ReadonlyArray<string>> => {
  const reset = `rm -rf ${quote(world)} && cp -a ${quote(pristine)} ${quote(world)}`
  const script = lines
    .flatMap(({ cwd, line, logical, writes }, index) => [
      `printf '\\n@%d\\n' ${index}`,
      `( cd ${logical ? "-L" : "-P"} ${quote(cwd)} && eval ${quote(line)} ) < /dev/null 2> /dev/null`,
      ...(writes
        ? [`printf '\\n#\\n'; diff -rq --no-dereference ${quote(pristine)} ${quote(world)} || { ${reset}; }`]
        : [])
    ])
    .join("\n")
  const { error, stdout } = spawnSync("/bin/bash", ["--norc", "--noprofile"], {
    cwd: "/",
    input: script,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
    maxBuffer: 1 << 28
  })
  if (error !== undefined) throw error
  const found = new Map<number, ReadonlyArray<string>>()
  for (const piece of stdout.split(/^@(?=\d+$)/m).slice(1)) {
    const [output = "", changes = ""] = piece.split(/^#$/m)
    const read = [...output.matchAll(/ID:(.+)/g)].flatMap(([, file]) => (file === undefined ? [] : [`read ${file}`]))
    const written = changes.split("\n").flatMap((text) => {
      const only = /^Only in (.+): (.+)$/.exec(text)
      const place = only === null ? / and (.+?) (?:differ$|is a |are )/.exec(text)?.[1] : `${only[1]}/${only[2]}`
      const differs = /^(?:Files|Symbolic links) (.+) and .+ differ$/.exec(text)?.[1] ?? place
      const file = differs === undefined ? /^File (.+?) is a .+ while/.exec(text)?.[1] : differs
      if (file === undefined) return []
      return [`write ${path.relative(file.startsWith(`${pristine}/`) ? pristine : world, file)}`]
    })
    found.set(Number.parseInt(piece, 10), [...new Set([...read, ...written])])
  }
  return lines.map((_, index) => found.get(index) ?? [])
}

const strict: Rubric.PolicyRubric = {
  mode: "strict",
  allowedRoots: ["."],
  commandRules: [
    {
      when: {
        program: ["cat", "head", "grep", "cd", "echo", "touch", "cp", "mkdir", "tee", "mv", "ln", "dd"],
        allowedFlags: ["*"],
        pathsWithin: ".",
        redirectsWithin: "."
      },
      decision: "accept"
    }
  ]
}
const balanced: Rubric.PolicyRubric = { mode: "balanced", allowedRoots: ["."] }
const declining: Rubric.PolicyRubric = {
  mode: "permissive",
  commandRules: [{ when: { pathsWithin: "secrets" }, decision: "decline" }]
}

// The real file system, asked without waiting: a world has no other user.
const layerNow = Layer.effect(FileSystem.FileSystem)(
  Effect.map(FileSystem.FileSystem, (fs) => {
    const ask = <A>(method: string, name: string, get: () => A) =>
      Effect.try({
        try: get,
        catch: (cause) =>
          PlatformError.systemError({
            _tag: (cause as NodeJS.ErrnoException).code === "ENOENT" ? "NotFound" : "Unknown",
            module: "FileSystem",
            method,
            pathOrDescriptor: name
          })
      })
    return {
      ...fs,
      lstat: (name: string) =>
        ask("lstat", name, () => {
          const stats = lstatSync(name)
          const type = stats.isSymbolicLink() ? "SymbolicLink" : stats.isDirectory() ? "Directory" : "File"
          return { type } as FileSystem.File.Info
        }),
      readLink: (name: string) => ask("readLink", name, () => readlinkSync(name))
    }
  })
).pipe(Layer.provide(NodeFileSystem.layer))

const isOutside = (effect: string): boolean => /^(?:read|write) (?:outside|\.\.)/.test(effect)
const isProtected = (effect: string): boolean => /^write .*\.git(?:\/|$)/.test(effect)
const isSecret = (effect: string): boolean => /^(?:read|write) repo\/secrets(?:\/|$)/.test(effect)

const perWorld = 250

/** Runs that many lines, and tells what must not have been. */
export const fuzz = Effect.fnUntraced(
  function* (options: { readonly seed: number; readonly count: number; readonly from?: number }) {
    const violations: Array<Violation> = []
    let lines = 0
    let effective = 0
    let inside = 0
    let accepted = 0
    let secret = 0
    let declinedInVain = 0
    const base = realpathSync(mkdtempSync(path.join(tmpdir(), "effect-codex-paths-")))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(base, { recursive: true, force: true })))
    for (let batch = options.from ?? 0; lines < options.count; batch++) {
      const seed = (options.seed * 1_000_003 + batch) >>> 0
      const r = random(seed)
      rmSync(path.join(base, "x"), { recursive: true, force: true })
      const tree = makeWorld(r, base)
      const repo = path.join(tree.world, "repo")
      const known = new Map<string, ReadonlyArray<string>>()
      const entries = (folder: string): ReadonlyArray<string> => {
        const found = known.get(folder) ?? orElse(() => readdirSync(folder).toSorted(), [])
        known.set(folder, found)
        return found
      }
      const batchLines = Array.from({ length: Math.min(perWorld, options.count - lines) }, () =>
        makeLine(r, tree.world, entries)
      )
      lines += batchLines.length

      const engines = yield* Effect.forEach([strict, balanced, declining], (rubric) =>
        RuleBasedPolicy.make(rubric, { baseDirectory: repo })
      )
      const verdicts: Array<ReadonlyArray<boolean>> = []
      for (const { cwd, line } of batchLines) {
        const request = commandRequest({ command: verdicts.length % 2 === 0 ? line : wrapped(line), cwd })
        verdicts.push(
          yield* Effect.forEach(engines, (engine) =>
            Effect.map(engine.command(request), (verdict) => verdict?.decision === "accept")
          )
        )
      }

      const effects = runAll(batchLines, tree)
      for (const [index, { cwd, line }] of batchLines.entries()) {
        const found = effects[index] ?? []
        const [byStrict = false, byBalanced = false, byDeclining = false] = verdicts[index] ?? []
        const bad = found.filter((effect) => isOutside(effect) || isProtected(effect))
        const secrets = found.filter(isSecret)
        if (found.length > 0) effective++
        if (found.length > 0 && bad.length === 0) {
          inside++
          if (byStrict) accepted++
        }
        if (secrets.length > 0) secret++
        else if (!byDeclining && found.length > 0 && !found.some(isProtected)) declinedInVain++
        const tell = (rubric: string, effects: ReadonlyArray<string>) =>
          void violations.push({ batch, rubric, cwd: path.relative(tree.world, cwd), line, effects, links: tree.links })
        if (byStrict && bad.length > 0) tell("strict", bad)
        if (byBalanced && [...bad, ...found.filter((effect) => effect.startsWith("write"))].length > 0)
          tell("balanced", bad)
        if (byDeclining && secrets.length > 0) tell("declining", secrets)
      }
    }
    const report: Report = { lines, effective, inside, accepted, secret, declinedInVain, violations }
    return report
  },
  Effect.scoped,
  Effect.provide(layerNow)
)
