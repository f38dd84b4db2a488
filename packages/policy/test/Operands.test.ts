/** What rules that decline look through: operands that may run, the commands in them, and what variables may hold. */
import { known, unknown, type Word } from "@effect-codex/policy/ShellWord"
import { describe, expect, it } from "@effect/vitest"
import * as Bash from "../src/internal/command/bash.ts"
import { mayRun, mayRunAnything, mayRunShell } from "../src/internal/command/operands.ts"
import { possibleOf, tokensOf } from "../src/internal/command/possible.ts"
import { both, noVariables, variablesOf } from "../src/internal/command/variables.ts"

// `$X` is a word that is known only when it runs, and `$O` one that may be anything then.
const wordsOf = (line: string): ReadonlyArray<Word> =>
  line.split(" ").map((word) => (word.startsWith("$") ? unknown(word) : known(word)))

const isOpen = ({ source }: Word) => source === "$O"

const running = (line: string): string => {
  const [name, ...args] = line.split(" ")
  return mayRun(name ?? "", args.length === 0 ? [] : wordsOf(args.join(" ")), isOpen)
    .map(({ source, value }) => value ?? source)
    .join(" ")
}

const holds = (table: ReadonlyArray<readonly [line: string, expected: string]>) => {
  expect(table.map(([line]) => [line, running(line)])).toEqual(table)
}

/** These leave all of their operands alone, and those may run all of them. */
const none = (lines: ReadonlyArray<string>) => holds(lines.map((line) => [line, ""]))
const all = (lines: ReadonlyArray<string>) => holds(lines.map((line) => [line, line.slice(line.indexOf(" ") + 1)]))

describe("the operands that a program may run", () => {
  it("are all if nothing is known of it, or if that is what it does", () => {
    all(["unknown a b", "constructor a", "node a b", "make a", "xargs a b", "timeout 5 a", "npx a", "source a b"])
  })

  it("are none if it is known to leave them alone", () => {
    none(["cat a b", "ls -l a", "grep rm a", "echo rm", "curl rm", "sort -k rm a", "cat $O", "df a", "prettier rm"])
  })

  it("are all if an option is there that runs its value, in whatever form", () => {
    all([
      "sort --compress-program=a b",
      "sort --compress-program a b",
      "sort --comp a b",
      "rg --pre a b",
      "find . -exec a ;",
      "tar -xIa b",
      "tar xIa b",
      "tar --to-command=a x",
      "rsync -e a b",
      "psql -c a",
      "fd x -x a",
      "gcc -wrapper a b"
    ])
    none(["sort --key a b", "sort -o x b", "tar xvf a", "tar -xvf a", "rsync -a b c"])
  })

  it("are all if one of them may become such an option", () => {
    all(["sort $O a", "tar $O"])
    none(["sort $X a", "sort -k $O a", "cat $O a"])
  })

  it("depend on the subcommand", () => {
    none([
      "git status rm",
      "git log --grep rm",
      "git commit -m rm",
      "git -C rm status",
      "git",
      "git --version",
      "npm install rm",
      "npm -s install rm",
      "npm install -g rm",
      "docker ps rm",
      "pip install rm",
      "kubectl get rm",
      "cargo",
      "npm -s",
      "git remote"
    ])
    all([
      "git unknown rm",
      "git constructor rm",
      "git clone ext::rm",
      "git -c a=b status",
      "npm run rm",
      "npm unknown rm",
      "npm install --script-shell=rm x",
      "docker run rm",
      "kubectl exec rm",
      "cargo run rm",
      "go test -exec rm x"
    ])
    holds([
      ["git rebase -x rm main", "-x rm main"],
      ["git bisect run rm x", "rm x"],
      ["git submodule foreach rm", "rm"],
      ["git submodule foreach --recursive rm", "--recursive rm"],
      ["git grep -O rm", "-O rm"],
      ["git stash list rm", ""],
      ["git stash $X", ""],
      ["git stash unknown rm", "unknown rm"],
      ["git bisect $X", "$X"],
      ["git -C $O bisect run rm", "rm"],
      ["git log -C $O", ""],
      ["git $O rm", "$O rm"],
      ["mvn exec:exec", "exec:exec"],
      ["vitest rm", ""]
    ])
  })

  it("are scripts of sed and awk that run something", () => {
    none(["sed s/a/b/ x", "sed -n 1,5p x", "sed -e s/a/f/ x", "awk {print} x", "sed --expression x", "sed $X"])
    all(["awk system(x) x", "awk x|getline", "awk {a|b}", "awk @load"])
    holds([
      ["sed 1e", "  ; 1e"],
      ["sed 1e x", "  ; 1e x"],
      ["sed e;p", " ;p ; e;p"],
      ["sed s/a/rm/e", "s/a/rm/e ; s/a/rm/e"],
      ["sed s,a,b,ge $X", "s,a,b,ge ; s,a,b,ge $X"]
    ])
  })

  it("of a builtin are those in which Bash evaluates something", () => {
    holds([
      ["printf %s a[$(id)]", "a[$(id)]"],
      ["[ -v a[x] ]", "a[x]"],
      ["test a", ""],
      ["read a b", ""],
      ["unset a`id`", "a`id`"],
      ["ulimit a[$(id)]", "a[$(id)]"],
      ["declare a=$x", "a=$x"],
      ["mapfile -C id x", "-C id x"],
      ["compgen -C id", "-C id"],
      ["enable -f x y", "-f x y"],
      ["export $X a", ""]
    ])
  })

  it("of a program that copies are those that lie where programs do", () => {
    holds([
      ["cp /bin/rm x", "/bin/rm"],
      ["ln -s /usr/sbin/rm x", "/usr/sbin/rm"],
      ["mv bin/rm x", "bin/rm"],
      ["cp xbin/rm x", ""],
      ["cp bin x", ""],
      ["cp $O x", "$O"],
      ["cp $X x", ""],
      ["cat /bin/rm", "/bin/rm"],
      ["dd if=/bin/rm of=x", "if=/bin/rm"],
      ["install /bin/rm x", "/bin/rm"],
      ["cat $O", ""],
      ["head /bin/rm", ""],
      ["install --strip-program=a /bin/rm x", "--strip-program=a /bin/rm x"]
    ])
  })
})

