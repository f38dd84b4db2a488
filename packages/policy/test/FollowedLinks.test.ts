/**
 * Links that a command follows below a folder, for rules that decline: they are looked for only where that decides, and then
 * the verdict is what a look at the whole tree says.
 */
import type { PolicyRubric } from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs"
import * as path from "node:path"
import { numbers } from "./numbers.ts"
import { commandRequest } from "./rulesSupport.ts"
import { makeTree } from "./tree.ts"

// The real file system, and what it is asked for; a tree without an end stands below `/endless`.
const counting = () => {
  const listed: Array<string> = []
  let asked = 0
  const layer = Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs): FileSystem.FileSystem => {
      const isEndless = (name: string) => name.startsWith("/endless")
      const folder = Effect.succeed({ type: "Directory" } as FileSystem.File.Info)
      const entries = Array.from({ length: 50 }, (_, index) => ({
        name: `n${index}`,
        type: index < 25 ? ("Directory" as const) : ("File" as const)
      }))
      return {
        ...fs,
        lstat: (name) => {
          asked++
          return isEndless(name) ? folder : fs.lstat(name)
        },
        readDirectoryEntries: (name) => {
          listed.push(name)
          return isEndless(name) ? Effect.succeed(entries) : fs.readDirectoryEntries(name)
        }
      }
    })
  ).pipe(Layer.provide(NodeFileSystem.layer))
  return { layer, listed, asked: () => asked }
}

const decide = Effect.fnUntraced(function* (rubric: PolicyRubric, command: string, cwd: string) {
  const { asked, layer, listed } = counting()
  const verdict = yield* Effect.flatMap(RuleBasedPolicy.make(rubric), (engine) =>
    engine.command(commandRequest({ command, cwd }))
  ).pipe(Effect.provide(Layer.merge(layer, Logger.layer([]))))
  return { decision: verdict?.decision, listed, asked: asked() }
})

const declining = (...folders: ReadonlyArray<string>): PolicyRubric => ({
  mode: "permissive",
  commandRules: [{ name: "no secrets", when: { pathsWithin: folders }, decision: "decline" }]
})

