/**
 * The protected files: they control what runs later, so writing to them needs a separate permission. Commands, file changes
 * and grants share this table.
 *
 * Sources of the project are not listed, although they run too: a rule that accepts `npm test`, `make` or `pytest` thereby
 * accepts the current content of `package.json`, the `Makefile`, `conftest.py` and every test.
 */
import * as Effect from "effect/Effect"
import type { ProtectedFiles } from "../../Rule.ts"
import { trimEnd } from "../text.ts"
import { fold, type Place, type Walker } from "./path.ts"

const words = (text: string): ReadonlyArray<string> => text.trim().split(/\s+/)

// Names of files or folders anywhere in a path, in lower case; `*` stands for any characters.
const names: { readonly [K in ProtectedFiles]: ReadonlyArray<string> } = {
  // Other version control systems are included, since each has hooks or commands in its configuration.
  git: words(
    ".git .gitmodules .gitattributes .gitconfig .gitconfig.* .git-hooks .hg .hgrc .svn .bzr .jj .sl .pijul _darcs .fslckout"
  ),
  codex: words(
    `.codex .agents agents.md agents.*.md agent.md claude.md claude.*.md gemini.md qwen.md codex.md .claude .claude.json
     .cursor .cursorrules .mcp.json mcp.json .gemini .qwen .aider* .continue .continuerules .windsurf .windsurfrules .cline
     .clinerules .roo .roorules* .roomodes .opencode opencode.json opencode.jsonc .kiro .junie .augment .augment-guidelines
     .goose .goosehints .trae .amazonq .copilot .amp .zencoder .kilocode .kilocodemodes .factory .crush crush.json .crush.json`
  ),
  shell: words(
    `.bash_profile* .bash_login* .bash_logout* .bash_aliases* .bash_functions* .bash_env .bashrc* .bash_it .blerc .profile
     .profile.d .zsh .zshrc* .zshenv* .zprofile* .zlogin* .zlogout* .oh-my-zsh .zim .zimrc .zplug .p10k.zsh .kshrc .mkshrc
     .shrc .shinit .yashrc .cshrc* .tcshrc* .login .logout .inputrc .envrc .envrc.* .direnvrc .direnv .xprofile .xinitrc
     .xsession* .xsessionrc .pam_environment .ssh .sshrc .elvish .xonshrc profile.ps1 *_profile.ps1 .tmux.conf
     .screenrc .vim .vimrc .gvimrc .exrc .nexrc .nvimrc .nvim.lua .emacs .emacs.d .dir-locals.el .spacemacs .gdbinit
     .lldbinit .irbrc .pryrc .rprofile .renviron .pythonrc* .pystartup sitecustomize.py usercustomize.py .psqlrc
     .sqliterc .curlrc .wgetrc .cargo .gnupg .docker .kube .launchd.conf .kde`
  ),
  ci: words(
    `.github .gitlab .gitlab-ci* .circleci .travis.yml .travis.yaml .buildkite .drone.* .drone .woodpecker .woodpecker.*
     .forgejo .gitea .teamcity azure-pipelines* .azure-pipelines* .azuredevops .azure-devops .vsts-ci.yml
     bitbucket-pipelines.* .bitbucket appveyor.* .appveyor.* .appveyor cloudbuild.* buildspec* jenkinsfile* .jenkins
     .cirrus.* .semaphore .tekton .harness .zuul.* .zuul.d zuul.d .build.yml .builds .sourcehut .evergreen.* .vela.*
     codefresh.* .codefresh .codemagic.* codemagic.* bitrise.* .bitrise.* .screwdriver* wercker.yml .buddy .ci .concourse
     .dagger .depot .earthly .onedev-buildspec* .rwx .mergify.* .mergify .netlify netlify.toml vercel.json .vercel render.yaml`
  ),
  hooks: words(
    `.husky .huskyrc* .githooks .hooks .lefthook .lefthook.* .lefthook-local* lefthook.* lefthook-local.* .pre-commit-config*
     .pre-commit-hooks* .pre-commit prek.toml hk.pkl .overcommit .overcommit.* .lintstagedrc* lint-staged.config*
     .simple-git-hooks.* simple-git-hooks.* .cargo-husky captainhook.* .captainhook grumphp.* .vscode .vscode-server .idea
     .zed .fleet .nova .devcontainer .devcontainer.* devcontainer.json *.code-workspace *.sublime-project .npmrc .yarnrc
     .yarnrc.* .yarn .pnpmfile* .pnp.* .mise .mise.* mise.toml mise.*.toml .rtx .rtx.toml .tool-versions .asdfrc .devbox
     devbox.json .flox .devenv* .bundle .gemrc .pypirc .pip pip.conf .condarc .bunfig.toml bunfig.toml .sdkmanrc .watchmanconfig`
  )
}

export const kinds = ["git", "codex", "shell", "ci", "hooks"] as const satisfies ReadonlyArray<ProtectedFiles>

interface Pattern {
  readonly kind: ProtectedFiles
  readonly before: string
  /** The text after the star; `undefined` if there is no star. */
  readonly after: string | undefined
}

const patterns: ReadonlyArray<Pattern> = kinds.flatMap((kind) =>
  names[kind].map((name): Pattern => {
    const star = name.indexOf("*")
    return star === -1
      ? { kind, before: name, after: undefined }
      : { kind, before: name.slice(0, star), after: name.slice(star + 1) }
  })
)

