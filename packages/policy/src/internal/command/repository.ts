/**
 * Finds out whether the reading commands of git do nothing but read in a repository.
 *
 * Git runs programs that the configuration of a repository names, and its hooks. So every key of the configuration must be
 * known to run nothing and to lead nowhere else. The check includes included files, linked worktrees, submodules, and the
 * attributes that select filters. The user's own configuration for all repositories is trusted.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as PathWithin from "../../PathWithin.ts"
import { short } from "../text.ts"

interface Place {
  readonly folder: string
  readonly folders: ReadonlyArray<string>
  readonly opens: boolean
  readonly plain: boolean
}

/** The number of entries and bytes that may still be read for one request. */
export interface Allowance {
  entries: number
  bytes: number
}

/** Enough for the index of a repository with a quarter of a million files. */
export const maxBytes = 32 * 1024 * 1024
const maxTextLength = 1024 * 1024
// The maximum length of a line of a configuration.
const maxLineLength = 2_000
const maxDepth = 5
// The maximum number of parent folders that are searched for a repository.
const maxLevels = 40

const exists = (path: string): Effect.Effect<boolean, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return (yield* Effect.isSuccess(fs.readLink(path))) || (yield* Effect.isSuccess(fs.stat(path)))
  })

// `undefined`: the file does not exist. A file that cannot be read is a problem. So is anything else than a regular file: a pipe
// or a device never ends, and a link may lead to one.
const bytesOf = Effect.fnUntraced(function* (
  path: string,
  left: Allowance,
  maxLength = maxBytes
): Effect.fn.Return<Result.Result<Uint8Array | undefined, string>, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const problem = Result.fail(`${short(path)} cannot be read`)
  const info = yield* Effect.result(fs.lstat(path))
  if (Result.isFailure(info)) return info.failure.reason._tag === "NotFound" ? Result.succeed(undefined) : problem
  if (info.success.type !== "File" || info.success.size > Math.min(left.bytes, maxLength)) return problem
  left.bytes -= Number(info.success.size)
  return Result.mapError(yield* Effect.result(fs.readFile(path)), () => `${short(path)} cannot be read`)
})

const textOf = (path: string, left: Allowance) =>
  Effect.map(
    bytesOf(path, left, maxTextLength),
    Result.map((bytes) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes)))
  )

/** The reason why git may do more than read in the repository of a folder; `undefined` if it only reads. */
export const problemOf = (
  place: Place,
  left: Allowance
): Effect.Effect<string | undefined, never, FileSystem.FileSystem> => lookAt(place, left, 0)

