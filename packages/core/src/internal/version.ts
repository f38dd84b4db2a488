/**
 * The version of this package, which `scripts/version.ts` updates with every release. It is a constant, because this package
 * reads no files at import.
 */
export const version = "0.0.0"
