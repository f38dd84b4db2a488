/**
 * The cases of the demo: each does one thing with a codex and checks the outcome.
 *
 * They share one thread and one fork of it, so each depends on those before it. The output of a case is printed below its name.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as Notification from "@effect-codex/core/Notification"
import type { Thread } from "@effect-codex/core/Thread"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { makePieces } from "../sanitizeForTerminal.ts"
import {
  answered,
  type Case,
  defaultPrompts,
  expect,
  fixedPrompts,
  type Prompts,
  say,
  Skipped,
  Unexpected
} from "./case.ts"

export const makeCases = (options: { readonly prompts: Prompts; readonly showEvents: boolean }) => {
  const { prompts, showEvents } = options
  const begun: Array<string> = []
  let thread: Thread | undefined
  let fork: Thread | undefined

  const begin = (started: Thread) => {
    begun.push(started.id)
    return started
  }
  const needed = (held: () => Thread | undefined, what: string) =>
    Effect.suspend(() => {
      const there = held()
      return there === undefined
        ? Effect.fail(new Unexpected({ description: `it needs ${what}, and there is none` }))
        : Effect.succeed(there)
    })
  const theThread = needed(() => thread, "the thread of the first case")
  const theFork = needed(() => fork, "the fork of the thread")

  const cases: ReadonlyArray<Case> = [
    {
      name: "thread start",
      since: "smoke",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        thread = begin(yield* codex.thread.start())
        yield* say(`thread ${thread.id}`)
      })
    },
    {
      name: "create",
      since: "smoke",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theThread
        const { text } = yield* codex.responses.create({ prompt: prompts.create, threadId: id })
        yield* say(text)
        yield* answered(text, prompts.create, defaultPrompts.create, "READY")
      })
    },
    {
      name: "stream text",
      since: "smoke",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const terminal = yield* Terminal.Terminal
        const { id } = yield* theThread
        const pieces = makePieces()
        const display = (piece: string) => terminal.display(piece.replaceAll("\n", "\n  "))
        yield* terminal.display("  ")
        const text = yield* codex.responses.streamText({ prompt: prompts.stream, threadId: id }).pipe(
          Stream.tap((delta) => display(pieces.add(delta))),
          Stream.mkString,
          Effect.ensuring(Effect.ignore(Effect.suspend(() => terminal.display(`${pieces.end()}\n`))))
        )
        yield* answered(text, prompts.stream, defaultPrompts.stream, "STREAM_OK")
      })
    },
    {
      name: "approval",
      since: "smoke",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = begin(yield* codex.thread.start({ approvalPolicy: "untrusted", sandbox: "workspace-write" }))
        const response = yield* thread.run(fixedPrompts.approval)
        const command = response.items.find((item) => item.type === "commandExecution")
        yield* expect(command?.status === "completed", "expected a command that ran to its end, and there was none")
        yield* say(`the command exited with ${command?.exitCode ?? "no code"}: ${response.text}`)
      })
    },
    {
      name: "events",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theThread
        const types = yield* codex.responses.events({ prompt: prompts.events, threadId: id }).pipe(
          Stream.map((event) => event.type),
          Stream.tap((type) => (showEvents ? say(type) : Effect.void)),
          Stream.runCollect
        )
        yield* say(`${types.length} events`)
        yield* expect(types[0] === "thread/ready", `expected thread/ready first, and it was ${types[0] ?? "nothing"}`)
        yield* expect(types.at(-1) === "turn/completed", `expected turn/completed last, and it was ${types.at(-1)}`)
      })
    },
    {
      name: "thread read",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theThread
        const { turns } = yield* codex.thread.read(id, { includeTurns: true })
        yield* say(`${turns.length} turns`)
        yield* expect(turns.length >= 2, `expected the turns before, and there were ${turns.length}`)
      })
    },
    {
      name: "thread list",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theThread
        const { data } = yield* codex.thread.listPage({ limit: 20 })
        yield* say(`${data.length} threads`)
        yield* expect(
          data.some((listed) => listed.id === id),
          "expected the thread to be listed"
        )
      })
    },
    {
      name: "thread name",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theThread
        const name = "effect-codex demo"
        yield* codex.thread.nameSet(id, { name })
        const read = yield* codex.thread.read(id)
        yield* expect(read.name === name, `expected the name ${name}, and it was ${read.name ?? "none"}`)
      })
    },
    {
      name: "thread fork",
      since: "demo",
      run: Effect.gen(function* () {
        const thread = yield* theThread
        fork = begin(yield* thread.fork())
        yield* say(`thread ${fork.id}`)
        yield* expect(fork.id !== thread.id, "expected a fork with an id of its own")
      })
    },
    {
      name: "loaded list",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theThread
        const loaded = yield* Stream.runCollect(codex.thread.loadedList())
        yield* say(`${loaded.length} threads`)
        yield* expect(loaded.includes(id), "expected the thread to be loaded")
      })
    },
    {
      name: "skills list",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const entries = yield* codex.skills.list()
        yield* say(`${entries.flatMap(({ skills }) => skills).length} skills`)
      })
    },
    {
      name: "skills remote",
      since: "demo",
      run: Effect.fail(new Skipped({ reason: "the protocol has no skills/remote any more" }))
    },
    {
      name: "apps list",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { data } = yield* codex.app.listPage({ limit: 5 })
        yield* say(`${data.length} apps`)
      })
    },
    {
      name: "models list",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const models = yield* Stream.runCollect(codex.model.list())
        yield* say(models.map(({ model }) => model).join(", "))
        yield* expect(models.length > 0, "expected a model")
      })
    },
    {
      name: "rate limits",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { rateLimits } = yield* Effect.catchTag(codex.account.rateLimitsRead(), "NotAuthenticated", () =>
          Effect.fail(new Skipped({ reason: "there is no account whose limits could be read" }))
        )
        yield* say(`used: ${rateLimits.primary?.usedPercent ?? "?"} %`)
      })
    },
    {
      name: "account",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { account, requiresOpenaiAuth } = yield* codex.account.read()
        yield* say(account == null ? "none" : account.type)
        yield* expect(account != null || !requiresOpenaiAuth, "expected an account, and there is none")
      })
    },
    {
      name: "thread archive",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theFork
        yield* codex.thread.archive(id)
        const refused = yield* Effect.isFailure(codex.thread.resume(id))
        yield* expect(refused, "expected an archived thread not to be resumed")
      })
    },
    {
      name: "thread unarchive",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theFork
        yield* codex.thread.unarchive(id)
        fork = yield* codex.thread.resume(id)
      })
    },
    {
      name: "skills config",
      since: "demo",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const folder = path.join(yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-demo-" }), "greet")
        yield* fs.makeDirectory(folder)
        const file = path.join(yield* fs.realPath(folder), "SKILL.md")
        yield* fs.writeFileString(file, "---\nname: greet\ndescription: Greets the user\n---\nGreet.\n")
        const set = (enabled: boolean) => codex.skills.configWrite({ path: file, enabled })
        // An enabled skill needs no line in the user's configuration, so none remains there.
        const now = yield* Effect.ensuring(set(false), Effect.ignore(set(true)))
        yield* expect(!now, "expected the skill to be off")
      })
    },
    {
      name: "review",
      since: "full",
      run: Effect.gen(function* () {
        const thread = yield* theFork
        const turn = yield* thread.review({ type: "custom", instructions: fixedPrompts.review })
        const { text } = yield* turn.result
        yield* say(text)
        yield* expect(text.trim() !== "", "expected a review, and there was none")
      })
    },
    {
      name: "interrupt",
      since: "full",
      run: Effect.gen(function* () {
        const thread = yield* theFork
        const turn = yield* thread.turn(fixedPrompts.interrupt)
        yield* turn.events.pipe(
          Stream.takeUntil((event) => event.type === "turn/started"),
          Stream.runDrain
        )
        yield* turn.interrupt
        const how = yield* turn.result.pipe(
          Effect.map(() => "completed"),
          Effect.catchTag("TurnInterrupted", () => Effect.succeed("interrupted"))
        )
        yield* expect(how === "interrupted", `expected the turn to be interrupted, and it was ${how}`)
      })
    },
    {
      name: "wait terminal",
      since: "full",
      run: Effect.gen(function* () {
        const thread = yield* theFork
        const turn = yield* thread.turn(prompts.create)
        const { status } = yield* turn.result
        yield* say(`turn ${turn.id} ${status}`)
        yield* expect(status === "completed", `expected the turn to be completed, and it is ${status}`)
      })
    },
    {
      name: "rollback",
      since: "full",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { id } = yield* theFork
        const count = Effect.map(Stream.runCollect(codex.thread.turnsList(id)), (turns) => turns.length)
        const before = yield* count
        yield* codex.thread.rollback(id, { numTurns: 1 })
        const after = yield* count
        yield* say(`${before} turns, then ${after}`)
        yield* expect(after === before - 1, "expected one turn less")
      })
    },
    {
      name: "compact",
      since: "full",
      run: Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* theFork
        const notifications = yield* codex.subscribe
        yield* codex.thread.compactStart(thread.id)
        const status = yield* notifications.pipe(
          Stream.filter((notification) => Notification.is("turn/completed", notification)),
          Stream.filter(({ params }) => params.threadId === thread.id),
          Stream.map(({ params }) => params.turn.status),
          Stream.take(1),
          Stream.mkString
        )
        yield* expect(status === "completed", `expected the turn that compacts to be completed, and it is ${status}`)
      })
    }
  ]

  /** The threads go with the demo; a fork before what it stands on. */
  const cleanUp = Effect.flatMap(Codex.Codex, (codex) =>
    Effect.forEach(
      begun.toReversed(),
      (id) => Effect.ignore(codex.request("thread/delete", { threadId: id }, { timeout: "3 seconds" })),
      { discard: true }
    )
  )

  return { cases, cleanUp }
}
