/**
 * How the site looks and is found: navigation, languages, search.
 *
 * Nothing is loaded from elsewhere: fonts, search index and diagrams are files of the site.
 */
import { renderMermaidSVG } from "beautiful-mermaid"
import { type DefaultTheme, defineConfig } from "vitepress"
import { type Entry, examples, groupsOf, indexes, modules, packageNames } from "../contents.ts"
import { miniSearch } from "../search.ts"

const items = (entries: ReadonlyArray<Entry>): Array<DefaultTheme.SidebarItem> => entries.map((entry) => ({ ...entry }))

const documents = (index: string, titles: { readonly examples: string }) => [
  ...groupsOf(index).map((group) => ({ text: group.text, items: items(group.items) })),
  { text: titles.examples, items: items(examples), collapsed: true }
]

const reference = packageNames.map((name) => ({
  text: `@effect-codex/${name}`,
  items: modules
    .filter((module) => module.name.startsWith(`${name}/`))
    .map((module) => ({ text: module.name.slice(name.length + 1), link: `/reference/${module.name}` })),
  // The one that a reader is in is open.
  collapsed: true
}))

const english = documents(indexes.english, { examples: "Examples" })
const chinese = documents(indexes.chinese, { examples: "示例" })

// A diagram is drawn when the site is built, in the colours of the page. The style that comes with it wants a font from
// elsewhere, and Vue lets no `style` be in a template by that name.
const drawn = (diagram: string) => {
  const svg = renderMermaidSVG(diagram, {
    bg: "var(--vp-c-bg)",
    fg: "var(--vp-c-text-1)",
    muted: "var(--vp-c-text-2)",
    transparent: true,
    padding: 8
  })
  const style = svg
    .replace(/@import url\([^)]*\);/g, "")
    .replace(/<(\/?)style>/g, (_, end: string) => (end === "" ? `<component :is="'style'">` : "</component>"))
  return `<div class="diagram">${style}</div>\n`
}

// An `e`, as in Effect.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#3451b2"/><path d="M9 17h14a7 7 0 1 0-3 5.5" fill="none" stroke="#fff" stroke-width="3.5"/></svg>`

export default defineConfig({
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  title: "effect-codex",
  description: "Drive Codex agents from Effect programs",
  srcDir: "pages",
  outDir: "../site",
  cacheDir: "../node_modules/.cache/vitepress",
  // For a site that is not at the root of its host: `SITE_BASE=/effect-codex/`.
  base: process.env["SITE_BASE"] ?? "/",
  markdown: {
    // Comments of the default dark theme are too dark to read.
    theme: { light: "github-light", dark: "github-dark-default" },
    config: (markdown) => {
      const fence = markdown.renderer.rules.fence
      markdown.renderer.rules.fence = (tokens, index, options, env, self) => {
        const token = tokens[index]
        if (token?.info.trim() === "mermaid") return drawn(token.content)
        return fence?.(tokens, index, options, env, self) ?? ""
      }
    }
  },
  locales: {
    root: { label: "English", lang: "en" },
    zh: {
      label: "简体中文",
      lang: "zh-CN",
      description: "在 Effect 程序里驱动 Codex 智能体",
      themeConfig: {
        nav: [
          { text: "文档", link: "/zh/documentation", activeMatch: "^/zh/." },
          { text: "API 参考", link: "/reference/", activeMatch: "^/reference/" }
        ],
        outline: { level: [2, 3], label: "本页内容" },
        docFooter: { prev: "上一页", next: "下一页" },
        darkModeSwitchLabel: "外观",
        lightModeSwitchTitle: "切换到浅色",
        darkModeSwitchTitle: "切换到深色",
        sidebarMenuLabel: "目录",
        returnToTopLabel: "回到顶部",
        langMenuLabel: "语言",
        skipToContentLabel: "跳到正文"
      }
    }
  },
  themeConfig: {
    nav: [
      { text: "Documentation", link: "/documentation", activeMatch: "^/(?!zh/|reference/)." },
      { text: "API reference", link: "/reference/", activeMatch: "^/reference/" }
    ],
    sidebar: { "/reference/": reference, "/zh/": chinese, "/": english },
    outline: [2, 3],
    // From a page that only one language has, to the front page of the other. Runs in the browser, by its text.
    i18nRouting: (_, route, locale) => {
      const page = route.data.relativePath.replace(/^zh\//, "")
      const front = locale === "root" ? "/" : `/${locale}/`
      if (/^(?:reference|source)\/|^(?:404|contributing)\.md$/.test(page)) return front
      return front + page.replace(/^index\.md$/, "").replace(/\.md$/, ".html")
    },
    search: {
      provider: "local",
      options: {
        locales: {
          zh: {
            translations: {
              button: { buttonText: "搜索", buttonAriaLabel: "搜索" },
              modal: {
                displayDetails: "显示详情",
                resetButtonTitle: "清除",
                backButtonTitle: "关闭",
                noResultsText: "没有结果：",
                footer: { selectText: "打开", navigateText: "移动", closeText: "关闭" }
              }
            }
          }
        },
        miniSearch
      }
    }
  }
})
