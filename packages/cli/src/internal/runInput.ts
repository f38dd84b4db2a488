/**
 * Reads the input of a run from flags, files and standard input, before anything is started, so that mistakes are found early.
 */
import type { Input, Part } from "@effect-codex/core/Input"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../InvalidUsage.ts"
import { fileProblem } from "./fileProblem.ts"

const invalid = (description: string) => new InvalidUsage({ description })

const decodeUtf8 = (bytes: Uint8Array, what: string): Effect.Effect<string, InvalidUsage> =>
  Effect.fromResult(
    Result.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => invalid(`${what} is not UTF-8. Convert it first, for instance with iconv.`)
    })
  )

const readFile = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* Effect.mapError(fs.readFile(file), (error) =>
    invalid(`The file ${file} cannot be read: ${fileProblem(error)}.`)
  )
  return yield* decodeUtf8(bytes, `The file ${file}`)
})

const readStdin = Effect.gen(function* () {
  const { stdin } = yield* Stdio.Stdio
  const chunks = yield* Effect.mapError(Stream.runCollect(stdin), () => invalid("Standard input cannot be read."))
  return yield* decodeUtf8(Buffer.concat(chunks), "The prompt on standard input")
})

const readText = Effect.fnUntraced(function* (options: {
  readonly prompt: string | undefined
  readonly promptFile: string | undefined
}) {
  const { prompt, promptFile } = options
  if (promptFile !== undefined) {
    return prompt === undefined
      ? yield* readFile(promptFile)
      : yield* invalid("Use a prompt or --prompt-file, not both.")
  }
  if (prompt !== undefined && prompt !== "-") {
    // By now, invalid UTF-8 from the shell has been replaced.
    return prompt.includes("\ufffd") ? yield* invalid("The prompt is not UTF-8.") : prompt
  }
  const { stdinIsTerminal } = yield* Stdio.Stdio
  if (prompt === undefined && (yield* stdinIsTerminal)) {
    return yield* invalid('There is no prompt. Give one: effect-codex run "...", or - for standard input.')
  }
  return yield* readStdin
})

// Loaded only when needed, because it includes an HTTP client.
const fetchImage = (url: string) =>
  Effect.flatMap(
    Effect.promise(() => Promise.all([import("./remoteImage.ts"), import("effect/http/FetchHttpClient")])),
    ([remote, fetch]) => Effect.provide(remote.fetchImage(url), fetch.layer)
  )

// The formats that codex reads, by their first bytes.
const imageStarts = ["\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF87a", "GIF89a"]
const isImage = (start: string): boolean =>
  imageStarts.some((known) => start.startsWith(known)) || /^RIFF[^]{4}WEBP/.test(start)

const checkImage = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const chunks = yield* Effect.mapError(Stream.runCollect(fs.stream(file, { bytesToRead: 12 })), (error) =>
    invalid(`The image ${file} cannot be read: ${fileProblem(error)}.`)
  )
  if (isImage(Buffer.concat(chunks).toString("latin1"))) return
  return yield* invalid(`The file ${file} is not an image that codex can read. Use PNG, JPEG, GIF or WebP.`)
})

/** The prompt, with its images. */
export const readPrompt = Effect.fnUntraced(function* (options: {
  readonly prompt: string | undefined
  readonly promptFile: string | undefined
  readonly images: ReadonlyArray<string>
}): Effect.fn.Return<Input, InvalidUsage, FileSystem.FileSystem | Path.Path | Stdio.Stdio> {
  const text = (yield* readText(options)).trimEnd()
  if (text === "") return yield* invalid("The prompt is empty.")
  if (options.images.length === 0) return text
  const path = yield* Path.Path
  const images = yield* Effect.forEach(
    options.images,
    Effect.fnUntraced(function* (image): Effect.fn.Return<Part, InvalidUsage, FileSystem.FileSystem> {
      if (image.startsWith("data:")) return { type: "image", url: image }
      if (image.startsWith("https:")) return { type: "image", url: yield* fetchImage(image) }
      if (/^[a-z]+:\/\//i.test(image)) return yield* invalid(`--image takes a file or an https URL, but not ${image}.`)
      yield* checkImage(image)
      return { type: "localImage", path: path.resolve(image) }
    }),
    { concurrency: 4 }
  )
  return [{ type: "text", text }, ...images]
})

/** A JSON Schema from a file. The provider checks the rest. */
export const readOutputSchema = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<{ readonly [key: string]: unknown }, InvalidUsage, FileSystem.FileSystem> {
  const text = yield* readFile(file)
  return yield* Effect.mapError(decodeSchema(text), () =>
    invalid(`The file ${file} is not an output schema. It must contain a JSON Schema as a JSON object.`)
  )
})

const decodeSchema = Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** A time such as `90`, `90s`, `5m` or `1h`, in milliseconds. */
export const parseTime = (text: string): number | undefined => {
  const [, amount = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? []
  const millis = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit]
  return amount === "" || millis === undefined || Number(amount) === 0 ? undefined : Number(amount) * millis
}
