/**
 * What an argument may name as a path, whatever program it is for.
 */

const maxOptionLength = 64
const maxPieces = 64
/** The kernel takes no longer path, and programs no longer one from it. */
const maxPathLength = 4_095

/** How many names an argument may have as it is taken apart, and how long they are together. Takes none of it apart. */
export const extentOf = (arg: string): { readonly names: number; readonly length: number } => {
  const isCluster = /^-[^-]/.test(arg)
  const names = isCluster ? arg.length : 1 + (arg.match(/[=:,@]/g)?.length ?? 0)
  const isCoarse = arg.length > maxPathLength || names > (isCluster ? maxOptionLength : maxPieces)
  return { names, length: isCoarse ? arg.length : (names * arg.length) / 2 }
}

/**
 * All that an argument may name as a path: the whole of it, what comes after a separator, and what may be the value of an
 * option. `undefined` among them: that cannot be said.
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
  // Which letters of a cluster are options and where the value of the last one begins, only the program knows.
  if (arg.length > maxOptionLength) return [undefined]
  return Array.from(arg.slice(2), (_, index) => withTilde(arg.slice(index + 2)))
}

const withoutTilde = (text: string): ReadonlyArray<string | undefined> => split(text)?.map(withTilde) ?? [undefined]

// A program may take a tilde for a home by itself.
const withTilde = (path: string): string | undefined => (path.startsWith("~") ? undefined : path)

const split = (text: string): ReadonlyArray<string> | undefined => {
  if (text.length > maxPathLength) return undefined
  const starts = [0, ...Array.from(text.matchAll(/[=:,@]/g), ({ index }) => index + 1)]
  return starts.length > maxPieces
    ? undefined
    : starts.map((start) => text.slice(start)).filter((piece) => piece !== "")
}

/** The same, for those who only look at names: nothing in it is left out, and a long text is taken apart coarsely. */
export const piecesOf = (arg: string): ReadonlyArray<string> => {
  const text = arg.startsWith("--") ? arg.slice(arg.indexOf("=") + 1 || arg.length) : arg
  const isCluster = /^-[^-]/.test(text)
  const pieces = split(text)
  if (pieces === undefined || (isCluster && text.length > maxOptionLength)) {
    return text.split(/[=:,@\s]+/).filter((piece) => piece !== "")
  }
  return isCluster ? Array.from(text.slice(2), (_, index) => text.slice(index + 2)) : pieces
}
