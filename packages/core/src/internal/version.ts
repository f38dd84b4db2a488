/**
 * The version of this package, which `scripts/version.ts` writes with every release. It is a constant, as this package reads
 * no file at import.
 */
export const version = "0.0.0"