describe("a program that may run anything", () => {
  it("is one that runs its operands, with these options", () => {
    for (const [name, args, expected] of [
      ["node", [], true],
      ["unknown", ["a"], true],
      ["xargs", [], true],
      ["cat", ["a"], false],
      ["npm", ["install"], false],
      ["npm", ["run"], true],
      ["sort", [], false],
      ["sort", ["--compress-program=x"], true],
      ["sed", ["1e"], true],
      ["sed", ["p"], false]
    ] as const) {
      expect([name, args, mayRunAnything(name, args.map(known))]).toEqual([name, args, expected])
    }
  })

  it("runs it in a shell, unless it is known to take it for something else", () => {
    for (const name of ["unknown", "constructor", "timeout", "find", "tar", "git", "xargs", "eval", "man"]) {
      expect([name, mayRunShell(name)]).toEqual([name, true])
    }
    for (const name of ["cat", "node", "sed", "psql", "gh"]) expect([name, mayRunShell(name)]).toEqual([name, false])
  })
})

describe("the words that text is cut into", () => {
  it("are without quotes and without what is in no name, and those that are not known are marked", () => {
    const cut = (text: string) => tokensOf({ source: text, value: text }).map((word) => word.replaceAll("\ue000", "*"))
    for (const [text, expected] of [
      ["rm -rf x", ["rm", "-rf", "x"]],
      ["r\"\"m 'a'", ["rm", "a"]],
      ["r\\m", ["rm"]],
      ["r\\\nm", ["rm"]],
      ["a;b|c&&d(e)f{g}h", ["a", "b", "c", "d", "e", "f", "g", "h"]],
      ["./a+b_c-d.e/f", ["./a+b_c-d.e/f"]],
      ["é", ["é"]],
      ["$x", ["*"]],
      ["r$x", ["r*"]],
      ["${x}m", ["*m"]],
      ["${!x}", ["*"]],
      ["${#x}", ["*"]],
      ["$1 $@ $* $# $? $! $$ $-", ["*", "*", "*", "*", "*", "*", "*", "*"]],
      ["r?", ["r*"]],
      ["r*", ["r*"]],
      ["r[a-z]", ["r*"]],
      ["[a]", ["a"]],
      ["a=b", ["a", "b"]],
      ["", []]
    ] as const) {
      expect([text, cut(text)]).toEqual([text, expected])
    }
    expect(tokensOf(unknown("a b"))).toEqual(["a", "b"])
  })
})

