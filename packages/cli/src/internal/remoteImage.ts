/**
 * Fetches an image from the web as a data URL, because the server refuses URLs of images.
 *
 * It accepts only https, also after redirects, only formats that models read, and no more bytes than a model takes. The image is
 * fetched once, before codex starts.
 */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../InvalidUsage.ts"

/** The largest image, in bytes. */
export const maxBytes = 10 * 1024 * 1024

const deadline = "30 seconds"

const maxRedirects = 5

const types = ["image/png", "image/jpeg", "image/gif", "image/webp"]

const get = (url: string, redirects: number): Effect.Effect<string, string, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    if (!url.startsWith("https:")) return yield* Effect.fail("it redirects to an address that is not https")
    const response = yield* Effect.mapError(HttpClient.get(url), ({ reason }) => `the request failed (${reason._tag})`)
    const { headers, status } = response
    if (status >= 300 && status < 400) {
      const location = Result.try(() => new URL(headers["location"] ?? "", url).href)
      if (headers["location"] === undefined || Result.isFailure(location)) {
        return yield* Effect.fail("it redirects to nowhere")
      }
      if (redirects === 0) return yield* Effect.fail(`it redirects more than ${maxRedirects} times`)
      return yield* get(location.success, redirects - 1)
    }
    if (status !== 200) return yield* Effect.fail(`the server answers with status ${status}`)
    const [type = ""] = (headers["content-type"] ?? "").split(";")
    const image = types.find((known) => known === type.trim().toLowerCase())
    if (image === undefined) return yield* Effect.fail(`it is not one of ${types.join(", ")}`)
    const chunks: Array<Uint8Array> = []
    let size = 0
    yield* Stream.runForEach(
      Stream.mapError(response.stream, ({ reason }) => `the answer ended early (${reason._tag})`),
      (chunk) => {
        size += chunk.length
        chunks.push(chunk)
        return size > maxBytes ? Effect.fail(`it is larger than ${maxBytes / 1024 / 1024} MiB`) : Effect.void
      }
    )
    if (size === 0) return yield* Effect.fail("it is empty")
    return `data:${image};base64,${Buffer.concat(chunks).toString("base64")}`
  })

/** The image at an https address. */
export const fetchImage = (url: string): Effect.Effect<string, InvalidUsage, HttpClient.HttpClient> =>
  get(url, maxRedirects).pipe(
    Effect.timeoutOrElse({ duration: deadline, orElse: () => Effect.fail(`it takes longer than ${deadline}`) }),
    // Redirects are followed here, so that each URL is checked.
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.mapError(
      (why) => new InvalidUsage({ description: `The image ${url} cannot be fetched: ${why}. Use another, or a file.` })
    )
  )
