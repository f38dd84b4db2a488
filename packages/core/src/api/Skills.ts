/**
 * The skills that agents can use: folders with a `SKILL.md`.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AppServer } from "../AppServer.ts"
import type { CallError } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The functions of `codex.skills`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skills {
  /** Lists the skills of each working directory, and their errors. Default: the server's. Calls `skills/list`. */
  readonly list: (params?: Schemas.SkillsListParams) => Effect.Effect<ReadonlyArray<Schemas.SkillsListEntry>, CallError>
  /**
   * Enables or disables a skill, by the absolute path of its `SKILL.md` or by its name. Returns whether it is enabled now.
   * Calls `skills/config/write`.
   */
  readonly configWrite: (params: Schemas.SkillsConfigWriteParams) => Effect.Effect<boolean, CallError>
  /**
   * Sets additional folders to search for skills, by their absolute paths, for as long as the server runs. Calls
   * `skills/extraRoots/set`.
   */
  readonly extraRootsSet: (params: Schemas.SkillsExtraRootsSetParams) => Effect.Effect<void, CallError>
}

/**
 * `codex.skills` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): Skills => {
  const { plain } = makeCalls(server)
  return {
    list: (params) => Effect.map(plain("skills/list", params ?? {}), ({ data }) => data),
    configWrite: (params) =>
      Effect.map(plain("skills/config/write", params), ({ effectiveEnabled }) => effectiveEnabled),
    extraRootsSet: (params) => Effect.asVoid(plain("skills/extraRoots/set", params))
  }
}
