/**
 * The page of a transcript: one file that needs no network, in which nothing that was recorded can run.
 *
 * Its own style and script are named by their hashes, and nothing else may be loaded or run. It is drawn for a phone and a
 * desktop, in light and dark, and prints with everything open.
 */
import * as Digest from "effect/crypto/Digest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Comparison } from "./comparison.ts"
import { comparisonHtml } from "./comparisonHtml.ts"
import { count, duration, escape, escapeLine } from "./html.ts"
import { script, style } from "./look.ts"
import { diffHtml } from "./items.ts"
import { timeline, tokenPlot } from "./plot.ts"
import type { Piece, Story, Turn } from "./story.ts"

/** The facts in the head of a page. */
export interface About {
  readonly title: string
  readonly codex: string
  readonly at: number
  readonly command: string
  readonly cwd: string
  readonly notes: ReadonlyArray<string>
}

const inOrder = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Piece> => pieces.toSorted((a, b) => a.begin - b.begin)

const turnHtml = (turn: Turn, index: number, others: number): string => {
  const { begin, diff, end, id, omitted, pieces, plan, status, threadId, tokens } = turn
  const facts = [
    status,
    end === undefined ? undefined : duration(end - begin),
    tokens === undefined ? undefined : `${count(tokens)} tokens`,
    others > 1 ? `thread ${threadId}` : undefined
  ]
  const shown = facts.flatMap((fact) => (fact === undefined ? [] : [`<span>${escapeLine(fact)}</span>`])).join("")
  return [
    `<section class="turn ${status === "completed" ? "good" : "bad"}" id="turn-${index + 1}">`,
    `<h2>Turn ${index + 1} <small>${shown}</small></h2>`,
    `<p class="id">${escapeLine(id)}</p>`,
    plan,
    ...inOrder(pieces).map(({ html }) => html),
    omitted === 0 ? "" : `<p class="cut">${count(omitted)} more have no room on this page.</p>`,
    diff === ""
      ? ""
      : `<details class="piece change"><summary><b>diff</b> <span class="head">all file changes of the turn</span></summary><pre class="diff">${diffHtml(diff)}</pre></details>`,
    "</section>"
  ].join("\n")
}

const order = [
  "approvals",
  "command",
  "change",
  "tool",
  "message",
  "thought",
  "errors",
  "warnings",
  "tokens",
  "messages"
]

const words: Readonly<Record<string, string>> = {
  command: "commands",
  change: "file changes",
  tool: "tool calls",
  message: "messages of people and agents",
  thought: "thoughts",
  messages: "messages on the wire"
}

const tiles = (story: Story): string =>
  [
    ["turns", story.turns.length, undefined] as const,
    ...order.flatMap((name) => {
      const value = story.counts[name]
      const bad = story.counts[name === "approvals" ? "approvals, refused" : `${name}, failed`]
      const note = bad === undefined ? undefined : `${count(bad)} ${name === "approvals" ? "refused" : "failed"}`
      return value === undefined ? [] : [[words[name] ?? name, value, note] as const]
    })
  ]
    .map(
      ([name, value, note]) =>
        `<div class="tile"><b>${count(value)}</b><span>${name}</span>${note === undefined ? "" : `<em>${note}</em>`}</div>`
    )
    .join("")

const moment = (at: number): string => Option.match(DateTime.make(at), { onNone: () => "", onSome: DateTime.formatIso })

const factHtml = (name: string, value: string): string =>
  value === "" ? "" : `<dt>${name}</dt><dd>${escapeLine(value)}</dd>`

const leftHtml = ({ left }: Story): string => {
  if (left.pieces === 0 && left.characters === 0) return ""
  const pieces = left.pieces === 0 ? "" : `${count(left.pieces)} items and `
  return `<p class="cut">This page leaves out ${pieces}${count(left.characters)} characters of long texts. The recording has them.</p>`
}

const hashOf = (text: string) =>
  Effect.flatMap(Digest.Digest, (digest) => digest.digest(Digest.sha256, new TextEncoder().encode(text))).pipe(
    Effect.map((hash) => btoa(String.fromCharCode(...hash))),
    Effect.provide(Digest.layerWebCrypto)
  )

/** The body of one recording: its facts, plots and turns. */
const recordingHtml = (about: About, story: Story): string => {
  const threads = new Set(story.turns.map(({ threadId }) => threadId)).size
  return [
    `<div class="tiles">${tiles(story)}</div>`,
    "<dl>",
    factHtml("codex", about.codex),
    factHtml("begun", moment(about.at)),
    factHtml("took", duration(story.ms)),
    factHtml("folder", about.cwd),
    factHtml("command", about.command),
    factHtml("end", story.end),
    "</dl>",
    ...[...about.notes, ...story.notes].map((note) => `<p class="cut">${escape(note)}</p>`),
    leftHtml(story),
    timeline(story),
    tokenPlot(story),
    ...story.turns.map((turn, index) => turnHtml(turn, index, threads)),
    story.others.length === 0
      ? ""
      : `<section class="turn"><h2>Outside of turns</h2>${inOrder(story.others)
          .map(({ html }) => html)
          .join("\n")}</section>`
  ].join("\n")
}

/** A page of one recording, or of several side by side, with their comparison before them. */
export const page = Effect.fnUntraced(function* (
  recordings: ReadonlyArray<{ readonly about: About; readonly story: Story }>,
  comparison?: Comparison
) {
  const [styleHash, scriptHash] = yield* Effect.all([hashOf(style), hashOf(script)])
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    `script-src 'sha256-${scriptHash}'`,
    "base-uri 'none'",
    "form-action 'none'"
  ].join("; ")
  const title = recordings.map(({ about }) => about.title).join(" and ")
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeLine(title)}</title><style>${style}</style></head><body>`,
    `<header><h1>${escapeLine(title)}</h1>`,
    '<div class="bar"><input id="search" type="search" placeholder="Search" aria-label="Search">',
    '<output id="hits"></output><button id="open">Open all</button><button id="close">Fold all</button>',
    '<button id="theme">Light or dark</button></div></header>',
    comparison === undefined ? "" : `<div class="before">${comparisonHtml(comparison)}</div>`,
    `<main class="${recordings.length > 1 ? "side" : "one"}">`,
    ...recordings.map(({ about, story }) =>
      recordings.length > 1
        ? `<article><h2>${escapeLine(about.title)}</h2>${recordingHtml(about, story)}</article>`
        : recordingHtml(about, story)
    ),
    `</main><script>${script}</script></body></html>`
  ].join("\n")
})
