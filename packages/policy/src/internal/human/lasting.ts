/**
 * Decides which commands a person may accept for good.
 *
 * After an amendment, every command that begins with its words runs unasked and outside the sandbox. So a person is offered one
 * only if these words determine what would run. This module knows programs by their names, and nothing about requests.
 */
import { runsCode } from "../command/wrapper.ts"

// The effect of these programs depends on the arguments that follow, so no prefix limits it.
const unbounded: ReadonlySet<string> = new Set(
  (
    "rm rmdir unlink shred truncate mv cp dd ln install chmod chown chgrp chattr setfacl tee rsync scp sftp ftp rclone " +
    "curl wget aria2c nc ncat netcat socat telnet nmap docker docker-compose podman nerdctl kubectl oc helm terraform tofu " +
    "pulumi ansible ansible-playbook vagrant aws gcloud az gh glab systemctl service launchctl crontab kill killall pkill " +
    "mount umount mkfs fdisk parted iptables nft ufw apt apt-get dnf yum pacman apk brew port snap flatpak choco winget " +
    "scoop pip pipx uv conda mamba gem cpan mysql psql sqlite3 mongosh redis-cli tar unzip cpio 7z patch open start " +
    "explorer xdg-open reg sc schtasks net netsh del erase rd move copy xcopy robocopy ren icacls takeown format diskpart " +
    "rundll32 regsvr32 mshta certutil bitsadmin msiexec wmic cmd powershell pwsh wsl cscript wscript conhost forfiles"
  ).split(" ")
)

// Programs with subcommands: the subcommands that determine what is done. `run` needs one more word.
const commands = new Map<string, ReadonlySet<string>>(
  Object.entries({
    git: "add branch commit restore rev-parse show-ref stash status switch",
    npm: "test t run run-script ls outdated audit",
    pnpm: "test t run ls outdated audit build lint",
    yarn: "test run list outdated audit build lint",
    cargo: "build check clippy doc fmt test",
    go: "build fmt test vet"
  }).map(([program, names]) => [program, new Set(names.split(" "))])
)

const programName = (path: string): string =>
  (path.split(/[/\\]/).at(-1) ?? "").toLowerCase().replace(/\.(?:exe|cmd|bat|com|ps1)$/, "")

/** Whether the words of an amendment determine what would run. */
export const bounds = (words: ReadonlyArray<string>): boolean => {
  const [path = "", command = "", ...rest] = words
  const program = programName(path)
  if (!isCommand(command) || unbounded.has(program) || runsCode(program)) return false
  const known = commands.get(program)
  if (known === undefined) return true
  return known.has(command) && (!command.startsWith("run") || isCommand(rest[0] ?? ""))
}

const isCommand = (word: string): boolean => /^[A-Za-z0-9]/.test(word)
