/**
 * The exact subject of a request, which a grant must equal, and whether a verdict on it can be a grant at all.
 *
 * Only what a person can see whole and what ends with the request is grantable. Typing into a running terminal, network access,
 * wider permissions, questions and commands reserved for a person are not. A pure function.
 */
import type { Kind, Request } from "@effect-codex/core/PolicyEngine"
import type { Subject } from "../Approval.ts"

export interface Grantable {
  readonly subject: Subject
  readonly isGrantable: boolean
}

export const subjectOf = (request: Request<Kind>): Grantable => {
  if (isKind(request, "command")) {
    const { additionalPermissions, command, cwd, environmentId, kind, networkApprovalContext } = request.params
    return {
      subject: {
        kind: "command",
        ...(environmentId == null ? {} : { environment: environmentId }),
        ...(cwd == null ? {} : { folder: cwd }),
        ...(command == null ? {} : { command })
      },
      isGrantable:
        (kind === undefined || kind === "command") &&
        command != null &&
        cwd != null &&
        networkApprovalContext == null &&
        additionalPermissions == null
    }
  }
  if (isKind(request, "fileChange")) {
    const { item, params } = request
    const changes = item?.type === "fileChange" ? item.changes.map(lineOf).toSorted() : undefined
    return {
      subject: { kind: "fileChange", ...(changes === undefined ? {} : { changes }) },
      isGrantable: changes !== undefined && changes.length > 0 && params.grantRoot == null
    }
  }
  if (isKind(request, "toolCall")) {
    const { arguments: args, namespace, tool } = request.params
    return { subject: { kind: "toolCall", call: canonical([namespace ?? null, tool, args]) }, isGrantable: true }
  }
  return { subject: { kind: request.kind }, isGrantable: false }
}

const isKind = <K extends Kind>(request: Request<Kind>, kind: K): request is Request<K> => request.kind === kind

const lineOf = (change: { readonly path: string; readonly kind: unknown; readonly diff: string }): string =>
  canonical([change.path, change.kind, change.diff])

// JSON with sorted keys.
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner
  )
