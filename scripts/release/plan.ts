/** Plans a release: its steps and the reasons to refuse it, from the arguments and the state of the repository. Runs nothing. */
import { parseArgs } from "node:util"

/** The checks before a release, by the names of their skip flags. */
export const checks = {
  types: "check",
  lint: "lint",
  docs: "docs:check",
  health: "health",
  tests: "test",
  packages: "pack:check"
} as const

export type Check = keyof typeof checks

const names = Object.keys(checks) as ReadonlyArray<Check>

export const usage = `npm run release -- [flags]

Checks, builds and packs the packages into a folder, with their checksums. Publishes nothing without --publish.

  --publish          publish what was packed
  --existing         check, build and pack nothing: take the files of the folder, if their checksums are right
  --build-only       build and pack without checks; excludes --publish and --existing
  --dry-run          do everything but publish, and print the commands and the reasons to refuse

  --folder DIR       where the artefacts are; default: release
  --tag TAG          the dist-tag; default: latest; required for a prerelease
  --registry URL     the registry to publish to; default: the one that npm is configured for

  --skip-checks      skip all checks, or one of them:
${names.map((name) => `  --skip-${name.padEnd(12)}npm run ${checks[name]}`).join("\n")}

  --branch NAME      the branch to release from; default: main
  --any-branch       release from the current branch
  --allow-dirty      release with uncommitted changes

  --help             this text
`

export interface Options {
  readonly publish: boolean
  readonly existing: boolean
  readonly dryRun: boolean
  readonly folder: string
  readonly tag: string | undefined
  readonly registry: string | undefined
  readonly checks: ReadonlyArray<Check>
  readonly branch: string | undefined
  readonly allowDirty: boolean
}

/** Parses the arguments into options, a request for the usage, or a problem. */
export const read = (
  args: ReadonlyArray<string>
): { readonly options: Options } | { readonly help: true } | { readonly problem: string } => {
  const flag = { type: "boolean", default: false } as const
  const value = { type: "string" } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        publish: flag,
        existing: flag,
        "build-only": flag,
        "dry-run": flag,
        folder: { type: "string", default: "release" },
        tag: value,
        registry: value,
        "skip-checks": flag,
        "skip-types": flag,
        "skip-lint": flag,
        "skip-docs": flag,
        "skip-health": flag,
        "skip-tests": flag,
        "skip-packages": flag,
        branch: { type: "string", default: "main" },
        "any-branch": flag,
        "allow-dirty": flag,
        help: flag
      }
    })
    if (values.help) return { help: true }
    if (values["build-only"] && (values.publish || values.existing)) {
      return { problem: "--build-only goes with neither --publish nor --existing" }
    }
    const skipsAll = values.existing || values["build-only"] || values["skip-checks"]
    return {
      options: {
        publish: values.publish,
        existing: values.existing,
        dryRun: values["dry-run"],
        folder: values.folder,
        tag: values.tag,
        registry: values.registry,
        checks: skipsAll ? [] : names.filter((name) => !values[`skip-${name}`]),
        branch: values["any-branch"] ? undefined : values.branch,
        allowDirty: values["allow-dirty"]
      }
    }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

export interface Artefact {
  readonly fullName: string
  readonly version: string
  readonly file: string
}

/** The contents of `release.json` in a folder of artefacts. The packages are in the order of publishing. */
export interface Artefacts {
  readonly commit: string
  readonly dirty: boolean
  readonly packages: ReadonlyArray<Artefact>
}

export interface State {
  readonly branch: string
  readonly dirty: boolean
  readonly pendingChangesets: ReadonlyArray<string>
  /** The version that each file of the repository states. */
  readonly stated: ReadonlyArray<{ readonly file: string; readonly version: string | undefined }>
  /** The existing artefacts, with `--existing`. */
  readonly artefacts: Artefacts | undefined
}

/** The dist-tag to publish under; `undefined` if the user has to name one. */
export const tagOf = ({ tag }: Pick<Options, "tag">, version: string): string | undefined =>
  tag ?? (version.includes("-") ? undefined : "latest")

/** All reasons to refuse the release. */
export const refusals = (options: Options, state: State): ReadonlyArray<string> => {
  const reasons: Array<string> = []
  const { artefacts } = state
  if (options.branch !== undefined && state.branch !== options.branch) {
    reasons.push(`this is the branch ${state.branch}, and not ${options.branch} (--branch, --any-branch)`)
  }
  const dirty = artefacts === undefined ? state.dirty : artefacts.dirty
  if (dirty && !options.allowDirty) {
    reasons.push(
      `there are changes that are not committed${artefacts === undefined ? "" : " in the artefacts"} (--allow-dirty)`
    )
  }
  if (options.existing && artefacts === undefined) reasons.push(`there are no artefacts in ${options.folder}`)
  if (!options.publish) return reasons

  const versions =
    artefacts === undefined
      ? state.stated.map(({ version }) => version)
      : artefacts.packages.map(({ version }) => version)
  const [version = ""] = versions
  if (artefacts === undefined && state.pendingChangesets.length > 0) {
    reasons.push(`changesets wait for npm run release:version: ${state.pendingChangesets.join(", ")}`)
  }
  if (new Set(versions).size !== 1) {
    const others = state.stated.map(({ file, version }) => `${file} ${version ?? "none"}`)
    reasons.push(`the version is not one: ${(artefacts === undefined ? others : versions).join(", ")}`)
  }
  if (version === "0.0.0") reasons.push("the version is 0.0.0, which is that of no release")
  if (tagOf(options, version) === undefined) reasons.push(`${version} is a prerelease and needs a --tag of its own`)
  if (version.includes("-") && options.tag === "latest") reasons.push(`${version} is a prerelease and can't be latest`)
  return reasons
}

/** The commands that publish the artefacts, in order. */
export const publishing = (options: Options, artefacts: Artefacts): ReadonlyArray<ReadonlyArray<string>> =>
  artefacts.packages.map(({ file, version }) => [
    "publish",
    `./${file}`,
    "--access",
    "public",
    "--tag",
    tagOf(options, version) ?? "next",
    ...(options.registry === undefined ? [] : ["--registry", options.registry])
  ])
