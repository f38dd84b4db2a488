/**
 * `effect-codex policy init`: a first rubric for a project, from a few questions.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Stdio from "effect/Stdio"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import { CheckFailed } from "../../checkFailed.ts"
import { text, toggle } from "../../flags.ts"
import * as FirstRubric from "../../policy/firstRubric.ts"
import { force } from "../../policy/flags.ts"
import { write } from "../../policy/newFile.ts"
import * as Project from "../../policy/project.ts"
import { verdicts } from "../../policy/verdict.ts"
import * as Print from "../../print.ts"

const flags = {
  dir: Argument.String("DIR").pipe(
    Argument.withDescription("The folder of the project. Default: the current one"),
    Argument.withDefault(".")
  ),
  output: text("output", "FILE", "The rubric to write, a .yaml or .yml file. Default: rubric.yaml in DIR").pipe(
    Flag.withAlias("o")
  ),
  yes: toggle("yes", "Take the defaults, and do not ask").pipe(Flag.withAlias("y")),
  force
}

type Flags = Command.Command.Config.Infer<typeof flags>

// Ctrl-C at a question ends the command as it does elsewhere.
const answer = <A>(prompt: Prompt.Prompt<A>) => Effect.catchTag(Prompt.run(prompt), "QuitError", () => Effect.interrupt)

const ask = Effect.fnUntraced(function* (project: Project.Project, yes: boolean) {
  const confirm = (message: string, initial: boolean) =>
    yes ? Effect.succeed(initial) : answer(Prompt.Confirm({ message, initial }))
  const reads = yield* confirm("Accept commands that provably only read in this folder?", true)
  const kinds = yield* Effect.filter(project.kinds, ({ accepts, file, pack }) =>
    confirm(`${file}: accept ${accepts.join(", ")} and the like (pack ${pack})? They run without the sandbox.`, true)
  )
  const scripts =
    yes || project.scripts.length === 0
      ? []
      : yield* answer(
          Prompt.MultiSelect({
            message: "Other scripts that may run",
            choices: project.scripts.map((script) => ({ title: `${project.runner} run ${script}`, value: script }))
          })
        )
  const commits = project.isRepository && (yield* confirm("Accept git add and git commit (pack git-commit)?", false))
  const changesFiles = yield* confirm("Accept changes of files in this folder?", false)
  const secrets = project.secrets.map(Print.exact).join(", ")
  const hidesSecrets =
    project.secrets.length > 0 &&
    (yield* confirm(`Decline commands that may read ${secrets}, also searches of the whole folder?`, true))
  return { reads, kinds, scripts, commits, changesFiles, hidesSecrets }
})

const init = Effect.fn("policy.init")(function* (flags: Flags) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const stdio = yield* Stdio.Stdio
  const file = flags.output ?? path.join(flags.dir, "rubric.yaml")
  const [, stem = "", ending = ""] = /^(.*)(\.ya?ml)$/i.exec(file) ?? []
  if (stem === "" || path.basename(file) === ending) {
    return yield* new InvalidUsage({ description: "The rubric is YAML: name a file that ends in .yaml or .yml." })
  }
  const testFile = `${stem}.test${ending}`
  if (!flags.yes && !((yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal))) {
    return yield* new InvalidUsage({ description: "There is no terminal to ask at. Take the defaults with --yes." })
  }
  const folder = path.dirname(path.resolve(file))
  if (folder !== path.resolve(flags.dir)) {
    return yield* new InvalidUsage({ description: "The rubric belongs in the folder of the project, DIR." })
  }
  const project = yield* Project.look(flags.dir)
  if (!flags.force) {
    for (const name of [file, testFile]) {
      if (yield* Effect.orElseSucceed(fs.exists(name), () => false)) {
        return yield* new InvalidUsage({ description: `${name} is there already. --force replaces it.` })
      }
    }
  }

  const answers = yield* ask(project, flags.yes)
  const rubric = FirstRubric.rubricOf(project, answers)
  const verdictOf = yield* verdicts({ rubric, baseDirectory: folder })
  // The rules look at the folder as it is, so not everything that is usual has to hold here.
  const cases = yield* Effect.forEach(FirstRubric.casesOf(project, answers), (one) =>
    Effect.map(verdictOf(one.command, path.resolve(folder, one.cwd ?? ".")), ({ reason = "", verdict }) => ({
      one,
      holds: verdict === one.expect,
      left: `Left out: ${one.command}: ${verdict}${reason === "" ? "" : `, ${reason}`}`
    }))
  )
  const [held, failed] = [true, false].map((holds) => cases.filter((one) => one.holds === holds))
  const rubricText = FirstRubric.textOf(rubric, project, path.basename(testFile))
  const testText = FirstRubric.testTextOf(
    path.basename(file),
    (held ?? []).map(({ one }) => one),
    (failed ?? []).map(({ left }) => left)
  )
  yield* Console.log(
    [`--- ${Print.exact(file)}`, rubricText, `--- ${Print.exact(testFile)}`, testText].join("\n").trimEnd()
  )
  const isWanted = flags.yes || (yield* answer(Prompt.Confirm({ message: "Write these two files?", initial: true })))
  if (!isWanted) {
    yield* Console.log("Nothing was written.")
    return yield* new CheckFailed({ description: "Nothing was written." })
  }
  yield* write(file, rubricText, flags.force)
  yield* write(testFile, testText, flags.force).pipe(
    // One without the other is of no use.
    Effect.tapError(() => (flags.force ? Effect.void : Effect.ignore(fs.remove(file))))
  )
  yield* Console.log(`\nTry it: effect-codex policy test ${Print.exact(testFile)}`)
})

/** The command. */
export const command = Command.make("init", flags, init).pipe(
  Command.withDescription(
    "Write a first rubric and a table of expectations, from questions and from the files of a project. Shows both before it writes them"
  ),
  Command.withShortDescription("Write a first rubric for a project"),
  Command.withExamples([
    { command: "effect-codex policy init", description: "For the current folder" },
    { command: "effect-codex policy init --yes ./app", description: "Without questions" }
  ])
)
