/**
 * The version of this package.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"

// This file is one folder below the package's, as a source, compiled and bundled.
const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
)

/**
 * What `package.json` says.
 *
 * @category constants
 * @since 0.1.0
 */
export const version: string = manifest.version