const grouped = <K>(keyOf: (pattern: Pattern) => K | undefined): ReadonlyMap<K, ReadonlyArray<Pattern>> => {
  const found = new Map<K, Array<Pattern>>()
  for (const pattern of patterns) {
    const key = keyOf(pattern)
    if (key === undefined) continue
    const group = found.get(key)
    if (group === undefined) found.set(key, [pattern])
    else group.push(pattern)
  }
  return found
}

const exact = grouped(({ after, before }) => (after === undefined ? before : undefined))
// Grouped by their first letters, so that few have to be tried; those that begin with a star are always tried.
const starred = grouped(({ after, before }) => (after === undefined ? undefined : before.slice(0, 2)))
// Windows gives names a short form such as `GIT~1`, without the leading dot and with its own suffix.
const short = grouped(({ before }) => {
  const [base = ""] = before.replace(/^\./, "").split(".")
  return base === "" ? undefined : base.slice(0, 6)
})

const kindsOfName = (name: string): ReadonlyArray<ProtectedFiles> => {
  const tried = [...(starred.get("") ?? []), ...(starred.get(name.slice(0, 2)) ?? [])].filter(
    ({ after = "", before }) =>
      name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
  )
  const shortened = name.includes("~") ? (/^([^~]{1,6})~\d+(?:\.|$)/.exec(name)?.[1] ?? "") : ""
  return [...(exact.get(name) ?? []), ...tried, ...(short.get(shortened) ?? [])].map(({ kind }) => kind)
}

// Protected by their location.
const places: { readonly [K in ProtectedFiles]?: RegExp } = {
  git: /\/\.config\/(?:git|jj|hg)(?:\/|$)|^\/etc\/(?:gitconfig|mercurial)(?:\/|$)|^\/usr\/share\/git-core(?:\/|$)/,
  codex: /^\/etc\/(?:codex|claude-code)(?:\/|$)|\/\.config\/(?:goose|opencode|crush|amp|zed)(?:\/|$)/,
  shell: new RegExp(
    [
      String.raw`^/etc/(?:profile|environment|crontab|anacrontab|profile\.d|bash|bash\.bashrc|bashrc|zsh|zshrc|zshenv|zprofile|fish|csh\.[a-z]+|inputrc|cron\.[a-z]+|systemd|init|init\.d|rc\.local|rc\d?\.d|xdg|x11|pam\.d|security|sudoers|sudoers\.d|doas\.conf|ssh|ld\.so\.[a-z.]+|udev|passwd|shadow|group|shells|launchd\.conf|paths|paths\.d|periodic|update-motd\.d)(?:/|$)`,
      String.raw`/\.config/(?:systemd|autostart|fish|environment\.d|nushell|powershell|elvish|xonsh|zsh|bash|nvim|vim|emacs|doom|direnv|tmux|kitty|alacritty|wezterm|ghostty|sway|hypr|i3|pip|python|pycodestyle|gh)(?:/|$)`,
      String.raw`/library/launch(?:agents|daemons)(?:/|$)`,
      String.raw`^/var/spool/(?:cron|at)(?:/|$)`,
      // Folders that are searched for programs.
      String.raw`^/(?:usr/(?:local/)?)?(?:s?bin|lib\d*)(?:/|$)|^/opt/homebrew/(?:s?bin|lib)(?:/|$)|/\.local/(?:bin|lib)(?:/|$)|^/(?:home/[^/]+|users/[^/]+|root)/bin(?:/|$)|/node_modules/\.bin(?:/|$)|/site-packages/[^/]+\.pth$`
    ].join("|")
  ),
  hooks: /\/\.config\/(?:mise|rtx|code|pnpm|yarn)(?:\/|$)/
}

// Removes the parts of a name that Windows ignores: the name of a stream, and dots and blanks at the end.
const windowsName = (name: string): string =>
  /[:. ]/.test(name) ? trimEnd(name.slice(0, name.indexOf(":") === -1 ? name.length : name.indexOf(":")), ". ") : name

/** The kinds of protected files that a path belongs to by its name. It may be relative to an unknown folder. */
export const protectedByName = (path: string): ReadonlyArray<ProtectedFiles> => {
  const plain = fold(path).replaceAll("\\", "/")
  const components = plain.split("/").flatMap((name) => {
    const short = windowsName(name)
    return short === name ? [name] : [name, short]
  })
  // Git treats a folder without `.git` as a repository as soon as it has a HEAD.
  const isBare = components.at(-1) === "head" || components.slice(0, -1).some((name) => name.endsWith(".git"))
  const found = new Set(components.flatMap(kindsOfName))
  if (isBare) found.add("git")
  return kinds.filter((kind) => found.has(kind) || (plain.includes("/") && places[kind]?.test(plain) === true))
}

const ofRepository: ReadonlySet<string> = new Set(
  "config config.worktree hooks info objects refs packed-refs worktrees modules commondir gitdir logs".split(" ")
)

/** The kinds of protected files that a place belongs to, by its name or any of its locations. */
export const protectedBy = Effect.fnUntraced(function* (
  { locations, name }: Place,
  walker: Walker
): Effect.fn.Return<ReadonlyArray<ProtectedFiles>> {
  const paths = [...new Set(name === undefined ? locations : [name, ...locations])]
  const found = new Set(paths.flatMap(protectedByName))
  // Parts of a bare repository, which has no special name.
  for (const path of found.has("git") ? [] : paths) {
    const components = path.split("/")
    for (const [index, component] of components.entries()) {
      if (!ofRepository.has(fold(component))) continue
      if (yield* walker.exists([...components.slice(0, index), "HEAD"].join("/"))) found.add("git")
    }
  }
  return kinds.filter((kind) => found.has(kind))
})
