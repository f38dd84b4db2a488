/**
 * Takes samples, each in a separate process. The entrants of a section take turns, round after round, so that other load on the
 * machine affects all of them alike.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as path from "node:path"
import * as build from "./build.ts"
import { median, now, type Sample, type Workload } from "./clients/workload.ts"

/**
 * `bundled` is the output of a bundler for `effectCodex`; `durable` runs each turn with and without a store; `rules` and `worst`
 * measure policies and connect to no server.
 */
export type Client =
  | "raw"
  | "effectCodex"
  | "bundled"
  | "durable"
  | "vscodeJsonrpc"
  | "acp"
  | "codexSdk"
  | "rules"
  | "worst"

type Work<W = Workload> = W extends Workload ? Omit<W, "server"> : never

/** A client or command line that takes part in a section, with its work. */
export interface Entrant {
  /** A client with its workload, or our command line with its arguments. */
  readonly run: { readonly client: Client; readonly work: Work } | { readonly cli: ReadonlyArray<string> }
  /** Whether client and server share one core or have one each, on machines where processes can be pinned. */
  readonly cores?: "shared" | "own" | undefined
  /** The checkout whose build takes the sample. Default: this one. */
  readonly tree?: string | undefined
}

/** A sample failed, which stops the bench. */
export class SampleFailed extends Schema.TaggedError<SampleFailed>()("SampleFailed", {
  what: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `${this.what}: ${this.description}`
  }
}

const SampleLine = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Finite))

/** The timeout of a sample. The longest samples are 200 pairs of turns on a busy machine. */
const patience = "10 minutes"

export interface Machine {
  /** Pins a command to one core of the machine, by its index; `undefined` if the machine has no way to do so. */
  readonly pin: ((core: 0 | 1, command: ReadonlyArray<string>) => ReadonlyArray<string>) | undefined
  /** The command of a real app-server to use instead of the stand-in. */
  readonly server?: Workload["server"]
}

const root = path.dirname(import.meta.dirname)

const commandOf = ({ cores, run, tree }: Entrant, { pin, server }: Machine): ReadonlyArray<string> => {
  const within = (file: string) => (tree === undefined ? file : path.join(tree, path.relative(root, file)))
  const pinned = (core: 0 | 1, command: ReadonlyArray<string>) =>
    cores === undefined ? command : (pin?.(core, command) ?? command)
  if ("cli" in run) return pinned(0, [process.execPath, within(build.commandLine()), ...run.cli])
  // The server inherits the core of the client.
  const standIn = [build.server, run.client === "acp" ? "acp" : "app-server"]
  const [command = "", ...args] = cores === "own" ? pinned(1, standIn) : standIn
  const workload = { server: server ?? { command, args }, ...run.work }
  return pinned(0, [process.execPath, "--expose-gc", within(build.client(run.client)), JSON.stringify(workload)])
}

/** Runs one sample. `first`, `turn` and `exit` are milliseconds from the start of the process. */
export const sample = Effect.fnUntraced(
  function* (name: string, entrant: Entrant, machine: Machine) {
    const { run } = entrant
    const fail = (description: string) => new SampleFailed({ what: name, description })
    const [file = "", ...args] = commandOf(entrant, machine)
    const started = now()
    const handle = yield* ChildProcess.make(file, args, {
      stdin: "ignore",
      stderr: "inherit",
      forceKillAfter: "1 second"
    })
    const output = yield* Stream.mkString(Stream.decodeText(handle.stdout))
    const exit = now() - started
    const code = yield* handle.exitCode
    if (code !== 0) return yield* fail(`exited with ${code}: ${output.trim().slice(-500)}`)
    if ("cli" in run) return { exit }
    const told: Sample = yield* Effect.mapError(Schema.decodeEffect(SampleLine)(output.trim()), () =>
      fail(`said ${JSON.stringify(output.slice(0, 200))}`)
    )
    if (run.work.kind !== "start") return told
    return Object.fromEntries(Object.entries(told).map(([key, value]) => [key, value - started]))
  },
  Effect.scoped,
  (effect, name) =>
    effect.pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.fail(new SampleFailed({ what: name, description: `took more than ${patience}` }))
      }),
      Effect.catchTag("PlatformError", (error) =>
        Effect.fail(new SampleFailed({ what: name, description: error.message }))
      )
    )
)

/** The samples of each entrant, one per round. */
export type Rounds = ReadonlyMap<string, ReadonlyArray<Sample>>

/** Takes the samples of all entrants in turn. `onSample` is called before each sample. */
export const rounds = Effect.fnUntraced(function* (
  entrants: ReadonlyMap<string, Entrant>,
  count: number,
  machine: Machine,
  onSample: (name: string, round: number) => Effect.Effect<void>
) {
  const samples = new Map<string, Array<Sample>>()
  for (let round = 1; round <= count; round++) {
    for (const [name, entrant] of entrants) {
      yield* onSample(name, round)
      const taken = samples.get(name) ?? []
      samples.set(name, [...taken, yield* sample(name, entrant, machine)])
    }
  }
  return samples as Rounds
})

/** The median and the extremes of the measured values. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const spread = (values: ReadonlyArray<number>): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values)
})
