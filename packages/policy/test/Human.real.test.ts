import * as Codex from "@effect-codex/core/Codex"
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Human from "@effect-codex/policy/Human"
import * as HumanQuestion from "@effect-codex/policy/HumanQuestion"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import * as path from "node:path"
import * as Terminal from "../../../scripts/terminal.ts"
import { lacks } from "../../core/test/server.ts"
import { numbers } from "./numbers.ts"

const { addFile, execCommand, mcpCall, reply, requestUserInput, text } = MockModel

const escalated = (cmd: string) => execCommand({ cmd, escalate: "The user wants it" })

const color = {
  id: "color",
  header: "Color",
  question: "Which color?",
  options: [
    { label: "Red", description: "warm" },
    { label: "Blue", description: "cold" }
  ]
}

// A person who looks for words in a question: those found first say what to answer.
const scripted = (answers: ReadonlyArray<readonly [words: string, answer: HumanQuestion.Answer]>) => {
  const asked: Array<string> = []
  const layer = Human.layerCallback((question) =>
    Effect.sync(() => {
      const shown = HumanQuestion.text(question)
      asked.push(shown)
      return answers.find(([words]) => shown.includes(words))?.[1]
    })
  ).pipe(Layer.provide(NodeServices.layer))
  return { asked, layer }
}

const statuses = (response: { readonly items: ReadonlyArray<{ readonly type: string }> }) =>
  response.items.flatMap((item) => ("status" in item ? [item.status] : []))

describe("a person decides for a real agent", () => {
  it.live("yes to one command, no to another, yes to a file, and an answer to a question", () => {
    const person = scripted([
      ["touch one.txt", { choice: "y" }],
      ["touch two.txt", { choice: "n" }],
      ["made.txt", { choice: "y" }],
      ["The agent has a question", { choice: "y", values: { color: "Blue" } }]
    ])
    const calls = [escalated("touch one.txt"), escalated("touch two.txt"), addFile("made.txt", "made\n")]
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const { cwd } = yield* CodexTest.Home
      const fs = yield* FileSystem.FileSystem
      const response = yield* codex.responses.create({ prompt: "Go on" })
      expect(statuses(response)).toEqual(["completed", "declined", "completed"])
      expect((yield* fs.readDirectory(cwd)).toSorted()).toEqual(["made.txt", "one.txt"])
      expect((yield* model.request(4)).lastToolOutput?.output).toContain("Blue")
      const [command, , file] = person.asked
      expect(command).toContain("  │ /bin/bash -lc 'touch one.txt'")
      expect(command).toContain("Why, as the model claims\n  │ The user wants it")
      expect(file).toContain(`add ${cwd}/made.txt`)
      expect(file).toContain("  │ made")
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          CodexTest.layer(
            [...calls, requestUserInput([color]), text("done")].map((part) => reply(part)),
            {
              features: { default_mode_request_user_input: true }
            }
          ),
          Human.layerEngine.pipe(Layer.provide(person.layer)),
          NodeServices.layer
        )
      )
    )
  })

  it.live("about a tool of an MCP server, and what another one wants to know", () => {
    const person = scripted([
      ["Run a tool of the MCP server probe?", { choice: "n" }],
      ["The MCP server probe asks for data", { choice: "y", values: { color: "Red" } }]
    ])
    const server = new URL("../../core/test/fixtures/mcp-server.mjs", import.meta.url).pathname
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      yield* codex.responses.create({ prompt: "Go on" })
      expect((yield* model.request(1)).lastToolOutput?.output).not.toContain("wiped")
      expect((yield* model.request(2)).lastToolOutput?.output).toContain("Red")
      const tool = lacks("mcpToolNamed") ? "not named" : "wipe"
      expect(person.asked[0]).toContain(`a server can forge this question\n  │ ${tool}`)
      expect(person.asked[0]).toContain('"target": "disk"')
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layer(
            [
              reply(mcpCall("probe", "wipe", { target: "disk" })),
              reply(mcpCall("probe", "ask", {})),
              reply(text("done"))
            ],
            {
              config: `[mcp_servers.probe]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(server)}]\n`
            }
          ),
          Human.layerEngine.pipe(Layer.provide(person.layer))
        )
      )
    )
  })

  it.live(
    "at the terminal, but not by a yes that comes after its question was withdrawn",
    () =>
      Effect.gen(function* () {
        const next = numbers(15)
        const { cwd, env } = yield* CodexTest.Home
        const times = Array.from({ length: 5 }, () => String(250 + Math.floor(next() * 100)))
        const program = yield* Terminal.start(path.join(import.meta.dirname, "fixtures", "asking.ts"), times, {
          cwd,
          env
        })
        for (const index of times.keys()) {
          const shown = (...texts: ReadonlyArray<string>) =>
            program.waitFor(new RegExp([`withdrawn${index}`, ...texts].join("[^]*")))
          yield* shown("This question was withdrawn")
          yield* Effect.sleep(`${Math.floor(next() * 100)} millis`)
          yield* program.type("y\r")
          yield* shown("Another one is waiting", "›")
          yield* Effect.sleep(`${Math.floor(next() * 100)} millis`)
          // One more, whatever has become of the first.
          yield* program.type("yes\r")
          yield* shown("Another one is waiting", "Type one of these, in full: next")
          expect(program.written()).not.toContain(`touch next${index}`)
          yield* program.type(`${"\u007f".repeat(10)}next\r`)
          yield* program.waitFor(new RegExp(`touch next${index}[^]*›`))
          yield* program.type("n\r")
          yield* program.waitFor(new RegExp(`round ${index} is over`))
        }
        expect(yield* program.code).toBe(0)
        expect(readdirSync(cwd)).toEqual([])
      }).pipe(
        Effect.scoped,
        Effect.provide(
          CodexTest.layerHome((request) =>
            reply(request.toolOutputs.length === 0 ? escalated(request.lastUserText) : text("done"))
          )
        )
      ),
    60_000
  )

  it.live("nothing about two questions under one id, whatever they are answered", () => {
    const person = scripted([["", { choice: "y", values: { color: "Blue" } }]])
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      yield* codex.responses.create({ prompt: "Go on" })
      expect((yield* model.request(1)).lastToolOutput?.output).not.toContain("Blue")
      expect(person.asked).toEqual([])
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layer(
            [requestUserInput([color, { ...color, question: "Delete everything?" }]), text("done")].map((part) =>
              reply(part)
            ),
            { features: { default_mode_request_user_input: true } }
          ),
          Human.layerEngine.pipe(Layer.provide(person.layer))
        )
      )
    )
  })

  it.live("until the turn is interrupted: then the question is closed", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { questions } = yield* Human.HumanQueue
      const thread = yield* codex.thread.start()
      const closed = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        Stream.runForEach(questions, (open) =>
          Effect.andThen(
            Effect.forkDetach(turn.interrupt),
            Effect.andThen(open.closed, Deferred.succeed(closed, undefined))
          )
        )
      )
      const turn = yield* thread.turn("Go on")
      yield* Deferred.await(closed)
      expect((yield* Effect.flip(turn.result))._tag).toBe("TurnInterrupted")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.mergeAll(
          CodexTest.layer([reply(escalated("touch one.txt"))]),
          Layer.provideMerge(Human.layerEngine, Human.layerQueue().pipe(Layer.provide(NodeServices.layer)))
        )
      )
    )
  )
})

