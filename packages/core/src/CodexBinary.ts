/**
 * Finds the codex executable.
 *
 * The npm package `@openai/codex` is a Node program that starts the native binary, which each platform has in a separate
 * package. Starting the native binary directly saves a process and about 150 ms, so it is preferred wherever the package is
 * found. This module looks at files and never runs anything.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import { CodexNotFound } from "./CodexError.ts"
import * as Platform from "./internal/platform.ts"

/**
 * The configuration key that names the codex executable: `CODEX_BINARY`.
 *
 * @category config
 * @since 0.1.0
 */
export const config: Config.Config<Option.Option<string>> = Config.option(Config.String("CODEX_BINARY"))

/**
 * Returns the absolute path of the codex executable.
 *
 * **Details**
 *
 * Looks, in this order, at the `binary` option, at `CODEX_BINARY` (from `Config`), at an installed `@openai/codex` (in a
 * `node_modules` folder of this package or of the running program, or of a folder above one of them), and for `codex` on the
 * `PATH` of this process. The working directory is not searched, because it may be an untrusted checkout. The first two are
 * binding if they are set: a path without a file is an error, and the search ends there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = Effect.fn("CodexBinary.resolve")(function* (options?: { readonly binary?: string | undefined }) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const tried: Array<string> = []

  const isFile = (file: string) =>
    fs.stat(file).pipe(
      Effect.map((info) => info.type === "File"),
      Effect.orElseSucceed(() => false)
    )

  const list = (directory: string) =>
    fs.readDirectory(directory).pipe(Effect.orElseSucceed((): ReadonlyArray<string> => Arr.empty()))

  // `@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex`, next to the package or below it.
  const nativeOf = Effect.fnUntraced(function* (codexPackage: string) {
    for (const scope of [path.dirname(codexPackage), path.join(codexPackage, "node_modules", "@openai")]) {
      const vendor = path.join(scope, Platform.nativePackage, "vendor")
      for (const triple of yield* list(vendor)) {
        const file = path.join(vendor, triple, "bin", Platform.nativeName)
        if (yield* isFile(file)) return Option.some(file)
      }
    }
    return Option.none<string>()
  })

  // The path of the Node program ends in `@openai/codex/bin/codex.js` once npm's links to it are resolved.
  const preferNative = Effect.fnUntraced(function* (file: string) {
    const real = yield* fs.realPath(file).pipe(Effect.orElseSucceed(() => file))
    const codexPackage = path.dirname(path.dirname(real))
    if (!codexPackage.endsWith(path.join("@openai", "codex"))) return path.resolve(file)
    return Option.getOrElse(yield* nativeOf(codexPackage), () => path.resolve(file))
  })

  const named = Effect.fnUntraced(function* (what: string, file: string) {
    tried.push(`${what} ${JSON.stringify(file)}`)
    if (yield* isFile(file)) return yield* preferNative(file)
    return yield* new CodexNotFound({ tried })
  })

  if (options?.binary !== undefined) return yield* named("the `binary` option", options.binary)

  // A configuration that cannot be read counts as one that names no binary, and the search continues.
  const configured = yield* config.pipe(Effect.orElseSucceed(() => Option.none<string>()))
  if (Option.isSome(configured)) return yield* named("CODEX_BINARY", configured.value)
  tried.push("CODEX_BINARY (not set)")

  // The working directory is not searched: it may be an untrusted checkout with a binary in it.
  // A CommonJS bundle has no URL, and can be anywhere.
  const url = Option.flatMap(Option.fromNullishOr(import.meta.url), (base) =>
    Option.getSuccess(Result.try(() => new URL(".", base)))
  )
  const here = yield* Effect.option(Effect.flatMap(Effect.fromOption(url), path.fromFileUrl))
  const program = Option.map(Option.fromNullishOr(globalThis.process.argv[1]), path.dirname)
  for (const start of Arr.dedupe(Arr.getSomes([here, program]))) {
    tried.push(`@openai/codex in the node_modules folders of ${start} and above`)
    let directory = start
    while (true) {
      const installed = path.join(directory, "node_modules", "@openai", "codex")
      const real = yield* Effect.option(fs.realPath(installed))
      if (Option.isSome(real)) {
        const native = yield* nativeOf(real.value)
        if (Option.isSome(native)) return native.value
      }
      const parent = path.dirname(directory)
      if (parent === directory) break
      directory = parent
    }
  }

  tried.push("codex on the PATH")
  for (const directory of (globalThis.process.env["PATH"] ?? "").split(Platform.pathDelimiter)) {
    for (const name of Platform.codexNames) {
      const file = path.join(directory, name)
      if (directory !== "" && (yield* isFile(file))) return yield* preferNative(file)
    }
  }
  return yield* new CodexNotFound({ tried })
})
