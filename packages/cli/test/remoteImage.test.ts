// Images from the web, from a server of the test that answers in place of the one that is named.
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { fetchImage, maxBytes } from "../src/internal/remoteImage.ts"

const png = Buffer.from("89504e470d0a1a0a", "hex")
const asked: Array<string> = []

const server = http.createServer((request, response) => {
  const path = request.url ?? ""
  asked.push(path)
  const redirect = (location: string) => response.writeHead(302, { location }).end()
  const image = (type: string, body: Buffer = png) => response.writeHead(200, { "content-type": type }).end(body)
  switch (path) {
    case "/a.png":
      return image("image/png")
    case "/charset":
      return image("Image/WebP; charset=binary")
    case "/page":
      return image("text/html")
    case "/svg":
      return image("image/svg+xml")
    case "/empty":
      return image("image/png", Buffer.alloc(0))
    case "/large":
      return image("image/png", Buffer.alloc(maxBytes + 1))
    case "/limit":
      return image("image/png", Buffer.alloc(maxBytes))
    case "/moved":
      return redirect("/a.png")
    case "/elsewhere":
      return redirect("https://other.example/a.png")
    case "/plain":
      return redirect("http://other.example/a.png")
    case "/file":
      return redirect("file:///etc/passwd")
    case "/circle":
      return redirect("/circle")
    case "/nowhere":
      return response.writeHead(302).end()
    case "/silent":
      return undefined
    case "/broken":
      response.writeHead(200, { "content-type": "image/png", "content-length": "100" })
      response.write(png)
      return setImmediate(() => response.destroy())
    default:
      return response.writeHead(404).end()
  }
})

beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

// Every https address is the local server's.
const client = Layer.effect(HttpClient.HttpClient)(
  Effect.map(
    HttpClient.HttpClient,
    HttpClient.mapRequest((request) => {
      const { port } = server.address() as AddressInfo
      return HttpClientRequest.setUrl(request, request.url.replace(/^https:\/\/[^/]+/, `http://127.0.0.1:${port}`))
    })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

const fetched = (path: string) => fetchImage(`https://images.example${path}`).pipe(Effect.provide(client))

describe("an image from the web", () => {
  it.live.each([
    ["/a.png", "png"],
    ["/moved", "png"],
    ["/elsewhere", "png"],
    ["/charset", "webp"]
  ] as const)("becomes a data URL: %s", ([path, type]) =>
    Effect.gen(function* () {
      expect(yield* fetched(path)).toBe(`data:image/${type};base64,${png.toString("base64")}`)
    })
  )

  it.live("may be as large as the limit", () =>
    Effect.gen(function* () {
      expect((yield* fetched("/limit")).length).toBeGreaterThan(maxBytes)
    })
  )

  it.live.each([
    ["/page", "it is not one of image/png, image/jpeg, image/gif, image/webp"],
    ["/svg", "it is not one of"],
    ["/empty", "it is empty"],
    ["/large", "it is larger than 10 MiB"],
    ["/missing", "the server answers with status 404"],
    ["/plain", "it redirects to an address that is not https"],
    ["/file", "it redirects to an address that is not https"],
    ["/circle", "it redirects more than 5 times"],
    ["/nowhere", "it redirects to nowhere"],
    ["/broken", "the answer ended early"]
  ] as const)("is refused in one sentence: %s", ([path, why]) =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(fetched(path))
      expect(message).toContain(`The image https://images.example${path} cannot be fetched: ${why}`)
      expect(message).toMatch(/Use another, or a file\.$/)
    })
  )

  it.effect("is given up when it takes too long", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(fetched("/silent")))
      while (!asked.includes("/silent")) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust("30 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("it takes longer than 30 seconds")
    })
  )

  it.live("is not asked for at an address that is not https", () =>
    Effect.gen(function* () {
      asked.length = 0
      yield* Effect.flip(fetchImage("http://images.example/a.png").pipe(Effect.provide(client)))
      expect(asked).toEqual([])
    })
  )
})
