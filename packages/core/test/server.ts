import { codexVersion } from "../src/protocol/generated/Methods.ts"
import * as Versions from "../src/protocol/Versions.ts"

/** The version of the real server that the tests run on: the pinned one, or what `npm run test:codex` names. */
export const serverVersion = process.env["CODEX_TEST_VERSION"] ?? codexVersion

/** Whether it is the version that the protocol was generated from. */
export const isPinned = serverVersion === codexVersion

/** Whether the server lacks what the table of versions says that only some of them have. */
export const lacks = (what: keyof typeof Versions.behaviors): boolean =>
  !Versions.has(serverVersion, Versions.behaviors[what])

/** Whether the server is too old for a method. */
export const lacksMethod = (method: string): boolean =>
  !Versions.has(serverVersion, Versions.protocol.requests[method] ?? {})
