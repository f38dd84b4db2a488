/**
 * The folders of a rubric, made absolute.
 */
import * as PathWithin from "../../PathWithin.ts"
import type { PolicyRubric } from "../../Rubric.ts"

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

/** Folders that are not absolute are below `base`; without one, their places are told in `problems`. */
export const absolute = (
  rubric: PolicyRubric,
  base: string | undefined
): { readonly rubric: PolicyRubric; readonly problems: ReadonlyArray<string> } => {
  const problems: Array<string> = []
  const folder = (text: string, path: string): string => {
    const found = PathWithin.normalize(base === undefined ? text : PathWithin.from(base, text))
    if (found === undefined) problems.push(path)
    return found ?? text
  }
  const inRules = <R extends Rule>(rules: ReadonlyArray<R> | undefined, kind: string) =>
    rules?.map((rule, index): R => {
      const { when } = rule
      if (when === undefined) return rule
      const changed = fields.flatMap((field) => {
        const value = when[field]
        const path = `${kind}[${index}].when.${field}`
        return value === undefined
          ? []
          : [
              [
                field,
                typeof value === "string" ? folder(value, path) : value.map((text) => folder(text, path))
              ] as const
            ]
      })
      return { ...rule, when: { ...when, ...Object.fromEntries(changed) } }
    })
  const roots = rubric.allowedRoots?.map((text, index) => folder(text, `allowedRoots[${index}]`))
  const commandRules = inRules(rubric.commandRules, "commandRules")
  const fileChangeRules = inRules(rubric.fileChangeRules, "fileChangeRules")
  const toolInputRules = inRules(rubric.toolInputRules, "toolInputRules")
  const toolCallRules = inRules(rubric.toolCallRules, "toolCallRules")
  const mcpToolRules = inRules(rubric.mcpToolRules, "mcpToolRules")
  const permissionsRules = inRules(rubric.permissionsRules, "permissionsRules")
  return {
    rubric: {
      ...rubric,
      ...(roots === undefined ? {} : { allowedRoots: roots }),
      ...(commandRules === undefined ? {} : { commandRules }),
      ...(fileChangeRules === undefined ? {} : { fileChangeRules }),
      ...(toolInputRules === undefined ? {} : { toolInputRules }),
      ...(toolCallRules === undefined ? {} : { toolCallRules }),
      ...(mcpToolRules === undefined ? {} : { mcpToolRules }),
      ...(permissionsRules === undefined ? {} : { permissionsRules })
    },
    problems
  }
}