describe("a command that may stand in text", () => {
  const finds = (text: string, program: string): boolean => {
    const word = known(text)
    const part = { source: text, words: [], redirects: [], assignments: [], moves: [], opaque: undefined }
    const found = possibleOf({ ...part, mayRun: [word] })?.sequences ?? []
    return found.some(({ find }) => find(program) === undefined || (find(program)?.length ?? 0) > 0)
  }

  it("is found by its name, in whatever form", () => {
    for (const text of [
      "rm",
      "a && RM x",
      "/bin/rm x",
      "r'm'",
      "\\x72m",
      "\\x72\\x6d",
      "\\u0072m",
      "\\162m",
      "$'rm'",
      "${x:-rm}",
      "${x:+rm} y",
      "${x-r}m",
      "${xy:-rm}",
      "xy=r; ${xy}m",
      "{rx,r}m",
      "{r,xy}m",
      "-xr$y",
      "r${x}${y}m",
      "$(echo r)m",
      "`echo r`m",
      '"$(echo rm)" x',
      "`which rm` x",
      "$(which rm) x",
      "r$x",
      "r?",
      "*m",
      "r[lm]",
      "x=rm; $x y",
      "x=r; ${x}m",
      "x=r; x+=m; $x",
      "rm\\nx",
      "a\\nrm\\tx",
      "{r,x}m",
      "{rm,-rf}",
      "-xrm",
      "-crm",
      "-abcdrm",
      "-x$y"
    ]) {
      expect([text, finds(text, "rm")]).toEqual([text, true])
    }
  })

  it("is not found where there is none", () => {
    for (const text of [
      "",
      "arm",
      "rmdir",
      "rma",
      "r m",
      "$x",
      "x$y",
      "a?",
      "-abcderm",
      "xrm",
      "rm${x}m",
      "m${x}${y}r",
      "x=ls; $x",
      "$(echo a)b",
      "x=r y=m"
    ]) {
      expect([text, finds(text, "rm")]).toEqual([text, false])
    }
  })

  it("is found by what its name begins with, has in it and ends with", () => {
    for (const [text, program] of [
      ["x=cu; ${x}rl", "curl"],
      ["k${x}be${y}tl", "kubectl"],
      ["${x}be$y", "kubectl"],
      ["kube$x", "kubectl"],
      ["${x}ctl", "kubectl"]
    ] as const) {
      expect([text, finds(text, program)]).toEqual([text, true])
    }
    for (const text of ["k${x}zz${y}tl", "k${x}be${y}b", "kubectl${x}l", "${x}tl${x}be$y"])
      expect([text, finds(text, "kubectl")]).toEqual([text, false])
  })

  it("may be followed by the words of a command whose output it is", () => {
    const part = { source: "", words: [], redirects: [], assignments: [], moves: [], opaque: undefined }
    for (const text of ["$(echo git) push", "`echo git` push"]) {
      const lines = possibleOf({ ...part, mayRun: [known(text)] })?.sequences.map(({ words }) =>
        words.map((word) => word ?? "?").join(" ")
      )
      expect([text, lines]).toEqual([text, expect.arrayContaining(["? push", "echo git ? push"])])
    }
  })

  it("is taken to be there if too many words may be any", () => {
    expect(finds("a? ".repeat(256), "rm")).toBe(false)
    expect(finds("a? ".repeat(257), "rm")).toBe(true)
  })

  it("is told with its words, its line and where it begins in that", () => {
    const part = { source: "", words: [], redirects: [], assignments: [], moves: [], opaque: undefined }
    expect(possibleOf(part)).toBeUndefined()
    expect(possibleOf({ ...part, mayRun: [] })).toBeUndefined()
    const found = possibleOf({ ...part, mayRun: [known("git 'push'"), unknown("x$y")] })
    expect(found?.text).toBe("git 'push'\nx$y")
    const [first] = found?.sequences ?? []
    expect(first?.words).toEqual(["git", "push", undefined])
    expect(first?.line).toBe("git push x\ue000")
    expect(first?.starts).toEqual([0, 4, 9])
    expect(first?.find("push")).toEqual([1])
    expect(first?.find("pull")).toEqual([])
    expect(first?.find("xyz")).toEqual([2])
  })
})

