/**
 * The input of a turn: text, images, audio, skills and mentions.
 *
 * A prompt is a string, or parts in the order in which the agent reads them. The server reads the files, not this client, so
 * their paths are those of the server's machine. Missing files are detected before anything is sent.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { AppServer } from "./AppServer.ts"
import { InvalidInput, type RequestError } from "./CodexError.ts"
import type { KnownUserInput } from "./protocol/generated/Stable.ts"

const Detail = Schema.optionalKey(Schema.Literals(["auto", "low", "high", "original"]))

/**
 * One part of a prompt.
 *
 * - `text`: the user's text.
 * - `image`, `audio`: the bytes, as a `data:` URL in base64. The server fetches nothing: any other URL is `InvalidInput`. Codex
 *   0.169.0 accepts audio as wav, mp3, m4a, webm and ogg.
 * - `localImage`, `localAudio`: a file, by its absolute path.
 * - `skill`: a skill to use, by its name and the path of its `SKILL.md`.
 * - `mention`: an app or plugin to use, by its name and its path, such as `app://name`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Part = Schema.Union([
  Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }),
  Schema.Struct({ type: Schema.Literal("image"), url: Schema.String, detail: Detail }),
  Schema.Struct({ type: Schema.Literal("localImage"), path: Schema.String, detail: Detail }),
  Schema.Struct({ type: Schema.Literal("audio"), url: Schema.String }),
  Schema.Struct({ type: Schema.Literal("localAudio"), path: Schema.String }),
  Schema.Struct({ type: Schema.Literal("skill"), name: Schema.String, path: Schema.String }),
  Schema.Struct({ type: Schema.Literal("mention"), name: Schema.String, path: Schema.String })
])

/**
 * @category models
 * @since 0.1.0
 */
export type Part = typeof Part.Type

/**
 * A prompt: a text, or a list of parts.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Input = Schema.Union([Schema.String, Schema.Array(Part)])

/**
 * @category models
 * @since 0.1.0
 */
export type Input = typeof Input.Type

/**
 * Converts a prompt to the form of the protocol.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toUserInput = (input: Input): ReadonlyArray<KnownUserInput> =>
  typeof input === "string" ? [{ type: "text", text: input, text_elements: [] }] : input

// Windows paths count as absolute on every platform, because the server may run on another machine.
const isAbsolute = (path: string): boolean =>
  path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\\\")

/**
 * Rejects parts that the server would refuse or drop on any machine: images and audio that are not inline, and relative paths.
 *
 * **Details**
 *
 * In codex 0.169.0, an `https:` image fails the start of the turn. Any other image URL goes unchanged to the model provider,
 * which fails the turn. Audio that is not inline, and data that cannot be decoded, is replaced by a note to the model.
 *
 * @category validation
 * @since 0.1.0
 */
export const checkParts = (input: Input): Effect.Effect<void, InvalidInput> => {
  const invalid = typeof input === "string" ? undefined : input.map(faultOf).find(Predicate.isNotUndefined)
  return invalid === undefined ? Effect.void : Effect.fail(invalid)
}

const faultOf = (part: Part): InvalidInput | undefined => {
  switch (part.type) {
    case "image":
    case "audio":
      return isInline(part.url, part.type)
        ? undefined
        : new InvalidInput({
            description: `the ${part.type} is not inline: give a data: URL in base64, or a file with \`${part.type === "image" ? "localImage" : "localAudio"}\``
          })
    case "localImage":
    case "localAudio":
    case "skill": {
      const { path } = part
      return isAbsolute(path)
        ? undefined
        : new InvalidInput({
            path,
            description: `the path ${path} is relative, and the server may run elsewhere: give an absolute one`
          })
    }
    default:
      return undefined
  }
}

// Checks length and alphabet only, because images are large. The server detects the format of an image itself, but takes the
// format of audio from the URL.
const isInline = (url: string, type: "image" | "audio"): boolean => {
  const head = /^data:([^,]*);base64,/i.exec(url)
  if (head === null || (type === "audio" && !/^audio\//i.test(head[1] ?? ""))) return false
  const data = url.slice(head[0].length)
  return data !== "" && data.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(data.replace(/={1,2}$/, ""))
}

/**
 * Checks the parts, and then asks the server for each file that the prompt names. Fails with the path of the first missing
 * file.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (
  server: Pick<AppServer["Service"], "request">,
  input: Input
): Effect.Effect<void, InvalidInput | RequestError> =>
  typeof input === "string"
    ? Effect.void
    : Effect.andThen(
        checkParts(input),
        Effect.forEach(input.flatMap(fileOf), (path) => checkFile(server, path), { discard: true })
      )

const fileOf = (part: Part): ReadonlyArray<string> =>
  part.type === "localImage" || part.type === "localAudio" || part.type === "skill" ? [part.path] : []

const checkFile = (server: Pick<AppServer["Service"], "request">, path: string) =>
  server.request("fs/getMetadata", { path }).pipe(
    Effect.catchTag(["RequestFailed", "InvalidParams"], (error) =>
      Effect.fail(new InvalidInput({ path, description: `the file ${path} can't be read: ${error.description}` }))
    ),
    Effect.filterOrFail(
      ({ isFile }) => isFile,
      () => new InvalidInput({ path, description: `${path} is not a file` })
    ),
    Effect.asVoid
  )
