/**
 * What a path is and where it leads, function by function, on a real tree; and what is not known where the file system does
 * not tell.
 */
import * as path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import {
  fold,
  from,
  isPossiblyWithin,
  isSurelyWithin,
  isWithin,
  mayContain,
  normalize,
  type Place,
  unknownPlace,
  unsettle,
  walker as startWalking,
  walkerOf
} from "../src/internal/files/path.ts"
import { lookUp } from "../src/internal/files/places.ts"
import { lookBelow } from "../src/internal/files/tree.ts"
import { makeTree } from "./tree.ts"

const chain = Object.fromEntries(Array.from({ length: 42 }, (_, index) => [`/chain/${index + 1}`, `${index}`]))

const root = makeTree(["/a/b/file", "/a/c/", "/out/secret", "/Upper/x", "/chain/0", "/many/d1/f", "/many/d2/f"], {
  "/link": "a/b",
  "/away": "out/../out",
  "/absolute": "/",
  "/a/up": "..",
  "/slash": "out/",
  [`/${"n".repeat(255)}`]: "out",
  "/gone": "nowhere",
  "/many/link": "../out",
  "/many/d1/link": "f",
  ...chain
})

const walking = <A>(use: (walker: Effect.Success<typeof startWalking>) => Effect.Effect<A>, maxQuestions?: number) =>
  Effect.flatMap(maxQuestions === undefined ? startWalking : walkerOf(maxQuestions), use).pipe(
    Effect.provide(NodeFileSystem.layer)
  )
const placeOf = (name: string) => walking((walker) => walker.placeOf(name))
const inRoot = (name: string) => placeOf(`${root}/${name}`)

describe("a path by its name", () => {
  it.each([
    ["/", "/"],
    ["/a", "/a"],
    ["/a/", "/a"],
    ["//a///b", "/a/b"],
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/../..", "/"],
    ["/a/...", "/a/..."],
    ["/a/b/../..", "/"],
    ["a", undefined],
    ["", undefined],
    ["./a", undefined],
    ["~/a", undefined],
    ["/a\0b", undefined]
  ])("%j is %j", (name, plain) => expect(normalize(name)).toBe(plain))

  it("is seen from a folder unless it is absolute", () => {
    expect(from("/a", "b/../c")).toBe("/a/b/../c")
    expect(from("/a", "/b")).toBe("/b")
  })

  it.each([
    ["/a", "/a", true],
    ["/a/b", "/a", true],
    ["/a/b/c", "/a/b/", true],
    ["/ab", "/a", false],
    ["/a", "/a/b", false],
    ["/b", "/a", false],
    ["/a/../b", "/a", false],
    ["/b/../a/x", "/a", true],
    ["/x", "/", true],
    ["/", "/", true],
    ["x", "/", false],
    ["/x", "", false],
    ["x", "x", false]
  ])("%j in %j: %j", (inner, outer, is) => expect(isWithin(inner, outer)).toBe(is))

  it.each([
    ["A b~", "a b~"],
    ["\uff21", "a"],
    ["\u00c9", "\u00e9"],
    ["e\u0301", "\u00e9"],
    ["a\u200bb\u200bc", "abc"],
    ["\u212a", "k"]
  ])("%j is folded to %j", (name, folded) => expect(fold(name)).toBe(folded))
})

