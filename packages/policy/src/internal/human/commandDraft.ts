/**
 * Drafts the question to a person about a command: the command, its folder, and the available answers.
 *
 * It knows the fields of such a request and the decisions that it offers. It does not know how a question is displayed.
 */
import type { Params, Request } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import type { CommandRule } from "../../Rule.ts"
import * as ShellCommand from "../../ShellCommand.ts"
import { amendmentProblem } from "../rubric/conclude.ts"
import { careful, detail, type Draft, folderDetail, list, name, remark, type Way, way, yes } from "./draft.ts"
import * as Lasting from "./lasting.ts"

const commandTitles = new Map([
  ["command", "Run a command?"],
  ["writeStdin", "Type into a running program?"],
  ["humanCommand", "Run a command that an administrator leaves to people alone?"]
])

export const command = Effect.fnUntraced(function* (
  { params }: Request<"command">,
  folder: string
): Effect.fn.Return<Draft<"command"> | string, never, FileSystem.FileSystem> {
  const { networkApprovalContext: network, reason } = params
  const kind = params.kind ?? "command"
  const title = commandTitles.get(kind)
  if (title === undefined) return "this version does not know what is asked"
  const text = params.command == null || params.command === "" ? undefined : params.command
  if (text === undefined && network == null) return "the request names neither a command nor a host"
  const alone = kind === "humanCommand"
  return {
    title: text === undefined ? "Let a command reach the network?" : title,
    details: [
      detail(kind === "writeStdin" ? "Input, as the server reports it" : "Command", text),
      careful(text, network?.host, params.cwd, ...pathsOf(params.additionalPermissions)),
      network == null ? undefined : list("Network", [`${name(network.protocol)} to ${name(network.host)}`]),
      params.cwd == null ? undefined : yield* folderDetail(params.cwd, folder),
      params.additionalPermissions == null
        ? undefined
        : list("It also asks for permissions", permissionLines(params.additionalPermissions)),
      remark(alone ? "Why, as the server says" : "Why, as the model claims", reason, 1000)
    ],
    ways: alone ? onceWays(params) : commandWays(params, text),
    rule: alone ? undefined : ruleFor(params, folder)
  }
})

/**
 * The rule that would accept this command from now on, in its folder and with exactly these arguments. It exists only for a
 * single plain program whose arguments determine what it does; the same limits apply to amendments.
 */
const ruleFor = (params: Params["command"], folder: string): CommandRule | undefined => {
  const { additionalPermissions, command, cwd, kind = "command", networkApprovalContext } = params
  if (kind !== "command" || command == null || networkApprovalContext != null || additionalPermissions != null) {
    return undefined
  }
  if (!offeredIn(params).includes("accept")) return undefined
  const parsed = ShellCommand.parse(command)
  const parts = parsed._tag === "Parsed" ? parsed.parts : []
  const [part] = parts
  if (part === undefined || part.redirects.length > 0 || part.assignments.length > 0) return undefined
  const words = part.words.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const [program, ...args] = words
  if (program === undefined || words.length < part.words.length || words.join(" ").length > maxBeginning)
    return undefined
  if (amendmentProblem(words, words, parts.length) !== undefined || !Lasting.bounds(words)) return undefined
  return {
    name: `always ${words.join(" ")}`,
    when: { program, args, cwdWithin: cwd ?? folder },
    decision: "accept"
  }
}

const offeredIn = (params: Params["command"]) => params.availableDecisions ?? ["accept", "acceptForSession"]

const maxBeginning = 300

const unsandboxed = "It may run outside the sandbox, with your rights"

const onceWays = (params: Params["command"]): ReadonlyArray<Way<"command"> | undefined> => [
  offeredIn(params).includes("accept") ? way<"command">(yes, `Yes, once. ${unsandboxed}`, "accept") : undefined,
  way<"command">("n", "No. The agent gets the refusal and continues", "decline"),
  way<"command">("cancel", "No, and stop the turn", "cancel")
]

const commandWays = (
  params: Params["command"],
  text: string | undefined
): ReadonlyArray<Way<"command"> | undefined> => {
  const [once, ...refusals] = onceWays(params)
  const parsed = text === undefined ? undefined : ShellCommand.parse(text)
  const parts = parsed?._tag === "Parsed" ? parsed.parts.length : 0
  const lasting = offeredIn(params).map((decision): Way<"command"> | undefined => {
    if (decision === "acceptForSession") {
      return way(
        "session",
        "Yes, and the same for the rest of the session, without asking and without the sandbox",
        "acceptForSession"
      )
    }
    if (!Predicate.isReadonlyObject(decision)) return undefined
    if ("acceptWithExecpolicyAmendment" in decision) {
      const words = decision.acceptWithExecpolicyAmendment.execpolicy_amendment
      const begins = name(words.join(" "))
      // An amendment is not offered if it would allow too much, or is too long to read.
      if (amendmentProblem(words, words, parts) !== undefined || !Lasting.bounds(words)) return undefined
      if (begins.length > maxBeginning) return undefined
      const meaning = `Yes, and from now on, without asking and without the sandbox, every command that begins with: ${begins}`
      return way("always", meaning, decision)
    }
    if ("applyNetworkPolicyAmendment" in decision) {
      const { network_policy_amendment: offered } = decision.applyNetworkPolicyAmendment
      const amend = (action: "allow" | "deny") => ({
        applyNetworkPolicyAmendment: { network_policy_amendment: { ...offered, action } }
      })
      const host = name(offered.host)
      if (offered.action === "allow") {
        return way("allow", `Yes, and from now on all traffic to ${host}, without asking`, amend("allow"))
      }
      if (offered.action === "deny") return way("deny", `No, and from now on no traffic to ${host}`, amend("deny"))
    }
    return undefined
  })
  return [once, ...lasting, ...refusals]
}

type Profile = Params["permissions"]["permissions"]

// The paths that a request for permissions names.
export const pathsOf = (profile: Profile | null | undefined): ReadonlyArray<string> => [
  ...(profile?.fileSystem?.read ?? []),
  ...(profile?.fileSystem?.write ?? []),
  ...(profile?.fileSystem?.entries ?? []).map(({ path }) => JSON.stringify(path))
]

export const permissionLines = ({ fileSystem, network }: Profile): ReadonlyArray<string> => {
  const lines = [
    ...(network?.enabled === true ? ["the network, all of it"] : []),
    ...(fileSystem?.read ?? []).map((path) => `read ${name(path)}`),
    ...(fileSystem?.write ?? []).map((path) => `write ${name(path)}`),
    ...(fileSystem?.entries ?? []).map(({ access, path }) => `${name(access)} ${name(JSON.stringify(path))}`)
  ]
  return lines.length === 0 ? ["none that this version knows"] : lines
}
