/** What a command runs besides its own program, and where that cannot be told. */
import { known, unknown, type Word } from "@effect-codex/policy/ShellWord"
import { describe, expect, it } from "@effect/vitest"
import { baseName, lookThrough, runsCode } from "../src/internal/command/wrapper.ts"

// `$X` is a word that is known only when it runs.
const wordsOf = (line: string): ReadonlyArray<Word> =>
  line.split(" ").map((word) => (word.startsWith("$") ? unknown(word) : known(word)))

const textOf = (words: ReadonlyArray<Word>) => words.map(({ source, value }) => value ?? `<${source}>`).join(" ")

/** What runs, and after a bar what may run beside it; without a bar the program decides on that. */
const seen = (line: string): string => {
  const { inner, mayRun } = lookThrough(wordsOf(line))
  const all = inner.map((one) => {
    if (one._tag === "Anything") return "anything"
    const form = one.certain ? "" : "perhaps "
    if (one._tag === "Script") return `${form}script ${one.script}`
    return form + [...one.assignments.map(({ name, value }) => `${name}=${value ?? "?"}`), textOf(one.words)].join(" ")
  })
  return (all.join("; ") + (mayRun === undefined ? "" : ` | ${textOf(mayRun)}`)).trimEnd()
}

const holds = (table: ReadonlyArray<readonly [line: string, expected: string]>) => {
  expect(table.map(([line]) => [line, seen(line)])).toEqual(table)
}

describe("a wrapper whose options are known", () => {
  it("runs what comes after them", () => {
    const lines = [
      "sudo ls -l",
      "sudo -u root -E ls -l",
      "sudo -uroot ls -l",
      "sudo --user=root --set-home ls -l",
      "sudo --user root ls -l",
      "sudo -nE ls -l",
      "sudo -- ls -l",
      "/usr/bin/sudo ls -l",
      "doas -n -u root ls -l",
      "env - ls -l",
      "env -i -u X --debug ls -l",
      "nice -n 5 ls -l",
      "nice --adjustment=5 ls -l",
      "nohup ls -l",
      "setsid -cw --fork ls -l",
      "timeout 5 ls -l",
      "timeout -v -k 1 --signal=KILL 5 ls -l",
      "timeout -s KILL 5 ls -l",
      "stdbuf -oL -e 0 --input=L ls -l",
      "ionice -t -c2 --classdata=5 ls -l",
      "time -p -f x ls -l",
      "command -p ls -l",
      "builtin ls -l",
      "exec -cl -a x ls -l",
      "busybox ls -l",
      "toybox ls -l"
    ]
    holds(lines.map((line) => [line, "ls -l |"]))
  })

  it("may set variables before it, if it is one that does", () => {
    holds([
      ["sudo A=1 B_2=x=y ls", "A=1 B_2=x=y ls |"],
      ["env -i A= ls B=2", "A= ls B=2 |"],
      ["env 1A=1 ls", "1A=1 ls |"],
      ["nice A=1 ls", "A=1 ls |"]
    ])
    const assignmentsOf = (line: string) =>
      lookThrough(wordsOf(line)).inner.map((one) => (one._tag === "Command" ? one.assignments : undefined))
    expect(assignmentsOf("env A=1 ls")).toEqual([[{ name: "A", value: "1" }]])
    expect(assignmentsOf("env Ab_2=12 ls")).toEqual([[{ name: "Ab_2", value: "12" }]])
    for (const line of ["nice A=1 ls", "env 1A=1 ls", "env xA-=1 ls"])
      expect([line, assignmentsOf(line)]).toEqual([line, [[]]])
  })

  it("runs nothing if it is given nothing, or only asked", () => {
    for (const line of ["sudo", "sudo -n", "timeout 5", "env A=1", "command -v ls", "command -V ls"]) {
      holds([[line, " |"]])
    }
  })

  it("may run anything that an unknown option or word stands before", () => {
    holds([
      ["sudo -x ls", "perhaps -x ls | -x ls"],
      ["sudo --unknown ls", "perhaps --unknown ls | --unknown ls"],
      ["sudo --unknown=ls", "perhaps --unknown=ls | --unknown=ls"],
      ["sudo -nx ls", "perhaps -nx ls | -nx ls"],
      ["sudo --askpass=x ls", "perhaps --askpass=x ls | --askpass=x ls"],
      ["sudo -u $X ls", "perhaps -u <$X> ls | -u <$X> ls"],
      ["sudo -u", "perhaps -u | -u"],
      ["sudo -n $X ls", "perhaps <$X> ls | -n <$X> ls"],
      ["sudo - ls", "- ls |"],
      ["nice -5 ls", "perhaps -5 ls | -5 ls"],
      ["timeout -5 ls", "perhaps -5 ls | -5 ls"]
    ])
  })
})

describe("a program whose options are not known", () => {
  it("may run any of its words", () => {
    // One of each kind, and one with a version in its name.
    for (const name of ["su", "watch", "nsenter", "fd", "screen", "unbuffer", "ld.so", "ld-linux-x86-64.so.2"]) {
      holds([[`${name} -x ls`, "perhaps -x ls | -x ls"]])
    }
    holds([["su", " |"]])
  })

  it("runs what nobody can tell if it reads commands, or another language", () => {
    for (const line of ["at now", "batch", "parallel ls", "zsh -c ls", "fish x", "pwsh x", "cmd.exe /c x"]) {
      holds([[line, "anything"]])
    }
  })

  it("is no wrapper if nothing is known of it", () => {
    for (const line of ["ls sudo x", "constructor ls", "git log", "python -c x"]) holds([[line, ""]])
    holds([["$X ls", " |"]])
  })
})

