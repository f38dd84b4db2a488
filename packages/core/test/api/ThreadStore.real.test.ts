import * as Codex from "@effect-codex/core/Codex"
import * as Notification from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { lacksMethod } from "../server.ts"

const { execCommand, reply, text } = MockModel

const nobody = "00000000-0000-7000-8000-000000000000"
const answers = (count: number) => Array.makeBy(count, (index) => reply(text(`answer ${index}`)))

const withScript = (script: MockModel.Script, options?: CodexTest.Options) =>
  Effect.provide(Layer.merge(CodexTest.layer(script, options), PolicyEngine.layerDeclineAll))

/** A thread on which something was said, once a prompt. */
const threadWith = Effect.fnUntraced(function* (...prompts: ReadonlyArray<string>) {
  const codex = yield* Codex.Codex
  const { id } = yield* codex.thread.start()
  for (const prompt of prompts) yield* codex.responses.create({ prompt, threadId: id })
  return id
})

const promptsOf = Effect.fnUntraced(function* (threadId: string) {
  const codex = yield* Codex.Codex
  const items = yield* Stream.runCollect(codex.thread.itemsList(threadId))
  return items.flatMap(({ item }) =>
    item.type === "userMessage" ? item.content.flatMap((part) => (part.type === "text" ? [part.text] : [])) : []
  )
})

const tagOf = <A, R>(effect: Effect.Effect<A, { readonly _tag: string }, R>) =>
  Effect.map(Effect.flip(Effect.asVoid(effect)), (failure): string => failure._tag)

describe("threads are listed", () => {
  it.live("page by page, as far as they are read", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const ids = []
      for (const prompt of ["one", "two", "three"]) ids.push(yield* threadWith(prompt))

      const all = yield* Stream.runCollect(codex.thread.list({ limit: 1 }))
      expect(all.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())

      const page = yield* codex.thread.listPage({ limit: 2 })
      expect(page.data.length).toBe(2)
      const rest = yield* Stream.runCollect(codex.thread.list({ limit: 2, cursor: page.nextCursor }))
      expect([...page.data, ...rest].map(({ id }) => id).toSorted()).toEqual(ids.toSorted())

      const loaded = yield* Stream.runCollect(codex.thread.loadedList({ limit: 1 }))
      expect(loaded.toSorted()).toEqual(ids.toSorted())
    }).pipe(withScript(answers(3)))
  )

  it.live("with their turns and items, across pages", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one", "two", "three")
      const turns = yield* Stream.runCollect(codex.thread.turnsList(id, { limit: 2 }))
      expect(turns.map(({ status }) => status)).toEqual(["completed", "completed", "completed"])
      const items = yield* Stream.runCollect(codex.thread.itemsList(id, { limit: 2 }))
      expect(items.map(({ item }) => item.type)).toEqual(Array.makeBy(3, () => ["userMessage", "agentMessage"]).flat())
      const [newest] = turns
      const ofTurn = yield* Stream.runCollect(codex.thread.itemsList(id, { turnId: newest?.id ?? "" }))
      expect(ofTurn.length).toBe(2)
    }).pipe(withScript(answers(3)))
  )
})

