/**
 * Finds the codex executable.
 *
 * The npm package `@openai/codex` is a Node program that starts the native binary, which sits in a package of its own for
 * each platform. Starting the native one directly saves a process and some 150 ms, so whichever way a place is found, the
 * native binary behind it is preferred. This module looks at files and never runs anything.
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
 * `node_modules` folder of this package or of the program that runs, or of a folder above one of them), and for `codex` on
 * the `PATH` of this process. A working directory may be somebody else's checkout, so it is not looked at. The first two must be right if they are given: a path with nothing behind it is an error
 * and not a reason to look elsewhere.
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

  // `@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex`, beside the package or below it.
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

  // The Node program's path ends in `@openai/codex/bin/codex.js`, also behind the links that npm makes for it.
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

  // A configuration that cannot be read is one that does not name a binary: the other places decide.
  const configured = yield* config.pipe(Effect.orElseSucceed(() => Option.none<string>()))
  if (Option.isSome(configured)) return yield* named("CODEX_BINARY", configured.value)
  tried.push("CODEX_BINARY (not set)")

  // Not in the working directory: that may be a checkout of somebody else, with a binary of theirs.
  // A bundle of CommonJS has no URL, and is wherever it was bundled to.
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
