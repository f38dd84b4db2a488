/**
 * The answers of the stand-in for the model to the prompts of the demo.
 */
import * as MockModel from "@effect-codex/core/testing/MockModel"
import { fixedPrompts, type Prompts } from "./case.ts"

/** Looks at the prompt and not at the order, so that the cases can be in any. */
export const script =
  (prompts: Prompts): MockModel.Script =>
  ({ lastToolOutput, lastUserText }) => {
    const { reply, text } = MockModel
    const asked = (prompt: string) => lastUserText.includes(prompt)
    if (asked(fixedPrompts.approval)) {
      return lastToolOutput === undefined
        ? reply(MockModel.execCommand({ cmd: "touch demo.txt", escalate: "May I create demo.txt?" }))
        : reply(text("The file is there."))
    }
    if (asked(fixedPrompts.interrupt)) return reply(text("1 ", "2 ", MockModel.delay("1 hour"), "3"))
    if (asked(prompts.events)) {
      return lastToolOutput === undefined
        ? reply(MockModel.reasoning("**Listing** the files."), MockModel.execCommand({ cmd: "ls | head -n 3" }))
        : reply(text(lastToolOutput.output))
    }
    if (asked(prompts.create)) return reply(text("READY"))
    if (asked(prompts.stream)) return reply(text("STREAM", "_OK"))
    return reply(text("There is nothing to object to."))
  }
