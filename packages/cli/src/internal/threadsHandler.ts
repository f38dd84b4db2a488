/**
 * What `effect-codex threads` does with its flags.
 */
import * as Codex from "@effect-codex/core/Codex"
import type * as Protocol from "@effect-codex/core/protocol/generated/Stable"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { codes } from "../ExitCode.ts"
import { InvalidUsage } from "../InvalidUsage.ts"
import type { Flags } from "../ThreadsCommand.ts"
import { layer } from "./connect.ts"
import * as Print from "./print.ts"

/** The person who was asked did not want it. */
class NotDeleted extends Schema.TaggedError<NotDeleted>()("NotDeleted", {}) {
  override readonly [Runtime.errorExitCode] = codes.declined
  override get message(): string {
    return "Nothing was deleted."
  }
}

const titleOf = ({ name, preview }: Protocol.Thread): string => name ?? preview

const printThreads = (threads: ReadonlyArray<Protocol.Thread>) =>
  Print.table(
    [
      { title: "ID" },
      { title: "UPDATED", optional: true },
      { title: "TITLE", least: 12, optional: true },
      { title: "FOLDER", least: 12, optional: true }
    ],
    threads.map((thread) => [thread.id, Print.time(thread.updatedAt), titleOf(thread), thread.cwd])
  )

export const list = Effect.fn("ThreadsCommand.list")(function* (flags: Flags["list"]) {
  const path = yield* Path.Path
  const { all, archived, cursor, here, limit, search } = flags
  const params: Protocol.ThreadListParams = {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(search === undefined ? {} : { searchTerm: search }),
    ...(here ? { cwd: path.resolve(flags.cwd ?? ".") } : {}),
    ...(archived ? { archived: true } : {})
  }
  const page = yield* Effect.gen(function* () {
    const { thread } = yield* Codex.Codex
    if (!all) return yield* thread.listPage(params)
    return { data: yield* Stream.runCollect(thread.list(params)) }
  }).pipe(Effect.provide(layer(flags)))
  const nextCursor = "nextCursor" in page ? (page.nextCursor ?? null) : null
  if (flags.json) return yield* Print.json({ data: page.data, nextCursor })
  if (page.data.length === 0) return yield* Console.error("There are no such threads.")
  yield* printThreads(page.data)
  if (nextCursor !== null) yield* Console.error(`There are more: --all, or --cursor ${Print.inline(nextCursor)}`)
})

const textOf = (content: ReadonlyArray<Protocol.UserInput>): string =>
  content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join(" ")

const saidIn = (item: Protocol.ThreadItem): ReadonlyArray<readonly [who: string, what: string]> => {
  switch (item.type) {
    case "userMessage":
      return [["User", Print.indented(textOf(item.content))]]
    case "agentMessage":
      return [["Assistant", Print.indented(item.text)]]
    case "commandExecution":
      return [["Command", Print.exact(item.command)]]
    case "fileChange":
      return [["Files", item.changes.map(({ path }) => Print.exact(path)).join(", ")]]
    default:
      return []
  }
}

export const show = Effect.fn("ThreadsCommand.show")(function* (flags: Flags["one"]) {
  const thread = yield* Effect.flatMap(Codex.Codex, (codex) =>
    codex.thread.read(flags.id, { includeTurns: true })
  ).pipe(
    // One that has had no turn is there, and has none to include.
    Effect.catchTag("NoRollout", () => Effect.flatMap(Codex.Codex, (codex) => codex.thread.read(flags.id))),
    Effect.provide(layer(flags))
  )
  if (flags.json) return yield* Print.json(thread)
  const fields: ReadonlyArray<readonly [name: string, value: string | null | undefined]> = [
    ["Thread", thread.id],
    ["Title", titleOf(thread)],
    ["Folder", thread.cwd],
    ["Model", thread.model],
    ["Created", Print.time(thread.createdAt)],
    ["Updated", Print.time(thread.updatedAt)],
    ["Fork of", thread.forkedFromId]
  ]
  const paint = yield* Print.painter
  yield* Console.log(
    [
      ...fields.flatMap(([name, value]) =>
        value == null || value === "" ? [] : [`${name.padEnd(8)} ${Print.inline(value)}`]
      ),
      ...thread.turns.flatMap((turn) => [
        "",
        paint("header", `== Turn ${Print.inline(turn.id)}, ${Print.inline(turn.status)} ==`),
        ...turn.items.flatMap(saidIn).map(([who, what]) => `${paint("session", `${who}:`)} ${what}`)
      ])
    ].join("\n")
  )
})

export const fork = Effect.fn("ThreadsCommand.fork")(function* (flags: Flags["one"]) {
  const { id: threadId } = yield* Effect.flatMap(Codex.Codex, (codex) => codex.thread.fork(flags.id)).pipe(
    Effect.provide(layer(flags))
  )
  yield* flags.json ? Print.json({ threadId, forkedFromId: flags.id }) : Console.log(threadId)
})

// One after the other; the first that fails ends it.
const each = <E>(
  flags: Flags["many"],
  done: string,
  act: (codex: Codex.Codex["Service"], id: string) => Effect.Effect<unknown, E>
) =>
  Effect.flatMap(Codex.Codex, (codex) =>
    Effect.forEach(
      flags.ids,
      (id) => Effect.andThen(act(codex, id), flags.json ? Effect.void : Console.log(`${Print.inline(id)} is ${done}.`)),
      { discard: true }
    )
  ).pipe(Effect.provide(layer(flags)), Effect.andThen(flags.json ? Print.json({ [done]: flags.ids }) : Effect.void))

export const archive = (flags: Flags["many"]) => each(flags, "archived", (codex, id) => codex.thread.archive(id))

export const unarchive = (flags: Flags["many"]) => each(flags, "unarchived", (codex, id) => codex.thread.unarchive(id))

export const rename = Effect.fn("ThreadsCommand.rename")(function* (flags: Flags["rename"]) {
  const { id, name } = flags
  yield* Effect.flatMap(Codex.Codex, (codex) => codex.thread.nameSet(id, { name })).pipe(Effect.provide(layer(flags)))
  yield* flags.json
    ? Print.json({ threadId: id, name })
    : Console.log(`${Print.inline(id)} is called ${Print.inline(name)}.`)
})

export const remove = Effect.fn("ThreadsCommand.delete")(function* (flags: Flags["delete"]) {
  if (!flags.yes) {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal)) {
      return yield* new InvalidUsage({ description: "Deleting is for good, and nobody can be asked here: give --yes." })
    }
    const what = flags.ids.length === 1 ? "thread" : `${flags.ids.length} threads:`
    const message = `Delete ${what} ${flags.ids.map(Print.inline).join(", ")} for good?`
    if (!(yield* Prompt.Confirm({ message }))) return yield* new NotDeleted()
  }
  yield* each(flags, "deleted", (codex, id) => codex.thread.delete(id))
})
