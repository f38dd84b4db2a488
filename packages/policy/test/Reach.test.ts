/** Which files a part of a command may write, look through, copy or put elsewhere. */
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { describe, expect, it } from "@effect/vitest"
import { type Reach, reachOf, walkedIn } from "../src/internal/command/reach.ts"

const reach = (line: string): Reach => {
  const parsed = ShellCommand.parse(line)
  const part = parsed._tag === "Parsed" ? parsed.parts[0] : undefined
  if (part === undefined) throw new Error(line)
  return reachOf(part)
}

type Field = "written" | "walked" | "goesTo" | "copied" | "followed" | "replaced" | "writtenSources"

/** A question mark stands for what is not known. */
const holds = (field: Field, table: ReadonlyArray<readonly [line: string, expected: string]>) => {
  const pathsOf = (line: string) => {
    const paths: ReadonlyArray<string | undefined> = reach(line)[field]
    return paths.map((path) => path ?? "?").join(" ")
  }
  expect(table.map(([line]) => [line, pathsOf(line)])).toEqual(table)
}

describe("the files that a command may write", () => {
  it("are those that its program writes, and what is redirected to", () => {
    holds("written", [
      ["cat a", ""],
      ["rm a b", "a b"],
      ["cp a b c", "c"],
      ["mv a b c", "a b c"],
      ["touch -r a b", "b"],
      ["sort -o a b", "a"],
      ["dd if=a of=b", "b"],
      ["tee a b", "a b"],
      ["uniq a b", "b"],
      ["ln -s a b", "a b"],
      ["link a b", "a b"],
      ["ls > a", "a"],
      ["ls 2>> a > b", "a b"],
      ["ls > /dev/null 2>&1", ""],
      ["ls >&- 2>&1-", ""],
      ["ls < a", ""],
      ["ls >& a", "a"],
      ["ls >& 1x", "1x"],
      ["ls >& x1", "x1"],
      ["ls >&12", ""],
      ["ls > 1", "1"],
      ["ln -S x a b", "a b"],
      ["cat .bashrc", ""],
      ["cp a b > c", "c b"],
      ["rm $X", "?"],
      ["ls > $X", "?"],
      ["/bin/rm a", "a"]
    ])
  })

  it("are any that it names if the program, or an option of it, is not known", () => {
    holds("written", [
      ["unknown a b=c --d=e", "a b=c c e"],
      ["/tmp/cat a", "a"],
      ["./rm a", "a"],
      ["cat --unknown a", "a"],
      ["unknown HEAD a", "a"],
      ["unknown $X", "?"],
      ["$X a", ""]
    ])
  })

  it("are those below the folder that it goes to, if it changes something", () => {
    holds("written", [
      ["tar -C a -xf b", "a b"],
      ["tar -C a -tf b", "a"],
      ["tar -tf b", ""],
      ["tar --exclude=x -xf b", "b"],
      ["git -C a status", ""],
      ["git -C a mv b c", "a b c"],
      ["git status", ""],
      ["git checkout HEAD a", "a"]
    ])
  })

  it("are none where git only puts them into the repository, or asks", () => {
    holds("written", [
      ["git add a", ""],
      ["git commit a", ""],
      ["git reset a", ""],
      ["git rm a", "a"],
      // These options are not in the table, so every word counts as a name.
      ["git config --get a", "config a"],
      ["git config --get-all a b", "config a b"],
      ["git config -l", "config"],
      ["git config a--list b", ".git/config a--list b"],
      ["git config --listing b c", ".git/config config b c"],
      ["git config getx b", ".git/config getx b"],
      ["git config xget b", ".git/config xget b"],
      ["git config --list", "config"],
      ["git config get a", "get a"],
      ["git config list", "list"],
      ["git config a", "a"],
      ["git config a b", ".git/config a b"],
      ["git config $X b", ".git/config ? b"],
      ["git config -e", ".git/config config"],
      ["git config --edit", ".git/config config"],
      ["git config --unset a", ".git/config config a"],
      ["git config --add a b", ".git/config config a b"],
      ["git config --replace-all a b", ".git/config config a b"],
      ["git config --rename-section a b", ".git/config config a b"],
      ["git config --global --get a b", "config a b"],
      ["git -C a config b c", ".git/config a b c"],
      ["git log config a", ""]
    ])
  })

  it("are protected ones that a script names", () => {
    holds("written", [
      ["sed 'w .git/config' a", ".git/config"],
      ["sed 'w out' a", ""],
      ["awk '{ print > \".bashrc\" }' a", ".bashrc"],
      ["awk '{ print > \"~/.bashrc\" }' a", "~/.bashrc"],
      ["node -e 'write(\".git/hooks/x\")'", ".git/hooks/x"],
      ["node -e 'a.b'", ""],
      ["node -e $X", ""],
      ["jq .bashrc a", ".bashrc"],
      ["sqlite3 a '.output .bashrc'", "a .bashrc"],
      ["eval 'tee .bashrc'", ".bashrc"],
      ["git log --format=.bashrc", ".bashrc"],
      ["xargs tee .bashrc", ".bashrc"]
    ])
  })

  it("are told as they stand there if they are not known", () => {
    holds("writtenSources", [
      ["ls > ~/.bashrc", "~/.bashrc"],
      ["ls > \"$X\"/'a'", "$X/a"],
      ["rm ~/.bashrc a", "~/.bashrc"],
      ["rm a", ""],
      ["cat ~/a", ""],
      ["cat ~/a > b", ""]
    ])
  })
})

