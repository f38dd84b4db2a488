/**
 * The kind of a project, by the files in its folder: the packs that fit, scripts, and files with secrets.
 *
 * Nothing of the project runs. Its files are untrusted, so their contents become plain words or are omitted, and a file that
 * cannot be read becomes a note.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { fileProblem } from "../fileProblem.ts"
import * as Print from "../print.ts"

/** A pack that fits, with commands that show what it means. */
export interface Kind {
  readonly pack: string
  /** The file that it was recognized by. */
  readonly file: string
  readonly accepts: ReadonlyArray<string>
  readonly refuses: ReadonlyArray<string>
}

/** The contents of a folder that matter here. */
export interface Project {
  readonly kinds: ReadonlyArray<Kind>
  readonly isRepository: boolean
  /** The program that runs scripts, and the names of those that no pack accepts. */
  readonly runner: string
  readonly scripts: ReadonlyArray<string>
  /** Files and folders with secrets. */
  readonly secrets: ReadonlyArray<string>
  /** Remarks, each on one line. */
  readonly notes: ReadonlyArray<string>
}

interface Sign {
  readonly pack: string
  readonly files: ReadonlyArray<string>
  readonly accepts: ReadonlyArray<string>
  readonly refuses: ReadonlyArray<string>
}

const signs: ReadonlyArray<Sign> = [
  { pack: "rust", files: ["Cargo.toml"], accepts: ["cargo build", "cargo test"], refuses: ["cargo publish"] },
  {
    pack: "python",
    files: ["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"],
    accepts: ["pytest -q", "ruff check ."],
    refuses: ["pip install requests"]
  },
  {
    pack: "go",
    files: ["go.mod"],
    accepts: ["go build ./...", "go test ./..."],
    refuses: ["go install example.org/x@latest"]
  },
  {
    pack: "make",
    files: ["Makefile", "GNUmakefile", "makefile"],
    accepts: ["make", "make test"],
    refuses: ["make deploy", "make SHELL=./x"]
  },
  { pack: "java", files: ["pom.xml"], accepts: ["mvn test"], refuses: ["mvn deploy"] },
  {
    pack: "java",
    files: ["build.gradle", "build.gradle.kts"],
    accepts: ["./gradlew test"],
    refuses: ["./gradlew publish"]
  }
]

/** A file that is longer is not read. */
const maxLength = 1024 * 1024

const parse = (text: string): Result.Result<unknown, unknown> =>
  Result.try((): unknown => JSON.parse(text.replace(/^\ufeff/, "")))

// Names that the pack `node` accepts.
const isOfPack = (name: string): boolean =>
  /^(?:test|lint|build|check|typecheck|type-check|types|format|fmt)(?::[a-z0-9][a-z0-9:-]*)?$/.test(name)

const isWord = (name: string): boolean => /^[A-Za-z0-9][\w:.-]{0,63}$/.test(name)

const lockFiles: ReadonlyArray<readonly [file: string, runner: string]> = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"]
]

const runnerOf = (manifest: unknown, names: ReadonlySet<string>): string => {
  const field = Predicate.isReadonlyObject(manifest) ? manifest["packageManager"] : undefined
  const named = /^(npm|pnpm|yarn|bun)@/.exec(typeof field === "string" ? field : "")?.[1]
  return named ?? lockFiles.find(([file]) => names.has(file))?.[1] ?? "npm"
}

const scriptsOf = (manifest: unknown): ReadonlyArray<string> => {
  const scripts = Predicate.isReadonlyObject(manifest) ? manifest["scripts"] : undefined
  return Predicate.isReadonlyObject(scripts)
    ? Object.entries(scripts).flatMap(([name, script]) => (typeof script === "string" ? [name] : []))
    : []
}

const isSecret = (name: string): boolean =>
  (/^\.env(?:\.|$)/.test(name) && !/\.(?:example|sample|template|dist)$/.test(name)) ||
  /^(?:secrets?|\.?credentials)(?:\.(?:json|ya?ml|toml))?$/.test(name) ||
  /^[\w.-]+\.(?:pem|key|p12|pfx)$/.test(name)

const maxScripts = 40

/** Looks at a folder. */
export const look = Effect.fnUntraced(function* (
  dir: string
): Effect.fn.Return<Project, InvalidUsage, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = new Set(
    yield* Effect.mapError(
      fs.readDirectory(dir),
      (error) => new InvalidUsage({ description: `The folder ${dir} cannot be read: ${fileProblem(error)}.` })
    )
  )
  const notes: Array<string> = []

  // Only a plain file is read: another one may never end.
  const manifest = Effect.gen(function* () {
    const file = path.join(dir, "package.json")
    const { size, type } = yield* fs.stat(file)
    if (type !== "File") return Result.fail("it is not a file")
    if (size > maxLength) return Result.fail("it is longer than 1 MiB")
    return Result.mapError(parse(yield* fs.readFileString(file)), () => "it is not JSON")
  }).pipe(Effect.catch((error) => Effect.succeed(Result.fail(fileProblem(error)))))

  const kinds: Array<Kind> = []
  let runner = "npm"
  let others: ReadonlyArray<string> = []
  if (names.has("package.json")) {
    const read = yield* manifest
    if (Result.isFailure(read)) notes.push(`package.json can't be read: ${read.failure}. Its scripts are not known.`)
    const found = Result.getOrUndefined(read)
    runner = runnerOf(found, names)
    const scripts = scriptsOf(found)
    const strange = scripts.filter((name) => !isWord(name))
    if (strange.length > 0) {
      notes.push(`Scripts with unusual names are left out: ${strange.slice(0, 5).map(Print.exact).join(", ")}`)
    }
    others = scripts.filter((name) => isWord(name) && !isOfPack(name)).slice(0, maxScripts)
    const known = scripts.filter(isOfPack).slice(0, 5)
    kinds.push({
      pack: "node",
      file: "package.json",
      accepts: (known.length === 0 ? ["test"] : known).map((name) => `${runner} run ${name}`),
      refuses: [`${runner} publish`, `${runner} install left-pad`]
    })
  }
  for (const { files, ...sign } of signs) {
    const file = files.find((name) => names.has(name))
    if (file !== undefined && kinds.every(({ pack }) => pack !== sign.pack)) kinds.push({ ...sign, file })
  }
  return {
    kinds,
    isRepository: names.has(".git"),
    runner,
    scripts: others,
    secrets: [...names].filter((name) => isSecret(name)).toSorted(),
    notes
  }
})
