/** The points of the kill matrix, and who dies at them. */

/** A `frozen` owner is not killed: it is stopped until another one has taken its lease, and goes on then. */
export const victims = ["owner", "server", "both", "frozen"] as const
export type Victim = (typeof victims)[number]

/** Whether somebody can be the victim at a point: what `promptWithoutId` leaves is left by a server that died. */
export const canStrike = (point: Point, victim: Victim): boolean => victim !== "frozen" || point !== "promptWithoutId"

/**
 * Where somebody dies. Each is pinned by something that happens: a hook of the owner, a line on the wire, a gate in the model's
 * answer, or a file that a command makes.
 */
export const points = [
  // Hooks of the owner.
  "attemptStarted",
  "promptSent",
  "turnReplied",
  "turnAdmitted",
  "approvalOpened",
  "verdictReceived",
  "verdictUsed",
  "turnEnded",
  "jobSettled",
  // Lines on the wire.
  "startWritten",
  "startReplied",
  "acceptWritten",
  // The rollout is cut to what a crash between two of its lines leaves.
  "promptWithoutId",
  // The model, commands and tools.
  "midStream",
  "answerWithoutEnd",
  "commandRunning",
  "toolRunning"
] as const
export type Point = (typeof points)[number]

export const isHook = (point: Point): boolean => points.indexOf(point) <= points.indexOf("jobSettled")
export const isOnWire = (point: Point): boolean => /^(startWritten|startReplied|acceptWritten)$/.test(point)
export const needsPerson = (point: Point): boolean =>
  /^(approvalOpened|verdictReceived|verdictUsed|acceptWritten)$/.test(point)

/** The order of a run, for a process of its own. */
export interface Order {
  readonly point: Point
  readonly victim: Victim
  /** The file of the store. */
  readonly store: string
  /** The Postgres that is the store instead. */
  readonly postgres: { readonly host: string; readonly schema: string } | undefined
  readonly home: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Made when somebody was killed: nobody is, twice. */
  readonly marker: string
  /** Made once the rollout is cut. */
  readonly cut: string
  /** The prompt of the job that is watched. */
  readonly prompt: string
  /** The real codex. */
  readonly binary: string
  /** Stands between the owner and codex. */
  readonly proxy: string
}
