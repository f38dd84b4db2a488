import { PgClient } from "@effect/sql-pg"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import { open } from "../src/internal/postgres/postgres.ts"
import { configOf, newSchema, postgres, type Postgres } from "./postgres.ts"
import { storeSuite } from "./storeSuite.ts"

const scope = Effect.runSync(Scope.make())
let server: Postgres
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(postgres, scope))
}, 120_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

// The clock of the database is that of the test.
const store = Effect.gen(function* () {
  const schema = yield* Effect.orDie(newSchema(server.host))
  const context = yield* Effect.orDie(Layer.build(PgClient.layer(configOf(server.host, schema))))
  return yield* open({
    client: Context.get(context, PgClient.PgClient),
    tenant: undefined,
    now: Clock.currentTimeMillis
  })
})

storeSuite("a store in Postgres", store)
