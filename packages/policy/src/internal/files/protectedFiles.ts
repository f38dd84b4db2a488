/**
 * Files that decide what runs later, so that a change to one of them is more than a change of a file.
 */
import type { ProtectedFiles } from "../../Rule.ts"

const names = (text: string): ReadonlySet<string> => new Set(text.split(" "))

// Names of files or folders, wherever they stand in a path, in lower case.
const anywhere: { readonly [K in ProtectedFiles]: ReadonlySet<string> } = {
  git: names(".git .gitmodules .gitattributes .gitconfig git~1"),
  codex: names(".codex .agents"),
  shell: names(
    ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout .kshrc " +
      ".mkshrc .cshrc .tcshrc .login .logout .inputrc .envrc .direnvrc .xprofile .xinitrc .xsession .pam_environment .ssh"
  ),
  ci: names(
    ".github .gitlab .gitlab-ci.yml .circleci .travis.yml .buildkite .drone.yml .woodpecker .woodpecker.yml .forgejo .gitea " +
      ".teamcity azure-pipelines.yml bitbucket-pipelines.yml appveyor.yml .appveyor.yml cloudbuild.yaml jenkinsfile"
  ),
  hooks: names(
    ".husky .githooks .lefthook lefthook.yml .lefthook.yml .pre-commit-config.yaml .pre-commit-hooks.yaml " +
      ".overcommit.yml .lintstagedrc .vscode .idea .devcontainer .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .mise.toml"
  )
}

const startUp =
  /^\/etc\/(?:profile|environment|crontab|profile\.d|bash\.bashrc|zsh|cron\.[a-z]+|systemd)(?:\/|$)|\/\.config\/(?:systemd|autostart|fish|environment\.d)(?:\/|$)|\/library\/launch(?:agents|daemons)(?:\/|$)|^\/var\/spool\/cron/

const kinds = ["git", "codex", "shell", "ci", "hooks"] as const satisfies ReadonlyArray<ProtectedFiles>

/** What a path belongs to. Case and characters without a width are no difference, as they aren't to every file system. */
export const protectedBy = (path: string): ReadonlyArray<ProtectedFiles> => {
  const plain = path
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .toLowerCase()
  const components = plain.split("/")
  return kinds.filter(
    (kind) => components.some((name) => anywhere[kind].has(name)) || (kind === "shell" && startUp.test(plain))
  )
}
