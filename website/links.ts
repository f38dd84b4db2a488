/**
 * Follows every link of the built site, to the page and to the anchor on that page, and finds resources of other hosts.
 *
 * The site generator checks pages but not anchors, and ignores links with a file extension.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import * as path from "node:path"

/** The broken links, one line each. `base` is the path that the site is served under. */
export const brokenLinks = (site: string, base: string): ReadonlyArray<string> => {
  const pages = new Map(
    globSync("**/*.html", { cwd: site }).map((page) => {
      const html = readFileSync(path.join(site, page), "utf8")
      const places = new Set(Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id))
      return [page, { html, places }]
    })
  )
  const broken: Array<string> = []
  for (const [page, { html }] of pages) {
    for (const [, loaded] of html.matchAll(/<(?:link|script|img)[^>]* (?:href|src)="((?:https?:)?\/\/[^"]+)"/g)) {
      broken.push(`${page}: loads ${loaded}`)
    }
    for (const [, link = ""] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^\w+:/.test(link)) continue
      const url = new URL(link, `file://${base}${page}`)
      const relative = decodeURIComponent(url.pathname).slice(base.length)
      const target = relative === "" || relative.endsWith("/") ? `${relative}index.html` : relative
      const place = decodeURIComponent(url.hash.slice(1))
      const found = pages.get(target)
      if (found === undefined ? !existsSync(path.join(site, target)) : place !== "" && !found.places.has(place)) {
        broken.push(`${page}: leads to ${link}, which is not there`)
      }
    }
  }
  for (const file of globSync("**/*.{css,svg}", { cwd: site })) {
    const text = readFileSync(path.join(site, file), "utf8")
    for (const [, loaded] of text.matchAll(/(?:url\(|@import |href=)["']?((?:https?:)?\/\/[^"')\s]+)/g)) {
      broken.push(`${file}: loads ${loaded}`)
    }
  }
  return broken
}