// What an administrator asks for stands in `/etc/codex`, so codex runs where that is a folder of the test.
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

const managed = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const codex = yield* CodexBinary.resolve()
    const folder = yield* fs.makeTempDirectoryScoped()
    const rules = '[rules]\nprefix_rules = [{ pattern = [{ token = "touch" }], decision = "prompt-user" }]\n'
    yield* fs.writeFileString(path.join(folder, "requirements.toml"), rules)
    const script = [
      `mount -t tmpfs none ${folder}/etc`,
      `cp -a /etc/. ${folder}/etc/ 2>/dev/null`,
      `mkdir -p ${folder}/etc/codex`,
      `cp ${folder}/requirements.toml ${folder}/etc/codex/`,
      `mount --bind ${folder}/etc /etc`,
      `exec "$0" "$@"`
    ]
    yield* fs.makeDirectory(path.join(folder, "etc"))
    const binary = path.join(folder, "codex")
    yield* fs.writeFileString(binary, `#!/bin/sh\nexec unshare -rm sh -c '${script.join("; ")}' ${codex} "$@"\n`)
    yield* fs.chmod(binary, 0o755)
    return CodexTest.layer([reply(execCommand({ cmd: "touch /tmp" })), reply(text("done"))], {
      codex: { binary, experimentalApi: true }
    })
  })
).pipe(Layer.provide(NodeServices.layer))

describe.skipIf(!canMount || lacks("humanCommands"))("a command that an administrator leaves to people alone", () => {
  const run = Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const model = yield* MockModel.MockModel
    yield* codex.responses.create({ prompt: "Go on" })
    return (yield* model.request(1)).lastToolOutput?.output ?? ""
  })

  it.live.each([
    ["y", "Process exited with code"],
    ["n", "rejected by user"]
  ])("is decided by the person who is there: %s", ([choice, output]) => {
    const person = scripted([["leaves to people alone", { choice }]])
    return Effect.gen(function* () {
      expect(yield* run).toContain(output)
      expect(person.asked.length).toBe(1)
      expect(person.asked[0]).toContain("touch /tmp")
    }).pipe(
      Effect.provide(
        Layer.merge(managed.pipe(Layer.provide(Human.layerApproval)), Human.layerEngine).pipe(
          Layer.provide(person.layer)
        )
      )
    )
  })

  it.live("is refused by the server when it is told of nobody, and no engine is asked", () => {
    const person = scripted([["", { choice: "y" }]])
    return Effect.gen(function* () {
      expect(yield* run).toContain("approval request failed")
      expect(person.asked).toEqual([])
    }).pipe(Effect.provide(Layer.merge(managed, Human.layerEngine.pipe(Layer.provide(person.layer)))))
  })
})
