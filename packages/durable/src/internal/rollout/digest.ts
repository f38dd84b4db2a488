/**
 * The facts of a rollout that admission and settlement rest on: its turns, whose prompts they have, the calls without output,
 * and how each turn ended.
 *
 * A pure fold over lines. It keeps no outputs of tools and no history, so its size depends on the number of turns. It knows
 * nothing of files, stores or jobs.
 *
 * Facts about the rollouts of codex that it stands on, each held by the recorded one:
 *
 * - `task_started` opens a turn; `task_complete` or `turn_aborted` ends it. A failed turn ends with `task_complete` and an error.
 * - The prompt is written twice: first as a `response_item` that goes to the model, then as the completed item with the
 *   `client_id`. The model is asked after both are on disk.
 * - A call is on disk before it runs, and its output once it has ended.
 * - A call that spawns an agent is completed with the thread of that agent, which has a rollout by then.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** A call of a tool, as the model made it. */
export interface Call {
  readonly id: string
  readonly name: string
  /** The arguments as the model wrote them. */
  readonly input: string
}

/** How a turn ended. */
export type TurnEnd =
  | { readonly type: "completed" }
  | { readonly type: "failed"; readonly tag: string; readonly message: string }
  | { readonly type: "aborted"; readonly reason: string }

export interface Turn {
  readonly id: string
  /** The client ids of its user messages. */
  readonly messageIds: ReadonlyArray<string>
  /** Whether the rollout names a user message of it, with a client id or without. */
  readonly hasUserMessage: boolean
  /** Whether the model's history has a message in it that may be of a user. */
  readonly hasPrompt: boolean
  /** Calls without output. */
  readonly openCalls: ReadonlyArray<Call>
  /** The final answer so far: the last message that is called so, else the last that is not commentary. */
  readonly answer: { readonly text: string; readonly isFinal: boolean } | undefined
  readonly end: TurnEnd | undefined
}

export interface Digest {
  readonly threadId: string | undefined
  /** All turns but the newest, oldest first. */
  readonly past: ReadonlyArray<Turn>
  readonly newest: Turn | undefined
  /** The threads of sub-agents that its turns have spawned or used. */
  readonly agents: ReadonlyArray<string>
  /** Complete lines that are not JSON: a line that was cut by a crash, and completed since. */
  readonly unreadable: number
}

export const empty: Digest = { threadId: undefined, past: [], newest: undefined, agents: [], unreadable: 0 }

/** All turns, oldest first. */
export const turnsOf = ({ newest, past }: Digest): ReadonlyArray<Turn> =>
  newest === undefined ? past : [...past, newest]

export const findTurn = (digest: Digest, id: string): Turn | undefined =>
  digest.newest?.id === id ? digest.newest : digest.past.find((turn) => turn.id === id)

const isCommentary = (phase: string | null | undefined): boolean => phase === "commentary"

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const decodeLine = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ type: Schema.String, payload: Schema.Unknown }))
)
const decodeMeta = Schema.decodeUnknownOption(Schema.Struct({ id: Schema.String }))

const decodeEvent = Schema.decodeUnknownOption(
  Schema.Union([
    Schema.Struct({ type: Schema.Literals(["task_started", "turn_started"]), turn_id: Schema.String }),
    Schema.Struct({
      type: Schema.Literals(["task_complete", "turn_complete"]),
      turn_id: Schema.String,
      error: nullable(Schema.Struct({ message: Schema.String, codex_error_info: Schema.optionalKey(Schema.Unknown) }))
    }),
    Schema.Struct({ type: Schema.Literal("turn_aborted"), turn_id: Schema.String, reason: nullable(Schema.String) }),
    Schema.Struct({
      type: Schema.Literal("item_completed"),
      turn_id: Schema.String,
      item: Schema.Struct({
        type: Schema.String,
        id: nullable(Schema.String),
        client_id: nullable(Schema.String),
        phase: nullable(Schema.String),
        content: Schema.optionalKey(Schema.Unknown),
        receiver_thread_ids: nullable(Schema.Array(Schema.String))
      })
    })
  ])
)

const decodeItem = Schema.decodeUnknownOption(
  Schema.Struct({
    type: Schema.String,
    role: nullable(Schema.String),
    call_id: nullable(Schema.String),
    name: nullable(Schema.String),
    arguments: Schema.optionalKey(Schema.Unknown),
    input: Schema.optionalKey(Schema.Unknown),
    action: Schema.optionalKey(Schema.Unknown),
    internal_chat_message_metadata_passthrough: nullable(
      Schema.Struct({
        turn_id: nullable(Schema.String),
        content_item_metadata: nullable(
          Schema.Array(Schema.Struct({ provenance: nullable(Schema.Struct({ type: Schema.String })) }))
        )
      })
    )
  })
)

const decodeTexts = Schema.decodeUnknownOption(Schema.Array(Schema.Struct({ text: Schema.optionalKey(Schema.String) })))

