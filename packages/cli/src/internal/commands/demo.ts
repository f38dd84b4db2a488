/**
 * The command `demo`: its flags. `Demo` runs the cases.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Connection from "../../Connection.ts"
import * as Demo from "../../Demo.ts"
import { text, toggle } from "../flags.ts"

// It works in a throwaway folder.
const { cwd: _, ...connection } = Connection.flags

const flags = {
  mode: Flag.Literals("mode", ["smoke", "demo", "full"]).pipe(
    Flag.withDescription(
      "smoke: a thread, a response, a text stream, an approval; demo: also events, threads and listings; full: also reviews and history"
    ),
    Flag.withDefault("smoke")
  ),
  strict: toggle("strict", "Stop at the first failure"),
  showEvents: toggle("show-events", "Print the events of a turn"),
  model: text("model", "NAME", "The model").pipe(Flag.withAlias("m")),
  promptCreate: text("prompt-create", "TEXT", "The prompt for a response"),
  promptEvents: text("prompt-events", "TEXT", "The prompt for a stream of events"),
  promptStream: text("prompt-stream", "TEXT", "The prompt for a stream of text"),
  ...connection
}

/** The command. */
export const command = Command.make(
  "demo",
  flags,
  ({ mode, model, promptCreate, promptEvents, promptStream, showEvents, strict, ...connection }) =>
    Demo.run({
      mode,
      model,
      prompts: { create: promptCreate, events: promptEvents, stream: promptStream },
      showEvents,
      strict,
      connection: { ...connection, cwd: undefined }
    })
).pipe(
  Command.withDescription("Show that codex and this package work here; exits with 1 if a case fails"),
  Command.withShortDescription("Try codex and this package on this machine"),
  Command.withExamples([
    { command: "effect-codex demo --offline", description: "Check an installation without an account" },
    {
      command: "effect-codex demo --mode full --strict",
      description: "Check everything, with the account, up to the first failure"
    }
  ])
)
