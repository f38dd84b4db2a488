/** Builds the packages and packs them as they are published. */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import * as path from "node:path"
import { folderOf, packages, root } from "./packages.ts"

export interface Packed {
  /** The folder's name: `core`. */
  readonly name: string
  readonly fullName: string
  readonly version: string
  /** The name of the tarball in the destination. */
  readonly file: string
}

/** Runs a program in the workspace and ends this one, with what it has said, if it fails. */
export const must = (command: string, args: ReadonlyArray<string>, options: { readonly cwd?: string } = {}): string => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8", ...options })
  if (status === 0) return stdout
  process.stdout.write(`${stdout}${stderr}failed: ${command} ${args.join(" ")} ${error?.message ?? ""}\n`)
  process.exit(1)
}

export const build = (): void => {
  // The compiler leaves what it made of sources that are gone, and it would be published.
  for (const name of packages) {
    const dist = path.join(folderOf(name), "dist")
    if (!existsSync(dist)) continue
    for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
      const source = path.join(folderOf(name), "src", file.replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts"))
      if (/\.(ts|js|map)$/.test(file) && !existsSync(source)) rmSync(path.join(dist, file))
    }
  }
  must("npm", ["run", "--silent", "--ignore-scripts", "build"])
}

/** Packs each package into a folder, in the order in which they need each other. */
export const pack = (destination: string): ReadonlyArray<Packed> => {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
  must("npx", ["-y", packageManager, "-r", "--filter", "./packages/*", "pack", "--pack-destination", destination])
  return packages.map((name) => {
    const { name: fullName, version } = JSON.parse(readFileSync(path.join(folderOf(name), "package.json"), "utf8"))
    return { name, fullName, version, file: `${fullName.replace("@", "").replace("/", "-")}-${version}.tgz` }
  })
}
