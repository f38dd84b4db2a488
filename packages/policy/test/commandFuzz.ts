/**
 * Command lines that run what rules decline in every way that the generator knows, and what real Bash makes of them.
 *
 * Every program that a line can reach is a stub in a folder of its own, which writes down its name; those that run others do
 * that. Lines name nothing outside of that folder and the folder that they run in.
 */
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { quote } from "@effect-codex/policy/ShellWord"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { numbers } from "./numbers.ts"
import { commandRequest } from "./rulesSupport.ts"

/** Stands for the folder of the stubs until it is known. */
const bin = "@BIN@"

export const generator = (next: () => number) => {
  const pick = <A>(values: ReadonlyArray<A>): A => {
    const value = values[Math.floor(next() * values.length)]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }
  const chance = (share: number) => next() < share

  const refused = [
    "rm x",
    "rm -rf x",
    "curl x",
    "git push",
    "git push origin x",
    "git -C . push -f",
    "sudo x",
    "sudo cat x"
  ]
  const tame = [
    "cat x",
    "cat x y",
    "ls",
    "ls -la",
    "echo rm",
    "echo 'git push'",
    "grep rm x",
    "grep -n curl x",
    "head -n 1 x",
    "wc -l x",
    "true",
    "git status",
    "git commit -m 'rm x'",
    "rg curl",
    "printf '%s' rm",
    "touch y",
    "find . -name rm",
    "basename rm",
    "sed -n 1,2p x",
    "test -f rm"
  ]

  // A word that becomes the same one when it runs.
  const disguise = (word: string): string => {
    const [first = "", ...rest] = word
    const tail = rest.join("")
    if (!/^[\w./-]+$/.test(word) || tail === "") return word
    return pick<() => string>([
      () => word,
      () => word,
      () => word,
      () => `'${word}'`,
      () => `"${word}"`,
      () => `${first}\\${tail}`,
      () => `${first}''${tail}`,
      () => `${first}""${tail}`,
      () => `"${first}"'${tail}'`,
      () => `$'${word}'`,
      () => `$'\\x${first.charCodeAt(0).toString(16)}${tail}'`,
      () => `${first}$@${tail}`,
      () => `${first}\${E}${tail}`,
      () => `\${E:-${word}}`,
      () => `\${E-${first}}${tail}`,
      () => `$(echo ${word})`,
      () => `"$(printf %s ${word})"`,
      () => `\`echo ${word}\``,
      () => `$"${word}"`,
      () => `${first}\\\n${tail}`,
      () => `{${word},}`
    ])()
  }
  const disguiseProgram = (program: string): string =>
    chance(0.15)
      ? pick([`${bin}/${program}`, `${bin}/${program.slice(0, -1)}?`, `${bin}/[${program[0]}]${program.slice(1)}`])
      : chance(0.1)
        ? program.toLowerCase()
        : disguise(program)

  const simple = (): string => {
    const [program = "", ...args] = (chance(0.55) ? pick(refused) : pick(tame)).split(" ")
    if (args.some((arg) => /['"]/.test(arg))) return [program, ...args].join(" ")
    const said = [
      chance(0.5) ? program : disguiseProgram(program),
      ...args.map((arg) => (chance(0.8) ? arg : disguise(arg)))
    ]
    return `${chance(0.05) ? "A=1 " : ""}${said.join(pick([" ", " ", " ", "  ", "\t"]))}${chance(0.05) ? pick([" > o", " 2>/dev/null", " < x"]) : ""}`
  }

  const inQuotes = (script: string): string => (chance(0.2) && !/["$`\\!]/.test(script) ? `"${script}"` : quote(script))

  // `variable` and `line` keep names and here-documents apart.
  let count = 0
  const fresh = () => `V${count++}`

  const command = (depth: number): string => {
    if (depth <= 0) return simple()
    const inner = () => command(depth - 1 - Math.floor(next() * 2))
    const one = () => {
      const line = simple()
      return line
    }
    const forms: ReadonlyArray<() => string> = [
      simple,
      simple,
      () => `${inner()}${pick(["; ", " && ", " || ", "\n", " | "])}${inner()}`,
      () => `${inner()} & wait`,
      () => `! ${one()}`,
      () => `(${inner()})`,
      () => `{ ${inner()}\n}`,
      () => `if ${inner()}\nthen ${inner()}\nelse ${inner()}\nfi`,
      () => `for v in a; do ${inner()}\ndone`,
      () => `while ${inner()}\ndo break; done`,
      () => `case a in a) ${inner()}\n;; esac`,
      () => `f() { ${inner()}\n}; f`,
      () => `time ${one()}`,
      () => `echo $(${inner()}\n)`,
      () => `echo "$(${inner()}\n)"`,
      () => `cat <(${inner()}\n)`,
      () => `: \${E:-$(${inner()}\n)}`,
      () => `: $(( $(${inner()}\n) ))`,
      () => `cat <<EOT\n$(${inner()}\n)\nEOT\n`,
      () => `[[ -n $(${inner()}\n) ]]`,
      // Text, if nothing in it ends the document.
      () =>
        `git commit -m "$(cat <<'EOT'\n${pick(["", "it's ", "EOT) ", "EOT ", "( ", ") ", '" ', "` "])}${inner()}\nEOT\n)"`,
      () => `git commit -m "$(cat <<'MSG'\n${inner()}\nMSG\n)"${pick(["; ", " && ", " -m ')' ; ", " -m '"])}${inner()}`,
      () => `git commit -m "$(cat <<${pick(["MSG", '"MSG"'])}\n${inner()}\nMSG\n)"`,
      () => `git commit -m ${inQuotes(`${one()}\n\n${inner()} é`)}`,
      // Seen through.
      () => `bash -c ${inQuotes(inner())}`,
      () => `sh -c ${inQuotes(one())}`,
      () => `bash -ec ${inQuotes(inner())} a b`,
      () => `bash -c '"$@"' _ ${one()}`,
      () => `bash -c '"$0" x' ${pick(["rm", "curl", "cat"])}`,
      () => `eval ${inQuotes(inner())}`,
      () => `eval ${one()}`,
      () => `builtin eval ${inQuotes(inner())}`,
      () => `command ${one()}`,
      () => `(exec ${one()})`,
      () => `trap ${inQuotes(inner())} EXIT`,
      () => `shopt -s expand_aliases\nalias a=${inQuotes(one())}\na`,
      () => `bash <<< ${inQuotes(inner())}`,
      () => `bash <<'EOT'\n${inner()}\nEOT\n`,
      () => `echo ${inQuotes(one())} | bash`,
      () => `source <(echo ${inQuotes(one())})`,
      () => `env A=1 ${one()}`,
      () => `env -S ${inQuotes(one())}`,
      () => `env -vS${inQuotes(one())}`,
      () => `env -uA -S${inQuotes(one())}`,
      () => `nice -n 5 ${one()}`,
      () => `timeout -k 5 5 ${one()}`,
      () => `nohup ${one()}`,
      () => `setsid -w ${one()}`,
      () => `stdbuf -oL ${one()}`,
      () => `echo y | xargs ${one()}`,
      () => `echo y | xargs -I{} ${one()} {}`,
      () => `echo ${inQuotes(one())} | xargs -I{} sh -c {}`,
      () => `find . -maxdepth 0 -exec ${one()} {} \\;`,
      // Stubs that run their operands.
      () => `hyperfine ${inQuotes(one())}`,
      () => `hyperfine -w 1 ${inQuotes(one())} ${inQuotes(one())}`,
      () => `npx ${one()}`,
      () => `npx -c ${inQuotes(one())}`,
      () => `npm exec -- ${one()}`,
      () => `uv run ${one()}`,
      () => `docker exec c ${one()}`,
      () => `kubectl exec p -- ${one()}`,
      () => `ssh h ${one()}`,
      () => `ssh h ${inQuotes(inner())}`,
      () => `ssh -p 2 h ${inQuotes(one())}`,
      () => `script -qec${inQuotes(one())} f`,
      () => `su root -lc${inQuotes(one())}`,
      () => `su -c ${inQuotes(inner())} root`,
      () => `watch ${inQuotes(one())}`,
      () => `flock f ${one()}`,
      () => `cross-env A=1 ${one()}`,
      () => `unheard-of ${one()}`,
      () => `unheard-of --run=${inQuotes(one())}`,
      () => `unheard-of -r${inQuotes(one())}`,
      () => `unheard-of run: ${inQuotes(one())}`,
      () => `make SHELL=${inQuotes(one())}`,
      () => `tar xf a --to-command=${inQuotes(one())}`,
      () => `tar xf a --to-com ${inQuotes(one())}`,
      () => `rg --pre ${inQuotes(one())} x`,
      () => `sort --compress-program=${inQuotes(one())} x`,
      () => `man -P ${inQuotes(one())} ls`,
      () => `PAGER=${inQuotes(one())} man ls`,
      () => `export PAGER=${inQuotes(one())}; man ls`,
      () => `git submodule foreach ${inQuotes(one())}`,
      () => `git bisect run ${one()}`,
      () => `git rebase -x ${inQuotes(one())} HEAD~1`,
      () => "git -c alias.p=push p",
      () => "git -c alias.p='push origin' -C . p",
      () => `git -c alias.z=${inQuotes(`!${one()}`)} z`,
      () => `git clone ${quote(`ext::${pick(["rm", "curl"])} x`)} d`,
      // Builtins that evaluate.
      () => `[ -v ${quote(`a[$(${one()}\n)]`)} ]`,
      () => `test -v ${quote(`a[$(${one()}\n)]`)}`,
      () => `printf -v ${quote(`a[$(${one()}\n)]`)} 1`,
      () => `let ${quote(`a[$(${one()}\n)]`)}`,
      () => `declare ${quote(`a[$(${one()}\n)]=1`)}`,
      () => `read ${quote(`a[$(${one()}\n)]`)} <<< 1`,
      () => `a=(1); unset ${quote(`a[$(${one()}\n)]`)}`,
      () => `mapfile -C ${inQuotes(`${one()} #`)} -c 1 a < x`,
      () => `compgen -C ${inQuotes(one())} x`,
      () => `PS4=${quote(`$(${one()}\n)`)}; set -x; :`,
      () => `E1=${quote(`a[$(${one()}\n)]`)}; echo $((E1))`,
      () => `E1=${quote(`$(${one()}\n)`)}; echo "\${E1@P}"`,
      () => `[[ ${quote(`a[$(${one()}\n)]`)} -eq 1 ]]`,
      () => `(( a[$(${one()}\n)] ))`,
      () => `jobs -x ${one()}`,
      () => `coproc ${one()}; wait`,
      // Names that come from elsewhere.
      () => `cp ${bin}/${pick(["rm", "curl", "cat"])} z && ./z x`,
      () => `ln -s ${bin}/${pick(["rm", "curl", "cat"])} z; ./z x`,
      () => `cat ${bin}/${pick(["rm", "cat"])} > z; bash z x`,
      () => {
        const name = fresh()
        return `${name}=${inQuotes(one())}; ${pick([`eval "$${name}"`, `$${name}`, `hyperfine "$${name}"`, `bash -c "$${name}"`])}`
      },
      () => {
        const name = fresh()
        const program = pick(["rm", "curl", "cat"])
        return `${name}=${program}; ${pick([`$${name} x`, `hyperfine "$${name} x"`, `npx $${name} x`, `env $${name} x`, `hyperfine '$${name} x'`])}`.replace(
          "hyperfine '",
          `export ${name}; hyperfine '`
        )
      },
      () => `for c in ${pick(["rm", "curl", "cat"])}; do ${pick(["$c x", 'npx "$c" x', "unheard-of $c x"])}; done`,
      () => `f() { "$@"; }; f ${one()}`,
      () => `f() { npx "$@"; }; f ${one()}`,
      () => `set -- ${one()}; "$@"`,
      () => `set -- ${one()}; npx "$@"`,
      () => `read -r c <<< ${pick(["rm", "cat"])}; ${pick(["$c x", "npx $c x"])}`,
      () => `a=(${one()}); "\${a[@]}"`,
      () => `a=(${one()}); npx "\${a[@]}"`,
      () => `npx $(echo ${pick(["rm", "cat"])}) x`,
      () => `declare c=${pick(["rm", "cat"])}; npx "$c" x`,
      () => `c=r; c+=m; npx $c x`,
      () => `printf -v c %s ${pick(["rm", "cat"])}; npx $c x`,
      () => `hash -p ${bin}/${pick(["rm", "curl"])} ls; ls x`
    ]
    return pick(forms)()
  }

  return (): string => {
    const line = command(1 + Math.floor(next() * 3))
    return chance(0.0005) ? `${line}\n# ${"x".repeat(33 * 1024)}` : line
  }
}

export const declining: Rubric.PolicyRubric = {
  mode: "permissive",
  commandRules: [
    { name: "no deleting", when: { program: "rm" }, decision: "decline" },
    { name: "no network", when: { program: "curl" }, decision: "decline" },
    { name: "no push", when: { program: "git", argsPrefix: ["push"] }, decision: "decline" },
    { name: "no root", when: { program: "sudo" }, decision: "decline" }
  ]
}

const isRefused = (name: string): boolean => ["rm", "curl", "git-push", "sudo"].includes(name)

// What only reads or commits, and so may run where only that is accepted.
const readers: ReadonlySet<string> = new Set(
  "cat ls grep head wc rg find basename sed git tail stat sort uniq cut tr jq awk date which du tree file realpath xargs".split(
    " "
  )
)

const log = `printf '%s %s\\n' "$FUZZ_LINE" "$name" >> "$FUZZ_LOG" 2>/dev/null\n`

// What each stub does besides writing down its name.
const bodies: { readonly [K in string]: string } = {
  hyperfine: `for word; do case $word in -*|[0-9]) ;; *) sh -c "$word";; esac; done`,
  npx: `case $1 in -c) sh -c "$2";; *) "$@";; esac`,
  npm: `case $1 in exec|x) shift; [ "$1" = -- ] && shift; "$@";; esac`,
  uv: `case $1 in run) shift; "$@";; esac`,
  docker: `case $1 in exec|run) shift 2; "$@";; esac`,
  kubectl: `case $1 in exec) shift 3; "$@";; esac`,
  ssh: `[ "$1" = -p ] && shift 2; shift; sh -c "$*"`,
  script: `case $1 in -qec*) sh -c "\${1#-qec}";; esac`,
  su: `for word; do case $word in -lc*) sh -c "\${word#-lc}";; esac; done; [ "$1" = -c ] && sh -c "$2"`,
  watch: `sh -c "$*"`,
  flock: `shift; "$@"`,
  "cross-env": `shift; "$@"`,
  "unheard-of": `case $1 in --run=*) sh -c "\${1#--run=}";; -r*) sh -c "\${1#-r}";; run:) sh -c "$2";; *) "$@";; esac`,
  make: `case $1 in SHELL=*) sh -c "\${1#SHELL=}";; esac`,
  tar: `for word; do case $word in --to-command=*) sh -c "\${word#--to-command=}";; esac; done; [ "$3" = --to-com ] && sh -c "$4"`,
  rg: `[ "$1" = --pre ] && sh -c "$2"`,
  sort: `case $1 in --compress-program=*) sh -c "\${1#--compress-program=}";; esac`,
  man: `if [ "$1" = -P ]; then sh -c "$2"; else [ -n "$PAGER" ] && sh -c "$PAGER"; fi`,
  git: `alias= name=git
while :; do case $1 in
-c) case $2 in alias.*) alias=\${2#alias.};; esac; shift 2;;
-C) shift 2;;
*) break;; esac; done
if [ -n "$alias" ] && [ "$1" = "\${alias%%=*}" ]; then shift; value=\${alias#*=}
case $value in !*) sh -c "\${value#!}"; exit;; esac
set -- $value "$@"; fi
case $1 in push) name=git-push; ${log.trim()};;
submodule) sh -c "$3";; bisect) shift 2; "$@";; rebase) [ "$2" = -x ] && sh -c "$3";;
clone) case $2 in ext::*) sh -c "\${2#ext::}";; esac;; esac`
}

const real = ["env", "nice", "timeout", "nohup", "setsid", "stdbuf", "xargs", "find", "cp", "ln", "mktemp"]
const plainStubs = "rm curl sudo ls grep head wc touch basename sed".split(" ")

export interface Found {
  readonly lines: number
  /** Of the lines, how many were run: all that some rubric accepts, and some of the others. */
  readonly run: number
  /** Of those that were run, how many ran what rules decline. */
  readonly ran: number
  readonly declined: number
  readonly missed: ReadonlyArray<string>
  /** Lines that the balanced mode accepts with the pack for commits, and those of them that ran something else. */
  readonly accepted: number
  readonly fooled: ReadonlyArray<string>
}

/** The lines from one on, so many of them. The ones before are generated and not tried. */
export interface Lines {
  readonly seed: number
  readonly count: number
  readonly from?: number
}

/** Runs generated lines, some hundred of them in one process at a time; `wrong` are those of the last ones. */
export const fuzz = Effect.fnUntraced(function* (
  { count, from = 0, seed }: Lines,
  onBatch: (soFar: Found, wrong: ReadonlyArray<string>) => void = () => {}
) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-codex-fuzz-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const stubs = path.join(folder, "bin")
  const work = path.join(folder, "work")
  mkdirSync(stubs)
  const stub = (name: string, body: string) => {
    const file = path.join(stubs, name)
    writeFileSync(file, `#!/bin/sh\nname=${name}\n${log}${body}\n`)
    chmodSync(file, 0o755)
  }
  for (const name of plainStubs) stub(name, "exit 0")
  stub("cat", `while IFS= read -r line; do printf '%s\\n' "$line"; done < "\${1:-/dev/null}" 2>/dev/null`)
  for (const [name, body] of Object.entries(bodies)) stub(name, body)
  for (const name of real) {
    const found = ["/usr/bin", "/bin"].map((at) => path.join(at, name)).find((file) => existsSync(file))
    if (found !== undefined) symlinkSync(found, path.join(stubs, name))
  }
  symlinkSync("/bin/bash", path.join(stubs, "bash"))
  symlinkSync("/bin/sh", path.join(stubs, "sh"))
  writeFileSync(
    path.join(folder, "driver"),
    `ulimit -t 2 -f 2000
number=0
while IFS= read -r -d '' line; do
  cd "$FUZZ_WORK/$number" && printf 'a\\n' > x
  [ "$line" = : ] || FUZZ_LINE=$number PATH=$FUZZ_BIN timeout -k 1 2 bash --norc --noprofile -c "$line" </dev/null >/dev/null 2>&1
  number=$((number + 1))
done
`
  )
  const next = numbers(seed)
  const line = generator(next)
  const lenient = yield* RuleBasedPolicy.make(declining)
  const balanced = yield* RuleBasedPolicy.make({ mode: "balanced", extends: ["git-commit"], allowedRoots: [work] })
  let run = 0
  let ran = 0
  let declined = 0
  let accepted = 0
  const missed: Array<string> = []
  const fooled: Array<string> = []
  for (let skipped = 0; skipped < from; skipped++) line()
  for (let done = 0; done < count;) {
    // So that the process can be ended between two of them.
    yield* Effect.sleep(0)
    const wrong: Array<string> = []
    const batch = Array.from({ length: Math.min(250, count - done) }, () => line().replaceAll(bin, stubs))
    rmSync(work, { recursive: true, force: true })
    mkdirSync(work)
    const logFile = path.join(folder, "log")
    writeFileSync(logFile, "")
    const verdicts: Array<{ readonly declines: boolean; readonly reads: boolean }> = []
    for (const [index, command] of batch.entries()) {
      mkdirSync(path.join(work, String(index)))
      const asked = commandRequest({ command, cwd: path.join(work, String(index)) })
      const verdict = yield* lenient.command(asked)
      const reading = yield* balanced.command(asked)
      const tried = verdict?.decision === "accept" || reading?.decision === "accept" || index % 16 === 0
      if (tried) run++
      else batch[index] = ":"
      verdicts.push({ declines: verdict?.decision !== "accept", reads: reading?.decision === "accept" })
    }
    const { error } = spawnSync("/bin/bash", ["--norc", "--noprofile", path.join(folder, "driver")], {
      cwd: folder,
      input: batch.map((line) => `${line}\0`).join(""),
      env: { PATH: "/usr/bin:/bin", FUZZ_BIN: stubs, FUZZ_LOG: logFile, FUZZ_WORK: work, LC_ALL: "C.UTF-8" },
      stdio: ["pipe", "ignore", "ignore"],
      timeout: 600_000
    })
    if (error !== undefined) throw error
    const byLine = new Map<number, Array<string>>()
    for (const entry of readFileSync(logFile, "utf8").split("\n")) {
      const [number, name] = entry.split(" ")
      if (name === undefined) continue
      byLine.set(Number(number), [...(byLine.get(Number(number)) ?? []), name])
    }
    for (const [index, { declines, reads }] of verdicts.entries()) {
      const names = byLine.get(index) ?? []
      const command = batch[index]?.replaceAll(stubs, bin) ?? ""
      if (declines) declined++
      if (names.some(isRefused)) {
        ran++
        if (!declines) {
          missed.push(command)
          wrong.push(command)
        }
      }
      if (reads) {
        accepted++
        if (!names.every((name) => readers.has(name))) {
          fooled.push(`${names.join()}: ${command}`)
          wrong.push(`${names.join()}: ${command}`)
        }
      }
    }
    done += batch.length
    onBatch({ lines: done, run, ran, declined, missed, accepted, fooled }, wrong)
  }
  const found: Found = { lines: count, run, ran, declined, missed, accepted, fooled }
  return found
})
