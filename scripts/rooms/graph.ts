/**
 * Draws the rooms and the imports between them as a Graphviz graph. A room is a folder in `src` or in `internal`. Counts are
 * omitted, so that the picture changes only with the rooms and the arrows.
 *
 * Modules outside such a folder are either words, which reach no room that imports anything; doors, which no room reaches; or
 * between rooms. A single room for those between would form a circle with every other room, so the ones that reach the same
 * rooms share a room.
 */
import * as Schema from "effect/Schema"
import * as path from "node:path"

/** The part of dependency-cruiser's output that is used. */
export const Cruised = Schema.Struct({
  modules: Schema.Array(
    Schema.Struct({
      source: Schema.String,
      dependencies: Schema.Array(
        Schema.Struct({ resolved: Schema.String, dependencyTypes: Schema.Array(Schema.String) })
      )
    })
  )
})

export interface Room {
  readonly pkg: string
  /** The folder below `src`; for modules in none, what they are, and the rooms that those between rooms reach. */
  readonly folder: string
  /** Its modules, unless it is a folder. */
  readonly modules?: ReadonlyArray<string>
}

export interface Arrow {
  readonly from: string
  readonly to: string
  /** Whether all of the imports are of types alone. */
  readonly typesOnly: boolean
}

export interface Rooms {
  /** By `package/folder`. */
  readonly rooms: ReadonlyMap<string, Room>
  readonly arrows: ReadonlyArray<Arrow>
}

const pkgOf = (file: string): string | undefined => /^packages\/([^/]+)\/src\//.exec(file)?.[1]

const folderOf = (file: string): string | undefined => {
  const folders = file.split("/").slice(3, -1)
  const folder = folders.slice(0, folders[0] === "internal" ? 2 : 1).join("/")
  return folder === "" || folder === "internal" ? undefined : folder
}

const keyOf = ({ folder, pkg }: Pick<Room, "folder" | "pkg">) => `${pkg}/${folder}`

/** Everything that can be reached over arrows, without the start unless a circle leads back to it. */
const reach = (start: string, next: (from: string) => ReadonlyArray<string>): ReadonlySet<string> => {
  const seen = new Set<string>()
  const open = [...next(start)]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (seen.has(one)) continue
    seen.add(one)
    open.push(...next(one))
  }
  return seen
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** The rooms of the modules of packages. Imports of anything else, and within a room, are left out. */
export const roomsOf = ({ modules }: typeof Cruised.Type): Rooms => {
  const imports = new Map(
    modules.map(({ dependencies, source }) => [source, dependencies.map(({ resolved }) => resolved)])
  )
  const importsOf = (file: string) => imports.get(file) ?? []
  const inFolders = [...imports.keys()].filter((file) => pkgOf(file) !== undefined && folderOf(file) !== undefined)
  const reachedByRooms = (file: string) =>
    inFolders.some((other) => pkgOf(other) === pkgOf(file) && reach(other, importsOf).has(file))
  const isOfOtherRoom = (file: string) => (other: string) =>
    pkgOf(other) === pkgOf(file) && folderOf(other) !== folderOf(file)
  const importing = new Set(
    inFolders
      .filter((file) => importsOf(file).some(isOfOtherRoom(file)))
      .map((file) => `${pkgOf(file)}/${folderOf(file)}`)
  )
  const kindOf = (file: string, pkg: string): string => {
    const reached = [...reach(file, importsOf)].filter((other) => pkgOf(other) === pkg)
    const folders = [...new Set(reached.flatMap((other) => folderOf(other) ?? []))]
      .filter((folder) => importing.has(`${pkg}/${folder}`))
      .toSorted(compare)
    if (folders.length === 0) return "words"
    return reachedByRooms(file) ? `over ${folders.join(", ")}` : "doors"
  }
  const loose = new Map<string, Array<string>>()
  const known = new Map<string, Room>()
  const find = (file: string, pkg: string): Room => {
    const folder = folderOf(file)
    if (folder !== undefined) return { pkg, folder }
    const room = { pkg, folder: kindOf(file, pkg) }
    const names = loose.get(keyOf(room)) ?? []
    loose.set(keyOf(room), names)
    names.push(path.basename(file, ".ts"))
    return { ...room, modules: names }
  }
  const roomOf = (file: string): Room | undefined => {
    const pkg = pkgOf(file)
    if (pkg === undefined) return undefined
    const room = known.get(file) ?? find(file, pkg)
    known.set(file, room)
    return room
  }
  const rooms = new Map<string, Room>()
  const arrows = new Map<string, Arrow>()
  for (const { dependencies, source } of modules.toSorted((a, b) => compare(a.source, b.source))) {
    const room = roomOf(source)
    if (room === undefined) continue
    const from = keyOf(room)
    rooms.set(from, room)
    for (const { dependencyTypes, resolved } of dependencies) {
      const other = roomOf(resolved)
      if (other === undefined || keyOf(other) === from) continue
      const to = keyOf(other)
      const before = arrows.get(`${from} ${to}`)
      arrows.set(`${from} ${to}`, {
        from,
        to,
        typesOnly: (before?.typesOnly ?? true) && dependencyTypes.includes("type-only")
      })
    }
  }
  return {
    rooms: new Map([...rooms].toSorted(([a], [b]) => compare(a, b))),
    arrows: [...arrows.values()].toSorted((a, b) => compare(a.from, b.from) || compare(a.to, b.to))
  }
}

