/**
 * `effect-codex session` and its subcommands: a client of durable sessions.
 *
 * They work on the file of a store, even while no process runs its sessions. None of them starts codex.
 */
import * as Sessions from "@effect-codex/durable/Sessions"
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { userInfo } from "node:os"
import { codes } from "../../ExitCode.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import { folder } from "../connect.ts"
import { json, text, toggle, wholeNumber } from "../flags.ts"
import { jsonLine } from "../jsonLine.ts"
import * as Print from "../print.ts"
import { readPrompt } from "../runInput.ts"
import { sanitizeForTerminal } from "../sanitizeForTerminal.ts"
import * as SessionId from "../session/id.ts"
import { approvalLines, eventLine } from "../session/lines.ts"

type Infer<Flags extends Command.Command.Config> = Command.Command.Config.Infer<Flags>

const store = Flag.String("store").pipe(Flag.withMetavar("FILE"), Flag.withDescription("The SQLite file of the store"))
const shared = { store, json }

const argument = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description), Argument.withSchema(Schema.NonEmptyString))
const id = argument("SESSION", "The id of a session, or the beginning of one that no other shares")
const key = argument("KEY", "The key of a job")

const by = text("by", "NAME", "The person who decides. Default: the name of this user")
const reason = text("reason", "TEXT", "The reason; the agent reads it")

// A mistake in the name is one of the command line; the store would say that it is not available.
const checkFile = Effect.fnUntraced(function* (store: string, create: boolean) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.option(fs.stat(store))
  if (Option.isSome(found)) {
    const isFolder = found.value.type === "Directory"
    return isFolder ? yield* new InvalidUsage({ description: `--store: ${store} is a folder.` }) : undefined
  }
  if (!create) {
    return yield* new InvalidUsage({ description: `There is no store ${store}. effect-codex session open creates it.` })
  }
  return yield* Effect.asVoid(folder("--store", (yield* Path.Path).dirname(store)))
})

/** Sessions of the store that is named. */
const open = ({ store }: { readonly store: string }, create = false) =>
  Layer.unwrap(
    Effect.as(checkFile(store, create), Sessions.layer.pipe(Layer.provide(SqliteStore.layer({ file: store, create }))))
  )

const nameOf = (by: string | undefined): string => by ?? userInfo().username

const openFlags = {
  id: argument("SESSION", "The id of the session"),
  tenant: text("tenant", "NAME", "The tenant that it belongs to. Default: default"),
  policy: Flag.String("policy").pipe(Flag.withMetavar("NAME"), Flag.withDescription("A policy that the owner knows")),
  workspace: Flag.String("workspace").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("A workspace that the owner knows")
  ),
  tools: Flag.String("tool").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Tools that the owner knows; may be repeated"),
    Flag.between(0, Infinity)
  ),
  account: text("account", "NAME", "An account that the owner knows"),
  model: text("model", "NAME", "The model. Default: that of the codex home"),
  sandbox: Flag.Literals("sandbox", ["read-only", "workspace-write", "danger-full-access"]).pipe(
    Flag.withDescription("The sandbox of its commands. Default: read-only"),
    Flag.withDefault("read-only" as const)
  ),
  approvalPolicy: Flag.Literals("approval-policy", ["untrusted", "on-request", "never"]).pipe(
    Flag.withDescription("When the agent asks. Default: on-request"),
    Flag.withDefault("on-request" as const)
  ),
  onCrash: Flag.Literals("on-crash", ["continue", "fail"]).pipe(
    Flag.withDescription("Whether a job continues after a crash. Default: continue"),
    Flag.withDefault("continue" as const)
  ),
  maxAttempts: wholeNumber("max-attempts", "How many turns a job may take. Default: 3", { least: 1 }).pipe(
    Flag.withDefault(3)
  ),
  ...shared
}

const openSession = Effect.fn("session.open")(function* (flags: Infer<typeof openFlags>) {
  const { account, approvalPolicy, id, maxAttempts, model, onCrash, policy, sandbox, tenant, tools, workspace } = flags
  const session = yield* Effect.flatMap(Sessions.Sessions, (sessions) =>
    sessions.open(id, {
      tenant: tenant ?? "default",
      policy,
      tools,
      workspace,
      ...(account === undefined ? {} : { account }),
      thread: { ...(model === undefined ? {} : { model }), sandbox, approvalPolicy },
      onCrash,
      maxAttempts
    })
  ).pipe(Effect.provide(open(flags, true)))
  yield* flags.json ? Print.json(session) : Console.log(`${Print.inline(id)} is open.`)
})

const sendFlags = {
  id,
  prompt: Argument.String("PROMPT").pipe(
    Argument.withDescription("The task; - or none reads standard input"),
    Argument.optional,
    Argument.map((prompt) => (prompt._tag === "Some" ? prompt.value : undefined))
  ),
  key: text("key", "KEY", "The key of the job: the same key never runs twice. Default: a new one"),
  wait: toggle("wait", "Wait for the answer and print it"),
  ...shared
}