describe("the place of a path", () => {
  it.effect("is the entry, and what it leads to, by the kernel's way and by name", () =>
    Effect.gen(function* () {
      const { length } = root
      const seen = Effect.fnUntraced(function* (name: string) {
        const place = yield* inRoot(name)
        const short = (path: string | undefined) => (path?.startsWith(root) === true ? path.slice(length) : path)
        return {
          name: short(place.name),
          locations: place.locations.map(short),
          real: short(place.real),
          realByName: short(place.realByName),
          certain: place.certain
        }
      })
      const plain = (name: string) => ({ name, locations: [name], real: name, realByName: name, certain: true })
      expect(yield* seen("a/b/file")).toEqual(plain("/a/b/file"))
      expect(yield* seen("a/b/new")).toEqual(plain("/a/b/new"))
      expect(yield* seen("link")).toEqual({ ...plain("/a/b"), name: "/link", locations: ["/link", "/a/b"] })
      expect(yield* seen("link/file")).toEqual({ ...plain("/a/b/file"), name: "/link/file" })
      expect(yield* seen("gone/x")).toEqual({ ...plain("/nowhere/x"), name: "/gone/x" })
      expect(yield* seen("away/secret")).toEqual({ ...plain("/out/secret"), name: "/away/secret" })
      expect(yield* seen("slash/x")).toEqual({ ...plain("/out/x"), name: "/slash/x" })
      const longest = "n".repeat(255)
      expect(yield* seen(`${longest}/x`)).toEqual({ ...plain("/out/x"), name: `/${longest}/x` })
      expect(yield* seen("a/up/out")).toEqual({ ...plain("/out"), name: "/a/up/out" })
      expect(yield* seen("link/../c")).toEqual({
        name: "/c",
        locations: ["/a/c", "/c"],
        real: "/a/c",
        realByName: "/c",
        certain: true
      })
      expect(yield* seen("link/..")).toEqual({
        name: "",
        locations: ["/a", ""],
        real: "/a",
        realByName: "",
        certain: true
      })
      // Nothing is there to go up from.
      expect(yield* seen("new/../a")).toEqual({
        name: "/a",
        locations: ["/a"],
        real: undefined,
        realByName: "/a",
        certain: false
      })
      expect(yield* placeOf(`${root}/absolute/etc`)).toMatchObject({ real: "/etc", locations: ["/etc"] })
      expect(yield* placeOf(`${root}/absolute`)).toMatchObject({ real: "/", locations: [`${root}/absolute`, "/"] })
      expect(yield* placeOf("/..")).toMatchObject({ name: "/", real: "/", realByName: "/", locations: ["/"] })
    })
  )

  it.effect("has all of its names folded", () =>
    Effect.gen(function* () {
      const { folded } = yield* inRoot("Upper/X")
      expect(folded).toEqual([fold(`${root}/upper/x`)])
      expect((yield* inRoot("link")).folded).toEqual([fold(`${root}/link`), fold(`${root}/a/b`)])
    })
  )

  it.effect("is not known of a path that is not absolute, or longer than the kernel takes", () =>
    Effect.gen(function* () {
      expect(yield* placeOf("a/b")).toBe(unknownPlace)
      const long = (length: number) => `/${"x/".repeat(length)}`.slice(0, length)
      expect((yield* placeOf(long(4095))).name).toBeDefined()
      expect(yield* placeOf(long(4096))).toBe(unknownPlace)
    })
  )

  it.effect("is known over 40 links and no more", () =>
    Effect.gen(function* () {
      expect((yield* inRoot("chain/40")).real).toBe(`${root}/chain/0`)
      expect((yield* inRoot("chain/41")).real).toBeUndefined()
      expect((yield* inRoot("chain/41")).certain).toBe(false)
    })
  )

  it.effect("is asked for as often as a walker may ask, and each name once", () =>
    Effect.gen(function* () {
      const depth = root.split("/").length
      const asking = (maxQuestions: number, ...names: ReadonlyArray<string>) =>
        walking(
          (walker) =>
            Effect.map(Effect.forEach(names, walker.placeOf), (places) => places.map(({ certain }) => certain)),
          maxQuestions
        )
      expect(yield* asking(depth, `${root}/a`)).toEqual([true])
      expect(yield* asking(depth - 1, `${root}/a`)).toEqual([false])
      expect(yield* asking(depth, `${root}/a`, `${root}/a`, `${root}/out`)).toEqual([true, true, false])
      const names = Array.from({ length: 210 }, (_, index) => `${root}/n${index}`)
      const certain = yield* walking((walker) => Effect.forEach(names, walker.placeOf))
      expect(certain.filter((place) => place.certain).length).toBe(200 - depth + 1)
    })
  )

  it.effect("asks nothing about what lies below a file, or below a name that no file system has", () =>
    Effect.gen(function* () {
      for (const name of ["a/b/file/x", `${"n".repeat(256)}/x`]) {
        expect((yield* inRoot(name)).real).toBe(`${root}/${name}`)
      }
      expect((yield* inRoot("a/b/file/..")).real).toBeUndefined()
      expect((yield* inRoot("a/b/..")).real).toBe(`${root}/a`)
    })
  )
})

