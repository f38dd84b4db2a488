/**
 * Shows: rules for what is clear, and a person for the rest. At a terminal you are the person; without one a function stands
 * in for you, which says no to what removes files.
 *
 * Run it with your own codex and account:   npm run example -- policy-human
 * Run it without either:                    npm run example -- policy-human --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Human from "@effect-codex/policy/Human"
import * as HumanQuestion from "@effect-codex/policy/HumanQuestion"
import * as Policy from "@effect-codex/policy/Policy"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { text } = yield* codex.responses.create({
    prompt: "Say hello with echo, print the date, remove notes.txt, and ask me which color I like."
  })
  yield* Console.log(text)
})

const standIn = Human.layerCallback((question) =>
  Effect.as(Console.log(HumanQuestion.text(question)), {
    choice: question.details.some(({ text }) => /\brm\b/.test(text)) ? "n" : "y",
    values: Object.fromEntries(question.fields.map(({ id, options }) => [id, options[0]?.value ?? ""]))
  })
)

const person = Layer.unwrap(
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const isThere = (yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal)
    return isThere ? Human.layerTerminal() : standIn
  })
)

const policy = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.gen(function* () {
    const rules = yield* RuleBasedPolicy.make(
      {
        mode: "strict",
        commandRules: [{ name: "echo", when: { program: "echo", anywhere: true }, decision: "accept" }]
      },
      { unmatched: "abstain" }
    )
    return Policy.tap(Policy.firstOf(rules, yield* Human.engine), ({ kind }, verdict) =>
      Console.log(kind, "decided by", verdict?.by)
    )
  })
)

// The person is the same for both: for what the agent asks, and for what an administrator leaves to people alone.
const codex = Codex.layer({
  experimentalApi: true,
  thread: { approvalPolicy: "untrusted", sandbox: "read-only" },
  config: { "features.default_mode_request_user_input": true }
}).pipe(Layer.provide(Human.layerApproval))

const Main = Layer.merge(codex, policy).pipe(Layer.provide(person), Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