describe("a shell", () => {
  it("runs the script behind -c, whatever options there are", () => {
    holds([
      ["bash -c id", "script id |"],
      ["/bin/sh -c id x y", "script id | x y"],
      ["dash -ec id", "script id |"],
      ["ash -o pipefail -c id", "script id |"],
      ["ksh +o pipefail -c id", "script id |"],
      ["mksh -O x -c id", "script id |"],
      ["bash -x -c -- id", "script id |"],
      ["bash --norc -c id", "script id |"],
      ["bash --rcfile x -c id", "script id |"],
      ["rbash --init-file x -c id", "script id |"]
    ])
  })

  it("runs a file without it, and its input without a file", () => {
    holds([
      ["bash x y", " | y"],
      ["bash -x +c x y", " | y"],
      ["bash -- -c id", " | id"],
      ["bash - -c id", " | id"],
      ["bash", "anything"],
      ["bash -s", "anything"],
      ["bash -c", "anything"],
      ["bash /dev/stdin", "anything"],
      ["bash $X", "anything"],
      ["bash -- $X", "anything"],
      ["bash $X -c id", "anything"],
      ["bash -c $X", "anything"]
    ])
  })
})

describe("xargs", () => {
  it("adds what is not known, and puts it in the place of a mark", () => {
    holds([
      ["xargs rm -rf", "rm -rf <…> |"],
      ["xargs -0 -r -n 1 -P2 rm", "rm <…> |"],
      ["xargs -I % rm %.x y", "rm <…> y <…> |"],
      ["xargs -I% rm % y", "rm <…> y <…> |"],
      ["xargs rm {} {}x y", "rm <…> <…> y <…> |"],
      ["xargs", " |"],
      ["xargs -I", "perhaps -I <…> | -I"],
      ["xargs --x rm", "perhaps --x rm <…> | --x rm"]
    ])
  })
})

describe("find", () => {
  it("runs what stands between an action and its end", () => {
    holds([
      ["find . -name x", " |"],
      ["find . -exec rm -f {} ;", "rm -f <{}> |"],
      ["find . -exec a {} + -execdir b {}x ; -ok c ; -okdir d ;", "a <{}>; b <'{}x'>; c; d |"],
      ["find . -exec echo + {} + -print", "echo + <{}> |"],
      ["find . -exec rm {}", "rm <{}> |"],
      ["find $X -exec a ;", "a | <$X>"],
      ["find -executable x", " |"]
    ])
  })
})

describe("an alias of git", () => {
  it("is git with the words that it stands for, and more", () => {
    holds([
      ["git -c alias.p=push p", "perhaps git push <…>"],
      ["git -calias.p=push p", "perhaps git push <…>"],
      ["git -c ALIAS.p=push\t-f p", "perhaps git push -f <…>"],
      ["git -c alias.p='push' p", "perhaps git push <…>"],
      ["git -c alias.p p", "perhaps git <…>"],
      ["git --config-env=alias.p=push p", "perhaps git <…>"],
      ["git --config-env alias.p=push p", "perhaps git push <…>"],
      ["git config alias.p push", "perhaps git <…>"],
      ["git config --global alias.p push", "perhaps git <…>"]
    ])
  })

  it("is found elsewhere if a shell runs it, and is none where nothing is set", () => {
    for (const line of ["git -c alias.p=!id p", "git log alias.p=push", "git -c xalias.p=push p", "git -c $X p"]) {
      holds([[line, ""]])
    }
  })
})

describe("a builtin that evaluates text", () => {
  it("runs that text", () => {
    holds([
      ["eval ls -l", "script ls -l |"],
      ["eval ls $X", "anything"],
      ["eval", " |"],
      ["trap id EXIT", "script id |"],
      ["trap -- id EXIT", "script id |"],
      ["trap", " |"],
      ["trap $X EXIT", "anything"],
      ["alias a=b=c d", 'script b=c "$@" |'],
      ["alias a=b $X", 'script b "$@"; anything |'],
      ["alias", " |"],
      ["source x", ""],
      [". x", ""],
      ["source $X", "anything"],
      ["source x $X", "anything"],
      [". /dev/stdin", "anything"]
    ])
  })
})

describe("the name of a program", () => {
  it("is the last part of its path, also of one of Windows", () => {
    for (const path of ["rm", "/bin/rm", "./a/rm", "C:\\bin\\rm", "a\\b/rm", "a/b\\rm"]) {
      expect([path, baseName(path)]).toEqual([path, "rm"])
    }
  })

  it("tells whether it runs what its arguments say", () => {
    const running =
      "at batch parallel bash sh rbash zsh cmd.exe su ld.so sudo env busybox xargs find eval trap alias hash source . " +
      "python python3.11 node awk gawk Rscript java vi pipx ssh gmake perl5"
    for (const name of running.split(" ")) expect([name, runsCode(name)]).toEqual([name, true])
    for (const name of "ls git cat constructor toString npm pythonx 3 -".split(" ")) {
      expect([name, runsCode(name)]).toEqual([name, false])
    }
  })
})
