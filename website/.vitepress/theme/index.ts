/**
 * The look of the site: the default theme, with the commands to install and a run in the hero of the front page.
 */
import { useData, withBase } from "vitepress"
import theme from "vitepress/theme"
import { defineComponent, h } from "vue"
import "./style.css"

const Install = defineComponent(() => {
  const { frontmatter } = useData()
  return () => h("pre", { class: "install" }, h("code", frontmatter.value["install"]))
})

const Picture = defineComponent(() => {
  const { frontmatter } = useData()
  return () => {
    const { alt, src } = frontmatter.value["picture"]
    return h("div", { class: "run" }, h("img", { src: withBase(src), alt }))
  }
})

export default {
  extends: theme,
  Layout: () => h(theme.Layout, null, { "home-hero-info-after": () => h(Install), "home-hero-after": () => h(Picture) })
}
