import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rubric from "@effect-codex/policy/Rubric"

/** Quotes a word as codex does: pieces of plain text, in single quotes, or in double quotes where there are single ones. */
export const codexQuote = (word: string): string => {
  if (word === "") return "''"
  let quoted = ""
  let rest = word
  while (rest !== "") {
    const piece =
      /^[A-Za-z0-9+\-./:@\]_,=%]+$/.exec(rest)?.[0] ??
      longest(/^[^'\\^]+/.exec(rest)?.[0], /^[^`$!^]+/.exec(rest)?.[0]) ??
      rest.slice(0, 1)
    rest = rest.slice(piece.length)
    quoted += /^[A-Za-z0-9+\-./:@\]_,=%]+$/.test(piece)
      ? piece
      : /['\\]/.test(piece)
        ? `"${piece.replace(/["\\]/g, "\\$&")}"`
        : `'${piece}'`
  }
  return quoted
}

const longest = (a: string | undefined, b: string | undefined) => ((a?.length ?? 0) >= (b?.length ?? 0) ? a : b)

/** A script as codex tells of it. */
export const wrapped = (script: string, shell = "/bin/bash", option = "-lc"): string =>
  [shell, option, script].map(codexQuote).join(" ")

const about = { threadId: "thread", turnId: "turn" } as const

/** A request for a command that runs in the repository. */
export const commandRequest = (
  params: Partial<PolicyEngine.Params["command"]> | string
): PolicyEngine.Request<"command"> => ({
  ...about,
  kind: "command",
  params: {
    ...about,
    itemId: "item",
    startedAtMs: 0,
    cwd: "/repo",
    ...(typeof params === "string" ? { command: params } : params)
  },
  item: undefined,
  availableDecisions: undefined
})

/** Rules that accept in any folder, unless they say where. */
export const anywhere = (
  rules: NonNullable<Rubric.PolicyRubric["commandRules"]>
): NonNullable<Rubric.PolicyRubric["commandRules"]> =>
  rules.map((rule) =>
    rule.decision === undefined || rule.when?.cwdWithin !== undefined
      ? rule
      : { ...rule, when: { ...rule.when, anywhere: true } }
  )