describe("a thread by its id", () => {
  it.live("is read, without its turns unless they are asked for", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one")
      expect((yield* codex.thread.read(id)).turns).toEqual([])
      expect((yield* codex.thread.read(id, { includeTurns: true })).turns.length).toBe(1)
    }).pipe(withScript(answers(1)))
  )

  it.live("gets a name, metadata, a goal", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one")
      yield* codex.thread.nameSet(id, { name: "A name" })
      expect((yield* codex.thread.read(id)).name).toBe("A name")
      const updated = yield* codex.thread.metadataUpdate(id, { gitInfo: { branch: "a-branch" } })
      expect(updated.gitInfo?.branch).toBe("a-branch")

      expect(yield* codex.thread.goalGet(id)).toBeUndefined()
      expect(yield* codex.thread.goalSet(id, { objective: "win", status: "paused" })).toMatchObject({
        objective: "win"
      })
      expect(yield* codex.thread.goalGet(id)).toMatchObject({ objective: "win", status: "paused" })
      expect(yield* codex.thread.goalClear(id)).toBe(true)
      expect(yield* codex.thread.goalGet(id)).toBeUndefined()
    }).pipe(withScript(answers(1)))
  )

  it.live.skipIf(lacksMethod("thread/attachmentOwner/list"))("is filed in sections, with attachments", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one")
      const section = yield* codex.thread.sectionCreate({ name: "Work" })
      yield* codex.thread.sectionMove(id, { sectionId: section.id })
      const inSection = yield* Stream.runCollect(codex.thread.list({ sectionId: section.id }))
      expect(inSection.map((thread) => thread.id)).toEqual([id])
      expect((yield* codex.thread.sectionUpdate({ sectionId: section.id, name: "Play" })).name).toBe("Play")
      const sections = yield* Stream.runCollect(codex.thread.sectionList({ limit: 1 }))
      expect(sections.map(({ name }) => name)).toContain("Play")
      yield* codex.thread.sectionDelete({ sectionId: section.id })

      const key = { attachmentType: "ticket", identityKey: "42" }
      yield* codex.thread.attachmentAdd(id, { ...key, payload: { open: true } })
      const attached = yield* Stream.runCollect(codex.thread.attachmentList(id))
      expect(attached).toMatchObject([{ ...key, payload: { open: true } }])
      const owners = yield* Stream.runCollect(codex.thread.attachmentOwnerList(key))
      expect(owners).toMatchObject([{ threadId: id }])
      yield* codex.thread.attachmentRemove(id, key)
      expect(yield* Stream.runCollect(codex.thread.attachmentList(id))).toEqual([])
    }).pipe(withScript(answers(1)))
  )

  it.live("is archived, taken back, and deleted for good", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one")
      yield* codex.thread.archive(id)
      expect(yield* Stream.runCollect(codex.thread.list())).toEqual([])
      expect((yield* codex.thread.read(id)).id).toBe(id)
      for (const refused of [codex.thread.resume(id), codex.thread.fork(id), codex.thread.compactStart(id)]) {
        expect(yield* tagOf(refused)).toBe("SessionArchived")
      }
      expect((yield* codex.thread.unarchive(id)).id).toBe(id)
      yield* codex.thread.delete(id)
      expect(yield* tagOf(codex.thread.read(id))).toBe("SessionNotFound")
    }).pipe(withScript(answers(1)))
  )

  it.live("that is loaded can be deleted, and is not there any more", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one")
      yield* codex.thread.delete(id)
      expect(yield* tagOf(codex.thread.resume(id))).toBe("SessionNotFound")
      expect(yield* Stream.runCollect(codex.thread.list())).toEqual([])
    }).pipe(withScript(answers(1)))
  )

  it.live("that nobody has is not found, in whatever is done with it", () =>
    Effect.gen(function* () {
      const { review, thread } = yield* Codex.Codex
      const refused = [
        thread.read(nobody),
        thread.archive(nobody),
        thread.unarchive(nobody),
        thread.delete(nobody),
        thread.fork(nobody),
        thread.nameSet(nobody, { name: "x" }),
        thread.compactStart(nobody),
        thread.revert(nobody, { beforeTurnId: nobody }),
        thread.rollback(nobody, { numTurns: 1 }),
        thread.goalGet(nobody),
        thread.shellCommand(nobody, { command: "true" }),
        Stream.runDrain(thread.turnsList(nobody)),
        review.start(nobody, { target: { type: "uncommittedChanges" } })
      ]
      for (const each of refused) expect(yield* tagOf(each)).toBe("SessionNotFound")
    }).pipe(withScript([]))
  )
})