/** Rooms that can be reached from each other, types included. */
export const circlesOf = ({ arrows, rooms }: Rooms): ReadonlySet<string> => {
  const next = (key: string) => arrows.filter(({ from }) => from === key).map(({ to }) => to)
  const reached = new Map([...rooms.keys()].map((key) => [key, reach(key, next)]))
  const inCircle = ({ from, to }: Arrow) => reached.get(to)?.has(from) === true
  return new Set(arrows.filter(inCircle).map(({ from, to }) => `${from} ${to}`))
}

const quote = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`

const colours: Readonly<Record<string, string>> = {
  cli: "#8250df",
  durable: "#9a6700",
  ai: "#bf3989",
  policy: "#1a7f37",
  core: "#0969da"
}
const colourOf = (pkg: string) => colours[pkg] ?? "#57606a"

/** A drawing for Graphviz. Arrows have the colour of the importing package; those of a circle are red. */
export const dotOf = (all: Rooms): string => {
  const circles = circlesOf(all)
  const packages = [...new Set([...all.rooms.values()].map(({ pkg }) => pkg))]
  const clusters = packages.flatMap((pkg) => [
    `  subgraph ${quote(`cluster_${pkg}`)} {`,
    `    label=${quote(pkg)}; labeljust=l; fontsize=16; fontcolor=${quote(colourOf(pkg))};`,
    `    style="rounded,filled"; color=${quote(`${colourOf(pkg)}55`)}; fillcolor=${quote(`${colourOf(pkg)}0d`)};`,
    ...[...all.rooms].flatMap(([key, room]) => {
      if (room.pkg !== pkg) return []
      const name = room.folder.startsWith("over ") ? (room.modules ?? []).toSorted(compare).join("\n") : room.folder
      const style = room.modules !== undefined ? "rounded,filled,bold" : "rounded,filled"
      return [`    ${quote(key)} [label=${quote(name)}; style=${quote(style)}; color=${quote(colourOf(pkg))}];`]
    }),
    "  }"
  ])
  const arrows = all.arrows.map(({ from, to, typesOnly }) => {
    const isCircle = circles.has(`${from} ${to}`)
    const colour = isCircle ? "#cf222e" : `${colourOf(from.split("/")[0] ?? "")}b0`
    const attributes = [
      `color=${quote(colour)}`,
      `tooltip=${quote(`${from} imports ${to}${typesOnly ? ", types only" : ""}`)}`,
      ...(typesOnly ? ["style=dashed"] : [])
    ]
    return `  ${quote(from)} -> ${quote(to)} [${attributes.join("; ")}];`
  })
  return [
    "digraph rooms {",
    '  graph [rankdir=TB; nodesep=0.25; ranksep=0.55; bgcolor="#ffffff"; fontname="Helvetica,Arial,sans-serif"];',
    '  node [shape=box; fillcolor="#ffffff"; fontname="Helvetica,Arial,sans-serif"; fontsize=11; margin="0.2,0.07"];',
    "  edge [arrowsize=0.6];",
    ...clusters,
    ...arrows,
    "}",
    ""
  ].join("\n")
}
