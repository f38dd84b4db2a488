/**
 * Plays the messages of the server to a program, and compares the messages of the program with the recorded ones.
 *
 * A message of the server is due when all messages that the program had sent before it have arrived. Ids that the program
 * chooses may differ from the recorded ones, and messages that it sends at the same time may arrive in another order.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { ConnectionFailed, ConnectionFailedReason } from "../../CodexError.ts"
import * as Redaction from "../../Redaction.ts"
import type { Transport } from "../../Transport.ts"
import { type Entry, type Header, parse, type Received, type Sent, textIn } from "./entry.ts"
import { codexHomeIn, differences, type FieldDifference, inOrder, placesOf } from "./normal.ts"

/** The message at which the program deviated from the recording. */
export interface Deviation {
  /** The number of the message in the recording, or that of the next one if there is no similar message. */
  readonly n: number
  /** Its method, or `answer`. */
  readonly method: string
  readonly differences: ReadonlyArray<FieldDifference>
}

export interface PlayOptions {
  readonly isTimed: boolean
  /** The current working directory of the program. */
  readonly cwd: string | undefined
  /** How long to wait for the program's next recorded message. */
  readonly patience: Duration.Duration
}

export interface Player {
  readonly transport: Transport["Service"]
  /** The first deviation, or the first recorded message that the program has not sent. */
  readonly deviation: () => Deviation | undefined
}

type Json = { readonly [K: string]: unknown }

interface Expected {
  readonly entry: Sent
  isSent: boolean
}

type Step = Received | Expected

const isExpected = (step: Step): step is Expected => "isSent" in step

const answerKey = (id: unknown): string => `answer ${JSON.stringify(id)}`

// The key by which messages are looked up.
const keyOf = (message: Json): string => textIn(message, "method") ?? answerKey(message["id"])

const kindOf = (message: unknown): string => textIn(message, "method") ?? "answer"

const endOf = (entries: ReadonlyArray<Entry>): ConnectionFailed | undefined => {
  for (const entry of entries) {
    if (!("end" in entry) || entry.end === "closed") continue
    const reason = Schema.decodeUnknownOption(ConnectionFailedReason)(entry.end.reason)
    const given = Option.getOrElse(reason, () => closed("the connection ended"))
    return new ConnectionFailed({ reason: given, stderr: entry.end.stderr })
  }
  return undefined
}

const closed = (description: string): ConnectionFailedReason => ({ _tag: "Closed", description })

