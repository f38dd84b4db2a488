// Defaults from a configuration file: which words they become, what wins over them, and what is said of mistakes.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { runFile } from "../../../scripts/run-command.ts"
import { command as review } from "../src/internal/commands/review.ts"
import { flags as runFlags } from "../src/internal/commands/run.ts"
import { expand, settings } from "../src/internal/profile.ts"

const home = fs.mkdtempSync(path.join(tmpdir(), "effect-codex-profile-"))
afterAll(() => fs.rmSync(home, { recursive: true }))

const folder = path.join(home, ".config", "effect-codex")
fs.mkdirSync(folder, { recursive: true })
const config = path.join(folder, "config.yaml")
const main = path.join(import.meta.dirname, "..", "src", "main.ts")

const expanded = (text: string, ...words: ReadonlyArray<string>) => {
  fs.writeFileSync(config, text)
  return expand(words, { HOME: home }).pipe(Effect.provide(NodeServices.layer))
}

const refusal = (text: string, ...words: ReadonlyArray<string>) =>
  Effect.map(Effect.flip(expanded(text, ...words)), ({ message }) => message.replaceAll(config, "FILE"))

const file = `# For all runs.
model: gpt-5.5
policy: rubric.yaml
budget-tokens: 1000
sandbox: read-only
profiles:
  fast: { effort: low, timeout: 90, policy: other/rubric.yaml }
  free: { accept-all: true }
  careful: { preset: safe, ask: true, ephemeral: true, quiet: true }
  folders: { add-dir: [a, /b], cwd: ., codex: codex, raw: false }
`
const top = ["--model=gpt-5.5", `--policy=${folder}/rubric.yaml`, "--budget-tokens=1000", "--sandbox=read-only"]

