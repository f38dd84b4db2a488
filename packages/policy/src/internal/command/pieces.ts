/**
 * Finds the paths that an argument may contain, for any program.
 */

const maxOptionLength = 64
const maxPieces = 64
/** The kernel accepts no longer path. */
const maxPathLength = 4_095

/** The number of names that `pathsIn` would find in an argument, and their total length, without splitting it. */
export const extentOf = (arg: string): { readonly names: number; readonly length: number } => {
  const isCluster = /^-[^-]/.test(arg)
  const names = isCluster ? arg.length : 1 + (arg.match(/[=:,@]/g)?.length ?? 0)
  const isCoarse = arg.length > maxPathLength || names > (isCluster ? maxOptionLength : maxPieces)
  return { names, length: isCoarse ? arg.length : (names * arg.length) / 2 }
}

/**
 * Every path that an argument may name: the whole argument, the rest after each separator, and any text that may be the value
 * of an option. An `undefined` one cannot be determined.
 */
export const pathsIn = (arg: string): ReadonlyArray<string | undefined> => {
  if (arg === "" || arg === "-" || arg === "--") return []
  if (!arg.startsWith("-")) return withoutTilde(arg)
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=")
    const name = equals === -1 ? arg : arg.slice(0, equals)
    if (!/^--[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) return [undefined]
    return equals === -1 ? [] : withoutTilde(arg.slice(equals + 1))
  }
  // Only the program knows which letters of a cluster are options, and where the value of the last one begins.
  if (arg.length > maxOptionLength) return [undefined]
  return Array.from(arg.slice(2), (_, index) => withTilde(arg.slice(index + 2)))
}

const withoutTilde = (text: string): ReadonlyArray<string | undefined> => split(text)?.map(withTilde) ?? [undefined]

// A program may itself expand a tilde to a home.
const withTilde = (path: string): string | undefined => (path.startsWith("~") ? undefined : path)

const split = (text: string): ReadonlyArray<string> | undefined => {
  if (text.length > maxPathLength) return undefined
  const starts = [0, ...Array.from(text.matchAll(/[=:,@]/g), ({ index }) => index + 1)]
  return starts.length > maxPieces
    ? undefined
    : starts.map((start) => text.slice(start)).filter((piece) => piece !== "")
}

/** The same for checks of names: every part of the argument is included, and a long text is split coarsely. */
export const piecesOf = (arg: string): ReadonlyArray<string> => {
  const text = arg.startsWith("--") ? arg.slice(arg.indexOf("=") + 1 || arg.length) : arg
  const isCluster = /^-[^-]/.test(text)
  const pieces = split(text)
  if (pieces === undefined || (isCluster && text.length > maxOptionLength)) {
    return text.split(/[=:,@\s]+/).filter((piece) => piece !== "")
  }
  return isCluster ? Array.from(text.slice(2), (_, index) => text.slice(index + 2)) : pieces
}