/** Makes a player. It ends with the scope. */
export const makePlayer = Effect.fnUntraced(function* (
  header: Header,
  entries: ReadonlyArray<Entry>,
  options: PlayOptions
): Effect.fn.Return<Player, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const messages = inOrder(entries)
  const steps = messages.map((entry): Step => ("in" in entry ? entry : { entry, isSent: false }))
  const waitedFor = new Map<string, Array<Expected>>()
  for (const step of steps) {
    if (!isExpected(step) || !Predicate.isReadonlyObject(step.entry.out)) continue
    const key = keyOf(step.entry.out)
    waitedFor.set(key, [...(waitedFor.get(key) ?? []), step])
  }
  const asked = new Set(messages.flatMap((entry) => ("in" in entry ? requestKey(entry.in) : [])))
  const places = {
    recorded: placesOf(header, messages.map(codexHomeIn).find(Predicate.isNotUndefined)),
    sent: placesOf({ cwd: options.cwd }, undefined)
  }

  const changed = Latch.makeUnsafe(false)
  const listening = Deferred.makeUnsafe<Parameters<Transport["Service"]["listen"]>[0]>()
  // The ids of the program by those of the recording, and vice versa.
  const names = { now: new Map<string, string>(), then: new Map<string, string>() }
  const requestIds = new Map<unknown, unknown>()
  let next = 0
  let deviation: Deviation | undefined
  let ended: ConnectionFailed | undefined

  const end = (error: ConnectionFailed) => {
    ended ??= error
    changed.openUnsafe()
  }

  const deviate = (found: Deviation) => {
    if (ended !== undefined) return
    deviation = found
    const [first] = found.differences
    const where = first === undefined || first.path === "" ? "" : ` at ${first.path}`
    const description = `the program deviated from the recording: message ${found.n} (${found.method}) differs${where}`
    end(new ConnectionFailed({ reason: closed(description), stderr: [] }))
  }

  const compare = (recorded: unknown, sent: unknown) => {
    const pairs = new Map<string, string>()
    const found = differences(recorded, sent, places, (then, now) => {
      const known = names.now.get(then) ?? pairs.get(then)
      if (known !== undefined) return known === now
      if (names.then.has(now)) return false
      pairs.set(then, now)
      return true
    })
    return { found, pairs }
  }

  const withoutRequestId = (message: Json): Json => ("method" in message ? { ...message, id: undefined } : message)

  const take = (message: Json) => {
    const sent = Redaction.value(withoutRequestId(message))
    const candidates = waitedFor.get(keyOf(message)) ?? []
    const open = candidates.filter(({ isSent }) => !isSent)
    const compared = open.map((expected) => {
      const { out } = expected.entry
      return { expected, ...compare(Predicate.isReadonlyObject(out) ? withoutRequestId(out) : out, sent) }
    })
    const match = compared.find(({ found }) => found.length === 0)
    if (match !== undefined) {
      for (const [then, now] of match.pairs) {
        names.now.set(then, now)
        names.then.set(now, then)
      }
      const { out } = match.expected.entry
      if (Predicate.isReadonlyObject(out) && "method" in out) requestIds.set(out["id"], message["id"])
      match.expected.isSent = true
      return changed.openUnsafe()
    }
    // In the recording, the server withdrew the request before it was answered, so any answer is ignored.
    if (candidates.length === 0 && asked.has(keyOf(message))) return
    const [closest] = compared
    if (closest !== undefined) {
      return deviate({ n: closest.expected.entry.n, method: kindOf(message), differences: closest.found })
    }
    deviate({
      n: nextNumber(),
      method: kindOf(message),
      differences: [{ path: "", recorded: undefined, sent: JSON.stringify(sent) }]
    })
  }

  const nextNumber = () => {
    const step = steps[next]
    if (step === undefined) return (messages.at(-1)?.n ?? 0) + 1
    return isExpected(step) ? step.entry.n : step.n
  }

  const leftOut = (): Deviation | undefined => {
    const left = steps.find((step): step is Expected => isExpected(step) && !step.isSent)
    if (left === undefined) return undefined
    const { n, out } = left.entry
    return { n, method: kindOf(out), differences: [{ path: "", recorded: JSON.stringify(out), sent: undefined }] }
  }

  const renamed = (value: unknown): unknown => {
    if (typeof value === "string") return names.now.get(value) ?? value
    if (Array.isArray(value)) return value.map(renamed)
    if (!Predicate.isReadonlyObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, renamed(field)]))
  }

  const lineOf = (message: unknown): string => {
    if (!Predicate.isReadonlyObject(message)) return String(message)
    const own = renamed(message)
    const isAnswer = !("method" in message) && "id" in message
    return JSON.stringify(
      isAnswer && Predicate.isReadonlyObject(own) ? { ...own, id: requestIds.get(message["id"]) ?? message["id"] } : own
    )
  }

  // Waits for a change, but reports a deviation if the next message of the program does not arrive in time.
  const wait = Effect.suspend(() => {
    const before = next
    return Effect.timeoutOrElse(changed.await, {
      duration: options.patience,
      orElse: () =>
        Effect.sync(() => {
          const left = leftOut()
          if (next === before && left !== undefined) deviate(left)
        })
    })
  })

  const begun = clock.currentTimeMillisUnsafe()
  const driver = Effect.gen(function* () {
    const receiver = yield* Deferred.await(listening)
    while (ended === undefined) {
      changed.closeUnsafe()
      const step = steps[next]
      if (step === undefined) {
        ended = endOf(entries)
        if (ended === undefined) yield* changed.await
      } else if (!isExpected(step)) {
        const due = options.isTimed ? begun + step.ms - clock.currentTimeMillisUnsafe() : 0
        if (due > 0) yield* Effect.sleep(due)
        receiver.onLines([lineOf(step.in)])
        next++
        yield* Effect.yieldNow
      } else if (step.isSent) next++
      else yield* wait
    }
    receiver.onEnd(ended)
  })
  yield* Effect.forkScoped(driver)

  return {
    deviation: () => deviation ?? leftOut(),
    transport: {
      listen: (receiver) => Effect.asVoid(Deferred.succeed(listening, receiver)),
      room: Effect.suspend(() => (ended === undefined ? Effect.void : Effect.fail(ended))),
      hasRoom: () => ended === undefined,
      write: (line) => {
        const message = parse(line)
        if (ended === undefined && Predicate.isReadonlyObject(message)) take(message)
      },
      diagnostics: Effect.sync(() => ended?.stderr ?? [])
    }
  }
})

const requestKey = (message: unknown): ReadonlyArray<string> =>
  Predicate.isReadonlyObject(message) && "method" in message && "id" in message ? [answerKey(message["id"])] : []
