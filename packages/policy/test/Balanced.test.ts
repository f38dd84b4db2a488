/**
 * The balanced mode on a real file system with a real repository: what it must never accept, and what it may.
 */
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { layerNode, makeRepository, type Repository } from "./repository.ts"
import { wrapped } from "./rulesSupport.ts"

const decide = Effect.fnUntraced(function* ({ root }: Repository, command: string, cwd = root) {
  const explain = yield* RuleBasedPolicy.explainer({ mode: "balanced", allowedRoots: [root] })
  return yield* explain(command, cwd)
}, Effect.provide(layerNode))

const shells = ["/bin/bash", "/bin/zsh"]

const accepts = (repository: Repository, lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const declined: Array<string> = []
    for (const line of lines) {
      for (const command of [line, ...shells.map((shell) => wrapped(line, shell))]) {
        const { decision, reason } = yield* decide(repository, command)
        if (decision !== "accept") declined.push(`${command}: ${reason ?? ""}`)
      }
    }
    expect(declined).toEqual([])
  })

const declines = (repository: Repository, lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const accepted: Array<string> = []
    for (const line of lines) {
      for (const command of [line, ...shells.map((shell) => wrapped(line, shell))]) {
        if ((yield* decide(repository, command)).decision !== "decline") accepted.push(command)
      }
    }
    expect(accepted).toEqual([])
  })

describe("the balanced mode accepts what only reads", () => {
  const repository = makeRepository()

  it.live("in loops, tests, substitutions and with variables", () =>
    accepts(repository, [
      'for f in src/*.ts; do echo "== $f"; sed -n 1,20p "$f"; done',
      "for d in src test; do ls $d; done",
      "for f in $(git ls-files); do wc -l $f; done",
      "f=src/a.ts; cat $f",
      'd=src; cat "$d/a.ts"',
      'x="$(cat README.md)"; echo "$x"',
      'if [ -f package.json ]; then cat package.json; elif [[ -d src ]]; then ls src; else echo "no"; fi',
      '[[ -n "$(git status --short)" ]] && echo changed',
      'git ls-files | while read -r f; do head -1 "$f"; done',
      "rg -l foo | xargs head -5",
      "find src -name '*.ts' | xargs -I '{}' wc -l '{}'",
      "find s* -name '*.ts' | xargs wc -l",
      "find -L src -type f | xargs cat",
      "find src -type f -exec grep -l foo {} +",
      "find src -name '*.ts' -exec head -1 {} ';' -exec wc -l '{}' +",
      "find src -type f -not -name '*.md' -exec sed -n 1,5p {} \\; | sort",
      "sleep 1; git status",
      "git show stash@{0} --stat; git log main@{u}..HEAD@{1} -1",
      "grep -rl foo src | sort | head -5 | xargs cat",
      "git ls-files | grep ts | xargs wc -l",
      "find src -type f | grep -v '[.]md$' | grep -iE 'a|b' | xargs head -1",
      "timeout 10 cat README.md",
      "cat < README.md > /dev/null",
      "cat <<< text",
      'echo "exit: $?"',
      "set -euo pipefail; ls",
      "LC_ALL=C sort README.md",
      "GIT_PAGER=cat git log -1",
      "cat README.md; exit 0",
      "sed -n -e '/foo/,/bar/p' -e '$p' README.md",
      "sed 's/a/b/g; s#^./##' README.md",
      "awk '{print $1, NR}' README.md",
      "awk 'NR>1 {print}' README.md",
      "jq '.dependencies | to_entries[] | .key' package.json",
      "ls **/*.ts",
      "node --version",
      "git branch --list 'a*'",
      "git stash list",
      "git log --format='%h %s' -3",
      "(cd src && git status -s)",
      "grep -n -C 3 foo src/a.ts",
      "git diff -U5",
      "git log --pretty=oneline -3",
      "od -w8 -c README.md"
    ])
  )
})