const send = Effect.fn("session.send")(function* (flags: Infer<typeof sendFlags>) {
  const prompt = yield* readPrompt({ prompt: flags.prompt, promptFile: undefined, images: [] })
  const key = flags.key ?? crypto.randomUUID()
  yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const session = yield* SessionId.session(sessions, flags.id)
    const receipt = yield* sessions.send({ session, key, prompt })
    if (!flags.wait) return yield* flags.json ? Print.json(receipt) : Console.log(Print.inline(key))
    const result = yield* sessions.result(session, key)
    yield* flags.json ? Print.json(result) : Console.log(sanitizeForTerminal(result.text))
  }).pipe(Effect.provide(open(flags)))
})

const watchFlags = {
  id,
  after: wholeNumber("after", "The offset to continue after. Default: 0, all of it", { least: 0 }).pipe(
    Flag.withDefault(0)
  ),
  once: toggle("once", "End with the newest event instead of waiting for more"),
  store,
  json: toggle("json", "Print one JSON document for each event")
}

const watch = Effect.fn("session.watch")(function* (flags: Infer<typeof watchFlags>) {
  yield* Stream.unwrap(
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const session = yield* SessionId.session(sessions, flags.id)
      return sessions.events(session, { after: flags.after, isFinite: flags.once })
    })
  ).pipe(
    Stream.runForEach((event) => Console.log(flags.json ? jsonLine(event) : eventLine(event))),
    Effect.provide(open(flags))
  )
})

const listFlags = {
  tenant: text("tenant", "NAME", "Those of this tenant"),
  limit: wholeNumber("limit", "How many to list at most. Default: 20", { least: 1 }).pipe(Flag.withDefault(20)),
  after: text("after", "SESSION", "Continue after this one"),
  ...shared
}

const list = Effect.fn("session.list")(function* (flags: Infer<typeof listFlags>) {
  const { after, limit, tenant } = flags
  const statuses = yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const page = yield* sessions.list({ after, limit, tenant })
    return yield* Effect.forEach(page, ({ id }) => sessions.status(id))
  }).pipe(Effect.provide(open(flags)))
  if (flags.json) return yield* Print.json(statuses)
  if (statuses.length === 0) return yield* Console.error("No sessions found.")
  yield* Print.table(
    [
      { title: "SESSION" },
      { title: "STATE" },
      { title: "JOBS" },
      { title: "APPROVALS" },
      { title: "TENANT", optional: true },
      { title: "BLOCKED BY", least: 12, optional: true }
    ],
    statuses.map(({ approvals, jobs, session, state }) => [
      session.id,
      state,
      String(jobs.length),
      String(approvals.length),
      session.spec.tenant,
      session.block?.message ?? ""
    ])
  )
})

const approvalsFlags = {
  id: id.pipe(
    Argument.optional,
    Argument.map((id) => (id._tag === "Some" ? id.value : undefined))
  ),
  tenant: text("tenant", "NAME", "Those of this tenant"),
  ...shared
}

const approvals = Effect.fn("session.approvals")(function* (flags: Infer<typeof approvalsFlags>) {
  const { id, tenant } = flags
  const found = yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const session = id === undefined ? undefined : yield* SessionId.session(sessions, id)
    return yield* sessions.approvals({ session, tenant, limit: 1000 })
  }).pipe(Effect.provide(open(flags)))
  if (flags.json) return yield* Print.json(found)
  if (found.length === 0) return yield* Console.error("No approval waits for a verdict.")
  yield* Console.log(found.map(approvalLines).join("\n\n"))
})

const decideFlags = {
  approval: argument("APPROVAL", "The id of an approval, or the beginning of one that no other shares"),
  decision: Argument.Literals("VERDICT", ["accept", "decline"]).pipe(
    Argument.withDescription("accept or decline; the first verdict counts")
  ),
  by,
  reason,
  ...shared
}

const decide = Effect.fn("session.decide")(function* (flags: Infer<typeof decideFlags>) {
  const { decision, reason } = flags
  const { approval, use } = yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const approval = yield* SessionId.approval(sessions, flags.approval)
    return { approval, use: yield* sessions.decide(approval, { decision, reason }, nameOf(flags.by)) }
  }).pipe(Effect.provide(open(flags)))
  if (flags.json) return yield* Print.json({ approval, decision, use })
  yield* Console.log(
    use === "delivered"
      ? `Delivered: the agent has the verdict.`
      : `Granted: no request waits for it now. It is used once, when the agent asks for the same again.`
  )
})

const interruptFlags = { id, key, by, reason, ...shared }