describe("a walker", () => {
  it.effect("tells what there is, folders and others, and what folders hold", () =>
    walking(({ entriesIn, exists, isFolder, isSpent }) =>
      Effect.gen(function* () {
        const at = (name: string) => `${root}/${name}`
        const asked = Effect.fnUntraced(function* (name: string) {
          return [yield* exists(at(name)), yield* isFolder(at(name))]
        })
        expect(yield* asked("a")).toEqual([true, true])
        expect(yield* asked("a/b/file")).toEqual([true, false])
        expect(yield* asked("link")).toEqual([true, false])
        expect(yield* asked("no")).toEqual([false, false])
        const listed = Effect.fnUntraced(function* (name: string) {
          return (yield* entriesIn(at(name)))?.map(({ kind, name }) => `${kind} ${name}`).toSorted()
        })
        expect(yield* listed("a")).toEqual(["Folder b", "Folder c", "Link up"])
        expect(yield* listed("a/b")).toEqual(["Other file"])
        expect(yield* listed("a/b/file")).toEqual([])
        expect(yield* listed("no")).toEqual([])
        expect(isSpent()).toBe(false)
      })
    )
  )

  const failing = (tag: "NotFound" | "PermissionDenied", method: string) =>
    Effect.fail(PlatformError.systemError({ _tag: tag, module: "FileSystem", method, pathOrDescriptor: "x" }))
  const info = (type: FileSystem.File.Type) => Effect.succeed({ type } as FileSystem.File.Info)
  const on = <A>(
    methods: Partial<FileSystem.FileSystem>,
    use: (walker: Effect.Success<typeof startWalking>) => Effect.Effect<A>
  ) => Effect.flatMap(startWalking, use).pipe(Effect.provide(FileSystem.layerNoop(methods)))

  it.effect("takes what it may not look at for something that is there and may be a folder", () =>
    on({ lstat: () => failing("PermissionDenied", "lstat") }, ({ exists, isFolder, placeOf }) =>
      Effect.gen(function* () {
        expect([yield* exists("/x"), yield* isFolder("/x")]).toEqual([true, true])
        expect(yield* placeOf("/x")).toMatchObject({ name: "/x", locations: [], real: undefined, certain: false })
      })
    )
  )

  it.effect("does not know where a link leads that it can't read, or that is empty", () =>
    Effect.gen(function* () {
      for (const readLink of [failing("PermissionDenied", "readLink"), Effect.succeed("")]) {
        const place = yield* on({ lstat: () => info("SymbolicLink"), readLink: () => readLink }, ({ placeOf }) =>
          placeOf("/x")
        )
        expect(place.certain).toBe(false)
      }
    })
  )

  it.effect("knows what a folder holds unless it can't be read", () =>
    Effect.gen(function* () {
      const unread = (stat: Effect.Effect<FileSystem.File.Info, PlatformError.PlatformError>) =>
        on(
          { readDirectoryEntries: () => failing("PermissionDenied", "readDirectoryEntries"), stat: () => stat },
          ({ entriesIn, isSpent }) => Effect.map(entriesIn("/x"), (entries) => [entries, isSpent()])
        )
      expect(yield* unread(info("Directory"))).toEqual([undefined, false])
      expect(yield* unread(failing("PermissionDenied", "stat"))).toEqual([undefined, false])
      expect(yield* unread(info("File"))).toEqual([[], false])
      expect(yield* unread(failing("NotFound", "stat"))).toEqual([[], false])
    })
  )

  it.effect("looks at an entry whose kind a folder does not tell", () =>
    Effect.gen(function* () {
      const kindsIn = (lstat: Effect.Effect<FileSystem.File.Info, PlatformError.PlatformError>) =>
        on(
          {
            readDirectoryEntries: () => Effect.succeed([{ name: "a", type: "Unknown" }]),
            lstat: () => lstat,
            readLink: () => Effect.succeed("b")
          },
          ({ entriesIn }) => entriesIn("/x")
        )
      expect(yield* kindsIn(info("SymbolicLink"))).toEqual([{ name: "a", kind: "Link" }])
      expect(yield* kindsIn(info("Directory"))).toEqual([{ name: "a", kind: "Folder" }])
      expect(yield* kindsIn(info("FIFO"))).toEqual([{ name: "a", kind: "Other" }])
      expect(yield* kindsIn(failing("NotFound", "lstat"))).toBeUndefined()
      expect(yield* kindsIn(failing("PermissionDenied", "lstat"))).toBeUndefined()
    })
  )

  it.effect("lists folders of 10,000 entries together, where a folder counts as 20 more", () =>
    Effect.gen(function* () {
      const listing = Effect.fnUntraced(function* (...sizes: ReadonlyArray<number>) {
        let listed = 0
        const readDirectoryEntries = (path: string) =>
          Effect.sync(() => {
            listed++
            return Array.from({ length: sizes[Number(path.slice(1))] ?? 0 }, (_, index) => ({
              name: `${index}`,
              type: "File" as const
            }))
          })
        const found = yield* on({ readDirectoryEntries }, ({ entriesIn, isSpent }) =>
          Effect.forEach(sizes, (_, index) =>
            Effect.map(entriesIn(`/${index}`), (entries) => [entries?.length, isSpent()])
          )
        )
        return { found, listed }
      })
      expect(yield* listing(9_980)).toEqual({ found: [[9_980, false]], listed: 1 })
      expect(yield* listing(9_981)).toEqual({ found: [[undefined, true]], listed: 1 })
      expect(yield* listing(5_000, 4_960, 1, 1)).toEqual({
        found: [
          [5_000, false],
          [4_960, false],
          [undefined, true],
          [undefined, true]
        ],
        listed: 2
      })
      const { found, listed } = yield* listing(...Array.from({ length: 600 }, () => 0))
      expect([found.filter(([length]) => length === 0).length, listed]).toEqual([500, 500])
    })
  )

  it.effect("looks at each entry once", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const lstat = (name: string) =>
        Effect.andThen(
          Effect.sync(() => asked.push(name)),
          info("Directory")
        )
      yield* on({ lstat }, ({ exists, placeOf }) =>
        Effect.gen(function* () {
          for (const _ of [1, 2]) yield* placeOf("/a/b")
          for (const name of ["/a", "/c", "/c"]) yield* exists(name)
        })
      )
      expect(asked).toEqual(["/a", "/a/b", "/c"])
    })
  )
})