describe("the balanced mode declines", () => {
  const repository = makeRepository()
  const { outside, root, write } = repository
  symlinkSync("../outside", `${root}/link`)
  mkdirSync(`${root}/mixed`)
  symlinkSync(`${outside}/secret`, `${root}/mixed/secret`)
  write("list", `${outside}/secret\n`)
  mkdirSync(`${root}/odd/x `, { recursive: true })
  mkdirSync(`${root}/dash`)
  writeFileSync(`${root}/dash/-rf`, "")
  write("aside/secret", "foo\n")

  it.live("what leads out of the roots, in whatever form", () =>
    declines(repository, [
      "cat link/secret",
      "cat mixed/*",
      "cat mixed/s?cret",
      "cat mixed/[a-z]ecret",
      "cat */secret",
      "cat **/secret",
      "grep -R secret .",
      "grep -R secret mixed",
      "find -L . -name secret",
      "rg -L secret",
      "diff -r mixed src",
      "diff mixed aside",
      "diff -N src mixed",
      "diff aside/secret mixed",
      "diff mixed - < aside/secret",
      "for f in mixed/*; do cat $f; done",
      'for f in link/secret src/a.ts; do cat "$f"; done',
      "x=link/secret; cat $x",
      "x=src/a.ts; x=link/secret; cat $x",
      "for i in a b; do cat $x; x=link/secret; done",
      "cd link && cat secret",
      "cd src; cd ..; cd ..; ls",
      "for i in a b c; do cd ..; ls; done",
      "find mixed | xargs cat",
      "find . | xargs cat",
      "cat list | xargs cat",
      "xargs cat < list",
      'while read -r f; do cat "$f"; done < list',
      'cat "$(cat list)"',
      "cat $(cat list)",
      "cat < link/secret",
      "cat < $(cat list)",
      "grep -f list README.md",
      "grep -C 2 link/secret README.md",
      "od -w link/secret",
      "wc --files0-from=list",
      "diff <(cat link/secret) README.md",
      "ls src && cat link/secret || true",
      "if true; then cat link/secret; fi",
      "[[ -f link/secret ]] && echo yes",
      "test -f link/secret",
      "bash -c 'cat link/secret'",
      "timeout 5 cat link/secret",
      "jq . link/secret",
      "tar tf link/secret",
      "git -C link status",
      "git diff link/secret README.md",
      "git diff --no-index README.md link/secret",
      "echo link/*",
      "ls ..",
      'cat "$HOME/.ssh/id_rsa"',
      "ls $PWD/..",
      "cd odd && find . | xargs cat",
      "find -L odd | xargs cat",
      "find odd -follow -type f | xargs cat",
      "find od* | xargs cat",
      "rg -L --files odd | xargs cat",
      "rg -lL foo od* | xargs cat",
      "grep -Rl foo odd | xargs cat",
      "for f in $(find -L odd); do cat $f; done",
      "for d in od*; do find $d | xargs cat; done",
      "cat list | grep secret | xargs cat",
      "echo foo | grep -rl foo --label=link/secret src - | xargs cat",
      "echo foo | grep -rl foo --label link/secret - src | xargs cat",
      "echo foo | rg -l foo - src | xargs cat",
      "git ls-files -o | xargs cat",
      "git ls-files -co --exclude-standard | xargs cat",
      "git ls-files --others | xargs cat",
      "git ls-files --directory -io --exclude x | xargs cat",
      "for f in $(git ls-files -o); do cat $f; done",
      "find src | grep -o secret | xargs cat",
      "find src | grep -n a | xargs cat",
      "find src | grep -v a list | xargs cat",
      "find src | grep -v s* | xargs cat",
      "find mixed -exec cat {} +",
      "find . -name secret -exec cat {} ';'",
      "find mix* -exec cat {} +",
      "find src -exec cat link/{} +",
      "find src -exec cat {} + -exec cat link/secret ';'",
      "find -L . -exec cat {} +"
    ])
  )

  it.live("what writes or runs, in whatever form", () =>
    declines(repository, [
      "sed -i s/a/b/ README.md",
      "sed '1e id' README.md",
      "sed 's/a/id/e' README.md",
      "sed -n '1w out' README.md",
      "sed 's/a/b/w out' README.md",
      "sed 'r link/secret' README.md",
      "sed -n '/[/]p;w out/p' README.md",
      "sed --expression='w out' README.md",
      "awk 'BEGIN { system(\"id\") }'",
      "awk '{ print > \"out\" }' README.md",
      "awk '{ print | \"sh\" }' README.md",
      "awk 'BEGIN { while ((getline l < \"/etc/passwd\") > 0) print l }'",
      "awk '@load \"x\"' README.md",
      "awk 'BEGIN { print ENVIRON[\"HOME\"] }'",
      "jq -n env",
      "jq -n '$ENV.HOME'",
      "jq -n 'import \"a\" as a; a'",
      "uniq README.md out",
      "xxd README.md out",
      "sort -o out README.md",
      "sort --compress-program=id README.md",
      "tree -o out",
      "find . -delete",
      "find . -exec id ;",
      "find . -fprint out",
      "rg --pre id foo",
      "git branch new",
      "git tag new",
      "git remote add x y",
      "git stash",
      "git symbolic-ref HEAD refs/heads/x",
      "git -c core.pager=id log",
      "git --git-dir=.git status",
      "git --exec-path=. status",
      "git log --output=out",
      "git diff --ext-diff",
      "git log --format=%G?",
      "git grep -Oid foo",
      "git fetch",
      "git log --pretty --output=out",
      "git log --format --output=out",
      "git diff -U --output=out",
      "git diff --unified --output=out",
      "git branch --abbrev new",
      "git describe --abbrev --broken",
      "find -O1 -delete",
      "find . -name a -o -delete",
      "find . | xargs --max-lines rm",
      "find . | xargs --replace rm",
      "tar tf README.md --wildcards --use-compress-program=id",
      "sed -l 1 'w out' README.md",
      "git config alias.x '!id'",
      "printf -v x y",
      "printf '%n' 'a[$(id)]'",
      "[ -v 'a[$(id)]' ]",
      "[[ 'a[$(id)]' -eq 1 ]]",
      "read 'a[$(id)]'",
      "PATH=. ls",
      "PATH=.; ls",
      "LD_PRELOAD=x ls",
      "GIT_PAGER=id git log",
      "GIT_DIR=x git status",
      "path=.; ls",
      "x=rm; $x README.md",
      "xargs rm < list",
      "find src | xargs sh -c 'id'",
      "find src -exec rm {} ';'",
      "find src -exec sh -c 'id' {} ';'",
      "find src -exec {} ';'",
      "find src -exec cat {} + -delete",
      "find src -exec cat {} + -fprint out",
      "find src -execdir cat {} ';'",
      "find src -ok cat {} ';'",
      "find src -exec cat {}",
      "find src -exec cat *",
      "find src -exec sed -i s/a/b/ {} +",
      "find src -exec sort {} -o {} ';'",
      "find src -exec cat {} ';' -exec uniq {} {} ';'",
      "find src -print0 | xargs -0 -I{} sh -c 'cat {}'",
      "date 0101",
      "hostname x",
      "echo x > out",
      "echo x >> out",
      "ls >& out",
      "cat README.md | tee out",
      "cat README.md | sh",
      "cat README.md | python3",
      "echo id | node",
      "tar xf build/x.tar",
      "tar cf build/x.tar src",
      "ln README.md",
      "mktemp",
      "cat README.md | patch",
      "cat README.md | split",
      "cat README.md | split -",
      "csplit README.md 1",
      "gzip README.md",
      "git checkout",
      "git submodule",
      "tar tf host:a",
      "tar tfI README.md id",
      "tail -f README.md",
      "ls &",
      "f() { id; }; f",
      "alias ls=id; ls",
      "eval ls",
      "source list",
      "command ls",
      "env",
      "set",
      "export",
      "echo $API_TOKEN",
      "echo ${PATH:0:1}",
      "echo $((1))",
      "cat dash/*",
      "cd dash && sort *",
      "cat /dev/tcp/localhost/1",
      "exec ls",
      "coproc ls",
      "case x in x) ls;; esac",
      "select x in a; do ls; done"
    ])
  )
})

