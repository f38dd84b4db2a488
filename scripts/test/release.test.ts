import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Plan from "../release/plan.ts"
import { runFile } from "../run-command.ts"
import { stated } from "../version.ts"

const optionsOf = (...args: ReadonlyArray<string>): Plan.Options => {
  const request = Plan.read(args)
  if (!("options" in request)) throw new Error(JSON.stringify(request))
  return request.options
}

const state: Plan.State = {
  branch: "main",
  dirty: false,
  pendingChangesets: [],
  stated: [{ file: "package.json", version: "0.1.0" }],
  artefacts: undefined
}

const packages = [{ fullName: "@effect-codex/core", version: "0.1.0", file: "core.tgz" }]

describe("a release", () => {
  it("publishes nothing unless it is asked to", () => {
    expect(optionsOf().publish).toBe(false)
    expect(optionsOf("--existing").publish).toBe(false)
    expect(optionsOf("--publish").publish).toBe(true)
  })

  it("runs all checks, or those that are not skipped, or none", () => {
    expect(optionsOf().checks).toEqual(["types", "lint", "docs", "health", "tests", "packages"])
    expect(optionsOf("--skip-tests", "--skip-packages").checks).toEqual(["types", "lint", "docs", "health"])
    for (const flag of ["--skip-checks", "--existing", "--build-only"]) expect(optionsOf(flag).checks).toEqual([])
  })

  it("does not take what it does not know, or what goes against itself", () => {
    expect(Plan.read(["--publsh"])).toHaveProperty("problem")
    expect(Plan.read(["--build-only", "--publish"])).toHaveProperty("problem")
    expect(Plan.read(["--help", "--publish"])).toEqual({ help: true })
  })

  it("names each of its flags in its usage", () => {
    for (const [, flag = ""] of Plan.usage.matchAll(/^ {2}(--[\w-]+)/gm)) {
      const takesValue = new RegExp(`${flag} [A-Z]`).test(Plan.usage)
      expect(Plan.read(takesValue ? [flag, "x"] : [flag])).not.toHaveProperty("problem")
    }
  })

  it("refuses another branch and changes that are not committed, unless told", () => {
    expect(Plan.refusals(optionsOf(), state)).toEqual([])
    expect(Plan.refusals(optionsOf(), { ...state, branch: "next" })).toHaveLength(1)
    expect(Plan.refusals(optionsOf("--branch", "next"), { ...state, branch: "next" })).toEqual([])
    expect(Plan.refusals(optionsOf("--any-branch"), { ...state, branch: "next" })).toEqual([])
    expect(Plan.refusals(optionsOf(), { ...state, dirty: true })).toHaveLength(1)
    expect(Plan.refusals(optionsOf("--allow-dirty"), { ...state, dirty: true })).toEqual([])
  })

  it("does not publish what has no version of its own, or not one version", () => {
    const version = (version: string) => ({ file: "package.json", version })
    const refused = (change: Partial<Plan.State>, ...args: ReadonlyArray<string>) =>
      Plan.refusals(optionsOf("--publish", ...args), { ...state, ...change })
    expect(refused({})).toEqual([])
    expect(refused({ stated: [version("0.0.0")] })).toHaveLength(1)
    expect(refused({ stated: [version("0.1.0"), version("0.0.9")] })).toHaveLength(1)
    expect(refused({ pendingChangesets: ["a.md"] })).toHaveLength(1)
    expect(refused({ stated: [version("0.2.0-beta.0")] })).toHaveLength(1)
    expect(refused({ stated: [version("0.2.0-beta.0")] }, "--tag", "latest")).toHaveLength(1)
    expect(refused({ stated: [version("0.2.0-beta.0")] }, "--tag", "beta")).toEqual([])
  })

  it("judges artefacts by what they were made of", () => {
    const artefacts = { commit: "c", dirty: true, packages }
    const options = optionsOf("--existing", "--publish")
    expect(Plan.refusals(options, state)).not.toEqual([])
    expect(Plan.refusals(options, { ...state, artefacts })).toHaveLength(1)
    expect(Plan.refusals(options, { ...state, dirty: true, artefacts: { ...artefacts, dirty: false } })).toEqual([])
  })

  it("names the tag and the registry that it was given", () => {
    const artefacts = { commit: "c", dirty: false, packages }
    expect(Plan.publishing(optionsOf("--tag", "next", "--registry", "http://x"), artefacts)).toEqual([
      ["publish", "./core.tgz", "--access", "public", "--tag", "next", "--registry", "http://x"]
    ])
    expect(Plan.publishing(optionsOf(), artefacts)[0]).not.toContain("--registry")
  })
})

