/**
 * Fields of this package's `package.json`.
 *
 * @stability stable
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"

// This file is one folder below the package's, as a source, compiled and bundled.
const manifest: { readonly version: string; readonly engines: { readonly node: string } } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
)

/**
 * The version of this package.
 *
 * @category constants
 * @since 0.1.0
 */
export const version: string = manifest.version

/**
 * The versions of Node that it runs on, as a range.
 *
 * @category constants
 * @since 0.1.0
 */
export const nodeRange: string = manifest.engines.node
