/** A git repository like any other, in a folder of its own, with something beside it that is nobody's business. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { makeFolder } from "./folders.ts"

export interface Repository {
  /** Absolute, with no link in it. */
  readonly root: string
  /** A folder beside it. */
  readonly outside: string
  readonly git: (...args: ReadonlyArray<string>) => string
  readonly write: (file: string, text: string) => void
}

export const makeRepository = (): Repository => {
  const base = makeFolder("repository")
  const root = path.join(base, "repo")
  const outside = path.join(base, "outside")
  mkdirSync(root)
  mkdirSync(outside)
  writeFileSync(path.join(outside, "secret"), "secret\n")
  const write = (file: string, text: string) => {
    const target = path.join(root, file)
    mkdirSync(path.dirname(target), { recursive: true })
    writeFileSync(target, text)
  }
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
      cwd: root,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: base, GIT_CONFIG_NOSYSTEM: "1" },
      stdio: ["ignore", "pipe", "ignore"]
    })
  write("README.md", "# Read\nfoo\n")
  write("package.json", '{ "version": "1.0.0", "dependencies": {} }\n')
  write("src/a.ts", "export const foo = 1\n")
  write("src/b.ts", "export const bar = 2\n")
  write("test/a.test.ts", "foo\n")
  write("docs/README.md", "# Docs\n")
  write("build/log.txt", "line\n")
  write("build/out.bin", "\u0000\u0001binary\n")
  write("fixture_api/main.ts", "foo\n")
  git("init", "-q", "-b", "main")
  git("add", "-A")
  git("commit", "-q", "-m", "one")
  git("remote", "add", "origin", "https://example.com/repo.git")
  return { root, outside, git, write }
}

export const layerNode = NodeServices.layer
