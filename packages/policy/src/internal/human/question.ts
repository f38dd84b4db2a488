/**
 * What a person is asked about each kind of request: what matters, safe to show, and the choices that the request allows.
 *
 * What would be done is in the question whole, or nobody is asked. It does not know terminals, or how questions look. Only what the server itself says is shown as a fact. What the model or an MCP server says is shown as its claim.
 */
import * as Display from "@effect-codex/core/Display"
import { type Decisions, grantOf, type Kind, type Params, type Request } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Answer, Choice, Detail, Field, Question, Value } from "../../HumanQuestion.ts"
import * as PathWithin from "../../PathWithin.ts"
import * as ShellCommand from "../../ShellCommand.ts"
import * as UserInput from "../../UserInput.ts"
import { amendmentProblem } from "../rubric/conclude.ts"
import * as Form from "./form.ts"
import * as Lasting from "./lasting.ts"
import * as Letters from "./letters.ts"

export interface Asked<K extends Kind> {
  readonly question: Question
  readonly decide: (answer: Answer) => Result.Result<Decisions[K], string>
}

/** What refuses in each kind. */
export const refusal = {
  command: "decline",
  fileChange: "decline",
  permissions: "decline",
  userInput: "decline",
  elicitation: "decline",
  toolCall: "decline"
} as const satisfies { readonly [K in Kind]: Decisions[K] }

type Values = ReadonlyMap<string, Exclude<Value, Redacted.Redacted>>

interface Way<K extends Kind> extends Choice {
  readonly decide: (values: Values) => Result.Result<Decisions[K], string>
}

interface Draft<K extends Kind> {
  readonly title: string
  readonly details: ReadonlyArray<Detail | undefined>
  readonly ways: ReadonlyArray<Way<K> | undefined>
  readonly fields?: ReadonlyArray<Field> | undefined
}

/** A string is why no person can answer this here. */
type Drafting<K extends Kind> = Effect.Effect<Draft<K> | string, never, FileSystem.FileSystem>

/** Makes the question of a request; fails with why a person can't be asked. */
export const make = <K extends Kind>(
  request: Request<K>,
  folder: string
): Effect.Effect<Result.Result<Asked<K>, string>, never, FileSystem.FileSystem> =>
  Effect.map(drafts[request.kind](request, folder), (draft): Result.Result<Asked<K>, string> => {
    if (typeof draft === "string") return Result.fail(draft)
    const { fields = [], title } = draft
    const offered = draft.ways.filter(Predicate.isNotUndefined)
    // A key stands for one thing.
    const ways = offered.filter(({ key }, index) => offered.findIndex((way) => way.key === key) === index)
    const question: Question = {
      kind: request.kind,
      threadId: Display.line(request.threadId, { max: 100 }),
      turnId: request.turnId === undefined ? undefined : Display.line(request.turnId, { max: 100 }),
      title,
      details: draft.details.filter(Predicate.isNotUndefined),
      choices: ways.map(({ key, meaning }) => ({ key, meaning })),
      fields
    }
    if (isTooLong(question)) return Result.fail("it is too long to be shown whole")
    return Result.succeed({
      question,
      decide: ({ choice, values }) => {
        const way = ways.find(({ key }) => key === choice)
        if (way === undefined) return Result.fail("the answer is none of the choices")
        return Result.flatMap(way.key === yes ? Form.collect(fields, values) : Result.succeed(new Map()), way.decide)
      }
    })
  })

const yes = "y"

const way = <K extends Kind>(key: string, meaning: string, decision: Decisions[K]): Way<K> => ({
  key,
  meaning,
  decide: () => Result.succeed(decision)
})

// What would be done is shown whole: nobody can say yes to what is left out. More than this is not asked about.
const maxShown = 500_000

const isTooLong = ({ choices, details, fields }: Question): boolean => {
  const texts = [
    ...details.map(({ text }) => text),
    ...choices.map(({ meaning }) => meaning),
    ...fields.flatMap(({ description, label, options }) => [
      label,
      description,
      ...options.flatMap(({ description, label }) => [label, description])
    ])
  ]
  return texts.reduce((sum, { length }) => sum + length, 0) > maxShown
}

/** What would be done, whole. */
const detail = (label: string, text: string | null | undefined): Detail | undefined =>
  text == null || text === "" ? undefined : { label, text: Letters.inOrder(Display.block(text)) }

