/**
 * Makes the folders of a rubric absolute, and adds their real names.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PolicyRubric } from "../../Rubric.ts"
import { from, normalize, walker as startWalking } from "./path.ts"

interface Rule {
  readonly when?: {
    readonly cwdWithin?: string | ReadonlyArray<string>
    readonly pathsWithin?: string | ReadonlyArray<string>
    readonly redirectsWithin?: string | ReadonlyArray<string>
    readonly readWithin?: string | ReadonlyArray<string>
    readonly writeWithin?: string | ReadonlyArray<string>
  }
}

const fields = ["cwdWithin", "pathsWithin", "redirectsWithin", "readWithin", "writeWithin"] as const

type Replace = (folder: string, path: string) => ReadonlyArray<string>

const replaceFolders = (rubric: PolicyRubric, replace: Replace): PolicyRubric => {
  const inRules = <R extends Rule>(rules: ReadonlyArray<R> | undefined, kind: string) =>
    rules?.map((rule, index): R => {
      const { when } = rule
      if (when === undefined) return rule
      const changed = fields.flatMap((field) => {
        const value = when[field]
        const path = `${kind}[${index}].when.${field}`
        return value === undefined
          ? []
          : [[field, (typeof value === "string" ? [value] : value).flatMap((text) => replace(text, path))] as const]
      })
      return { ...rule, when: { ...when, ...Object.fromEntries(changed) } }
    })
  const roots = rubric.allowedRoots?.flatMap((text, index) => replace(text, `allowedRoots[${index}]`))
  const commandRules = inRules(rubric.commandRules, "commandRules")
  const fileChangeRules = inRules(rubric.fileChangeRules, "fileChangeRules")
  const toolInputRules = inRules(rubric.toolInputRules, "toolInputRules")
  const toolCallRules = inRules(rubric.toolCallRules, "toolCallRules")
  const mcpToolRules = inRules(rubric.mcpToolRules, "mcpToolRules")
  const permissionsRules = inRules(rubric.permissionsRules, "permissionsRules")
  return {
    ...rubric,
    ...(roots === undefined ? {} : { allowedRoots: roots }),
    ...(commandRules === undefined ? {} : { commandRules }),
    ...(fileChangeRules === undefined ? {} : { fileChangeRules }),
    ...(toolInputRules === undefined ? {} : { toolInputRules }),
    ...(toolCallRules === undefined ? {} : { toolCallRules }),
    ...(mcpToolRules === undefined ? {} : { mcpToolRules }),
    ...(permissionsRules === undefined ? {} : { permissionsRules })
  }
}

/**
 * Resolves relative folders against `base`; without it, `problems` lists the fields that contain them. If a folder also has
 * another name because a parent is a link, as `/tmp` is on some systems, both names count.
 */
export const absolute = Effect.fnUntraced(function* (
  rubric: PolicyRubric,
  base: string | undefined
): Effect.fn.Return<
  { readonly rubric: PolicyRubric; readonly problems: ReadonlyArray<string> },
  never,
  FileSystem.FileSystem
> {
  const problems: Array<string> = []
  const names = new Set<string>()
  const named = replaceFolders(rubric, (text, path) => {
    const found = normalize(base === undefined ? text : from(base, text))
    if (found === undefined) problems.push(path)
    else names.add(found)
    return [found ?? text]
  })
  const { placeOf } = yield* startWalking
  const realNames = new Map<string, string>()
  for (const name of names) {
    const { real } = yield* placeOf(name)
    if (real !== undefined && real !== name) realNames.set(name, real)
  }
  return {
    rubric:
      realNames.size === 0
        ? named
        : replaceFolders(named, (name) => [name, ...[realNames.get(name)].filter((real) => real !== undefined)]),
    problems
  }
})