describe("names that can't be told", () => {
  const { outside, root, ...rest } = makeRepository()
  mkdirSync(`${root}/raw`)
  symlinkSync(`${outside}/secret`, Buffer.concat([Buffer.from(`${root}/raw/`), Buffer.from([0xff])]))
  mkdirSync(`${root}/below`)
  mkdirSync(Buffer.concat([Buffer.from(`${root}/below/`), Buffer.from([0xfe])]))
  symlinkSync(
    `${outside}/secret`,
    Buffer.concat([Buffer.from(`${root}/below/`), Buffer.from([0xfe]), Buffer.from("/link")])
  )
  mkdirSync(`${root}/wide`)
  symlinkSync(`${outside}/secret`, `${root}/wide/\u00fc`)
  symlinkSync(`${outside}/secret`, `${root}/wide/\u{1f600}x`)
  const repository = { outside, root, ...rest }

  it.live("are not certain: those that are no text", () =>
    declines(repository, [
      "cat raw/*",
      "cat raw/?",
      "cat wide/?",
      "cat wide/??",
      "cat wide/?x",
      "cat wide/????x",
      "cat */*",
      "cat **/l*",
      "cat below/*/link",
      "grep -R foo raw",
      "grep -R foo below",
      "find raw | xargs cat",
      "find below | xargs cat",
      "find below -exec cat {} +",
      'for f in raw/*; do cat "$f"; done'
    ])
  )

  it.live("are not certain: those that git writes in another form", () =>
    Effect.gen(function* () {
      const other = makeRepository()
      other.write("\u00fc.ts", "foo\n")
      other.git("add", "-A")
      symlinkSync(`${other.outside}/secret`, `${other.root}/\\303\\274.ts`)
      expect(other.git("ls-files")).toContain('"\\303\\274.ts"')
      yield* declines(other, ["git ls-files | xargs cat"])
    })
  )
})

