/**
 * Generates the protocol of `packages/core` and its outline in `packages/cli` from the pinned codex binary:
 * `npm run codegen`.
 *
 * The binary describes its own protocol twice: the stable edition, and the experimental edition with everything in it. Given a
 * folder as its argument, the script writes there instead of into this repository.
 */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { flatten, readBundle } from "./codegen/Bundle.ts"
import { type Editions, generate } from "./codegen/generate.ts"
import { printOutline } from "./codegen/outline.ts"

const here = dirname(fileURLToPath(import.meta.url))

/** The native binary of the installed `@openai/codex`, as resolved from a module of this repository or of another project. */
export const findBinary = (from: string = import.meta.url): string => {
  const codex = createRequire(from).resolve("@openai/codex/package.json")
  const platform = `@openai/codex-${process.platform}-${process.arch}/package.json`
  const vendor = join(dirname(realpathSync(createRequire(codex).resolve(platform))), "vendor")
  const [triple] = readdirSync(vendor)
  if (triple === undefined) throw new Error(`There is no binary in ${vendor}`)
  return join(vendor, triple, "bin", process.platform === "win32" ? "codex.exe" : "codex")
}

/** A binary's description of its protocol: both editions, and the unprocessed schemas of the experimental one. */
export interface Description extends Editions {
  readonly schemas: unknown
}

export const describeProtocol = (binary: string): Description => {
  const temporary = mkdtempSync(join(tmpdir(), "effect-codex-codegen-"))
  try {
    const home = join(temporary, "home")
    mkdirSync(home)
    const run = (...args: ReadonlyArray<string>) =>
      execFileSync(binary, args, { encoding: "utf8", env: { ...process.env, CODEX_HOME: home }, stdio: "pipe" })

    const edition = (name: string, ...flags: ReadonlyArray<string>) => {
      const json = join(temporary, `${name}-json`)
      const types = join(temporary, `${name}-ts`)
      run("app-server", "generate-json-schema", ...flags, "--out", json)
      run("app-server", "generate-ts", ...flags, "--out", types)
      const methodsIn = (file: string) =>
        Array.from(
          readFileSync(join(types, file), "utf8").matchAll(/"method": "([^"]+)"/g),
          ([, method = ""]) => method
        )
      const schemas: { readonly definitions: Parameters<typeof flatten>[0] } = JSON.parse(
        readFileSync(join(json, "codex_app_server_protocol.schemas.json"), "utf8")
      )
      const bundle = readBundle(flatten(schemas.definitions), {
        clientRequests: methodsIn("ClientRequest.ts"),
        serverRequests: methodsIn("ServerRequest.ts"),
        notifications: methodsIn("ServerNotification.ts"),
        declarationOf: (name) =>
          [join(types, "v2", `${name}.ts`), join(types, `${name}.ts`)]
            .filter((file) => existsSync(file))
            .map((file) => readFileSync(file, "utf8"))[0]
      })
      return { bundle, schemas }
    }

    const version = /\d+\.\d+\.\d+\S*/.exec(run("--version"))?.[0]
    if (version === undefined) throw new Error(`${binary} --version does not say its version`)
    const { bundle: experimental, schemas } = edition("experimental", "--experimental")
    return { version, stable: edition("stable").bundle, experimental, schemas }
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** Writes the generated modules into a folder, under the same paths as in the repository, and returns these paths. */
export const codegen = (
  root: string,
  { schemas, ...editions }: Description = describeProtocol(findBinary())
): ReadonlyArray<string> => {
  const modules = Object.entries(generate(editions)).map(
    ([name, text]) => [`packages/core/src/protocol/generated/${name}`, text] as const
  )
  const outline = ["packages/cli/src/internal/generated/outline.ts", printOutline(editions.version, schemas)] as const
  return [...modules, outline].map(([file, text]) => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
    return file
  })
}

if (import.meta.main) {
  const root = resolve(process.argv[2] ?? join(here, "../../.."))
  const files = codegen(root)
  console.log(`Wrote ${files.join(", ")} to ${root}`)
}
