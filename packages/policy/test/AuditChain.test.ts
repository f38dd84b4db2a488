import type { Entry } from "@effect-codex/policy/AuditRecord"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Digest from "effect/crypto/Digest"
import { createHash } from "node:crypto"
import { link, partsOf, sealOf, type Place } from "../src/internal/audit/chain.ts"

const hash = "0123456789abcdef".repeat(4)
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const seal = (text: string) => Effect.sync(() => sha256(text))

const at = "2026-01-01T00:00:00.000Z"
const opened: Entry = { type: "opened", at, torn: false, first: 1 }
const beginning: Place = { seq: 0, hash: null }

const unasked = (what: string): Entry => ({
  type: "unasked",
  at,
  threadId: "t",
  turnId: null,
  itemId: null,
  item: "webSearch",
  status: "completed",
  exitCode: null,
  what
})

const linked = (entry: Entry, place: Place = beginning, params?: string) =>
  Effect.runSync(link(seal, place, entry, params))

describe("the parts of a line", () => {
  it("are its body and the hash at its end", () =>
    expect(partsOf(`{"seq":1,"hash":"${hash}"}`)).toEqual({ body: '{"seq":1}', hash }))

  it("have the last hash of the line and no other", () =>
    expect(partsOf(`{"a":{"x":1,"hash":"${"f".repeat(64)}"},"hash":"${hash}"}`)).toEqual({
      body: `{"a":{"x":1,"hash":"${"f".repeat(64)}"}}`,
      hash
    }))

  it.each([
    "",
    '{"seq":1}',
    `{"seq":1,"hash":"${hash}"} `,
    `{"seq":1,"hash":"${hash.slice(1)}"}`,
    `{"seq":1,"hash":"${hash}0"}`,
    `{"seq":1,"hash":"${hash.toUpperCase()}"}`
  ])("are missing in %j", (line) => expect(partsOf(line)).toBeUndefined())
})

describe("a link of the chain", () => {
  it("has the next number, the hash of the line before, and a hash of all of that", () => {
    const body = `{"seq":1,"type":"opened","at":"${at}","torn":false,"first":1,"prev":null}`
    const line = `${body.slice(0, -1)},"hash":"${sha256(body)}"}`
    const first = linked(opened)
    expect(first).toEqual({ line, bytes: new TextEncoder().encode(`${line}\n`), place: { seq: 1, hash: sha256(body) } })
    expect(partsOf(line)).toEqual({ body, hash: sha256(body) })
    const second = linked(unasked("x"), first.place)
    expect(JSON.parse(second.line)).toEqual({
      seq: 2,
      ...unasked("x"),
      prev: first.place.hash,
      hash: second.place.hash
    })
    expect(second.place.seq).toBe(2)
  })

  it("has the hash of parameters that are given, also of an empty text", () => {
    expect(JSON.parse(linked(opened, beginning, "{}").line).paramsHash).toBe(sha256("{}"))
    expect(JSON.parse(linked(opened, beginning, "").line).paramsHash).toBe(sha256(""))
    expect(linked(opened).line).not.toContain("paramsHash")
  })

  it("takes the numbers of the records that it stands for, and the one behind them", () => {
    const dropped = linked({ type: "dropped", at, count: 3, from: 5, reason: "full" }, { seq: 4, hash })
    expect(dropped.place.seq).toBe(8)
    expect(JSON.parse(dropped.line)).toMatchObject({ seq: 8, from: 5, count: 3, prev: hash })
  })

  it("is kept whole up to a mebibyte, and loses what is long over that, with its hash of all else", () => {
    const empty = linked(unasked("")).line.length - ',"hash":""'.length - 64
    const most = 1_048_576 - empty
    expect(JSON.parse(linked(unasked("x".repeat(most))).line).what.length).toBe(most)
    const cut = linked(unasked("x".repeat(most + 1)), { seq: 4, hash }, "{}")
    expect(JSON.parse(cut.line)).toEqual({
      seq: 5,
      ...unasked("[too long to be kept]"),
      paramsHash: sha256("{}"),
      params: "[too long to be kept]",
      prev: hash,
      hash: cut.place.hash
    })
    expect(cut.place.hash).toBe(sha256(partsOf(cut.line)?.body ?? ""))
  })

  it.each([0x7f, 0x9b, 0xad, 0x61c, 0x180e, 0x200b, 0x202e, 0x2060, 0xfeff, 0xfffb])(
    "has a character that a terminal obeys or hides in the form of JSON: %#x",
    (code) => {
      const { line } = linked(unasked(String.fromCharCode(code)))
      expect(line).toContain(`"what":"\\u${code.toString(16).padStart(4, "0")}"`)
      expect(JSON.parse(line).what).toBe(String.fromCharCode(code))
    }
  )

  it("has a character of two code units that is not shown in the form of JSON", () => {
    const { line } = linked(unasked("\u{e0041}"))
    expect(line).toContain(String.raw`"what":"\udb40\udc41"`)
    expect(JSON.parse(line).what).toBe("\u{e0041}")
  })

  it("has other letters as they are", () => expect(linked(unasked("é 漢 😀")).line).toContain('"what":"é 漢 😀"'))
})

describe("the seal of a trail", () => {
  it.effect("is the SHA-256 of the text in UTF-8", () =>
    Effect.gen(function* () {
      const digest = yield* Digest.Digest
      expect(yield* sealOf(digest)("é")).toBe(sha256("é"))
    }).pipe(Effect.provide(Digest.layerWebCrypto))
  )
})
