/**
 * The scripts of `--offline --scenario NAME`. Each lets the stand-in for the model do one thing that agents do, so that users can
 * try it without an account.
 */
import * as MockModel from "@effect-codex/core/testing/MockModel"
import type { ScenarioName } from "./scenarioNames.ts"

const { applyPatch, execCommand, failed, reasoning, reply, requestUserInput, text } = MockModel

const patch = `*** Begin Patch
*** Add File: notes.txt
+High water at noon.
*** End Patch
`

/** Each tries something once and then says what came of it. */
const once =
  (attempt: MockModel.Part, done: string): MockModel.Script =>
  ({ lastToolOutput }) =>
    lastToolOutput === undefined
      ? reply(reasoning("**Trying** it out."), attempt)
      : reply(text(`${done} The tool answered:\n\n${lastToolOutput.output}`))

export const scenarios: { readonly [Name in ScenarioName]: MockModel.Script } = {
  approval: once(execCommand({ cmd: "touch demo.txt", escalate: "May I create demo.txt?" }), "I asked for approval."),
  patch: once(applyPatch(patch), "I changed a file."),
  command: once(execCommand({ cmd: "seq 1 60" }), "I ran a command."),
  failure: () => reply(text("I begin, and ", failed("context_length_exceeded", "The prompt is too long"))),
  question: once(
    requestUserInput([
      {
        id: "color",
        header: "Color",
        question: "Which color do you like?",
        options: [
          { label: "Red", description: "warm" },
          { label: "Blue", description: "cold" }
        ]
      }
    ]),
    "I asked you something."
  ),
  slow: () => reply(text("I think about it", MockModel.delay("1 hour")))
}