/** What somebody says about it, which decides nothing. */
const remark = (label: string, text: string | null | undefined, max: number): Detail | undefined =>
  text == null || text === "" ? undefined : { label, text: Display.block(text, { max }) }

/** Of lines that are safe to show, each from one text. */
const list = (label: string, lines: ReadonlyArray<string>): Detail => ({ label, text: lines.join("\n") })

const name = (text: string): string => Letters.inOrder(Display.line(text))

const title = (text: string): string => Letters.inOrder(Display.line(text, { max: 400 }))

// Text of the form that JSON has, for what has no better one.
const json = (value: unknown): string => JSON.stringify(value, null, 2) ?? ""

const careful = (...texts: ReadonlyArray<string | null | undefined>): Detail | undefined => {
  const words = new Set(texts.flatMap((text) => (text == null ? [] : Letters.deceptiveWords(text))))
  return words.size === 0
    ? undefined
    : list("Careful: letters that look Latin and are not, or that run from right to left", Array.from(words))
}

const placeOf = (path: string, folder: string) =>
  Effect.map(PathWithin.isReallyWithin(path, [folder]), (isInside) => {
    if (isInside) return { isInside, place: "in the working folder" }
    return PathWithin.isWithin(path, folder)
      ? { isInside, place: "NOT surely in the working folder: by name, but a link leads away, or cannot be followed" }
      : { isInside, place: "NOT in the working folder" }
  })

const folderDetail = (cwd: string, folder: string) =>
  Effect.map(placeOf(cwd, folder), ({ place }) => list("Folder", [name(cwd), place]))

const commandTitles = new Map([
  ["command", "Run a command?"],
  ["writeStdin", "Type into a program that runs?"],
  ["humanCommand", "Run a command that an administrator leaves to people alone?"]
])

const command = Effect.fnUntraced(function* (
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
      detail(kind === "writeStdin" ? "What the server says is typed" : "Command", text),
      careful(text, network?.host, params.cwd, ...pathsOf(params.additionalPermissions)),
      network == null ? undefined : list("Network", [`${name(network.protocol)} to ${name(network.host)}`]),
      params.cwd == null ? undefined : yield* folderDetail(params.cwd, folder),
      params.additionalPermissions == null
        ? undefined
        : list("It also asks for permissions", permissionLines(params.additionalPermissions)),
      remark(alone ? "Why, as the server says" : "Why, as the model claims", reason, 1000)
    ],
    ways: alone ? onceWays(params) : commandWays(params, text)
  }
})

const offeredIn = (params: Params["command"]) => params.availableDecisions ?? ["accept", "acceptForSession"]

const maxBeginning = 300

const unsandboxed = "It may run outside of the sandbox, with your rights"

const onceWays = (params: Params["command"]): ReadonlyArray<Way<"command"> | undefined> => [
  offeredIn(params).includes("accept") ? way<"command">(yes, `Yes, once. ${unsandboxed}`, "accept") : undefined,
  way<"command">("n", "No. The agent is told, and goes on", "decline"),
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
      return way("session", "Yes, and the same for the rest of the session, unasked, unsandboxed", "acceptForSession")
    }
    if (!Predicate.isReadonlyObject(decision)) return undefined
    if ("acceptWithExecpolicyAmendment" in decision) {
      const words = decision.acceptWithExecpolicyAmendment.execpolicy_amendment
      const begins = name(words.join(" "))
      // What would let too much pass is not offered, nor what nobody reads to its end.
      if (amendmentProblem(words, words, parts) !== undefined || !Lasting.bounds(words)) return undefined
      if (begins.length > maxBeginning) return undefined
      const meaning = `Yes, and from now on, unasked, unsandboxed, whatever begins with: ${begins}`
      return way("always", meaning, decision)
    }
    if ("applyNetworkPolicyAmendment" in decision) {
      const { network_policy_amendment: offered } = decision.applyNetworkPolicyAmendment
      const amend = (action: "allow" | "deny") => ({
        applyNetworkPolicyAmendment: { network_policy_amendment: { ...offered, action } }
      })
      const host = name(offered.host)
      if (offered.action === "allow") {
        return way("allow", `Yes, and from now on all traffic to ${host}, unasked`, amend("allow"))
      }
      if (offered.action === "deny") return way("deny", `No, and from now on no traffic to ${host}`, amend("deny"))
    }
    return undefined
  })
  return [once, ...lasting, ...refusals]
}

