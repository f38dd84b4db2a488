/** The published packages, dependencies first, and their modules. */
import { readdirSync } from "node:fs"
import * as path from "node:path"

export const root = path.dirname(import.meta.dirname)

export const packages = ["core", "policy", "ai", "durable", "cli"] as const

export const folderOf = (name: string): string => path.join(root, "packages", name)

/** A program that is installed for the workspace. */
export const installed = (program: string): string => path.join(root, "node_modules", ".bin", program)

/** The files below a folder of a package that users can import, relative to it, without internal and generated ones. */
export const publicFiles = (folder: string, extension: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(extension) && !/(^|\/)(internal|generated)\//.test(file))
    .toSorted()