describe("a configuration file", () => {
  it.effect.each([
    ["sets flags", ["run", "hi"], ["run", ...top, "hi"]],
    ["sets those of a review", ["review"], ["review", ...top]],
    ["sets none of another command", ["threads", "list"], ["threads", "list"]],
    ["sets none if the name of a profile is missing", ["run", "--profile"], ["run", "--profile"]],
    ["sets none for help", ["run", "--help"], ["run", "--help"]],
    ["gives way to a flag", ["run", "--model", "other"], ["run", ...top.slice(1), "--model", "other"]],
    ["gives way to a flag with its value", ["run", "--model=x"], ["run", ...top.slice(1), "--model=x"]],
    ["gives way to the short form", ["run", "-m", "x"], ["run", ...top.slice(1), "-m", "x"]],
    ["gives way to a flag that excludes it", ["run", "--accept-all"], ["run", top[0], top[2], top[3], "--accept-all"]],
    ["gives way to a preset", ["run", "--preset", "edit"], ["run", top[0], top[1], "--preset", "edit"]],
    ["is not told from what comes after --", ["run", "--", "--model"], ["run", ...top, "--", "--model"]]
  ] as const)("%s", ([, words, expected]) =>
    Effect.gen(function* () {
      expect(yield* expanded(file, ...words)).toEqual(expected)
    })
  )

  it.effect.each([
    [
      "wins over the top",
      "run",
      "fast",
      ["--model=gpt-5.5", `--policy=${folder}/other/rubric.yaml`, "--budget-tokens=1000", "--sandbox=read-only"],
      ["--effort=low", "--timeout=90"]
    ],
    [
      "takes the place of what it excludes",
      "run",
      "free",
      ["--model=gpt-5.5", "--budget-tokens=1000", "--sandbox=read-only"],
      ["--accept-all"]
    ],
    [
      "takes with a preset the place of what that sets",
      "run",
      "careful",
      ["--model=gpt-5.5", `--policy=${folder}/rubric.yaml`],
      ["--preset=safe", "--ask", "--ephemeral", "--quiet"]
    ],
    [
      "has folders below its file",
      "run",
      "folders",
      top,
      [`--add-dir=${folder}/a`, "--add-dir=/b", `--cwd=${folder}`, "--codex=codex"]
    ],
    ["leaves out what a review has not", "review", "folders", top, [`--cwd=${folder}`, "--codex=codex"]]
  ] as const)("of which a profile %s", ([, command, profile, first, last]) =>
    Effect.gen(function* () {
      const words = ["--profile", profile]
      expect(yield* expanded(file, command, ...words)).toEqual([command, ...first, ...last, ...words])
    })
  )

  it.effect("may have another place, and none is needed", () =>
    Effect.gen(function* () {
      const other = path.join(home, "other.yaml")
      fs.writeFileSync(other, "model: other\n")
      expect(yield* expanded(file, "run", "--config-file", other)).toEqual([
        "run",
        "--model=other",
        "--config-file",
        other
      ])
      const xdg = expand(["run"], { HOME: home, XDG_CONFIG_HOME: path.join(home, "none") })
      expect(yield* Effect.provide(xdg, NodeServices.layer)).toEqual(["run"])
      expect(yield* Effect.provide(expand(["run"], {}), NodeServices.layer)).toEqual(["run"])
      expect(yield* expanded("", "run", "hi")).toEqual(["run", "hi"])
    })
  )

  it.effect.each([
    ["modell: x\n", "FILE:1: modell: there is no such setting. Did you mean model?"],
    [
      "# x\nsandbox: readonly\n",
      "FILE:2: sandbox: must be one of read-only, workspace-write, danger-full-access. Did you mean read-only?"
    ],
    ["ask: maybe\n", "FILE:1: ask: must be true or false."],
    ["budget-tokens: -1\n", "FILE:1: budget-tokens: must be a whole number above zero."],
    ["model: [a]\n", "FILE:1: model: must be a text."],
    ["add-dir: [1]\n", "FILE:1: add-dir: must be a list of folders."],
    ["- a\n", "FILE:1: a configuration has settings such as model: NAME."],
    ["modle: a\n", "FILE:1: modle: there is no such setting. Did you mean model?"],
    ["preset: saef\n", "FILE:1: preset: must be one of safe, edit, yolo. Did you mean safe?"],
    ["profiles: x\n", "FILE:1: profiles: must be a map."],
    ["profile: { a: {} }\n", "FILE:1: profile: there is no such setting. Did you mean profiles?"],
    ["model: a\nmodel: b\n", "FILE:2: Map keys must be unique."],
    [
      "profiles:\n  a:\n    mode: x\n  b:\n    ask: 1\n",
      "FILE:3: profiles.a.mode: there is no such setting. Did you mean model? FILE:5: profiles.b.ask: must be true or false."
    ]
  ] as const)("is checked as a whole: %s", ([text, message]) =>
    Effect.gen(function* () {
      expect(yield* refusal(text, "run", "hi")).toBe(message)
    })
  )

  it.effect("has to be there, with the profile, if either is named", () =>
    Effect.gen(function* () {
      expect(yield* refusal(file, "run", "--profile", "fasst")).toBe(
        'FILE: there is no profile "fasst". The file has fast, free, careful, folders. Did you mean fast?'
      )
      expect(yield* refusal(file, "run", "--config-file", "/nowhere.yaml")).toBe(
        "The configuration /nowhere.yaml cannot be read: it does not exist."
      )
      const none = expand(["run", "--profile", "a"], { XDG_CONFIG_HOME: "/nowhere" })
      expect((yield* Effect.flip(Effect.provide(none, NodeServices.layer))).message).toBe(
        "--profile a needs a configuration file, but /nowhere/effect-codex/config.yaml does not exist. Name one with --config-file."
      )
    })
  )

  it("knows flags of the command alone, with their values", () => {
    const names = new Set(
      Object.keys(runFlags).map((key) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
    )
    expect(Object.keys(settings).filter((name) => !names.has(name))).toEqual([])
    expect(review.name).toBe("review")
  })
})

describe("effect-codex run with a configuration file", () => {
  const run = (text: string, ...args: ReadonlyArray<string>) => {
    fs.writeFileSync(config, text)
    const env = { HOME: home, XDG_CONFIG_HOME: path.join(home, ".config") }
    return runFile(main, ["run", "--offline", ...args], { env })
  }

  it.live("uses a profile, and an object of --json for a mistake", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run("profiles: { all: { sandbox: workspace-write } }\n", "--profile", "all", "hi")
      expect(stderr).toContain("Sandbox: workspace-write")
      expect(code).toBe(0)
      const wrong = yield* run("sandbx: read-only\n", "--json", "hi")
      expect(wrong.code).toBe(2)
      expect(wrong.stderr).toBe(`effect-codex: ${config}:1: sandbx: there is no such setting. Did you mean sandbox?\n`)
      expect(JSON.parse(wrong.stdout)).toMatchObject({ type: "result", status: "failed", exitCode: 2 })
    })
  )
})