describe("links below a folder that a command follows", () => {
  const isWithin = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}/`)

  // Whether something below the folder is a link into the other one, or to a folder, behind which there may be more.
  const leads = (folder: string, secret: string): boolean =>
    readdirSync(folder).some((name) => {
      const entry = path.join(folder, name)
      const info = lstatSync(entry)
      if (info.isDirectory()) return leads(entry, secret)
      if (!info.isSymbolicLink()) return false
      const target = path.resolve(folder, readlinkSync(entry))
      return isWithin(target, secret) || statSync(entry, { throwIfNoEntry: false })?.isDirectory() === true
    })

  const follows = ["grep -R x @", "grep -nR x @", "find -L @ -name x", "rg -L x @"]
  const stays = ["grep -r x @", "find @ -name x", "rg x @", "ls -R @", "rm -rf @"]

  it.live(
    "decide as a look at the whole tree does",
    () =>
      Effect.gen(function* () {
        const next = numbers(7)
        const pick = <A>(values: ReadonlyArray<A>): A => {
          const value = values[Math.floor(next() * values.length)]
          if (value === undefined) throw new Error("nothing to pick from")
          return value
        }
        const places = ["a", "a/b", "a/b/c", "d", "d/e"]
        const targets = [
          "a/file",
          "d/e/file",
          "d/missing",
          "a/b/c",
          "secrets",
          "secrets/key",
          "secrets/new",
          ".env",
          "other"
        ]
        const counts = { declined: 0, accepted: 0, listed: 0 }
        for (let world = 0; world < 40; world++) {
          const links = Object.fromEntries(
            Array.from({ length: Math.floor(next() * 4) }, (_, index) => {
              const place = pick(places)
              return [`/${place}/l${index}`, path.relative(place, pick(targets))]
            })
          )
          const root = makeTree([...places.map((place) => `/${place}/file`), "/secrets/key", "/.env", "/other"], links)
          for (let line = 0; line < 8; line++) {
            const secret = path.join(root, pick(["secrets", ".env", "secrets/key", "a/b/c", "d/e/file"]))
            const operand = pick([...places, ".", "a/../d", "secrets", "other", "/", root])
            const isFollowing = next() < 0.7
            const command = pick(isFollowing ? follows : stays).replace("@", operand)
            const place = path.resolve(root, operand)
            const isNamed = isWithin(place, secret) || isWithin(secret, place === "/" ? "" : place)
            const isLed = !isNamed && isFollowing && lstatSync(place).isDirectory() && leads(place, secret)
            const { decision, listed } = yield* decide(declining(secret), command, root)
            const about = [world, links, command, path.relative(root, secret)]
            expect([...about, decision]).toEqual([...about, isNamed || isLed ? "decline" : "accept"])
            // What is named needs no look.
            if (isNamed || !isFollowing) expect([...about, listed]).toEqual([...about, []])
            counts[decision === "accept" ? "accepted" : "declined"]++
            counts.listed += Math.min(1, listed.length)
          }
        }
        for (const count of Object.values(counts)) expect(count).toBeGreaterThan(40)
      }),
    60_000
  )

  const root = makeTree(["/a/file", "/a/b/file", "/secrets/key", "/.env"], {
    "/a/b/link": "../file",
    "/d/link": "../.env"
  })
  const secrets = declining(`${root}/secrets`, `${root}/.env`)

  it.live("are not looked for if the folder of the rule lies in what is named", () =>
    Effect.gen(function* () {
      for (const command of [
        "rm -rf /",
        "grep -R x /",
        "cp -rL / x",
        "cp -rL . x",
        "find -L ..",
        "rg -L x",
        "git grep x",
        "cd a && grep -R x ..",
        "grep -R x a | xargs grep -R x .env",
        "tar chf x.tar ."
      ]) {
        const { decision, listed } = yield* decide(secrets, command, root)
        if (command.includes("|")) expect([command, decision]).toEqual([command, "decline"])
        else expect([command, decision, listed]).toEqual([command, "decline", []])
      }
    })
  )

  it.live("are not looked for if another condition does not hold, or a rule before decides", () =>
    Effect.gen(function* () {
      const within = { pathsWithin: `${root}/secrets` }
      const others: ReadonlyArray<NonNullable<PolicyRubric["commandRules"]>> = [
        [{ when: { ...within, program: "cat" }, decision: "decline" }],
        [{ when: { ...within, flags: ["--include"] }, decision: "decline" }],
        [{ when: { redirectsWithin: `${root}/secrets` }, decision: "decline" }],
        [{ when: { cwdWithin: `${root}/secrets` }, decision: "decline" }],
        [
          { when: { program: "grep", anywhere: true, allowedFlags: ["-R"] }, decision: "accept" },
          { when: within, decision: "decline" }
        ]
      ]
      for (const commandRules of others) {
        const { decision, listed } = yield* decide({ mode: "permissive", commandRules }, "grep -R x a", root)
        expect([commandRules, decision, listed]).toEqual([commandRules, "accept", []])
      }
      const first = { when: { program: "grep" }, decision: "decline" } as const
      const rules = { mode: "permissive", commandRules: [first, { when: within, decision: "decline" }] } as const
      expect(yield* decide(rules, "grep -R x a", root)).toMatchObject({ decision: "decline", listed: [] })
    })
  )

  it.live("are looked for once for all rules and parts where that decides", () =>
    Effect.gen(function* () {
      const twice = { ...secrets, commandRules: [...(secrets.commandRules ?? []), ...(secrets.commandRules ?? [])] }
      const found = yield* decide(twice, "grep -R x a; grep -R y a; grep -R z ./a/b", root)
      expect(found.decision).toBe("accept")
      expect(found.listed.toSorted()).toEqual([`${root}/./a/b`, `${root}/a`, `${root}/a/b`])
      expect((yield* decide(secrets, "grep -R x d", root)).decision).toBe("decline")
      expect((yield* decide(secrets, "grep -R x a; grep -R x d", root)).decision).toBe("decline")
    })
  )

  it.live("are 100 at most, and more of them count as leading anywhere", () =>
    Effect.gen(function* () {
      const linked = (count: number) =>
        makeTree(
          ["/secrets/key", "/a/file"],
          Object.fromEntries(Array.from({ length: count }, (_, index) => [`/a/b/l${index}`, "../file"]))
        )
      for (const [count, expected] of [
        [100, "accept"],
        [101, "decline"]
      ] as const) {
        const root = linked(count)
        expect((yield* decide(declining(`${root}/secrets`), "grep -R x a", root)).decision).toBe(expected)
      }
    })
  )

  it.live("are not looked for beyond a fixed number of entries, and then count as leading anywhere", () =>
    Effect.gen(function* () {
      for (const command of ["grep -R x /endless", "find -L /endless; rg -L x /endless/n1; grep -R y /endless/n2"]) {
        const { asked, decision, listed } = yield* decide(secrets, command, root)
        expect([command, decision]).toEqual([command, "decline"])
        // 50 entries each, which count as 70.
        expect([command, listed.length]).toEqual([command, 143])
        expect(asked).toBeLessThan(100)
      }
      const { asked, decision, listed } = yield* decide(secrets, "find /endless; rm -rf /endless", root)
      expect([decision, listed]).toEqual(["accept", []])
      expect(asked).toBeLessThan(100)
    })
  )
})
