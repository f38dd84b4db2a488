/**
 * Two programs that look fine and are not, and the laws that they break.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { Simulation } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"

/** Tries again whatever went wrong, though the turn may have run. */
export const retriesAnything: Simulation.Program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const thread = yield* codex.thread.start()
  yield* Effect.retry(thread.run("Deploy the release"), { times: 3 })
})

/** No prompt is given to the model twice. A new connection runs the program anew. */
export const promptsOnce: Simulation.Law = {
  name: "a prompt reaches the model once",
  check: ({ turns }) => {
    const own = turns.filter(({ clientId }) => clientId != null && !clientId.startsWith("other"))
    const twice = own.find((turn) =>
      own.some((one) => one !== turn && one.prompt === turn.prompt && one.connection === turn.connection)
    )
    return twice === undefined ? undefined : `"${twice.prompt}" has begun two turns`
  }
}

/** Accepts what it has accepted before, by the id of the item, which the model chooses. */
export const approvesByItem = (): Pick<Simulation.Options, "policy" | "program"> => {
  const accepted = new Set<string>()
  return {
    program: Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* codex.responses.create({ prompt: "Tidy up" })
    }),
    policy: PolicyEngine.make({
      command: ({ params }) => {
        if (params.command === "git status") accepted.add(params.itemId)
        return Effect.succeed({ decision: accepted.has(params.itemId) ? "accept" : "decline", by: "by item" })
      }
    })
  }
}

/** No command runs but `git status`. */
export const onlyReads: Simulation.Law = {
  name: "only git status runs",
  check: ({ approvals }) => {
    const other = approvals.find(({ command, isAccepted }) => isAccepted && command !== "git status")
    return other === undefined ? undefined : `${other.command ?? "a file change"} was accepted`
  }
}