const lookAt = Effect.fnUntraced(function* (
  { folder, folders, opens, plain }: Place,
  left: Allowance,
  depth: number
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const real = yield* PathWithin.real(folder)
  if (real === undefined) return "the folder of the repository cannot be found"
  let top: string | undefined = real
  if (real.split("/").length > maxLevels) return `${short(folder)} is nested too deeply to search for its repository`
  for (; top !== undefined; top = top === "/" ? undefined : top.slice(0, top.lastIndexOf("/")) || "/") {
    const base: string = top === "/" ? "" : top
    if (yield* exists(`${base}/.git`)) break
    // A folder with these entries is a repository itself, and git uses its configuration.
    if (
      (yield* exists(`${base}/HEAD`)) &&
      ((yield* exists(`${base}/objects`)) || (yield* exists(`${base}/commondir`)))
    ) {
      return `${short(top)} is a repository without a folder .git`
    }
  }
  if (top === undefined) return `${short(folder)} is in no repository`
  const inside = (path: string) => PathWithin.isReallyWithin(path, folders)

  let gitFolder = `${top === "/" ? "" : top}/.git`
  if (!(yield* inside(gitFolder))) return `the repository ${short(gitFolder)} does not lie in the allowed roots`
  const info = yield* Effect.result(fs.stat(gitFolder))
  if (Result.isFailure(info)) return `${short(gitFolder)} cannot be read`
  if (info.success.type !== "Directory") {
    const text = yield* textOf(gitFolder, left)
    const target = Result.isSuccess(text) ? /^gitdir: ([^\n]+)\n?$/.exec(text.success ?? "")?.[1] : undefined
    if (target === undefined) return `${short(gitFolder)} cannot be read`
    gitFolder = PathWithin.from(top, target)
  }
  const shared = yield* textOf(`${gitFolder}/commondir`, left)
  if (Result.isFailure(shared)) return shared.failure
  const commonFolder =
    shared.success === undefined ? gitFolder : PathWithin.from(gitFolder, shared.success.replace(/\n$/, ""))
  for (const part of ["HEAD", "objects", "refs"]) {
    if (!(yield* exists(`${part === "HEAD" ? gitFolder : commonFolder}/${part}`)))
      return `${short(gitFolder)} is not complete`
  }
  for (const path of [
    gitFolder,
    ...["index", "HEAD"].map((name) => `${gitFolder}/${name}`),
    commonFolder,
    ...["config", "objects", "objects/pack", "objects/info", "refs", "packed-refs", "info", "hooks", "logs"].map(
      (name) => `${commonFolder}/${name}`
    )
  ]) {
    if ((yield* exists(path)) && !(yield* inside(path))) {
      return `${short(path)} does not lie in the allowed roots`
    }
  }
  if (yield* exists(`${commonFolder}/objects/info/alternates`))
    return "objects/info/alternates names other repositories"
  if (yield* exists(`${commonFolder}/hooks/post-index-change`)) return "the hook post-index-change would run"

  for (const config of [`${commonFolder}/config`, `${gitFolder}/config.worktree`]) {
    const problem = yield* configProblem(config, top, folders, left, 0)
    if (problem !== undefined) return problem
  }
  const between: Array<string> = [`${top}/.gitattributes`, `${commonFolder}/info/attributes`]
  const names = real
    .slice(top.length)
    .split("/")
    .filter((name) => name !== "")
  names.forEach((_, index) => between.push(`${top}/${names.slice(0, index + 1).join("/")}/.gitattributes`))
  for (const path of between) {
    const text = yield* textOf(path, left)
    if (Result.isFailure(text)) return text.failure
    const driver = driverIn(text.success ?? "")
    if (driver !== undefined) return `${driver} in ${short(path)} may name something that runs`
  }
  return yield* indexProblem(`${gitFolder}/index`, { folder: top, folders, opens, plain }, left, depth)
})

const builtInDrivers: ReadonlySet<string> = new Set(
  (
    "ada bash bibtex cpp csharp css dts elixir fortran fountain golang html ini java kotlin markdown matlab objc pascal perl php " +
    "python ruby rust scheme tex"
  ).split(" ")
)

const driverIn = (text: string): string | undefined =>
  text
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => line.match(/(?<=\s)(?:filter|diff|merge)=\S+/g) ?? [])
    .find((found) => {
      const [kind, name = ""] = found.split("=")
      return kind === "filter" || (kind === "diff" && !builtInDrivers.has(name))
    })

// Sections and keys that never run a program, read another file or lead to another repository.
const harmlessKeys: { readonly [K in string]?: string } = {
  core:
    "repositoryformatversion filemode bare logallrefupdates ignorecase precomposeunicode symlinks autocrlf eol safecrlf " +
    "quotepath abbrev untrackedcache preloadindex fscache longpaths sparsecheckout sparsecheckoutcone multipackindex " +
    "commitgraph compression bigfilethreshold checkstat trustctime hidedotfiles protecthfs protectntfs sharedrepository " +
    "whitespace warnambiguousrefs commentchar fsync fsyncmethod checkroundtripencoding",
  remote:
    "url fetch pushurl push tagopt prune prunetags mirror skipfetchall skipdefaultupdate followremotehead gh-resolved",
  branch: "*",
  user: "name email signingkey useconfigonly",
  author: "name email",
  committer: "name email",
  submodule: "url active path branch ignore fetchrecursesubmodules recurse",
  init: "defaultbranch",
  pull: "rebase ff",
  push: "default autosetupremote followtags",
  fetch: "prune prunetags parallel writecommitgraph",
  merge: "conflictstyle ff renamelimit log",
  color: "*",
  column: "*",
  gc: "*",
  maintenance: "auto strategy",
  advice: "*",
  commit: "gpgsign verbose",
  tag: "gpgsign sort",
  rerere: "enabled autoupdate",
  diff:
    "algorithm renames renamelimit colormoved colormovedws mnemonicprefix noprefix context indentheuristic statgraphwidth " +
    "ignoresubmodules",
  log: "date decorate abbrevcommit follow showroot",
  status: "*",
  extensions: "refstorage worktreeconfig",
  lfs: "repositoryformatversion",
  http: "postbuffer version",
  index: "version threads",
  feature: "manyfiles experimental",
  grep: "linenumber patterntype extendedregexp column",
  rebase: "autosquash autostash",
  help: "autocorrect",
  versionsort: "suffix",
  blame: "coloring date"
}

