/**
 * The table of programs: how each program uses its operands and the values of its options. It contains only data.
 *
 * The balanced mode, rules and warnings use this table to find out what a command reads, writes or runs. For each program, the
 * table lists all options that run or write something or take a script, so an option that is not listed does none of that.
 * Other options need not be complete: one that is not listed is merely unknown. `uses` applies the table to a command line.
 */

/** The language of a script on a command line. `code` is any language that can run programs. */
export type Language = "sed" | "awk" | "jq" | "sql" | "shell" | "gitFormat" | "code"

/**
 * The use of a word.
 *
 * - `text`: it is printed, matched or counted, and names no file.
 * - `read`: a file that is read, or a folder that is listed. `walk`: a folder that is read recursively, without following links.
 *   `follow`: the same, but following links. `list`: a file that names other files, which are read.
 * - `write`: a file or folder that is created, changed, moved or removed.
 * - `folder`: a folder that the program changes to first.
 * - `run`: the beginning of another command, or a command line.
 * - A language: a script.
 */
export type Effect = "text" | "read" | "walk" | "follow" | "list" | "write" | "folder" | "run" | Language

export interface Program {
  /** The effects of the operands in order. The last one also applies to all further operands. Absent: there are no operands. */
  readonly operands?: string
  /** The effect of the last operand, if there are two or more. */
  readonly last?: Effect
  /** Whether it works on the current folder if it has no operand. */
  readonly here?: boolean
  /** Options that replace the first operand. */
  readonly instead?: string
  /** Options without a value. A long one may have a value after `=`, which is text. */
  readonly flags?: string
  /** Options with a value in the same word or the next word. */
  readonly values?: { readonly [E in Effect]?: string }
  /** Options of `values` whose value is optional, so that it is in the same word or missing. */
  readonly attached?: string
  /** Options of `values` whose value is optional in some implementations, so that the next word may be an operand. */
  readonly unsure?: string
  /** Flags that change the effect of operands that would otherwise be read or written. */
  readonly turns?: { readonly [E in Effect]?: string }
  /** Options that, as the only argument, print information about the program, such as its version. */
  readonly tells?: string
  /** Whether a program that writes its operands does nothing without operands. */
  readonly idle?: boolean
  /** Whether it has effects that its words do not name: changes other files, or uses a network or other processes. */
  readonly acts?: boolean
  /** Whether it accepts numbers as options: `-5`. */
  readonly numbers?: boolean
  /** Whether an argument that begins with `+` is text: `+%s`. */
  readonly plus?: boolean
  /**
   * `words`: options are whole words, as in `find`. `pairs`: options have the form `of=FILE`. `bundled`: the first word may be
   * option letters without a hyphen, as in `tar`.
   */
  readonly style?: "words" | "pairs" | "bundled"
  /** Whether `HOST:` before an operand names another machine. */
  readonly hosts?: boolean
  /** The subcommands. The first operand names one of them; options before it belong to the program itself. */
  readonly subcommands?: { readonly [K in string]?: Program }
  /** Subcommands that are known not to run their arguments, whatever else they do. */
  readonly quiet?: string
  /** The behavior without a subcommand. */
  readonly alone?: Program
  /** `git`: it runs programs from the configuration of the repository. `project`: it runs code from files of the project. */
  readonly runs?: "git" | "project"
  /** Examples of arguments with which it runs or writes what they name, without an unusual option. */
  readonly risks?: ReadonlyArray<string>
}

// Options of git that several subcommands share.
const diffFlags =
  "-p -u -s -z -R -a -b -w -W -M -C -B -D --patch --no-patch --stat --numstat --shortstat --dirstat --summary --name-only " +
  "--name-status --color --no-color --word-diff --color-words --minimal --patience --histogram --raw --patch-with-stat " +
  "--compact-summary --full-index --binary --abbrev --find-renames --find-copies --text --ignore-space-change " +
  "--ignore-all-space --ignore-blank-lines --ignore-space-at-eol --ignore-cr-at-eol --function-context --exit-code --quiet " +
  "--no-ext-diff --no-textconv --no-prefix --no-renames --check --merge-base --relative --no-relative --ignore-submodules " +
  "--color-moved --pickaxe-all --pickaxe-regex"
const diffText = "-U -S -G -l --unified --diff-filter --inter-hunk-context --diff-algorithm --word-diff-regex"
const revisionFlags =
  "-i -E -F -P -g -c -m --oneline --graph --all --decorate --no-decorate --abbrev-commit --no-abbrev-commit --reverse " +
  "--merges --no-merges --first-parent --follow --branches --tags --remotes --date-order --topo-order --author-date-order " +
  "--full-history --left-right --cherry-pick --cherry-mark --boundary --simplify-merges --ancestry-path --no-walk --source " +
  "--relative-date --full-diff --invert-grep --all-match --regexp-ignore-case --parents --children --walk-reflogs --cc " +
  "--no-mailmap --use-mailmap --mailmap --no-notes --objects --count --left-only --right-only --cherry"
const revisionText =
  "-n -L --max-count --skip --since --after --until --before --author --committer --grep --date --encoding --min-parents " +
  "--max-parents --glob --exclude"

