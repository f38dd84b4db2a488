import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isAlive } from "../support.ts"

const textOf = <E>(output: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(output))

/** A command that says its process id and then goes on for ever; unsandboxed, so that the id is one of this machine. */
const forever = {
  command: ["sh", "-c", "echo $$; exec sleep 1000"],
  sandboxPolicy: { type: "dangerFullAccess" }
} as const

const pidOf = <E>(output: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runHead(Stream.splitLines(Stream.decodeText(output))), (line) =>
    line._tag === "Some" ? Number(line.value) : Number.NaN
  )

layer(CodexTest.layer([]), { excludeTestServices: true })("a command", (it) => {
  it.effect("runs to its end, and its output and exit code are told", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const done = yield* command.exec({ command: ["sh", "-c", "echo out; echo err >&2; exit 3"] })
      expect(done).toEqual({ exitCode: 3, stdout: "out\n", stderr: "err\n" })
      const { stdout } = yield* command.exec({ command: ["sh", "-c", "echo $NAME"], env: { NAME: "value" } })
      expect(stdout).toBe("value\n")
    })
  )

  it.effect("that takes longer than it may is ended by the server", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      expect((yield* command.exec({ command: ["sleep", "1000"], timeoutMs: 100 })).exitCode).toBe(124)
    })
  )

  it.effect("that is no command is refused", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      expect(yield* Effect.flip(command.exec({ command: [] }))).toMatchObject({ _tag: "RequestFailed" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { exitCode, stdout } = yield* command.start({ command: [] })
          expect(yield* Effect.flip(exitCode)).toMatchObject({ _tag: "RequestFailed" })
          expect(yield* Effect.flip(textOf(stdout))).toMatchObject({ _tag: "RequestFailed" })
        })
      )
    })
  )

  it.effect("that is held on to is talked to, and says what it writes", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const cat = yield* command.start({ command: ["sh", "-c", "cat; echo done >&2"] })
      yield* cat.write("one\n")
      yield* cat.write(new Uint8Array([116, 119, 111]))
      yield* cat.closeStdin
      expect(yield* textOf(cat.stdout)).toBe("one\ntwo")
      expect(yield* textOf(cat.stderr)).toBe("done\n")
      expect(yield* cat.exitCode).toBe(0)
      expect(yield* Effect.flip(cat.write("late"))).toMatchObject({ _tag: "RequestFailed" })
    }).pipe(Effect.scoped)
  )

  it.effect("that is talked to at once, many times over, always hears it", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const talk = Effect.fnUntraced(function* (word: string) {
        const cat = yield* command.start({ command: ["cat"] })
        yield* cat.write(word)
        yield* cat.closeStdin
        return yield* textOf(cat.stdout)
      }, Effect.scoped)
      const words = Array.from({ length: 20 }, (_, index) => `word ${index}`)
      expect(yield* Effect.forEach(words, talk, { concurrency: 5 })).toEqual(words)
    })
  )

  it.effect("that writes much is not cut off", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const zeros = yield* command.start({ command: ["head", "-c", "3000000", "/dev/zero"] })
      expect(
        yield* Stream.runFold(
          zeros.stdout,
          () => 0,
          (sum, { length }) => sum + length
        )
      ).toBe(3_000_000)
    }).pipe(Effect.scoped)
  )

  it.effect("has a terminal of the size that is asked for", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const shell = yield* command.start({
        command: ["sh", "-c", "stty size; read line; stty size"],
        tty: true,
        size: { rows: 11, cols: 33 },
        sandboxPolicy: { type: "dangerFullAccess" }
      })
      yield* shell.resize({ rows: 12, cols: 44 })
      yield* shell.write("go on\n")
      expect(yield* textOf(shell.stdout)).toContain("12 44")
    }).pipe(Effect.scoped)
  )

  it.effect("is killed when it is terminated", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const execution = yield* command.start(forever)
      const pid = yield* pidOf(execution.stdout)
      expect(isAlive(pid)).toBe(true)
      yield* execution.terminate
      expect(yield* execution.exitCode).toBe(137)
      expect(isAlive(pid)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.effect("is killed with its scope", () =>
    Effect.gen(function* () {
      const { command } = yield* Codex.Codex
      const scope = yield* Scope.make()
      const { stdout } = yield* Scope.provide(command.start(forever), scope)
      const pid = yield* pidOf(stdout)
      expect(isAlive(pid)).toBe(true)
      yield* Scope.close(scope, Exit.void)
      expect(isAlive(pid)).toBe(false)
    })
  )

  it.effect("is killed when nobody waits for its output any more", () =>
    Effect.gen(function* () {
      const { command, fs } = yield* Codex.Codex
      const { cwd } = yield* CodexTest.Home
      const file = `${cwd}/pid`
      const waiting = command.exec({ ...forever, command: ["sh", "-c", `echo $$ > ${file}; exec sleep 1000`] })
      const written = fs.readFile(file).pipe(
        Effect.flatMap((bytes) => (bytes.length > 0 ? Effect.succeed(bytes) : Effect.fail("empty"))),
        Effect.eventually
      )
      const bytes = yield* Effect.raceFirst(Effect.as(waiting, new Uint8Array()), written)
      const pid = Number(new TextDecoder().decode(bytes))
      expect(pid).toBeGreaterThan(1)
      yield* Effect.eventually(Effect.suspend(() => (isAlive(pid) ? Effect.fail("alive") : Effect.void)))
    })
  )
})
