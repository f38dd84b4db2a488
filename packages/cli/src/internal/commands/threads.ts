/**
 * `effect-codex threads` and its subcommands.
 */
import * as Codex from "@effect-codex/core/Codex"
import type * as Protocol from "@effect-codex/core/protocol/generated/Stable"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Connection from "../../Connection.ts"
import { codes } from "../../ExitCode.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { layer } from "../connect.ts"
import { json, text, toggle, wholeNumber } from "../flags.ts"
import * as Print from "../print.ts"
import * as ThreadId from "../threadId.ts"

type Infer<Flags extends Command.Command.Config> = Command.Command.Config.Infer<Flags>

const id = Argument.String("ID").pipe(
  Argument.withDescription("The id of a thread, or the beginning of one that no other thread shares")
)

const ids = id.pipe(Argument.variadic({ min: 1 }))

const shared = { json, ...Connection.flags }

const listFlags = {
  limit: wholeNumber("limit", "The number of threads to list; with --all, the size of a page", {
    least: 1,
    greatest: 1000
  }).pipe(Flag.withDefault(20)),
  all: toggle("all", "List all of them"),
  cursor: text("cursor", "CURSOR", "Continue a list where it ended"),
  search: text("search", "TEXT", "Only threads with this text in their title"),
  here: toggle("here", "Only threads of this folder, or of the folder of --cwd"),
  archived: toggle("archived", "Only archived threads"),
  ...shared
}

const showFlags = {
  id: Argument.map(Argument.optional(id), Option.getOrUndefined),
  last: toggle("last", "The thread of this folder that was used last"),
  ...shared
}

const forkFlags = { id, ...shared }

const manyFlags = { ids, ...shared }

const renameFlags = {
  id,
  name: Argument.String("NAME").pipe(
    Argument.withDescription("Its new title"),
    Argument.withSchema(Schema.NonEmptyString)
  ),
  ...shared
}

const deleteFlags = { ids, yes: toggle("yes", "Do not ask").pipe(Flag.withAlias("y")), ...shared }

/** The user answered no. */
export class NotDeleted extends Schema.TaggedError<NotDeleted>()("NotDeleted", {}) {
  override readonly [Runtime.errorExitCode] = codes.declined
  override get message(): string {
    return "Nothing was deleted."
  }
}

const titleOf = ({ name, preview }: Protocol.Thread): string => name ?? preview

// On a narrow terminal the titles matter more than whole ids, whose beginnings are accepted everywhere.
const wide = 120

const printThreads = Effect.fnUntraced(function* (threads: ReadonlyArray<Protocol.Thread>) {
  const { columns } = yield* Terminal.Terminal
  const isTerminal = yield* Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) => stdoutIsTerminal)
  const ids = threads.map(({ id }) => id)
  const shown = isTerminal && (yield* columns) < wide ? ThreadId.shorten(ids) : ids
  yield* Print.table(
    [
      { title: "ID" },
      { title: "TITLE", least: 12 },
      { title: "UPDATED", optional: true },
      { title: "FOLDER", least: 12, optional: true }
    ],
    threads.map((thread, index) => [
      shown[index] ?? thread.id,
      titleOf(thread),
      Print.time(thread.updatedAt),
      thread.cwd
    ])
  )
})

const list = Effect.fn("threads.list")(function* (flags: Infer<typeof listFlags>) {
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
  if (page.data.length === 0) return yield* Console.error("No threads found.")
  yield* printThreads(page.data)
  if (nextCursor !== null) yield* Console.error(`There are more: --all, or --cursor ${Print.inline(nextCursor)}`)
})

const textOf = (content: ReadonlyArray<Protocol.UserInput>): string =>
  content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join(" ")

const messagesOf = (item: Protocol.ThreadItem): ReadonlyArray<readonly [who: string, what: string]> => {
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

const idOf = Effect.fnUntraced(function* (flags: Infer<typeof showFlags>) {
  const codex = yield* Codex.Codex
  if (flags.id !== undefined) return yield* ThreadId.resolve(codex, flags.id)
  const path = yield* Path.Path
  const cwd = path.resolve(flags.cwd ?? ".")
  const { data } = yield* codex.thread.listPage({ limit: 1, cwd })
  const [last] = data
  return last === undefined ? yield* new InvalidUsage({ description: `No thread was started in ${cwd}.` }) : last.id
})

const show = Effect.fn("threads.show")(function* (flags: Infer<typeof showFlags>) {
  if (flags.last !== (flags.id === undefined)) {
    return yield* new InvalidUsage({ description: "Name a thread by its ID, or use --last." })
  }
  const thread = yield* Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const id = yield* idOf(flags)
    return yield* codex.thread.read(id, { includeTurns: true }).pipe(
      // A thread without a turn exists, but has none to include.
      Effect.catchTag("NoRollout", () => codex.thread.read(id))
    )
  }).pipe(Effect.provide(layer(flags)))
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
        ...turn.items.flatMap(messagesOf).map(([who, what]) => `${paint("session", `${who}:`)} ${what}`)
      ])
    ].join("\n")
  )
})