const gitLog: Program = {
  operands: "read",
  numbers: true,
  flags: `${diffFlags} ${revisionFlags}`,
  attached: "-U --unified --format --pretty",
  values: {
    text: `${diffText} ${revisionText}`,
    gitFormat: "--format --pretty",
    read: "-O",
    write: "--output"
  },
  risks: ["--output=FILE"]
}
const gitDiff: Program = {
  operands: "read",
  attached: "-U --unified",
  flags: `${diffFlags} --cached --staged`,
  values: { text: diffText, read: "-O", write: "--output" },
  risks: ["--output=FILE"]
}
const gitWrites: Program = { operands: "write", acts: true }
const gitText: Program = { operands: "text" }
const gitActs: Program = { operands: "text", acts: true }

const git: Program = {
  runs: "git",
  flags: "--no-pager --no-optional-locks --literal-pathspecs --glob-pathspecs --icase-pathspecs --no-replace-objects",
  tells: "--version",
  values: { folder: "-C", code: "-c --config-env --exec-path --git-dir --work-tree --namespace --attr-source" },
  subcommands: {
    status: {
      operands: "read",
      flags:
        "-s -b -v -z -u -uno -unormal -uall --short --branch --porcelain --long --verbose --show-stash --untracked-files --ignored " +
        "--column --no-column --ahead-behind --no-ahead-behind --renames --no-renames"
    },
    diff: gitDiff,
    "diff-tree": { ...gitDiff, flags: `${diffFlags} -r -t -c -m --root --cc --no-commit-id --stdin` },
    "diff-index": gitDiff,
    "diff-files": gitDiff,
    log: gitLog,
    show: gitLog,
    "rev-list": gitLog,
    shortlog: {
      operands: "read",
      flags: `-s -n -e -c --summary --numbered --email ${revisionFlags}`,
      values: { text: revisionText.replace("-n ", ""), gitFormat: "--format" },
      attached: "--format"
    },
    reflog: {
      subcommands: { show: gitLog, expire: gitWrites, delete: gitWrites, drop: gitWrites, exists: gitText },
      alone: gitLog
    },
    blame: {
      operands: "read",
      flags:
        "-w -C -M -l -s -e -f -n -p -t -c -b --porcelain --line-porcelain --show-email --show-name --show-number --root --minimal",
      values: { text: "-L --date --since", read: "-S --contents --ignore-revs-file" }
    },
    branch: {
      idle: true,
      operands: "write",
      flags:
        "-a -r -v -vv -i --all --remotes --verbose --show-current --list --no-color --color --no-abbrev --ignore-case --column " +
        "--no-column --contains --no-contains --merged --no-merged",
      turns: { text: "--list --contains --no-contains --merged --no-merged --points-at" },
      values: { text: "--sort --points-at", gitFormat: "--format" },
      risks: ["NAME"]
    },
    tag: {
      idle: true,
      operands: "write",
      flags: "-l -n -i --list --ignore-case --column --no-column --contains --no-contains --merged --no-merged",
      turns: { text: "-l --list --contains --no-contains --merged --no-merged --points-at" },
      values: { text: "--sort --points-at -m --message", gitFormat: "--format", read: "-F --file" },
      risks: ["NAME"]
    },
    remote: {
      flags: "-v --verbose",
      subcommands: {
        "get-url": { operands: "text", flags: "--push --all" },
        add: gitWrites,
        remove: gitWrites,
        rm: gitWrites,
        rename: gitWrites,
        "set-url": gitWrites,
        "set-head": gitWrites,
        "set-branches": gitWrites,
        prune: gitWrites,
        update: gitWrites
      },
      alone: {},
      risks: ["add NAME URL", "set-url NAME URL"]
    },
    stash: {
      subcommands: {
        list: gitLog,
        show: { ...gitDiff, flags: `${diffFlags} --include-untracked --only-untracked` },
        push: gitWrites,
        save: gitWrites,
        pop: gitWrites,
        apply: gitWrites,
        drop: gitWrites,
        clear: gitWrites,
        branch: gitWrites,
        create: gitWrites,
        store: gitWrites
      },
      alone: { acts: true },
      risks: ["", "drop"]
    },
    "symbolic-ref": { idle: true, operands: "text write", flags: "-q --quiet --short", risks: ["HEAD REF"] },
    "rev-parse": {
      operands: "text",
      flags:
        "-q --quiet --verify --abbrev-ref --short --symbolic --symbolic-full-name --show-toplevel --show-prefix --show-cdup " +
        "--git-dir --absolute-git-dir --git-common-dir --is-inside-work-tree --is-inside-git-dir --is-bare-repository " +
        "--is-shallow-repository --all --branches --tags --remotes --show-superproject-working-tree --show-object-format",
      values: { text: "--git-path --default --since --after --until --before" }
    },
    describe: {
      operands: "text",
      flags: "--abbrev --tags --always --all --long --dirty --contains --exact-match --first-parent --debug",
      values: { text: "--match --exclude --candidates" }
    },
    "ls-files": {
      operands: "read",
      flags:
        "-c -d -m -o -i -s -u -k -t -v -z --cached --deleted --modified --others --ignored --stage --unmerged --killed --directory " +
        "--no-empty-directory --exclude-standard --full-name --error-unmatch --eol --deduplicate",
      values: { text: "-x --exclude", read: "-X --exclude-from --exclude-per-directory" }
    },
    "ls-tree": {
      operands: "text",
      flags: "-r -d -t -l -z --name-only --name-status --long --full-name --full-tree --object-only",
      attached: "--abbrev",
      values: { text: "--abbrev" }
    },
    grep: {
      operands: "text walk",
      here: true,
      instead: "-e -f",
      numbers: true,
      flags:
        "-n -i -l -c -w -v -E -F -P -G -h -H -L -o -q -z -p -W -a -I --line-number --ignore-case --files-with-matches " +
        "--files-without-match --count --word-regexp --invert-match --cached --untracked --heading --break --all-match --and --or " +
        "--not --column --show-function --function-context --full-name --color --no-color --name-only --only-matching " +
        "--extended-regexp --fixed-strings --perl-regexp",
      values: {
        text: "-e -A -B -C -m --max-count --max-depth --after-context --before-context --context --threads",
        list: "-f",
        run: "-O --open-files-in-pager"
      }
    },
    worktree: {
      subcommands: {
        list: { flags: "-v -z --verbose --porcelain" },
        add: gitWrites,
        remove: gitWrites,
        move: gitWrites,
        prune: gitWrites,
        lock: gitWrites,
        unlock: gitWrites,
        repair: gitWrites
      }
    },
    "cat-file": {
      operands: "text",
      flags: "-t -s -p -e --batch --batch-check --buffer --unordered"
    },
    "for-each-ref": {
      operands: "text",
      flags: "--contains --no-contains --merged --no-merged --ignore-case",
      values: { text: "--sort --count --points-at --exclude", gitFormat: "--format" }
    },
    "show-ref": {
      operands: "text",
      flags: "-s -d -q --head --heads --branches --tags --hash --dereference --verify --quiet --exists",
      attached: "--abbrev",
      values: { text: "--abbrev" }
    },
    "merge-base": { operands: "text", flags: "-a --all --is-ancestor --fork-point --octopus --independent" },
    "name-rev": { operands: "text", flags: "--tags --name-only --always --all", values: { text: "--refs --exclude" } },
    "count-objects": { flags: "-v -H --verbose --human-readable" },
    "check-ignore": { operands: "read", flags: "-v -q -n -z --verbose --quiet --non-matching --no-index --stdin" },
    "check-attr": { operands: "text", flags: "-a -z --all --cached --stdin" },
    version: { flags: "--build-options" },
    add: gitWrites,
    commit: {
      operands: "write",
      acts: true,
      flags: "-a -q -s -v --all --quiet --signoff --verbose --amend --no-edit --allow-empty",
      values: {
        text: "-m -C -c -S --message --author --date --trailer --fixup --squash --cleanup",
        read: "-F -t --file --template"
      }
    },
    mv: gitWrites,
    rm: gitWrites,
    restore: gitWrites,
    reset: gitWrites,
    checkout: { acts: true, operands: "write", values: { text: "-b -B" } },
    switch: { acts: true, operands: "write", values: { text: "-c -C" } },
    merge: { operands: "text", acts: true, values: { text: "-m -s -X --strategy --message", read: "-F --file" } },
    revert: gitActs,
    "cherry-pick": { operands: "text", acts: true, values: { text: "-m -s -X --strategy" } },
    rebase: {
      operands: "text",
      acts: true,
      values: { text: "--onto -s -X --strategy", run: "-x --exec" },
      risks: ["-x COMMAND"]
    },
    bisect: { acts: true, subcommands: { run: { operands: "run" } }, risks: ["run COMMAND"] },
    submodule: {
      acts: true,
      subcommands: { foreach: { operands: "run", flags: "--recursive --quiet" } },
      risks: ["foreach COMMAND"]
    },
    fetch: { operands: "text", acts: true, values: { run: "--upload-pack" }, hosts: true },
    pull: { operands: "text", acts: true, values: { run: "--upload-pack -x --exec" }, hosts: true },
    push: { operands: "text", acts: true, values: { run: "--receive-pack --exec" }, hosts: true },
    clone: {
      operands: "read write",
      acts: true,
      values: { run: "-u --upload-pack", code: "-c --config" },
      hosts: true
    },
    init: gitWrites,
    clean: gitWrites,
    notes: gitWrites,
    config: { operands: "write", acts: true, risks: ["alias.status '!COMMAND'"] }
  }
}

