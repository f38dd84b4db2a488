/**
 * Builds the packages and packs them into `tarballs/`, for projects that use them before they are on a registry:
 * `npm run tarballs`.
 */
import { mkdirSync, rmSync } from "node:fs"
import * as path from "node:path"
import { build, pack } from "./pack.ts"
import { root } from "./packages.ts"

const tarballs = path.join(root, "tarballs")
rmSync(tarballs, { recursive: true, force: true })
mkdirSync(tarballs)
build()
for (const { file } of pack(tarballs)) process.stdout.write(`tarballs/${file}\n`)
process.stdout.write(`Install them into a project: npm install ${path.join(tarballs, "*.tgz")}\n`)