/** Adds a complete line, without its line feed. */
export const addLine = (digest: Digest, line: string): Digest => {
  if (line.trim() === "") return digest
  const decoded = decodeLine(line)
  if (Option.isNone(decoded)) return { ...digest, unreadable: digest.unreadable + 1 }
  const { payload, type } = decoded.value
  switch (type) {
    case "session_meta":
      return digest.threadId !== undefined
        ? digest
        : Option.match(decodeMeta(payload), { onNone: () => digest, onSome: ({ id }) => ({ ...digest, threadId: id }) })
    case "event_msg":
      return Option.match(decodeEvent(payload), { onNone: () => digest, onSome: (event) => addEvent(digest, event) })
    case "response_item":
      return Option.match(decodeItem(payload), { onNone: () => digest, onSome: (item) => addItem(digest, item) })
    default:
      return digest
  }
}

export const addLines = (digest: Digest, lines: ReadonlyArray<string>): Digest => lines.reduce(addLine, digest)

/** The turns whose end is in the lines. */
export const endsIn = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  turnsOf(addLines(empty, lines)).flatMap(({ end, id }) => (end === undefined ? [] : [id]))

const started = (id: string): Turn => ({
  id,
  messageIds: [],
  hasUserMessage: false,
  hasPrompt: false,
  openCalls: [],
  answer: undefined,
  end: undefined
})

// Almost every line is about the newest turn. A turn that is not known has begun without a line of its own.
const update = (digest: Digest, id: string, change: (turn: Turn) => Turn): Digest => {
  const { newest, past } = digest
  if (newest?.id === id) return { ...digest, newest: change(newest) }
  const index = past.findIndex((turn) => turn.id === id)
  const found = past[index]
  if (found !== undefined) return { ...digest, past: past.with(index, change(found)) }
  return { ...digest, past: newest === undefined ? past : [...past, newest], newest: change(started(id)) }
}

// A call has ended if the model has its output, or its item is completed: a crash can come between the two.
const close = (digest: Digest, turnId: string, callId: string): Digest =>
  findTurn(digest, turnId)?.openCalls.some(({ id }) => id === callId) === true
    ? update(digest, turnId, (turn) => ({ ...turn, openCalls: turn.openCalls.filter(({ id }) => id !== callId) }))
    : digest

const addAgents = (digest: Digest, threads: ReadonlyArray<string>): Digest => {
  const added = threads.filter((thread) => !digest.agents.includes(thread))
  return added.length === 0 ? digest : { ...digest, agents: [...digest.agents, ...added] }
}

type Event = NonNullable<Option.Option.Value<ReturnType<typeof decodeEvent>>>

const addEvent = (digest: Digest, event: Event): Digest => {
  switch (event.type) {
    case "task_started":
    case "turn_started":
      return update(digest, event.turn_id, (turn) => turn)
    case "task_complete":
    case "turn_complete": {
      const { error } = event
      const end: TurnEnd =
        error == null
          ? { type: "completed" }
          : { type: "failed", tag: tagOf(error.codex_error_info), message: error.message }
      return update(digest, event.turn_id, (turn) => ({ ...turn, end }))
    }
    case "turn_aborted":
      return update(digest, event.turn_id, (turn) => ({
        ...turn,
        end: { type: "aborted", reason: event.reason ?? "interrupted" }
      }))
    case "item_completed": {
      const { item } = event
      if (item.type === "UserMessage") {
        return update(digest, event.turn_id, (turn) => ({
          ...turn,
          hasUserMessage: true,
          messageIds: item.client_id == null ? turn.messageIds : [...turn.messageIds, item.client_id]
        }))
      }
      if (item.type !== "AgentMessage") {
        const named = addAgents(digest, item.receiver_thread_ids ?? [])
        return item.id == null ? named : close(named, event.turn_id, item.id)
      }
      if (isCommentary(item.phase)) return digest
      const text = Option.match(decodeTexts(item.content), {
        onNone: () => "",
        onSome: (parts) => parts.map((part) => part.text ?? "").join("")
      })
      const isFinal = item.phase === "final_answer"
      return text.trim() === ""
        ? digest
        : update(digest, event.turn_id, (turn) =>
            turn.answer?.isFinal === true && !isFinal ? turn : { ...turn, answer: { text, isFinal } }
          )
    }
  }
}

const tagOf = (info: unknown): string => {
  if (typeof info === "string") return info
  const [key] = typeof info === "object" && info !== null ? Object.keys(info) : []
  return key ?? "other"
}

type Item = NonNullable<Option.Option.Value<ReturnType<typeof decodeItem>>>

const addItem = (digest: Digest, item: Item): Digest => {
  const metadata = item.internal_chat_message_metadata_passthrough
  const turnId = metadata?.turn_id ?? digest.newest?.id
  if (turnId === undefined) return digest
  if (item.type === "message") {
    // Context that codex adds says so; a message that says nothing may be a prompt.
    const provenance = metadata?.content_item_metadata?.map((part) => part.provenance?.type) ?? []
    const isContext = provenance.length > 0 && provenance.every((type) => type === "harness")
    return item.role !== "user" || isContext ? digest : update(digest, turnId, (turn) => ({ ...turn, hasPrompt: true }))
  }
  const { call_id: id } = item
  if (id == null) return digest
  if (item.type.endsWith("_output")) return close(digest, turnId, id)
  if (!item.type.endsWith("_call")) return digest
  const input = item.arguments ?? item.input ?? item.action
  const call: Call = {
    id,
    name: item.name ?? item.type,
    input: typeof input === "string" ? input : (JSON.stringify(input) ?? "")
  }
  return update(digest, turnId, (turn) => ({ ...turn, openCalls: [...turn.openCalls, call] }))
}