const grep: Program = {
  operands: "text read",
  here: true,
  instead: "-e -f --regexp --file",
  numbers: true,
  flags:
    "-c -E -F -G -H -h -I -i -L -l -n -o -P -q -s -T -U -v -w -x -y -a -b -Z -z -r -R --color --colour --count " +
    "--extended-regexp --fixed-strings --basic-regexp --perl-regexp --ignore-case --invert-match --line-number " +
    "--only-matching --quiet --silent --no-messages --recursive --dereference-recursive --word-regexp --line-regexp " +
    "--files-with-matches --files-without-match --with-filename --no-filename --text --null --byte-offset --line-buffered",
  values: {
    text:
      "-A -B -C -m -e --regexp --after-context --before-context --context --max-count --exclude --exclude-dir --include " +
      "--binary-files --label",
    list: "-f --file --exclude-from"
  },
  unsure: "-C --context",
  turns: { walk: "-r --recursive", follow: "-R --dereference-recursive" }
}

const ripgrep: Program = {
  operands: "text walk",
  here: true,
  instead: "-e -f --regexp --file --files --type-list --version",
  flags:
    "-a -c -F -H -h -I -i -l -N -n -o -P -p -q -S -s -U -u -uu -uuu -v -w -x -0 -. --files --type-list --count " +
    "--count-matches --fixed-strings --with-filename --no-filename --ignore-case --files-with-matches --files-without-match " +
    "--line-number --no-line-number --only-matching --pcre2 --pretty --quiet --smart-case --case-sensitive --multiline " +
    "--multiline-dotall --unrestricted --invert-match --word-regexp --line-regexp --null --hidden --no-ignore --no-ignore-vcs " +
    "--heading --no-heading --column --no-column --color --json --stats --trim --vimgrep --no-messages --text " +
    "--no-config --sort --sortr --no-ignore-parent --no-ignore-dot --no-ignore-global --crlf --no-require-git --passthru " +
    "--version --follow -L",
  values: {
    text:
      "-A -B -C -e -g -m -r -t -T -M -d -j -E --after-context --before-context --context --regexp --glob --iglob --max-count " +
      "--replace --type --type-not --max-columns --max-depth --threads --encoding --max-filesize --color --colors " +
      "--context-separator --path-separator --sort --sortr",
    read: "--ignore-file",
    list: "-f --file",
    run: "--pre --hostname-bin"
  },
  turns: { follow: "-L --follow" },
  risks: ["--pre COMMAND PATTERN"]
}