const fileChange = Effect.fnUntraced(function* (
  { item, params }: Request<"fileChange">,
  folder: string
): Effect.fn.Return<Draft<"fileChange"> | string, never, FileSystem.FileSystem> {
  if (item?.type !== "fileChange" || item.changes.length === 0) return "it is not known which files would change"
  const files = yield* Effect.forEach(item.changes, ({ diff, kind, path }) =>
    Effect.gen(function* () {
      const target = kind.type === "update" ? (kind.move_path ?? undefined) : undefined
      const from = yield* placeOf(path, folder)
      const to = target === undefined ? undefined : { path: target, ...(yield* placeOf(target, folder)) }
      const verb = kind.type === "add" ? "add" : kind.type === "delete" ? "DELETE" : "change"
      return {
        lines: [
          `${verb} ${name(path)} (${from.place})`,
          ...(to === undefined ? [] : [`move to ${name(to.path)} (${to.place})`])
        ],
        diff: `${name(path)}\n${Display.block(diff)}\n`,
        isInside: from.isInside && to?.isInside !== false,
        paths: [path, to?.path]
      }
    })
  )
  // Those that lie outside come first: a screen shows the beginning.
  const sorted = [...files.filter(({ isInside }) => !isInside), ...files.filter(({ isInside }) => isInside)]
  const lasting = "all further changes of files in this session, unasked"
  return {
    title: files.length === 1 ? "Change a file?" : `Change ${files.length} files?`,
    details: [
      list(
        "Files",
        sorted.flatMap(({ lines }) => lines)
      ),
      careful(params.grantRoot, ...files.flatMap(({ paths }) => paths)),
      list(
        "Changes",
        sorted.map(({ diff }) => diff)
      ),
      detail("It also asks to write, for the rest of the session, below", params.grantRoot),
      remark("Why, as the model claims", params.reason, 1000)
    ],
    ways: [
      way(yes, params.grantRoot == null ? "Yes, once" : "Yes, with what it also asks for", "accept"),
      way("session", `Yes, and ${lasting}`, "acceptForSession"),
      way("n", "No. The agent is told, and goes on", "decline"),
      way("cancel", "No, and stop the turn", "cancel")
    ]
  }
})

type Profile = Params["permissions"]["permissions"]

// What a request for permissions names.
const pathsOf = (profile: Profile | null | undefined): ReadonlyArray<string> => [
  ...(profile?.fileSystem?.read ?? []),
  ...(profile?.fileSystem?.write ?? []),
  ...(profile?.fileSystem?.entries ?? []).map(({ path }) => JSON.stringify(path))
]

const permissionLines = ({ fileSystem, network }: Profile): ReadonlyArray<string> => {
  const lines = [
    ...(network?.enabled === true ? ["the network, all of it"] : []),
    ...(fileSystem?.read ?? []).map((path) => `read ${name(path)}`),
    ...(fileSystem?.write ?? []).map((path) => `write ${name(path)}`),
    ...(fileSystem?.entries ?? []).map(({ access, path }) => `${name(access)} ${name(JSON.stringify(path))}`)
  ]
  return lines.length === 0 ? ["none that this version knows"] : lines
}

const permissions = Effect.fnUntraced(function* (
  { params }: Request<"permissions">,
  folder: string
): Effect.fn.Return<Draft<"permissions"> | string, never, FileSystem.FileSystem> {
  const { cwd, reason } = params
  const granted = grantOf(params.permissions)
  if (granted === undefined) return "it asks for permissions of a kind that this version does not know"
  return {
    title: "Widen the agent's permissions?",
    details: [
      list("Permissions", permissionLines(params.permissions)),
      careful(cwd, ...pathsOf(params.permissions)),
      yield* folderDetail(cwd, folder),
      remark("Why, as the model claims", reason, 1000)
    ],
    ways: [
      way<"permissions">(yes, "Yes, for this turn", { permissions: granted, scope: "turn" }),
      way<"permissions">("session", "Yes, for the rest of the session", { permissions: granted, scope: "session" }),
      way<"permissions">("n", "No. The agent is told, and goes on", "decline")
    ]
  }
})