const interrupt = Effect.fn("session.interrupt")(function* (flags: Infer<typeof interruptFlags>) {
  const { key, reason } = flags
  const session = yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const session = yield* SessionId.session(sessions, flags.id)
    yield* sessions.interrupt({ session, key, reason, by: nameOf(flags.by) })
    return session
  }).pipe(Effect.provide(open(flags)))
  yield* flags.json ? Print.json({ session, key }) : Console.log(`${Print.inline(key)} will be interrupted.`)
})

const resumeFlags = {
  id,
  rollout: Flag.Literals("rollout", ["file", "stored"]).pipe(
    Flag.withDescription("The rollout to continue with, if the one in the codex home is not the stored one"),
    Flag.optional,
    Flag.map((rollout) => (rollout._tag === "Some" ? rollout.value : undefined))
  ),
  by,
  ...shared
}

const resume = Effect.fn("session.resume")(function* (flags: Infer<typeof resumeFlags>) {
  const { rollout } = flags
  const session = yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const session = yield* SessionId.session(sessions, flags.id)
    yield* sessions.resume({ session, rollout, by: nameOf(flags.by) })
    return session
  }).pipe(Effect.provide(open(flags)))
  yield* flags.json ? Print.json({ session }) : Console.log(`${Print.inline(session)} will be resumed.`)
})

const removeFlags = { id, yes: toggle("yes", "Do not ask").pipe(Flag.withAlias("y")), ...shared }

/** The person who was asked declined the removal. */
export class NotRemoved extends Schema.TaggedError<NotRemoved>()("NotRemoved", {}) {
  override readonly [Runtime.errorExitCode] = codes.declined
  override get message(): string {
    return "Nothing was removed."
  }
}

const confirmRemoval = Effect.fnUntraced(function* (session: string) {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal)) {
    return yield* new InvalidUsage({
      description: "A removed session cannot be restored, and there is no terminal to ask at. Confirm with --yes."
    })
  }
  const message = `Remove session ${Print.inline(session)} with its events, approvals and history for good?`
  if (!(yield* Prompt.Confirm({ message }))) return yield* new NotRemoved()
})

const remove = Effect.fn("session.remove")(function* (flags: Infer<typeof removeFlags>) {
  const session = yield* Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const session = yield* SessionId.session(sessions, flags.id)
    // Nothing is asked then: a script that repeats a removal must not remove another session.
    if (flags.yes && session !== flags.id) {
      return yield* new InvalidUsage({ description: `With --yes, give the whole id: ${Print.inline(session)}.` })
    }
    if (!flags.yes) yield* confirmRemoval(session)
    yield* sessions.remove(session)
    return session
  }).pipe(Effect.provide(open(flags)))
  yield* flags.json ? Print.json({ session }) : Console.log(`${Print.inline(session)} is removed.`)
})

const example = (command: string, description: string) =>
  Command.withExamples([{ command: `effect-codex session ${command}`, description }])

/** The command, with its subcommands. */
export const command = Command.make("session").pipe(
  Command.withDescription("Open and watch sessions that survive restarts, send prompts, and decide approvals"),
  Command.withSubcommands([
    Command.make("open", openFlags, openSession).pipe(
      Command.withDescription("Open a session, or find it open with the same settings"),
      example("open ticket-7 --policy careful --workspace repo --store sessions.db", "Open one")
    ),
    Command.make("send", sendFlags, send).pipe(
      Command.withDescription("Store a prompt, which then runs once, and print its key"),
      example('send ticket-7 "Fix the build" --key build-1 --store sessions.db', "Send a prompt that can be sent again")
    ),
    Command.make("watch", watchFlags, watch).pipe(
      Command.withDescription("Print the events of a session, each with its offset, and wait for more"),
      example("watch ticket-7 --after 41 --store sessions.db", "Continue after an offset")
    ),
    Command.make("list", listFlags, list).pipe(
      Command.withAlias("ls"),
      Command.withDescription("List sessions and what they wait for"),
      example("list --store sessions.db", "The first twenty")
    ),
    Command.make("approvals", approvalsFlags, approvals).pipe(
      Command.withDescription("Show the requests that wait for a person"),
      example("approvals --store sessions.db", "Those of all sessions")
    ),
    Command.make("decide", decideFlags, decide).pipe(
      Command.withDescription("Accept or decline a request that waits for a person"),
      example('decide a-1 decline --reason "not on Friday" --store sessions.db', "Decline one")
    ),
    Command.make("interrupt", interruptFlags, interrupt).pipe(
      Command.withDescription("Ask for the interruption of a job"),
      example("interrupt ticket-7 build-1 --store sessions.db", "Interrupt one")
    ),
    Command.make("resume", resumeFlags, resume).pipe(
      Command.withDescription("Let the owner try a blocked session again"),
      example("resume ticket-7 --rollout stored --store sessions.db", "Continue with the stored rollout")
    ),
    Command.make("remove", removeFlags, remove).pipe(
      Command.withDescription("Remove a session with everything that is stored of it, after a question"),
      example("remove ticket-7 --yes --store sessions.db", "Remove one without asking")
    )
  ])
)
