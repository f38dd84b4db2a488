/**
 * The stand-in for the model of `--offline`, and the throwaway home around it.
 *
 * Loaded only when needed, because it includes an HTTP server.
 */
import type * as Codex from "@effect-codex/core/Codex"
import * as CodexTest from "@effect-codex/core/testing/CodexTest"
import * as MockModel from "@effect-codex/core/testing/MockModel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const answerTo = (prompt: string): string =>
  `Hello! You said: ${prompt}\n\n` +
  "I am a stand-in for the model: this ran on the real codex binary, without an account and without a network. " +
  "Leave out --offline, and a model answers."

// The same answer for every request, so that a prompt with an output schema gets one too.
const greeting: MockModel.Script = (request) =>
  MockModel.reply(MockModel.reasoning("**Greeting** the user."), MockModel.text(answerTo(request.lastUserText)))

// A model that codex knows, so that it does not warn about an unknown one.
const model = "gpt-5.5"

// Without it, codex refuses questions to the user in its default mode.
const features = { default_mode_request_user_input: true }

export const layer = (codex: Codex.Options, script: MockModel.Script = greeting) =>
  CodexTest.layer(script, { codex, model, features, verifyOnClose: false })

/** The throwaway home alone, for what starts a codex by itself. */
export const home = Effect.map(Layer.build(CodexTest.layerHome(greeting, { model, verifyOnClose: false })), (context) =>
  Context.get(context, CodexTest.Home)
)
