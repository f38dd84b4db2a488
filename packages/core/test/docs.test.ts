import { readFileSync } from "node:fs"
import * as path from "node:path"
import * as CodexError from "@effect-codex/core/CodexError"
import * as Schema from "effect/Schema"
import { makeCollector } from "../src/internal/turn/collector.ts"
import { describe, expect, it } from "@effect/vitest"

const root = path.join(import.meta.dirname, "..", "..", "..")
const tags = CodexError.CodexError.members.map((member) => member.fields._tag.schema.literal)

const rowsOf = (document: string) =>
  readFileSync(path.join(root, document), "utf8")
    .split("\n")
    .filter((line) => /^\| <a id="[^"]*"><\/a>`/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))

const anchorOf = (tag: string) => `<a id="${tag.toLowerCase()}"></a>`

const { version } = JSON.parse(readFileSync(path.join(root, "packages/core/package.json"), "utf8"))

describe("each error of the union", () => {
  it.each(CodexError.CodexError.members.map((member) => [member.identifier, member.prototype] as const))(
    "%s links to its row of the table and names the version of the package",
    (tag, error) => {
      expect(error).toMatchObject({ docs: `docs/errors.md#${tag.toLowerCase()}`, version })
    }
  )

  it("has both as getters, outside of its fields and of its encoded form", () => {
    const error = new CodexError.SessionNotFound({ threadId: "thread" })
    expect([error.docs, error.version]).toEqual(["docs/errors.md#sessionnotfound", version])
    expect(Schema.encodeSync(CodexError.CodexError)(error)).toEqual({ _tag: "SessionNotFound", threadId: "thread" })
    expect(JSON.parse(JSON.stringify(error))).not.toHaveProperty("docs")
    expect(error.message).not.toContain(error.docs)
    // @ts-expect-error it is not an argument
    expect(new CodexError.SessionNotFound({ threadId: "thread", docs: "elsewhere" }).docs).toBe(error.docs)
  })
})

describe.each([
  ["docs/errors.md", { yes: true, no: false }],
  ["docs/zh/errors.md", { 是: true, 否: false }]
])("the table in %s", (document, words: { readonly [K in string]?: boolean }) => {
  it("has every error of the union, in its order", () => {
    expect(rowsOf(document).map((cells) => cells[1])).toEqual(tags.map((tag) => `${anchorOf(tag)}\`${tag}\``))
  })

  it("tells what is retryable as `isRetryable` does", () => {
    const retryable = rowsOf(document).flatMap((cells) => (words[cells.at(-2) ?? ""] === true ? [cells[1]] : []))
    expect(retryable).toEqual([`${anchorOf("Overloaded")}\`Overloaded\``])
    expect(CodexError.isRetryable(new CodexError.Overloaded({ method: "turn/start" }))).toBe(true)
    expect(CodexError.isRetryable(new CodexError.RequestTimedOut({ method: "turn/start", millis: 1 }))).toBe(false)
    const failed = (httpStatusCode: number | null) =>
      CodexError.isRetryable(
        new CodexError.TurnFailed({
          reason: { _tag: "HttpConnectionFailed", httpStatusCode },
          description: "no",
          response: makeCollector("thread").response()
        })
      )
    const refused = [400, 402, 403, 404, 405, 406, 407, 426, 428, 431, 451, 501, 505]
    const permanent = [...refused, ...Array.from({ length: 14 }, (_, index) => 409 + index)]
    expect(permanent.filter(failed)).toEqual([])
    const transient = [null, 408, 425, 429, 500, 502, 503, 504, 529]
    expect(transient.filter(failed)).toEqual(transient)
    const busy = { threadId: "thread", turnId: "turn" }
    expect(CodexError.isRetryable(new CodexError.ThreadBusy({ ...busy, delivered: false }))).toBe(true)
    expect(CodexError.isRetryable(new CodexError.ThreadBusy({ ...busy, delivered: true }))).toBe(false)
  })

  it("names every reason of a failed turn", () => {
    const text = readFileSync(path.join(root, document), "utf8")
    for (const reason of Object.keys(CodexError.TurnFailedReason.cases)) expect(text).toContain(`\`${reason}\``)
  })
})

it("an error that quotes the server ends the quotation with one full stop", () => {
  const messageOf = (description: string) => new CodexError.NotAuthenticated({ description }).message
  expect(messageOf("no key")).toBe("Not authenticated: no key. Run `codex login` and try again.")
  expect(messageOf("The key has expired.\n")).toBe(
    "Not authenticated: The key has expired. Run `codex login` and try again."
  )
})