describe("the past of a thread", () => {
  it.live("is shared by a fork, and what is taken out of one stays in the other", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one", "two", "three")
      const fork = yield* codex.thread.fork(id)
      const [newest] = yield* Stream.runCollect(codex.thread.turnsList(fork.id))
      const reverted = yield* codex.thread.revert(fork.id, { beforeTurnId: newest?.id ?? "" })
      expect(reverted.thread.id).toBe(fork.id)
      expect(yield* promptsOf(fork.id)).toEqual(["one", "two"])
      expect(yield* promptsOf(id)).toEqual(["one", "two", "three"])
    }).pipe(withScript(answers(3)))
  )

  it.live("loses turns by their number", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("one", "two", "three", "four")
      yield* codex.thread.rollback(id, { numTurns: 1 })
      expect(yield* promptsOf(id)).toEqual(["one", "two", "three"])
      yield* codex.thread.rollback(id, { numTurns: 2 })
      expect(yield* promptsOf(id)).toEqual(["one"])
      yield* codex.thread.rollback(id, { numTurns: 9 })
      expect(yield* promptsOf(id)).toEqual([])
      for (const numTurns of [1, 0, 1.5]) {
        expect(yield* tagOf(codex.thread.rollback(id, { numTurns }))).toBe("InvalidParams")
      }
    }).pipe(withScript(answers(4)))
  )

  it.live("is not there before the first turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { id } = yield* codex.thread.start()
      expect(yield* tagOf(Stream.runDrain(codex.thread.turnsList(id)))).toBe("NoRollout")
      expect(yield* tagOf(codex.thread.rollback(id, { numTurns: 1 }))).toBe("NoRollout")
    }).pipe(withScript([]))
  )

  it.live("is compacted, and takes items that no turn has brought", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const id = yield* threadWith("one")
      yield* codex.thread.injectItems(id, {
        items: [
          { type: "message", role: "user", content: [{ type: "input_text", text: "the password is open sesame" }] }
        ]
      })
      yield* Effect.gen(function* () {
        const told = yield* codex.subscribe
        yield* codex.thread.compactStart(id)
        yield* told.pipe(
          Stream.takeUntil((notification) => Notification.is("turn/completed", notification)),
          Stream.runDrain
        )
      }).pipe(Effect.scoped)
      expect(JSON.stringify((yield* model.request(1)).body)).toContain("open sesame")
    }).pipe(withScript(answers(2)))
  )

  it.live("is loaded for what works on loaded threads, with the defaults of the layer", () =>
    Effect.gen(function* () {
      const id = yield* threadWith("one", "two").pipe(
        Effect.provide(Layer.merge(CodexTest.layerCodex(), PolicyEngine.layerDeclineAll))
      )
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* codex.thread.rollback(id, { numTurns: 1 })
        expect(yield* Stream.runCollect(codex.thread.loadedList())).toEqual([id])
        expect(yield* promptsOf(id)).toEqual(["one"])
        expect((yield* codex.thread.read(id)).model).toBe("another-model")
      }).pipe(Effect.provide(CodexTest.layerCodex({ thread: { model: "another-model" } })))
    }).pipe(Effect.provide(CodexTest.layerHome(answers(2))))
  )
})

it.live("a review runs on a thread by the server itself", () =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const id = yield* threadWith("one")
    yield* Effect.gen(function* () {
      const told = yield* codex.subscribe
      const { reviewThreadId, turn } = yield* codex.review.start(id, {
        target: { type: "custom", instructions: "Is it good?" }
      })
      expect(reviewThreadId).toBe(id)
      const items = yield* told.pipe(
        Stream.takeUntil((notification) => Notification.is("turn/completed", notification)),
        Stream.filter((notification) => Notification.is("item/completed", notification)),
        Stream.runCollect
      )
      expect(turn.status).toBe("inProgress")
      expect(items.map(({ params }) => params.item.type)).toContain("exitedReviewMode")
    }).pipe(Effect.scoped)
  }).pipe(withScript(answers(2)))
)

