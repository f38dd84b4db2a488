import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Transcript from "@effect-codex/core/Transcript"
import * as Transport from "@effect-codex/core/Transport"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { serverVersion } from "../server.ts"
import { read, temporaryFile } from "./recording.ts"
import { type Scenario, scenarios } from "./scenarios.ts"

const connection = { experimentalApi: true, acceptDelay: 0 } as const

// What a program comes to, in a form that can be compared.
const outcomeOf = ({ engine = PolicyEngine.declineAll, program }: Scenario) =>
  Effect.result(
    Effect.scoped(
      program ??
        Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Go on" })).pipe(
          Effect.map(({ text }) => text)
        )
    )
  ).pipe(
    Effect.map(
      Result.match({ onFailure: ({ _tag }): unknown => ({ failed: _tag }), onSuccess: (value) => ({ value }) })
    ),
    Effect.provideService(PolicyEngine.PolicyEngine, engine)
  )

// The recording that is played is recorded once more.
const layerPlayed = (file: string) =>
  Codex.layerAppServer().pipe(
    Layer.provideMerge(
      AppServer.layerTransport(connection).pipe(
        Layer.provide(
          Layer.effect(Transport.Transport)(
            Effect.gen(function* () {
              const { header } = yield* Transcript.read(file)
              const recorder = yield* Transcript.recorder(`${file}.again`, { cwd: header.cwd })
              return yield* recorder.record(yield* Transport.Transport)
            })
          )
        )
      )
    ),
    Layer.provide(Transcript.layer(file)),
    Layer.provide(NodeServices.layer)
  )

describe(`a recording of codex ${serverVersion} is played to its program`, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const file = yield* temporaryFile
          const recorded = yield* outcomeOf(scenario).pipe(
            Effect.provide(
              CodexTest.layer(scenario.script, {
                verifyOnClose: false,
                ...scenario.home,
                codex: { ...connection, record: file }
              })
            )
          )
          const played = yield* outcomeOf(scenario).pipe(Effect.provide(layerPlayed(file)))
          expect(played).toEqual(recorded)
          const [first, second] = [yield* read(file), yield* read(`${file}.again`)]
          expect(first.header.codex).toBe(serverVersion)
          expect(Transcript.normalize(second)).toEqual(Transcript.normalize(first))
        }).pipe(Effect.scoped),
      120_000
    )
  }

  it("is one of at least sixty kinds", () => {
    expect(Object.keys(scenarios).length).toBeGreaterThanOrEqual(60)
  })
})