describe("whether a command writes files that an archive or a patch names", () => {
  const table: ReadonlyArray<readonly [lines: ReadonlyArray<string>, expected: boolean]> = [
    [
      [
        "tar xf a",
        "tar -xf a",
        "bsdtar -xf a",
        "tar --extract -f a",
        "tar --unknown a",
        "unzip a",
        "unzip --unknown a",
        "patch",
        "patch -p1 -i a",
        "patch -i a",
        "patch --unknown a",
        "git apply a",
        "git am a",
        "cpio -i",
        "7z x a",
        "7z xt a",
        "7za e a",
        "7zr x a",
        "unrar x a",
        "ar x a",
        "jar xf a",
        "pax -rf a"
      ],
      true
    ],
    [
      [
        "tar tf a",
        "tar -tf a",
        "tar --list -f a",
        "tar cf a b",
        "tar -czf a b",
        "tar --create -f a b",
        "tar --append -f a b",
        "tar --update -f a b",
        "tar rf a b",
        "tar uf a b",
        "tar --unknown -cf a b",
        "unzip -l a",
        "patch file",
        "git unknown a",
        "git --version",
        "bsdtar -zcf a b",
        "tar -f a -c b",
        "jar cvvf a b",
        "jar cv a",
        "$X a",
        "git status",
        "git log apply",
        "7z l a",
        "7z a b c",
        "ar t a",
        "ar r a b",
        "jar tf a",
        "jar cf a b",
        "unrar l a",
        "cpio -o",
        "ls a"
      ],
      false
    ]
  ]
  for (const [lines, expected] of table) {
    it(expected ? "is so if it may unpack something" : "is not so if it packs, lists or names the file", () => {
      expect(lines.map((line) => [line, reach(line).unpacks])).toEqual(lines.map((line) => [line, expected]))
    })
  }
})

describe("the folders that a command looks through", () => {
  it("are those of programs that do so, and of what moves, copies or removes trees", () => {
    holds("walked", [
      ["ls a", ""],
      ["ls -R a", "a"],
      ["grep -r x a", "a"],
      ["grep -r x", "."],
      ["find a b", "a b"],
      ["rg x", "."],
      ["rg -L x a", "a"],
      ["rm -r a b", "a b"],
      ["cp -r a b c", "a b"],
      ["mv a b", "a"],
      ["tar -cf x a", "x a"],
      ["tar -C a -cf x .", "a x ."],
      ["chmod -R 777 a", "a"],
      ["chmod 777 a", "a"],
      ["zip x a", "x a"],
      ["7z a x y", "a x y"],
      ["install a b", "a"],
      ["install a", "a"],
      ["$X a", ""],
      ["grep --unknown x a", "a"],
      ["cat --unknown a", ""],
      ["unknown a", ""],
      ["/usr/bin/grep -r x a", "a"],
      ["/x/grep -r x a", "a"],
      ["cp $X a", "?"],
      ["cp a $X", "a ?"]
    ])
    expect(walkedIn(["grep", "-r", "x", "a"])).toEqual(["a"])
    expect(walkedIn(["/opt/bin/rm", "a"])).toEqual(["a"])
    expect(walkedIn(["cat", "a"])).toEqual([])
    expect(walkedIn(["unknown", "a"])).toEqual([])
    expect(walkedIn([undefined, "a"])).toEqual([])
    expect(walkedIn([])).toEqual([])
  })

  it("are followed through links where the program does that, or may", () => {
    holds("followed", [
      ["grep -R x a", "a"],
      ["grep -r x a", ""],
      ["diff -r a b", "a b"],
      ["cp -rL a b", "a"],
      ["cp -r a b", ""],
      ["git grep x", "."],
      ["git grep x a", "a"],
      ["grep --unknown x a", "a"],
      ["cp --unknown a b", "a b"],
      ["cat --unknown a", ""],
      ["$X a", ""],
      ["rg --unknown x a", "a"]
    ])
  })

  it("are copied by what copies trees", () => {
    holds("copied", [
      ["cp -r a b", "a"],
      ["mv a b", "a"],
      ["rsync a b", "a"],
      ["scp a b", "a"],
      ["$X a", ""],
      ["rm -r a", ""],
      ["tar -cf x a", ""]
    ])
  })
})