const find: Program = {
  operands: "walk",
  here: true,
  style: "words",
  flags:
    "-P -L -H -print -print0 -ls -prune -empty -not -a -and -o -or ! ( ) , -true -false -depth -d -mount -xdev -readable " +
    "-writable -executable -quit -follow -nouser -nogroup -noleaf -daystart -delete",
  values: {
    text:
      "-name -iname -path -ipath -wholename -type -xtype -maxdepth -mindepth -size -mtime -mmin -atime -amin -ctime -cmin " +
      "-perm -user -group -regex -iregex -regextype -links -inum -uid -gid -printf -newermt -used -lname -ilname -fstype",
    read: "-newer -anewer -cnewer -samefile -newermm",
    list: "-files0-from",
    write: "-fprint -fprint0 -fls -fprintf",
    run: "-exec -execdir -ok -okdir"
  },
  turns: { follow: "-L -H -follow", write: "-delete" },
  risks: [". -exec COMMAND ';'", ". -delete"]
}

const sed: Program = {
  operands: "sed read",
  instead: "-e -f --expression --file",
  flags:
    "-n -E -r -s -u -z --quiet --silent --regexp-extended --separate --unbuffered --null-data --posix --debug --sandbox -i " +
    "--in-place",
  values: { sed: "-e --expression", code: "-f --file" },
  turns: { write: "-i --in-place -I" },
  risks: ["1e", "'w FILE' FILE", "-n '1w FILE' FILE"]
}

const awk: Program = {
  operands: "awk read",
  instead: "-f --file -e --source -E --exec",
  flags: "--posix --re-interval",
  values: {
    text: "-F -v --field-separator --assign",
    awk: "-e --source",
    code: "-f -E -i -l --file --exec --include --load -D --debug",
    write: "-o -d -p --pretty-print --dump-variables --profile"
  },
  risks: ["'BEGIN { system(\"COMMAND\") }'"]
}

const jq: Program = {
  operands: "jq read",
  flags:
    "-n -r -j -a -s -c -C -M -S -e -R --null-input --raw-output --join-output --ascii-output --slurp --compact-output " +
    "--color-output --monochrome-output --sort-keys --exit-status --raw-input --tab --seq --stream --version",
  values: { text: "--indent", code: "-f -L --from-file --library-path", list: "--slurpfile --rawfile" },
  risks: ["-n env", "env"]
}

const interpreter: Program = {
  operands: "code text",
  acts: true,
  values: { code: "-c -e -p -m -r --eval --print --require" }
}
const project: Program = { operands: "text", runs: "project", acts: true }
const copies: Program = {
  operands: "read",
  last: "write",
  values: { write: "-t --target-directory", text: "-m --mode -o --owner -g --group -S --suffix" },
  flags: "-r -R -a -f -i -n -p -u -v -d -L -P -H -T --recursive --archive --force --verbose",
  turns: { walk: "-r -R -a --recursive --archive", follow: "-L --dereference" }
}
const writes: Program = { operands: "write" }
const reads: Program = { operands: "read" }
const texts: Program = { operands: "text" }
const acts: Program = { operands: "text", acts: true }
const digest: Program = {
  operands: "read",
  flags: "-b -t -z --binary --text --tag --zero",
  turns: { list: "-c --check" }
}
const compresses: Program = { operands: "write", turns: { read: "-c -l -t --stdout --list --test" }, flags: "-l -t" }
const runsRest: Program = { operands: "run", acts: true }

// Subcommands of package managers and similar programs that run none of their operands.
const npmQuiet =
  "install i ci add remove rm uninstall un update up upgrade outdated ls list ll view info show audit test t " +
  "version publish pack config get set why explain dedupe link unlink login logout whoami ping search prune " +
  "rebuild root prefix bin cache doctor fund owner team token import store licenses"
const pipQuiet =
  "install uninstall list show freeze check download wheel search add remove update upgrade lock sync build " +
  "publish env info config cache init version create export"
const aptQuiet =
  "install reinstall remove purge autoremove update upgrade dist-upgrade full-upgrade search show info list add " +
  "del delete policy depends rdepends uninstall clean autoclean outdated deps home tap untap"
const dockerQuiet =
  "ps images image pull push logs inspect stop start restart rm rmi kill build tag login logout info version " +
  "volume network system context top stats port diff history save load cp search wait pause unpause rename " +
  "events"