const userInput = ({ params: { questions } }: Request<"userInput">): Drafting<"userInput"> => {
  if (new Set(questions.map(({ id }) => id)).size < questions.length) {
    return Effect.succeed("two questions have the same id")
  }
  const answers = (values: Values) =>
    new Map(Array.from(values, ([id, value]) => [id, typeof value === "string" ? [value] : []]))
  return Effect.succeed({
    title: questions.length === 1 ? "The agent has a question" : `The agent has ${questions.length} questions`,
    details: [],
    fields: questions.map(Form.fieldOfQuestion),
    ways: [
      {
        key: yes,
        meaning: "Answer. What is left empty gets no answer",
        decide: (values) => {
          const given = answers(values)
          return Result.map(UserInput.check(questions, given), () => UserInput.toDecision(given))
        }
      },
      way<"userInput">("n", "Do not answer. The agent goes on without", "decline")
    ]
  })
}

const elicitation = (request: Request<"elicitation">): Drafting<"elicitation"> =>
  Effect.succeed(elicitationDraft(request.params))

const elicitationDraft = (params: Params["elicitation"]): Draft<"elicitation"> | string => {
  const server = title(params.serverName)
  const refusals = [
    way<"elicitation">("n", "No", "decline"),
    way<"elicitation">("cancel", "No, and say no more about it", "cancel")
  ]
  if (params.mode === "url") {
    return {
      title: `The MCP server ${server} wants you to visit a page`,
      details: [
        detail("Address, which is not opened for you", params.url),
        careful(params.url, params.serverName),
        remark("What the server says", params.message, 2000)
      ],
      ways: [way<"elicitation">(yes, "I have been there, and done what is asked", accepted(null)), ...refusals]
    }
  }
  if (params.mode !== "form") return `a person can't answer the mode ${title(params.mode)} here`
  const fields = Form.fieldsOfForm(params.requestedSchema)
  if (fields === undefined) return "the form has a field of a kind that is not known"
  const tool = claimedTool(params)
  if (tool !== undefined && fields.length === 0) {
    const asks = (choice: "always" | "session", meaning: string) =>
      tool.persist.includes(choice)
        ? way<"elicitation">(choice, meaning, { action: "accept", content: {}, _meta: { persist: choice } })
        : undefined
    return {
      title: `Run a tool of the MCP server ${server}?`,
      details: [
        detail("Tool, as the server or codex claims: a server can forge this question", tool.name ?? "not named"),
        careful(params.serverName, tool.name),
        remark("What it says", params.message, 2000),
        tool.args === undefined ? undefined : detail("Arguments, as it claims", json(tool.args))
      ],
      ways: [
        way<"elicitation">(yes, "Yes, once", accepted({})),
        asks("session", "Yes, and this tool for the rest of the session, unasked"),
        asks("always", "Yes, and this tool from now on, unasked: written into your config.toml"),
        ...refusals
      ]
    }
  }
  return {
    title: fields.length === 0 ? `The MCP server ${server} asks for a yes` : `The MCP server ${server} asks for data`,
    // What it asks a person to agree to, or to fill in.
    details: [detail("What the server says", params.message), careful(params.serverName)],
    fields,
    ways: [
      {
        key: yes,
        meaning: fields.length === 0 ? "Yes" : `Fill it in. What you type goes to ${server}`,
        decide: (values) => Result.succeed(accepted(Object.fromEntries(values)))
      },
      ...refusals
    ]
  }
}

const accepted = (content: unknown): Decisions["elicitation"] => ({ action: "accept", content, _meta: null })

const claimedTool = ({ _meta: meta }: { readonly _meta?: unknown }) => {
  if (!Predicate.hasProperty(meta, "codex_approval_kind") || meta.codex_approval_kind !== "mcp_tool_call")
    return undefined
  return {
    name: Predicate.hasProperty(meta, "tool_name") && typeof meta.tool_name === "string" ? meta.tool_name : undefined,
    args: Predicate.hasProperty(meta, "tool_params") ? meta.tool_params : undefined,
    persist: Predicate.hasProperty(meta, "persist") && Array.isArray(meta.persist) ? meta.persist : []
  }
}

const toolCall = ({ params }: Request<"toolCall">): Drafting<"toolCall"> => {
  const tool = params.namespace == null ? params.tool : `${params.namespace}.${params.tool}`
  return Effect.succeed({
    title: "Call a tool of this program?",
    details: [detail("Tool", tool), careful(tool), detail("Arguments", json(params.arguments))],
    ways: [
      way<"toolCall">(yes, "Yes, once", "accept"),
      way<"toolCall">("n", "No. The agent is told, and goes on", "decline")
    ]
  })
}

const drafts: { readonly [K in Kind]: (request: Request<K>, folder: string) => Drafting<K> } = {
  command,
  fileChange,
  permissions,
  userInput,
  elicitation,
  toolCall
}
