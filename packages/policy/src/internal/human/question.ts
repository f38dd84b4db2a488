/**
 * Makes the question to a person for each kind of request: the relevant facts, safe to show, and the allowed choices.
 *
 * A question shows the whole action; if that is impossible, no question is asked. Only the server's own statements are shown as
 * facts. Those of the model or an MCP server are shown as claims. This module does not know terminals.
 *
 * The room knows questions to a person: their texts, their choices, and the terminal that shows them. It must not decide:
 * it accepts nothing that the person has not chosen.
 */
import * as Display from "@effect-codex/core/Display"
import { type Decisions, grantOf, type Kind, type Params, type Request } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Answer, Question } from "../../HumanQuestion.ts"
import * as UserInput from "../../UserInput.ts"
import * as Form from "./form.ts"
import { command, pathsOf, permissionLines } from "./commandDraft.ts"
import {
  careful,
  detail,
  type Draft,
  type Drafting,
  folderDetail,
  json,
  list,
  name,
  placeOf,
  remark,
  title,
  type Values,
  way,
  yes
} from "./draft.ts"

export interface Asked<K extends Kind> {
  readonly question: Question
  readonly decide: (answer: Answer) => Result.Result<Decisions[K], string>
}

/** Makes the question for a request; fails with the reason why a person cannot be asked. */
export const make = <K extends Kind>(
  request: Request<K>,
  folder: string
): Effect.Effect<Result.Result<Asked<K>, string>, never, FileSystem.FileSystem> =>
  Effect.map(drafts[request.kind](request, folder), (draft): Result.Result<Asked<K>, string> => {
    if (typeof draft === "string") return Result.fail(draft)
    const { fields = [], title } = draft
    const offered = draft.ways.filter(Predicate.isNotUndefined)
    // Each key has only one meaning.
    const ways = offered.filter(({ key }, index) => offered.findIndex((way) => way.key === key) === index)
    const question: Question = {
      kind: request.kind,
      threadId: Display.line(request.threadId, { max: 100 }),
      turnId: request.turnId === undefined ? undefined : Display.line(request.turnId, { max: 100 }),
      title,
      details: draft.details.filter(Predicate.isNotUndefined),
      choices: ways.map(({ key, meaning }) => ({ key, meaning })),
      fields,
      ...(draft.rule === undefined ? {} : { rule: draft.rule })
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

// A question shows the whole action, since no one can agree to omitted parts. If its text is longer than this, it is not asked.
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
  // Files outside the folder come first, since a screen shows the beginning.
  const sorted = [...files.filter(({ isInside }) => !isInside), ...files.filter(({ isInside }) => isInside)]
  const lasting = "all further changes of files in this session, without asking"
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
      way(yes, params.grantRoot == null ? "Yes, once" : "Yes, including the additional access", "accept"),
      way("session", `Yes, and ${lasting}`, "acceptForSession"),
      way("n", "No. The agent gets the refusal and continues", "decline"),
      way("cancel", "No, and stop the turn", "cancel")
    ]
  }
})

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
      way<"permissions">("n", "No. The agent gets the refusal and continues", "decline")
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
    // The person decides whether to answer before the fields are shown.
    details: [
      remark(
        questions.length === 1 ? "Question" : "Questions",
        questions.map(({ question }) => question).join("\n"),
        4000
      )
    ],
    fields: questions.map(Form.fieldOfQuestion),
    ways: [
      {
        key: yes,
        meaning: "Answer. Empty fields stay unanswered",
        decide: (values) => {
          const given = answers(values)
          return Result.map(UserInput.check(questions, given), () => UserInput.toDecision(given))
        }
      },
      way<"userInput">("n", "Do not answer. The agent continues without", "decline")
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
        remark("Message of the server", params.message, 2000)
      ],
      ways: [way<"elicitation">(yes, "I visited the page and did what it asks", accepted(null)), ...refusals]
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
        remark("Message", params.message, 2000),
        tool.args === undefined ? undefined : detail("Arguments, as it claims", json(tool.args))
      ],
      ways: [
        way<"elicitation">(yes, "Yes, once", accepted({})),
        asks("session", "Yes, and this tool for the rest of the session, without asking"),
        asks("always", "Yes, and this tool from now on, without asking: written into your config.toml"),
        ...refusals
      ]
    }
  }
  return {
    title:
      fields.length === 0 ? `The MCP server ${server} asks for confirmation` : `The MCP server ${server} asks for data`,
    // The message that a person agrees to, or fills in the form for.
    details: [detail("Message of the server", params.message), careful(params.serverName)],
    fields,
    ways: [
      {
        key: yes,
        meaning: fields.length === 0 ? "Yes" : `Fill it in. Your input goes to ${server}`,
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
      way<"toolCall">("n", "No. The agent gets the refusal and continues", "decline")
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
