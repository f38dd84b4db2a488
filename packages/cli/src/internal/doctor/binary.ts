/**
 * Checks a codex without connecting to it: its path, its version, and the protocol that it speaks.
 */
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import * as Versions from "@effect-codex/core/protocol/Versions"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SemVer from "effect/SemVer"
import * as SemVerRange from "effect/SemVerRange"
import * as Compatibility from "../../Compatibility.ts"
import type { Finding, Options } from "./finding.ts"
import { nodeRange } from "../../Version.ts"

const nodeIsRight = Result.getOrElse(
  Result.flatMap(SemVer.parse(process.versions.node), (version) =>
    Result.map(SemVerRange.parse(nodeRange), (range) => SemVerRange.matches(range, version))
  ),
  () => false
)

export const inspectNode: Finding = nodeIsRight
  ? { check: "node", status: "ok", summary: `Node ${process.versions.node}` }
  : {
      check: "node",
      status: "fail",
      summary: `Node ${process.versions.node} is not one that this program runs on (${nodeRange})`,
      advice: "Install a newer Node."
    }

const install = "Install it with `npm install @openai/codex`, or name it with --codex or CODEX_BINARY."

// How long codex may take to print its version or to describe its protocol.
const patience = "20 seconds"

const run = Effect.fnUntraced(function* (binary: string, args: ReadonlyArray<string>, options: Options) {
  const spawner = yield* ChildProcessSpawner
  return yield* spawner
    .string(
      ChildProcess.make(binary, args, {
        stderr: "ignore",
        forceKillAfter: "2 seconds",
        ...(options.env === undefined ? {} : { env: options.env, extendEnv: options.extendEnv === true })
      })
    )
    .pipe(Effect.timeout(patience))
})

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const { known } = Compatibility

const detailsOf = ({ methods, shapes }: Compatibility.Difference): ReadonlyArray<string> => [
  ...methods.removed.map((name) => `- method ${name}`),
  ...methods.changed.map((name) => `~ method ${name}`),
  ...methods.added.map((name) => `+ method ${name}`),
  ...shapes.removed.map((name) => `- shape ${name}`),
  ...shapes.changed.flatMap(({ added, name, removed }) => [
    ...removed.map((fact) => `- ${name}${fact}`),
    ...added.map((fact) => `+ ${name}${fact}`)
  ]),
  ...shapes.added.map((name) => `+ shape ${name}`)
]

const withDetails = (finding: Finding, details: ReadonlyArray<string>): Finding =>
  details.length === 0 ? finding : { ...finding, details }

// Without these no turn runs.
const needed = ["initialize", "thread/start", "thread/resume", "turn/start", "turn/interrupt", "turn/completed"]

/** Judges the difference between the codex's protocol and the one that this package was generated from. */
export const judge = (found: Compatibility.Outline): Finding => {
  const difference = Compatibility.compare(known, found)
  const { methods, shapes } = difference
  const differences = detailsOf(difference)
  // The rows of the table of versions come first, then the single facts.
  const rows = Versions.describe(found.version)
  const details = [...rows, ...differences]
  const check = "protocol"
  if (differences.length === 0) {
    const summary = `codex ${found.version} speaks the expected protocol`
    return withDetails({ check, status: "ok", summary }, rows)
  }
  const summary =
    `codex ${found.version} differs from the expected ${known.version} in ` +
    `${plural(methods.added.length, "new method")}, ${plural(methods.removed.length, "removed method")}, ` +
    `${plural(methods.changed.length, "changed method")}, ${plural(shapes.added.length, "new shape")}, ` +
    `${plural(shapes.removed.length, "removed shape")} and ${plural(shapes.changed.length, "changed shape")}`
  if (methods.removed.some((method) => needed.includes(method))) {
    const advice = `Use codex ${known.version}: turns can't run on this one.`
    return { check, status: "fail", summary, advice, details }
  }
  if (Versions.isOlder(found.version, Versions.oldest)) {
    const advice = `The oldest codex that is expected to work is ${Versions.oldest}. Install a newer one.`
    return { check, status: "warn", summary, advice, details }
  }
  if (Compatibility.isBreaking(difference)) {
    const advice = `Most will work. If something does not, use codex ${known.version}, or a newer effect-codex.`
    return { check, status: "warn", summary, advice, details }
  }
  return { check, status: "ok", summary: `${summary}; nothing that is known is gone`, details }
}

const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))

const inspectProtocol = (binary: string, version: string, options: Options) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const out = yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-doctor-" })
    yield* run(binary, ["app-server", "generate-json-schema", "--experimental", "--out", out], options)
    const text = yield* fs.readFileString(path.join(out, "codex_app_server_protocol.schemas.json"))
    return Compatibility.outline(version, yield* decodeJson(text))
  }).pipe(
    Effect.scoped,
    Effect.orElseSucceed(() => undefined),
    Effect.map((outline) => (outline === undefined ? undescribed(version) : judge(outline)))
  )

/** The finding about a codex that does not describe its protocol. */
export const undescribed = (version: string): Finding =>
  withDetails(
    {
      check: "protocol",
      status: "warn",
      summary: "codex did not describe its protocol, so it could not be compared with the expected one",
      advice: `If something does not work, use codex ${known.version}.`
    },
    Versions.describe(version)
  )

/** The path and version of codex, and differences of its protocol; without a `path` there is none that runs. */
export const inspectBinary = Effect.fnUntraced(function* (options: Options) {
  const found = yield* Effect.result(CodexBinary.resolve({ binary: options.binary }))
  if (Result.isFailure(found)) {
    const details = found.failure.tried.map((place) => place.replace("the `binary` option", "--codex"))
    const missing: Finding = {
      check: "binary",
      status: "fail",
      summary: "No codex was found",
      advice: install,
      details
    }
    return { findings: [missing] }
  }
  const path = found.success
  const said = yield* Effect.orElseSucceed(run(path, ["--version"], options), () => "")
  const [version] = /\d+\.\d+\.\d+\S*/.exec(said) ?? []
  if (version === undefined) {
    const summary = `${path} does not say that it is a codex`
    const broken: Finding = { check: "binary", status: "fail", summary, advice: install }
    return { findings: [broken] }
  }
  const binary: Finding = { check: "binary", status: "ok", summary: `codex ${version} at ${path}` }
  return { findings: [binary, yield* inspectProtocol(path, version, options)], path }
})