describe("what the variables of a script may hold", () => {
  const variablesIn = (script: string) => {
    const read = Bash.parse(script, "sh")
    if (read._tag === "Unparseable") throw new Error(read.reason)
    return variablesOf(script, read.commands, read.loops)
  }
  const isOpenIn = (script: string, word: string) => variablesIn(script).isOpen(unknown(word))

  it("is anything if a command or an unknown text sets them", () => {
    for (const [script, word] of [
      ["x=$(id)", "$x"],
      ["x=`id`", "$x"],
      ["x=$(id); y=a$x", "$y"],
      ["y=$x; x=$(id)", "$y"],
      ["z=$y; y=$x; x=$(id)", "$z"],
      ["export x=$(id)", "$x"],
      ["declare x+=$(id)", "$x"],
      ["local x=$(id)", "a${x}b"],
      ["read x", "$y"],
      ["mapfile x", "$x"],
      ["eval a", "$x"],
      [". a", "$x"],
      ["printf -v x a", "$x"],
      ["printf $x a", "$(a)"],
      ["declare $x", "$y"],
      ["declare -n x=y", "$z"],
      ["set -- $(id)", "$1"],
      ["set $(id)", "$@"],
      ["set -- $(id)", "$*"],
      ["for x in $(id); do a; done", "$x"],
      ["for x; do a; done", "$y"],
      ["select x in a; do b; done", "$x"],
      [": ${x:=a}", "$y"],
      [": ${x=a}", "$y"],
      [": ${xy:=a}", "$y"],
      ["printf -v x a", "$y"],
      ["a", "$(id)"],
      ["a", "`id`"],
      ["a", "${!x}"],
      ["a", "${x[@]}"],
      ["a", "${x@P}"],
      ["a", "$_"],
      ["a", "$'\\x41'"],
      ["a", "…"],
      ["x[0]=a", "$x"],
      ["x+=a", "$x"]
    ] as const) {
      expect([script, word, isOpenIn(script, word)]).toEqual([script, word, true])
    }
  })

  it("is what stands there, or comes from the environment, if none does", () => {
    for (const [script, word] of [
      ["a", "$x"],
      ["a", "${x}"],
      ["a", "$1"],
      ["a", "a*"],
      ["a", "{}"],
      ["x=a", "$x"],
      ["x=$y", "$x"],
      ["x=$(id)", "$y"],
      ["x=$(pwd)", "$x"],
      ["x=$(date +%Y-%m)", "$x"],
      ["x=$(git rev-parse --short HEAD)", "$x"],
      ["x=$((1 + 2))", "$x"],
      ["declare x", "$x"],
      ["declare x=a", "$x"],
      ["printf a", "$x"],
      ["printf $x a", "$y"],
      ["printf a -x", "$y"],
      ["declare x-n", "$z"],
      ["a $(id)", "$1"],
      ["x=$(id -u)", "$x"],
      ["x=$(id -un)", "$x"],
      ["x=$(date)", "$x"],
      ["set -e", "$1"],
      ["set -- a", "$1"],
      ["for x in a b; do c; done", "$x"],
      ["a", "$'a'"]
    ] as const) {
      expect([script, word, isOpenIn(script, word)]).toEqual([script, word, false])
    }
    expect(variablesIn("x=$(id)").isOpen(known("$x"))).toBe(false)
  })

  it("is anything if too many are", () => {
    const script = (count: number) => Array.from({ length: count }, (_, index) => `x${index}=$(id)`).join("; ")
    expect(isOpenIn(script(32), "$y")).toBe(false)
    expect(isOpenIn(script(33), "$y")).toBe(true)
  })

  it("may run if a program or the shell looks for it", () => {
    const runs = (script: string) => variablesIn(script).running.map(({ source, value }) => value ?? source)
    for (const name of [
      "PAGER",
      "GIT_EDITOR",
      "VISUAL",
      "BROWSER",
      "GIT_X",
      "LESSOPEN",
      "BASH_ENV",
      "PS1",
      "PS4",
      "PROMPT_COMMAND",
      "SHELL",
      "MAKEFLAGS",
      "NODE_OPTIONS",
      "JAVA_OPTS",
      "RUSTC_WRAPPER",
      "CC",
      "CXX",
      "LD_PRELOAD",
      "DYLD_X",
      "SSH_ASKPASS",
      "RSYNC_RSH",
      "BASH_X",
      "VIMINIT",
      "EXINIT"
    ]) {
      expect([name, runs(`${name}=a`)]).toEqual([name, ["a"]])
      expect([name, runs(`export ${name}=a`)]).toEqual([name, ["a"]])
    }
    for (const name of "x PS5 XPS1 PS12 XCC CCX XCXX CXXX ENVX XGIT_ XLESS OPTIONSX OPTSX XLD_ XDYLD XRSYNC_ XBASH_ XVIMINIT VIMINITX XEXINIT EXINITX".split(
      " "
    ))
      expect([name, runs(`${name}=a`)]).toEqual([name, []])
    expect(runs("x='a[$(id)]'")).toEqual(["a[$(id)]"])
    expect(runs("x='`id`'")).toEqual(["`id`"])
    expect(variablesIn("x=a; export y=b; for z in c d; do e; done; set f").texts.map(({ value }) => value)).toEqual([
      "a",
      "b",
      "f",
      "c",
      "d"
    ])
  })

  it("is that of a script and of those around it", () => {
    const joined = both(variablesIn("x=$(id)"), variablesIn("y=$(id)"))
    for (const word of ["$x", "$y"]) expect([word, joined.isOpen(unknown(word))]).toEqual([word, true])
    expect(joined.isOpen(unknown("$z"))).toBe(false)
    expect(joined.texts).toHaveLength(1)
    expect(noVariables.isOpen(unknown("$x"))).toBe(false)
  })
})