const kubectlQuiet =
  "get describe apply create delete logs rollout scale label annotate patch replace expose set explain top " +
  "config cluster-info version api-resources api-versions auth cordon uncordon drain taint wait cp port-forward " +
  "diff"
const cargoQuiet =
  "build check test clippy fmt doc bench update add remove tree metadata search publish install uninstall clean " +
  "init new fetch package vendor version login b c t"
const nodePackages: Program = {
  ...project,
  quiet: npmQuiet,
  values: { run: "-c --call --script-shell --shell --viewer --editor --node-options" }
}
const packages: Program = { ...acts, quiet: pipQuiet }
const systemPackages: Program = { ...acts, quiet: aptQuiet, values: { code: "-o -c --option --config-file" } }
const compiler: Program = { ...acts, values: { run: "-wrapper -B -specs --specs -fplugin" } }
const containers: Program = { ...acts, quiet: dockerQuiet }

// Programs that are only known to run none of their operands.
const quiet =
  "dir vdir users who w cal uptime free vmstat pgrep pidof killall whereis whatis apropos tput logger " +
  "getconf getent locale printenv lsblk umount ifconfig ss netstat ping dig nslookup host traceroute " +
  "apply_patch applypatch tsort ptx numfmt shuf factor look pr sync stty clear reset prettier biome oxlint " +
  "oxfmt stylelint mocha ava tap knip webpack vite rollup esbuild swc ruff black isort mypy pyright flake8 " +
  "pylint bandit gofmt goimports staticcheck rustfmt ar objdump ldd strip javac javadoc kotlinc swiftc ninja " +
  "rubocop shellcheck shfmt hadolint yamllint markdownlint actionlint golangci-lint terraform tofu aws " +
  "vercel systemctl journalctl dpkg ffprobe dot cloc tokei scc exa eza lsd glow difft yq pushd popd dirs " +
  "umask ulimit bg fg logout times history unalias b3sum zgrep docker-credential patchelf sw_vers sysctl " +
  "lscpu lspci lsusb hostnamectl timedatectl nvidia-smi playwright cypress next tsup storybook prisma " +
  "drizzle-kit ng vue"

