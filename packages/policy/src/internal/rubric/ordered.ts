/** Sorts rules into the order in which they are tried: a lower priority runs first; ties keep file order. */

const defaultPriority = 1000

export const ordered = <
  R extends {
    readonly name?: string
    readonly priority?: number
  }
>(
  rules: ReadonlyArray<R> | undefined,
  kind: string
): ReadonlyArray<R & { readonly name: string }> =>
  (rules ?? [])
    .map((rule, index) => ({ ...rule, name: rule.name ?? `${kind}[${index}]` }))
    .toSorted((a, b) => (a.priority ?? defaultPriority) - (b.priority ?? defaultPriority))