describe("with the experimental API", () => {
  const experimental = { codex: { experimentalApi: true } } as const
  const withExperimental = (script: MockModel.Script) =>
    Effect.provide(Layer.merge(CodexTest.layer(script, experimental), PolicyEngine.layerAcceptAll))

  it.live("prompts wait in the server's queue while a turn runs", () =>
    Effect.gen(function* () {
      const held = yield* MockModel.gate
      yield* Effect.gen(function* () {
        const { thread } = yield* Codex.Codex
        const { id, turn } = yield* thread.start()
        const running = yield* turn("Hang")
        yield* held.reached
        const add = (prompt: string) =>
          thread.queueAdd(id, {
            clientUserMessageId: prompt,
            input: [{ type: "text", text: prompt, text_elements: [] }]
          })
        const waiting = Effect.map(Stream.runCollect(thread.queueList(id, { limit: 1 })), (queue) =>
          queue.map(({ clientUserMessageId }) => clientUserMessageId)
        )
        const first = yield* add("first")
        const second = yield* add("second")
        const third = yield* add("third")
        expect(yield* waiting).toEqual(["first", "second", "third"])
        yield* thread.queueReorder(id, { queuedSubmissionIds: [third.id, first.id, second.id] })
        expect(yield* waiting).toEqual(["third", "first", "second"])
        for (const { id: queuedSubmissionId } of [first, second]) {
          expect(yield* thread.queueDelete(id, { queuedSubmissionId })).toBe(true)
        }
        const text = [{ type: "text", text: "changed", text_elements: [] }] as const
        yield* thread.queueUpdate(id, { queuedSubmissionId: third.id, input: text })
        yield* held.open
        yield* running.result
        const model = yield* MockModel.MockModel
        expect((yield* model.request(1)).lastUserText).toBe("changed")
      }).pipe(Effect.scoped, withExperimental([reply(text("so far", held)), reply(text("queued"))]))
    })
  )

  it.live("terminals that a command has left open are listed and ended", () =>
    Effect.gen(function* () {
      const { responses, thread } = yield* Codex.Codex
      const { threadId } = yield* responses.create({ prompt: "Start a server" })
      const [terminal] = yield* Stream.runCollect(thread.backgroundTerminalsList(threadId))
      expect(terminal?.command).toContain("sleep 100")
      const processId = terminal?.processId ?? ""
      expect(yield* thread.backgroundTerminalsTerminate(threadId, { processId })).toBe(true)
      expect(yield* thread.backgroundTerminalsTerminate(threadId, { processId })).toBe(false)
      yield* thread.backgroundTerminalsClean(threadId)
      expect(yield* Stream.runCollect(thread.backgroundTerminalsList(threadId))).toEqual([])
    }).pipe(withExperimental([reply(execCommand({ cmd: "sleep 100", yieldTimeMs: 300 })), reply(text("It runs"))]))
  )

  it.live.skipIf(lacksMethod("thread/items/read"))("threads and places in them are found by what was said", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const id = yield* threadWith("Where is the marmalade?")
      const found = yield* Stream.runCollect(codex.thread.search({ searchTerm: "marmalade" }))
      expect(found.map(({ thread }) => thread.id)).toEqual([id])
      const [place] = yield* Stream.runCollect(codex.thread.searchOccurrences(id, { searchTerm: "marmalade" }))
      const { itemId = "", turnId = "" } = place ?? {}
      const items = yield* codex.thread.itemsRead(id, { turnId, itemIds: [itemId] })
      expect(items.map(({ item }) => item.type)).toEqual(["userMessage"])
      const timeline = yield* Stream.runCollect(codex.thread.timelineList(id, { limit: 1 }))
      expect(timeline.map(({ type }) => type)).toContain("turnStarted")
    }).pipe(withExperimental(answers(1)))
  )
})