describe("what is below a path", () => {
  const below = (name: string) => walking((walker) => lookBelow(walker)(`${root}/${name}`))

  it.effect("is every entry, with the links apart, and nothing below a file or what is not there", () =>
    Effect.gen(function* () {
      const many = yield* below("many")
      expect([...(many?.names ?? [])].toSorted()).toEqual(["/d1", "/d1/f", "/d1/link", "/d2", "/d2/f", "/link"])
      expect([...(many?.links ?? [])].toSorted()).toEqual([`${root}/many/d1/link`, `${root}/many/link`])
      for (const name of ["a/b/file", "no"]) expect(yield* below(name)).toEqual({ names: [], links: [] })
      expect((yield* below("link"))?.names).toEqual(["/file"])
      expect(yield* below("new/../x")).toBeUndefined()
    })
  )

  it.effect("is not known if a folder can't be read, or an entry is gone by then", () =>
    Effect.gen(function* () {
      const gone = Effect.fail(
        PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "x", pathOrDescriptor: "x" })
      )
      const folder = Effect.succeed({ type: "Directory" } as FileSystem.File.Info)
      const denied = Effect.fail(
        PlatformError.systemError({
          _tag: "PermissionDenied",
          module: "FileSystem",
          method: "x",
          pathOrDescriptor: "x"
        })
      )
      const cases: ReadonlyArray<Partial<FileSystem.FileSystem>> = [
        { lstat: () => folder, readDirectoryEntries: () => denied, stat: () => folder },
        {
          lstat: (name) => (name === "/a" ? folder : gone),
          readDirectoryEntries: () => Effect.succeed([{ name: "f", type: "Unknown" }])
        }
      ]
      for (const fs of cases) {
        const found = yield* Effect.flatMap(startWalking, (walker) => lookBelow(walker)("/a")).pipe(
          Effect.provide(FileSystem.layerNoop(fs))
        )
        expect(found).toBeUndefined()
      }
    })
  )

  it.effect("is looked at once", () =>
    Effect.gen(function* () {
      const listed: Array<string> = []
      const fs: Partial<FileSystem.FileSystem> = {
        lstat: (name) => Effect.succeed({ type: name === "/a/f" ? "File" : "Directory" } as FileSystem.File.Info),
        readDirectoryEntries: (name) => Effect.sync(() => (listed.push(name), [{ name: "f", type: "File" }]))
      }
      yield* Effect.gen(function* () {
        const look = lookBelow(yield* startWalking)
        expect(yield* look("/a")).toEqual({ names: ["/f"], links: [] })
        expect(yield* look("/a")).toEqual({ names: ["/f"], links: [] })
      }).pipe(Effect.provide(FileSystem.layerNoop(fs)))
      expect(listed).toEqual(["/a"])
    })
  )
})