describe("the folders that a program goes to", () => {
  it("are those that its options name, and may name if it is not known", () => {
    holds("goesTo", [
      ["git -C a -C b status", "a b"],
      ["tar -C a -cf x b", "a"],
      ["make -C a", "a"],
      ["make --unknown -C a", "a"],
      ["unknown -C a", "a"],
      ["unknown -Ca", "a"],
      ["unknown --directory=a --chdir b --cwd=c --prefix d", "a b c d"],
      ["unknown --work-tree=a --root=b --working-directory c", "a b c"],
      ["unknown -C", "?"],
      ["unknown -C a -C a", "a"],
      ["unknown x-C a", ""],
      ["grep -C 3 x a", ""],
      ["$X -C a", ""],
      ["unknown --directory=$X", ""],
      ["cat -C a", "a"]
    ])
  })
})

describe("what may be another file afterwards", () => {
  it("is what is moved, linked, copied as a tree or unpacked", () => {
    holds("replaced", [
      ["ln -s a b", "b"],
      ["mv a b", "a b"],
      ["mv --unknown a b", "a b ."],
      ["link a b", "a b"],
      ["symlink a b", "."],
      ["cp a b", ""],
      ["cp -r a b", "b"],
      ["cp -rL a b", "b"],
      ["cp --unknown a b", "b ."],
      ["rm a", ""],
      ["touch a", ""],
      ["tar xf a", "."],
      ["tar -C a -xf b", "."],
      ["tar tf a", ""],
      ["unzip a -d b", "b a ."],
      ["rsync -a a b", "b ."],
      ["patch a", "a ."],
      ["7z x a", "."],
      ["git checkout a", "a ."],
      ["git checkout $X", "."],
      ["git status", ""],
      ["git log a", ""],
      ["git stash", "."],
      ["git stash list", ""],
      ["git bisect run a", "."],
      ["git symbolic-ref HEAD x", "x ."],
      ["tar -tf a -I sh", "."],
      ["$X a", ""],
      ["git merge a", "."],
      ["git pull", "."],
      ["git rebase a", "."],
      ["git cherry-pick a", "."],
      ["git revert a", "."],
      ["git clone a b", "b ."],
      ["git submodule update", "."],
      ["git am a", "."],
      ["git unknown a", "."],
      ["git add a", ""],
      ["git commit a", ""],
      ["git push a", ""],
      ["git fetch a", ""],
      ["git tag a", ""],
      ["git branch a", ""],
      ["git config a b", ""],
      ["git remote add a b", ""]
    ])
  })
})

describe("the words of a command that name no file for certain", () => {
  it("are those that the table takes for text alone", () => {
    for (const [line, expected] of [
      ["grep x a", [1]],
      ["grep -e x a", [2]],
      ["echo a b", [1, 2]],
      ["git commit -m x", [3]],
      ["head -n 5 a", [2]],
      ["grep -C 3 x a", [2]],
      ["cat a", []],
      ["grep --unknown x", []],
      ["unknown a", []],
      ["/x/grep x a", []],
      ["/bin/grep x a", [1]],
      ["$X a", []]
    ] as const) {
      expect([line, [...reach(line).texts]]).toEqual([line, expected])
    }
  })
})
