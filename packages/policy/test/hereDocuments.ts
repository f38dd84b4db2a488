/**
 * Commits whose message is a here-document, in a substitution or as the input, with all that could make a shell see its end elsewhere, and what the shells at
 * hand make of them.
 */
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"
import { commandsIn } from "./bashOracle.ts"
import { wrapped } from "./rulesSupport.ts"

const bodies = [
  ..."a b it's \" ' ` \\ $ ( ) # (#1) (a) $(touch x) ${x} EOF EOF) é ✅ ; && | < > << <<EOF 'a' \"b\" `c` \\' \\\" \\) $( ${ # ) } ! ~ *".split(
    " "
  ),
  " EOF",
  "\tEOF",
  "EOF )",
  "\\\n",
  "\n$'\\nEOF\\ntouch x\\n'",
  "\nE\\\nOF\ntouch x\n",
  ...Array.from({ length: 12 }, () => "\n"),
  ...Array.from({ length: 8 }, () => " "),
  '"; touch x; echo "',
  "'; touch x; echo '",
  ')"; touch x; echo "('
]
const rests = [" && git status", "; git log", " -m 'a'", ' -m "b)"', " -m ')'", " # )", ' && git commit -m "it\'s"']

export const generator = (next: () => number) => {
  const pick = <A>(values: ReadonlyArray<A>): A => {
    const value = values[Math.floor(next() * values.length)]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }
  const some = (values: ReadonlyArray<string>, most: number) =>
    Array.from({ length: Math.floor(next() * (most + 1)) }, () => pick(values)).join("")
  const openings = ["'EOF'", "'EOF'", '"EOF"', "EOF"]
  const document = () => `"$(cat <<${pick(openings)}\n${some(bodies, 8)}\nEOF\n${pick(["", "", "  ", "\n"])})"`
  const printed = () => `git commit -m ${document()}${next() < 0.2 ? ` -m ${document()}` : ""}${some(rests, 2)}`
  const input = () =>
    [
      `git commit ${pick(["-F -", "-F -", "-F-", "--file=-", "--file -", "-q -F -", "-F - -a"])} <<${pick(openings)}`,
      some([...rests, " 2>&1", " > /dev/null", " \\\n"], 2),
      `\n${some(bodies, 8)}\nEOF`,
      some(["\n", "\ngit status", "\ngit commit -m 'a\nb'"], 2)
    ].join("")
  return (): string => `${pick(["", "", "git add . && "])}${next() < 0.6 ? printed() : input()}`
}

const folder = mkdtempSync(path.join(tmpdir(), "effect-codex-documents-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const log = path.join(folder, "log")
const work = path.join(folder, "work")
const bin = path.join(folder, "bin")
mkdirSync(bin)
mkdirSync(work)
const stubs = ["git", "touch", "echo"]
for (const name of stubs) {
  const file = path.join(bin, name)
  writeFileSync(
    file,
    `#!/bin/sh
printf '%s\\0' "$(($# + 1))" ${name} "$@" >> ${log}
case " $2 $3 $4 " in *" -F - "*|*" -F- "*|*" --file=- "*|*" --file - "*) printf '%s\\0' 2 input "$(/bin/cat; printf .)" >> ${log};; esac
`
  )
  chmodSync(file, 0o755)
}
writeFileSync(path.join(bin, "cat"), "#!/bin/sh\n[ $# = 0 ] && exec /bin/cat\n")
chmodSync(path.join(bin, "cat"), 0o755)

/** Those of the shells that are there. */
export const shells = ["/bin/bash", "/bin/dash", "/bin/zsh"].filter((shell) => existsSync(shell))

/** What the analysis is certain of, with what it says of the input and without the `cat` that prints; `undefined`: it is not certain of all. */
export const told = (script: string, shell: string): ReadonlyArray<string> | undefined => {
  const name = shell.endsWith("zsh") ? "zsh" : shell.endsWith("dash") ? "sh" : "bash"
  const command = ShellCommand.parse(wrapped(script, name))
  if (command._tag === "Unparseable" || command.parts.some(({ opaque }) => opaque !== undefined)) return undefined
  return command.parts.flatMap(({ document, words }) =>
    words[0]?.value === "cat" && words.length === 1
      ? []
      : [
          JSON.stringify(words.map(({ value }) => value)),
          ...(document === undefined ? [] : [JSON.stringify(["input", `${document}.`])])
        ]
  )
}

/** Whether a shell finds all of these. */
export const areStubs = (commands: ReadonlyArray<string>): boolean =>
  commands.every((command) => ["input", ...stubs].some((name) => command.startsWith(`["${name}"`)))

/** What a shell runs, in order. */
export const ran = (script: string, shell: string): ReadonlyArray<string> => {
  writeFileSync(log, "")
  spawnSync(shell, [...(shell.endsWith("zsh") ? ["-f"] : []), "-c", script], {
    cwd: work,
    env: { PATH: bin, LC_ALL: "C.UTF-8" },
    stdio: "ignore",
    timeout: 10_000
  })
  return commandsIn(log)
}
