import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import { walker } from "../src/internal/files/path.ts"
import { makeTree } from "./tree.ts"
import { protectedBy, protectedByName } from "../src/internal/files/protectedFiles.ts"

describe("protectedByName", () => {
  it.each<readonly [string, ReadonlyArray<string>]>([
    ["/etc/codex", ["codex"]],
    ["/etc/codex/config.toml", ["codex"]],
    ["/srv/etc/codex", []],
    ["/etc/codexes", []],
    ["/home/me/.config/goose", ["codex"]],
    ["/home/me/.config/goose/config.yaml", ["codex"]],
    ["/home/me/.config/gooses", []],
    ["/home/me/.config/git", ["git"]],
    ["/home/me/.config/git/config", ["git"]],
    ["/home/me/.config/github", []],
    ["/etc/gitconfig", ["git"]],
    ["/srv/etc/gitconfig", []],
    ["/usr/share/git-core/templates", ["git"]],
    ["/srv/usr/share/git-core", []],
    ["/home/me/.config/mise", ["hooks"]],
    ["/home/me/.config/mise/config.toml", ["hooks"]],
    ["/home/me/.config/mises", []],
    ["/repo/src/a.ts", []]
  ])("%s belongs to %j", (path, kinds) => expect(protectedByName(path)).toEqual(kinds))
})

describe("protectedBy", () => {
  it.effect("finds a file by its name where that leads elsewhere, and by where its name leads", () =>
    Effect.gen(function* () {
      const tree = makeTree(["/plain/x", "/.husky/y"], { "/.git": "plain", "/alias": ".husky" })
      const known = yield* walker
      const kindsOf = (name: string) =>
        Effect.flatMap(known.placeOf(path.join(tree, name)), (place) => protectedBy(place, known))
      expect(yield* kindsOf(".git/x")).toEqual(["git"])
      expect(yield* kindsOf("alias/y")).toEqual(["hooks"])
      expect(yield* kindsOf("plain/x")).toEqual([])
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