// In these sections, a middle part names a driver or a tool, and changes the meaning of the keys.
const withoutMiddle: ReadonlySet<string> = new Set(["core", "diff", "merge", "extensions", "lfs", "http", "log", "gc"])

const isHarmless = (section: string, middle: string | undefined, key: string, value: string): boolean => {
  if (section === "core" && key === "fsmonitor") return middle === undefined && /^(?:false|no|off|0)$/i.test(value)
  if (middle !== undefined && withoutMiddle.has(section)) return false
  const keys = Object.hasOwn(harmlessKeys, section) ? harmlessKeys[section] : undefined
  return keys === "*" || (keys ?? "").split(" ").includes(key)
}

const configProblem = Effect.fnUntraced(function* (
  path: string,
  top: string,
  folders: ReadonlyArray<string>,
  left: Allowance,
  depth: number
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  if (depth > maxDepth) return `${short(path)} is included too deeply`
  const read = yield* textOf(path, left)
  if (Result.isFailure(read)) return read.failure
  let section = ""
  let middle: string | undefined
  for (const line of (read.success ?? "").split("\n")) {
    const unreadable = `the line ${short(line.trim())} of ${short(path)} is not understood`
    if (line.length > maxLineLength) return unreadable
    if (/^\s*(?:[#;].*)?$/.test(line)) continue
    const header = /^\s*\[([A-Za-z0-9-]+)(?:\.([A-Za-z0-9.-]+)|\s+"((?:[^"\\]|\\.)*)")?\]\s*$/.exec(line)
    if (header !== null) {
      section = (header[1] ?? "").toLowerCase()
      middle = header[2] ?? header[3]
      continue
    }
    const entry = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*?)\s*)?$/.exec(line)
    if (entry === null || section === "" || line.endsWith("\\") || line.endsWith("\\\r")) return unreadable
    const key = (entry[1] ?? "").toLowerCase()
    const value = entry[2] ?? ""
    if (section === "core" && middle === undefined && (key === "hookspath" || key === "worktree")) {
      const isPlain = /^[\w./-]+$/.test(value)
      if (key === "hookspath" && isPlain) {
        // The only hook that reading commands call.
        if (yield* exists(`${PathWithin.from(top, value)}/post-index-change`)) {
          return `the hook post-index-change in core.hookspath of ${short(path)} would run`
        }
        continue
      }
      // In a submodule, `core.worktree` leads back to the folder where it was checked out.
      const target = PathWithin.from(path.slice(0, path.lastIndexOf("/")), value)
      if (isPlain && depth === 0 && (yield* PathWithin.real(target)) === (yield* PathWithin.real(top))) continue
      return `core.${key} in ${short(path)} leads elsewhere`
    }
    if ((section === "include" || section === "includeif") && key === "path") {
      const target = PathWithin.from(path.slice(0, path.lastIndexOf("/")), value)
      if (/^~|["\\#;]/.test(value) || !(yield* PathWithin.isReallyWithin(target, folders))) {
        return `${section}.path in ${short(path)} leads out of the allowed roots`
      }
      const problem: string | undefined = yield* configProblem(target, top, folders, left, depth + 1)
      if (problem !== undefined) return problem
    } else if (!isHarmless(section, middle, key, value)) {
      const name = [section, ...(middle === undefined ? [] : [middle]), key].join(".")
      return `${short(name)} in ${short(path)} may name something that runs`
    }
  }
  return undefined
})

// Checks the index: the names that git lists as tracked, and the submodules, in which git also runs.
const indexProblem = Effect.fnUntraced(function* (
  path: string,
  { folder: top, folders, opens, plain }: Place,
  left: Allowance,
  depth: number
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* bytesOf(path, left)
  if (Result.isFailure(bytes)) return "the index of the repository cannot be read"
  if (bytes.success === undefined) return undefined
  const entries = entriesOf(bytes.success)
  if (entries === undefined) return "the index of the repository is not understood"
  for (const { isLink, isSubmodule, name } of entries) {
    if (isSubmodule && (yield* exists(`${top}/${name}/.git`))) {
      if (depth > 0) return `the submodule ${short(name)} is nested`
      const problem: string | undefined = yield* lookAt(
        { folder: `${top}/${name}`, folders, opens: false, plain: false },
        left,
        depth + 1
      )
      if (problem !== undefined) return problem
    }
    if (!plain) continue
    // Git prints other names with quotes and backslashes, or as raw bytes.
    if (!/^(?!-)(?:(?!['"\\*?[\]])[!-~])+$/.test(name))
      return `the name of ${short(name)} may be taken for something else`
    if (isLink && !(yield* PathWithin.isReallyWithin(`${top}/${name}`, folders))) {
      return `${short(name)} leads out of the allowed roots`
    }
  }
  if (!opens && !plain) return undefined
  // A tracked folder or file may have been replaced by a link since. Git does not open a file that was.
  const seen = new Set<string>()
  for (const { name } of entries) {
    // Walk up until a folder has been checked already.
    for (let part = plain ? name : parentOf(name); part !== "" && !seen.has(part); part = parentOf(part)) {
      seen.add(part)
      if (left.entries-- <= 0) return "the repository has more files than can be checked"
      const path = `${top}/${part}`
      if ((yield* Effect.isSuccess(fs.readLink(path))) && !(yield* PathWithin.isReallyWithin(path, folders))) {
        return `${short(path)} leads out of the allowed roots`
      }
    }
  }
  return undefined
})

const parentOf = (name: string): string => name.slice(0, Math.max(name.lastIndexOf("/"), 0))

interface Entry {
  readonly name: string
  readonly isLink: boolean
  readonly isSubmodule: boolean
}

// Parses an index of version 2 to 4 with SHA-1 entries; `undefined` for any other format.
const entriesOf = (bytes: Uint8Array): ReadonlyArray<Entry> | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 32 || view.getUint32(0) !== 0x44495243) return undefined
  const version = view.getUint32(4)
  const count = view.getUint32(8)
  if (version < 2 || version > 4) return undefined
  const entries: Array<Entry> = []
  const text = new TextDecoder("utf-8", { fatal: false })
  let at = 12
  let previous = new Uint8Array()
  // In version 4, a name can repeat a prefix of the previous one, so a small file can contain very long names.
  let expanded = 0
  for (let index = 0; index < count; index++) {
    const start = at
    if (at + 62 > bytes.length) return undefined
    const mode = view.getUint32(at + 24)
    const flags = view.getUint16(at + 60)
    at += (flags & 0x4000) !== 0 ? 64 : 62
    let name: Uint8Array
    if (version === 4) {
      // The number of bytes to remove from the end of the previous name, with variable length.
      let byte = bytes[at++] ?? 0
      let strip = byte & 0x7f
      while ((byte & 0x80) !== 0) {
        byte = bytes[at++] ?? 0
        strip = ((strip + 1) << 7) | (byte & 0x7f)
      }
      const end = bytes.indexOf(0, at)
      if (end === -1 || strip > previous.length) return undefined
      name = Uint8Array.from([...previous.subarray(0, previous.length - strip), ...bytes.subarray(at, end)])
      at = end + 1
    } else {
      const end = bytes.indexOf(0, at)
      if (end === -1) return undefined
      name = bytes.subarray(at, end)
      at = start + Math.ceil((end - start + 1) / 8) * 8
    }
    previous = Uint8Array.from(name)
    expanded += name.length
    if (expanded > maxBytes) return undefined
    const kind = (mode >> 12) & 0xf
    entries.push({ name: text.decode(name), isLink: kind === 0xa, isSubmodule: kind === 0xe })
  }
  // Extensions with a capital letter may be skipped. Others, such as a split index, change the entries.
  while (at + 20 < bytes.length) {
    const first = bytes[at] ?? 0
    if (first < 0x41 || first > 0x5a) return undefined
    at += 8 + view.getUint32(at + 4)
  }
  return at + 20 === bytes.length ? entries : undefined
}