const fork = Effect.fn("threads.fork")(function* (flags: Infer<typeof forkFlags>) {
  const { forkedFromId, threadId } = yield* Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const forkedFromId = yield* ThreadId.resolve(codex, flags.id)
    const { id } = yield* codex.thread.fork(forkedFromId)
    return { forkedFromId, threadId: id }
  }).pipe(Effect.provide(layer(flags)))
  yield* flags.json ? Print.json({ threadId, forkedFromId }) : Console.log(threadId)
})

// One after the other; the first that fails ends it.
const changeAll = <E, E2 = never, R = never>(
  flags: Infer<typeof manyFlags>,
  done: string,
  act: (codex: Codex.Codex["Service"], id: string) => Effect.Effect<unknown, E>,
  confirm: (ids: ReadonlyArray<string>) => Effect.Effect<void, E2, R> = () => Effect.void
) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    // Looks up all ids first, so that a mistake in one of them changes nothing.
    const ids = yield* Effect.forEach(flags.ids, (id) => ThreadId.resolve(codex, id))
    yield* confirm(ids)
    yield* Effect.forEach(
      ids,
      (id) => Effect.andThen(act(codex, id), flags.json ? Effect.void : Console.log(`${Print.inline(id)} is ${done}.`)),
      { discard: true }
    )
    if (flags.json) yield* Print.json({ [done]: ids })
  }).pipe(Effect.provide(layer(flags)))

const archive = (flags: Infer<typeof manyFlags>) =>
  changeAll(flags, "archived", (codex, id) => codex.thread.archive(id))

const unarchive = (flags: Infer<typeof manyFlags>) =>
  changeAll(flags, "unarchived", (codex, id) => codex.thread.unarchive(id))

const rename = Effect.fn("threads.rename")(function* (flags: Infer<typeof renameFlags>) {
  const { id, name } = flags
  const threadId = yield* Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const threadId = yield* ThreadId.resolve(codex, id)
    yield* codex.thread.nameSet(threadId, { name })
    return threadId
  }).pipe(Effect.provide(layer(flags)))
  yield* flags.json
    ? Print.json({ threadId, name })
    : Console.log(`${Print.inline(threadId)} is called ${Print.inline(name)}.`)
})

// The question shows the whole ids.
const confirmDeletion = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const what = ids.length === 1 ? "thread" : `${ids.length} threads:`
  const message = `Delete ${what} ${ids.map(Print.inline).join(", ")} for good?`
  if (!(yield* Prompt.Confirm({ message }))) return yield* new NotDeleted()
})

const remove = Effect.fn("threads.delete")(function* (flags: Infer<typeof deleteFlags>) {
  const stdio = yield* Stdio.Stdio
  if (!flags.yes && (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal))) {
    return yield* new InvalidUsage({
      description: "Deleted threads cannot be restored, and there is no terminal to ask at. Confirm with --yes."
    })
  }
  yield* changeAll(
    flags,
    "deleted",
    (codex, id) => codex.thread.delete(id),
    (ids) => (flags.yes ? Effect.void : confirmDeletion(ids))
  )
})

const listCommand = Command.make("list", listFlags, list).pipe(
  Command.withAlias("ls"),
  Command.withDescription("List threads, most recently used first"),
  Command.withExamples([
    { command: "effect-codex threads list", description: "The newest twenty" },
    { command: "effect-codex threads list --all --json | jq -r '.data[].id'", description: "The ids of all" }
  ])
)

const showCommand = Command.make("show", showFlags, show).pipe(
  Command.withDescription("Show a thread and its messages"),
  Command.withExamples([
    { command: "effect-codex threads show --last", description: "The newest thread of this folder" },
    { command: "effect-codex threads show 0199b6f2", description: "A thread by the beginning of its id" }
  ])
)

const forkCommand = Command.make("fork", forkFlags, fork).pipe(
  Command.withDescription("Copy a thread with its history, and print the id of the copy"),
  Command.withExamples([
    {
      command: 'effect-codex run --thread "$(effect-codex threads fork 0199b6f2-…)" "Try it another way"',
      description: "Resume a copy"
    }
  ])
)

const archiveCommand = Command.make("archive", manyFlags, archive).pipe(
  Command.withDescription("Archive threads: readable, but cannot be resumed"),
  Command.withExamples([{ command: "effect-codex threads archive 0199b6f2-…", description: "Archive one" }])
)

const unarchiveCommand = Command.make("unarchive", manyFlags, unarchive).pipe(
  Command.withDescription("Restore archived threads"),
  Command.withExamples([{ command: "effect-codex threads unarchive 0199b6f2-…", description: "Restore one" }])
)

const renameCommand = Command.make("rename", renameFlags, rename).pipe(
  Command.withDescription("Give a thread a title"),
  Command.withExamples([{ command: 'effect-codex threads rename 0199b6f2-… "Release notes"', description: "Name one" }])
)

const removeCommand = Command.make("delete", deleteFlags, remove).pipe(
  Command.withDescription("Delete threads permanently, after a question"),
  Command.withExamples([
    { command: "effect-codex threads delete --yes 0199b6f2-…", description: "Delete one without asking" }
  ])
)

/** The command, with its subcommands. */
export const command = Command.make("threads").pipe(
  Command.withDescription("List, show, fork, archive, name and delete threads"),
  Command.withSubcommands([
    listCommand,
    showCommand,
    forkCommand,
    archiveCommand,
    unarchiveCommand,
    renameCommand,
    removeCommand
  ])
)