describe("what there is to look up for a command", () => {
  const repository = makeRepository()
  const { root } = repository
  writeFileSync(`${root}/${"a".repeat(250)}`, "")
  mkdirSync(`${root}/many`)
  for (let index = 0; index < 3000; index++) writeFileSync(`${root}/many/${index}`, "")

  it.live("takes time linear in a pattern and a name", () =>
    accepts(repository, ["ls *a*a*a*a*a*a*a*a*b", "ls ?*a?*a?*a*[b]*"])
  )

  it.live("is bounded for all of it together, and counted once where it is named twice", () =>
    Effect.gen(function* () {
      const decisionOf = (line: string) => Effect.map(decide(repository, line), ({ decision }) => decision)
      for (const line of ["for x in 1 2 3; do grep -R foo many; done", `grep -R foo ${"many ".repeat(20)}`]) {
        expect([line, yield* decisionOf(line)]).toEqual([line, "accept"])
      }
      const folders = Array.from({ length: 9 }, (_, index) => `${"./".repeat(index)}many`)
      for (const line of [
        folders.map((folder) => `grep -R foo ${folder}`).join("; "),
        `ls ${folders.map((folder) => `${folder}/*9999*`).join(" ")}`
      ]) {
        expect([line, yield* decisionOf(line)]).toEqual([line, "decline"])
      }
    })
  )
})

describe("git in a repository", () => {
  const reads = ["git status", "git diff", "git log -1", "git show HEAD:README.md", "git ls-files | xargs wc -l"]

  const problemWith = (prepare: (repository: Repository) => void) =>
    Effect.gen(function* () {
      const repository = makeRepository()
      prepare(repository)
      const reasons = new Set<string>()
      for (const line of reads) {
        const { decision, reason } = yield* decide(repository, line)
        expect([line, decision]).toEqual([line, "decline"])
        reasons.add(reason ?? "")
      }
      return [...reasons].join("\n")
    })

  for (const [key, text] of [
    ["core.fsmonitor", "[core]\n\tfsmonitor = id\n"],
    ["core.fsmonitor", "[core]\n\tfsmonitor\n"],
    ["core.pager", "[core]\n\tpager = id\n"],
    ["core.hookspath", "[core]\n\thooksPath = hooks\n"],
    ["core.hookspath", "[core]\n\thooksPath = ./src/../hooks/\n"],
    ["core.hookspath", "[core]\n\thooksPath = ~/hooks\n"],
    ["core.hookspath", '[core]\n\thooksPath = "hooks"\n'],
    ["core.hookspath", "[core]\n\thooksPath = %(prefix)/hooks\n"],
    ["core.hookspath", "[core]\n\thooksPath\n"],
    ["core.sshcommand", "[core]\n\tsshCommand = id\n"],
    ["core.worktree", "[core]\n\tworktree = ../outside\n"],
    ["core.attributesfile", "[core]\n\tattributesFile = x\n"],
    ["core.alternaterefscommand", "[core]\n\talternateRefsCommand = id\n"],
    ["diff.external", "[diff]\n\texternal = id\n"],
    ["diff.x.command", '[diff "x"]\n\tcommand = id\n'],
    ["diff.x.textconv", '[diff "x"]\n\ttextconv = id\n'],
    ["diff.x.textconv", "[diff.x]\n\ttextconv = id\n"],
    ["filter.x.clean", '[filter "x"]\n\tclean = id\n'],
    ["filter.x.process", '[filter "x"]\n\tprocess = id\n'],
    ["pager.log", "[pager]\n\tlog = id\n"],
    ["alias.st", "[alias]\n\tst = !id\n"],
    ["gpg.program", "[gpg]\n\tprogram = id\n"],
    ["log.showsignature", "[log]\n\tshowSignature = true\n"],
    ["remote.origin.promisor", '[remote "origin"]\n\tpromisor = true\n'],
    ["extensions.partialclone", "[extensions]\n\tpartialClone = origin\n"],
    ["include.path", "[include]\n\tpath = ../../outside/config\n"],
    ["includeif.path", '[includeIf "gitdir:/"]\n\tpath = ~/config\n'],
    ["not understood", "[core] fsmonitor = id\n"],
    ["not understood", "[core]\n\tabbrev = 1\\\n7\n"],
    ["unknown.key", "[unknown]\n\tkey = id\n"]
  ] as const) {
    it.live(`whose configuration has ${JSON.stringify(text)} is not certain, and the reason is ${key}`, () =>
      Effect.gen(function* () {
        const reason = yield* problemWith(({ root, write }) => {
          write("hooks/post-index-change", "#!/bin/sh\nid\n")
          appendFileSync(`${root}/.git/config`, text)
        })
        expect(reason).toContain(key)
      })
    )
  }

  it.live("whose configuration includes one that names a program is not certain", () =>
    Effect.gen(function* () {
      const reason = yield* problemWith(({ root, write }) => {
        write("more", "[core]\n\tfsmonitor = id\n")
        appendFileSync(`${root}/.git/config`, "[include]\n\tpath = ../more\n")
      })
      expect(reason).toContain("core.fsmonitor")
    })
  )

  it.live("is certain with a configuration that names nothing that runs, included or not", () =>
    Effect.gen(function* () {
      const repository = makeRepository()
      repository.write("more", "[color]\n\tui = auto\n")
      appendFileSync(
        `${repository.root}/.git/config`,
        '# text\n[include]\n\tpath = ../more\n[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n[core]\n\tfsmonitor = false\n'
      )
      repository.write(".gitattributes", "* text=auto\n*.md diff=markdown\n")
      yield* accepts(repository, reads)
    })
  )

  it.live("is certain where its hooks lie elsewhere and none is one that reading calls", () =>
    Effect.gen(function* () {
      const repository = makeRepository()
      repository.write(".husky/_/pre-commit", "#!/bin/sh\nid\n")
      repository.git("config", "core.hooksPath", ".husky/_")
      yield* accepts(repository, reads)
    })
  )

  it.live("with a submodule that is checked out is looked at with it", () =>
    Effect.gen(function* () {
      const repository = makeRepository()
      const { git } = repository
      const module = makeRepository()
      git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", module.root, "sub")
      expect(git("config", "-f", ".git/modules/sub/config", "core.worktree")).toContain("../../../sub")
      yield* accepts(repository, ["git status", "git diff", "git -C sub status", "cd sub && git log -1"])
      git("config", "-f", ".git/modules/sub/config", "core.worktree", "../../../src")
      yield* declines(repository, ["git status", "git -C sub status"])
    })
  )

  it.live("with a filter in its attributes is not certain", () =>
    Effect.gen(function* () {
      const reason = yield* problemWith(({ write }) => write(".gitattributes", "*.ts filter=lfs -text\n"))
      expect(reason).toContain("filter=lfs")
    })
  )

  it.live("with a hook that reading calls is not certain", () =>
    Effect.gen(function* () {
      const reason = yield* problemWith(({ root }) => {
        mkdirSync(`${root}/.git/hooks`, { recursive: true })
        writeFileSync(`${root}/.git/hooks/post-index-change`, "#!/bin/sh\nid\n")
        chmodSync(`${root}/.git/hooks/post-index-change`, 0o755)
      })
      expect(reason).toContain("post-index-change")
    })
  )

  it.live("with a submodule that names a program is not certain, and with an empty one is", () =>
    Effect.gen(function* () {
      const gitlink = ({ git, root }: Repository) => {
        const commit = git("rev-parse", "HEAD").trim()
        git("update-index", "--add", "--cacheinfo", `160000,${commit},sub`)
        mkdirSync(`${root}/sub`, { recursive: true })
      }
      const empty = makeRepository()
      gitlink(empty)
      yield* accepts(empty, ["git status", "git diff"])
      const reason = yield* problemWith((repository) => {
        gitlink(repository)
        repository.git("init", "-q", "sub")
        appendFileSync(`${repository.root}/sub/.git/config`, "[core]\n\tfsmonitor = id\n")
      })
      expect(reason).toContain("core.fsmonitor")
    })
  )

  it.live("of which a folder was exchanged for a link that leads out is not certain where its files are opened", () =>
    Effect.gen(function* () {
      const repository = makeRepository()
      const { git, outside, root, write } = repository
      write("kept/secret", "foo\n")
      git("add", "kept")
      git("commit", "-q", "-m", "kept")
      yield* accepts(repository, ["git grep foo", "git grep -n foo -- kept"])
      rmSync(`${root}/kept`, { recursive: true })
      symlinkSync(outside, `${root}/kept`)
      expect(git("grep", "secret")).toContain("kept/secret:secret")
      yield* declines(repository, ["git grep secret", "git grep -n secret HEAD", "cd src && git grep secret"])
      yield* accepts(repository, ["git status", "git diff", "git log -1"])
    })
  )

  for (const [what, make] of [
    ["a pipe", (path: string) => execFileSync("/usr/bin/mkfifo", [path])],
    ["a link to a device", (path: string) => symlinkSync("/dev/zero", path)],
    ["a link to a file of a process", (path: string) => symlinkSync("/proc/kmsg", path)],
    ["longer than can be read", (path: string) => writeFileSync(path, "# text\n".repeat(200_000))]
  ] as const) {
    it.live(`of which a file is ${what} is not certain, and nobody waits for it`, () =>
      Effect.gen(function* () {
        const { root, ...rest } = makeRepository()
        const others = [".git/commondir", ".git/info/attributes", ".git/config.worktree"]
        for (const file of [".gitattributes", "src/.gitattributes", ...others]) {
          make(`${root}/${file}`)
          const { decision, reason } = yield* decide({ root, ...rest }, "git status", `${root}/src`)
          expect([file, decision, reason]).toEqual([file, "decline", expect.stringContaining("cannot be read")])
          rmSync(`${root}/${file}`)
        }
        if (what === "longer than can be read") return
        for (const file of [".git/index", ".git/config", ".git"]) {
          const repository = makeRepository()
          rmSync(`${repository.root}/${file}`, { recursive: true })
          make(`${repository.root}/${file}`)
          expect([file, (yield* decide(repository, "git status")).decision]).toEqual([file, "decline"])
        }
      })
    )
  }

  it.live("whose files were made to take long is not certain", () =>
    Effect.gen(function* () {
      yield* problemWith(({ root }) =>
        appendFileSync(`${root}/.git/config`, `[core]\n\tabbrev = 7${" ".repeat(900_000)}x\n`)
      )
      // Each name is the one before with one letter more.
      const repository = makeRepository()
      const count = 300_000
      const entry = Buffer.concat([
        Buffer.alloc(24),
        Buffer.from([0, 0, 0x81, 0xa4]),
        Buffer.alloc(34),
        Buffer.from([0, 0, 0x61, 0])
      ])
      const head = Buffer.from("DIRC\0\0\0\x04\0\0\0\0", "latin1")
      head.writeUInt32BE(count, 8)
      writeFileSync(
        `${repository.root}/.git/index`,
        Buffer.concat([head, ...Array.from({ length: count }, () => entry), Buffer.alloc(20)])
      )
      const { decision, reason } = yield* decide(repository, "git status")
      expect([decision, reason]).toEqual(["decline", expect.stringContaining("not understood")])
    })
  )

  it.live("that lies elsewhere, is bare, or has its objects elsewhere is not certain", () =>
    Effect.gen(function* () {
      yield* problemWith(({ outside, root }) => {
        writeFileSync(`${root}/.git/objects/info/alternates`, `${outside}\n`)
      })
      const repository = makeRepository()
      const { git, root, write } = repository
      git("init", "-q", "--bare", "bare")
      const bare = yield* decide(repository, "git status", `${root}/bare`)
      expect([bare.decision, bare.reason]).toEqual(["decline", expect.stringContaining("without a folder .git")])
      write("other/.git", "gitdir: ../../outside/.git\n")
      expect((yield* decide(repository, "git status", `${root}/other`)).decision).toBe("decline")
      // A root below the repository does not hold it.
      const explain = yield* RuleBasedPolicy.explainer({ mode: "balanced", allowedRoots: [`${root}/src`] })
      expect((yield* explain("git show HEAD:README.md", `${root}/src`)).decision).toBe("decline")
    }).pipe(Effect.provide(layerNode))
  )

  it.live("with a linked worktree is looked at where its configuration is", () =>
    Effect.gen(function* () {
      const repository = makeRepository()
      const { git, root } = repository
      git("worktree", "add", "-q", "tree")
      expect((yield* decide(repository, "git status", `${root}/tree`)).decision).toBe("accept")
      appendFileSync(`${root}/.git/config`, "[core]\n\tfsmonitor = id\n")
      const { decision, reason } = yield* decide(repository, "git status", `${root}/tree`)
      expect([decision, reason]).toEqual(["decline", expect.stringContaining("core.fsmonitor")])
    })
  )

  it.live("whose index names a path that a list would split is not certain for xargs", () =>
    Effect.gen(function* () {
      const repository = makeRepository()
      const { git } = repository
      const blob = git("rev-parse", "HEAD:README.md").trim()
      for (const version of ["2", "3", "4"]) {
        git("update-index", "--index-version", version)
        yield* accepts(repository, ["git ls-files | xargs wc -l", "git status"])
      }
      git("update-index", "--add", "--cacheinfo", `100644,${blob},x /etc/passwd`)
      yield* accepts(repository, ["git ls-files", "git status"])
      yield* declines(repository, ["git ls-files | xargs cat"])
    })
  )
})
