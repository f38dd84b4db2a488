/**
 * Packs of rules that many projects need. A rubric extends them by name and version.
 *
 * A released version never changes: rules that accept more, or less, become the next version. A name without a version means
 * the newest. Every rule spells out the whole command line, so no option or variable can make a tool load code from elsewhere.
 * The accepted commands run code of the project, in the allowed roots.
 */
import type { CommandRule } from "../../Rule.ts"

interface Pack {
  readonly version: number
  /** The accepted command lines: each key is the name of a rule, and each value a pattern that matches a whole part. */
  readonly lines: { readonly [name: string]: string }
  readonly assigns?: ReadonlyArray<string>
}

// Such a path never leads up or out of the folder, and is neither an option nor an `@file`.
const segment = "[A-Za-z0-9_@][A-Za-z0-9_@.-]*"
const path = `(\\./)?[A-Za-z0-9_][A-Za-z0-9_@.-]*(/${segment})*/?`

const commitFlags = "( (-a|-q|-s|-v|--all|--quiet|--signoff|--verbose))*"
// A text in single quotes.
const quoted = "'[^']*'(\\\\''[^']*')*"

const script = "(test|lint|build|check|typecheck|type-check|types|format|fmt)(:[a-z0-9][a-z0-9:-]*)?"

const packs = {
  /** Accepts commands that provably only read. For git, see `git-read`. */
  reading: { version: 1, lines: {} },
  "git-read": { version: 1, lines: {} },
  "git-commit": {
    version: 1,
    lines: {
      add: `git add( (-A|--all|-u|--update|-v|--verbose|--|\\.|${path}))+`,
      // A message may be any text, with any number of lines.
      commit: `git commit${commitFlags}( (-m|-am) (${quoted}|[A-Za-z0-9_@%+=:,./-]+))+`,
      "commit-document": `git commit${commitFlags} (-F ?|--file[ =])-${commitFlags} << ${quoted}`,
      // `cat` prints the here-document with the message.
      message: "cat",
      unstage: `git restore --staged( (--|\\.|${path}))+`,
      branch: "git (switch -c|checkout -b) [A-Za-z0-9][A-Za-z0-9_./-]*"
    }
  },
  node: {
    version: 1,
    assigns: ["CI", "NO_COLOR", "FORCE_COLOR"],
    lines: {
      scripts: `(npm|pnpm|yarn|bun)( (-s|--silent))?( run)?( (-s|--silent))? ${script}( --)?( ${path})*`,
      tools: `(npx --no-install|npx --no|pnpm exec) (tsc( (--noEmit|-b|--pretty|-p ${path}))*|(vitest run|jest|mocha|eslint|prettier --check)( ${path}| \\.)*)`
    }
  },
  python: {
    version: 1,
    lines: {
      tests: `(pytest|python3? -m (pytest|unittest))( (-q|-v|-vv|-x|-s|-ra|--lf|--ff|--co|--tb=(short|long|line|no)|--maxfail=[0-9]+|-k [A-Za-z0-9_]+|${path}(::[A-Za-z0-9_]+)*))*`,
      checks: `(ruff check|ruff format --check|mypy|flake8|black --check|pyright)( (--quiet|--diff|\\.|${path}))*`
    }
  },
  rust: {
    version: 1,
    assigns: ["RUST_BACKTRACE"],
    lines: {
      cargo: `cargo (build|check|test|clippy|fmt|doc|tree|b|c|t)( (--all|--workspace|--all-targets|--all-features|--no-default-features|--release|-q|--quiet|-v|--verbose|--locked|--offline|--no-run|--lib|--bins|--tests|--examples|--no-deps|--check|(-p|--package|--test|--features) [A-Za-z0-9_][A-Za-z0-9_,-]*|[A-Za-z0-9_][A-Za-z0-9_:]*))*( --( (--check|--nocapture|--test-threads=[0-9]+|-D warnings))+)?`
    }
  },
  go: {
    version: 1,
    lines: {
      go: `go (build|test|vet|fmt|list)( (-v|-race|-short|-cover|-count=[0-9]+|-run [A-Za-z0-9_/]+|\\./\\.\\.\\.|${path}(/\\.\\.\\.)?))*`,
      format: `gofmt -l( (\\.|${path}))+`
    }
  },
  make: {
    version: 1,
    lines: { targets: "make( (-s|-k|-B|-j[0-9]*))*( (all|build|test|tests|check|lint|fmt|format|typecheck))*" }
  },
  java: {
    version: 1,
    lines: {
      maven: "(mvn|\\./mvnw)( (-q|-B|-o))*( (compile|test|package|verify))+",
      gradle: "(gradle|\\./gradlew)( (-q|--quiet|--offline|--info))*( (compileJava|classes|test|check|build|assemble))+"
    }
  }
} as const satisfies { readonly [name: string]: Pack }

type Name = keyof typeof packs

const isName = (text: string): text is Name => Object.hasOwn(packs, text)
const namesOf = <P extends object>(value: P): ReadonlyArray<Extract<keyof P, string>> =>
  Object.keys(value).filter((key): key is Extract<keyof P, string> => Object.hasOwn(value, key))

/** The names of the packs that a rubric may extend. */
export const names: ReadonlyArray<string> = namesOf(packs).flatMap((name) => [name, `${name}@${packs[name].version}`])

const nameOf = (text: string): Name | undefined => {
  const [name = ""] = text.split("@")
  return isName(name) ? name : undefined
}

// After the rules of the rubric itself.
const priority = 1_000_000

/** The rules of the packs that a rubric extends. */
export const rulesOf = (extended: ReadonlyArray<string> | undefined): ReadonlyArray<CommandRule> =>
  [...new Set((extended ?? []).map(nameOf))].flatMap((name): ReadonlyArray<CommandRule> => {
    if (name === undefined) return []
    const pack: Pack = packs[name]
    return Object.entries(pack.lines).map(([line, commandRegex]) => ({
      name: `pack ${name}@${pack.version}: ${line}`,
      priority,
      when: {
        commandRegex,
        // The pattern already limits the flags.
        allowedFlags: ["*"],
        ...(pack.assigns === undefined ? {} : { assigns: pack.assigns })
      },
      decision: "accept"
    }))
  })

/** Which reading commands the packs of a rubric accept, and the name of the packs; `undefined` if none. */
export const readingOf = (
  extended: ReadonlyArray<string> | undefined
): { readonly programs: boolean; readonly git: boolean; readonly by: string } | undefined => {
  const found = new Set((extended ?? []).map(nameOf))
  const programs = found.has("reading")
  const git = found.has("git-read")
  if (!programs && !git) return undefined
  const by = [...(programs ? ["reading"] : []), ...(git ? ["git-read"] : [])]
  return { programs, git, by: `pack ${by.join(", ")}` }
}