it("every statement of the version says the same", () => {
  const versions = new Set(stated().map(({ version }) => version))
  expect([...versions]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+/)])
})

// A registry on the loopback that keeps what is put to it.
const registry = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly put: Array<string>; readonly close: () => void }>((resume) => {
    const put: Array<string> = []
    const server = createServer((request, response) => {
      const name = decodeURIComponent(request.url ?? "").slice(1)
      let body = ""
      request.setEncoding("utf8").on("data", (piece: string) => (body += piece))
      request.on("end", () => {
        if (request.method === "PUT") {
          const { "dist-tags": tags } = JSON.parse(body)
          put.push(`${name} ${JSON.stringify(tags)}`)
        }
        response.writeHead(request.method === "PUT" ? 201 : 404, { "content-type": "application/json" })
        response.end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}/`, put, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** A folder with one artefact, as `npm run release` leaves it. */
const artefacts = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(path.join(tmpdir(), "effect-codex-release-"))
    const manifest = { name: "@effect-codex/nothing", version: "0.0.1" }
    writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest))
    const file = execFileSync("npm", ["pack", "--silent"], { cwd: folder, encoding: "utf8" }).trim()
    const release = { commit: "c", dirty: false, packages: [{ fullName: manifest.name, version: "0.0.1", file }] }
    writeFileSync(path.join(folder, "release.json"), JSON.stringify(release))
    const sum = (name: string) =>
      `${createHash("sha256")
        .update(readFileSync(path.join(folder, name)))
        .digest("hex")}  ${name}\n`
    writeFileSync(path.join(folder, "SHA256SUMS"), sum("release.json") + sum(file))
    return { folder, file }
  }),
  ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const release = Effect.fnUntraced(function* (folder: string, url: string, ...args: ReadonlyArray<string>) {
  // No configuration but this one, so that nothing can go anywhere else.
  const config = path.join(folder, "npmrc")
  writeFileSync(config, `registry=${url}\n//${new URL(url).host}/:_authToken=none\n`)
  return yield* runFile(
    path.join(import.meta.dirname, "..", "release.ts"),
    ["--existing", "--any-branch", "--folder", folder, ...args],
    { env: { npm_config_userconfig: config, npm_config_registry: url, npm_config_cache: path.join(folder, "cache") } }
  )
})

describe("existing artefacts", () => {
  it.live("are published, to the registry and under the tag that are named", () =>
    Effect.gen(function* () {
      const { put, url } = yield* registry
      const { folder } = yield* artefacts
      const { code, stdout } = yield* release(folder, url, "--publish", "--registry", url, "--tag", "next")
      expect({ code, put, stdout }).toMatchObject({ code: 0, put: ['@effect-codex/nothing {"next":"0.0.1"}'] })
    })
  )

  it.live("stay where they are in a dry run, and without --publish", () =>
    Effect.gen(function* () {
      const { put, url } = yield* registry
      const { folder } = yield* artefacts
      const dry = yield* release(folder, url, "--publish", "--registry", url, "--dry-run")
      expect(dry.stdout).toContain("would run: npm publish ./effect-codex-nothing-0.0.1.tgz")
      const without = yield* release(folder, url, "--registry", url)
      expect([dry.code, without.code, put]).toEqual([0, 0, []])
    })
  )

  it.live("are not published when they are not what their checksums say", () =>
    Effect.gen(function* () {
      const { put, url } = yield* registry
      const { file, folder } = yield* artefacts
      writeFileSync(path.join(folder, file), "another")
      const { code, stdout } = yield* release(folder, url, "--publish", "--registry", url)
      expect({ code, put, stdout }).toEqual({ code: 1, put: [], stdout: expect.stringContaining("SHA256SUMS") })
    })
  )
})
