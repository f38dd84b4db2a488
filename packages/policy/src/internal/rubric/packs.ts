/**
 * Rules that many projects need, by name and version, for a rubric to extend.
 *
 * A version is never changed once it was released: what would accept more, or less, becomes the next one. A name without a
 * version is the newest. All rules spell out the whole line, so that no option and no variable comes in that could make a
 * tool load something from elsewhere; what they run is code of the project, in the allowed roots.
 */
import type { CommandRule } from "../../Rule.ts"

interface Pack {
  readonly version: number
  /** Lines that are accepted, as patterns of all of a part, and the rule's name. */
  readonly lines: { readonly [name: string]: string }
  readonly assigns?: ReadonlyArray<string>
}

// No part of such a path goes up or out, and it is no option and no `@file`.
const segment = "[A-Za-z0-9_@][A-Za-z0-9_@.-]*"
const path = `(\\./)?[A-Za-z0-9_][A-Za-z0-9_@.-]*(/${segment})*/?`

const commitFlags = "( (-a|-q|-s|-v|--all|--quiet|--signoff|--verbose))*"
// As it is quoted when it has to be.
const quoted = "'[^']*'(\\\\''[^']*')*"

const script = "(test|lint|build|check|typecheck|type-check|types|format|fmt)(:[a-z0-9][a-z0-9:-]*)?"

const packs = {
  /** What provably only reads: of git, see `git-read`. */
  reading: { version: 1, lines: {} },
  "git-read": { version: 1, lines: {} },
  "git-commit": {
    version: 1,
    lines: {
      add: `git add( (-A|--all|-u|--update|-v|--verbose|--|\\.|${path}))+`,
      // A message is text, whatever it says and however many lines it has.
      commit: `git commit${commitFlags}( (-m|-am) (${quoted}|[A-Za-z0-9_@%+=:,./-]+))+`,
      "commit-document": `git commit${commitFlags} (-F ?|--file[ =])-${commitFlags} << ${quoted}`,
      // Prints the here-document that is a message.
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

/** What a rubric may extend. */
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
        // The pattern says which.
        allowedFlags: ["*"],
        ...(pack.assigns === undefined ? {} : { assigns: pack.assigns })
      },
      decision: "accept"
    }))
  })

/** Which commands that only read a rubric accepts by its packs, and the name of the pack. */
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
