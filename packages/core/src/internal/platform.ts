/**
 * The differences between operating systems: names and locations of programs, the shell, sockets, and whether processes can be
 * inspected. No other module of core checks the platform.
 *
 * This module only describes the system. It neither starts nor reads anything.
 */

// A browser has no `process`.
const system = globalThis.process?.platform
const isWindows = system === "win32"

/** The names that the executable of codex may have on the `PATH`, in order of preference. */
export const codexNames: ReadonlyArray<string> = isWindows ? ["codex.exe", "codex.cmd"] : ["codex"]

/** The name of the native executable in its package. */
export const nativeName = isWindows ? "codex.exe" : "codex"

/** The package with the native executable, without its scope: `codex-linux-x64`. */
export const nativePackage = `codex-${system}-${globalThis.process?.arch}`

/** The separator of the folders in the `PATH`. */
export const pathDelimiter = isWindows ? ";" : ":"

/** The shell for the scripts of this package; `undefined` where there is none. */
export const shell: string | undefined = isWindows ? undefined : "/bin/sh"

/** The shell, if the environments of other processes can be read in `/proc`. */
export const shellWithProc: string | undefined = system === "linux" ? shell : undefined

/** The kernel's limit for the path of a Unix socket, in bytes, without the terminating zero byte. */
export const maxSocketPath = system === "darwin" ? 103 : 107

/** Variables that a process needs to find programs, and on Windows to start at all. */
export const neededVariables: ReadonlyArray<string> = ["PATH", "SystemRoot", "SystemDrive", "ComSpec", "PATHEXT"]

/** The variables with the locations of a user's files and temporary files, for a home directory `user`. */
export const userVariables = (user: string, temp: string): Readonly<Record<string, string>> => ({
  HOME: user,
  TMPDIR: temp,
  ...(isWindows ? { USERPROFILE: user, TEMP: temp, TMP: temp } : {})
})
