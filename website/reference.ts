/**
 * Generates the API reference from the docstrings: one page per public module.
 *
 * TypeDoc reads the sources with the TypeScript version of this folder, because it does not support the one that compiles them.
 */
import * as path from "node:path"
import {
  Application,
  Comment,
  Converter,
  type DeclarationReflection,
  type ProjectReflection,
  ReflectionKind
} from "typedoc"
import { MarkdownPageEvent, type PluginOptions } from "typedoc-plugin-markdown"
import { type Module, modules, root } from "./contents.ts"

// Removes inherited members, which are documented with the schema or service that a class extends, and the `extends` clause,
// which would show the whole text of the schema.
const withoutAncestors = (project: ProjectReflection) => {
  for (const reflection of project.getReflectionsByKind(ReflectionKind.ClassOrInterface | ReflectionKind.ClassMember)) {
    const declaration = reflection as DeclarationReflection
    delete declaration.inheritedFrom
    delete declaration.overwrites
    delete declaration.defaultValue
    for (const signature of [...(declaration.signatures ?? []), declaration.getSignature]) {
      delete signature?.inheritedFrom
      delete signature?.overwrites
    }
    if (reflection.kindOf(ReflectionKind.Class)) delete declaration.extendedTypes
    // Users do not construct these errors, and every error has a message.
    const isMessage = reflection.kindOf(ReflectionKind.Accessor) && reflection.name === "message"
    const isElsewhere =
      reflection.flags.isExternal && reflection.parent?.kindOf(ReflectionKind.ClassOrInterface) === true
    if (isMessage || isElsewhere || reflection.kindOf(ReflectionKind.Constructor)) project.removeReflection(reflection)
  }
}

// A union among type arguments is printed with one line per member, which hides where the next argument begins.
const withUnionsInLine = (signature: string): string =>
  signature
    .replace(/\s*\n\s*\| /g, " | ")
    .replaceAll("< | ", "<")
    .replace(/([,:=]) \| /g, "$1 ")

/**
 * Writes the pages into a folder, each with `describe`'s text at its head: TypeDoc takes the first comment of a file for one
 * about the import that follows. Fails if the sources can't be read.
 */
export const writeReference = async (out: string, describe: (module: Module) => string): Promise<void> => {
  const options: PluginOptions & Parameters<typeof Application.bootstrapWithPlugins>[0] = {
    plugin: ["typedoc-plugin-markdown"],
    logLevel: "Warn",
    entryPoints: modules.map(({ file }) => path.join(root, file)),
    tsconfig: path.join(import.meta.dirname, "tsconfig.reference.json"),
    // The repository has its own type check.
    skipErrorChecking: true,
    out,
    router: "module",
    readme: "none",
    entryFileName: "index",
    excludeInternal: true,
    excludePrivate: true,
    excludeTags: ["@since"],
    disableSources: true,
    categorizeByGroup: false,
    sort: ["source-order"],
    validation: { notExported: false, invalidLink: false },
    hidePageHeader: true,
    hideBreadcrumbs: true,
    hideGroupHeadings: true,
    useCodeBlocks: true,
    expandObjects: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    propertyMembersFormat: "table",
    // All of them are `readonly`.
    tableColumnSettings: { hideModifiers: true },
    pageTitleTemplates: { module: ({ name }: { name: string }) => `@effect-codex/${name}` }
  }
  const app = await Application.bootstrapWithPlugins(options)
  const described = new Map(modules.map((module) => [module.name, describe(module)]))
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
      module.name = module.name.replace("/src/", "/")
      const text = described.get(module.name)
      if (text !== undefined) module.comment = new Comment([{ kind: "text", text }])
    }
    withoutAncestors(project)
  })
  app.renderer.on(MarkdownPageEvent.END, (page: { contents?: string }) => {
    const text = page.contents
      ?.replace(/^## [a-z]/gm, (heading) => heading.toUpperCase())
      .replace(/^```ts\n(?:const|function|get) [\s\S]*?^```$/gm, withUnionsInLine)
    page.contents = `---\npageClass: reference\n---\n\n${text ?? ""}`
  })
  const project = await app.convert()
  if (project === undefined) throw new Error("TypeDoc could not read the sources")
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) throw new Error("TypeDoc found errors")
}