export const programs: { readonly [K in string]?: Program } = {
  // Words of the shell.
  true: {},
  false: {},
  ":": texts,
  pwd: { flags: "-L -P" },
  echo: { operands: "text", flags: "-n -e -E" },
  printf: { operands: "text" },
  test: texts,
  "[": texts,
  cd: { operands: "read" },
  exit: acts,
  return: acts,
  break: acts,
  continue: acts,
  shift: acts,
  wait: acts,
  sleep: texts,
  export: acts,
  unset: acts,
  set: acts,
  read: acts,
  command: { operands: "run", flags: "-v -V", turns: { text: "-v -V" } },
  type: { operands: "text", flags: "-a -t -p -P -f" },
  which: { operands: "text", flags: "-a -s" },
  // Text in, text out.
  basename: { operands: "text", flags: "-a -z --multiple --zero", values: { text: "-s --suffix" } },
  dirname: { operands: "text", flags: "-z --zero" },
  seq: { operands: "text", flags: "-w --equal-width", values: { text: "-s -f --separator --format" } },
  expr: texts,
  tr: {
    operands: "text",
    flags: "-c -C -d -s -t --complement --delete --squeeze-repeats --truncate-set1"
  },
  date: {
    idle: true,
    operands: "write",
    plus: true,
    flags: "-u -R --utc --universal --rfc-email --iso-8601 --rfc-3339",
    values: { write: "-s --set", list: "-f --file", read: "-r --reference" }
  },
  uname: { flags: "-a -s -n -r -v -m -p -i -o --all" },
  id: { operands: "text", flags: "-u -g -G -n -r -z --user --group --groups --name" },
  whoami: {},
  groups: texts,
  nproc: { flags: "--all" },
  arch: {},
  hostname: { idle: true, operands: "write", flags: "-s -f -i -I -d" },
  tty: {},
  // Readers.
  ls: {
    operands: "read",
    here: true,
    flags:
      "-A -a -B -C -c -d -F -f -G -g -h -i -k -l -m -N -n -o -p -Q -q -R -r -S -s -t -U -u -v -X -x -1 -Z --all --almost-all " +
      "--color --directory --human-readable --recursive --reverse --size --classify --group-directories-first --full-time",
    values: { text: "--sort --time --time-style --format --indicator-style --quoting-style" },
    turns: { walk: "-R --recursive" }
  },
  cat: {
    operands: "read",
    flags: "-A -b -E -e -n -s -T -t -u -v --number --number-nonblank --show-all --show-ends --show-tabs --squeeze-blank"
  },
  tac: { operands: "read", flags: "-b -r --before --regex", values: { text: "-s --separator" } },
  rev: reads,
  head: {
    operands: "read",
    numbers: true,
    flags: "-q -v -z --quiet --silent --verbose",
    values: { text: "-n -c --lines --bytes" }
  },
  tail: {
    operands: "read",
    numbers: true,
    flags: "-q -v -z -r --quiet --silent --verbose",
    values: { text: "-n -c --lines --bytes" }
  },
  wc: {
    operands: "read",
    flags: "-c -l -L -m -w --lines --words --bytes --chars --max-line-length",
    values: { list: "--files0-from" }
  },
  nl: { operands: "read", flags: "-p --no-renumber", values: { text: "-b -d -f -h -i -l -n -s -v -w" } },
  sort: {
    operands: "read",
    flags:
      "-b -d -f -g -h -i -M -n -R -r -V -c -C -m -s -u -z --ignore-case --numeric-sort --general-numeric-sort " +
      "--human-numeric-sort --reverse --unique --stable --check --version-sort --month-sort --zero-terminated --merge",
    values: {
      text: "-k -t --key --field-separator --sort --parallel",
      read: "--random-source",
      list: "--files0-from",
      write: "-o -T --output --temporary-directory",
      run: "--compress-program"
    },
    risks: ["-o FILE FILE", "--compress-program COMMAND"]
  },
  uniq: {
    idle: true,
    operands: "read write",
    flags: "-c -d -D -i -u -z --count --repeated --all-repeated --ignore-case --unique --zero-terminated",
    values: { text: "-f -s -w --skip-fields --skip-chars --check-chars" },
    risks: ["FILE FILE"]
  },
  cut: {
    operands: "read",
    flags: "-n -s -z --complement --only-delimited --zero-terminated",
    values: { text: "-b -c -d -f --bytes --characters --delimiter --fields --output-delimiter" }
  },
  paste: { operands: "read", flags: "-s -z --serial", values: { text: "-d --delimiters" } },
  join: {
    operands: "read",
    flags: "-i -z --ignore-case --header --check-order --nocheck-order",
    values: { text: "-a -e -j -o -t -v -1 -2" }
  },
  comm: { operands: "read", flags: "-1 -2 -3 -i -z --total --check-order --nocheck-order" },
  column: {
    operands: "read",
    flags: "-t -x -e -J --table --fillrows",
    values: { text: "-s -o -c -N --separator --output-separator" }
  },
  fold: { operands: "read", flags: "-b -s --bytes --spaces", values: { text: "-w --width" } },
  fmt: { operands: "read", flags: "-c -s -u -t", values: { text: "-w --width" } },
  expand: { operands: "read", flags: "-i", values: { text: "-t --tabs" } },
  unexpand: { operands: "read", flags: "-a", values: { text: "-t --tabs" } },
  tree: {
    operands: "walk",
    here: true,
    flags:
      "-a -d -f -i -s -h -p -u -g -D -F -N -q -t -c -r -U -v -C -n -A -S -x -J -X --noreport --dirsfirst --filesfirst --du " +
      "--si --prune --gitignore --inodes --device --matchdirs --ignore-case -l",
    values: {
      text: "-L -P -I --filelimit --charset --sort --timefmt",
      write: "-o",
      list: "--fromfile --gitfile --infofile"
    },
    turns: { follow: "-l", write: "-R" },
    risks: ["-o FILE"]
  },
  du: {
    operands: "walk",
    here: true,
    flags:
      "-a -b -c -h -k -m -s -S -x -0 -H -L --all --apparent-size --bytes --total --human-readable --summarize --separate-dirs",
    values: { text: "-d --max-depth --exclude", list: "-X --exclude-from --files0-from" },
    turns: { follow: "-L -D -H --dereference" }
  },
  df: { operands: "read", acts: true, flags: "-h -k -m -T -i" },
  stat: { operands: "read", flags: "-t -L --terse --dereference", values: { text: "-c --format --printf" } },
  file: {
    operands: "read",
    flags: "-b -i -k -L -h -N -r -0 --brief --mime --mime-type --mime-encoding --dereference --no-dereference",
    values: { text: "-F --separator", list: "-f --files-from -m --magic-file", write: "-C --compile" }
  },
  realpath: {
    operands: "read",
    flags:
      "-e -m -L -P -q -s -z --canonicalize-existing --canonicalize-missing --logical --physical --quiet --strip --zero",
    values: { read: "--relative-to --relative-base" }
  },
  readlink: {
    operands: "read",
    flags:
      "-f -e -m -n -q -s -v -z --canonicalize --canonicalize-existing --canonicalize-missing --no-newline --quiet --zero"
  },
  // `diff` compares the files of two folders through links, even without an option. Given a file and a folder, it compares the
  // file with the one of that name in the folder.
  diff: {
    operands: "follow",
    flags:
      "-a -b -B -c -d -e -E -i -N -n -p -q -r -s -t -T -u -w -y -Z --text --brief --unified --context --recursive --new-file " +
      "--side-by-side --suppress-common-lines --ignore-case --ignore-all-space --ignore-blank-lines --ignore-space-change " +
      "--ignore-trailing-space --minimal --color --report-identical-files --strip-trailing-cr --show-c-function " +
      "--no-dereference --expand-tabs --left-column --normal --ed --rcs",
    values: {
      text: "-U -C -W -I -x -L -F --width --exclude --label --ignore-matching-lines --show-function-line --tabsize",
      list: "-X --exclude-from"
    }
  },
  diff3: { operands: "read", flags: "-A -e -E -m -T -x -X -3 -a" },
  cmp: {
    operands: "read read text",
    flags: "-b -l -s --print-bytes --verbose --quiet --silent",
    values: { text: "-i -n --ignore-initial --bytes" }
  },
  grep,
  egrep: grep,
  fgrep: grep,
  rg: ripgrep,
  find,
  sha256sum: digest,
  sha1sum: digest,
  sha224sum: digest,
  sha384sum: digest,
  sha512sum: digest,
  b2sum: digest,
  md5sum: digest,
  shasum: { ...digest, values: { text: "-a --algorithm" } },
  cksum: { operands: "read", flags: "" },
  sum: { operands: "read", flags: "-r -s" },
  hexdump: { operands: "read", flags: "-b -c -C -d -o -v -x", values: { text: "-e -n -s", list: "-f" } },
  od: {
    operands: "read",
    flags: "-a -b -c -d -f -i -l -o -s -x -v",
    attached: "-w",
    values: { text: "-A -j -N -t -w -S --address-radix --skip-bytes --read-bytes --format" }
  },
  xxd: {
    idle: true,
    operands: "read write",
    flags: "-a -b -e -E -i -p -ps -u -C",
    values: { text: "-c -g -l -o -s" },
    turns: { write: "-r" },
    risks: ["FILE FILE", "-r FILE FILE"]
  },
  strings: { operands: "read", flags: "-a -f -o -w", values: { text: "-n -t -e -s" }, numbers: true },
  base64: {
    operands: "read",
    flags: "-d -i --decode --ignore-garbage",
    values: { text: "-w --wrap" }
  },
  base32: { operands: "read", flags: "-d -i --decode", values: { text: "-w --wrap" } },
  nm: { operands: "read", flags: "-a -C -D -g -n -u --defined-only" },
  size: { operands: "read", flags: "-A -B -d -o -x" },
  readelf: { operands: "read", flags: "-a -h -l -S -s -e -n -r -d -V -W" },
  lsof: acts,
  jq,
  sed,
  awk,
  gawk: awk,
  mawk: awk,
  nawk: awk,
  git,
  tar: {
    operands: "write",
    style: "bundled",
    hosts: true,
    flags:
      "-t -v -z -j -J -p -c -x -r -u -A -d --list --verbose --gzip --bzip2 --xz --zstd --extract --create --append --update " +
      "--delete --numeric-owner --full-time --wildcards",
    turns: { text: "-t --list" },
    values: {
      text: "--exclude --strip-components --transform --level",
      read: "-f --file",
      folder: "-C --directory",
      list: "-T -X --files-from --exclude-from",
      write: "-g --listed-incremental --index-file",
      run: "-I -F --use-compress-program --to-command --checkpoint-action --info-script --new-volume-script --rsh-command --rmt-command"
    },
    risks: ["tfI FILE COMMAND", "xf FILE --to-command=COMMAND"]
  },
  unzip: {
    operands: "write",
    flags: "-l -v -t -Z -q -qq",
    turns: { read: "-l -v -t -Z -p" },
    values: { write: "-d" }
  },
  zipinfo: { operands: "read text", flags: "-1 -s -m -l -v -h -t -z" },
  zip: { operands: "write read", values: { run: "-TT --unzip-command" } },
  gzip: compresses,
  gunzip: compresses,
  bzip2: compresses,
  bunzip2: compresses,
  xz: compresses,
  unxz: compresses,
  zstd: compresses,
  zcat: { operands: "read" },
  // Writers.
  cp: copies,
  install: { ...copies, values: { ...copies.values, run: "--strip-program" } },
  mv: { ...copies, operands: "write" },
  ln: { ...copies, operands: "read", flags: "-s -f -n -v --symbolic --force" },
  link: writes,
  rm: writes,
  rmdir: writes,
  unlink: writes,
  shred: writes,
  mkdir: { operands: "write", flags: "-p -v --parents --verbose", values: { text: "-m --mode" } },
  mkfifo: writes,
  mknod: { operands: "write text" },
  mktemp: { operands: "write", values: { write: "-p --tmpdir", text: "--suffix" } },
  touch: { operands: "write", values: { text: "-d -t --date --time", read: "-r --reference" } },
  truncate: { operands: "write", values: { text: "-s --size", read: "-r --reference" } },
  fallocate: { operands: "write", values: { text: "-l -o" } },
  tee: { operands: "write", flags: "-a -i -p --append" },
  chmod: { operands: "text write", values: { read: "--reference" } },
  chown: { operands: "text write", values: { read: "--reference" } },
  chgrp: { operands: "text write", values: { read: "--reference" } },
  dd: {
    acts: true,
    style: "pairs",
    values: { read: "if", write: "of", text: "bs count skip seek conv iflag oflag ibs obs status" }
  },
  split: {
    acts: true,
    operands: "read write",
    values: { text: "-a -b -C -l -n", run: "--filter" },
    risks: ["--filter=COMMAND FILE"]
  },
  csplit: { acts: true, operands: "read text", values: { write: "-f --prefix" } },
  patch: { operands: "write", values: { read: "-i --input", write: "-o -r --output", folder: "-d --directory" } },
  dos2unix: writes,
  unix2dos: writes,
  iconv: { operands: "read", flags: "-c -s", values: { text: "-f -t --from-code --to-code", write: "-o --output" } },
  rsync: {
    acts: true,
    operands: "read",
    last: "write",
    hosts: true,
    values: { run: "-e --rsh --rsync-path", text: "--exclude --include", list: "--files-from --exclude-from" },
    risks: ["FILE HOST:FILE", "-e COMMAND FILE HOST:"]
  },
  scp: {
    acts: true,
    operands: "read",
    last: "write",
    hosts: true,
    values: { run: "-S -D", code: "-o -F" },
    risks: ["FILE HOST:FILE"]
  },
  // Programs whose operands are messages, names and numbers.
  kill: acts,
  pkill: acts,
  ps: acts,
  curl: {
    operands: "text",
    acts: true,
    values: {
      write: "-o -D -c -O --output --dump-header --cookie-jar --output-dir --trace",
      list: "-K --config",
      read: "-T"
    },
    risks: ["-o FILE URL", "-K FILE"]
  },
  wget: {
    operands: "text",
    acts: true,
    values: { write: "-O -o -P -a", list: "-i", code: "-e --execute", run: "--use-askpass" },
    risks: ["-O FILE URL"]
  },
  gh: acts,
  sqlite3: {
    acts: true,
    operands: "write sql",
    values: { code: "-cmd -init" },
    style: "words",
    risks: ["FILE '.shell COMMAND'", "FILE '.output FILE'"]
  },
  psql: {
    acts: true,
    operands: "text",
    values: { code: "-c -f -v --command --file --set", write: "-o -L" },
    risks: ["-c '\\! COMMAND'"]
  },
  mysql: { acts: true, operands: "text", values: { code: "-e --execute --init-command --pager" } },
  // Programs that run others.
  xargs: {
    operands: "run",
    flags: "-0 -r -t -x -o --null --no-run-if-empty",
    values: {
      text: "-I -n -P -L -d -E -s --max-args --max-procs --delimiter",
      list: "-a --arg-file"
    }
  },
  env: { operands: "run", acts: true },
  nice: runsRest,
  nohup: runsRest,
  setsid: runsRest,
  stdbuf: runsRest,
  ionice: runsRest,
  timeout: { operands: "text run" },
  time: { operands: "run", flags: "-p" },
  sudo: runsRest,
  doas: runsRest,
  eval: { operands: "shell" },
  source: { operands: "code text" },
  ".": { operands: "code text" },
  // Interpreters, and programs that run the code of a project.
  node: { ...interpreter, tells: "-v --version" },
  python: { ...interpreter, tells: "-V --version" },
  python3: { ...interpreter, tells: "-V --version" },
  perl: interpreter,
  ruby: interpreter,
  php: interpreter,
  npm: { ...nodePackages, risks: ["run SCRIPT", "exec COMMAND", "--script-shell=COMMAND test"] },
  pnpm: { ...nodePackages, risks: ["run SCRIPT", "exec COMMAND"] },
  yarn: { ...nodePackages, risks: ["run SCRIPT", "exec COMMAND"] },
  npx: { ...runsRest, runs: "project", risks: ["PACKAGE"] },
  bun: { ...nodePackages, risks: ["run SCRIPT"] },
  deno: { ...project, risks: ["run FILE"] },
  cargo: {
    ...project,
    quiet: cargoQuiet,
    values: { code: "--config" },
    risks: ["test --config CONFIG", "run", "install CRATE"]
  },
  go: {
    ...project,
    quiet: "build test vet fmt mod get install list env version doc work clean fix",
    values: { run: "-exec -toolexec -vettool" },
    risks: ["run FILE", "test -exec COMMAND", "generate", "vet -vettool=COMMAND"]
  },
  make: { operands: "code", runs: "project", risks: ["SHELL=COMMAND", "test VAR=VALUE", "-f FILE"] },
  gmake: { operands: "code", runs: "project", risks: ["SHELL=COMMAND"] },
  mvn: { ...project, risks: ["exec:exec", "test exec:exec"] },
  gradle: { ...project, risks: ["publish", "test publish"] },
  gradlew: { ...project, risks: ["publish", "test publish"] },
  "./gradlew": { ...project, risks: ["publish", "test publish"] },
  pytest: { operands: "code", runs: "project", risks: ["@FILE", "-p PLUGIN", "-c FILE"] },
  tox: { ...project, risks: ["exec -- COMMAND"] },
  nox: project,
  jest: project,
  vitest: project,
  tsc: project,
  eslint: project,
  // Programs of which only one risk is known.
  bat: { ...acts, values: { run: "--pager" } },
  delta: { ...acts, values: { run: "--pager" } },
  ag: { ...acts, values: { run: "--pager" } },
  ack: { ...acts, values: { run: "--pager", code: "--output" } },
  pandoc: { ...acts, values: { run: "-F -L --filter --lua-filter --pdf-engine" } },
  gcc: compiler,
  "g++": compiler,
  cc: compiler,
  "c++": compiler,
  clang: compiler,
  "clang++": compiler,
  rustc: { ...acts, values: { run: "-C --codegen" } },
  fd: { operands: "text walk", acts: true, values: { run: "-x -X --exec --exec-batch" } },
  fdfind: { operands: "text walk", acts: true, values: { run: "-x -X --exec --exec-batch" } },
  man: { operands: "text", acts: true, values: { run: "-P -H -B --pager --html --preprocessor" } },
  sftp: { operands: "text", acts: true, values: { run: "-S -D", code: "-o -F -b" } },
  pip: packages,
  pip3: packages,
  pipenv: packages,
  poetry: packages,
  conda: packages,
  mamba: packages,
  uv: packages,
  apt: systemPackages,
  "apt-get": systemPackages,
  "apt-cache": systemPackages,
  dnf: systemPackages,
  yum: systemPackages,
  apk: systemPackages,
  brew: systemPackages,
  pacman: systemPackages,
  zypper: systemPackages,
  docker: containers,
  podman: containers,
  kubectl: { ...acts, quiet: kubectlQuiet },
  helm: { ...acts, quiet: "list ls get status history search show template lint repo dependency version env" },
  ...Object.fromEntries(quiet.split(" ").map((name) => [name, acts]))
}
