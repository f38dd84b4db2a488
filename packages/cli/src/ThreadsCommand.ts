/**
 * `effect-codex threads` and what can be done with them: the flags.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"
import * as Connection from "./Connection.ts"
import { json, text, toggle } from "./internal/flags.ts"
import { lazily } from "./internal/lazily.ts"

const handlers = () => import("./internal/threadsHandler.ts")

const id = Argument.String("ID").pipe(Argument.withDescription("The id of a thread"))

const ids = id.pipe(Argument.variadic({ min: 1 }))

const shared = { json, ...Connection.flags }

const listFlags = {
  limit: Flag.Int("limit").pipe(
    Flag.withDescription("How many to list at most, or with --all to ask for at once"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
    Flag.withDefault(20)
  ),
  all: toggle("all", "List all of them"),
  cursor: text("cursor", "CURSOR", "Go on where another list has ended"),
  search: text("search", "TEXT", "Those with this text in their title"),
  here: toggle("here", "Those that work in this folder, or in that of --cwd"),
  archived: toggle("archived", "Those that are archived"),
  ...shared
}

const list = Command.make(
  "list",
  listFlags,
  lazily(() => handlers().then(({ list }) => list))
).pipe(
  Command.withAlias("ls"),
  Command.withDescription("List threads, the last used first"),
  Command.withExamples([
    { command: "effect-codex threads list", description: "The last twenty" },
    { command: "effect-codex threads list --all --json | jq -r '.data[].id'", description: "The ids of all" }
  ])
)

const showFlags = { id, ...shared }

const show = Command.make(
  "show",
  showFlags,
  lazily(() => handlers().then(({ show }) => show))
).pipe(
  Command.withDescription("Show a thread and what was said in it"),
  Command.withExamples([{ command: "effect-codex threads show 0199b6f2-…", description: "Read a thread" }])
)

const fork = Command.make(
  "fork",
  showFlags,
  lazily(() => handlers().then(({ fork }) => fork))
).pipe(
  Command.withDescription("Begin a new thread with the past of another one, and print its id"),
  Command.withExamples([
    {
      command: 'effect-codex run --thread "$(effect-codex threads fork 0199b6f2-…)" "Try it another way"',
      description: "Go on with a copy"
    }
  ])
)

const manyFlags = { ids, ...shared }

const archive = Command.make(
  "archive",
  manyFlags,
  lazily(() => handlers().then(({ archive }) => archive))
).pipe(
  Command.withDescription("Put threads away: they can be read, and not be gone on with"),
  Command.withExamples([{ command: "effect-codex threads archive 0199b6f2-…", description: "Put one away" }])
)

const unarchive = Command.make(
  "unarchive",
  manyFlags,
  lazily(() => handlers().then(({ unarchive }) => unarchive))
).pipe(
  Command.withDescription("Take archived threads back"),
  Command.withExamples([{ command: "effect-codex threads unarchive 0199b6f2-…", description: "Take one back" }])
)

const renameFlags = {
  id,
  name: Argument.String("NAME").pipe(
    Argument.withDescription("Its new title"),
    Argument.withSchema(Schema.NonEmptyString)
  ),
  ...shared
}

const rename = Command.make(
  "rename",
  renameFlags,
  lazily(() => handlers().then(({ rename }) => rename))
).pipe(
  Command.withDescription("Give a thread a title"),
  Command.withExamples([{ command: 'effect-codex threads rename 0199b6f2-… "Release notes"', description: "Name one" }])
)

const deleteFlags = { ids, yes: toggle("yes", "Do not ask").pipe(Flag.withAlias("y")), ...shared }

const remove = Command.make(
  "delete",
  deleteFlags,
  lazily(() => handlers().then(({ remove }) => remove))
).pipe(
  Command.withDescription("Delete threads for good, after a question"),
  Command.withExamples([{ command: "effect-codex threads delete --yes 0199b6f2-…", description: "Delete one unasked" }])
)

/**
 * What the flags of a subcommand were.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flags {
  readonly list: Command.Command.Config.Infer<typeof listFlags>
  readonly one: Command.Command.Config.Infer<typeof showFlags>
  readonly many: Command.Command.Config.Infer<typeof manyFlags>
  readonly rename: Command.Command.Config.Infer<typeof renameFlags>
  readonly delete: Command.Command.Config.Infer<typeof deleteFlags>
}

/**
 * The command, with its subcommands.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make("threads").pipe(
  Command.withDescription("List, show, fork, archive, name and delete threads"),
  Command.withSubcommands([list, show, fork, archive, unarchive, rename, remove])
)