describe("places of which one may lie in the other", () => {
  const place = (name: string, more: Partial<Place> = {}): Place => ({
    name,
    locations: [name],
    real: name,
    realByName: name,
    folded: [...new Set([name, ...(more.locations ?? [])].map(fold))],
    certain: true,
    ...more
  })
  const unsure = (name: string) => place(name, { certain: false })

  it.each([
    ["the folder itself", place("/a"), [place("/a")], true],
    ["below it", place("/a/b"), [place("/a")], true],
    ["elsewhere", place("/b"), [place("/a")], false],
    ["in one of two", place("/b/x"), [place("/a"), place("/b")], true],
    ["in no folder", place("/a"), [], false],
    ["not for sure", unsure("/a/b"), [place("/a")], false],
    ["without a name", { ...place("/a"), name: undefined }, [place("/a")], false],
    ["in a folder that is not sure", place("/a/b"), [unsure("/a")], false],
    ["by its name, and led out", place("/a/b", { locations: ["/a/b", "/out"] }), [place("/a")], false],
    ["by where it leads, and not by its name", place("/out", { locations: ["/a/b"] }), [place("/a")], false],
    ["led into another one", place("/a/b", { locations: ["/a/b", "/c"] }), [place("/a"), place("/c")], true],
    [
      "in what the folder leads to, by its name there",
      place("/real/x"),
      [place("/alias", { locations: ["/alias", "/real"] })],
      true
    ],
    [
      "below the folder's name",
      place("/alias/x", { locations: ["/real/x"] }),
      [place("/alias", { locations: ["/real"] })],
      true
    ]
  ] as ReadonlyArray<readonly [string, Place, ReadonlyArray<Place>, boolean]>)("surely: %s", (_, inner, outer, is) =>
    expect(isSurelyWithin(inner, outer)).toBe(is)
  )

  it.each([
    ["below it", place("/a/b"), [place("/a")], true, false],
    ["in other letters", place("/A/b"), [place("/a")], true, false],
    ["above it", place("/a"), [place("/a/b")], false, true],
    ["the same", place("/a"), [place("/A")], true, true],
    ["elsewhere", place("/b"), [place("/a")], false, false],
    ["elsewhere, and not for sure", unsure("/b"), [place("/a")], true, true],
    ["led there", place("/b", { locations: ["/a/x"] }), [place("/c"), place("/a")], true, false],
    ["led above it", place("/b", { locations: ["/a"] }), [place("/c"), place("/a/x")], false, true],
    ["in no folder", place("/a"), [], false, false]
  ] as ReadonlyArray<readonly [string, Place, ReadonlyArray<Place>, boolean, boolean]>)(
    "possibly: %s",
    (_, inner, outer, within, contains) => {
      expect(isPossiblyWithin(inner, outer)).toBe(within)
      expect(mayContain(inner, outer)).toBe(contains)
    }
  )

  it("are not sure when something else is put where they are, or nobody knows where", () => {
    const inner = place("/a/b")
    expect(unsettle(inner, [])).toBe(inner)
    expect(unsettle(inner, [place("/c")])).toBe(inner)
    const lost = { ...inner, real: undefined, certain: false }
    expect(unsettle(inner, [place("/c"), place("/a")])).toEqual(lost)
    expect(unsettle(inner, [unknownPlace])).toEqual(lost)
    const already = unsure("/a/b")
    expect(unsettle(already, [place("/a")])).toBe(already)
  })
})

describe("places that were looked up", () => {
  it.effect("are those of the folders and of 200 paths; others may be anything", () =>
    walking((walker) =>
      Effect.gen(function* () {
        const paths = Array.from({ length: 205 }, (_, index) => path.join("/", `${index}`))
        const places = yield* lookUp(["/f", "/f", "/0"], ["/f", ...paths], {
          ...walker,
          placeOf: (name) => Effect.succeed({ ...unknownPlace, name, folded: [name], certain: true })
        })
        const known = paths.filter((name) => places.of(name).certain)
        expect([places.of("/f").name, known.length, places.of("/204")]).toEqual(["/f", 202, unknownPlace])
        expect(places.isPossiblyWithin("/1", ["/f"])).toBe(false)
        expect(places.isPossiblyWithin("/f", ["/f"])).toBe(true)
        expect(places.isPossiblyWithin("/204", ["/f"])).toBe(true)
        expect(places.isPossiblyWithin("/1", ["/f"], ["/1"])).toBe(true)
        expect(places.isPossiblyWithin("/1", ["/f"], ["/2"])).toBe(false)
        expect(places.mayContain("/1", ["/f"])).toBe(false)
        expect(places.mayContain("/f", ["/f"])).toBe(true)
        expect(places.mayContain("/1", ["/f"], ["/1"])).toBe(true)
        expect(places.mayContain("/204", ["/f"])).toBe(true)
      })
    )
  )
})
